//! A service on a loopback port: the authority behind a small HTTP server that can be told to fail,
//! with or without TLS. The library within this process gives the answers, or the program, to which
//! the server hands requests on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use authority::{
    AccountName, ActivationProof, Authority, CvsAnswer, CvsRefusal, CvsRequest, KeySize, MasterKey, Options, Outbox,
    Policy, Purpose, SystemClock, Verdict,
};
use inwebo::cvs::{DeviceEntry, Keystore};
use inwebo::values::DeviceName;
use serde_json::{Value, json};

use crate::Verifier;
use crate::fault::{Fault, RETRY_AFTER};
use crate::program::Program;

/// The part that does the work of a request.
enum Backend {
    Library(Box<Authority>),
    Program(Program),
}

/// The service. It ends when it is dropped.
pub(crate) struct Service {
    pub(crate) url: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    backend: Backend,
    account: AccountName,
    tls: Option<Arc<rustls::ServerConfig>>,
    ends: AtomicBool,
    /// The fault, and the number of the request from now on that it happens to.
    fault: Mutex<Option<(usize, Fault)>>,
    /// The requests: action and mode, or method and resource, and the whole text.
    requests: Mutex<Vec<(String, String)>>,
    /// The bodies of the answers, as they were before a fault.
    answers: Mutex<Vec<String>>,
    /// Becomes true when the service has accepted a new PIN.
    pin_changed: AtomicBool,
    connections: Mutex<usize>,
    /// The number of requests that are being read or answered. The sending of an answer does not
    /// count.
    working: AtomicUsize,
}

impl Service {
    /// Starts a service for the account `local` of the database in `folder`, by the library.
    pub(crate) fn start(folder: &Path, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let authority = Authority::open(Options {
            database: folder.join("authority.db").into(),
            master_key: MasterKey::load_or_create(folder.join("authority.key")).unwrap().into(),
            policy: Policy {
                evolve_k1_every: 1,
                // CVS may be named, and no token sent with an activation: the ticket goes with it.
                activation_proof: ActivationProof::Ticket,
                max_devices: 1,
                codes_per_hour: 100,
                codes_per_day: 100,
                otp_without_pin: true,
                // These tests do not depend on the size, and larger keys take most of the time to
                // make.
                device_key_bits: KeySize::Bits1024,
                ..Policy::default()
            },
            sms: Box::new(Outbox::new(folder.join("outbox.jsonl"))),
            sms_retry: None,
            clock: Box::new(SystemClock),
        })
        .unwrap();
        Self::with(Backend::Library(Box::new(authority)), tls)
    }

    /// Does the same by the program.
    pub(crate) fn start_program(binary: &Path, folder: &Path) -> Self {
        Self::with(Backend::Program(Program::start(binary, folder)), None)
    }

    fn with(backend: Backend, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
        let shared = Arc::new(Shared {
            backend,
            account: AccountName::new("local").unwrap(),
            tls,
            ends: AtomicBool::new(false),
            fault: Mutex::default(),
            requests: Mutex::default(),
            answers: Mutex::default(),
            pin_changed: AtomicBool::new(false),
            connections: Mutex::default(),
            working: AtomicUsize::new(0),
        });
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                let mut talks: Vec<(TcpStream, JoinHandle<()>)> = Vec::new();
                for stream in listener.incoming() {
                    if shared.ends.load(Ordering::SeqCst) {
                        break;
                    }
                    let (shared, stream) = (shared.clone(), stream.unwrap());
                    *shared.connections.lock().unwrap() += 1;
                    talks.retain(|(_, talk)| !talk.is_finished());
                    let socket = stream.try_clone().unwrap();
                    talks.push((socket, std::thread::spawn(move || shared.talk(stream))));
                }
                // The database is closed when the service is dropped: nothing changes its files
                // after that.
                for (socket, talk) in talks {
                    let _ = socket.shutdown(Shutdown::Both);
                    // The panic has been printed already.
                    let _ = talk.join();
                }
            }
        });
        Self { url, shared, thread: Some(thread) }
    }

    /// Makes the fault happen to the request that comes after this many others.
    pub(crate) fn fail(&self, after: usize, fault: Fault) {
        *self.shared.fault.lock().unwrap() = Some((after, fault));
    }

    /// Returns whether the fault has happened. A client may have given up while its request is
    /// still being processed. This function waits for the end of the request, since the next one
    /// must not come before it.
    pub(crate) fn failed(&self) -> bool {
        let happened = self.shared.fault.lock().unwrap().is_none();
        let start = Instant::now();
        while self.shared.working.load(Ordering::SeqCst) > 0 {
            assert!(start.elapsed() < Duration::from_secs(120), "a request never ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        happened
    }

    /// Returns the requests since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.requests().into_iter().map(|(name, _)| name).collect()
    }

    /// Returns the requests since the last call, with their whole text.
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }

    /// Returns the bodies of the answers since the last call, as they were before a fault.
    pub(crate) fn answers(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.answers.lock().unwrap())
    }

    /// Returns how many devices the account has. The service must be the library.
    pub(crate) fn devices(&self) -> usize {
        match &self.shared.backend {
            Backend::Library(authority) => authority.devices(&self.shared.account).unwrap().len(),
            Backend::Program(_) => panic!("the program is asked over its admin API"),
        }
    }

    /// Returns whether the service accepted a new PIN, also if the answer was lost.
    pub(crate) fn pin_changed(&self) -> bool {
        self.shared.pin_changed.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }
}

