//! The rules for SMS codes: form, lifetime, wrong tries, and how often an account may request one.

use inwebo::values::EnrollmentCode;
use zeroize::Zeroizing;

use super::moment;
use crate::domain::policy::{ActivationProof, CodeLetters, Policy};
use crate::domain::rows::{CodePurpose, CodeRow};

const HOUR: i64 = 3_600_000;

/// The period for which requests for codes count.
pub(crate) const DAY: i64 = 24 * HOUR;

/// The minimum and maximum number of symbols that the exchange permits for a code.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=12;

/// An alphabet of 32 symbols that do not look alike.
const LETTERS: &[u8; 32] = EnrollmentCode::ALPHABET;

/// The form of new codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeForm {
    /// This number of decimal digits. The code is compared with that of one account, and a wrong
    /// one is charged.
    Digits(usize),
    /// This number of symbols of the alphabet of 32. The code may be compared with those of all
    /// accounts.
    Letters(CodeLetters),
}

impl CodeForm {
    /// Returns the form of codes under a policy.
    pub(crate) fn of(policy: &Policy) -> Self {
        match policy.activation_proof {
            ActivationProof::Token | ActivationProof::Ticket => {
                Self::Digits(policy.code_digits.clamp(*DIGITS.start(), *DIGITS.end()))
            }
            ActivationProof::Open(letters) => Self::Letters(letters),
        }
    }

    /// Returns the alphabet of such a code.
    pub(crate) fn alphabet(self) -> &'static [u8] {
        match self {
            Self::Digits(_) => b"0123456789",
            Self::Letters(_) => LETTERS,
        }
    }

    /// Returns the number of symbols of such a code.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Digits(digits) => digits,
            Self::Letters(letters) => letters.get(),
        }
    }
}

/// Returns the number of symbols of a new SMS code.
pub fn code_length(policy: &Policy) -> usize {
    CodeForm::of(policy).length()
}

/// Returns the number of live codes that a stranger can expect to guess.
///
/// The stranger has no account with a code and no ticket, and makes `guesses` guesses. A guess
/// without a proof is compared with no SMS code. If activations are open, it is compared with all
/// `live_codes`, and so it is if devices make enrollment codes.
pub fn expected_hits(policy: &Policy, live_codes: f64, guesses: f64) -> f64 {
    let symbols = match policy.activation_proof {
        _ if policy.activation_by_device => EnrollmentCode::LENGTH,
        ActivationProof::Token | ActivationProof::Ticket => return 0.0,
        ActivationProof::Open(letters) => letters.get(),
    };
    let symbols = i32::try_from(symbols).unwrap_or(i32::MAX);
    live_codes * guesses / f64::from(u32::try_from(LETTERS.len()).unwrap_or(1)).powi(symbols)
}

/// Returns a code in the form in which it is hashed: a user may type its letters in either case.
pub(crate) fn normalized(entered: &str) -> Zeroizing<String> {
    let mut code = Zeroizing::new(entered.to_owned());
    code.make_ascii_uppercase();
    code
}

/// Returns whether a code can still be accepted.
pub(crate) fn is_live(code: &CodeRow, policy: &Policy, now: i64) -> bool {
    !code.withdrawn && code.used.is_none() && is_in_time(code, policy, now) && code.tries < policy.code_tries
}

/// Returns whether a code has not expired.
pub(crate) fn is_in_time(code: &CodeRow, policy: &Policy, now: i64) -> bool {
    moment::is_in_progress(code.expires_at, lifetime(code.purpose, policy), now)
}

/// Returns the lifetime of a code in milliseconds.
pub(crate) fn lifetime(purpose: CodePurpose, policy: &Policy) -> i64 {
    match purpose {
        CodePurpose::Sms(_) => policy.code_lifetime_millis(),
        CodePurpose::OfDevice => policy.activation_by_device_millis(),
    }
}

/// Charges a wrong try. Returns the number of tries that are left.
pub(crate) fn charge(code: &mut CodeRow, policy: &Policy) -> u32 {
    code.tries = code.tries.saturating_add(1);
    tries_left(code, policy)
}

