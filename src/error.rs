//! The error catalogue, and the one place where inner errors become its codes.

use std::borrow::Cow;
use std::fmt;

use inwebo::client::{EngineError, WrongPins};
use inwebo::cvs::CvsRefusal;
use inwebo::word::Word;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::message::{Note, WRONG_PINS_SINCE};
use crate::store::StoreError;
use crate::strongauth::machine::{Refusal, State};
use crate::strongauth::{Failure, OpenError};
use crate::transport::TransportError;
use crate::transport::http::TrustError;

macro_rules! catalogue {
    ($($name:ident = $code:literal, $label:literal;)*) => {
        /// A code of the reference's catalogue. The numbers are part of the interface and never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = concat!("`", $label, "`")] $name = $code,)*
        }

        impl Code {
            /// Every code of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The catalogue's text, with its placeholder in brackets.
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }
        }
    };
}

catalogue! {
    Unknown = 2000, "Unknown error";
    NotInitialized = 2001, "Facade not initialized";
    NotSupported = 2002, "API not supported";
    NotLoaded = 2003, "[Component] not loaded";
    ConfigurationInvalid = 2004, "Configuration file invalid";
    Duplicate = 2005, "Duplicate command";
    CoreNotConfigured = 2006, "Core not well configured";
    AlreadyInitialized = 2007, "Facade already initialized";
    MissingParameter = 2101, "Missing [PARAMETER] parameter";
    InvalidParameter = 2102, "Invalid [PARAMETER] parameter";
    Timeout = 2201, "Timeout";
    NoInternet = 2202, "Network problem : No internet";
    InvalidReturn = 2203, "Invalid return";
    ServerError = 2204, "Server Error";
    PinningFailed = 2208, "Certificat pinning failed";
    NeedAuthentication = 2301, "Need Basic Authentication (to get CVS token)";
    NeedStrongAuthentication = 2302, "Need Strong Authentication";
    CodeInvalid = 2305, "The sms code is invalid";
    CodeExpired = 2306, "The sms code is expired";
    NoPhoneNumber = 2307, "User dont have a phone number";
    AccessRefused = 2308, "inwebo: access refused";
    VersionError = 2309, "inwebo: version error";
    AccountBlocked = 2310, "inwebo: account is blocked";
    WrongState = 2311, "inwebo: internal state not correct";
    DeviceUnknown = 2312, "inwebo: device is disabled or unknown";
    NeedsOtherTool = 2313, "inwebo: User must activate inWebo helium or inWebo Desktop Token before achieving this operation";
    NoService = 2314, "inwebo: No service is available";
    PinReused = 2315, "inwebo: the new password equals the previous one";
    PostSynchronization = 2316, "inwebo: the operation succeeded but it required a post-synchronization which failed";
    Forbidden = 2317, "inwebo: forbidden operation (due to activated state/blocked state/upgradable state)";
    NotConfigured = 2344, "[Component] not configured";
    Deprecated = 2350, "[Method] is deprecated since [version]";
    PhoneNumberRegistered = 2390, "Phone number allready registered";
}

/// What the caller can do next, as a word that a program can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextAction {
    /// Ask the person for the PIN again.
    RetryPin,
    /// Ask for a new SMS code.
    RequestSmsCode,
    /// Remove the account's enrollments.
    RemoveEnrollments,
    /// Reset the PIN.
    ResetPin,
    /// Hand over an access token.
    Authenticate,
    /// Update the application.
    Update,
}

impl NextAction {
    /// Every next action.
    pub const ALL: [Self; 6] = [
        Self::RetryPin,
        Self::RequestSmsCode,
        Self::RemoveEnrollments,
        Self::ResetPin,
        Self::Authenticate,
        Self::Update,
    ];

    /// Returns the word of `info.nextAction`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RetryPin => "retryPin",
            Self::RequestSmsCode => "requestSmsCode",
            Self::RemoveEnrollments => "removeEnrollments",
            Self::ResetPin => "resetPin",
            Self::Authenticate => "authenticate",
            Self::Update => "update",
        }
    }
}

/// `error.info`: what happened, as data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    attempts_left: Option<u32>,
    retry_after_seconds: Option<u64>,
    word: Option<String>,
    next_action: Option<NextAction>,
    wrong_pins_since: Option<WrongPins>,
}

/// One error of the catalogue, ready to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    subject: Cow<'static, str>,
    detail: Cow<'static, str>,
    info: Option<Box<Info>>,
}

