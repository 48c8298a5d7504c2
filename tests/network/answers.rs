//! Answers that the library reads: their greatest length, and the report of CVS about an SMS that
//! is not sent.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};

use pims::facade;
use serde_json::{Value, json};

use crate::operations::{OPERATIONS, World};
use crate::program::Program;
use crate::service::{Service, read_body, read_head};
use crate::{Verifier, execute, expect, program, turn};

/// The longest answer that the library reads, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// The way in which an answer marks its end.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunks,
    /// The end of the connection.
    Close,
}

/// The same answer to every request.
#[derive(Clone)]
struct Answer {
    status: u16,
    framing: Framing,
    /// The text, filled up with blanks to the length.
    text: &'static str,
    /// The declared length. With `None` no end comes.
    length: Option<usize>,
}

/// A server that gives every request the same answer.
struct Parrot {
    url: String,
}

impl Verifier for Parrot {
    fn accepts(&self, _: &str) -> bool {
        false
    }
}

impl Parrot {
    fn start(answer: Answer) -> Self {
        Self::start_with(answer, "")
    }

    /// Starts a server whose answers have these headers as well, each with its line end.
    fn start_with(answer: Answer, headers: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // It ends with the process.
        std::thread::spawn(move || {
            for mut device in listener.incoming().map_while(Result::ok) {
                let answer = answer.clone();
                std::thread::spawn(move || {
                    while let Some(head) = read_head(&mut device) {
                        read_body(&mut device, &head);
                        // A client that has read enough closes the connection.
                        if answer.write(&mut device, headers).is_err() || matches!(answer.framing, Framing::Close) {
                            break;
                        }
                    }
                    let _ = device.shutdown(Shutdown::Both);
                });
            }
        });
        Self { url }
    }
}

impl Answer {
    fn write(&self, device: &mut TcpStream, headers: &str) -> std::io::Result<()> {
        let ends = match (self.framing, self.length) {
            (Framing::Length, length) => format!("Content-Length: {}", length.unwrap_or(usize::MAX)),
            (Framing::Chunks, _) => "Transfer-Encoding: chunked".to_owned(),
            (Framing::Close, _) => "Connection: close".to_owned(),
        };
        device.write_all(format!("HTTP/1.1 {} Said\r\n{headers}{ends}\r\n\r\n", self.status).as_bytes())?;
        let mut left = self.length.unwrap_or(usize::MAX);
        let mut text = self.text.as_bytes().to_vec();
        while left > 0 {
            text.resize(left.min(4096), b' ');
            match self.framing {
                Framing::Chunks => {
                    let chunk = [format!("{:x}\r\n", text.len()).as_bytes(), &text, b"\r\n"].concat();
                    device.write_all(&chunk)?;
                }
                Framing::Length | Framing::Close => device.write_all(&text)?,
            }
            left -= text.len();
            text.clear();
        }
        match self.framing {
            Framing::Chunks => device.write_all(b"0\r\n\r\n"),
            Framing::Length | Framing::Close => Ok(()),
        }
    }
}

