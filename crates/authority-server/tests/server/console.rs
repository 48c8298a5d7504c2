//! The operators' console, over sockets, as a browser uses it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ureq::http::Request;

use crate::admin::{Authorities, fingerprint, sent_over_tls, with_certificates};
use crate::cluster::Cluster;
use crate::commands::{fails, says};
use crate::device::Device;
use crate::http::Reply;
use crate::schema::Schema;
use crate::world::{ADMIN, BANK, NUMBER, Setup, World, poll};

const READER: &str = "Qk3-reader-token-0f9e8d7c6b5a";
const HELPER: &str = "Zt7-helper-token-1a2b3c4d5e6f";
const SECOND: &str = "Wp9-second-token-6f5e4d3c2b1a";

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The policy of each page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The pages that a browser gets with a session.
const PAGES: [&str; 8] =
    ["", "?q=alice", "account?name=alice", "account?name=nobody", "proposals", "audit", "health", "?q=nothing+here"];

/// The actions, each with fields that would be right.
const ACTIONS: [(&str, &[(&str, &str)]); 6] = [
    ("unblock", &[("name", "alice"), ("reason", "the user called")]),
    ("remove-device", &[("name", "alice"), ("device", "DEVICE"), ("reason", "the phone was lost")]),
    ("approve", &[("id", "PROPOSAL")]),
    ("reject", &[("id", "PROPOSAL")]),
    ("sign-out", &[]),
    ("language", &[("language", "fr"), ("back", "")]),
];

fn with_console() -> Setup {
    let setup = Setup::new();
    for (name, token) in [("reader", READER), ("helper", HELPER), ("second", SECOND)] {
        setup.write(&format!("{name}.token"), token);
    }
    setup.set("admin.console", true).set(
        "admin.operators",
        "{ reader = { token_file = \"reader.token\", roles = [\"read\"] }, \
           helper = { token_file = \"helper.token\", roles = [\"unblock\", \"read\"] }, \
           second = { token_file = \"second.token\", roles = [\"unblock\", \"remove\", \"read\"] } }",
    )
}

/// A browser: it keeps cookies, and sends the headers of a request of the same site.
struct Browser<'a> {
    world: &'a World,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, cookies: RefCell::default() }
    }

    fn signed_in(world: &'a World, token: &str) -> Self {
        let browser = Self::new(world);
        let reply = browser.sign_in(token);
        assert_eq!((reply.status, reply.header("location")), (303, "/console/"), "{}", reply.text);
        browser
    }

    fn sign_in(&self, token: &str) -> Reply {
        self.send("POST", "/console/sign-in", &[FORM], form(&[("token", token)]).as_bytes())
    }

    fn get(&self, path: &str) -> Reply {
        self.send("GET", &format!("/console/{path}"), &[], b"")
    }

    /// Sends a form with the token of the session.
    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let csrf = self.csrf();
        let body = form(&[fields, &[("csrf", &csrf)]].concat());
        self.send("POST", &format!("/console/{path}"), &[FORM], body.as_bytes())
    }

    /// Sends a form, and returns the page to which the browser is sent.
    fn done(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let reply = self.post(path, fields);
        assert_eq!(reply.status, 303, "{path}: {}", reply.text);
        self.get(reply.header("location").strip_prefix("/console/").unwrap())
    }

    /// Returns the token of the session, from a form of a page.
    fn csrf(&self) -> String {
        let page = self.get("proposals").text;
        field(&page, "csrf").unwrap_or_else(|| panic!("no token in {page}"))
    }

    /// Returns the cookie of the session.
    fn secret(&self) -> Option<String> {
        self.cookies.borrow().get("pims-console").cloned()
    }

    fn send(&self, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> Reply {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("origin", self.world.admin_url.as_str()), ("sec-fetch-site", "same-origin")];
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let reply = send(self.world, method, path, &[&headers, more].concat(), body);
        for cookie in reply.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }
}

