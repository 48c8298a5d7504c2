//! The code, the detail and the next action of each inner error.
//!
//! This is the one place where a failure of the component, the service, the transport or the
//! storage becomes an error of the catalogue ([`crate::error`]).

use inwebo::client::{BlockTimes, EngineError};
use inwebo::cvs::CvsRefusal;
use inwebo::word::Word;

use crate::error::{Code, Error, NextAction};
use crate::store::StoreError;
use crate::strongauth::budget::Exhausted;
use crate::strongauth::machine::{Refusal, State};
use crate::strongauth::{Failure, OpenError};
use crate::transport::TransportError;
#[cfg(feature = "embedded")]
use crate::transport::embedded::EmbeddedError;
use crate::transport::http::TrustError;

/// Parameter with the PIN of an operation that has one PIN.
pub(super) const PIN_CODE: &str = "pinCode";

/// Returns the error of a failed operation. `pin` is the parameter with the PIN that the service
/// may refuse.
pub fn from_failure(failure: &Failure, pin: &'static str) -> Error {
    match failure {
        Failure::State(refusal, state) => of_state(*refusal, *state),
        Failure::StillBlocked(refusal, times) => of_timed_block(of_state(*refusal, State::Blocked), *times),
        Failure::Engine(EngineError::Refused { word: word @ Word::Forbidden, reason: Some(reason), retry_after_seconds, .. })
            if reason == "dailyLimit" =>
        {
            of_daily_limit(word, *retry_after_seconds)
        }
        Failure::Engine(EngineError::Refused { word, .. }) if failure.is_forbidden() => {
            of_word(word, None, pin).with_detail(FORBIDDEN).then(NextAction::Enroll)
        }
        Failure::Engine(EngineError::Refused { word, attempts_left, reason, .. }) => {
            let error = explained(of_word(word, *attempts_left, pin), word, reason.as_deref());
            match failure.block_times() {
                Some(times) => of_timed_block(error, times),
                None => error,
            }
        }
        Failure::BadCode(EngineError::Refused { word, attempts_left, .. }) => {
            of_word(&Word::Code, *attempts_left, pin).with_info(|info| info.word = Some(word.as_str().to_owned()))
        }
        Failure::Engine(EngineError::FactoryKey) | Failure::BadCode(EngineError::FactoryKey) => {
            Error::new(Code::AccessRefused).with_detail(
                "the service handed over another factory key than the pinned one, or than the one this device was enrolled with",
            )
        }
        Failure::Engine(error @ EngineError::Unusable(_)) | Failure::BadCode(error @ EngineError::Unusable(_)) => {
            Error::new(Code::InvalidReturn).with_detail(error.to_string())
        }
        Failure::Transport(error) => of_transport(error),
        Failure::Cvs(refusal) => of_cvs(refusal),
        Failure::Store(error) => error.into(),
        Failure::PostSynchronization(inner) => {
            let inner = from_failure(inner, pin);
            let error = Error::new(Code::PostSynchronization).with_detail(format!(
                "it is done, but the device could not synchronize ({}); it does so first thing in its next operation",
                inner.reason()
            ));
            match inner.info().and_then(|info| info.word.clone()) {
                Some(word) => error.with_info(|info| info.word = Some(word)),
                None => error,
            }
        }
        Failure::MustSynchronize => Error::new(Code::PostSynchronization)
            .with_detail(
                "the device must synchronize first, for which it needs the PIN: make a one-time password with the PIN once",
            )
            .then(NextAction::RetryPin),
        Failure::PinMissing => Error::missing(PIN_CODE),
        Failure::PinUncertain(inner) => {
            let inner = from_failure(inner, pin);
            let detail = format!(
                "{}; it is not known whether the PIN was changed: try the new one first, then the old one",
                inner.reason()
            );
            inner.with_detail(detail)
        }
        Failure::Limit(exhausted) => {
            let error = Error::new(Code::ServerError).with_detail(exhausted.to_string());
            match exhausted {
                Exhausted::Passwords { retry_after_seconds, .. } => {
                    error.with_info(|info| info.retry_after_seconds = Some(*retry_after_seconds))
                }
                Exhausted::Activations { .. } => error,
            }
        }
        Failure::Unfit(reason) => Error::invalid("state", *reason),
        Failure::Entropy => Error::new(Code::Unknown).with_detail(failure.to_string()),
    }
}

