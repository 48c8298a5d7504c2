//! The development console of `serve --dev`, over sockets.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use authority::{AccountName, Purpose};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use crate::device::{Device, Exchange, Scene};
use crate::http::{self, Reply};
use crate::newcomer::{Development, paste};
use crate::world::{NUMBER, Setup, name, poll};

const FORM: &str = "application/x-www-form-urlencoded";

/// The pages, each of which needs a session.
const PAGES: [&str; 6] = ["/", "/accounts", "/account?name=demo", "/errors", "/exchanges", "/next"];

/// A development service with a browser in its console.
struct Site {
    service: Development,
    agent: Agent,
    /// The console's address and port.
    host: String,
    cookie: String,
}

impl Site {
    fn start(folder: &Path) -> Self {
        Self::enter(Development::start(folder, |_| {}))
    }

    fn enter(service: Development) -> Self {
        let address = address_of(&service).to_owned();
        let host = address.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        let agent = http::agent();
        let cookie = cookie_of(&http::send(&agent, "GET", &address, None, None).unwrap());
        Self { service, agent, host, cookie }
    }

    fn demo_token(&self) -> String {
        std::fs::read_to_string(self.service.folder.join("demo.token")).unwrap()
    }

    /// Sends a request with the cookie of the session, and these further headers.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.host));
        for (name, value) in [("cookie", self.cookie.as_str())].iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body.to_owned()).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        }
        .unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// Returns a page, which must be a good one.
    fn page(&self, path: &str) -> String {
        let reply = self.send("GET", path, &[], None);
        assert_eq!((reply.status, reply.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        reply.text
    }

    /// Returns the token of the session's forms.
    fn csrf(&self) -> String {
        csrf_of(&self.page("/"))
    }

    /// Posts a form with the token of the session.
    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let csrf = self.csrf();
        self.post_only(path, &[fields, &[("csrf", &csrf)]].concat())
    }

    fn post_only(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send("POST", path, &[("content-type", FORM)], Some(&crate::device::query(fields)))
    }

    /// Posts a form that must be accepted. Returns the page that follows.
    fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let reply = self.post(path, fields);
        assert_eq!(reply.status, 303, "{path} {fields:?}: {}", reply.text);
        self.page(reply.header("location"))
    }

    fn arm(&self, fault: &str) {
        let page = self.done("/fault", &[("fault", fault)]);
        assert_eq!(page.matches("data-test=\"armed\"").count(), 1, "{fault}");
    }

    fn account(&self) -> String {
        self.page("/account?name=demo")
    }

    /// Sends a request of an app to the public listener.
    fn cvs(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let path = format!("{}/{path}?client_id=test", crate::world::CVS);
        self.service.ask(method, &path, &self.demo_token(), body)
    }

    fn request_certification(&self) -> Reply {
        self.cvs("POST", "smsCode", Some(&json!({"type": "phoneNumberCertification", "phoneNumber": NUMBER})))
    }

    /// Returns the id of the newest row of the audit trail.
    fn newest_audit_id(&self) -> i64 {
        let token = std::fs::read_to_string(self.service.folder.join("operator.token")).unwrap();
        let url = format!("{}/admin/v1/audit?limit=1", self.service.url("operators"));
        let reply = http::send(&self.agent, "GET", &url, Some(token.trim()), None).unwrap();
        reply.json()["audit"][0]["id"].as_str().unwrap().parse().unwrap()
    }

    /// Returns the code that the inbox shows.
    fn newest_code(&self) -> String {
        let page = self.page("/");
        page.split("data-test=\"newest-code\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
    }

    /// Gives the account its phone number. Returns its name.
    fn with_number(&self) -> AccountName {
        assert_eq!(self.request_certification().status, 200);
        let number = json!({"smsCode": self.newest_code(), "phoneNumber": NUMBER});
        assert_eq!(self.cvs("POST", "trustedPhoneNumber", Some(&number)).status, 200);
        name("demo")
    }

    fn enrolled(&self) -> Device {
        let account = self.with_number();
        Device::activate(self, &account, "1234")
    }

    /// Opens a stream of SMS. Returns its lines, the head first.
    fn stream(&self, path: &str, more: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n{more}\r\n", self.host, self.cookie);
        stream.write_all(request.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    /// Opens a stream that must be accepted, and reads its head.
    fn open_stream(&self) -> BufReader<TcpStream> {
        let mut stream = self.stream("/events", "");
        let head = head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/event-stream"), "{head}");
        stream
    }
}

impl Exchange for Site {
    fn mac(&self, _: Option<&AccountName>, query: &str) -> String {
        self.service.ask("GET", &format!("/iwws/MAC?{query}"), &self.demo_token(), None).text
    }
}

impl Scene for Site {
    type Service = Self;

    fn service(&self) -> &Self {
        self
    }

    fn sent_code(&self, _: &AccountName, purpose: Purpose) -> String {
        assert_eq!(self.cvs("POST", "smsCode", Some(&json!({"type": purpose.as_str()}))).status, 200);
        self.newest_code()
    }
}

/// Returns the console's address, with its key: it is in the first line.
fn address_of(service: &Development) -> &str {
    service.printed.lines().next().unwrap().strip_prefix("Open in a browser: ").unwrap()
}

/// Returns the token in the forms of a page.
fn csrf_of(page: &str) -> String {
    page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn cookie_of(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.header("location")), (303, "/"), "{}", reply.text);
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Reads the head of a response.
fn head(stream: &mut impl BufRead) -> String {
    let mut head = String::new();
    while stream.read_line(&mut head).unwrap() > 2 {}
    head
}

/// Returns the data of the next event of a stream.
fn event(stream: &mut impl BufRead) -> (String, Value) {
    let (mut id, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        if let Some(text) = line.strip_prefix("id: ") {
            text.trim().clone_into(&mut id);
        }
        if let Some(text) = line.strip_prefix("data: ") {
            let data = serde_json::from_str(text).unwrap();
            // The id stands after the data.
            while id.is_empty() {
                line.clear();
                assert!(stream.read_line(&mut line).unwrap() > 0);
                line.trim().strip_prefix("id: ").unwrap_or_default().clone_into(&mut id);
            }
            return (id, data);
        }
    }
}

/// Returns the state that a page marks as the present one, the first of them.
fn present_state(page: &str) -> &str {
    let before = page.split(" aria-current=\"true\"><strong>").next().unwrap();
    before.rsplit("data-state=\"").next().unwrap().trim_end_matches('"')
}

/// Returns the headers of an answer that tell something about it.
fn telling(reply: &Reply) -> BTreeSet<(String, String)> {
    let headers = reply.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    headers.filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date")).collect()
}

fn assert_same_answer(injected: &Reply, real: &Reply) {
    assert_eq!((injected.status, &injected.text), (real.status, &real.text));
    assert_eq!(telling(injected), telling(real));
}

#[test]
fn the_first_line_has_an_address_that_begins_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let address = address_of(&site.service).to_owned();
    let key = address.split_once("/?key=").unwrap().1;
    assert!(key.len() == 43 && address.starts_with("http://127.0.0.1:"), "{address}");

    let ask = |path: &str, headers: &[(&str, &str)]| {
        http::send_with(&site.agent, "GET", &format!("http://{}{path}", site.host), headers)
    };
    let entered = ask(&format!("/?key={key}"), &[]);
    let port = site.host.rsplit_once(':').unwrap().1;
    let cookie = entered.header("set-cookie");
    assert!(cookie.starts_with(&format!("pims-development-{port}=")), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    for (path, cookie) in [
        ("/".to_owned(), "x=y"),
        ("/?key=".into(), "x=y"),
        (format!("/?key={}", &key[1..]), "x=y"),
        (format!("/?key={key}x"), "x=y"),
        (format!("/?key={key}&key={key}"), "x=y"),
        (format!("/?key={key}&more=1"), "x=y"),
        (format!("/accounts?key={key}"), "x=y"),
        ("/events".into(), "x=y"),
        ("/".into(), &format!("{}x", site.cookie)),
        ("/".into(), &format!("{0}; {0}", site.cookie)),
    ] {
        let reply = ask(&path, &[("cookie", cookie)]);
        assert_eq!(reply.status, 401, "{path}");
        assert!(reply.text.contains("first line") && reply.headers.get("set-cookie").is_none(), "{}", reply.text);
        assert!(!reply.text.contains(key));
    }
    for page in PAGES.into_iter().filter(|page| !page.starts_with("/account?")) {
        assert_eq!(ask(page, &[]).status, 401, "{page}");
        let reply = site.send("GET", page, &[], None);
        assert_eq!(reply.status, 200, "{page}");
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!((reply.header("cache-control"), reply.header("x-frame-options")), ("no-store", "DENY"));
        assert!(!reply.text.contains(key) && !reply.text.contains(" style=") && !reply.text.contains(" onclick="));
    }
    // Each start has another key, and knows no session of another one.
    drop(site.service);
    let again = Site::start(folder.path());
    assert!(!address_of(&again.service).contains(key));
    let stale = format!("{}={}", again.cookie.split('=').next().unwrap(), site.cookie.split_once('=').unwrap().1);
    let url = format!("http://{}/", again.host);
    assert_eq!(http::send_with(&again.agent, "GET", &url, &[("cookie", &stale)]).status, 401);
}

/// A terminal shows the log, too.
#[test]
fn the_address_comes_before_the_lines_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("terminal");
    let terminal = std::fs::File::create(&path).unwrap();
    let log = terminal.try_clone().unwrap();
    let mut command = Command::new(crate::newcomer::PROGRAM);
    command.env_clear().args(["serve", "--dev", "--port", "0", "--folder"]).arg(folder.path().join("dev"));
    let mut process = command.stdin(Stdio::null()).stdout(terminal).stderr(log).spawn().unwrap();
    let shown = || std::fs::read_to_string(&path).unwrap();
    let started = || ["It ends with Ctrl-C", "protects nothing", "listening"].iter().all(|text| shown().contains(text));
    let has_started = poll(|| started().then_some(())).is_some();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(has_started && shown().starts_with("Open in a browser: http://127.0.0.1:"), "{}", shown());
}

/// Returns the number of sockets on which a process listens.
fn listening(process: u32) -> usize {
    let fds = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let open: BTreeSet<String> = fds
        .filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok())
        .map(|link| link.to_string_lossy().into_owned())
        .collect();
    let table = |name: &str| std::fs::read_to_string(format!("/proc/{process}/net/{name}")).unwrap_or_default();
    let is_own = |line: &&str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        cells.get(3) == Some(&"0A") && cells.get(9).is_some_and(|inode| open.contains(&format!("socket:[{inode}]")))
    };
    ["tcp", "tcp6"].map(|name| table(name).lines().filter(is_own).count()).iter().sum()
}

