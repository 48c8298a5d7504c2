//! What a wrong PIN costs and a right one gives back.

use inwebo_values::Pin;

use crate::storage::AccountRow;

/// What a wrong PIN led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charged {
    /// So many more wrong PINs block the account.
    Left(u32),
    /// This one blocked it.
    Blocked,
}

/// Charges a wrong PIN.
pub(crate) fn charge(account: &mut AccountRow, max_tries: u32) -> Charged {
    account.pin_tries = account.pin_tries.saturating_add(1);
    match max_tries.saturating_sub(account.pin_tries) {
        0 => {
            account.blocked = true;
            Charged::Blocked
        }
        left => Charged::Left(left),
    }
}

/// Whether a PIN may be newly chosen.
pub(crate) fn may_be_chosen(pin: &Pin, min_length: usize) -> bool {
    pin.digits().len() >= min_length.min(Pin::MAX_DIGITS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_last_try_blocks() {
        let mut account = AccountRow::new("a", 0);
        let charged: Vec<Charged> = (0..3).map(|_| charge(&mut account, 3)).collect();
        assert_eq!(charged, [Charged::Left(2), Charged::Left(1), Charged::Blocked]);
        assert!(account.blocked);
    }

    #[test]
    fn a_lowered_limit_blocks_with_the_next_wrong_pin() {
        for limit in [0, 1, 2] {
            let mut account = AccountRow { pin_tries: 4, ..AccountRow::new("a", 0) };
            assert_eq!(charge(&mut account, limit), Charged::Blocked);
        }
    }

    #[test]
    fn a_new_pin_has_the_length_that_the_policy_asks_for() {
        let pin = Pin::new("12345").unwrap();
        assert!(may_be_chosen(&pin, 5));
        assert!(!may_be_chosen(&pin, 6));
        assert!(may_be_chosen(&Pin::new("12345678").unwrap(), 100));
    }
}