/// Returns the error of a failed operation without a PIN.
pub fn from_failure_without_pin(failure: &Failure) -> Error {
    let error = from_failure(failure, PIN_CODE);
    let detail = "the service makes no one-time passwords without a PIN for this account, or this is not the device";
    match failure.word() {
        Some(word) => where_no_pin_was_asked_for(error, word, detail),
        None => error,
    }
}

/// Adds the times of a block that ends by itself.
fn of_timed_block(error: Error, times: BlockTimes) -> Error {
    let BlockTimes { retry_after_seconds: seconds, until } = times;
    error
        .with_detail(format!(
            "too many wrong PINs: the account is blocked for {seconds} more seconds, and then has one try; \
             or reset the PIN with an SMS code"
        ))
        .with_info(|info| (info.retry_after_seconds, info.blocked_until) = (Some(seconds), until))
}

/// Returns the error of a blocked account for a device that is not enrolled. If the block ends by
/// itself, waiting helps, and there is no next action: a program that removed the enrollments on
/// its own would take them from every device.
fn blocked_without_device(error: Error, failure: &Failure) -> Error {
    match failure.block_times() {
        Some(BlockTimes { retry_after_seconds: seconds, .. }) => error
            .with_detail(format!(
                "too many wrong PINs: the account is blocked for {seconds} more seconds, and then has one try"
            ))
            .with_info(|info| info.next_action = None),
        None => error.with_detail(BLOCKED_WITHOUT_DEVICE).then(NextAction::RemoveEnrollments),
    }
}

/// Detail of a blocked account for a device that is not enrolled.
const BLOCKED_WITHOUT_DEVICE: &str =
    "too many wrong PINs: reset the PIN on an enrolled device, or remove the enrollments and begin anew";

/// Returns the error of a failed enrollment. A device that is not enrolled cannot reset the PIN of
/// a blocked account. It can only begin again.
pub fn from_failure_of_enrollment(failure: &Failure) -> Error {
    let error = from_failure(failure, PIN_CODE);
    match failure.word() {
        Some(Word::Blocked) => blocked_without_device(error, failure),
        Some(Word::Forbidden) => error.with_detail(FORBIDDEN_ENROLLMENT).with_info(|info| info.next_action = None),
        _ => error,
    }
}

/// Returns the error of a failed import. The device of the state is not the device of the record,
/// so some next steps differ.
pub(super) fn from_failure_of_import(failure: &Failure) -> Error {
    let error = from_failure(failure, PIN_CODE);
    match failure {
        Failure::State(_, State::Activated(_) | State::Blocked) => Error::new(Code::Forbidden)
            .with_detail("this device is enrolled already: an import with \"replace\":true replaces its enrollment"),
        _ if failure.word() == Some(&Word::Access) => error
            .with_detail("the PIN is wrong, or the state is not the newest one of its client: nothing was imported"),
        _ if failure.word() == Some(&Word::Blocked) => blocked_without_device(error, failure),
        _ => error,
    }
}

/// Returns the error of a failed operation whose mode is ours. A service that does not know the
/// mode, or has it switched off, answers that the syntax is wrong, or forbids the operation.
pub(super) fn from_failure_of_own_mode(failure: &Failure) -> Error {
    let error = from_failure(failure, PIN_CODE);
    match failure.word() {
        Some(word @ Word::Syntax) => Error::new(Code::NotSupported)
            .with_detail("the service does not offer this operation: it is switched off, or the service is another one than pims-authority")
            .with_info(|info| info.word = Some(word.as_str().to_owned())),
        Some(Word::Forbidden) => error
            .with_detail("the service does not allow this operation to this device")
            .with_info(|info| info.next_action = None),
        _ => error,
    }
}