/// Sends a request with these headers and no other ones.
fn send(world: &World, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut request = Request::builder().method(method).uri(format!("{}{path}", world.admin_url));
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    let agent = &world.client.agent;
    let mut response = match body.is_empty() && method != "POST" {
        true => agent.run(request.body(()).unwrap()).unwrap(),
        false => agent.run(request.body(body.to_vec()).unwrap()).unwrap(),
    };
    let text = response.body_mut().read_to_string().unwrap();
    Reply { status: response.status().as_u16(), headers: response.headers().clone(), text }
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Returns the value of the first hidden field of this name.
fn field(page: &str, name: &str) -> Option<String> {
    let rest = page.split_once(&format!("name=\"{name}\" value=\""))?.1;
    Some(rest.split('"').next().unwrap().to_owned())
}

/// Returns the text of a page without marks, and without the invisible ones around arguments.
fn words(page: &str) -> String {
    page.replace(['\u{2068}', '\u{2069}'], "")
}

/// Returns the rows of the trail with this event: actor, address, account and reason.
fn trail(world: &World, event: &str) -> Vec<[String; 4]> {
    let audit = world.operate("GET", "/admin/v1/audit?limit=1000", Some(ADMIN), None).json();
    let rows = audit["audit"].as_array().unwrap().iter().filter(|row| row["event"] == event);
    rows.map(|row| ["actor", "address", "account", "reason"].map(|key| row[key].as_str().unwrap_or("-").to_owned()))
        .collect()
}

fn is_page(reply: &Reply) -> bool {
    let once = |name: &str, value: &str| reply.headers.get_all(name).iter().eq([value]);
    let vary: Vec<&str> = reply.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    once("content-type", "text/html; charset=utf-8")
        && once("content-security-policy", POLICY)
        && once("cache-control", "no-store")
        && once("x-content-type-options", "nosniff")
        && once("x-frame-options", "DENY")
        && once("referrer-policy", "same-origin")
        && once("cross-origin-opener-policy", "same-origin")
        && once("cross-origin-resource-policy", "same-origin")
        && once("permissions-policy", "camera=(), geolocation=(), microphone=()")
        && once("strict-transport-security", "max-age=31536000")
        && vary.join(", ").contains("Cookie, Accept-Language")
        && vary.join(", ").contains("Origin, Sec-Fetch-Site")
        && reply.headers.get("x-request-id").is_some_and(|id| id.len() == 16)
}

/// Gives alice a device, and has her blocked.
fn blocked_alice(world: &World) -> Device {
    let alice = world.account("alice");
    let device = Device::activate(world, &alice, "70415926");
    for _ in 0..5 {
        device.ask(&world.client, "00000000");
    }
    device
}

#[test]
fn the_console_is_off_by_default() {
    let world = World::new();
    for (method, path) in [("GET", ""), ("GET", "sign-in"), ("POST", "sign-in"), ("GET", "health"), ("GET", "assets/x")]
    {
        let reply = send(&world, method, &format!("/console/{path}"), &[FORM], b"token=x");
        assert_eq!((reply.status, reply.word().as_str()), (404, "NOK:NOTFOUND"), "{method} {path}");
    }
    assert_eq!(send(&world, "GET", "/console", &[], b"").status, 404);
}

#[test]
fn an_operator_finds_an_account_reads_why_it_cannot_log_in_and_helps() {
    let world = with_console().start();
    let device = blocked_alice(&world);
    let browser = Browser::new(&world);
    let first = browser.get("");
    assert_eq!((first.status, first.header("location"), first.text.as_str()), (303, "/console/sign-in", ""));
    assert!(is_page(&browser.get("sign-in")));
    let browser = Browser::signed_in(&world, SECOND);
    // By name, number, device, and the beginning of the name.
    let number = form(&[("q", NUMBER)]);
    for (query, by) in [
        ("q=alice", "its name"),
        (number.as_str(), "its phone number"),
        (&format!("q={}", &device.id[..8]), "a device"),
        ("q=ali", "the beginning of its name"),
    ] {
        let page = browser.get(&format!("?{query}")).text;
        let row = page.split("data-test=\"result\"").nth(1).unwrap_or_else(|| panic!("{query}: {page}"));
        assert!(row.contains("/console/account?name=alice") && row.contains(by), "{query}: {row}");
    }
    let nothing = browser.get("?q=bo").text;
    assert!(nothing.contains("data-test=\"nothing-found\"") && nothing.contains("by the id of a device"), "{nothing}");

    let page = words(&browser.get("account?name=alice").text);
    let finding = page.split("data-test=\"finding\"").nth(1).unwrap();
    assert!(finding.contains("data-cause=\"Blocked\"") && finding.contains("Obstacle:"), "{finding}");
    assert!(finding.contains("The account is blocked") && finding.contains("role unblock"), "{finding}");
    assert!(page.contains(&device.id) && page.contains("data-test=\"device\""), "{page}");
    assert!(page.contains("A wrong PIN was refused.") && page.contains("data-event=\"account.blocked\""), "{page}");

    let told = browser.done("unblock", &[("name", "alice"), ("reason", "  called back: <b>ticket 7</b> ")]);
    assert!(told.text.contains("The account was unblocked.") && is_page(&told), "{}", told.text);
    assert!(!browser.get("account?name=alice").text.contains("was unblocked.</p>"), "it is told once");
    let page = words(&browser.get("account?name=alice").text);
    assert!(page.contains("data-test=\"no-obstacle\"") && page.contains("called back: &#60;b&#62;ticket 7"), "{page}");
    device.made(&world.client, "70415926");

    let gone = [("name", "alice"), ("device", device.id.as_str()), ("reason", "lost phone")];
    assert!(browser.done("remove-device", &gone).text.contains("The device was removed."));
    let again = browser.post("remove-device", &gone);
    assert_eq!((again.status, is_page(&again)), (404, true));
    assert_eq!(device.status(&world.client), "NOK:NODEVICE");
    let page = browser.get("account?name=alice").text;
    assert!(page.contains("data-cause=\"NoDevice\"") && !page.contains("data-test=\"device\""), "{page}");
    let out = browser.post("sign-out", &[]);
    assert_eq!((out.status, out.header("location")), (303, "/console/sign-in"));

    let row = |account: &str, reason: &str| ["operator:second", "127.0.0.1", account, reason].map(str::to_owned);
    assert_eq!(trail(&world, "account.unblocked"), [row("alice", "called back: <b>ticket 7</b>")]);
    assert_eq!(trail(&world, "device.removed"), [row("alice", "lost phone")]);
    assert_eq!(trail(&world, "operator.signed_in"), [row("-", "-")]);
    assert_eq!(trail(&world, "operator.signed_out"), [row("-", "-")]);
    let printed = says(&world.setup, &["check", "--connect"]);
    assert!(printed.contains("are as the service wrote them"), "{printed}");
}

#[test]
fn a_wrong_token_signs_nobody_in_and_guesses_wait() {
    let world = with_console().set("limits.unknown_operators_per_minute", 3).start();
    let browser = Browser::new(&world);
    for wrong in ["", "a-wrong-token", &ADMIN[1..]] {
        let reply = browser.sign_in(wrong);
        assert_eq!((reply.status, is_page(&reply), reply.headers.get("set-cookie")), (401, true, None), "{wrong}");
        assert!(reply.text.contains("No operator has this token") && !reply.text.contains("a-wrong"), "{}", reply.text);
    }
    let began = std::time::Instant::now();
    assert_eq!(browser.sign_in("a-wrong-token").status, 401);
    assert!(began.elapsed() >= std::time::Duration::from_secs(1));
    let numbers = world.operate("GET", "/metrics", None, None).text;
    for line in [
        "pims_authority_limited_total{limit=\"operators\"} 1",
        "pims_authority_operators_refused_total{reason=\"token\"} 4",
    ] {
        assert!(numbers.contains(line), "no {line} in\n{numbers}");
    }
    assert_eq!(trail(&world, "operator.signed_in").len(), 0);
    assert_eq!(browser.sign_in(ADMIN).status, 303);
    assert_eq!(trail(&world, "operator.signed_in").len(), 1);
    assert!(!world.log.text().contains("a-wrong-token") && !world.log.text().contains(ADMIN));
}

#[test]
fn a_session_has_a_new_secret_and_ends_when_its_browser_signs_in_again_or_out() {
    let world = with_console().start();
    let browser = Browser::new(&world);
    // A cookie that somebody planted does not become the session's.
    browser.cookies.borrow_mut().insert("pims-console".into(), "planted-by-somebody-else".into());
    assert_eq!(browser.get("").status, 303);
    let reply = browser.sign_in(READER);
    let cookie = reply.header("set-cookie");
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/console/; Max-Age=7200; HttpOnly; SameSite=Strict");
    let first = pair.strip_prefix("pims-console=").unwrap().to_owned();
    assert_eq!(first.len(), 43, "256 bits");
    assert_eq!(browser.get("").status, 200);
    assert_eq!(browser.get("sign-in").header("location"), "/console/");

    assert_eq!(browser.sign_in(READER).status, 303);
    let second = browser.secret().unwrap();
    assert_ne!(first, second);
    let with = |secret: &str| {
        let thief = Browser::new(&world);
        thief.cookies.borrow_mut().insert("pims-console".into(), secret.to_owned());
        thief.get("").status
    };
    assert_eq!((with(&first), with(&second)), (303, 200), "the earlier session has ended");
    browser.post("sign-out", &[]);
    assert_eq!((browser.secret(), with(&second)), (None, 303));
}

#[test]
fn a_cookie_opens_no_api_and_a_bearer_token_no_page() {
    let world = with_console().start();
    let device = blocked_alice(&world);
    let browser = Browser::signed_in(&world, ADMIN);
    let rows = world.rows();
    let json = ("content-type", "application/json");
    let remove = format!("/admin/v1/accounts/alice/devices/{}", device.id);
    for (method, path) in [
        ("GET", "/admin/v1/accounts"),
        ("GET", "/admin/v1/audit"),
        ("POST", "/admin/v1/accounts/alice/unblock"),
        ("DELETE", remove.as_str()),
    ] {
        let reply = browser.send(method, path, &[json], b"");
        assert_eq!((reply.status, reply.word().as_str()), (401, "NOK:TOKEN"), "{method} {path}");
    }
    let bearer = format!("Bearer {ADMIN}");
    let stranger = Browser::new(&world);
    for page in PAGES {
        let reply = stranger.send("GET", &format!("/console/{page}"), &[("authorization", &bearer)], b"");
        assert_eq!((reply.status, reply.text.as_str()), (303, ""), "{page}");
    }
    let body = form(&[("name", "alice"), ("reason", "because"), ("csrf", &browser.csrf())]);
    let reply = stranger.send("POST", "/console/unblock", &[FORM, ("authorization", &bearer)], body.as_bytes());
    assert_eq!((reply.status, is_page(&reply)), (401, true));
    assert_eq!(world.rows(), rows);
}

#[test]
fn an_operator_without_the_role_is_refused_and_recorded() {
    let world = with_console().start();
    let device = blocked_alice(&world);
    let rows = world.rows();
    let reader = Browser::signed_in(&world, READER);
    let page = reader.get("account?name=alice").text;
    assert!(!page.contains("/console/unblock") && !page.contains("/console/remove-device"), "no forms: {page}");
    let helper = Browser::signed_in(&world, HELPER);
    let page = helper.get("account?name=alice").text;
    assert!(page.contains("/console/unblock") && !page.contains("/console/remove-device"), "{page}");
    let remove = [("name", "alice"), ("device", device.id.as_str()), ("reason", "because")];
    for (browser, path, fields) in [
        (&reader, "unblock", &[("name", "alice"), ("reason", "because")][..]),
        (&reader, "remove-device", &remove),
        (&helper, "remove-device", &remove),
    ] {
        let reply = browser.post(path, fields);
        assert_eq!((reply.status, is_page(&reply)), (403, true), "{path}");
        assert!(reply.text.contains("You may not do this. Nothing was changed."), "{}", reply.text);
        assert!(reply.text.contains("/console/sign-out"), "the session goes on: {}", reply.text);
    }
    assert_eq!(world.rows(), rows);
    let audit = world.operate("GET", "/admin/v1/audit?limit=1000", Some(ADMIN), None).json();
    let refused = audit["audit"].as_array().unwrap().iter().filter(|row| row["event"] == "operator.refused");
    let of = |actor: &str| {
        let own = refused.clone().filter(|row| row["actor"] == actor);
        own.map(|row| row["count"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((of("operator:reader"), of("operator:helper")), (2, 1));
    let numbers = world.operate("GET", "/metrics", None, None).text;
    assert!(numbers.contains("pims_authority_operators_refused_total{reason=\"role\"} 3"), "{numbers}");

    // A role that reads nothing opens no page.
    let setup = with_console();
    setup.write("reader.token", READER);
    let world =
        setup.set("admin.operators", "{ maker = { token_file = \"reader.token\", roles = [\"add\"] } }").start();
    let maker = Browser::signed_in(&world, READER);
    for page in PAGES {
        let reply = maker.get(page);
        assert_eq!((reply.status, is_page(&reply), reply.text.contains("alice")), (403, true, false), "{page}");
    }
}

#[test]
fn with_four_eyes_another_operator_approves() {
    let world = with_console().set("admin.four_eyes", true).start();
    let device = blocked_alice(&world);
    let rows = world.rows();
    // The API has one operator, so it cannot be the way around.
    let remove = format!("/admin/v1/accounts/alice/devices/{}", device.id);
    for (method, path) in
        [("POST", "/admin/v1/accounts/alice/unblock"), ("DELETE", "/admin/v1/accounts/alice"), ("DELETE", &remove)]
    {
        let reply = world.operate(method, path, Some(ADMIN), None);
        assert_eq!((reply.status, reply.word().as_str()), (403, "NOK:FOUREYES"), "{method} {path}");
        assert_eq!(world.operate(method, path, Some(READER), None).word(), "NOK:ROLE");
    }
    assert_eq!(world.rows(), rows);
    assert_eq!(world.operate("GET", "/admin/v1/accounts/alice", Some(ADMIN), None).status, 200);

    let [helper, second, admin] = [HELPER, SECOND, ADMIN].map(|token| Browser::signed_in(&world, token));
    let told = helper.done("unblock", &[("name", "alice"), ("reason", "the user called")]);
    assert!(told.text.contains("The proposal was made.") && told.text.contains("data-test=\"proposal\""));
    assert!(told.text.contains("the user called") && told.text.contains("Withdraw"), "{}", told.text);
    assert!(!told.text.contains("/console/approve"), "it is its own: {}", told.text);
    let id = field(&told.text, "id").unwrap();
    let own = helper.post("approve", &[("id", &id)]);
    assert_eq!((own.status, own.text.contains("You made this proposal yourself")), (403, true), "{}", own.text);
    let reader = Browser::signed_in(&world, READER);
    assert_eq!(reader.post("approve", &[("id", &id)]).status, 403);
    assert_eq!(reader.post("reject", &[("id", &id)]).status, 403);
    assert_eq!(device.ask(&world.client, "70415926").err(), "NOK:NOK_BLOCKED");

    let told = second.done("approve", &[("id", &id)]);
    assert!(told.text.contains("The account was unblocked."), "{}", told.text);
    device.made(&world.client, "70415926");
    assert_eq!(second.post("approve", &[("id", &id)]).status, 404, "it ran once");
    let row = |actor: &str| [&format!("operator:{actor}"), "127.0.0.1", "alice", "the user called"].map(str::to_owned);
    assert_eq!(trail(&world, "account.unblocked"), [row("second")]);
    assert_eq!(trail(&world, "operator.proposed"), [row("helper")]);
    assert_eq!(trail(&world, "operator.approved"), [row("second")]);

    // The removal of a device: rejected by another operator, withdrawn by its own, and approved.
    let fields = [("name", "alice"), ("device", &device.id[..8]), ("reason", "lost phone")];
    let proposed = |browser: &Browser<'_>| field(&browser.done("remove-device", &fields).text, "id").unwrap();
    let rejected = second.done("reject", &[("id", &proposed(&admin))]);
    assert!(rejected.text.contains("The proposal was rejected.") && rejected.text.contains("no-proposal"));
    assert!(admin.done("reject", &[("id", &proposed(&admin))]).text.contains("The proposal was withdrawn."));
    assert_eq!(device.status(&world.client), "OK");
    let id = proposed(&admin);
    assert_eq!(helper.post("approve", &[("id", &id)]).status, 403, "it lacks the role");
    assert!(second.done("approve", &[("id", &id)]).text.contains("The device was removed."));
    assert_eq!(device.status(&world.client), "NOK:NODEVICE");
    let row = |actor: &str| [&format!("operator:{actor}"), "127.0.0.1", "alice", "lost phone"].map(str::to_owned);
    assert_eq!(trail(&world, "device.removed"), [row("second")]);
    // The commands on the machine are another matter.
    says(&world.setup, &["account", "remove", "alice", "--yes"]);
}

#[test]
fn a_certificate_signs_in_where_it_is_enough_and_a_session_needs_the_same_one() {
    use rcgen::ExtendedKeyUsagePurpose::ClientAuth;
    let ours = Authorities::new();
    let [alone, both, other] = ["alone", "both", "other"].map(|name| ours.sign(name, ClientAuth));
    let operators = format!(
        "[admin.operators]\nalone = {{ certificate = \"{}\", roles = [\"read\"] }}\n\
         both = {{ certificate = \"{}\", token = \"{HELPER}\", roles = [\"read\", \"add\"] }}\n\
         token = {{ token = \"{READER}\", roles = [\"read\"] }}\n",
        fingerprint(&alone),
        fingerprint(&both)
    );
    let world = with_certificates(&ours, &operators).set("admin.console", true).start();
    let address = world.admin_url.trim_start_matches("http://").to_owned();
    let sign_in = |shown, token: &str| {
        let lines = "POST /console/sign-in HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n";
        sent_over_tls(&address, &ours, Some(shown), lines, &form(&[("token", token)]))
    };
    let status = |answer: &str| answer.split(' ').nth(1).unwrap_or_default().to_owned();
    for (shown, token, expected) in [
        (&both, "", "401"),
        (&both, READER, "303"),
        (&other, HELPER, "401"),
        (&other, "", "401"),
        (&both, HELPER, "303"),
        (&other, READER, "303"),
        (&alone, "", "303"),
    ] {
        assert_eq!(status(&sign_in(shown, token)), expected, "{token}");
    }
    let answer = sign_in(&alone, "");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.starts_with("__Secure-pims-console="), "{cookie}");
    assert!(cookie.ends_with("; Path=/console/; Max-Age=7200; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let health = |shown| {
        let lines = format!("GET /console/health HTTP/1.1\r\ncookie: {pair}\r\n");
        sent_over_tls(&address, &ours, Some(shown), &lines, "")
    };
    let page = health(&alone);
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("data-test=\"certificate\""), "{page}");
    assert!(page.contains("<code>admin</code>"), "{page}");
    // The thief of a cookie has not the certificate.
    for thief in [&other, &both] {
        let page = health(thief);
        assert!(page.starts_with("HTTP/1.1 303 ") && !page.contains("certificate"), "{page}");
    }
    let shown = sent_over_tls(&address, &ours, Some(&alone), "GET /console/sign-in HTTP/1.1\r\n", "");
    assert!(shown.contains("Sign in with the certificate"), "{shown}");

    // Without named operators, each certificate of the authority is one.
    let world = with_certificates(&ours, "").set("admin.console", true).start();
    let address = world.admin_url.trim_start_matches("http://").to_owned();
    let lines = "POST /console/sign-in HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    assert_eq!(status(&sent_over_tls(&address, &ours, Some(&other), lines, "token=")), "303");
}

#[test]
fn every_page_has_its_headers_and_changes_nothing() {
    let world = with_console().start();
    blocked_alice(&world);
    let browser = Browser::signed_in(&world, ADMIN);
    let audit = || world.operate("GET", "/admin/v1/audit?limit=1000", Some(ADMIN), None).text;
    let (rows, rows_of_trail) = (world.rows(), audit());
    for page in PAGES.into_iter().chain(["sign-in", "nothing", "unblock", "assets/nothing", "?x=1"]) {
        for method in ["GET", "HEAD"] {
            let reply = browser.send(method, &format!("/console/{page}"), &[], b"");
            assert!(is_page(&reply) || reply.status == 303, "{method} {page}: {} {:?}", reply.status, reply.headers);
            assert!(method != "HEAD" || reply.text.is_empty(), "{method} {page}");
            assert!(
                !reply.text.contains("<script>") && !reply.text.contains(" style=") && !reply.text.contains(" onc")
            );
        }
    }
    assert_eq!((world.rows(), audit()), (rows, rows_of_trail));
    // Each asset that a page names is there.
    let page = browser.get("").text;
    for part in page.split("/console/assets/").skip(1) {
        let name = part.split('"').next().unwrap();
        let asset = browser.get(&format!("assets/{name}"));
        assert_eq!((asset.status, asset.header("x-content-type-options")), (200, "nosniff"), "{name}");
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    }
    let moved = send(&world, "GET", "/console", &[], b"");
    assert_eq!((moved.status, moved.header("location")), (303, "/console/"));
}

#[test]
fn a_page_speaks_the_language_of_its_reader() {
    let world = with_console().start();
    blocked_alice(&world);
    let browser = Browser::signed_in(&world, ADMIN);
    let french = browser.send("GET", "/console/account?name=alice", &[("accept-language", "fr-CA, en;q=0.5")], b"");
    assert!(
        french.text.contains("<html lang=\"fr\">") && french.text.contains("Le compte est bloqué"),
        "{}",
        french.text
    );
    let chosen = browser.send("POST", "/console/language", &[FORM], b"language=fr&back=account%3Fname%3Dalice");
    assert_eq!((chosen.status, chosen.header("location")), (303, "/console/account?name=alice"));
    assert!(browser.get("audit").text.contains("Journal d’audit"));
    assert!(browser.get("nothing").text.contains("Cette page n’existe pas."));
    for (body, target) in [("language=en&back=//evil.example", "/console/"), ("language=en&back=", "/console/")] {
        let reply = browser.send("POST", "/console/language", &[FORM], body.as_bytes());
        assert_eq!((reply.status, reply.header("location")), (303, target));
    }
}

#[test]
fn no_page_shows_a_secret() {
    let world = with_console().set("admin.four_eyes", true).start();
    let device = blocked_alice(&world);
    let browser = Browser::signed_in(&world, ADMIN);
    browser.done("unblock", &[("name", "alice"), ("reason", "the user called")]);
    let mut secrets: Vec<String> = [ADMIN, READER, HELPER, SECOND, BANK, "70415926"].map(str::to_owned).to_vec();
    secrets.extend(["07".repeat(32), browser.secret().unwrap()]);
    secrets.extend(world.sent().iter().map(|sms| sms["code"].as_str().unwrap().to_owned()));
    secrets.push(device.hidden_k1.iter().map(|byte| format!("{byte:02x}")).collect());
    assert!(secrets.len() > 9, "there were SMS");
    let mut pages: Vec<String> = PAGES.map(|page| browser.get(page).text).to_vec();
    pages.push(browser.get(&format!("?{}", form(&[("q", NUMBER)]))).text);
    for page in pages {
        let is_alone = |rest: Option<char>| rest.is_none_or(|c| !c.is_ascii_alphanumeric());
        for secret in &secrets {
            for (at, _) in page.match_indices(secret.as_str()) {
                let around = (page[..at].chars().next_back(), page[at + secret.len()..].chars().next());
                assert!(!(is_alone(around.0) && is_alone(around.1)), "{secret} in {page}");
            }
        }
    }
}

#[test]
fn the_text_of_a_stranger_is_text() {
    const HOSTILE: &str = "\"><script>alert(1)</script>";
    let world = with_console().start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "70415926");
    assert_eq!(device.rename_device(&world.client, "70415926", &device.id, HOSTILE).err(), "OK");
    let name = serde_json::json!({"name": HOSTILE});
    assert_eq!(world.operate("POST", "/admin/v1/accounts", Some(ADMIN), Some(&name)).status, 201);
    let browser = Browser::signed_in(&world, ADMIN);
    let query = form(&[("q", HOSTILE)]);
    let found = browser.get(&format!("?{query}"));
    assert!(found.text.contains("data-test=\"result\"") && !found.text.contains("<script>alert"), "{}", found.text);
    let reason = format!("{HOSTILE} and more");
    let told = browser.done("unblock", &[("name", HOSTILE), ("reason", &reason)]);
    assert!(told.text.contains("was not blocked") && !told.text.contains("<script>alert"), "{}", told.text);
    let page = browser.get("account?name=alice").text;
    assert!(page.contains("&#34;&#62;&#60;script&#62;") && !page.contains("<script>alert"), "{page}");
    for hostile in ["'; DROP TABLE accounts; --", "%", "_", "\\", "\u{202e}", "a\u{0}b", "+33%", &"x".repeat(5000)] {
        let reply = browser.get(&format!("?{}", form(&[("q", hostile)])));
        assert!(matches!(reply.status, 200) && is_page(&reply), "{hostile:.20}: {}", reply.status);
        assert!(reply.text.contains("nothing-found"), "{hostile:.20}: {}", reply.text);
    }
}

/// A hostile request: its headers, and its body.
type Hostile = (Vec<(&'static str, String)>, Vec<u8>);

/// Returns requests that go wrong in one thing each.
fn hostile_forms(fields: &[(&str, &str)], csrf: &str) -> Vec<(&'static str, u16, Hostile)> {
    let kind = |value: &str| vec![("content-type", value.to_owned())];
    let is_form = || kind(FORM.1);
    let right = form(&[fields, &[("csrf", csrf)]].concat()).into_bytes();
    let with = |more: &str| [right.as_slice(), more.as_bytes()].concat();
    let without = form(fields).into_bytes();
    let other = |token: &str| form(&[fields, &[("csrf", token)]].concat()).into_bytes();
    vec![
        ("another type", 415, (kind("text/plain"), right.clone())),
        ("JSON", 415, (kind("application/json"), b"{}".to_vec())),
        ("no type", 415, (Vec::new(), right.clone())),
        ("two types", 415, ([is_form(), is_form()].concat(), right.clone())),
        ("several parts", 415, (kind("multipart/form-data; boundary=x"), right.clone())),
        ("no token", 403, (is_form(), without)),
        ("a wrong token", 403, (is_form(), other("wrong"))),
        ("an empty token", 403, (is_form(), other(""))),
        ("a token with a tail", 403, (is_form(), other(&format!("{csrf}x")))),
        ("two tokens", 400, (is_form(), with(&format!("&csrf={csrf}")))),
        ("an unknown field", 400, (is_form(), with("&admin=true"))),
        ("bad UTF-8 in a name", 400, (is_form(), [right.as_slice(), b"&%FF=1"].concat())),
        ("another site", 403, ([is_form(), vec![("sec-fetch-site", "cross-site".into())]].concat(), right.clone())),
        ("another origin", 403, ([is_form(), vec![("origin", "https://evil.example".into())]].concat(), right.clone())),
        ("a huge field", 413, (is_form(), with(&format!("&x={}", "x".repeat(100_000))))),
    ]
}

#[test]
fn a_hostile_form_gets_a_page_and_changes_nothing() {
    for four_eyes in [false, true] {
        try_hostile_forms(&with_console().set("admin.four_eyes", four_eyes).start());
    }
}

fn try_hostile_forms(world: &World) {
    let device = blocked_alice(world);
    let browser = Browser::signed_in(world, ADMIN);
    let other = Browser::signed_in(world, SECOND);
    // Without four eyes there is no proposal, and each form of one gets 404 at most.
    let proposed = other.done("unblock", &[("name", "alice"), ("reason", "the user called")]);
    let proposal = field(&proposed.text, "id").unwrap_or_else(|| "f".repeat(32));
    for _ in 0..5 {
        device.ask(&world.client, "00000000");
    }
    let (foreign, csrf) = (other.csrf(), browser.csrf());
    let rows = world.rows();
    let value = |value: &'static str| match value {
        "DEVICE" => device.id.clone(),
        "PROPOSAL" => proposal.clone(),
        _ => value.to_owned(),
    };
    let try_it = |path: &str, what: &str, status: u16, (headers, body): &Hostile| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = browser.send("POST", &format!("/console/{path}"), &headers, body);
        assert_eq!((reply.status, is_page(&reply)), (status, true), "{path}, {what}: {}", reply.text);
        assert_eq!(world.rows(), rows, "{path}, {what}");
    };
    for (path, fields) in ACTIONS {
        if path == "language" {
            continue;
        }
        let values: Vec<String> = fields.iter().map(|(_, of)| value(of)).collect();
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, _)| *name).zip(values.iter().map(String::as_str)).collect();
        for (what, status, hostile) in hostile_forms(&fields, &csrf) {
            try_it(path, what, status, &hostile);
        }
        let of_another = form(&[&fields[..], &[("csrf", &foreign)]].concat()).into_bytes();
        try_it(path, "the token of another session", 403, &(vec![("content-type", FORM.1.into())], of_another));
        for missing in 0..fields.len() {
            let mut fewer = fields.clone();
            fewer.remove(missing);
            let body = form(&[&fewer[..], &[("csrf", &csrf)]].concat()).into_bytes();
            try_it(path, "a missing field", 400, &(vec![("content-type", FORM.1.into())], body));
            let twice = form(&[&fields[..], &fields[missing..=missing], &[("csrf", &csrf)]].concat()).into_bytes();
            try_it(path, "a field twice", 400, &(vec![("content-type", FORM.1.into())], twice));
        }
    }
    for (path, fields, status) in [
        ("unblock", &[("name", "alice"), ("reason", "")][..], 400),
        ("unblock", &[("name", "alice"), ("reason", "ab")], 400),
        ("unblock", &[("name", "alice"), ("reason", "two\nlines")], 400),
        ("unblock", &[("name", "alice"), ("reason", "turned \u{202e}text")], 400),
        ("unblock", &[("name", "alice"), ("reason", &"x".repeat(201))], 400),
        ("unblock", &[("name", ""), ("reason", "because")], 400),
        ("unblock", &[("name", "a\u{0}b"), ("reason", "because")], 400),
        ("unblock", &[("name", "nobody"), ("reason", "because")], 404),
        ("remove-device", &[("name", "alice"), ("device", ""), ("reason", "because")], 404),
        ("remove-device", &[("name", "alice"), ("device", "'; --"), ("reason", "because")], 404),
        ("remove-device", &[("name", "nobody"), ("device", &device.id), ("reason", "because")], 404),
        ("remove-device", &[("name", "alice"), ("device", "a\u{0}bcdefgh"), ("reason", "because")], 404),
        ("approve", &[("id", "")], 404),
        ("approve", &[("id", "\u{0}")], 404),
        ("reject", &[("id", &"f".repeat(32))], 404),
    ] {
        let reply = browser.post(path, fields);
        assert_eq!((reply.status, is_page(&reply)), (status, true), "{path} {fields:?}: {}", reply.text);
        assert_eq!(world.rows(), rows, "{path} {fields:?}");
    }
    for (what, status, body) in [
        ("no token", 400, &b""[..]),
        ("two", 400, b"token=a&token=b"),
        ("more", 400, b"token=a&x=1"),
        ("bad UTF-8", 401, b"token=%FF"),
    ] {
        let reply = browser.send("POST", "/console/sign-in", &[FORM], body);
        assert_eq!((reply.status, is_page(&reply)), (status, true), "{what}");
    }
    for body in [&b"language=xx"[..], b"", b"language=fr&language=en", b"language=fr&x=1"] {
        assert_eq!(browser.send("POST", "/console/language", &[FORM], body).status, 400);
    }
    // The two forms that need no session.
    for (path, body) in [("sign-in", form(&[("token", SECOND)])), ("language", form(&[("language", "fr")]))] {
        for (what, status, headers) in [
            ("no type", 415, &[][..]),
            ("JSON", 415, &[("content-type", "application/json")]),
            ("two types", 415, &[FORM, FORM]),
            ("another site", 403, &[FORM, ("sec-fetch-site", "cross-site")]),
            ("a neighbour", 403, &[FORM, ("sec-fetch-site", "same-site")]),
            ("no origin", 403, &[FORM, ("origin", "null")]),
        ] {
            let reply = send(world, "POST", &format!("/console/{path}"), headers, body.as_bytes());
            assert_eq!((reply.status, is_page(&reply)), (status, true), "{path}, {what}");
            assert_eq!(reply.headers.get("set-cookie"), None, "{path}, {what}");
        }
        let huge = format!("{body}&x={}", "x".repeat(100_000));
        assert_eq!(send(world, "POST", &format!("/console/{path}"), &[FORM], huge.as_bytes()).status, 413);
    }
    assert_eq!(browser.get("").status, 200, "the session went on");
}