/// Returns the message of a request that gets this answer.
fn ask(answer: Answer, request: &dyn Fn(&World<'_>) -> Value) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let parrot = Parrot::start(answer);
    let world = World { folder: folder.path(), url: &parrot.url, ca_file: None, service: &parrot };
    world.init(120_000);
    let message = request(&world);
    facade::free();
    message
}

fn number(world: &World<'_>) -> Value {
    world.act("number")
}

fn accept(_: &World<'_>) -> Value {
    execute("set", "pims.authentication.smscode", &json!({"action": "enrollment", "smsCode": "123456"}))
}

#[test]
fn an_answer_is_read_up_to_256_kib() {
    let _turn = turn();
    for framing in [Framing::Length, Framing::Chunks, Framing::Close] {
        let long = |text, length| Answer { status: 200, framing, text, length };
        let cvs = |length| ask(long(r#"{"phoneNumber":"+33612345678"}"#, length), &number);
        // The answer is read and understood: the service says that the code is wrong.
        let mac = |length| ask(long("<ActionSetup><err>NOK:CODE</err></ActionSetup>", length), &accept);
        for length in [MAX_ANSWER - 1, MAX_ANSWER] {
            assert_eq!(cvs(Some(length))["result"]["phoneNumber"], "+33612345678", "{framing:?}, {length}");
            let answered = mac(Some(length));
            assert_eq!(answered["error"]["code"], 2305, "{framing:?}, {length}: {answered}");
        }
        for length in [Some(MAX_ANSWER + 1), Some(4 * MAX_ANSWER), None] {
            for message in [cvs(length), mac(length)] {
                assert_eq!(message["error"]["code"], 2203, "{framing:?}, {length:?}: {message}");
                let detail = message["error"]["detail"].as_str().unwrap();
                assert!(detail.ends_with("it is longer than 256 KiB"), "{framing:?}, {length:?}: {message}");
            }
        }
    }
}

#[test]
fn a_status_says_enough_where_the_answer_beside_it_is_too_long() {
    let _turn = turn();
    for request in [number, accept] {
        let message = ask(Answer { status: 500, framing: Framing::Chunks, text: "", length: None }, &request);
        assert_eq!(message["error"]["code"], 2204, "{message}");
        assert_eq!(message["error"]["detail"], "the service failed: HTTP 500");
    }
}

/// Asserts that the message reports an SMS that was not sent, and not a service that is away.
fn tells_of_no_sms(message: &Value) {
    assert_eq!(message["error"]["code"], 2204, "{message}");
    let detail = message["error"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("the service could not send the SMS"), "{message}");
    assert!(message["error"]["info"]["retryAfterSeconds"].is_null(), "{message}");
}

#[test]
fn an_sms_that_the_gateway_does_not_take_is_2204_and_the_detail_says_so() {
    let _turn = turn();
    let text = r#"{"err":"NOK:NOSMS"}"#;
    let answer = Answer { status: 503, framing: Framing::Length, text, length: Some(text.len()) };
    tells_of_no_sms(&ask(answer, &|world| world.act("certify")));
}

#[test]
fn a_program_whose_gateway_takes_no_sms_says_so_and_takes_what_needs_none() {
    let _turn = turn();
    let Some(binary) = program::binary("a gateway that takes no SMS") else { return };
    let gateway = Parrot::start(Answer { status: 500, framing: Framing::Length, text: "", length: Some(0) });
    let settings = [
        ("PIMS_AUTHORITY_SMS_GATEWAY", "webhook"),
        ("PIMS_AUTHORITY_SMS_WEBHOOK_URL", &*gateway.url),
        ("PIMS_AUTHORITY_SMS_COUNTRIES", "any"),
        ("PIMS_AUTHORITY_SMS_WEBHOOK_TEMPLATE", r#"{"to": "{to}", "text": "{text}"}"#),
    ];
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_with(&binary, folder.path(), &settings);
    let url = format!("http://{}", program.address);
    let world = World { folder: folder.path(), url: &url, ca_file: None, service: &program };
    world.init(30_000);
    tells_of_no_sms(&world.act("certify"));
    // The service is there.
    let number = world.act("number");
    assert_eq!(number["error"]["code"], 2307, "{number}");
    expect(&execute("get", "pims.sdk.version", &json!({})));
    facade::free();
}

#[test]
fn the_error_of_a_gateway_keeps_its_code_and_says_what_to_do() {
    let _turn = turn();
    let answered = |status, text: &'static str, request: &dyn Fn(&World<'_>) -> Value| {
        ask(Answer { status, framing: Framing::Length, text, length: Some(text.len()) }, request)
    };
    for (status, text, code, info) in [
        (
            401,
            r#"{"httpCode":"401","httpMessage":"Unauthorized","moreInformation":"secret-of-the-gateway"}"#,
            2301,
            json!({"gateway": "401", "nextAction": "authenticate"}),
        ),
        (404, r#"{"code":40400,"message":"secret-of-the-gateway"}"#, 2203, json!({"gateway": "40400"})),
        (500, r#"{"code":50000,"message":"secret-of-the-gateway"}"#, 2204, json!({"gateway": "50000"})),
        (400, r#"{"httpCode":"503","httpMessage":"x"}"#, 2204, json!({"gateway": "503"})),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"secret-of-the-gateway"}"#,
            2301,
            json!({"gateway": "invalid_grant", "nextAction": "authenticate"}),
        ),
    ] {
        let code_request = |world: &World<'_>| world.act("code");
        for request in [&number as &dyn Fn(&World<'_>) -> Value, &code_request, &accept] {
            let message = answered(status, text, request);
            assert_eq!(message["error"]["code"], code, "{text}: {message}");
            assert_eq!(message["error"]["info"], info, "{text}: {message}");
            assert!(!message.to_string().contains("secret"), "{message}");
        }
    }
    // A word of the service counts more than what looks like a gateway's.
    let message = answered(403, r#"{"err":"NOK:NOPHONE","code":40300}"#, &number);
    assert_eq!(message["error"]["code"], 2307, "{message}");
    let message = answered(429, r#"{"httpCode":"429","httpMessage":"Too Many Requests"}"#, &number);
    assert_eq!((&message["error"]["code"], &message["error"]["info"]), (&json!(2204), &json!({"gateway": "429"})));
}

/// Body of a gateway, and the code and `info` of the error that each operation reports for it:
/// first for a request with the account's token, then for one without.
type Gateway = (&'static str, (u16, Value), (u16, Value));

#[test]
fn no_operation_takes_the_error_of_a_gateway_for_an_answer_of_the_service() {
    let _turn = turn();
    let info = |gateway: &str| json!({"gateway": gateway, "retryAfterSeconds": 120});
    let sign_in = |gateway: &str| json!({"gateway": gateway, "retryAfterSeconds": 120, "nextAction": "authenticate"});
    let gateways: [Gateway; 4] = [
        (r#"{"httpCode":"403","httpMessage":"x","moreInformation":"y"}"#, (2203, info("403")), (2203, info("403"))),
        (r#"{"code":50000,"message":"x"}"#, (2204, info("50000")), (2204, info("50000"))),
        (
            r#"{"error":"invalid_grant","error_description":"x"}"#,
            (2301, sign_in("invalid_grant")),
            (2203, info("invalid_grant")),
        ),
        (r#"{"httpCode":401}"#, (2301, sign_in("401")), (2203, info("401"))),
    ];
    for operation in OPERATIONS {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(folder.path(), None);
        let world = World::new(folder.path(), &service);
        world.init(120_000);
        for step in operation.prepare {
            world.act(step);
        }
        facade::free();
        // Without a token the service does not know the account, so the exchange alone is left.
        const OF_THE_DEVICE: [&str; 8] =
            ["blocked", "otp", "otp without PIN", "update", "reset", "devices", "rename device", "remove device"];
        let has_token = !OF_THE_DEVICE.contains(&operation.step);
        for (text, with_token, without_token) in &gateways {
            for status in [200, 400] {
                let answer = Answer { status, framing: Framing::Length, text, length: Some(text.len()) };
                let parrot = Parrot::start_with(answer, "Retry-After: 120\r\n");
                let gateway = World { folder: folder.path(), url: &parrot.url, ca_file: None, service: &parrot };
                gateway.init(120_000);
                let message = gateway.act(operation.step);
                facade::free();
                if operation.step == "blocked" {
                    // Without an answer, the block stays as last known.
                    expect(&message);
                    continue;
                }
                let (code, info) = if has_token { with_token } else { without_token };
                assert_eq!(message["error"]["code"], *code, "{} {status} {text}: {message}", operation.step);
                assert_eq!(message["error"]["info"], *info, "{} {status} {text}: {message}", operation.step);
            }
        }
    }
}

#[test]
fn a_gateway_that_refuses_uses_no_budget_unless_the_service_may_have_acted() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let limits = json!({"limits": {"passwordsPerDay": 2, "activations": 1}});
    let world = World::new(folder.path(), &service);
    world.init_with(&limits, &json!({}));
    for step in ["certify", "add", "code", "enroll"] {
        expect(&world.act(step));
    }
    facade::free();
    let ask = |status: u16, text: &'static str| {
        let answer = Answer { status, framing: Framing::Length, text, length: Some(text.len()) };
        // The setup step reaches the service, and the gateway refuses the step that counts.
        let parrot = Parrot::start(answer);
        let relay = Relay::start(&service.url, &parrot.url);
        let refused = World { folder: folder.path(), url: &relay, ca_file: None, service: &parrot };
        refused.init_with(&limits, &json!({}));
        let message = refused.act("otp");
        facade::free();
        let code = if status == 429 { 2204 } else { 2203 };
        assert_eq!(message["error"]["code"], code, "{status} {text}: {message}");
        assert!(!message["error"]["detail"].as_str().unwrap().starts_with("limits."), "{message}");
    };
    for (status, text) in [
        (404, r#"{"httpCode":"404"}"#),
        (429, ""),
        (200, r#"{"code":40400,"message":"x"}"#),
        (400, r#"{"error":"invalid_client"}"#),
    ] {
        ask(status, text);
        ask(status, text);
    }
    // A gateway may say this after it has seen the service's answer.
    ask(403, "");
    world.init_with(&limits, &json!({}));
    expect(&world.act("otp"));
    assert!(world.act("otp")["error"]["detail"].as_str().unwrap().starts_with("limits.passwordsPerDay"));
    facade::free();
}

/// A server that hands on the setup steps to the service, and every other request to a gateway.
struct Relay;

impl Relay {
    /// Starts it. Returns its URL.
    fn start(service: &str, gateway: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let [service, gateway] = [service, gateway].map(|url| url.strip_prefix("http://").unwrap().to_owned());
        // It ends with the process.
        std::thread::spawn(move || {
            for mut device in listener.incoming().map_while(Result::ok) {
                let (service, gateway) = (service.clone(), gateway.clone());
                std::thread::spawn(move || {
                    let Some(head) = read_head(&mut device) else { return };
                    read_body(&mut device, &head);
                    let address = if head.contains("action=ActionSetup") { &service } else { &gateway };
                    let mut server = TcpStream::connect(address).unwrap();
                    let head = head.trim_end().to_owned() + "\r\nConnection: close\r\n\r\n";
                    server.write_all(head.as_bytes()).unwrap();
                    server.shutdown(Shutdown::Write).unwrap();
                    let mut answer = Vec::new();
                    // A server that closes the connection in its own way has answered all the same.
                    let _ = std::io::Read::read_to_end(&mut server, &mut answer);
                    let _ = device.write_all(&answer);
                    let _ = device.shutdown(Shutdown::Both);
                });
            }
        });
        url
    }
}

#[test]
fn a_device_that_the_service_forbids_is_told_to_enroll_and_may() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let enrolled = World::new(folder.path(), &service);
    enrolled.init(120_000);
    for step in ["certify", "add", "code", "enroll"] {
        expect(&enrolled.act(step));
    }
    facade::free();
    let text = "<ActionSetup><err>NOK:FORBIDDEN</err><newversion>2.0.0</newversion></ActionSetup>";
    let parrot = Parrot::start(Answer { status: 200, framing: Framing::Length, text, length: Some(text.len()) });
    let forbidden = World { folder: folder.path(), url: &parrot.url, ca_file: None, service: &parrot };
    forbidden.init(120_000);
    let message = forbidden.act("otp");
    assert_eq!(message["error"]["code"], 2317, "{message}");
    assert_eq!(message["error"]["info"], json!({"word": "NOK:FORBIDDEN", "nextAction": "enroll"}), "{message}");
    // An enrollment begins. This service forbids it, too, and a new one would not help.
    let refused = accept(&forbidden);
    assert_eq!(refused["error"]["info"], json!({"word": "NOK:FORBIDDEN"}), "{refused}");
    facade::free();
    // The enrollment is still there.
    enrolled.init(120_000);
    expect(&enrolled.act("otp"));
    facade::free();
}

#[test]
fn the_limits_of_the_device_refuse_before_anything_is_sent() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init_with(&json!({"limits": {"passwordsPerDay": 2, "activations": 1}}), &json!({}));
    for step in ["certify", "add", "code", "enroll", "otp", "otp"] {
        expect(&world.act(step));
    }
    service.asked();
    let refused = world.act("otp");
    assert_eq!(refused["error"]["code"], 2204, "{refused}");
    let wait = refused["error"]["info"]["retryAfterSeconds"].as_u64().unwrap();
    assert!((1..=24 * 3600).contains(&wait), "{refused}");
    assert!(refused["error"]["detail"].as_str().unwrap().starts_with("limits.passwordsPerDay: "), "{refused}");
    assert_eq!(service.asked(), [""; 0]);
    expect(&world.act("remove"));
    service.asked();
    let refused = world.act("code");
    assert_eq!((&refused["error"]["code"], &refused["error"]["info"]), (&json!(2204), &Value::Null), "{refused}");
    assert!(refused["error"]["detail"].as_str().unwrap().starts_with("limits.activations: "), "{refused}");
    assert_eq!(service.asked(), [""; 0]);
    // 0 is no limit.
    let settings = json!({"limits": {"passwordsPerDay": 0, "activations": 0}});
    expect(&execute("set", "pims.sdk.configuration", &settings));
    for step in ["code", "enroll", "otp"] {
        expect(&world.act(step));
    }
    facade::free();
}

#[test]
fn an_answer_with_a_warning_is_a_success() {
    let _turn = turn();
    let text = r#"{"err":"WRN:SRVLIMITED"}"#;
    expect(&ask(Answer { status: 200, framing: Framing::Length, text, length: Some(text.len()) }, &|world| {
        world.act("code")
    }));
}
