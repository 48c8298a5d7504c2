//! The rules for PINs: the charge for a wrong one, the effect of a right one, and the choice of a
//! new one.

use std::collections::HashSet;
use std::sync::OnceLock;

use inwebo::values::Pin;
use subtle::{Choice, ConstantTimeEq};

use crate::domain::hash::Hash;
use crate::domain::policy::Policy;
use crate::domain::rows::{AccountRow, DeviceRow, TimedBlockRow};
use crate::domain::timed_block::TimeLeft;

/// The reason of an account's block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Too many wrong PINs that no right one forgave, or the rejection of a new device.
    Tries,
    /// The budget of wrong PINs is spent: only a new PIN lifts the block.
    Budget,
    /// Too many wrong PINs, as with `Tries`, and the block ends by itself.
    Timed(TimeLeft),
}

/// The result of a wrong PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Charged {
    /// This number of further wrong PINs blocks the account.
    Left(u32),
    /// The wrong PIN blocked the account. The block does not end by itself.
    Blocked(Block),
    /// The wrong PIN blocked the account, and the block ends by itself. The caller writes it.
    BlockedFor(TimedBlockRow),
}

/// Charges a wrong PIN to the account, and to the device that sent it. `ended` is the account's
/// block that ended by itself before this try, if there was one.
pub(crate) fn charge(
    account: &mut AccountRow,
    device: Option<&mut DeviceRow>,
    ended: Option<&TimedBlockRow>,
    policy: &Policy,
    now: i64,
) -> Charged {
    account.pin_tries = account.pin_tries.saturating_add(1);
    account.pin_wrong = account.pin_wrong.saturating_add(1);
    account.wrong_pins = account.wrong_pins.saturating_add(1);
    if let Some(device) = device {
        device.pin_tries = device.pin_tries.saturating_add(1);
    }
    // After a block there is one try, whatever the present limit is.
    let was_blocked = account.blocked;
    let tries = if was_blocked { 0 } else { tries_left(account, policy) };
    match tries {
        0 => {
            account.blocked = true;
            if is_budget_spent(account, policy) {
                return Charged::Blocked(Block::Budget);
            }
            // A block without a row never ended by itself.
            let ended = ended.filter(|_| was_blocked);
            let timed =
                if was_blocked && ended.is_none() { None } else { TimedBlockRow::after(ended, account, policy, now) };
            timed.map_or(Charged::Blocked(Block::Tries), Charged::BlockedFor)
        }
        left => Charged::Left(left),
    }
}

/// Returns the number of further wrong PINs that block an account which is not blocked.
pub(crate) fn tries_left(account: &AccountRow, policy: &Policy) -> u32 {
    let tries = policy.max_pin_tries.saturating_sub(account.pin_tries);
    tries.min(policy.pin_budget.saturating_sub(account.pin_wrong))
}

/// Forgives the wrong PINs of a device after a right one, and those of no other device. Returns
/// their number.
pub(crate) fn forgive(account: &mut AccountRow, device: &mut DeviceRow) -> u32 {
    let own = std::mem::take(&mut device.pin_tries).min(account.pin_tries);
    account.pin_tries -= own;
    own
}

/// Returns the reason of the block. Returns `None` if the account is not blocked, or not any more:
/// `timed` is its block that ends by itself, if it has one.
pub(crate) fn block(account: &AccountRow, timed: Option<&TimedBlockRow>, policy: &Policy, now: i64) -> Option<Block> {
    if !account.blocked {
        return None;
    }
    if is_budget_spent(account, policy) {
        return Some(Block::Budget);
    }
    match timed.filter(|timed| policy.pin_block_seconds > 0 && timed.is_of(account)) {
        Some(timed) => timed.time_left(now).map(Block::Timed),
        None => Some(Block::Tries),
    }
}

/// Returns whether the budget of wrong PINs of this PIN is spent.
pub(crate) fn is_budget_spent(account: &AccountRow, policy: &Policy) -> bool {
    account.pin_wrong >= policy.pin_budget
}

/// Returns whether the last wrong PIN spent the first half of the budget. If an account reaches
/// this point without a block, its tries were given back again and again.
pub(crate) fn is_budget_half_spent(account: &AccountRow, policy: &Policy) -> bool {
    account.pin_wrong == policy.pin_budget.div_ceil(2) && !is_budget_spent(account, policy)
}