impl Error {
    /// An error whose label has no placeholder.
    pub fn new(code: Code) -> Self {
        Self { code, subject: Cow::Borrowed(""), detail: Cow::Borrowed(""), info: None }
    }

    /// 2101 for a parameter.
    pub fn missing(parameter: &'static str) -> Self {
        Self { subject: Cow::Borrowed(parameter), ..Self::new(Code::MissingParameter) }
    }

    /// 2102 for a parameter, with what was expected of it.
    pub fn invalid(parameter: &'static str, expected: impl Into<Cow<'static, str>>) -> Self {
        Self { subject: Cow::Borrowed(parameter), ..Self::new(Code::InvalidParameter) }.with_detail(expected)
    }

    /// 2003 or 2344 for a component.
    pub fn of_component(code: Code, component: &'static str) -> Self {
        Self { subject: Cow::Borrowed(component), ..Self::new(code) }
    }

    /// Adds what happened in plain words. It must hold no secret.
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    fn with_info(mut self, change: impl FnOnce(&mut Info)) -> Self {
        change(self.info.get_or_insert_default());
        // An info without members is left out.
        self.info = self.info.filter(|info| **info != Info::default());
        self
    }

    fn then(self, action: NextAction) -> Self {
        self.with_info(|info| info.next_action = Some(action))
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What happened, in plain words; empty where the label says it all.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The error of a failed operation. `pin` is the parameter that holds the PIN which the service may refuse.
    pub fn from_failure(failure: &Failure, pin: &'static str) -> Self {
        match failure {
            Failure::State(refusal, state) => of_state(*refusal, *state),
            Failure::Engine(EngineError::Refused { word: word @ Word::Forbidden, reason: Some(reason), retry_after_seconds, .. })
                if reason == "dailyLimit" =>
            {
                of_daily_limit(word, *retry_after_seconds)
            }
            Failure::Engine(EngineError::Refused { word, attempts_left, reason, .. }) => {
                of_word(word, *attempts_left, pin).explained(word, reason.as_deref())
            }
            Failure::BadCode(EngineError::Refused { word, attempts_left, .. }) => {
                of_word(&Word::Code, *attempts_left, pin).with_info(|info| info.word = Some(word.as_str().to_owned()))
            }
            Failure::Engine(EngineError::FactoryKey) | Failure::BadCode(EngineError::FactoryKey) => {
                Self::new(Code::AccessRefused).with_detail(
                    "the service handed over another factory key than the pinned one, or than the one this device was enrolled with",
                )
            }
            Failure::Engine(error @ EngineError::Unusable(_)) | Failure::BadCode(error @ EngineError::Unusable(_)) => {
                Self::new(Code::InvalidReturn).with_detail(error.to_string())
            }
            Failure::Transport(error) => of_transport(error),
            Failure::Cvs(refusal) => of_cvs(refusal),
            Failure::Store(error) => error.into(),
            Failure::PostSynchronization(inner) => {
                let inner = Self::from_failure(inner, pin);
                let error = Self::new(Code::PostSynchronization).with_detail(format!(
                    "it is done, but the device could not synchronize ({}); it does so first thing in its next operation",
                    inner.reason()
                ));
                match inner.info.and_then(|info| info.word) {
                    Some(word) => error.with_info(|info| info.word = Some(word)),
                    None => error,
                }
            }
            Failure::MustSynchronize => Self::new(Code::PostSynchronization)
                .with_detail(
                    "the device must synchronize first, for which it needs the PIN: make a one-time password with the PIN once",
                )
                .then(NextAction::RetryPin),
            Failure::PinUncertain(inner) => {
                let inner = Self::from_failure(inner, pin);
                let detail = format!(
                    "{}; it is not known whether the PIN was changed: try the new one first, then the old one",
                    inner.reason()
                );
                inner.with_detail(detail)
            }
            Failure::Entropy => Self::new(Code::Unknown).with_detail(failure.to_string()),
        }
    }

    /// The same of an operation without a PIN.
    pub fn from_failure_without_pin(failure: &Failure) -> Self {
        let error = Self::from_failure(failure, "pinCode");
        let detail =
            "the service makes no one-time passwords without a PIN for this account, or this is not the device";
        match failure.word() {
            Some(word) => error.where_no_pin_was_asked_for(word, detail),
            None => error,
        }
    }

    /// The same of an enrollment: a device that is not enrolled cannot reset the PIN of a blocked account, only begin anew.
    pub fn from_failure_of_enrollment(failure: &Failure) -> Self {
        let error = Self::from_failure(failure, "pinCode");
        match failure.word() {
            Some(Word::Blocked) => error
                .with_detail("too many wrong PINs: reset the PIN on an enrolled device, or remove the enrollments and begin anew")
                .then(NextAction::RemoveEnrollments),
            _ => error,
        }
    }

    /// Says more of a word whose reason the service told.
    fn explained(self, word: &Word, reason: Option<&str>) -> Self {
        match (word, reason) {
            (Word::PinRefused, Some("commonPin")) => {
                self.with_detail("the service does not take this PIN: it is one of those that are tried first")
            }
            (Word::Code, Some("noCode")) => self.with_detail(NO_CODE),
            (Word::State, Some("secondCopy")) => self
                .with_detail(
                    "the service suspects a second copy of this device: reset the PIN with an SMS code on the one that stays",
                )
                .then(NextAction::ResetPin),
            _ => self,
        }
    }

    /// Adds the wrong PINs that the owner is to know of.
    pub fn noting(self, wrong: WrongPins) -> Self {
        self.with_info(|info| info.wrong_pins_since = Some(wrong))
    }

    /// Where no PIN was asked for, none was wrong.
    fn where_no_pin_was_asked_for(self, word: &Word, detail: &'static str) -> Self {
        match word {
            Word::Access => self.with_detail(detail).with_info(|info| info.next_action = None),
            _ => self,
        }
    }

    /// The detail, or the label where there is none.
    fn reason(&self) -> String {
        if self.detail.is_empty() { self.label().to_string() } else { self.detail.to_string() }
    }

    /// The label with its placeholder filled in.
    fn label(&self) -> impl fmt::Display + '_ {
        struct Label<'a>(&'a Error);
        impl fmt::Display for Label<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let label = self.0.code.label();
                match (label.split_once('['), label.split_once(']')) {
                    (Some((before, _)), Some((_, after))) if !self.0.subject.is_empty() => {
                        f.write_str(before)?;
                        f.write_str(&self.0.subject)?;
                        f.write_str(after)
                    }
                    _ => f.write_str(label),
                }
            }
        }
        Label(self)
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Label<'a>(&'a Error);
        impl Serialize for Label<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0.label())
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &(self.code as u16))?;
        map.serialize_entry("label", &Label(self))?;
        if !self.detail.is_empty() {
            map.serialize_entry("detail", &self.detail)?;
        }
        if let Some(info) = &self.info {
            map.serialize_entry("info", &**info)?;
        }
        map.end()
    }
}