#[test]
fn a_hostile_request_for_a_page_gets_a_page() {
    let world = with_console().start();
    blocked_alice(&world);
    let browser = Browser::signed_in(&world, ADMIN);
    let rows = world.rows();
    for (path, status) in [
        ("?q=a&q=b", 400),
        ("?q=a&x=1", 400),
        ("?q=%FF", 200),
        ("account", 400),
        ("account?name=", 400),
        ("account?name=a%00b", 400),
        ("account?name=a&name=b", 400),
        ("account?name=alice&before=x", 400),
        ("account?name=alice&before=99999999999999999999", 400),
        ("account?name=%FF", 404),
        ("account?name=..%2F..%2Fetc", 404),
        ("audit?before=", 400),
        ("audit?before=-1", 200),
        ("audit?account=alice", 400),
        ("health?x", 400),
        ("proposals?id=1", 400),
        ("assets/..%2Fsecret", 404),
        ("assets/%FF", 400),
        ("ACCOUNT?name=alice", 404),
        ("account/?name=alice", 404),
        ("%2e%2e/admin/v1/accounts", 404),
    ] {
        let reply = browser.get(path);
        assert_eq!((reply.status, is_page(&reply)), (status, true), "{path}: {}", reply.text);
    }
    let long = "x".repeat(4000);
    for header in [
        ("accept-language", "\u{ff}\u{fe}"),
        ("accept-language", ";;q=,,-,*;q=9"),
        ("accept-language", &long),
        ("content-type", "text/plain"),
        ("if-none-match", "*"),
        ("range", "bytes=0-1"),
        ("x-forwarded-for", "' OR 1=1"),
        ("authorization", "Bearer x"),
        ("sec-fetch-site", "cross-site"),
    ] {
        for page in PAGES {
            let reply = browser.send("GET", &format!("/console/{page}"), &[header], b"");
            let status = if page.contains("nobody") { 404 } else { 200 };
            assert_eq!((reply.status, is_page(&reply)), (status, true), "{page}, {header:?}");
        }
    }
    let long = browser.get(&format!("?q={}", "x".repeat(20_000)));
    assert_eq!((long.status, is_page(&long)), (414, true));
    let two = send(&world, "GET", "/console/health", &[("cookie", "pims-console=a; pims-console=b")], b"");
    assert_eq!(two.status, 303);
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
        for path in PAGES.iter().copied().chain(ACTIONS.iter().map(|(path, _)| *path)).chain(["sign-in"]) {
            let reply = browser.send(method, &format!("/console/{path}"), &[], b"");
            assert_eq!((reply.status, is_page(&reply)), (405, true), "{method} {path}");
        }
    }
    for (path, _) in ACTIONS {
        assert_eq!(browser.get(path).status, 405, "{path}");
    }
    assert_eq!(browser.send("POST", "/console/health", &[FORM], b"csrf=x").status, 405);
    assert_eq!(world.rows(), rows);
}