/// Returns the error of a failed operation whose mode is ours, and that proves the device alone.
pub(super) fn from_failure_of_question(failure: &Failure) -> Error {
    let error = from_failure_of_own_mode(failure);
    match failure {
        Failure::Engine(EngineError::Refused { word, .. }) => {
            where_no_pin_was_asked_for(error, word, "the service did not accept the proof of this device")
        }
        _ => error,
    }
}

/// Explains the error of a failed operation on the approval of a new device. Some reasons are those
/// of a confirmation, and mean another device here.
pub(super) fn of_approval(error: Error, failure: &Failure) -> Error {
    match failure {
        Failure::Engine(EngineError::Refused { word: Word::State, reason: Some(reason), .. }) => match reason.as_str() {
            "nothingToConfirm" => error
                .with_detail("no device waits for an approval: another device decided about it, or its time is over"),
            "otherDevice" => error.with_detail(
                "the device with this id does not wait for an approval, but another one does: ask for the state again",
            ),
            _ => error,
        },
        _ => error,
    }
}

/// Explains a word by the reason that the service gave for it.
fn explained(error: Error, word: &Word, reason: Option<&str>) -> Error {
    match (word, reason) {
        (Word::PinRefused, Some("commonPin")) => {
            error.with_detail("the service does not take this PIN: it is one of those that are tried first")
        }
        (Word::Code, Some("noCode")) => error.with_detail(NO_CODE),
        (Word::State, Some("secondCopy")) => error
            .with_detail(
                "the service suspects a second copy of this device: reset the PIN with an SMS code on the one that stays",
            )
            .then(NextAction::ResetPin),
        (Word::State, Some("notConfirmed")) => error.with_detail(
            "this device is not confirmed yet: confirm it on the device that made its enrollment code, which shows the same fingerprint",
        ),
        (Word::State, Some("notApproved")) => error.with_detail(
            "this device waits for its approval: approve it on another device of the account, with the number that this one shows",
        ),
        (Word::State, Some("wrongNumber")) => error.with_detail(
            "the new device shows another number, so the service ended it: enroll that device again, and enter the number that it shows",
        ),
        (Word::State, Some("nothingToConfirm")) => error.with_detail(
            "no device waits for a confirmation by this one: the enrollment code was not entered, or its time is over",
        ),
        (Word::State, Some("otherDevice")) => error.with_detail(
            "the device with this fingerprint does not wait any more, but another one does: ask for the state again",
        ),
        _ => error,
    }
}

/// Corrects the error of an operation without a PIN: there, no PIN can be wrong.
fn where_no_pin_was_asked_for(error: Error, word: &Word, detail: &'static str) -> Error {
    match word {
        Word::Access => error.with_detail(detail).with_info(|info| info.next_action = None),
        _ => error,
    }
}

/// Returns the error of an operation that the state machine refused.
fn of_state(refusal: Refusal, state: State) -> Error {
    let error = Error::new(match refusal {
        Refusal::Forbidden => Code::Forbidden,
        Refusal::WrongStep => Code::WrongState,
    });
    match state {
        State::NotActivated | State::Disabled if refusal == Refusal::WrongStep => error
            .with_detail("no SMS code was accepted: call set pims.authentication.smscode enrollment first, or give the code here")
            .then(NextAction::RequestSmsCode),
        State::NotActivated | State::Disabled => {
            error.with_detail("this device is not enrolled: enroll it first").then(NextAction::RequestSmsCode)
        }
        State::ActivationStarted(_) => error.with_detail("the enrollment of this device is started: finish it with the PIN first"),
        // There is no next action: a program that removed the enrollments on its own would take
        // them from every device.
        State::Activated(_) => {
            error.with_detail("this device is enrolled already; to enroll it anew, remove the account's enrollments first")
        }
        State::Blocked => error.with_detail("the account was blocked when last asked: reset the PIN with an SMS code").then(NextAction::ResetPin),
        State::Upgradable => {
            let detail = "the device state is of an older form that this version cannot upgrade: remove the enrollments, then enroll anew";
            error.with_detail(detail).then(NextAction::RemoveEnrollments)
        }
    }
}

