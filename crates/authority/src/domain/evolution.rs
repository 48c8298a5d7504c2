//! The rules for the evolution of K1.

use crate::domain::rows::TraitsRow;

/// The number of evolutions that a device may let pass before it is not asked again. Some clients
/// do not know evolutions: they would get no password at all.
const MAX_PASSED: u32 = 3;

/// Returns whether a device is asked to evolve K1. A device that took an evolution once is always
/// asked: another copy of it cannot stop the evolutions, which would show the copy.
pub(crate) fn is_asked(traits: &TraitsRow) -> bool {
    traits.evolves || traits.evolutions_passed < MAX_PASSED
}

/// Records that a device is asked to evolve K1.
pub(crate) fn record_request(traits: &mut TraitsRow) {
    traits.evolutions_passed = traits.evolutions_passed.saturating_add(1);
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

    #[test]
    fn a_device_that_never_evolves_is_asked_three_times() {
        let mut traits = TraitsRow::default();
        for _ in 0..3 {
            assert!(is_asked(&traits));
            record_request(&mut traits);
        }
        assert!(!is_asked(&traits));
        record_evolution(&mut traits);
        (0..10).for_each(|_| record_request(&mut traits));
        assert!(is_asked(&traits));
    }

    #[test]
    fn every_nth_password_comes_after_an_evolution() {
        assert_eq!(history(0, 6), "pppppp");
        assert_eq!(history(1, 6), "EpEpEp");
        assert_eq!(history(2, 6), "pEppEp");
        assert_eq!(history(3, 8), "ppEpppEp");
    }
}
