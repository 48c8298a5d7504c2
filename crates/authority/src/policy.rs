//! The settings of the service's rules. Data only: what they mean is decided in `domain`, `mac` and `cvs`.

use serde::Deserialize;

use crate::service_keys::KeySize;

const MILLIS: u64 = 1000;

/// The rules that an operator can set. What is left out has its default; an unknown name is an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Policy {
    /// The fewest digits of a PIN that is newly chosen (default 4). Below 4 and above 8 the format of a PIN decides.
    pub pin_min_length: usize,
    /// Wrong PINs after which an account is blocked (default 5); the last of them blocks. A right PIN forgives those of its device.
    pub max_pin_tries: u32,
    /// Wrong PINs in the life of a PIN after which an account is blocked until the PIN is reset (default 30).
    pub pin_budget: u32,
    /// Whether the commonest PINs, sequences, repeats and years are refused as new PINs (default: no).
    pub pin_denied: bool,
    /// How many earlier PINs of an account may not be chosen again (default 0: only the present one may not).
    pub pin_history: u32,
    /// Digits of an SMS code (default 6), held to 4 to 12.
    pub code_digits: usize,
    /// How long an SMS code lives (default 600).
    pub code_lifetime_seconds: u64,
    /// Wrong tries after which an SMS code is dead (default 5).
    pub code_tries: u32,
    /// SMS codes that an account may ask for in an hour (default 5).
    pub codes_per_hour: u32,
    /// SMS codes that an account may ask for in a day (default 20).
    pub codes_per_day: u32,
    /// Devices that an account may have (default 20).
    pub max_devices: u32,
    /// The longest time between setup and finalize of an operation (default 300).
    pub setup_lifetime_seconds: u64,
    /// How long a one-time password can be used (default 120).
    pub otp_lifetime_seconds: u64,
    /// One-time passwords that a device may ask for in a day of UTC (default: no limit).
    pub otps_per_device_and_day: Option<u32>,
    /// Whether a one-time password may be made without a PIN (default: no).
    pub otp_without_pin: bool,
    /// Every how many one-time passwords K1 evolves (default 16); 0 is never.
    pub evolve_k1_every: u32,
    /// How long a refresh token can be used (default 2,592,000: 30 days).
    pub refresh_token_lifetime_seconds: u64,
    /// How long a refresh token and those that follow it can be used in all (default 7,776,000: 90 days).
    pub refresh_token_most_seconds: u64,
    /// What follows where a second copy of a device is suspected (default: a report).
    pub clone: ClonePolicy,
    /// Bits of the RSA keys that devices encrypt to (default 2048); 1024 is for old clients alone.
    pub device_key_bits: KeySize,
}

/// What follows where a second copy of a device is suspected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClonePolicy {
    /// It is audited and counted.
    #[default]
    Report,
    /// Besides, the device may prove nothing until its PIN is reset with an SMS code.
    Suspend,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            pin_min_length: 4,
            max_pin_tries: 5,
            pin_budget: 30,
            pin_denied: false,
            pin_history: 0,
            code_digits: 6,
            code_lifetime_seconds: 600,
            code_tries: 5,
            codes_per_hour: 5,
            codes_per_day: 20,
            max_devices: 20,
            setup_lifetime_seconds: 300,
            otp_lifetime_seconds: 120,
            otps_per_device_and_day: None,
            otp_without_pin: false,
            evolve_k1_every: 16,
            refresh_token_lifetime_seconds: 30 * 24 * 3600,
            refresh_token_most_seconds: 90 * 24 * 3600,
            clone: ClonePolicy::default(),
            device_key_bits: KeySize::default(),
        }
    }
}

impl Policy {
    pub(crate) fn code_lifetime_millis(&self) -> i64 {
        millis(self.code_lifetime_seconds)
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

/// Seconds as milliseconds; what is too long for the clock is "for ever", never a negative time.
fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(MILLIS)).unwrap_or(i64::MAX)
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
        let suspend = serde_json::from_str::<Policy>(r#"{"clone":"suspend"}"#).unwrap();
        assert_eq!(suspend, Policy { clone: ClonePolicy::Suspend, ..Policy::default() });
        assert_eq!(policy, Policy { max_pin_tries: 3, otps_per_device_and_day: Some(6), ..Policy::default() });
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