/// Detail of 2305 if no try is left. A service gives no count if it has no code to compare with.
const NO_CODE_TO_TRY: &str = "the SMS code is wrong, used, expired or tried too often, or none was asked for: \
    ask for one with get pims.authentication.smscode";

const BAD_PHONE_NUMBER: &str = "the service does not take this phone number: give it with + and the country code";

/// Detail of 2305 for a code of another number. The code is not used up, and no try was charged.
const OTHER_NUMBER: &str = "this SMS code was sent to another phone number than the one given with it: give the number \
    for which the code was asked for; no try was charged";

/// Detail of 2305 if the service says that there is no code.
const NO_CODE: &str =
    "no SMS code was asked for, or it expired long ago: ask for one with get pims.authentication.smscode";

/// Detail of 2102 for a device id. It does not tell whether another account has that device.
const NO_SUCH_DEVICE: &str = "no device of this account has this id, or more than one begins with it: list them with \
    get pims.authentication.devices";

/// Detail of 2317 if the service forbids an enrolled device its operation, without a reason.
const FORBIDDEN: &str = "the service forbids this device its operation: if it worked before, the account was probably \
    reset elsewhere, and only a new enrollment helps: ask for an SMS code";

/// Detail of 2317 if the service forbids an enrollment.
const FORBIDDEN_ENROLLMENT: &str =
    "the service does not allow this enrollment: the account may have enrolled too often";

/// Returns the error of the service's error word, by the table of docs/protocol.md.
fn of_word(word: &Word, attempts_left: Option<u32>, pin: &'static str) -> Error {
    let error = match word {
        Word::Code => {
            let error = Error::new(Code::CodeInvalid);
            if attempts_left.is_some_and(|left| left > 0) {
                error.with_detail("the SMS code is wrong, used or expired")
            } else {
                error.with_detail(NO_CODE_TO_TRY).then(NextAction::RequestSmsCode)
            }
        }
        Word::Syntax => Error::invalid("parameters", "the service did not like the syntax of an argument"),
        Word::Access => Error::new(Code::AccessRefused)
            .with_detail("the PIN is wrong, or this is not the device")
            .then(NextAction::RetryPin),
        Word::Saturated => Error::new(Code::ServerError).with_detail("the service is overloaded: ask again later"),
        Word::Internal => {
            Error::new(Code::ServerError).with_detail("the service failed and gives no cause: ask again later")
        }
        Word::Url => Error::new(Code::InvalidReturn)
            .with_detail("the service is not at this URL: check credential.inWeboURL and inwebo.path"),
        Word::NoPush => Error::new(Code::Forbidden).with_detail("the service says that it sends no push messages here"),
        Word::BioKey => Error::new(Code::AccessRefused).with_detail("the account is locked for biometric errors"),
        Word::Version => Error::new(Code::VersionError)
            .with_detail("the service no longer serves this client version")
            .then(NextAction::Update),
        Word::Blocked | Word::NokBlocked => Error::new(Code::AccountBlocked)
            .with_detail("too many wrong PINs: reset the PIN with an SMS code")
            .then(NextAction::ResetPin),
        Word::MaxDevices => Error::new(Code::AccountBlocked)
            .with_detail(
                "this account has the most devices it may have: remove one with set pims.authentication.devices, then \
                 enroll again; an SMS code that was accepted stays good",
            )
            .then(NextAction::RemoveDevice),
        Word::State => Error::new(Code::WrongState).with_detail("the service expected another step"),
        Word::NoDevice => Error::new(Code::DeviceUnknown)
            .with_detail("the service does not know this device any more: enroll it again")
            .then(NextAction::RequestSmsCode),
        Word::NoCa => Error::new(Code::NeedsOtherTool),
        Word::NoService => Error::new(Code::NoService),
        Word::PinReused => Error::new(Code::PinReused),
        Word::SynchroFailed | Word::Desynchronized => Error::new(Code::PostSynchronization),
        Word::Forbidden => {
            Error::new(Code::Forbidden).with_detail("the service does not allow this in its state of the account")
        }
        Word::PinRefused => {
            Error::invalid(pin, "the service does not take this PIN: it is too short or not made of digits")
        }
        Word::Timeout => Error::new(Code::Timeout).with_detail("too long between the two steps of the exchange"),
        Word::PhoneRegistered => Error::new(Code::PhoneNumberRegistered),
        Word::Phone => Error::invalid("phoneNumber", BAD_PHONE_NUMBER),
        Word::OtherNumber => Error::new(Code::CodeInvalid).with_detail(OTHER_NUMBER),
        Word::DeviceId => Error::invalid("deviceId", NO_SUCH_DEVICE),
        Word::Token => Error::new(Code::NeedAuthentication)
            .with_detail("the service wants the account's access token with an activation")
            .then(NextAction::Authenticate),
        Word::Unknown(word) => Error::new(Code::Unknown)
            .with_detail(format!("the service answered {word}, which this library does not know")),
    };
    error.with_info(|info| {
        info.attempts_left = attempts_left;
        info.word = Some(word.as_str().to_owned());
    })
}

