//! A service on a loopback port: the authority behind a small HTTP server that can be told to fail, with TLS or without. What answers is
//! the library within this process, or the program, to which requests are handed on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use pims_authority::{
    AccountName, Authority, CvsAnswer, CvsRefusal, CvsRequest, MasterKey, Options, Outbox, Policy, Purpose, SystemClock,
};

use crate::program::Program;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends before the request is read: the service never sees it.
    Refuse,
    /// The service does what is asked, and of its answer so many thousandths arrive before the connection ends.
    Truncate(usize),
    /// The service does what is asked, and one byte of its answer, at so many thousandths, is another one.
    Corrupt(usize),
    /// The service does what is asked, and its answer never comes.
    Silence,
    /// The service does nothing and says this status.
    Status(u16),
    /// The service sends the client elsewhere.
    Redirect,
    /// So many thousandths of the request arrive before the connection ends; 1000 is all of it, and the answer is lost.
    Cut(usize),
    /// One byte of the request, at so many thousandths, arrives as another one.
    Damage(usize),
    /// The request arrives once the client has had enough of waiting.
    Late,
}

/// Who does what is asked.
enum Backend {
    Library(Box<Authority>),
    Program(Program),
}

/// The service, until it is dropped.
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
    /// Which request from now on, and what happens to it.
    fault: Mutex<Option<(usize, Fault)>>,
    /// What was asked, action and mode or method and resource.
    asked: Mutex<Vec<String>>,
    /// The same, and the headers beside it, in lower case.
    heads: Mutex<Vec<(String, String)>>,
    connections: Mutex<usize>,
    /// Whether a late request is under way.
    late: Mutex<bool>,
}

impl Service {
    /// Serves the account `local` of the database in `folder`, by the library.
    pub(crate) fn start(folder: &Path, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let authority = Authority::open(Options {
            database: folder.join("authority.db").into(),
            master_key: MasterKey::load_or_create(folder.join("authority.key")).unwrap().into(),
            policy: Policy { evolve_k1_every: 1, max_devices: 1, codes_per_hour: 100, ..Policy::default() },
            sms: Box::new(Outbox::new(folder.join("outbox.jsonl"))),
            sms_retry: None,
            clock: Box::new(SystemClock),
        })
        .unwrap();
        Self::with(Backend::Library(Box::new(authority)), tls)
    }