#[test]
fn a_request_without_its_host_gets_a_page() {
    use std::io::{Read, Write};
    let world = with_console().start();
    for lines in ["", "host: a\r\nhost: b\r\n", "host: \r\n", "host: a b\r\n"] {
        let mut socket = std::net::TcpStream::connect(world.admin_url.trim_start_matches("http://")).unwrap();
        write!(socket, "GET /console/ HTTP/1.1\r\nconnection: close\r\n{lines}\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("<h1>Error"), "{lines:?}: {answer}");
    }
}

#[test]
fn without_a_session_nothing_is_told_and_nothing_changed() {
    let world = with_console().start();
    let device = blocked_alice(&world);
    let browser = Browser::signed_in(&world, ADMIN);
    let csrf = browser.csrf();
    let secret = browser.secret().unwrap();
    browser.post("sign-out", &[]);
    let rows = world.rows();
    for cookie in [None, Some(secret.as_str()), Some(""), Some("x"), Some("\u{e9}")] {
        let cookie = cookie.map(|value| format!("pims-console={value}"));
        let headers: Vec<(&str, &str)> = cookie.iter().map(|cookie| ("cookie", cookie.as_str())).collect();
        for page in PAGES {
            let reply = send(&world, "GET", &format!("/console/{page}"), &headers, b"");
            assert_eq!((reply.status, reply.header("location")), (303, "/console/sign-in"), "{page}");
            assert_eq!(reply.text, "", "{page}");
        }
        for (path, fields) in ACTIONS.iter().filter(|(path, _)| *path != "language") {
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(name, value)| (*name, if *value == "DEVICE" { &device.id } else { *value }))
                .collect();
            let body = form(&[&fields[..], &[("csrf", &csrf)]].concat());
            let reply =
                send(&world, "POST", &format!("/console/{path}"), &[&headers[..], &[FORM]].concat(), body.as_bytes());
            assert_eq!((reply.status, is_page(&reply)), (401, true), "{path}");
            assert!(!reply.text.contains("alice") && !reply.text.contains("<nav"), "{path}: {}", reply.text);
        }
    }
    assert_eq!(world.rows(), rows);
}