/// Returns the error of a request without an answer.
fn of_transport(error: &TransportError) -> Error {
    let code = match error {
        TransportError::Timeout(_) => Code::Timeout,
        TransportError::Unreachable(_) | TransportError::Untrusted(_) => Code::NoInternet,
        TransportError::Unusable(_) => Code::InvalidReturn,
        TransportError::Server { .. } => Code::ServerError,
        TransportError::Pin => Code::PinningFailed,
        TransportError::Gateway { code, error, retry_after_seconds } => {
            return of_transport(error).with_info(|info| {
                info.gateway = code.as_ref().map(|code| code.as_str().to_owned());
                info.retry_after_seconds = *retry_after_seconds;
            });
        }
        TransportError::NotServed(error) => return of_transport(error),
        TransportError::NotAuthenticated(_) => {
            return Error::new(Code::NeedAuthentication).with_detail(error.to_string()).then(NextAction::Authenticate);
        }
    };
    let described = Error::new(code).with_detail(error.to_string());
    match error {
        TransportError::Server { retry_after_seconds: Some(seconds), .. } => {
            described.with_info(|info| info.retry_after_seconds = Some(*seconds))
        }
        _ => described,
    }
}

/// Returns the error of the daily limit of one-time passwords. The word alone, `NOK:FORBIDDEN`, is
/// 2317.
fn of_daily_limit(word: &Word, retry_after_seconds: Option<u64>) -> Error {
    let detail = "this device made as many one-time passwords today as the service permits";
    let error = Error::new(Code::ServerError).with_info(|info| {
        info.word = Some(word.as_str().to_owned());
        info.retry_after_seconds = retry_after_seconds;
    });
    match retry_after_seconds {
        Some(seconds) => error.with_detail(format!("{detail}: it may make the next one in {seconds} seconds")),
        None => error.with_detail(format!("{detail}: ask again tomorrow")),
    }
}

fn of_cvs(refusal: &CvsRefusal) -> Error {
    match refusal {
        CvsRefusal::NoPhoneNumber => Error::new(Code::NoPhoneNumber).with_detail(
            "the account has no trusted phone number: certify one with get pims.authentication.smscode phoneNumberCertification",
        ),
        CvsRefusal::PhoneNumberRegistered => Error::new(Code::PhoneNumberRegistered),
        CvsRefusal::BadPhoneNumber => Error::invalid("phoneNumber", BAD_PHONE_NUMBER),
        CvsRefusal::NoCode => of_word(&Word::Code, Some(0), PIN_CODE).with_detail(NO_CODE).with_info(|info| info.word = None),
        CvsRefusal::OtherNumber => of_word(&Word::OtherNumber, None, PIN_CODE).with_info(|info| info.word = None),
        CvsRefusal::WrongCode { attempts_left } => {
            of_word(&Word::Code, Some(*attempts_left), PIN_CODE).with_info(|info| info.word = None)
        }
        CvsRefusal::TooManyCodes { retry_after_seconds: None } => {
            Error::new(Code::ServerError).with_detail("too many SMS codes were asked for: ask again later")
        }
        CvsRefusal::TooManyCodes { retry_after_seconds: Some(seconds) } => Error::new(Code::ServerError)
            .with_detail(format!(
                "too many SMS codes were asked for: the next one may be asked for in {seconds} seconds"
            ))
            .with_info(|info| info.retry_after_seconds = Some(*seconds)),
        CvsRefusal::NoSuchDevice => of_word(&Word::DeviceId, None, PIN_CODE).with_info(|info| info.word = None),
        CvsRefusal::SmsNotSent => {
            Error::new(Code::ServerError).with_detail("the service could not send the SMS: ask for another code later")
        }
        CvsRefusal::Word { word, attempts_left } => {
            let detail = "the service refused access";
            where_no_pin_was_asked_for(of_word(word, *attempts_left, PIN_CODE), word, detail)
        }
    }
}

