//! Faults that the console arms: each one decides the answer to one request to the public listener,
//! in the form of a real answer of the service.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use crate::http::{ApiError, cvs_response, mac_response};
use authority::{CvsAnswer, CvsRefusal, MacAnswer, MacRequest, Mode, Word};

/// The maximum number of armed faults.
const MAX_ARMED: usize = 32;

const EXCHANGE: &str = "/iwws/MAC";
const CVS: &str = "/applications/cvs/v4/mobile/";

/// A kind of fault.
pub(crate) struct Fault {
    /// Its name in a form.
    pub(super) id: &'static str,
    /// The code of the library that it leads to.
    pub(super) code: u16,
    pub(super) target: Target,
    pub(super) effect: Effect,
}

/// The requests that a fault is for.
pub(super) enum Target {
    /// The exchange with devices, in one of these modes. Empty: in any mode.
    Exchange(&'static [Mode]),
    /// A request of CVS: its method, and the end of its path.
    Cvs(Method, &'static str),
    /// Each request of CVS.
    AnyCvs,
    Any,
}

/// The effect of a fault.
pub(super) enum Effect {
    /// The error word of the exchange.
    Word(&'static str),
    /// A refusal of CVS.
    Refusal(CvsRefusal),
    /// HTTP 401: the token is not accepted.
    Unauthorized,
    /// HTTP 503: the service failed.
    Unavailable,
    /// HTTP 429: too many requests.
    Limited,
    /// A page of something else than the service.
    Page,
    /// No answer at all.
    Silence,
    /// The end of the connection, without an answer.
    Close,
}

/// An effect for one request, which stands in the request until its answer is made.
pub(super) type Armed = (u64, &'static Fault, Option<Mode>);

const fn word(id: &'static str, code: u16, word: &'static str) -> Fault {
    word_in(id, code, word, &[])
}

const fn word_in(id: &'static str, code: u16, word: &'static str, modes: &'static [Mode]) -> Fault {
    Fault { id, code, target: Target::Exchange(modes), effect: Effect::Word(word) }
}

const fn refusal(id: &'static str, code: u16, method: Method, path: &'static str, refusal: CvsRefusal) -> Fault {
    Fault { id, code, target: Target::Cvs(method, path), effect: Effect::Refusal(refusal) }
}

const fn any(id: &'static str, code: u16, effect: Effect) -> Fault {
    Fault { id, code, target: Target::Any, effect }
}

/// All kinds, in the order of their codes.
pub(super) static FAULTS: &[Fault] = &[
    word("word-unknown", 2000, "NOK:NEWWORD"),
    word_in("word-pin-refused", 2102, "NOK:PINREFUSED", &[Mode::Activate, Mode::Password, Mode::Reset]),
    refusal("cvs-phone", 2102, Method::POST, "trustedPhoneNumber", CvsRefusal::BadPhoneNumber),
    any("silence", 2201, Effect::Silence),
    word("word-timeout", 2201, "NOK:TIMEOUT"),
    any("close", 2202, Effect::Close),
    any("page", 2203, Effect::Page),
    word("word-url", 2203, "NOK:URL"),
    any("unavailable", 2204, Effect::Unavailable),
    any("limited", 2204, Effect::Limited),
    word("word-saturated", 2204, "NOK:SAT"),
    refusal("cvs-no-sms", 2204, Method::POST, "smsCode", CvsRefusal::SmsNotSent),
    refusal(
        "cvs-too-many-codes",
        2204,
        Method::POST,
        "smsCode",
        CvsRefusal::TooManyCodes { retry_after_seconds: Some(60) },
    ),
    Fault { id: "cvs-token", code: 2301, target: Target::AnyCvs, effect: Effect::Unauthorized },
    word_in("word-token", 2301, "NOK:TOKEN", &[Mode::Activate]),
    word_in("word-code", 2305, "NOK:CODE", &[Mode::Activate, Mode::Reset]),
    refusal("cvs-code", 2305, Method::POST, "trustedPhoneNumber", CvsRefusal::WrongCode { attempts_left: 4 }),
    refusal("cvs-other-number", 2305, Method::PUT, "trustedPhoneNumber", CvsRefusal::OtherNumber),
    refusal("cvs-no-number", 2307, Method::GET, "trustedPhoneNumber", CvsRefusal::NoPhoneNumber),
    refusal("cvs-no-number-for-code", 2307, Method::POST, "smsCode", CvsRefusal::NoPhoneNumber),
    word("word-access", 2308, "NOK:ACCESS"),
    word("word-version", 2309, "NOK:VERSION"),
    word("word-blocked", 2310, "NOK:NOK_BLOCKED"),
    word_in("word-max-devices", 2310, "NOK:MAXNBTOOLS", &[Mode::Activate]),
    word("word-state", 2311, "NOK:STATE"),
    word("word-no-device", 2312, "NOK:NODEVICE"),
    word("word-no-ca", 2313, "NOK:NOCA"),
    word("word-no-service", 2314, "NOK:NOSRV"),
    word_in("word-pin-reused", 2315, "NOK:PINREUSED", &[Mode::Password, Mode::Reset]),
    word("word-synchro-failed", 2316, "NOK:SYNCHROFAILED"),
    word("word-forbidden", 2317, "NOK:FORBIDDEN"),
    refusal("cvs-registered", 2390, Method::POST, "trustedPhoneNumber", CvsRefusal::PhoneNumberRegistered),
    word_in("word-registered", 2390, "NOK:PHONEREGISTERED", &[Mode::Activate]),
];

impl Fault {
    /// Finds a kind by its name in a form.
    pub(super) fn find(id: &str) -> Option<&'static Self> {
        FAULTS.iter().find(|fault| fault.id == id)
    }

    /// Returns the modes of the requests that it can be for. Empty: it is for no mode.
    pub(super) fn modes(&self) -> &'static [Mode] {
        match self.target {
            Target::Exchange([]) => &Mode::ALL,
            Target::Exchange(modes) => modes,
            _ => &[],
        }
    }

    /// Returns whether the fault decides about the connection, and not about the answer.
    fn is_of_connection(&self) -> bool {
        matches!(self.effect, Effect::Silence | Effect::Close)
    }

    fn is_for(&self, mode: Option<Mode>, request: &Request) -> bool {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        match &self.target {
            Target::Exchange(_) => {
                let asked = MacRequest::read(query).mode();
                let fits = |asked| self.modes().contains(&asked) && mode.is_none_or(|mode| mode == asked);
                path == EXCHANGE && asked.is_some_and(fits)
            }
            Target::Cvs(method, end) => request.method() == method && path.strip_prefix(CVS) == Some(end),
            Target::AnyCvs => path.starts_with(CVS),
            Target::Any => !matches!(path, "/healthz" | "/readyz"),
        }
    }

    /// Returns the answer to a request.
    pub(super) fn answer(&self, request: &Request) -> Response {
        match &self.effect {
            Effect::Word(word) => {
                let request = MacRequest::read(request.uri().query().unwrap_or_default());
                mac_response(MacAnswer::refusal(&request, read_word(word)))
            }
            Effect::Refusal(refusal) => cvs_response(CvsAnswer::Refused(refusal.clone())),
            Effect::Unauthorized => ApiError::Unauthorized.into_response(),
            Effect::Limited => ApiError::RateLimited(std::time::Duration::from_secs(60)).into_response(),
            Effect::Page => {
                let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
                (kind, "<!DOCTYPE html><title>Welcome</title><p>Welcome to this network.</p>").into_response()
            }
            Effect::Unavailable | Effect::Silence | Effect::Close => ApiError::Failed.into_response(),
        }
    }

    /// Returns the requests that it is for, as a developer writes them. `None`: each request.
    pub(super) fn shown_target(&self) -> Option<String> {
        match &self.target {
            Target::Exchange(_) => Some(format!("GET {EXCHANGE}")),
            Target::Cvs(method, end) => Some(format!("{method} {CVS}{end}")),
            Target::AnyCvs => Some(format!("{CVS}…")),
            Target::Any => None,
        }
    }
}

/// Reads a word as the service writes it: it writes one of the two words for a blocked account.
fn read_word(text: &str) -> Word {
    if text == Word::NokBlocked.as_str() { Word::NokBlocked } else { Word::read(text) }
}

/// The armed faults, in the order in which they were armed.
#[derive(Default)]
pub(crate) struct Faults(Mutex<(u64, VecDeque<Armed>)>);

impl Faults {
    /// Arms a fault. Returns `false` if there are too many.
    pub(super) fn arm(&self, fault: &'static Fault, mode: Option<Mode>) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, armed) = &mut *state;
        if armed.len() >= MAX_ARMED {
            return false;
        }
        *last += 1;
        armed.push_back((*last, fault, mode));
        true
    }

    /// Cancels a fault. Returns `false` if it is not armed.
    pub(super) fn cancel(&self, number: u64) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.1.len();
        state.1.retain(|(armed, ..)| *armed != number);
        state.1.len() < before
    }

    pub(super) fn armed(&self) -> Vec<Armed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.iter().copied().collect()
    }