#[test]
fn the_console_exists_in_serve_dev_alone_and_on_its_own_listener() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    assert_eq!(listening(site.service.process.id()), 3);
    let key = address_of(&site.service).split_once('?').unwrap().1;
    let entry = format!("/?{key}");
    let paths: Vec<&str> =
        PAGES.into_iter().chain(["/events", "/exchange?id=1", "/assets/console.css", &entry]).collect();
    for path in &paths {
        let operators = format!("{}{path}", site.service.url("operators"));
        assert_eq!(site.service.ask("GET", path, "x", None).status, 404, "{path}");
        assert_eq!(http::send_with(&site.agent, "GET", &operators, &[("cookie", &site.cookie)]).status, 404, "{path}");
    }
    // And nothing of the other listeners exists on the console's.
    for path in ["/iwws/MAC", "/FS", "/metrics", "/healthz", "/admin/v1/accounts"] {
        assert_eq!(site.send("GET", path, &[], None).status, 404, "{path}");
    }

    let world = Setup::development().start();
    assert_eq!(listening(world.process.id()), 2);
    for path in &paths {
        assert_eq!(world.ask("GET", path, None, None).status, 404, "{path}");
        assert_eq!(world.operate("GET", path, None, None).status, 404, "{path}");
    }
}

#[test]
fn requests_for_another_host_or_of_another_site_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let port = site.host.rsplit_once(':').unwrap().1;
    let (localhost, origin) = (format!("localhost:{port}"), format!("http://{}", site.host));
    let status = |method: &str, host: &str, more: &str| {
        let mut stream = TcpStream::connect(&site.host).unwrap();
        let body = format!("fail=every&csrf={}", site.csrf());
        let body = if method == "POST" { body.as_str() } else { "" };
        let request = format!(
            "{method} {} HTTP/1.1\r\nhost: {host}\r\ncookie: {}\r\ncontent-type: {FORM}\r\nconnection: close\r\n\
             content-length: {}\r\n{more}\r\n{body}",
            if method == "POST" { "/gateway" } else { "/" },
            site.cookie,
            body.len(),
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    for good in [site.host.as_str(), &localhost, &localhost.to_uppercase()] {
        assert_eq!(status("GET", good, ""), "200", "{good}");
    }
    for bad in
        ["127.0.0.1", "localhost", "attacker.example", &format!("attacker.example:{port}"), "[::1]", "127.0.0.1:1"]
    {
        assert_eq!(status("GET", bad, ""), "403", "{bad}");
        assert_eq!(status("POST", bad, ""), "403", "{bad}");
    }
    for bad in [
        "sec-fetch-site: cross-site\r\n",
        // Another port of this machine is the same site, and another origin.
        "sec-fetch-site: same-site\r\n",
        "origin: null\r\n",
        "origin: http://attacker.example\r\n",
        "origin: http://127.0.0.1:1\r\n",
        &format!("origin: https://{}\r\n", site.host),
    ] {
        assert_eq!(status("POST", &site.host, bad), "403", "{bad}");
    }
    // The token of another session is no token of this one.
    let other = cookie_of(&http::send(&site.agent, "GET", address_of(&site.service), None, None).unwrap());
    let url = format!("http://{}/", site.host);
    let other = csrf_of(&http::send_with(&site.agent, "GET", &url, &[("cookie", &other)]).text);
    for csrf in [None, Some(""), Some("x"), Some(&*other)] {
        let fields: Vec<_> = [("fail", "every")].into_iter().chain(csrf.map(|csrf| ("csrf", csrf))).collect();
        let fields = fields.as_slice();
        assert_eq!(site.post_only("/gateway", fields).status, 403, "{fields:?}");
    }
    let pressed = "value=\"every\" aria-pressed=\"true\"";
    assert!(!site.page("/").contains(pressed), "nothing was changed");
    assert_eq!(status("POST", &site.host, &format!("origin: {origin}\r\nsec-fetch-site: same-origin\r\n")), "303");
    assert!(site.page("/").contains(pressed));
}

#[test]
fn an_sms_is_in_the_inbox_and_in_its_stream() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let page = site.page("/");
    assert!(page.contains("There is no code yet") && !page.contains("data-test=\"newest-code\""), "{page}");
    let mut stream = site.open_stream();
    assert_eq!(site.request_certification().status, 200);
    let (first, sms) = event(&mut stream);
    assert_eq!((sms["to"].as_str(), sms["purpose"].as_str()), (Some(NUMBER), Some("Code for a phone number")));
    let code = sms["code"].as_str().unwrap();
    assert!(code.len() == 10 && sms["text"].as_str().unwrap().contains(code), "{sms}");
    assert!(sms["announcement"].as_str().unwrap().contains(code), "{sms}");
    assert_eq!(site.newest_code(), code);
    assert_eq!(site.page("/").matches("data-test=\"sms\"").count(), 2, "one, and the template");

    // A browser that comes back gets what it missed.
    assert_eq!(site.request_certification().status, 200);
    let (second, sms) = event(&mut stream);
    for (path, header) in [
        (format!("/events?after={first}"), String::new()),
        ("/events?after=0".into(), format!("last-event-id: {first}\r\n")),
    ] {
        let mut stream = site.stream(&path, &header);
        head(&mut stream);
        assert_eq!(event(&mut stream), (second.clone(), sms.clone()), "{path}");
    }
    // The same text in the other language.
    let french = site.send("GET", "/", &[("accept-language", "fr")], None).text;
    assert!(french.contains("Code pour un numéro de téléphone") && french.contains("lang=\"fr\""));

    // The SMS of earlier runs are there at the start, and are text.
    let outbox = folder.path().join("sms-outbox.jsonl");
    let mut lines = std::fs::read_to_string(&outbox).unwrap();
    let line = json!({"at": "2026-11-30T20:00:00Z", "to": "<i>+336</i>", "purpose": "<b>", "code": "<u>7", "text": "<script>x"});
    writeln!(lines, "{line}").unwrap();
    std::fs::write(&outbox, lines).unwrap();
    drop((stream, site));
    let site = Site::start(folder.path());
    let page = site.page("/");
    assert_eq!(page.matches("data-test=\"sms\"").count(), 4, "{page}");
    for markup in ["<i>+336", "<b>", "<u>7", "<script>x"] {
        assert!(!page.contains(markup), "{markup}");
        let escaped = markup.replace('<', "&#60;").replace('>', "&#62;");
        assert!(page.contains(&escaped), "{escaped}");
    }
}

