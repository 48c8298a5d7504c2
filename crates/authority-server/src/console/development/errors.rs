//! The page of the error codes: what each means, and how it comes about.

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

use super::faults::{Armed, Effect, FAULTS, Fault};
use super::{Answer, Session, Shared};
use crate::console::form::Fields;
use crate::console::page::{Frame, html};
use crate::console::texts::{Sentence, Texts};
use authority::Mode;

/// The codes of the reference, each with its label there.
pub(super) static CODES: [(u16, &str); 33] = [
    (2000, "Unknown error"),
    (2001, "Facade not initialized"),
    (2002, "API not supported"),
    (2003, "[Component] not loaded"),
    (2004, "Configuration file invalid"),
    (2005, "Duplicate command"),
    (2006, "Core not well configured"),
    (2007, "Facade already initialized"),
    (2101, "Missing [PARAMETER] parameter"),
    (2102, "Invalid [PARAMETER] parameter"),
    (2201, "Timeout"),
    (2202, "Network problem : No internet"),
    (2203, "Invalid return"),
    (2204, "Server Error"),
    (2208, "Certificat pinning failed"),
    (2301, "Need Basic Authentication (to get CVS token)"),
    (2302, "Need Strong Authentication"),
    (2305, "The sms code is invalid"),
    (2306, "The sms code is expired"),
    (2307, "User dont have a phone number"),
    (2308, "inwebo: access refused"),
    (2309, "inwebo: version error"),
    (2310, "inwebo: account is blocked"),
    (2311, "inwebo: internal state not correct"),
    (2312, "inwebo: device is disabled or unknown"),
    (2313, "inwebo: User must activate inWebo helium or inWebo Desktop Token before achieving this operation"),
    (2314, "inwebo: No service is available"),
    (2315, "inwebo: the new password equals the previous one"),
    (2316, "inwebo: the operation succeeded but it required a post-synchronization which failed"),
    (2317, "inwebo: forbidden operation (due to activated state/blocked state/upgradable state)"),
    (2344, "[Component] not configured"),
    (2350, "[Method] is deprecated since [version]"),
    (2390, "Phone number allready registered"),
];

#[derive(Template)]
#[template(path = "development/errors.html")]
struct ErrorsPage {
    frame: Frame,
    armed: Vec<Armed>,
}

impl ErrorsPage {
    fn codes(&self) -> Vec<Code> {
        let code = |(code, label): &(u16, &'static str)| Code {
            code: *code,
            label,
            meaning: self.frame.t.get(&meaning_id(*code)),
            cause: self.frame.t.get(&cause_id(*code)),
            faults: FAULTS.iter().filter(|fault| fault.code == *code).collect(),
        };
        CODES.iter().map(code).collect()
    }

    fn described(&self, fault: &Fault) -> String {
        describe(self.frame.t, fault)
    }

    fn mode_of(&self, mode: &Option<Mode>) -> &'static str {
        mode.map_or("", Mode::as_str)
    }
}

/// A row of the table.
struct Code {
    code: u16,
    label: &'static str,
    meaning: String,
    cause: String,
    faults: Vec<&'static Fault>,
}

fn meaning_id(code: u16) -> String {
    format!("code-{code}-meaning")
}

fn cause_id(code: u16) -> String {
    format!("code-{code}-cause")
}

/// Returns the effect of a fault in words, with the requests that it is for.
pub(super) fn describe(t: Texts, fault: &Fault) -> String {
    let target = fault.shown_target().unwrap_or_else(|| t.get("fault-any-request"));
    let sentence = match &fault.effect {
        Effect::Word(word) => Sentence::new("fault-word").with("word", *word),
        Effect::Refusal(_) | Effect::Unauthorized => Sentence::new("fault-word").with("word", shown_word(fault)),
        Effect::Unavailable => Sentence::new("fault-unavailable"),
        Effect::Limited => Sentence::new("fault-limited"),
        Effect::Page => Sentence::new("fault-page"),
        Effect::Silence => Sentence::new("fault-silence"),
        Effect::Close => Sentence::new("fault-close"),
    };
    t.say(&sentence.with("target", target))
}