#[test]
fn the_trail_is_read_page_by_page() {
    let world = with_console().start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "70415926");
    for number in 0..60 {
        let name = format!("phone {number}");
        assert_eq!(device.rename_device(&world.client, "70415926", &device.id, &name).err(), "OK");
    }
    let browser = Browser::signed_in(&world, ADMIN);
    for first in ["account?name=alice", "audit"] {
        let (mut path, mut seen, mut pages) = (first.to_owned(), 0, 0);
        loop {
            let page = browser.get(&path).text;
            let rows = page.matches("data-test=\"audit-row\"").count();
            (seen, pages) = (seen + rows, pages + 1);
            let Some((before, _)) = page.split_once("\" data-test=\"older\"") else { break };
            assert_eq!(rows, 50);
            path = before.rsplit("href=\"/console/").next().unwrap().replace("&#38;", "&");
        }
        let query = if first == "audit" { "" } else { "account=alice&" };
        let all = world.operate("GET", &format!("/admin/v1/audit?{query}limit=1000"), Some(ADMIN), None).json();
        assert_eq!(seen, all["audit"].as_array().unwrap().len(), "{first}");
        assert!(pages >= 2, "{first}");
    }
}

#[test]
fn the_health_page_comes_also_without_the_database() {
    if !Cluster::is_installed() {
        return;
    }
    let cluster = Cluster::start();
    let schema = Schema::new(&cluster);
    let world = Setup::production().set("database.url", &schema.url).set("admin.console", true).start();
    let browser = Browser::signed_in(&world, ADMIN);
    let page = browser.get("health").text;
    assert!(page.contains("The database is ready.") && page.contains("masterKey.1"), "{page}");
    assert_eq!(page.matches("data-test=\"chart\"").count(), 6, "{page}");
    assert!(page.contains(env!("CARGO_PKG_VERSION")) && page.contains(">operator</bdi>"), "{page}");
    cluster.down();
    poll(|| browser.get("health").text.contains("The database is not ready.").then_some(())).expect("it says so");
    let page = browser.get("health");
    assert_eq!((page.status, is_page(&page)), (200, true));
    assert!(page.text.contains("The ages of the keys are not known now"), "{}", page.text);
    let search = browser.get("?q=alice");
    assert_eq!((search.status, is_page(&search)), (503, true));
    // Nobody signs in without a row in the trail. Signing out works.
    assert_eq!(Browser::new(&world).sign_in(ADMIN).status, 503);
    assert_eq!((browser.post("sign-out", &[]).status, browser.get("").status), (303, 303));
    cluster.up();
}

