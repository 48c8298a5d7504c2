//! The settings of the service's rules. This file holds data only: `domain`, `mac` and `cvs` apply
//! the rules.

use std::sync::Arc;

use serde::Deserialize;

use crate::domain::sms_rules::SmsRules;

const MILLIS: u64 = 1000;

/// The rules that an operator can set. A setting that is left out has its default. An unknown name
/// is an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Policy {
    /// The fewest digits of a new PIN (default 4). A value below 4 counts as 4, and one above 8 as
    /// 8, because a PIN has 4 to 8 digits.
    pub pin_min_length: usize,
    /// The number of wrong PINs after which an account is blocked (default 5); the last of them
    /// blocks. A right PIN forgives the wrong PINs of its device.
    pub max_pin_tries: u32,
    /// The proof that an activation needs beside its code (default: the token of the account).
    pub activation_proof: ActivationProof,
    /// True if a device may make a code that enrolls another device of its account, without an SMS
    /// (default: false). The new device works after the first one has confirmed it.
    pub activation_by_device: bool,
    /// The lifetime of such a code, and the longest time until the confirmation (default 300,
    /// limited to 30 to 3600).
    pub activation_by_device_seconds: u64,
    /// True if a device that activates with an SMS code works only after another device of the
    /// account has approved it, by the number that the new one shows (default: false). The first
    /// device of an account needs no approval.
    pub activation_approval: bool,
    /// The longest time until the approval (default 300, limited to 30 to 3600).
    pub activation_approval_seconds: u64,
    /// True if the service records events of each account for 30 days, and its devices may ask for
    /// them (default: false).
    pub device_notices: bool,
    /// The number of wrong PINs in the life of a PIN after which an account is blocked until the
    /// PIN is reset (default 30).
    pub pin_budget: u32,
    /// The length of an account's first block after too many wrong PINs (default 0: a block does
    /// not end by itself). With a length, a block ends by itself, and the account has one try. A
    /// wrong one blocks it for twice as long, up to a day. A wrong one after the block of a day
    /// blocks it until the PIN is reset. A value above a day counts as a day.
    pub pin_block_seconds: u64,
    /// True if the commonest PINs, sequences, repeats and years are refused as new PINs (default:
    /// false).
    pub pin_denied: bool,
    /// The number of earlier PINs of an account that it may not choose again (default 0: only the
    /// present PIN is refused).
    pub pin_history: u32,
    /// The number of digits of an SMS code (default 6), limited to 4 to 12. If activations are
    /// open, codes have letters instead.
    pub code_digits: usize,
    /// The lifetime of an SMS code (default 600).
    pub code_lifetime_seconds: u64,
    /// The number of wrong tries after which an SMS code is void (default 5).
    pub code_tries: u32,
    /// The number of SMS codes that an account may request per hour (default 5).
    pub codes_per_hour: u32,
    /// The number of SMS codes that an account may request per day (default 20).
    pub codes_per_day: u32,
    /// The time after a change of its phone number during which an account gets no codes for
    /// enrollment and for a new PIN (default 0).
    pub number_cooling_seconds: u64,
    /// The number of devices that an account may have (default 20).
    pub max_devices: u32,
    /// The longest time between the setup and the finalize step of an operation (default 300).
    pub setup_lifetime_seconds: u64,
    /// The lifetime of a one-time password (default 120).
    pub otp_lifetime_seconds: u64,
    /// The number of one-time passwords that a device may request per day of UTC (default: no
    /// limit).
    pub otps_per_device_and_day: Option<u32>,
    /// True if a one-time password may be made without a PIN (default: false).
    pub otp_without_pin: bool,
    /// The requests for one-time passwords that must prove the PIN (default: each).
    pub pin_proof: PinProof,
    /// K1 evolves with every n-th one-time password (default 16). With 0, it never evolves.
    pub evolve_k1_every: u32,
    /// The lifetime of a refresh token (default 2,592,000: 30 days).
    pub refresh_token_lifetime_seconds: u64,
    /// The lifetime of a family of refresh tokens: of a token and its successors together (default
    /// 7,776,000: 90 days).
    pub refresh_token_most_seconds: u64,
    /// The reaction to a suspected second copy of a device (default: a report).
    pub clone: ClonePolicy,
    /// The size in bits of the RSA keys that devices encrypt to (default 2048). The size 1024 is
    /// for old clients alone.
    pub device_key_bits: KeySize,
    /// The rules for SMS. They have no place in the JSON form.
    #[serde(skip)]
    pub sms: Arc<SmsRules>,
}

/// The reaction to a suspected second copy of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClonePolicy {
    /// The suspicion is audited and counted.
    #[default]
    Report,
    /// The suspicion is audited and counted. Besides, no proof of the device is accepted until its
    /// PIN is reset with an SMS code.
    Suspend,
}

