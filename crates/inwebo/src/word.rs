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
    /// Any other word: only its letters, digits, `:` and `_`, at most 40 of them.
    Unknown(String),
}

const WORDS: [(Word, &str); 22] = [
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
    (Word::Desynchronized, "NOK:DESYNCHRONIZED"),
    (Word::PhoneRegistered, "NOK:PHONEREGISTERED"),
    (Word::Phone, "NOK:PHONE"),
    (Word::OtherNumber, "NOK:OTHERNUMBER"),
    (Word::Token, "NOK:TOKEN"),
];

impl Word {
    /// Reads a word. Services use both `OK:BLOCKED` and `NOK:NOK_BLOCKED` for a blocked account.
    pub fn read(text: &str) -> Self {
        if matches!(text, "OK:BLOCKED" | "NOK:NOK_BLOCKED" | "NOK:BLOCKED") {
            return Self::Blocked;
        }
        match WORDS.iter().find(|(_, known)| *known == text) {
            Some((word, _)) => word.clone(),
            None => Self::Unknown(
                text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '_')).take(40).collect(),
            ),
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
    fn an_unknown_word_is_kept_without_what_could_break_a_message() {
        assert_eq!(Word::read("NOK:NEW<\"\n>"), Word::Unknown("NOK:NEW".into()));
        assert_eq!(Word::read(&"X".repeat(100)).as_str().len(), 40);
    }
}