/// Returns the number of wrong tries of a code that are left.
pub(crate) fn tries_left(code: &CodeRow, policy: &Policy) -> u32 {
    policy.code_tries.saturating_sub(code.tries)
}

/// Returns the wrong tries that a new code takes over. A request for a new code restores no tries
/// while the old code would still be valid.
pub(crate) fn carried_tries(old: Option<&CodeRow>, policy: &Policy, now: i64) -> u32 {
    old.filter(|old| old.used.is_none() && is_in_time(old, policy, now)).map_or(0, |old| old.tries)
}

/// Returns the seconds until the next code may be requested. Returns `None` if it may be requested
/// now. `requests` holds the times of the requests of the last day, oldest first.
pub(crate) fn retry_after(requests: &[i64], old: Option<&CodeRow>, policy: &Policy, now: i64) -> Option<u64> {
    let millis = time_until_next(requests, old, policy, now)?;
    Some(u64::try_from(millis).unwrap_or(0).div_ceil(1000).max(1))
}

/// Returns the milliseconds until the next code may be requested, as [`retry_after`] does.
pub(crate) fn time_until_next(requests: &[i64], old: Option<&CodeRow>, policy: &Policy, now: i64) -> Option<i64> {
    let ages: Vec<i64> = requests.iter().filter_map(|at| moment::age(*at, now)).collect();
    let hour = window(&ages, HOUR, policy.codes_per_hour);
    let day = window(&ages, DAY, policy.codes_per_day);
    // A new code that has no tries left would cost an SMS for nothing.
    let tries = old.filter(|_| carried_tries(old, policy, now) >= policy.code_tries).map(|old| old.expires_at - now);
    [hour, day, tries].into_iter().flatten().max()
}

/// Returns the milliseconds until fewer than `limit` requests lie in the window. Returns `None` if
/// that is so now. `ages` holds the ages of the requests, oldest first.
fn window(ages: &[i64], length: i64, limit: u32) -> Option<i64> {
    let recent = ages.iter().filter(|age| **age < length).count();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if recent < limit {
        return None;
    }
    // The request that must leave the window. There is none if the limit permits no request.
    let oldest = ages.len().checked_sub(limit).and_then(|index| ages.get(index));
    Some(oldest.map_or(length, |age| length - age))
}

#[cfg(test)]
mod tests {
    use inwebo::cvs::Purpose;

    use super::*;
    use crate::domain::rows::CodeUse;

    fn code(tries: u32) -> CodeRow {
        CodeRow {
            account: "a".into(),
            purpose: Purpose::Enrollment.into(),
            phone_number: "123456".into(),
            hash: [0; 32],
            key_id: 1,
            expires_at: 600_000,
            tries,
            pin_tries: 0,
            withdrawn: false,
            setup_at: None,
            used: None,
            version: 0,
            ticket: None,
        }
    }