impl Serialize for Info {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(attempts) = self.attempts_left {
            map.serialize_entry("attemptsLeft", &attempts)?;
        }
        if let Some(seconds) = self.retry_after_seconds {
            map.serialize_entry("retryAfterSeconds", &seconds)?;
        }
        if let Some(word) = &self.word {
            map.serialize_entry("word", word)?;
        }
        if let Some(action) = self.next_action {
            map.serialize_entry("nextAction", action.as_str())?;
        }
        if let Some(wrong) = &self.wrong_pins_since {
            map.serialize_entry(WRONG_PINS_SINCE, &Note(*wrong))?;
        }
        map.end()
    }
}

/// What the machine refused.
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
        // No next action: a program that removed the enrollments on its own would take them from every device.
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

/// The detail of 2305 where no try is left. A service tells no count where it has no code to
/// compare with.
const NO_CODE_TO_TRY: &str = "the SMS code is wrong, used, expired or tried too often, or none was asked for: \
    ask for one with get pims.authentication.smscode";

const BAD_PHONE_NUMBER: &str = "the service does not take this phone number: give it with + and the country code";

/// The code is not used up, and no try was charged.
const OTHER_NUMBER: &str = "this SMS code was sent to another phone number than the one given with it: give the number \
    for which the code was asked for; no try was charged";

/// The detail of 2305 where the service says that there is no code.
const NO_CODE: &str =
    "no SMS code was asked for, or it expired long ago: ask for one with get pims.authentication.smscode";

