//! The rules for the evolution of K1.

use crate::domain::rows::TraitsRow;

/// The number of requests to evolve that a device may let pass before it is asked less often. Some
/// clients do not know evolutions: they would get no password at all.
const MAX_PASSED: u32 = 3;

/// The factor of the chance with which such a device is asked again. Another copy of a device may
/// have let the requests pass, so they never end for good.
const SELDOM: u32 = 16;

/// The answer to a request for a password with which K1 should evolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The device is asked to evolve K1.
    Evolve,
    /// The device gets its password. It let so many requests pass that it is asked less often from
    /// now on.
    PasswordFromNowOn,
    /// The device gets its password.
    Password,
}

/// Decides about a password with which K1 should evolve, and records the decision. A device that
/// took an evolution once is always asked: another copy of it cannot stop the evolutions, which
/// would show the copy.
///
/// A device that let its requests pass is asked by chance. `lot` is a random number. A count would
/// show a copy when the next request is due, and the copy could let that one pass, too.
pub(crate) fn answer(traits: &mut TraitsRow, every: u32, lot: u32) -> Answer {
    if traits.evolves || traits.evolutions_passed < MAX_PASSED {
        traits.evolutions_passed = traits.evolutions_passed.saturating_add(1);
        Answer::Evolve
    } else if traits.evolutions_passed == MAX_PASSED {
        traits.evolutions_passed += 1;
        Answer::PasswordFromNowOn
    } else if lot.is_multiple_of(every.saturating_mul(SELDOM)) {
        Answer::Evolve
    } else {
        Answer::Password
    }
}

/// Forgets the requests that a device let pass: it has just received keys, so it may be another
/// client, or the owner's copy.
pub(crate) fn begin_anew(traits: &mut TraitsRow) {
    traits.evolutions_passed = 0;
}

/// Records that a device took an evolution.
pub(crate) fn record_evolution(traits: &mut TraitsRow) {
    (traits.evolves, traits.evolutions_passed) = (true, 0);
}

/// Returns whether K1 evolves before the password that is requested now. This is so for every
/// `every`-th password, and never for one that follows an evolution in the same operation
/// (`adopted`).
pub(crate) fn is_due(every: u32, since_evolution: u32, adopted: bool) -> bool {
    every > 0 && !adopted && since_evolution.saturating_add(1) >= every
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::PinProof;

    /// Returns the results of `requests` requests for passwords: `E` for an evolution, `p` for a
    /// password.
    fn history(every: u32, requests: usize) -> String {
        let (mut since, mut pending) = (0, false);
        let mut history = String::new();
        for _ in 0..requests {
            let adopted = std::mem::take(&mut pending);
            if adopted {
                since = 0;
            }
            if is_due(every, since, adopted) {
                pending = true;
                history.push('E');
            } else {
                since += u32::from(!adopted);
                history.push('p');
            }
        }
        history
    }

    /// Returns the answers to the requests of a device that never evolves, one for each lot.
    fn passed_over(traits: &mut TraitsRow, every: u32, lots: &[u32]) -> String {
        let letter = |lot: &u32| match answer(traits, every, *lot) {
            Answer::Evolve => 'E',
            Answer::PasswordFromNowOn => 's',
            Answer::Password => 'p',
        };
        lots.iter().map(letter).collect()
    }

    #[test]
    fn a_device_that_never_evolves_is_asked_three_times_and_then_by_chance() {
        let mut traits = TraitsRow::of_new_device(PinProof::Each);
        let lots = [1, 1, 1, 0, 1, 31, 32, 33, 0, 64];
        assert_eq!(passed_over(&mut traits, 2, &lots), "EEEsppEpEE");
        begin_anew(&mut traits);
        assert_eq!(passed_over(&mut traits, 2, &[1; 6]), "EEEspp");
        record_evolution(&mut traits);
        assert_eq!(passed_over(&mut traits, 2, &[1; 9]), "EEEEEEEEE");
        assert_eq!(passed_over(&mut TraitsRow::unknown(), 1, &[1; 5]), "EEEEE");
        // A large setting is no chance of zero.
        let mut traits = TraitsRow { evolutions_passed: 4, ..TraitsRow::of_new_device(PinProof::Each) };
        assert_eq!(passed_over(&mut traits, u32::MAX, &[1, 0]), "pE");
    }

    #[test]
    fn every_nth_password_comes_after_an_evolution() {
        assert_eq!(history(0, 6), "pppppp");
        assert_eq!(history(1, 6), "EpEpEp");
        assert_eq!(history(2, 6), "pEppEp");
        assert_eq!(history(3, 8), "ppEpppEp");
    }
}
