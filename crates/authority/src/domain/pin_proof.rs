//! The rule for one-time passwords without a proof of the PIN.
//!
//! Some clients prove their PIN only when they activate: their R2 is over an empty PIN. They store
//! K1 in clear.

use crate::domain::policy::PinProof;
use crate::domain::rows::TraitsRow;

/// The number of wrong K1s that a device may prove without its PIN. A thief of a device that hides
/// K1 under its PIN could otherwise try PINs until one uncovers K1, and no try would be charged.
const MAX_UNPROVED_TRIES: u32 = 3;

/// Returns whether a device may get a password without a proof of its PIN. A device that proved it
/// once always has to, as has one that activated while each had to: its state alone is worth
/// nothing to a thief.
pub(crate) fn may_be_omitted(policy: PinProof, traits: &TraitsRow) -> bool {
    policy == PinProof::AtActivation && !traits.proves_pin && traits.unproved_tries < MAX_UNPROVED_TRIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_device_that_never_proved_its_pin_and_knows_its_k1_may_omit_the_proof() {
        let may = |policy, proves_pin, unproved_tries| {
            may_be_omitted(
                policy,
                &TraitsRow { proves_pin, unproved_tries, ..TraitsRow::of_new_device(PinProof::AtActivation) },
            )
        };
        assert!(!may(PinProof::Each, false, 0));
        assert!(may(PinProof::AtActivation, false, 0) && may(PinProof::AtActivation, false, 2));
        assert!(!may(PinProof::AtActivation, true, 0) && !may(PinProof::AtActivation, false, 3));
        assert!(!may_be_omitted(PinProof::AtActivation, &TraitsRow::unknown()));
        assert!(!may_be_omitted(PinProof::AtActivation, &TraitsRow::of_new_device(PinProof::Each)));
    }
}