/// Waits for the end of a stream.
fn ends(stream: &mut impl Read) {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the stream ends");
}

#[test]
fn streams_end_with_the_service_and_do_not_wait_for_the_drain_limit() {
    let folder = tempfile::tempdir().unwrap();
    drop(Development::start(folder.path(), |_| {}));
    let config = folder.path().join("pims-authority.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replacen("[limits]\n", "[limits]\ndrain_seconds = 300\n", 1)).unwrap();
    let mut site = Site::start(folder.path());
    let mut streams: Vec<_> = (0..3).map(|_| site.open_stream()).collect();
    let sent = Command::new("kill").args(["-TERM", &site.service.process.id().to_string()]).status().unwrap();
    assert!(sent.success());
    streams.iter_mut().for_each(ends);
    let process = RefCell::new(&mut site.service.process);
    let ended = poll(|| process.borrow_mut().try_wait().unwrap());
    assert!(ended.expect("it ends long before the drain limit").success());
}

#[test]
fn the_number_of_streams_is_bounded_and_each_ends_with_its_session() {
    const MAX: usize = 64;
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    assert_eq!(site.send("GET", "/events", &[("sec-fetch-site", "same-site")], None).status, 403);
    let mut streams: Vec<_> = (0..MAX).map(|_| site.open_stream()).collect();
    let refused = site.send("GET", "/events", &[], None);
    assert_eq!((refused.status, refused.header("content-type")), (503, "text/html; charset=utf-8"));
    streams.pop().unwrap().into_inner().shutdown(Shutdown::Both).unwrap();
    let is_free = || {
        let mut stream = site.stream("/events", "");
        head(&mut stream).starts_with("HTTP/1.1 200 ").then_some(())
    };
    poll(is_free).expect("a closed stream makes room");
    // A user has 16 sessions: further ones end the oldest.
    for _ in 0..16 {
        http::send(&site.agent, "GET", address_of(&site.service), None, None).unwrap();
    }
    streams.iter_mut().for_each(ends);
    assert_eq!(site.send("GET", "/", &[], None).status, 401);
}

#[test]
fn an_account_is_shown_with_its_states_and_its_devices() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    assert_eq!(site.send("GET", "/account?name=demo", &[], None).status, 404);
    assert!(site.page("/accounts").contains("There is no account yet"));
    assert_eq!(site.cvs("GET", "trustedPhoneNumber", None).status, 404);
    assert_eq!(present_state(&site.account()), "state-no-number");
    assert_eq!(site.request_certification().status, 200);
    assert_eq!(present_state(&site.account()), "state-code");
    let account = site.with_number();
    assert_eq!(present_state(&site.account()), "state-number");
    assert_eq!(site.cvs("POST", "smsCode", Some(&json!({"type": "enrollment"}))).status, 200);
    assert_eq!(present_state(&site.account()), "state-code");
    let device = Device::activate_with(&site, &account, &site.newest_code(), "1234");
    let page = site.account();
    assert_eq!(present_state(&page), "state-enrolled");
    assert!(
        page.matches("data-test=\"device\"").count() == 1 && page.contains("data-state=\"state-active\" aria-current")
    );
    assert!(page.contains("<svg class=\"states\"") && page.contains("docs/state-machine.md"), "{page}");
    for found in ["demo", NUMBER, &device.id[..8]] {
        let found = site.page(&format!("/accounts?{}", crate::device::query(&[("q", found)])));
        assert_eq!(found.matches("data-test=\"account\"").count(), 1);
    }
    assert!(site.page("/accounts?q=nobody").contains("No account fits."));

    // A password is verified once.
    let password = device.made(&site, "1234");
    let verify = |password: &str| {
        let page = site.done("/verify", &[("name", "demo"), ("password", password)]);
        let result = page.split("data-test=\"verify-result\"").nth(1).unwrap();
        result.split('>').nth(1).unwrap().split('.').next().unwrap().to_owned()
    };
    assert_eq!([verify(&password), verify(&password), verify("")], ["Accepted", "Refused", "Refused"]);
    assert!(!site.account().contains("data-test=\"verify-result\""), "the verdict is told once");

    // Wrong PINs block, and the console unblocks.
    while device.ask(&site, "9999").err() != "NOK:NOK_BLOCKED" {}
    assert_eq!(present_state(&site.account()), "state-blocked");
    assert!(site.done("/unblock", &[("name", "demo")]).contains("The account is no longer blocked."));
    assert_eq!(present_state(&site.account()), "state-enrolled");
    assert!(site.done("/unblock", &[("name", "demo")]).contains("was not blocked"));

    assert_eq!(site.post("/remove-device", &[("name", "demo"), ("device", &format!("{}x", device.id))]).status, 404);
    assert_eq!(site.post("/remove-device", &[("name", "nobody"), ("device", &device.id)]).status, 404);
    let page = site.done("/remove-device", &[("name", "demo"), ("device", &device.id)]);
    assert!(page.contains("The device was removed.") && page.contains("The account has no device."), "{page}");
    assert_eq!(device.status(&site), "NOK:NODEVICE");
    let trail = String::from_utf8(paste(site.service.commands()[2]).stdout).unwrap();
    assert!(trail.contains("operator:development-console"), "{trail}");
}