#[test]
fn the_samples_of_the_last_hour_are_charts() {
    let world = with_console().start();
    let device = blocked_alice(&world);
    let browser = Browser::signed_in(&world, ADMIN);
    browser.done("unblock", &[("name", "alice"), ("reason", "the user called")]);
    let otp = device.made(&world.client, "70415926");
    assert_eq!(world.authenticate("alice", &otp), "OK");
    let line = || browser.get("health").text.contains("<polyline").then_some(());
    poll(line).expect("there is a sample after twenty seconds");
}

#[test]
fn settings_of_the_console_that_cannot_be_are_refused_and_doubtful_ones_warned_of() {
    let refused = |setup: Setup| fails(&setup, &["check"], "");
    assert!(refused(Setup::new().set("admin.four_eyes", true)).contains("needs admin.console = true"));
    for bad in ["0", "61", "x"] {
        assert!(refused(with_console().set("admin.session_minutes", bad)).contains("admin.session_minutes"));
    }
    let setup = with_console();
    let config = std::fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
    setup.write("config.toml", &config.replace("[admin]\naddress = \"127.0.0.1:0\"", "[admin]"));
    assert!(refused(setup).contains("admin.console: needs admin.address"), "{config}");
    let warned = says(&Setup::new().set("admin.console", true).set("admin.four_eyes", true), &["check"]);
    for role in ["unblock", "remove"] {
        assert!(warned.contains(&format!("fewer than two operators have the role {role}")), "{warned}");
    }
    let quiet = says(&with_console().set("admin.four_eyes", true), &["check"]);
    assert!(!quiet.contains("four_eyes"), "{quiet}");
    // One person that is two operators.
    let ours = Authorities::new();
    let shown = "7".repeat(64);
    let checked = |operators: &str| {
        says(&with_certificates(&ours, operators).set("admin.console", true).set("admin.four_eyes", true), &["check"])
    };
    let warned = checked("");
    assert!(warned.contains("without admin.operators each certificate is an operator"), "{warned}");
    let roles = "roles = [\"read\", \"unblock\", \"remove\"]";
    let operators = |first: &str, second: &str| {
        format!("[admin.operators]\nfirst = {{ {first}, {roles} }}\nsecond = {{ {second}, {roles} }}\n")
    };
    let certificate = format!("certificate = \"{shown}\"");
    let [helper, reader] = [HELPER, READER].map(|token| format!("token = \"{token}\""));
    let [helper_both, reader_both] = [&helper, &reader].map(|token| format!("{certificate}, {token}"));
    for (first, second, can_be_both) in [
        (&certificate, &reader_both, true),
        (&helper, &helper_both, true),
        (&helper_both, &reader_both, false),
        (&helper, &reader, false),
        (&certificate, &reader, false),
    ] {
        let warned = checked(&operators(first, second));
        assert_eq!(warned.contains("`second` can sign in as `first`"), can_be_both, "{warned}");
        assert!(!warned.contains("`first` can sign in"), "{warned}");
    }
}