/// The requests for one-time passwords with K1 that must prove the PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PinProof {
    /// Each request.
    #[default]
    Each,
    /// None of a device that proves its PIN only when it activates. A copy of such a device's state
    /// makes passwords.
    AtActivation,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            pin_min_length: 4,
            max_pin_tries: 5,
            activation_proof: ActivationProof::default(),
            activation_by_device: false,
            activation_by_device_seconds: 300,
            activation_approval: false,
            activation_approval_seconds: 300,
            device_notices: false,
            pin_budget: 30,
            pin_block_seconds: 0,
            pin_denied: false,
            pin_history: 0,
            code_digits: 6,
            code_lifetime_seconds: 600,
            code_tries: 5,
            codes_per_hour: 5,
            codes_per_day: 20,
            number_cooling_seconds: 0,
            max_devices: 20,
            setup_lifetime_seconds: 300,
            otp_lifetime_seconds: 120,
            otps_per_device_and_day: None,
            otp_without_pin: false,
            pin_proof: PinProof::default(),
            evolve_k1_every: 16,
            refresh_token_lifetime_seconds: 30 * 24 * 3600,
            refresh_token_most_seconds: 90 * 24 * 3600,
            clone: ClonePolicy::default(),
            device_key_bits: KeySize::default(),
            sms: Arc::default(),
        }
    }
}

/// The proof that an activation needs beside its SMS code. It tells the service which account's
/// code to compare. The JSON form is `"token"`, `"ticket"`, `"open"`, or `{"open":12}` for open
/// with that many letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenProof")]
pub enum ActivationProof {
    /// The account itself: the transport has authenticated it by its token, or the call names it.
    #[default]
    Token,
    /// The ticket that came with the response to the request for the code. An authenticated account
    /// is accepted as well.
    Ticket,
    /// No proof: the code is compared with the codes of all accounts. It has letters, so that it
    /// cannot be guessed.
    Open(CodeLetters),
}

/// The number of symbols of a code that is compared with the codes of all accounts: 10 to 12 of 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "usize")]
pub struct CodeLetters(usize);

impl CodeLetters {
    /// The minimum: 50 bits.
    pub const MIN: Self = Self(10);
    /// The maximum that a request of the exchange can carry: 60 bits.
    pub const MAX: Self = Self(12);

    /// Returns the number.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for CodeLetters {
    fn default() -> Self {
        Self::MIN
    }
}

impl TryFrom<usize> for CodeLetters {
    type Error = &'static str;

    fn try_from(letters: usize) -> Result<Self, Self::Error> {
        let fits = (Self::MIN.0..=Self::MAX.0).contains(&letters);
        if fits { Ok(Self(letters)) } else { Err("a code of an open activation has 10 to 12 letters") }
    }
}

/// The JSON form of [`ActivationProof`].
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenProof {
    Word(String),
    Open(WrittenLetters),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLetters {
    open: usize,
}

impl TryFrom<WrittenProof> for ActivationProof {
    type Error = &'static str;

    fn try_from(written: WrittenProof) -> Result<Self, Self::Error> {
        match written {
            WrittenProof::Word(word) => match word.as_str() {
                "token" => Ok(Self::Token),
                "ticket" => Ok(Self::Ticket),
                "open" => Ok(Self::Open(CodeLetters::default())),
                _ => Err("activationProof is none of token, ticket, open"),
            },
            WrittenProof::Open(WrittenLetters { open }) => CodeLetters::try_from(open).map(Self::Open),
        }
    }
}

/// A deserializer that reads no value. Its error holds the names of the requested fields.
struct KeysReader;

/// The names of the fields that [`KeysReader`] was asked for.
#[derive(Debug, thiserror::Error)]
#[error("no value was read")]
struct KeysOf(&'static [&'static str]);

impl serde::de::Error for KeysOf {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> serde::Deserializer<'de> for KeysReader {
    type Error = KeysOf;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, KeysOf> {
        Err(KeysOf(&[]))
    }