/// A request that is being read or answered.
struct Working<'a>(&'a AtomicUsize);

impl<'a> Working<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Verifier for Service {
    fn accepts(&self, password: &str) -> bool {
        match &self.shared.backend {
            Backend::Library(authority) => {
                authority.verify_otp(&self.shared.account, password).unwrap() == Verdict::Accepted
            }
            Backend::Program(program) => program.accepts(password),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        let address = self.url.rsplit('/').next().unwrap().to_owned();
        // Wakes the thread that accepts connections.
        drop(TcpStream::connect(address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// An answer: status, additional headers, body.
struct Answer(u16, String, String);

pub(crate) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Shared {
    fn talk(&self, socket: TcpStream) {
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let other = socket.try_clone().unwrap();
        let mut stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(socket),
            Some(config) => {
                let connection = rustls::ServerConnection::new(config.clone()).unwrap();
                Box::new(rustls::StreamOwned::new(connection, socket))
            }
        };
        while let Some(head) = read_head(&mut *stream) {
            if !self.serve(&mut *stream, &head) {
                break;
            }
        }
        // Otherwise a clone that waits would hold the connection open.
        let _ = other.shutdown(Shutdown::Both);
    }

    /// Serves one request. Returns whether another one may follow on this connection.
    fn serve(&self, stream: &mut dyn Stream, head: &str) -> bool {
        // Before it is known that the fault has happened.
        let working = Working::begin(&self.working);
        let fault = self.fault_of_now();
        if fault == Some(Fault::Refuse) {
            return false;
        }
        let request = format!("{head}{}", read_body(stream, head));
        let name = name_of(head);
        self.requests.lock().unwrap().push((name.clone(), request.clone()));
        let answer = match fault {
            Some(Fault::Status(status)) => Some(busy(status)),
            Some(Fault::Redirect) => Some(Answer(302, "Location: http://localhost:1/\r\n".into(), String::new())),
            Some(Fault::Cut(place)) => {
                self.cut(&name, &request, place.in_request(&request).unwrap());
                None
            }
            Some(Fault::Damage(share)) => {
                let mut bytes = request.into_bytes();
                flip(&mut bytes, share);
                self.note(&name, self.hand_on(&bytes))
            }
            Some(Fault::Late) => {
                // Waits until the client gives up.
                let _ = stream.read(&mut [0]);
                self.answer(&name, &request);
                None
            }
            _ => self.answer(&name, &request),
        };
        let answer = match fault {
            Some(Fault::Gateway(status, body)) => answer.map(|_| Answer(status, String::new(), body.to_owned())),
            _ => answer,
        };
        drop(working);
        answer.is_some_and(|answer| say(stream, answer, fault))
    }

    fn fault_of_now(&self) -> Option<Fault> {
        let mut fault = self.fault.lock().unwrap();
        match &mut *fault {
            Some((0, _)) => fault.take().map(|(_, fault)| fault),
            Some((after, _)) => {
                *after -= 1;
                None
            }
            None => None,
        }
    }

    fn answer(&self, name: &str, request: &str) -> Option<Answer> {
        let answer = match &self.backend {
            Backend::Library(authority) => Some(self.respond(authority, request)),
            Backend::Program(_) => self.hand_on(request.as_bytes()),
        };
        self.note(name, answer)
    }

    /// Records the answer, and whether the PIN was changed.
    fn note(&self, name: &str, answer: Option<Answer>) -> Option<Answer> {
        let sets_pin = matches!(name, "Finalize password" | "Finalize reset");
        if sets_pin && answer.as_ref().is_some_and(|Answer(_, _, body)| body.contains("<err>OK</err>")) {
            self.pin_changed.store(true, Ordering::SeqCst);
        }
        self.answers.lock().unwrap().extend(answer.iter().map(|Answer(_, _, body)| body.clone()));
        answer
    }

    /// Sends this many bytes of a request to the program and closes the connection. The answer is
    /// lost.
    fn cut(&self, name: &str, request: &str, arrives: usize) {
        if arrives == request.len() {
            self.answer(name, request);
            return;
        }
        let mut stream = TcpStream::connect(&self.program().address).unwrap();
        // The program may have closed the connection already.
        let _ = stream.write_all(&request.as_bytes()[..arrives]);
        let _ = stream.shutdown(Shutdown::Write);
        // The program must see the end before the client goes on.
        let _ = stream.read_to_end(&mut Vec::new());
    }

    fn program(&self) -> &Program {
        let Backend::Program(program) = &self.backend else { panic!("requests are cut on their way to the program") };
        program
    }

    /// Hands a request on to the program. Returns its answer, if one comes.
    fn hand_on(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.program().address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request).unwrap();
        let head = read_head(&mut stream)?;
        let body = read_body(&mut stream, &head);
        let (status, headers) = head.strip_prefix("HTTP/1.1 ")?.split_once("\r\n")?;
        let kept =
            headers.lines().filter(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("content-length"));
        let headers = kept.map(|line| format!("{line}\r\n")).collect();
        Some(Answer(status.get(..3)?.parse().ok()?, headers, body))
    }

    fn respond(&self, authority: &Authority, request: &str) -> Answer {
        let (head, body) = request.split_at(request.find("\r\n\r\n").unwrap() + 4);
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let shows_token = head.to_ascii_lowercase().contains(&format!("authorization: bearer {}\r\n", crate::TOKEN));
        if path == "/iwws/MAC" {
            let caller = if shows_token { Some(&self.account) } else { None };
            return Answer(
                200,
                "Content-Type: text/xml\r\n".into(),
                authority.mac(caller, query).unwrap().xml.to_string(),
            );
        }
        assert!(shows_token, "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (sms_code, phone_number, name) = (text("smsCode"), text("phoneNumber"), DeviceName::new(&text("name")));
        let (parent, last) = path.rsplit_once('/').unwrap();
        let request = match (method, last) {
            ("POST", "smsCode") => CvsRequest::SendCode {
                purpose: match text("type").as_str() {
                    "phoneNumberCertification" => Purpose::PhoneNumberCertification,
                    "resetPIN" => Purpose::ResetPin,
                    _ => Purpose::Enrollment,
                },
                phone_number: (!phone_number.is_empty()).then_some(&*phone_number),
            },
            ("GET", "trustedPhoneNumber") => CvsRequest::TrustedPhoneNumber,
            ("POST", "trustedPhoneNumber") => {
                CvsRequest::AddPhoneNumber { sms_code: &sms_code, phone_number: &phone_number }
            }
            ("PUT", "trustedPhoneNumber") => {
                CvsRequest::ModifyPhoneNumber { sms_code: &sms_code, phone_number: &phone_number }
            }
            ("DELETE", "enrollments") => CvsRequest::RemoveEnrollments,
            ("GET", "devices") => CvsRequest::Devices,
            ("PATCH", device) if parent.ends_with("/devices") => {
                CvsRequest::RenameDevice { device, name: name.as_ref().unwrap() }
            }
            ("DELETE", device) if parent.ends_with("/devices") => CvsRequest::RemoveDevice { device },
            other => panic!("{other:?}"),
        };
        let (status, said) = match authority.cvs(&self.account, &request).unwrap() {
            CvsAnswer::Done => (200, "{}".into()),
            CvsAnswer::Ticket(ticket) => (200, format!("{{\"ticket\":\"{}\"}}", ticket.reveal())),
            CvsAnswer::PhoneNumber(number) => (200, format!("{{\"phoneNumber\":\"{number}\"}}")),
            CvsAnswer::Devices(devices) => {
                let entries: Vec<_> = devices.iter().map(entry).collect();
                (200, json!({ "devices": entries }).to_string())
            }
            CvsAnswer::Refused(CvsRefusal::NoSuchDevice) => (404, r#"{"err":"NOK:DEVICEID"}"#.into()),
            CvsAnswer::Refused(CvsRefusal::WrongCode { attempts_left }) => {
                (403, format!("{{\"err\":\"NOK:CODE\",\"attemptsLeft\":{attempts_left}}}"))
            }
            CvsAnswer::Refused(CvsRefusal::NoPhoneNumber) => (404, r#"{"err":"NOK:NOPHONE"}"#.into()),
            CvsAnswer::Refused(CvsRefusal::PhoneNumberRegistered) => (409, r#"{"err":"NOK:PHONEREGISTERED"}"#.into()),
            CvsAnswer::Refused(other) => panic!("{other:?}"),
        };
        Answer(status, "Content-Type: application/json\r\n".into(), said)
    }
}

/// Returns a device of a list as the program writes it.
fn entry(device: &DeviceEntry) -> Value {
    let DeviceEntry { id, name, since, used, keystore, .. } = device;
    json!({"id": id, "name": name, "since": since, "used": used, "keystore": keystore.map(Keystore::as_str)})
}

/// Returns the program's answer when it cannot serve.
fn busy(status: u16) -> Answer {
    let wait = format!("Retry-After: {RETRY_AFTER}\r\n");
    match status {
        429 => Answer(status, wait, r#"{"err":"NOK:TOOMANYREQUESTS"}"#.into()),
        503 => Answer(status, wait, r#"{"err":"UNAVAILABLE"}"#.into()),
        _ => Answer(status, String::new(), "no".into()),
    }
}

/// Sends an answer as far as the fault permits. Returns whether another request may follow on this
/// connection.
fn say(stream: &mut dyn Stream, answer: Answer, fault: Option<Fault>) -> bool {
    let Answer(status, headers, body) = answer;
    let mut bytes =
        format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
    match fault {
        Some(Fault::Silence) => bytes.clear(),
        Some(Fault::Stall) => bytes.truncate(bytes.len() / 2),
        Some(Fault::Truncate(share)) => bytes.truncate(bytes.len() * share / 1000),
        Some(Fault::Corrupt(share)) => flip(&mut bytes, share),
        _ => {}
    }
    let said = stream.write_all(&bytes).and_then(|()| stream.flush()).is_ok();
    match fault {
        Some(Fault::Silence | Fault::Stall) => {
            // Waits until the client gives up.
            let _ = stream.read(&mut [0]);
            false
        }
        Some(Fault::Truncate(_)) => false,
        _ => said,
    }
}

/// Changes the byte at this place, in thousandths.
fn flip(bytes: &mut [u8], share: usize) {
    let place = (bytes.len() * share / 1000).min(bytes.len() - 1);
    bytes[place] ^= 1;
}

pub(crate) fn read_head(stream: &mut dyn Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8(head).unwrap())
}

pub(crate) fn read_body(stream: &mut dyn Read, head: &str) -> String {
    let lower = head.to_ascii_lowercase();
    let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn name_of(head: &str) -> String {
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let value = |name: &str| {
        let (_, query) = target.split_once('?')?;
        form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    };
    match (value("action"), value("mode")) {
        (Some(action), Some(mode)) => format!("{} {mode}", action.trim_start_matches("Action")),
        _ => format!("{method} {}", target.split('?').next().unwrap().rsplit('/').next().unwrap()),
    }
}
