//! SMS by a webhook: its requests, and a queue that loses nothing while the webhook is down.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::world::{NUMBER, Setup, World, poll};

/// A server that records its requests and gives the answers that it is told.
pub(crate) struct Hook {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    status: u16,
    body: String,
    taken: Vec<Taken>,
}

/// A request: its head, and its body.
#[derive(Clone)]
pub(crate) struct Taken {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Taken {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> String {
        let line = |line: &str| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        self.head.lines().find_map(line).unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

impl Hook {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { status: 200, ..State::default() }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = shared.clone();
                std::thread::spawn(move || take(stream, &state));
            }
        });
        Self { url, state }
    }

    pub(crate) fn answer(&self, status: u16, body: &str) {
        let mut state = self.state.lock().unwrap();
        state.status = status;
        state.body = body.to_owned();
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.lock().unwrap().taken.clone()
    }
}

/// Takes one request of a connection, which then ends.
fn take(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let mut state = state.lock().unwrap();
    state.taken.push(Taken { head, body: String::from_utf8(body).unwrap() });
    let answer = format!(
        "HTTP/1.1 {} Told\r\ncontent-length: {}\r\nlocation: /\r\nconnection: close\r\n\r\n{}",
        state.status,
        state.body.len(),
        state.body
    );
    let _ = (&stream).write_all(answer.as_bytes());
}

fn setup(hook: &Hook) -> Setup {
    Setup::new()
        .set("sms.gateway", "webhook")
        .set("sms.webhook_url", &hook.url)
        .set(
            "sms.webhook_template",
            r#"{"number": "{to}", "parts": ["{text}"], "kind": "{purpose}", "code": "{code}"}"#,
        )
        .set("sms.webhook_headers", r#"{ "X-Key" = "the-gateways-key" }"#)
        .set("sms.retry_first_delay_seconds", 1)
        .set("sms.countries", "+33")
}

fn certify(world: &World, number: &str) -> crate::http::Reply {
    let body = json!({"type": "phoneNumberCertification", "phoneNumber": number});
    world.cvs("POST", "smsCode", "alice", Some(&body))
}

#[test]
fn the_gateway_gets_the_message_in_the_form_of_the_template() {
    let hook = Hook::start();
    let world = setup(&hook).start();
    assert_eq!(certify(&world, NUMBER).status, 200);
    let taken = hook.taken();
    let [sms] = &taken[..] else { panic!("{} messages", taken.len()) };
    let body = sms.json();
    let code = body["code"].as_str().unwrap();
    assert_eq!((&body["number"], &body["kind"]), (&json!(NUMBER), &json!("phoneNumberCertification")));
    assert!(body["parts"][0].as_str().unwrap().contains(code));
    assert!(sms.head.starts_with("POST /hook HTTP/1.1"));
    assert_eq!(sms.header("x-key"), "the-gateways-key");
    assert!(!sms.header("idempotency-key").is_empty());
    let body = json!({"smsCode": code, "phoneNumber": NUMBER});
    assert_eq!(world.cvs("POST", "trustedPhoneNumber", "alice", Some(&body)).status, 200);
}

#[test]
fn a_gateway_that_does_not_take_a_message_is_told_to_the_app() {
    let hook = Hook::start();
    let world = setup(&hook).set("sms.retry_attempts", 1).start();
    for (count, status) in [(1, 500), (2, 302), (3, 404)] {
        hook.answer(status, "");
        let reply = certify(&world, NUMBER);
        assert_eq!((reply.status, reply.word().as_str()), (503, "NOK:NOSMS"), "{status}");
        assert_eq!(hook.taken().len(), count);
    }
}

#[test]
fn a_message_that_was_not_taken_goes_out_later_and_its_code_is_good() {
    let hook = Hook::start();
    let world = setup(&hook).start();
    hook.answer(500, "");
    assert_eq!(certify(&world, NUMBER).status, 503);
    let first = hook.taken()[0].clone();
    let before = hook.taken().len();
    hook.answer(200, "");
    let later = poll(|| hook.taken().get(before..)?.last().cloned()).expect("it is sent again");
    assert_eq!(later.header("idempotency-key"), first.header("idempotency-key"));
    assert_eq!(later.body, first.body);
    let body = json!({"smsCode": later.json()["code"], "phoneNumber": NUMBER});
    assert_eq!(world.cvs("POST", "trustedPhoneNumber", "alice", Some(&body)).status, 200);
}

#[test]
fn a_message_outlives_the_program_that_could_not_send_it() {
    let hook = Hook::start();
    let world = setup(&hook).start();
    hook.answer(503, "");
    assert_eq!(certify(&world, NUMBER).status, 503);
    let again = world.setup.again();
    drop(world);
    let before = hook.taken().len();
    hook.answer(200, "");
    let _world = again.start();
    poll(|| (hook.taken().len() > before).then_some(())).expect("the next program sends it");
}

#[test]
fn a_gateway_that_does_not_answer_is_waited_for_no_longer_than_configured() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let world = Setup::new()
        .set("sms.gateway", "webhook")
        .set("sms.webhook_url", url)
        .set("sms.webhook_template", r#"{"to": "{to}", "text": "{text}"}"#)
        .set("sms.countries", "any")
        .set("sms.webhook_timeout_seconds", 1)
        .start();
    let reply = certify(&world, NUMBER);
    assert_eq!((reply.status, reply.word().as_str()), (503, "NOK:NOSMS"));
}

#[test]
fn a_gateway_that_does_not_answer_holds_up_nobody_who_needs_no_sms() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let world = Setup::new()
        .set("sms.gateway", "webhook")
        .set("sms.webhook_url", url)
        .set("sms.webhook_template", r#"{"to": "{to}", "text": "{text}"}"#)
        .set("sms.countries", "any")
        .set("sms.webhook_timeout_seconds", 30)
        .set("limits.steps", 2)
        .start();
    let (answered, answers) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (world, answered) = (&world, answered.clone());
            scope.spawn(move || answered.send(certify(world, NUMBER)).unwrap());
        }
        // Two requests hold all gateway slots. The other requests are refused, and everything else
        // goes on.
        for reply in answers.iter().take(2) {
            assert_eq!((reply.status, reply.word().as_str()), (503, "NOK:NOSMS"));
        }
        assert_eq!(world.ask("GET", "/readyz", None, None).status, 200);
        assert_eq!(world.cvs("GET", "trustedPhoneNumber", "alice", None).word(), "NOK:NOPHONE");
        assert!(answers.try_recv().is_err(), "the gateway is not waited for");
        drop(silent);
    });
    assert_eq!(answers.try_iter().count(), 2);
}