#[test]
fn names_are_text_and_never_markup() {
    const HOSTILE: &str = "<img src=x onerror=alert(1)>'\"&";
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let device = site.enrolled();
    assert_eq!(device.rename_device(&site, "1234", &device.id, "<b>Phone</b>").err(), "OK");
    let add = site.service.commands()[0].replace("account list", "account add \"$NAME\"");
    let added = paste(&format!("NAME=$(cat <<'END'\n{HOSTILE}\nEND\n)\n{add}"));
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let of_account = crate::device::query(&[("name", HOSTILE)]);
    let searched = crate::device::query(&[("q", HOSTILE)]);
    let pages = [
        "/accounts".to_owned(),
        format!("/accounts?{searched}"),
        format!("/account?{of_account}"),
        "/account?name=demo".into(),
    ];
    for page in pages.map(|path| site.page(&path)) {
        assert!(!page.contains("<img src=x") && !page.contains("<b>"), "{page}");
    }
    assert!(site.account().contains("<bdi>&#60;b&#62;Phone&#60;/b&#62;</bdi>"));
    assert!(site.page("/accounts").contains("<bdi>&#60;img src=x onerror=alert(1)&#62;&#39;&#34;&#38;</bdi>"));
    let page = site.done("/unblock", &[("name", HOSTILE)]);
    assert!(page.contains("was not blocked"), "the link back to the page is right");
    // A path and a query of a request are text, too.
    site.service.ask("GET", "/%3Cb%3E?%3Ci%3E=%3Cu%3E", "x", None);
    for page in [site.page("/exchanges"), site.page(&newest_exchange(&site))] {
        assert!(!page.contains("<b>") && !page.contains("<i>") && !page.contains("<u>"), "{page}");
    }
}

