//! Guesses at activation codes: the number of codes that an attacker can expect to guess under the
//! policy and the limits of a configuration.

use super::Limits;
use authority::{Policy, expected_hits};

/// Minutes of a day, as a limit per minute counts them. One more than a day has, because the bucket
/// is full at the beginning.
const MINUTES_OF_DAY: u32 = 24 * 60 + 1;

/// The measure for a configuration: it assumes this many live codes at any time, and allows one hit
/// in this many days.
const LIVE_CODES: f64 = 10_000.0;
const DAYS_PER_HIT: f64 = 1000.0 * 365.25;

/// Returns how many of `live_codes` an attacker can expect to guess in a day at one instance, with
/// any number of addresses.
fn hits_per_day(policy: &Policy, limits: &Limits, live_codes: f64) -> f64 {
    let guesses = f64::from(limits.wrong_codes_per_minute) * f64::from(MINUTES_OF_DAY);
    expected_hits(policy, live_codes, guesses)
}

/// Returns a warning for the operator if the limits are too wide. They are if an attacker can
/// expect to guess a code of an open activation more than once in a thousand years, with 10,000
/// live codes at any time.
pub(crate) fn warning(policy: &Policy, limits: &Limits) -> Option<String> {
    let hits = hits_per_day(policy, limits, LIVE_CODES) * DAYS_PER_HIT;
    (hits > 1.0).then(|| {
        let bound = (f64::from(limits.wrong_codes_per_minute) / hits).floor();
        let (reason, remedy) = match policy.activation_by_device {
            true => ("activation.by_device is on", "the codes of devices have 10 letters"),
            false => ("activation.proof is `open`", "a higher limit needs more activation.code_letters"),
        };
        format!("limits.wrong_codes_per_minute should be at most {bound}: {reason}, and strangers may guess; {remedy}")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, Problem};
    use authority::ActivationProof;

    /// Reads a configuration that contains `more`.
    fn config(more: &str) -> Result<Config, Vec<Problem>> {
        let text = format!(
            "development = true\n[listen]\naddress = \"127.0.0.1:0\"\n[database]\nurl = \"sqlite:a.db\"\n[master_key]\nhex = \"{}\"\n\
             [tokens.static]\na = \"a-token-that-is-long-enough\"\n[sms]\ngateway = \"outbox\"\noutbox_file = \"o\"\n{more}",
            "07".repeat(32)
        );
        Config::read(&text, std::iter::empty(), Path::new("/"))
    }

    fn problem_of(more: &str) -> String {
        let problems = config(more).err().expect(more);
        problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_stranger_hits_no_code_in_a_day_and_an_open_one_less_than_once_in_a_thousand_years() {
        for (proof, is_open) in [("", false), ("token", false), ("ticket", false), ("open", true)] {
            let section = if proof.is_empty() { String::new() } else { format!("[activation]\nproof = \"{proof}\"\n") };
            let Config { policy, limits, .. } = config(&section).ok().unwrap();
            assert_eq!(matches!(policy.activation_proof, ActivationProof::Open(_)), is_open);
            let hits = hits_per_day(&policy, &limits, LIVE_CODES);
            if is_open {
                assert!(hits > 0.0 && hits * DAYS_PER_HIT < 1.0, "{hits} a day");
            } else {
                assert_eq!(hits, 0.0);
            }
        }
    }

    #[test]
    fn limits_that_let_a_stranger_hit_more_are_warned_of_with_the_bound_that_holds() {
        let with = |letters: u32, wrong: u32| {
            let config = config(&format!(
                "[activation]\nproof = \"open\"\ncode_letters = {letters}\n[limits]\nwrong_codes_per_minute = {wrong}\n"
            ));
            config.ok().unwrap()
        };
        let warned = |config: &Config| warning(&config.policy, &config.limits);
        for letters in 10..=12 {
            let shown = warned(&with(letters, 10_000_000)).unwrap();
            let bound: u32 = shown.split(&[' ', ':'][..]).find_map(|word| word.parse().ok()).unwrap();
            let Config { policy, limits, .. } = with(letters, bound);
            assert!(hits_per_day(&policy, &limits, LIVE_CODES) * DAYS_PER_HIT <= 1.0);
            assert_eq!(warning(&policy, &limits), None);
            assert!(warned(&with(letters, bound + 1)).is_some(), "{letters} letters, {bound}");
        }
        let token = config("[limits]\nwrong_codes_per_minute = 10000000\n").ok().unwrap();
        assert_eq!(warned(&token), None);
    }

    #[test]
    fn open_activations_have_no_short_codes_and_others_no_letters() {
        for letters in [4, 9, 13] {
            let section = format!("[activation]\nproof = \"open\"\ncode_letters = {letters}\n");
            assert_eq!(problem_of(&section), "activation.code_letters");
        }
        for digits in [4, 6, 12] {
            let section = format!("[activation]\nproof = \"open\"\n[policy]\ncode_digits = {digits}\n");
            assert_eq!(problem_of(&section), "policy.code_digits");
        }
        for proof in ["token", "ticket"] {
            let section = format!("[activation]\nproof = \"{proof}\"\ncode_letters = 10\n");
            assert_eq!(problem_of(&section), "activation.code_letters");
        }
        assert_eq!(problem_of("[activation]\nproof = \"no\"\n"), "activation.proof");
    }
}