    fn deserialize_struct<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, KeysOf> {
        Err(KeysOf(fields))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl Policy {
    /// Returns the names of the settings in their JSON form.
    pub fn keys() -> &'static [&'static str] {
        let Err(KeysOf(keys)) = Self::deserialize(KeysReader) else { return &[] };
        keys
    }

    pub(crate) fn code_lifetime_millis(&self) -> i64 {
        millis(self.code_lifetime_seconds)
    }

    pub(crate) fn activation_by_device_millis(&self) -> i64 {
        millis(self.activation_by_device_seconds.clamp(30, 3600))
    }

    pub(crate) fn activation_approval_millis(&self) -> i64 {
        millis(self.activation_approval_seconds.clamp(30, 3600))
    }

    pub(crate) fn number_cooling_millis(&self) -> i64 {
        millis(self.number_cooling_seconds)
    }

    pub(crate) fn setup_lifetime_millis(&self) -> i64 {
        millis(self.setup_lifetime_seconds)
    }

    pub(crate) fn refresh_token_lifetime_millis(&self) -> i64 {
        millis(self.refresh_token_lifetime_seconds)
    }

    pub(crate) fn refresh_token_most_millis(&self) -> i64 {
        millis(self.refresh_token_most_seconds)
    }

    pub(crate) fn otp_lifetime_millis(&self) -> i64 {
        millis(self.otp_lifetime_seconds)
    }
}

/// Converts seconds to milliseconds. A value that is too long for the clock becomes the maximum,
/// never a negative time.
pub(crate) fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(MILLIS)).unwrap_or(i64::MAX)
}

/// The size of the RSA keys that devices encrypt to (`Kiw` and `ms_key`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub enum KeySize {
    /// 1024 bits: for old clients that take no other size. It is no longer safe against attackers
    /// with large resources.
    Bits1024,
    /// 2048 bits.
    #[default]
    Bits2048,
}

impl TryFrom<u32> for KeySize {
    type Error = &'static str;

    fn try_from(bits: u32) -> Result<Self, Self::Error> {
        Self::ALL.into_iter().find(|size| size.bits() == bits).ok_or("must be 1024 or 2048")
    }
}

impl KeySize {
    pub(crate) const ALL: [Self; 2] = [Self::Bits1024, Self::Bits2048];

    /// Returns the number of bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Bits1024 => 1024,
            Self::Bits2048 => 2048,
        }
    }

    /// Returns the size of the key that a block of this length was encrypted to.
    pub(crate) fn of_block(bytes: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.bits() as usize == 8 * bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_are_left_out_have_their_defaults() {
        let policy: Policy = serde_json::from_str("{}").unwrap();
        assert_eq!(policy, Policy::default());
        let policy: Policy = serde_json::from_str(r#"{"maxPinTries":3,"otpsPerDeviceAndDay":6}"#).unwrap();
        let proof = |text: &str| serde_json::from_str::<Policy>(text).map(|policy| policy.pin_proof);
        assert_eq!(proof(r#"{"pinProof":"atActivation"}"#).unwrap(), PinProof::AtActivation);
        assert!(proof(r#"{"pinProof":"never"}"#).is_err());
        let suspend = serde_json::from_str::<Policy>(r#"{"clone":"suspend"}"#).unwrap();
        assert_eq!(suspend, Policy { clone: ClonePolicy::Suspend, ..Policy::default() });
        assert_eq!(policy, Policy { max_pin_tries: 3, otps_per_device_and_day: Some(6), ..Policy::default() });
    }

    #[test]
    fn a_code_of_an_open_activation_has_ten_letters_or_more() {
        let proof = |text: &str| {
            let policy = serde_json::from_str::<Policy>(&format!(r#"{{"activationProof":{text}}}"#));
            policy.map(|policy| policy.activation_proof)
        };
        assert_eq!(Policy::default().activation_proof, ActivationProof::Token);
        assert_eq!(proof(r#""token""#).unwrap(), ActivationProof::Token);
        assert_eq!(proof(r#""ticket""#).unwrap(), ActivationProof::Ticket);
        assert_eq!(proof(r#""open""#).unwrap(), ActivationProof::Open(CodeLetters::MIN));
        assert_eq!(proof(r#"{"open":12}"#).unwrap(), ActivationProof::Open(CodeLetters::MAX));
        for bad in [r#""closed""#, r#"{"open":9}"#, r#"{"open":13}"#, r#"{"open":10,"x":1}"#, "10", "null", "true"] {
            assert!(proof(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn device_keys_have_1024_or_2048_bits() {
        let size = |bits: u32| {
            let policy = serde_json::from_str::<Policy>(&format!(r#"{{"deviceKeyBits":{bits}}}"#));
            policy.map(|policy| policy.device_key_bits)
        };
        assert_eq!(size(1024).unwrap(), KeySize::Bits1024);
        assert_eq!(size(2048).unwrap(), KeySize::Bits2048);
        assert!(size(512).is_err() && size(4096).is_err() && size(0).is_err());
    }

    #[test]
    fn an_unknown_setting_is_an_error() {
        assert!(serde_json::from_str::<Policy>(r#"{"maxPinTrys":3}"#).is_err());
    }

    #[test]
    fn a_lifetime_beyond_the_clock_is_for_ever() {
        assert_eq!(Policy { code_lifetime_seconds: u64::MAX, ..Policy::default() }.code_lifetime_millis(), i64::MAX);
    }
}