impl From<&StoreError> for Error {
    fn from(error: &StoreError) -> Self {
        Self::new(Code::CoreNotConfigured).with_detail(error.to_string())
    }
}

impl From<&TrustError> for Error {
    fn from(error: &TrustError) -> Self {
        Self::new(Code::ConfigurationInvalid).with_detail(error.to_string())
    }
}

impl From<&OpenError> for Error {
    fn from(error: &OpenError) -> Self {
        Self::new(Code::CoreNotConfigured).with_detail(error.to_string())
    }
}

#[cfg(feature = "embedded")]
impl From<&EmbeddedError> for Error {
    fn from(error: &EmbeddedError) -> Self {
        Self::new(Code::CoreNotConfigured).with_detail(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_next_action() {
        assert_eq!(
            serde_json::to_string(&of_word(&Word::Access, Some(3), "pinCode")).unwrap(),
            r#"{"code":2308,"label":"inwebo: access refused","detail":"the PIN is wrong, or this is not the device","info":{"attemptsLeft":3,"word":"NOK:ACCESS","nextAction":"retryPin"}}"#
        );
        let without_a_code = of_word(&Word::Code, None, "pinCode");
        assert!(
            without_a_code.detail().contains("none was asked for: ask for one with get pims.authentication.smscode")
        );
        assert_eq!(of_word(&Word::Code, Some(4), "pinCode").detail(), "the SMS code is wrong, used or expired");
        assert!(
            of_cvs(&CvsRefusal::NoPhoneNumber)
                .detail()
                .contains("get pims.authentication.smscode phoneNumberCertification")
        );
    }

    #[test]
    fn a_block_that_ends_by_itself_tells_when_and_another_one_is_as_before() {
        let failure = |retry_after_seconds, blocked_until| {
            let (attempts_left, reason) = (None, None);
            let word = Word::Blocked;
            Failure::Engine(EngineError::Refused { word, attempts_left, reason, retry_after_seconds, blocked_until })
        };
        let json = |error: &Error| serde_json::to_value(error).unwrap();
        let timed = failure(Some(60), Some(1_700_000_000_000));
        let expected = serde_json::json!({
            "retryAfterSeconds": 60, "blockedUntil": 1_700_000_000_000_i64, "word": "NOK_BLOCKED", "nextAction": "resetPin",
        });
        let error = json(&from_failure(&timed, PIN_CODE));
        assert_eq!((&error["code"], &error["info"]), (&2310.into(), &expected));
        assert!(error["detail"].as_str().unwrap().contains("for 60 more seconds"), "{error}");
        let times = BlockTimes { retry_after_seconds: 60, until: Some(1_700_000_000_000) };
        let error = json(&from_failure(&Failure::StillBlocked(Refusal::Forbidden, times), PIN_CODE));
        assert_eq!((&error["code"], &error["info"]["retryAfterSeconds"]), (&2317.into(), &60.into()));
        assert_eq!(error["info"]["nextAction"], "resetPin");
        for of in [from_failure_of_enrollment, from_failure_of_import] {
            let error = json(&of(&timed));
            assert_eq!((&error["info"]["retryAfterSeconds"], &error["code"]), (&60.into(), &2310.into()));
            assert!(error["info"].get("nextAction").is_none(), "{error}");
            assert_eq!(json(&of(&failure(None, None)))["info"]["nextAction"], "removeEnrollments");
        }
        let lasting = json(&from_failure(&failure(None, Some(1)), PIN_CODE));
        assert_eq!(lasting["info"], serde_json::json!({"word": "NOK_BLOCKED", "nextAction": "resetPin"}));
        assert_eq!(lasting["detail"], "too many wrong PINs: reset the PIN with an SMS code");
    }

    fn refused(word: Word, reason: Option<&str>) -> Failure {
        let (attempts_left, retry_after_seconds, blocked_until) = (None, None, None);
        let reason = reason.map(str::to_owned);
        Failure::Engine(EngineError::Refused { word, attempts_left, reason, retry_after_seconds, blocked_until })
    }

    #[test]
    fn without_a_pin_none_is_called_wrong() {
        let error = from_failure_of_question(&refused(Word::Access, None));
        assert_eq!(error.detail(), "the service did not accept the proof of this device");
        assert!(error.info().is_some_and(|info| info.next_action.is_none()));
        let of_account = Failure::Cvs(CvsRefusal::Word { word: Word::Access, attempts_left: None });
        assert_eq!(from_failure_of_question(&of_account).detail(), "the service refused access");
        assert_eq!(from_failure_of_question(&refused(Word::Syntax, None)).code(), Code::NotSupported);
    }

    #[test]
    fn a_reason_of_an_approval_is_not_told_as_one_of_a_confirmation() {
        let detail = |reason| {
            let failure = refused(Word::State, Some(reason));
            let (general, own) =
                (from_failure(&failure, PIN_CODE), of_approval(from_failure_of_own_mode(&failure), &failure));
            assert_eq!((own.code(), own.info()), (Code::WrongState, general.info()));
            (general.detail().to_owned(), own.detail().to_owned())
        };
        for reason in ["nothingToConfirm", "otherDevice"] {
            let (general, own) = detail(reason);
            assert!(!general.contains("approval") && own.contains("approval"), "{general}: {own}");
        }
        for reason in ["notApproved", "wrongNumber", "secondCopy", "unknown"] {
            let (general, own) = detail(reason);
            assert_eq!(general, own);
        }
    }

    #[test]
    fn every_word_of_the_service_has_the_code_of_the_protocol_page() {
        let expected = [
            ("NOK:CODE", 2305),
            ("NOK:SN", 2102),
            ("NOK:ACCESS", 2308),
            ("NOK:VERSION", 2309),
            ("NOK_BLOCKED", 2310),
            ("OK:BLOCKED", 2310),
            ("NOK:STATE", 2311),
            ("NOK:NODEVICE", 2312),
            ("NOK:NOCA", 2313),
            ("NOK:NOSRV", 2314),
            ("NOK:PINREUSED", 2315),
            ("NOK:SYNCHROFAILED", 2316),
            ("NOK:FORBIDDEN", 2317),
            ("NOK:PINREFUSED", 2102),
            ("NOK:TIMEOUT", 2201),
            ("NOK:MAXNBTOOLS", 2310),
            ("NOK:BIOKEY", 2308),
            ("NOK:SAT", 2204),
            ("NOK:URL", 2203),
            ("NOK:NOPUSH", 2317),
            ("NOK:ERR1", 2204),
            ("NOK:DESYNCHRONIZED", 2316),
            ("NOK:PHONEREGISTERED", 2390),
            ("NOK:PHONE", 2102),
            ("NOK:OTHERNUMBER", 2305),
            ("NOK:TOKEN", 2301),
            ("NOK:DEVICEID", 2102),
            ("NOK:SOMETHINGELSE", 2000),
        ];
        for (word, code) in expected {
            assert_eq!(of_word(&Word::read(word), None, "pinCode").code() as u16, code, "{word}");
        }
    }
}