/// Returns the path of the newest exchange.
fn newest_exchange(site: &Site) -> String {
    let page = site.page("/exchanges");
    let path = page.split("<a href=\"/exchange?id=").nth(1).unwrap().split('"').next().unwrap();
    format!("/exchange?id={path}")
}

/// Returns the time at which an access token was issued, by the clock of the service.
fn issued_at(site: &Site, device: &Device) -> i64 {
    let grant = json!({"grant_type": "password", "password": device.made(site, "1234")});
    let reply = site.service.ask("POST", crate::world::TOKEN, &site.demo_token(), Some(&grant));
    let token = reply.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", reply.text)).to_owned();
    let claims = Base64UrlUnpadded::decode_vec(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["iat"].as_i64().unwrap()
}

#[test]
fn the_clock_moves_ahead_for_the_whole_service_and_back() {
    const DAY: i64 = 24 * 60 * 60;
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let account = site.with_number();
    let code = site.sent_code(&account, Purpose::Enrollment);
    let page = site.done("/clock", &[("amount", "2"), ("unit", "days"), ("back", "account?name=demo")]);
    assert!(page.contains("It is ahead of the present:") && page.contains("The clock was moved ahead."), "{page}");
    assert_eq!(present_state(&page), "state-number", "the code has expired");
    let refused = site.mac(None, &crate::device::setup("activate", "", &[("code", &code)]));
    assert!(refused.contains("<err>NOK:CODE</err>"), "{refused}");
    let device = Device::activate(&site, &account, "1234");
    let ahead = issued_at(&site, &device);
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!(ahead >= now() + 2 * DAY - 600, "tokens are of the same clock");
    // Moves add up, each is within its bounds, and a refused one changes nothing.
    site.done("/clock", &[("amount", "1"), ("unit", "hours"), ("back", "")]);
    for (amount, unit) in [
        ("0", "days"),
        ("-1", "days"),
        ("1000000", "days"),
        ("1000001", "seconds"),
        ("9223372036854775807", "days"),
        ("1.5", "hours"),
        ("", "hours"),
        ("1", "weeks"),
    ] {
        assert_eq!(
            site.post("/clock", &[("amount", amount), ("unit", unit), ("back", "")]).status,
            400,
            "{amount} {unit}"
        );
    }
    assert!(issued_at(&site, &device) >= now() + 2 * DAY + 3600 - 600);
    assert!(issued_at(&site, &device) <= now() + 2 * DAY + 3600 + 600);
    // As far ahead as it goes, the ids of the trail are far from their end.
    let year = [("amount", "365"), ("unit", "days"), ("back", "")];
    let years = (0..).take_while(|_| site.post("/clock", &year).status == 303).count();
    assert!((5..=10).contains(&years), "{years}");
    device.ask(&site, "9999").err();
    let newest = site.newest_audit_id();
    assert!(newest < i64::MAX / 4 * 3, "{newest}");
    let page = site.done("/clock", &[("reset", "now"), ("back", "accounts")]);
    assert!(page.contains("It shows the present.") && page.contains("The clock shows the present again."), "{page}");
}

#[test]
fn the_gateway_refuses_one_message_or_every_one() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let statuses = || [(); 3].map(|()| site.request_certification().status);
    assert!(site.done("/gateway", &[("fail", "next")]).contains("refuses the next message."));
    assert_eq!(statuses(), [503, 200, 200]);
    site.done("/gateway", &[("fail", "every")]);
    assert_eq!(statuses(), [503, 503, 503]);
    site.done("/gateway", &[("fail", "never")]);
    assert_eq!(statuses(), [200, 200, 200]);
    let sent = std::fs::read_to_string(folder.path().join("sms-outbox.jsonl")).unwrap();
    assert_eq!(sent.lines().count(), 5);
    assert_eq!(site.page("/").matches("data-test=\"sms\"").count(), 6, "five, and the template");
}