/// The reason for which a PIN may not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PinFlaw {
    /// It has fewer digits than the policy requires.
    TooShort,
    /// It is one of the PINs that attackers try first.
    Common,
}

/// Checks the form of a new PIN.
pub(crate) fn check_new_pin(pin: &Pin, policy: &Policy) -> Result<(), PinFlaw> {
    if pin.digits().len() < policy.pin_min_length.min(Pin::MAX_DIGITS) {
        return Err(PinFlaw::TooShort);
    }
    if policy.pin_denied && is_common(pin) { Err(PinFlaw::Common) } else { Ok(()) }
}

/// Returns whether attackers try this PIN first: it is one of the commonest 200, a sequence of
/// digits, a repeat or a year.
pub(crate) fn is_common(pin: &Pin) -> bool {
    let digits: Vec<u8> = pin.digits().bytes().map(|digit| digit - b'0').collect();
    let steps = |by: u8| digits.windows(2).all(|pair| (pair[0] + by) % 10 == pair[1]);
    let repeats = (1..=digits.len() / 2).any(|period| digits.iter().zip(&digits[period..]).all(|(a, b)| a == b));
    let is_year = matches!(digits[..], [1, 9, _, _] | [2, 0, _, _]);
    steps(1) || steps(9) || repeats || is_year || commonest().contains(pin.digits())
}

/// Returns the list of the commonest PINs.
fn commonest() -> &'static HashSet<&'static str> {
    static LIST: OnceLock<HashSet<&'static str>> = OnceLock::new();
    LIST.get_or_init(|| {
        let lines = include_str!("common_pins.txt").lines().filter(|line| !line.starts_with('#'));
        lines.flat_map(str::split_whitespace).collect()
    })
}

/// The length of the key number that precedes a hash.
const ID: usize = 4;
/// The length of one entry of a history.
const ENTRY: usize = ID + 32;

/// Returns whether one of these hashes is among the newest `max_entries` entries of a history. The
/// hashes are of one PIN, one for each key.
pub(crate) fn is_in_history(history: &[u8], hashes: &[Hash], max_entries: u32) -> bool {
    let same = entries(history, max_entries)
        .fold(Choice::from(0), |same, entry| hashes.iter().fold(same, |same, hash| same | entry.ct_eq(&encoded(hash))));
    same.into()
}

/// Returns the history with this PIN at its beginning and at most `max_entries` entries. Returns
/// `None` if that leaves no entry.
pub(crate) fn push_history(history: Option<&[u8]>, hash: &Hash, max_entries: u32) -> Option<Vec<u8>> {
    let before = entries(history.unwrap_or_default(), max_entries.saturating_sub(1));
    let after = encoded(hash).into_iter().chain(before.flatten().copied()).collect();
    (max_entries > 0).then_some(after)
}

fn entries(history: &[u8], max_entries: u32) -> impl Iterator<Item = &[u8]> {
    history.chunks_exact(ENTRY).take(usize::try_from(max_entries).unwrap_or(usize::MAX))
}

