//! The check of a new PIN: at an activation, at a change with the old PIN, and at a reset with an
//! SMS code.

use inwebo::values::Pin;
use inwebo::word::Word;

use super::refusal::{Reason, Refusal, StepError};
use crate::domain::pin::{self, PinFlaw};
use crate::domain::rows::AccountRow;
use crate::step::Step;

/// Checks a new PIN of an account. `present` is its present PIN.
pub(super) fn check(step: &Step<'_>, account: &AccountRow, present: Option<&Pin>, new: &Pin) -> Result<(), StepError> {
    pin::check_new_pin(new, step.policy).map_err(|flaw| {
        Refusal::with_reason(
            Word::PinRefused,
            match flaw {
                PinFlaw::TooShort => Reason::TooShort,
                PinFlaw::Common => Reason::CommonPin,
            },
        )
    })?;
    if present.is_some_and(|present| present == new) || step.was_used_before(account, new) {
        return Err(Word::PinReused.into());
    }
    Ok(())
}