    /// The same by the program.
    pub(crate) fn start_program(binary: &Path, folder: &Path) -> Self {
        Self::with(Backend::Program(Program::start(binary, folder, "")), None)
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
            asked: Mutex::default(),
            heads: Mutex::default(),
            connections: Mutex::default(),
            late: Mutex::default(),
        });
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                for stream in listener.incoming() {
                    if shared.ends.load(Ordering::SeqCst) {
                        return;
                    }
                    let (shared, stream) = (shared.clone(), stream.unwrap());
                    *shared.connections.lock().unwrap() += 1;
                    std::thread::spawn(move || shared.talk(stream));
                }
            }
        });
        Self { url, shared, thread: Some(thread) }
    }

    /// Lets a fault happen to the request that comes after so many others.
    pub(crate) fn fail(&self, after: usize, fault: Fault) {
        *self.shared.fault.lock().unwrap() = Some((after, fault));
    }

    /// Whether the fault has happened. One that outlives its client is waited for.
    pub(crate) fn failed(&self) -> bool {
        while *self.shared.late.lock().unwrap() {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.shared.fault.lock().unwrap().is_none()
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }

    /// What was asked since the last time, with its headers in lower case.
    pub(crate) fn heads(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.shared.heads.lock().unwrap())
    }

    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        let address = self.url.rsplit('/').next().unwrap().to_owned();
        // Wakes the one that accepts.
        drop(TcpStream::connect(address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// An answer: status, more headers, body.
struct Answer(u16, String, String);

trait Stream: Read + Write {}
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

    /// One request. Whether another one may follow on this connection.
    fn serve(&self, stream: &mut dyn Stream, head: &str) -> bool {
        let fault = self.fault_of_now();
        if fault == Some(Fault::Refuse) {
            return false;
        }
        *self.late.lock().unwrap() = fault == Some(Fault::Late);
        let body = read_body(stream, head);
        self.asked.lock().unwrap().push(name_of(head));
        self.heads.lock().unwrap().push((name_of(head), head.to_ascii_lowercase()));
        let answer = match fault {
            Some(Fault::Status(status)) => Answer(status, String::new(), "no".into()),
            Some(Fault::Redirect) => Answer(302, "Location: http://localhost:1/\r\n".into(), String::new()),
            Some(Fault::Cut(share)) => {
                let request = format!("{head}{body}").into_bytes();
                let arrives = request.len() * share / 1000;
                self.hand_on(&request[..arrives], arrives == request.len());
                return false;
            }
            Some(Fault::Damage(share)) => {
                let mut request = format!("{head}{body}").into_bytes();
                let place = (request.len() * share / 1000).min(request.len() - 1);
                request[place] ^= 1;
                match self.hand_on(&request, true) {
                    Some(answer) => answer,
                    None => return false,
                }
            }
            Some(Fault::Late) => {
                // Until the client has enough of it.
                let _ = stream.read(&mut [0]);
                self.answer(head, &body);
                *self.late.lock().unwrap() = false;
                return false;
            }
            _ => self.answer(head, &body),
        };
        let Answer(status, headers, body) = answer;
        let mut bytes =
            format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        match fault {
            Some(Fault::Silence) => {
                // Until the client has enough of it.
                let _ = stream.read(&mut [0]);
                return false;
            }
            Some(Fault::Truncate(share)) => bytes.truncate(bytes.len() * share / 1000),
            Some(Fault::Corrupt(share)) => {
                let place = (bytes.len() * share / 1000).min(bytes.len() - 1);
                bytes[place] ^= 1;
            }
            _ => {}
        }
        stream.write_all(&bytes).and_then(|()| stream.flush()).is_ok() && !matches!(fault, Some(Fault::Truncate(_)))
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

    fn answer(&self, head: &str, body: &str) -> Answer {
        match &self.backend {
            Backend::Library(authority) => self.judge(authority, head, body),
            Backend::Program(_) => self.hand_on(format!("{head}{body}").as_bytes(), true).unwrap(),
        }
    }

    /// Hands a request, or the beginning of one, on to the program. Its answer, where it is waited for and comes.
    fn hand_on(&self, bytes: &[u8], whole: bool) -> Option<Answer> {
        let Backend::Program(program) = &self.backend else { panic!("requests are cut on their way to the program") };
        let mut stream = TcpStream::connect(&program.address).unwrap();
        stream.write_all(bytes).unwrap();
        if !whole {
            // The program has seen the end of it before the client goes on.
            stream.shutdown(Shutdown::Write).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
            return None;
        }
        let head = read_head(&mut stream)?;
        let body = read_body(&mut stream, &head);
        let (status, headers) = head.strip_prefix("HTTP/1.1 ")?.split_once("\r\n")?;
        let kept =
            headers.lines().filter(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("content-length"));
        let headers = kept.map(|line| format!("{line}\r\n")).collect();
        Some(Answer(status.get(..3)?.parse().ok()?, headers, body))
    }

    fn judge(&self, authority: &Authority, head: &str, body: &str) -> Answer {
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path == "/iwws/MAC" {
            return Answer(200, "Content-Type: text/xml\r\n".into(), authority.mac(None, query).unwrap());
        }
        assert!(head.to_ascii_lowercase().contains(&format!("authorization: bearer {}\r\n", crate::TOKEN)), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (sms_code, phone_number) = (text("smsCode"), text("phoneNumber"));
        let request = match (method, path.rsplit('/').next().unwrap()) {
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
            other => panic!("{other:?}"),
        };
        let (status, said) = match authority.cvs(&self.account, &request).unwrap() {
            CvsAnswer::Done => (200, "{}".into()),
            CvsAnswer::PhoneNumber(number) => (200, format!("{{\"phoneNumber\":\"{number}\"}}")),
            CvsAnswer::Refused(CvsRefusal::WrongCode { attempts_left }) => {
                (403, format!("{{\"err\":\"NOK:CODE\",\"attemptsLeft\":{attempts_left}}}"))
            }
            CvsAnswer::Refused(other) => panic!("{other:?}"),
        };
        Answer(status, "Content-Type: application/json\r\n".into(), said)
    }
}

fn read_head(stream: &mut dyn Stream) -> Option<String> {
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

fn read_body(stream: &mut dyn Stream, head: &str) -> String {
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