#[test]
fn a_fault_answers_once_exactly_as_the_service_would() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let token = site.demo_token();
    let status = |id: &str| format!("/iwws/MAC?{}", crate::device::setup("status", id, &[]));
    let cvs = format!("{}/trustedPhoneNumber?client_id=test", crate::world::CVS);
    // Each real refusal first; then the account has what it lacked, and a fault takes it away once.
    let no_device = site.service.ask("GET", &status("a000000000"), &token, None);
    let no_number = site.service.ask("GET", &cvs, &token, None);
    let no_token = site.service.ask("GET", &cvs, "another-token-of-nobody", None);
    assert!(no_device.text.contains("<err>NOK:NODEVICE</err>") && no_number.word() == "NOK:NOPHONE");
    let device = site.enrolled();
    for (fault, path, real) in [
        ("word-no-device", status(&device.id), &no_device),
        ("cvs-no-number", cvs.clone(), &no_number),
        ("cvs-token", cvs.clone(), &no_token),
    ] {
        site.arm(fault);
        let injected = site.service.ask("GET", &path, &token, None);
        assert_same_answer(&injected, real);
        let after = site.service.ask("GET", &path, &token, None);
        assert!(after.status == 200 && !after.text.contains("NOK"), "{fault}: {}", after.text);
        assert!(!site.page("/errors").contains("data-test=\"armed\""), "{fault}");
    }
    // A word is for its mode, and in the step of the request.
    site.done("/fault", &[("fault", "word-access"), ("mode", "otp")]);
    assert_eq!(device.status(&site), "OK");
    let refused = site.mac(None, &crate::device::finalize("otp", &device.id, &[]));
    assert!(refused.ends_with("<ActionFinalize><err>NOK:ACCESS</err></ActionFinalize>"), "{refused}");
    site.arm("word-token");
    assert_eq!(device.status(&site), "OK", "the word is for activations alone");
    let activation = format!("/iwws/MAC?{}", crate::device::setup("activate", "", &[("code", "ABCDE23456")]));
    let refused = site.service.ask("GET", &activation, &token, None);
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"));
    for (fault, status) in [("unavailable", 503), ("limited", 429)] {
        site.arm(fault);
        let reply = site.service.ask("GET", &cvs, &token, None);
        assert!(reply.status == status && http::has_security_headers(&reply.headers), "{fault}: {reply:?}");
        assert!(reply.headers.contains_key("retry-after"), "{fault}");
    }
    site.arm("page");
    assert!(site.service.ask("GET", &cvs, &token, None).text.starts_with("<!DOCTYPE html>"));
    // A fault is cancelled, and probes use none up.
    site.arm("unavailable");
    assert_eq!(site.service.ask("GET", "/healthz", &token, None).status, 200);
    let page = site.page("/errors");
    let number = page.split("name=\"cancel\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let page = site.done("/fault", &[("cancel", number)]);
    assert!(!page.contains("data-test=\"armed\"") && page.contains("The fault was cancelled."));
    assert_eq!(site.service.ask("GET", &cvs, &token, None).status, 200);
    let exchanges = site.page("/exchanges");
    for code in ["2312", "2307", "2301", "2308", "2204", "2203"] {
        assert!(exchanges.contains(&format!("code \u{2068}{code}\u{2069}")), "{code}");
    }
}

