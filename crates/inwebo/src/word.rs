//! The error words of the service.

/// An error word: the text of `err`, other than `OK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `NOK:CODE`: the SMS code is wrong, used or expired.
    Code,
    /// `NOK:SN`: an argument does not have the right syntax.
    Syntax,
    /// `NOK:ACCESS`: a proof is wrong.
    Access,
    /// `NOK:VERSION`: this client version is no longer served.
    Version,
    /// `NOK_BLOCKED` and its spellings: the account is blocked.
    Blocked,
    /// `NOK:NOK_BLOCKED`: the word of our service, and of public ones, for a blocked account. A
    /// client reads it as [`Word::Blocked`].
    NokBlocked,
    /// `NOK:STATE`: the server expects another step now.
    State,
    /// `NOK:NODEVICE`: the device was disabled or is unknown.
    NoDevice,
    /// `NOK:NOCA`: another tool must be activated first.
    NoCa,
    /// `NOK:NOSRV`: the account has no service.
    NoService,
    /// `NOK:PINREUSED`: the new PIN equals the previous one.
    PinReused,
    /// `NOK:SYNCHROFAILED`: the operation succeeded, but the synchronization that must follow
    /// failed.
    SynchroFailed,
    /// `NOK:FORBIDDEN`: the operation is not allowed in this state.
    Forbidden,
    /// `NOK:PINREFUSED`: the PIN has a bad format.
    PinRefused,
    /// `NOK:TIMEOUT`: too much time passed between setup and finalize.
    Timeout,
    /// `NOK:MAXNBTOOLS`: the account has the largest permitted number of devices.
    MaxDevices,
    /// `NOK:BIOKEY`: the device is locked after biometric errors.
    BioKey,
    /// `NOK:SAT`: by its name, the service is saturated. No public document explains it.
    Saturated,
    /// `NOK:URL`: by its name, the URL is not one of the service. No public document explains it.
    Url,
    /// `NOK:NOPUSH`: the device or the account receives no push messages.
    NoPush,
    /// `NOK:ERR1`: an error of the service that no public document explains.
    Internal,
    /// `NOK:DESYNCHRONIZED` (ours; the name is that of number 27 of the mAccess library): the
    /// device must synchronize.
    Desynchronized,
    /// `NOK:PHONEREGISTERED` (ours): the account has a trusted phone number already.
    PhoneRegistered,
    /// `NOK:PHONE` (ours): the phone number of an activation is not valid.
    Phone,
    /// `NOK:OTHERNUMBER` (ours): the code was sent to another number than the one in the request.
    OtherNumber,
    /// `NOK:TOKEN` (ours): an activation must present the account's token.
    Token,
    /// `NOK:DEVICEID` (ours): no device of the account has the id that the request names.
    DeviceId,
    /// Any other word: only its letters, digits, `:` and `_`, at most 40 of them.
    Unknown(String),
}

const WORDS: [(Word, &str); 27] = [
    (Word::Code, "NOK:CODE"),
    (Word::Syntax, "NOK:SN"),
    (Word::Access, "NOK:ACCESS"),
    (Word::Version, "NOK:VERSION"),
    (Word::Blocked, "NOK_BLOCKED"),
    (Word::NokBlocked, "NOK:NOK_BLOCKED"),
    (Word::State, "NOK:STATE"),
    (Word::NoDevice, "NOK:NODEVICE"),
    (Word::NoCa, "NOK:NOCA"),
    (Word::NoService, "NOK:NOSRV"),
    (Word::PinReused, "NOK:PINREUSED"),
    (Word::SynchroFailed, "NOK:SYNCHROFAILED"),
    (Word::Forbidden, "NOK:FORBIDDEN"),
    (Word::PinRefused, "NOK:PINREFUSED"),
    (Word::Timeout, "NOK:TIMEOUT"),
    (Word::MaxDevices, "NOK:MAXNBTOOLS"),
    (Word::BioKey, "NOK:BIOKEY"),
    (Word::Saturated, "NOK:SAT"),
    (Word::Url, "NOK:URL"),
    (Word::NoPush, "NOK:NOPUSH"),
    (Word::Internal, "NOK:ERR1"),
    (Word::Desynchronized, "NOK:DESYNCHRONIZED"),
    (Word::PhoneRegistered, "NOK:PHONEREGISTERED"),
    (Word::Phone, "NOK:PHONE"),
    (Word::OtherNumber, "NOK:OTHERNUMBER"),
    (Word::Token, "NOK:TOKEN"),
    (Word::DeviceId, "NOK:DEVICEID"),
];

impl Word {
    /// Reads a word. Services use both `OK:BLOCKED` and `NOK:NOK_BLOCKED` for a blocked account.
    pub fn read(text: &str) -> Self {
        if matches!(text, "OK:BLOCKED" | "NOK:NOK_BLOCKED" | "NOK:BLOCKED") {
            return Self::Blocked;
        }
        match WORDS.iter().find(|(_, known)| *known == text) {
            Some((word, _)) => word.clone(),
            None => Self::Unknown(shown(text)),
        }
    }

    /// Returns the word as the service writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unknown(text) => text,
            known => WORDS.iter().find(|(word, _)| word == known).map_or("", |(_, text)| text),
        }
    }
}

/// Meaning of the text of an `err`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `OK`: the service did it.
    Done,
    /// `WRN:…`: the service did it, and warns. The text has the form of [`Word::Unknown`].
    Warned(String),
    /// Any other text: the service refused.
    Refused(Word),
}

impl Verdict {
    /// Reads the text of an `err`.
    pub fn read(text: &str) -> Self {
        match text {
            "OK" => Self::Done,
            warning if warning.starts_with("WRN:") => Self::Warned(shown(warning)),
            word => Self::Refused(Word::read(word)),
        }
    }
}

/// Returns the part of a text that cannot break a message or a log line.
fn shown(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '_')).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for (word, text) in WORDS {
            assert_eq!(word.as_str(), text);
            let read = if word == Word::NokBlocked { Word::Blocked } else { word };
            assert_eq!(Word::read(text), read);
        }
        assert_eq!(Word::read("OK:BLOCKED"), Word::Blocked);
        assert_eq!(Word::read("NOK:NOK_BLOCKED"), Word::Blocked);
    }

    #[test]
    fn a_warning_is_a_success() {
        assert_eq!(Verdict::read("OK"), Verdict::Done);
        assert_eq!(Verdict::read("WRN:SRVLIMITED"), Verdict::Warned("WRN:SRVLIMITED".into()));
        assert_eq!(Verdict::read("WRN:<\n"), Verdict::Warned("WRN:".into()));
        assert_eq!(Verdict::read("NOK:SAT"), Verdict::Refused(Word::Saturated));
        assert_eq!(Verdict::read("OK:BLOCKED"), Verdict::Refused(Word::Blocked));
        assert_eq!(Verdict::read("NOK:WRN:X"), Verdict::Refused(Word::Unknown("NOK:WRN:X".into())));
    }

    #[test]
    fn an_unknown_word_is_kept_without_what_could_break_a_message() {
        assert_eq!(Word::read("NOK:NEW<\"\n>"), Word::Unknown("NOK:NEW".into()));
        assert_eq!(Word::read(&"X".repeat(100)).as_str().len(), 40);
    }
}
