//! The error catalogue: codes, next actions, and the error of a message.
//!
//! Every other module may use this one, and it uses none of them. `crate::api` assigns a code to
//! each failure of an operation.

use std::borrow::Cow;
use std::fmt;

use inwebo::client::WrongPins;
use serde::ser::{Serialize, SerializeMap, Serializer};

macro_rules! catalogue {
    ($($name:ident = $code:literal, $label:literal;)*) => {
        /// A code of the reference's catalogue. The numbers are part of the interface and never
        /// change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = concat!("`", $label, "`")] $name = $code,)*
        }

        impl Code {
            /// Every code of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the catalogue's text, with its placeholder in brackets.
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

/// Next step for the caller, as a word that a program can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextAction {
    /// Ask the user for the PIN again.
    RetryPin,
    /// Request a new SMS code.
    RequestSmsCode,
    /// Remove the account's enrollments.
    RemoveEnrollments,
    /// Remove one of the account's devices.
    RemoveDevice,
    /// Reset the PIN.
    ResetPin,
    /// Hand over an access token.
    Authenticate,
    /// Update the application.
    Update,
    /// Enroll this device anew.
    Enroll,
}

impl NextAction {
    /// Every next action.
    pub const ALL: [Self; 8] = [
        Self::RetryPin,
        Self::RequestSmsCode,
        Self::RemoveEnrollments,
        Self::RemoveDevice,
        Self::ResetPin,
        Self::Authenticate,
        Self::Update,
        Self::Enroll,
    ];

    /// Returns the word of `info.nextAction`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RetryPin => "retryPin",
            Self::RequestSmsCode => "requestSmsCode",
            Self::RemoveEnrollments => "removeEnrollments",
            Self::RemoveDevice => "removeDevice",
            Self::ResetPin => "resetPin",
            Self::Authenticate => "authenticate",
            Self::Update => "update",
            Self::Enroll => "enroll",
        }
    }
}

/// `error.info`: the circumstances of an error, as data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// `attemptsLeft`
    pub attempts_left: Option<u32>,
    /// `retryAfterSeconds`
    pub retry_after_seconds: Option<u64>,
    /// `blockedUntil`: the end of the account's block by the service's clock, in milliseconds since
    /// 1970, if the block ends by itself.
    pub blocked_until: Option<i64>,
    /// `word`: the service's error word.
    pub word: Option<String>,
    /// `gateway`: the code of a gateway in front of the service.
    pub gateway: Option<String>,
    /// `nextAction`
    pub next_action: Option<NextAction>,
    /// `wrongPinsSince`
    pub wrong_pins_since: Option<WrongPins>,
}

/// Name of the member of `info` that reports wrong PINs.
pub const WRONG_PINS_SINCE: &str = "wrongPinsSince";

/// Wrong PINs in the form of a message.
pub struct WrongPinsInfo(pub WrongPins);

impl Serialize for WrongPinsInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("count", &self.0.count)?;
        map.serialize_entry("since", &self.0.since)?;
        map.end()
    }
}

/// Error of the catalogue, with all parts of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    subject: Cow<'static, str>,
    detail: Cow<'static, str>,
    info: Option<Box<Info>>,
}

impl Error {
    /// Creates an error whose label has no placeholder.
    pub fn new(code: Code) -> Self {
        Self { code, subject: Cow::Borrowed(""), detail: Cow::Borrowed(""), info: None }
    }

    /// Creates 2101 for a parameter.
    pub fn missing(parameter: &'static str) -> Self {
        Self { subject: Cow::Borrowed(parameter), ..Self::new(Code::MissingParameter) }
    }

    /// Creates 2102 for a parameter, with its expected value.
    pub fn invalid(parameter: &'static str, expected: impl Into<Cow<'static, str>>) -> Self {
        Self { subject: Cow::Borrowed(parameter), ..Self::new(Code::InvalidParameter) }.with_detail(expected)
    }

    /// Creates 2003 or 2344 for a component.
    pub fn of_component(code: Code, component: &'static str) -> Self {
        Self { subject: Cow::Borrowed(component), ..Self::new(code) }
    }

    /// Adds the cause in plain words. It must contain no secret.
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Changes `info`.
    pub fn with_info(mut self, change: impl FnOnce(&mut Info)) -> Self {
        change(self.info.get_or_insert_default());
        // An info without members is left out.
        self.info = self.info.filter(|info| **info != Info::default());
        self
    }

    /// Adds the next step for the caller.
    pub fn then(self, action: NextAction) -> Self {
        self.with_info(|info| info.next_action = Some(action))
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the cause in plain words. It is empty if the label is enough.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Adds wrong PINs, so that the account's owner learns of them.
    pub fn with_wrong_pins(self, wrong_pins: WrongPins) -> Self {
        self.with_info(|info| info.wrong_pins_since = Some(wrong_pins))
    }

    /// Returns `info` if it has members.
    pub fn info(&self) -> Option<&Info> {
        self.info.as_deref()
    }

    /// Returns the detail, or the label if there is none.
    pub fn reason(&self) -> String {
        if self.detail.is_empty() { self.label().to_string() } else { self.detail.to_string() }
    }

    /// Returns the label with its placeholder filled in.
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
        if let Some(until) = self.blocked_until {
            map.serialize_entry("blockedUntil", &until)?;
        }
        if let Some(word) = &self.word {
            map.serialize_entry("word", word)?;
        }
        if let Some(gateway) = &self.gateway {
            map.serialize_entry("gateway", gateway)?;
        }
        if let Some(action) = self.next_action {
            map.serialize_entry("nextAction", action.as_str())?;
        }
        if let Some(wrong_pins) = &self.wrong_pins_since {
            map.serialize_entry(WRONG_PINS_SINCE, &WrongPinsInfo(*wrong_pins))?;
        }
        map.end()
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
    fn an_error_has_its_placeholder_filled_in_and_no_empty_members() {
        let json_of = |error: Error| serde_json::to_string(&error).unwrap();
        assert_eq!(json_of(Error::missing("pinCode")), r#"{"code":2101,"label":"Missing pinCode parameter"}"#);
        assert_eq!(
            json_of(Error::of_component(Code::NotConfigured, "StrongAuthentication")),
            r#"{"code":2344,"label":"StrongAuthentication not configured"}"#
        );
        let with_info = Error::new(Code::AccessRefused).with_detail("a reason").with_info(|info| {
            info.attempts_left = Some(3);
            info.word = Some("NOK:ACCESS".to_owned());
        });
        assert_eq!(
            json_of(with_info.then(NextAction::RetryPin)),
            r#"{"code":2308,"label":"inwebo: access refused","detail":"a reason","info":{"attemptsLeft":3,"word":"NOK:ACCESS","nextAction":"retryPin"}}"#
        );
        assert_eq!(json_of(Error::new(Code::Timeout).with_info(|_| {})), r#"{"code":2201,"label":"Timeout"}"#);
    }
}