/// Returns the word of a refusal of CVS.
fn shown_word(fault: &Fault) -> String {
    use authority::CvsRefusal as Refusal;
    let word = match &fault.effect {
        Effect::Refusal(Refusal::NoPhoneNumber) => "404 NOK:NOPHONE",
        Effect::Refusal(Refusal::PhoneNumberRegistered) => "409 NOK:PHONEREGISTERED",
        Effect::Refusal(Refusal::BadPhoneNumber) => "422 NOK:PHONE",
        Effect::Refusal(Refusal::WrongCode { .. }) => "403 NOK:CODE",
        Effect::Refusal(Refusal::OtherNumber) => "403 NOK:OTHERNUMBER",
        Effect::Refusal(Refusal::TooManyCodes { .. }) => "429 NOK:TOOMANYCODES",
        Effect::Refusal(Refusal::SmsNotSent) => "503 NOK:NOSMS",
        _ => "401 NOK:TOKEN",
    };
    word.to_owned()
}

pub(super) async fn show(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    Fields::of_query(raw.as_deref(), &[])?;
    let frame = console.frame(&session, &headers, Sentence::new("errors-title"), "errors");
    Ok(html(StatusCode::OK, &ErrorsPage { frame, armed: console.tools.faults.armed() }))
}

/// Arms a fault, or cancels one.
pub(super) async fn change(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = Fields::of_session(&session, &headers, &body)?;
    let told = if fields.get("cancel").is_some() {
        let fields = fields.exactly(&["cancel"])?;
        let number = fields.get("cancel").and_then(|number| number.parse().ok()).ok_or(StatusCode::BAD_REQUEST)?;
        // It may have fired meanwhile.
        if console.tools.faults.cancel(number) { Sentence::new("fault-cancelled") } else { Sentence::new("fault-gone") }
    } else if fields.get("mode").is_some() {
        let fields = fields.exactly(&["fault", "mode"])?;
        let fault = fields.get("fault").and_then(Fault::find).ok_or(StatusCode::BAD_REQUEST)?;
        let mode = match fields.get("mode") {
            Some("") => None,
            mode => Some(mode.and_then(Mode::parse).ok_or(StatusCode::BAD_REQUEST)?),
        };
        let fits = mode.map_or(!fault.modes().is_empty(), |mode| fault.modes().contains(&mode));
        arm(&console, Some(fault).filter(|_| fits), mode)?
    } else {
        let fields = fields.exactly(&["fault"])?;
        arm(&console, fields.get("fault").and_then(Fault::find), None)?
    };
    Ok(console.told(&session, told, "errors"))
}

fn arm(
    console: &super::Development,
    fault: Option<&'static Fault>,
    mode: Option<Mode>,
) -> Result<Sentence, StatusCode> {
    let fault = fault.ok_or(StatusCode::BAD_REQUEST)?;
    if console.tools.faults.arm(fault, mode) { Ok(Sentence::new("fault-armed")) } else { Err(StatusCode::CONFLICT) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_page_has_the_codes_of_the_reference_and_no_other() {
        let reference: Value = serde_json::from_str(include_str!("../../../../../tests/spec/api.json")).unwrap();
        let errors = reference["errors"].as_array().unwrap();
        let codes = errors.iter().map(|error| (error["code"].as_u64().unwrap(), error["label"].as_str().unwrap()));
        assert!(codes.eq(CODES.iter().map(|(code, label)| (u64::from(*code), *label))));
        let known: BTreeSet<u16> = CODES.iter().map(|(code, _)| *code).collect();
        assert!(FAULTS.iter().all(|fault| known.contains(&fault.code)));
    }

    #[test]
    fn each_code_of_the_error_table_comes_about_by_a_fault_or_by_the_library_alone() {
        // The library decides these before it sends a request, or without a service.
        let alone = [2001, 2002, 2003, 2004, 2005, 2006, 2007, 2101, 2208, 2302, 2306, 2344, 2350];
        for (code, _) in CODES {
            let has_fault = FAULTS.iter().any(|fault| fault.code == code);
            assert_ne!(has_fault, alone.contains(&code), "{code}");
        }
    }

    #[test]
    fn each_code_and_each_fault_has_words() {
        for t in Texts::languages().map(|(code, _)| Texts::named(code).unwrap()) {
            for (code, _) in CODES {
                assert!(t.has(&meaning_id(code)) && t.has(&cause_id(code)), "{code}");
            }
            assert!(FAULTS.iter().all(|fault| !describe(t, fault).is_empty()));
        }
    }

    #[tokio::test]
    async fn the_words_of_refusals_are_those_of_their_answers() {
        for fault in FAULTS.iter().filter(|fault| matches!(fault.effect, Effect::Refusal(_) | Effect::Unauthorized)) {
            let request = axum::extract::Request::new(axum::body::Body::empty());
            let answer = fault.answer(&request);
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(shown_word(fault), format!("{status} {}", body["err"].as_str().unwrap()));
        }
    }
}