fn encoded(hash: &Hash) -> Vec<u8> {
    [&hash.key_id.to_be_bytes()[..], &hash.bytes].concat()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(max_pin_tries: u32, pin_budget: u32) -> Policy {
        Policy { max_pin_tries, pin_budget, ..Policy::default() }
    }

    fn device() -> DeviceRow {
        DeviceRow::new("d", "a", 0)
    }

    fn pin(digits: &str) -> Pin {
        Pin::new(digits).unwrap()
    }

    #[test]
    fn the_last_try_blocks() {
        let mut account = AccountRow::new("a", 0);
        let charged: Vec<Charged> = (0..3).map(|_| charge(&mut account, None, None, &policy(3, 30), 0)).collect();
        assert_eq!(charged, [Charged::Left(2), Charged::Left(1), Charged::Blocked(Block::Tries)]);
        assert_eq!(block(&account, None, &policy(3, 30), 0), Some(Block::Tries));
    }

    #[test]
    fn a_lowered_limit_blocks_with_the_next_wrong_pin() {
        for limit in [0, 1, 2] {
            let mut account = AccountRow { pin_tries: 4, ..AccountRow::new("a", 0) };
            assert_eq!(charge(&mut account, None, None, &policy(limit, 30), 0), Charged::Blocked(Block::Tries));
            let mut account = AccountRow { pin_wrong: 4, ..AccountRow::new("a", 0) };
            assert_eq!(charge(&mut account, None, None, &policy(5, limit), 0), Charged::Blocked(Block::Budget));
        }
    }

    proptest! {
        /// Enters wrong PINs of three devices and right ones, in any order.
        #[test]
        fn a_right_pin_forgives_its_own_device_alone_and_the_budget_holds(
            asked in prop::collection::vec((0..3_usize, any::<bool>()), 0..200),
        ) {
            let policy = policy(5, 30);
            let mut account = AccountRow::new("a", 0);
            let mut devices = [device(), device(), device()];
            let (mut own, mut wrong) = ([0_u32; 3], 0);
            for (number, right) in asked {
                if account.blocked {
                    break;
                }
                if right {
                    prop_assert_eq!(forgive(&mut account, &mut devices[number]), own[number]);
                    own[number] = 0;
                } else {
                    let charged = charge(&mut account, Some(&mut devices[number]), None, &policy, 0);
                    own[number] += 1;
                    wrong += 1;
                    let left = (5 - own.iter().sum::<u32>()).min(30 - wrong);
                    let block = if wrong == 30 { Block::Budget } else { Block::Tries };
                    let expected = if left == 0 { Charged::Blocked(block) } else { Charged::Left(left) };
                    prop_assert_eq!(charged, expected);
                }
                prop_assert_eq!((account.pin_tries, account.pin_wrong), (own.iter().sum::<u32>(), wrong));
            }
            prop_assert!(wrong <= 30);
        }

        #[test]
        fn a_history_holds_the_newest_pins(chosen in prop::collection::vec(0..20_u8, 0..30), max_entries in 0..8_u32) {
            let hash = |pin: u8| Hash { key_id: 1, bytes: [pin; 32] };
            let mut history: Option<Vec<u8>> = None;
            for chosen in &chosen {
                history = push_history(history.as_deref(), &hash(*chosen), max_entries);
            }
            let newest: Vec<u8> = chosen.iter().rev().take(max_entries as usize).copied().collect();
            for pin in 0..20 {
                let history = history.as_deref().unwrap_or_default();
                prop_assert_eq!(is_in_history(history, &[hash(pin)], max_entries), newest.contains(&pin));
                let other = Hash { key_id: 2, bytes: [pin; 32] };
                prop_assert!(!is_in_history(history, &[other], max_entries));
                prop_assert!(!is_in_history(history, &[hash(pin)], 0));
            }
        }
    }

    #[test]
    fn a_new_pin_has_the_length_that_the_policy_asks_for() {
        let policy = |pin_min_length| Policy { pin_min_length, ..Policy::default() };
        assert_eq!(check_new_pin(&pin("12345"), &policy(5)), Ok(()));
        assert_eq!(check_new_pin(&pin("12345"), &policy(6)), Err(PinFlaw::TooShort));
        assert_eq!(check_new_pin(&pin("12345678"), &policy(100)), Ok(()));
        let denied = Policy { pin_denied: true, ..Policy::default() };
        assert_eq!(check_new_pin(&pin("1234"), &denied), Err(PinFlaw::Common));
    }

    #[test]
    fn sequences_repeats_years_and_the_commonest_pins_are_common() {
        let rows = ["0123", "6789", "7890", "9012", "4321", "0987", "2109", "23456", "98765", "12345678", "3456789"];
        let repeats = ["0000", "1212", "123123", "12121", "1231231", "77777777", "12341234"];
        let years = ["1900", "1987", "2000", "2099"];
        let listed = ["2580", "1004", "6969", "159753", "112233", "14725836"];
        for digits in rows.into_iter().chain(repeats).chain(years).chain(listed) {
            assert!(is_common(&pin(digits)), "{digits}");
        }
        for digits in ["1899", "2100", "4936", "7301", "12357", "1998765", "830174", "123124", "52907418", "1290"] {
            assert!(!is_common(&pin(digits)), "{digits}");
        }
    }

    #[test]
    fn the_list_has_200_pins_and_leaves_most_to_choose_from() {
        assert_eq!(commonest().len(), 200);
        assert!(commonest().iter().all(|digits| [4, 6, 8].contains(&digits.len()) && Pin::new(digits).is_some()));
        let free = (0..10_000).filter(|number| !is_common(&pin(&format!("{number:04}")))).count();
        assert!(free > 9_500, "{free}");
    }
}