/// What the service's error words mean: the table of docs/protocol.md.
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
        Word::BioKey => Error::new(Code::AccessRefused).with_detail("the account is locked for biometric errors"),
        Word::Version => Error::new(Code::VersionError)
            .with_detail("the service no longer serves this client version")
            .then(NextAction::Update),
        Word::Blocked | Word::BudgetSpent => Error::new(Code::AccountBlocked)
            .with_detail("too many wrong PINs: reset the PIN with an SMS code")
            .then(NextAction::ResetPin),
        Word::MaxDevices => Error::new(Code::AccountBlocked)
            .with_detail("this account has the most devices it may have: remove its enrollments, then enroll again")
            .then(NextAction::RemoveEnrollments),
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

/// Why there is no answer.
fn of_transport(error: &TransportError) -> Error {
    let code = match error {
        TransportError::Timeout(_) => Code::Timeout,
        TransportError::Unreachable(_) => Code::NoInternet,
        TransportError::Unusable(_) => Code::InvalidReturn,
        TransportError::Server { .. } => Code::ServerError,
        TransportError::Pin => Code::PinningFailed,
        TransportError::NotAuthenticated(_) => {
            return Error::new(Code::NeedAuthentication).with_detail(error.to_string()).then(NextAction::Authenticate);
        }
    };
    let told = Error::new(code).with_detail(error.to_string());
    match error {
        TransportError::Server { retry_after_seconds: Some(seconds), .. } => {
            told.with_info(|info| info.retry_after_seconds = Some(*seconds))
        }
        _ => told,
    }
}

/// The daily limit of one-time passwords. The word alone, `NOK:FORBIDDEN`, is 2317.
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
        CvsRefusal::NoCode => of_word(&Word::Code, Some(0), "pinCode").with_detail(NO_CODE).with_info(|info| info.word = None),
        CvsRefusal::OtherNumber => of_word(&Word::OtherNumber, None, "pinCode").with_info(|info| info.word = None),
        CvsRefusal::WrongCode { attempts_left } => {
            of_word(&Word::Code, Some(*attempts_left), "pinCode").with_info(|info| info.word = None)
        }
        CvsRefusal::TooManyCodes { retry_after_seconds: None } => {
            Error::new(Code::ServerError).with_detail("too many SMS codes were asked for: ask again later")
        }
        CvsRefusal::TooManyCodes { retry_after_seconds: Some(seconds) } => Error::new(Code::ServerError)
            .with_detail(format!(
                "too many SMS codes were asked for: the next one may be asked for in {seconds} seconds"
            ))
            .with_info(|info| info.retry_after_seconds = Some(*seconds)),
        CvsRefusal::SmsNotSent => {
            Error::new(Code::ServerError).with_detail("the service could not send the SMS: ask for another code later")
        }
        CvsRefusal::Word { word, attempts_left } => {
            let detail = "the service refused access";
            of_word(word, *attempts_left, "pinCode").where_no_pin_was_asked_for(word, detail)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_that_of_the_reference() {
        #[derive(serde::Deserialize)]
        struct Api {
            errors: Vec<Entry>,
        }
        #[derive(serde::Deserialize)]
        struct Entry {
            code: u16,
            label: String,
        }
        let api: Api = serde_json::from_str(include_str!("../tests/spec/api.json")).unwrap();
        let ours: Vec<_> = Code::ALL.iter().map(|code| (*code as u16, code.label().to_owned())).collect();
        let theirs: Vec<_> = api.errors.into_iter().map(|entry| (entry.code, entry.label)).collect();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn an_error_is_told_with_its_placeholder_filled_in_and_no_empty_members() {
        let told = |error: Error| serde_json::to_string(&error).unwrap();
        assert_eq!(told(Error::missing("pinCode")), r#"{"code":2101,"label":"Missing pinCode parameter"}"#);
        assert_eq!(
            told(Error::of_component(Code::NotConfigured, "StrongAuthentication")),
            r#"{"code":2344,"label":"StrongAuthentication not configured"}"#
        );
        assert_eq!(
            told(of_word(&Word::Access, Some(3), "pinCode")),
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
            ("NOK:DESYNCHRONIZED", 2316),
            ("NOK:PHONEREGISTERED", 2390),
            ("NOK:PHONE", 2102),
            ("NOK:OTHERNUMBER", 2305),
            ("NOK:TOKEN", 2301),
            ("NOK:SOMETHINGELSE", 2000),
        ];
        for (word, code) in expected {
            assert_eq!(of_word(&Word::read(word), None, "pinCode").code as u16, code, "{word}");
        }
    }
}