    #[test]
    fn the_letters_are_32_of_which_no_two_look_alike() {
        let mut letters = LETTERS.to_vec();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), 32);
        assert!(letters.iter().all(|letter| letter.is_ascii_digit() || letter.is_ascii_uppercase()));
        for alike in [b"0O", b"1I"] {
            assert!(!letters.iter().any(|letter| alike.contains(letter)));
        }
        assert_eq!(&**normalized("ab2C"), "AB2C");
    }

    #[test]
    fn the_form_follows_from_what_an_activation_must_show() {
        let form = |activation_proof, code_digits| {
            CodeForm::of(&Policy { activation_proof, code_digits, ..Policy::default() })
        };
        for proof in [ActivationProof::Token, ActivationProof::Ticket] {
            assert_eq!(form(proof, 6), CodeForm::Digits(6));
            assert_eq!(form(proof, 1), CodeForm::Digits(4));
            assert_eq!(form(proof, 100), CodeForm::Digits(12));
        }
        for digits in [1, 4, 100] {
            let open = form(ActivationProof::Open(CodeLetters::MIN), digits);
            assert_eq!(open, CodeForm::Letters(CodeLetters::MIN));
            assert_eq!((open.length(), open.alphabet().len()), (10, 32));
        }
    }

    #[test]
    fn a_stranger_hits_a_code_where_activations_are_open_alone() {
        let hits =
            |activation_proof| expected_hits(&Policy { activation_proof, ..Policy::default() }, 1000.0, 86_400.0);
        assert_eq!(hits(ActivationProof::Token), 0.0);
        assert_eq!(hits(ActivationProof::Ticket), 0.0);
        assert_eq!(hits(ActivationProof::Open(CodeLetters::MIN)), 86_400_000.0 / 2f64.powi(50));
        assert_eq!(hits(ActivationProof::Open(CodeLetters::MAX)), 86_400_000.0 / 2f64.powi(60));
    }

    #[test]
    fn a_code_lives_until_it_expires_is_used_withdrawn_or_tried_too_often() {
        let policy = Policy::default();
        assert!(is_live(&code(4), &policy, 599_999));
        assert!(!is_live(&code(0), &policy, 600_000));
        assert!(!is_live(&code(5), &policy, 0));
        assert!(!is_live(&CodeRow { used: Some(CodeUse::Done), ..code(0) }, &policy, 0));
        assert!(!is_live(&CodeRow { withdrawn: true, ..code(0) }, &policy, 0));
    }

    #[test]
    fn tries_are_carried_over_while_the_old_code_would_live() {
        let policy = Policy::default();
        assert_eq!(carried_tries(Some(&code(3)), &policy, 599_999), 3);
        assert_eq!(carried_tries(Some(&CodeRow { withdrawn: true, ..code(3) }), &policy, 0), 3);
        assert_eq!(carried_tries(Some(&code(3)), &policy, 600_000), 0);
        assert_eq!(carried_tries(Some(&CodeRow { used: Some(CodeUse::Done), ..code(3) }), &policy, 0), 0);
        assert_eq!(carried_tries(None, &policy, 0), 0);
    }

    #[test]
    fn times_of_a_clock_that_was_ahead_block_no_account() {
        let policy = Policy { codes_per_hour: 2, codes_per_day: 3, ..Policy::default() };
        let year = 365 * DAY;
        let ahead = CodeRow { expires_at: year + 600_000, ..code(policy.code_tries) };
        assert!(!is_live(&CodeRow { tries: 0, ..ahead.clone() }, &policy, 0));
        assert_eq!(carried_tries(Some(&ahead), &policy, 0), 0);
        assert_eq!(retry_after(&[year, year, year], Some(&ahead), &policy, 0), None);
        // Requests with times of the right clock count beside them.
        assert_eq!(retry_after(&[0, 1000, year, year], None, &policy, 1000), Some(3599));
    }

    #[test]
    fn the_limits_tell_when_the_next_code_may_be_asked_for() {
        let policy = Policy { codes_per_hour: 2, codes_per_day: 3, ..Policy::default() };
        let after = |requests: &[i64], now| retry_after(requests, None, &policy, now);
        assert_eq!(after(&[], 0), None);
        assert_eq!(after(&[0], 1000), None);
        assert_eq!(after(&[0, 1000], 1000), Some(3599));
        assert_eq!(after(&[0, 1000], HOUR), None);
        assert_eq!(after(&[0, 1000, HOUR], HOUR + 1000), Some(23 * 3600 - 1));
        assert_eq!(after(&[0, 1000, HOUR], DAY), None);
        assert_eq!(retry_after(&[], None, &Policy { codes_per_hour: 0, ..policy.clone() }, 0), Some(3600));
    }

    #[test]
    fn no_code_is_sent_that_would_be_dead_at_birth() {
        let policy = Policy::default();
        assert_eq!(retry_after(&[], Some(&code(5)), &policy, 0), Some(600));
        assert_eq!(retry_after(&[], Some(&code(4)), &policy, 0), None);
        assert_eq!(retry_after(&[], Some(&code(5)), &policy, 600_000), None);
    }
}
