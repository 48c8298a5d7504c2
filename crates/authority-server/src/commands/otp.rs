//! `otp verify`: checks a one-time password.

use std::io::Read;

use zeroize::Zeroizing;

use super::{open_without_sms, print_line};
use crate::config::Config;
use authority::{AccountName, Verdict};

/// Largest number of bytes to read: longer than any password with its line end.
const MAX: u64 = 64;

pub(crate) fn verify(config: &Config, account: &AccountName) -> Result<(), String> {
    let mut text = Zeroizing::new(String::with_capacity(MAX as usize + 1));
    std::io::stdin().take(MAX).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let verdict = open_without_sms(config)?.verify_otp(account, text.trim()).map_err(|failure| failure.to_string())?;
    match verdict {
        Verdict::Accepted => print_line("accepted"),
        Verdict::Refused => Err("refused".into()),
    }
}