    /// Takes the first fault that decides about the connection of a request.
    pub(super) fn take_for_connection(&self, request: &Request) -> Option<&'static Fault> {
        self.take(request, Fault::is_of_connection)
    }

    /// Takes the first fault that decides the answer to a request.
    pub(super) fn take_for_answer(&self, request: &Request) -> Option<&'static Fault> {
        self.take(request, |fault| !fault.is_of_connection())
    }

    fn take(&self, request: &Request, is: impl Fn(&Fault) -> bool) -> Option<&'static Fault> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |(_, fault, mode): &Armed| is(fault) && fault.is_for(*mode, request);
        let at = state.1.iter().position(fits)?;
        state.1.remove(at).map(|(_, fault, _)| fault)
    }
}

/// Returns a response that ends the connection before an answer.
pub(super) fn closed() -> Response {
    // The head of a response stays in a buffer until its body has begun.
    let broken = async { Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)) };
    Body::from_stream(futures_util::stream::once(broken)).into_response()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn request(method: &str, target: &str) -> Request {
        Request::builder().method(method).uri(target).body(Body::empty()).unwrap()
    }

    #[test]
    fn each_kind_has_its_name() {
        let ids: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.id).collect();
        assert_eq!(ids.len(), FAULTS.len());
        assert!(FAULTS.is_sorted_by_key(|fault| fault.code));
    }

    #[test]
    fn a_fault_is_for_its_requests_and_fires_once() {
        let faults = Faults::default();
        assert!(faults.arm(Fault::find("word-access").unwrap(), Some(Mode::Otp)));
        assert!(faults.arm(Fault::find("cvs-no-sms").unwrap(), None));
        let otp = request("GET", "/iwws/MAC?action=ActionSetup&mode=otp");
        for other in ["/iwws/MAC?mode=status", "/iwws/MAC", "/iwws/MAC?mode=x", "/FS?mode=otp"] {
            assert!(faults.take_for_answer(&request("GET", other)).is_none(), "{other}");
        }
        assert_eq!(faults.take_for_answer(&otp).unwrap().id, "word-access");
        assert!(faults.take_for_answer(&otp).is_none());
        assert!(faults.take_for_answer(&request("GET", "/applications/cvs/v4/mobile/smsCode")).is_none());
        assert!(faults.take_for_answer(&request("POST", "/applications/cvs/v4/mobile/smsCode?locale=fr")).is_some());
        assert!(faults.arm(Fault::find("word-pin-reused").unwrap(), None));
        assert!(faults.take_for_answer(&otp).is_none(), "no password has this word");
        assert!(faults.take_for_answer(&request("GET", "/iwws/MAC?mode=reset")).is_some());
        assert!(faults.arm(Fault::find("close").unwrap(), None));
        assert!(
            faults.take_for_answer(&otp).is_none() && faults.take_for_connection(&request("GET", "/healthz")).is_none()
        );
        assert!(faults.take_for_connection(&otp).is_some());
        for _ in 0..MAX_ARMED {
            assert!(faults.arm(&FAULTS[0], None));
        }
        assert!(!faults.arm(&FAULTS[0], None));
        let number = faults.armed()[0].0;
        assert!(faults.cancel(number) && !faults.cancel(number));
    }

    /// Returns the words of the tables in docs/protocol.md, with the codes of the library.
    fn codes_of_words() -> BTreeMap<String, String> {
        let page = include_str!("../../../../../docs/protocol.md");
        let mut codes = BTreeMap::new();
        for line in page.lines().filter(|line| line.starts_with("| `NOK") || line.starts_with("| anything else")) {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let (words, code) = (cells[0], cells[cells.len() - 1]);
            if code.starts_with('2') {
                let words = words.split('`').skip(1).step_by(2);
                words.for_each(|word| _ = codes.entry(word.to_owned()).or_insert_with(|| code.to_owned()));
            }
        }
        codes
    }

    #[tokio::test]
    async fn each_word_leads_to_the_code_that_the_page_of_the_protocol_names() {
        let codes = codes_of_words();
        assert!(codes.len() > 20, "{codes:?}");
        for fault in FAULTS {
            let method = match &fault.target {
                Target::Cvs(method, _) => method.as_str(),
                _ => "GET",
            };
            let body = fault.answer(&request(method, "/?action=ActionSetup&mode=otp")).into_body();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let body = std::str::from_utf8(&body).unwrap();
            let Some(at) = body.find("NOK:") else { continue };
            let word = body[at..].split(['<', '"']).next().unwrap();
            match codes.get(word) {
                Some(code) => assert!(code.starts_with(&fault.code.to_string()), "{}: {word} {code}", fault.id),
                None => assert!(["NOK:NEWWORD", "NOK:TOOMANYREQUESTS"].contains(&word), "{word}"),
            }
        }
    }
}