#[test]
fn a_fault_ends_a_connection_or_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Plain HTTP: the test reads what comes over the wire.
    drop(Development::start(folder.path(), |_| {}));
    let config = folder.path().join("pims-authority.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let plain: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("certificate_file") && !line.starts_with("key_file")).collect();
    std::fs::write(&config, plain.join("\n")).unwrap();
    let site = Site::start(folder.path());
    let ask = || {
        let mut stream = TcpStream::connect(
            site.service.url("service").trim_start_matches("http://").replace("localhost", "127.0.0.1"),
        )
        .unwrap();
        stream.write_all(b"GET /FS HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        stream
    };
    site.arm("close");
    let mut answer = Vec::new();
    let _ = ask().read_to_end(&mut answer);
    assert_eq!(String::from_utf8_lossy(&answer), "");
    site.arm("silence");
    let mut silent = ask();
    poll(|| (!site.page("/errors").contains("data-test=\"armed\"")).then_some(())).expect("the fault fires");
    silent.set_nonblocking(true).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(silent);
    let is_recorded = || {
        let page = site.page("/exchanges");
        (page.contains("code \u{2068}2201\u{2069}") && page.contains("code \u{2068}2202\u{2069}")).then_some(page)
    };
    let page = poll(is_recorded).expect("both are recorded");
    assert_eq!(page.matches("no answer").count(), 2);
    let mut next = ask();
    let mut begin = [0; 12];
    next.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 400");
}

#[test]
fn every_value_of_an_enrollment_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let device = site.enrolled();
    let password = device.made(&site, "1234");
    device.list(&site);
    assert_eq!(device.change_pin(&site, "1234", "4321").err(), "OK");
    let device = device.synchronized(&site, "4321");
    site.cvs("GET", "devices", None);
    let verified = crate::device::query(&[
        ("action", "authenticate"),
        ("serviceId", "demo"),
        ("userId", "demo"),
        ("token", &password),
        ("format", "json"),
    ]);
    site.service.ask("GET", &format!("/FS?{verified}"), "x", None);
    let grant = json!({"grant_type": "password", "password": device.made(&site, "4321")});
    site.service.ask("POST", crate::world::TOKEN, &site.demo_token(), Some(&grant));

    let list = site.page("/exchanges");
    assert!(list.contains("These pages show secrets"), "{list}");
    let links: Vec<&str> =
        list.split("<a href=\"/exchange?").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(links.len() > 15, "{links:?}");
    let mut modes = BTreeSet::new();
    for link in links {
        let page = site.page(&format!("/exchange?{link}"));
        assert!(!page.contains("data-test=\"unexplained\""), "{page}");
        assert!(page.contains("This page shows secrets."));
        modes.extend(
            ["activate", "otp", "password", "synchro", "ms"]
                .into_iter()
                .filter(|mode| page.contains(&format!("<bdi>{mode}</bdi>"))),
        );
    }
    assert_eq!(modes.len(), 5, "{modes:?}");
    // The secrets are there, and on these pages alone.
    let token = site.demo_token();
    assert!(site.page(&newest_exchange(&site)).contains(&format!("Bearer {token}")));
    for page in PAGES {
        assert!(!site.page(page).contains(&token), "{page}");
    }
}

#[test]
fn only_the_last_exchanges_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    for _ in 0..103 {
        site.service.ask("GET", "/healthz", "x", None);
    }
    assert_eq!(site.page("/exchanges").matches("data-test=\"exchange\"").count(), 100);
    assert_eq!(site.send("GET", "/exchange?id=3", &[], None).status, 404);
    site.page("/exchange?id=4");
    // A request that a limit refuses is recorded, too.
    let long = format!("/FS?{}", "x".repeat(20_000));
    assert_eq!(site.service.ask("GET", &long, "x", None).status, 414);
    assert!(site.page(&newest_exchange(&site)).contains("<dd>414</dd>"));
}

#[test]
fn the_next_steps_are_those_that_the_program_printed() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let page = site.page("/next");
    let texts: Vec<String> = page
        .split("<pre id=")
        .skip(1)
        .map(|rest| rest.split_once('>').unwrap().1.split("</pre>").next().unwrap())
        .map(|text| text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#38;", "&"))
        .collect();
    assert_eq!(texts.len(), 5, "{texts:?}");
    for text in &texts {
        assert!(site.service.printed.lines().any(|line| line.trim() == text), "{text}: {}", site.service.printed);
    }
    let configuration: Value = serde_json::from_str(&texts[0]).unwrap();
    assert_eq!(configuration["credential"]["inWeboURL"], site.service.url("service"));
    assert_eq!(
        texts[1],
        format!(
            "make demo URL={} DEV={}",
            site.service.url("service"),
            folder.path().canonicalize().unwrap().display()
        )
    );
    assert_eq!(texts[2..], site.service.commands());
    assert!(
        page.contains("data-copy=\"configuration\"")
            && page.contains(&*folder.path().canonicalize().unwrap().join("demo.token").to_string_lossy())
    );
}

#[test]
fn the_language_is_chosen_and_the_way_back_stays_in_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    for (back, expected) in
        [("errors", "/errors"), ("/attacker.example", "/"), ("//attacker.example", "/"), ("events", "/")]
    {
        let reply = site.post_only("/language", &[("language", "fr"), ("back", back)]);
        assert_eq!((reply.status, reply.header("location")), (303, expected), "{back}");
        assert!(reply.header("set-cookie").starts_with("pims-console-language=fr;"));
    }
    let french = site.send("GET", "/errors", &[("cookie", "pims-console-language=fr")], None).text;
    assert!(french.contains("<html lang=\"fr\">") && french.contains("Machine") || french.contains("Erreurs"));
    for page in PAGES.into_iter().filter(|page| !page.starts_with("/account?")) {
        let french = site.send("GET", page, &[("accept-language", "fr")], None).text;
        assert!(french.contains("<html lang=\"fr\">"), "{page}");
    }
}

#[test]
fn bad_input_gets_a_page_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(folder.path());
    let device = site.enrolled();
    let rows =
        || String::from_utf8(paste(&site.service.commands()[0].replace("list", "show demo --json")).stdout).unwrap();
    let before = (rows(), site.page("/errors"), site.page("/accounts").contains("It shows the present."));
    let csrf = site.csrf();
    let long = "x".repeat(5000);
    for (method, path) in [
        ("GET", "/?more=1"),
        ("GET", "/accounts?q=1&q=2"),
        ("GET", "/accounts?more=1"),
        ("GET", "/accounts?after="),
        ("GET", "/accounts?q=%00"),
        ("GET", &format!("/accounts?q={long}")),
        ("GET", "/account"),
        ("GET", "/account?name="),
        ("GET", "/account?name=a%0Ab"),
        ("GET", "/account?name=demo&name=demo"),
        ("GET", "/account?name=nobody"),
        ("GET", "/exchange"),
        ("GET", "/exchange?id=x"),
        ("GET", "/exchange?id=-1"),
        ("GET", "/exchange?id=0"),
        ("GET", "/exchange?id=99999999999999999999"),
        ("GET", "/errors?x"),
        ("GET", "/exchanges?x"),
        ("GET", "/next?x"),
        ("GET", "/events?after=x"),
        ("GET", "/events?after=-1"),
        ("GET", "/nothing"),
        ("GET", "/assets/nothing.css"),
        ("GET", "/assets/..%2f..%2fCargo.toml"),
        ("GET", "/unblock"),
        ("GET", "/clock"),
        ("PUT", "/"),
        ("DELETE", "/account?name=demo"),
        ("OPTIONS", "/clock"),
    ] {
        is_refused(&site.send(method, path, &[], None), path);
    }
    let id = device.id.as_str();
    for (path, fields) in [
        ("/unblock", &[][..]),
        ("/unblock", &[("name", "")]),
        ("/unblock", &[("name", "nobody")]),
        ("/unblock", &[("name", "demo"), ("more", "1")]),
        ("/unblock", &[("name", "demo"), ("name", "demo")]),
        ("/remove-device", &[("name", "demo")]),
        ("/remove-device", &[("name", "demo"), ("device", "")]),
        ("/remove-device", &[("name", "demo"), ("device", &id[..7])]),
        ("/remove-device", &[("device", id)]),
        ("/remove-device", &[("name", "demo"), ("device", id), ("device", id)]),
        ("/verify", &[("name", "demo")]),
        ("/verify", &[("name", "nobody"), ("password", "x")]),
        ("/clock", &[]),
        ("/clock", &[("amount", "1"), ("unit", "days")]),
        ("/clock", &[("reset", "then"), ("back", "")]),
        ("/clock", &[("amount", "1"), ("unit", "days"), ("reset", "now"), ("back", "")]),
        ("/gateway", &[("fail", "")]),
        ("/gateway", &[("fail", "often")]),
        ("/fault", &[]),
        ("/fault", &[("fault", "nothing")]),
        ("/fault", &[("fault", "word-access"), ("mode", "nothing")]),
        ("/fault", &[("fault", "unavailable"), ("mode", "otp")]),
        ("/fault", &[("cancel", "x")]),
        ("/language", &[("language", "xx"), ("back", "")]),
        ("/language", &[("language", "fr")]),
    ] {
        is_refused(&site.post_only(path, &[fields, &[("csrf", &csrf)]].concat()), &format!("{path} {fields:?}"));
        // The right form in another type, without its token, and too long.
        let body = crate::device::query(&[fields, &[("csrf", &csrf)]].concat());
        for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
            is_refused(&site.send("POST", path, &[("content-type", kind)], Some(&body)), path);
        }
    }
    let huge = format!("name=demo&csrf={csrf}&more={}", "x".repeat(20_000));
    is_refused(&site.send("POST", "/unblock", &[("content-type", FORM)], Some(&huge)), "a huge form");
    for body in ["%", "a=%ff", "name=demo", "=&=&", "\u{0}"] {
        is_refused(&site.send("POST", "/unblock", &[("content-type", FORM)], Some(body)), body);
    }
    assert!(before == (rows(), site.page("/errors"), site.page("/accounts").contains("It shows the present.")));
    assert_eq!(device.status(&site), "OK");
}

fn is_refused(reply: &Reply, what: &str) {
    assert!((400..500).contains(&reply.status), "{what}: {}", reply.status);
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8", "{what}");
    assert!(reply.text.contains(&format!("Error \u{2068}{}\u{2069}", reply.status)), "{what}: {}", reply.text);
}
