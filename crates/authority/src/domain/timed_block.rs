//! The rule for blocks that end by themselves.
//!
//! When the tries of an account are used up, it is blocked for a time, and then has one try. A
//! wrong PIN blocks it for twice as long, and so on, but for a day at most. The try after the block
//! of a day is the last one: a wrong PIN then blocks the account until its PIN is reset. A right
//! PIN, a reset and an operator begin anew.
//!
//! The service's clock alone decides, when a step reads the account. By the rule of [`moment`] no
//! wrong clock makes a block longer than its own length.

use crate::domain::moment;
use crate::domain::policy::{Policy, millis};
use crate::domain::rows::{AccountRow, TimedBlockRow};

/// The length of the longest block that ends by itself.
const DAY_SECONDS: u64 = 86_400;

/// The rest of a block that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLeft {
    /// The end, in milliseconds since 1970.
    pub(crate) until: i64,
    /// The milliseconds until the end, 1 or more.
    pub(crate) millis: i64,
}

impl TimeLeft {
    /// Returns the seconds until the end, rounded up.
    pub(crate) fn seconds(self) -> u64 {
        u64::try_from(self.millis).unwrap_or(0).div_ceil(1000)
    }
}

impl TimedBlockRow {
    /// Returns the block that a wrong PIN begins, with which the tries of an account are used up.
    /// `before` is the block that ended before this try, if there was one. Returns `None` if the
    /// account stays blocked until its PIN is reset.
    pub(crate) fn after(before: Option<&Self>, account: &AccountRow, policy: &Policy, now: i64) -> Option<Self> {
        let seconds = match before {
            Some(before) if before.seconds >= DAY_SECONDS => return None,
            Some(before) => before.seconds.saturating_mul(2),
            None => policy.pin_block_seconds,
        };
        (policy.pin_block_seconds > 0).then(|| Self {
            account: account.name.clone(),
            wrong_pins: account.wrong_pins,
            began_at: now,
            seconds: seconds.min(DAY_SECONDS),
        })
    }

    /// Returns whether the last wrong PIN of the account began this block. A program of an earlier
    /// release lifts and begins blocks without a change of this row.
    pub(crate) fn is_of(&self, account: &AccountRow) -> bool {
        self.account == account.name && self.wrong_pins == account.wrong_pins
    }

    /// Returns the rest of the block, or `None` if it is over.
    pub(crate) fn time_left(&self, now: i64) -> Option<TimeLeft> {
        let millis = moment::time_left(self.began_at, millis(self.seconds), now)?;
        Some(TimeLeft { until: now.saturating_add(millis), millis })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::pin::{self, Block, Charged};
    use crate::domain::rows::DeviceRow;

    const DAY: i64 = 86_400_000;

    fn policy(pin_block_seconds: u64) -> Policy {
        Policy { pin_block_seconds, ..Policy::default() }
    }

    /// An account with its devices, as the steps of the service treat them.
    struct World {
        policy: Policy,
        account: AccountRow,
        devices: [DeviceRow; 2],
        timed: Option<TimedBlockRow>,
        now: i64,
    }

    impl World {
        fn new(policy: Policy) -> Self {
            let device = |id: &str| DeviceRow::new(id, "a", 0);
            let devices = [device("1"), device("2")];
            Self { policy, account: AccountRow::new("a", 0), devices, timed: None, now: 1_700_000_000_000 }
        }

        fn timed(&self) -> Option<&TimedBlockRow> {
            self.timed.as_ref().filter(|block| self.account.blocked && block.is_of(&self.account))
        }

        fn block(&self) -> Option<Block> {
            pin::block(&self.account, self.timed(), &self.policy, self.now)
        }

        /// Enters a wrong PIN. Returns `None` if a block refuses it.
        fn wrong(&mut self, device: usize) -> Option<Charged> {
            if self.block().is_some() {
                return None;
            }
            let before = self.timed().cloned();
            let device = &mut self.devices[device];
            let charged = pin::charge(&mut self.account, Some(device), before.as_ref(), &self.policy, self.now);
            self.timed = match &charged {
                Charged::BlockedFor(block) => Some(block.clone()),
                Charged::Left(_) | Charged::Blocked(_) => None,
            };
            Some(charged)
        }

        /// Enters the right PIN. Returns false if a block refuses it.
        fn right(&mut self, device: usize) -> bool {
            if self.block().is_some() {
                return false;
            }
            pin::forgive(&mut self.account, &mut self.devices[device]);
            self.lift();
            true
        }

        fn lift(&mut self) {
            self.account.blocked = false;
            self.timed = None;
        }

        fn reset(&mut self) {
            self.unblock();
            self.account.pin_wrong = 0;
        }

        fn unblock(&mut self) {
            self.lift();
            self.account.pin_tries = 0;
            self.devices.iter_mut().for_each(|device| device.pin_tries = 0);
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Wrong(usize),
        Right(usize),
        Wait(i64),
        Reset,
        Unblock,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            8 => (0..2_usize).prop_map(Act::Wrong),
            1 => (0..2_usize).prop_map(Act::Right),
            4 => (0..2 * DAY).prop_map(Act::Wait),
            4 => (0..120_000_i64).prop_map(Act::Wait),
            1 => Just(Act::Reset),
            1 => Just(Act::Unblock),
        ]
    }

    proptest! {
        /// Compares the rules with a list of the ends of the blocks.
        #[test]
        fn each_try_after_a_block_is_one_and_a_wrong_one_doubles_the_time(
            block_seconds in prop::sample::select(vec![0_u64, 1, 60, 7_000, 50_000, 86_400, 1_000_000]),
            pin_budget in prop::sample::select(vec![7_u32, 30, 1000]),
            acts in prop::collection::vec(act(), 0..200),
        ) {
            let mut world = World::new(Policy { pin_budget, ..policy(block_seconds) });
            // The length of the last block in seconds, and its end. Without an end it is for good.
            let mut last: Option<(u64, Option<i64>)> = None;
            // The wrong PINs of each device that are not forgiven, and those of the PIN.
            let (mut own, mut spent) = ([0_u32; 2], 0);
            for act in acts {
                let runs = last.is_some_and(|(_, end)| end.is_none_or(|end| world.now < end));
                match act {
                    Act::Wait(time) => world.now += time,
                    Act::Reset => {
                        world.reset();
                        (last, own, spent) = (None, [0; 2], 0);
                    }
                    Act::Unblock => {
                        // The service unblocks no PIN whose budget is spent.
                        if spent < pin_budget {
                            world.unblock();
                            (last, own) = (None, [0; 2]);
                        }
                    }
                    Act::Right(device) => {
                        prop_assert_eq!(world.right(device), !runs);
                        if !runs {
                            own[device] = 0;
                            last = None;
                        }
                    }
                    Act::Wrong(device) => {
                        let charged = world.wrong(device);
                        prop_assert_eq!(charged.is_none(), runs);
                        if charged.is_some() {
                            own[device] += 1;
                            spent += 1;
                            let is_over = last.is_some() || own.iter().sum::<u32>() >= world.policy.max_pin_tries;
                            if spent >= pin_budget {
                                last = Some((0, None));
                            } else if is_over {
                                last = Some(match last {
                                    _ if block_seconds == 0 => (0, None),
                                    Some((86_400, _)) => (0, None),
                                    other => {
                                        let seconds = other.map_or(block_seconds, |(seconds, _)| 2 * seconds);
                                        let seconds = seconds.min(86_400);
                                        (seconds, Some(world.now + 1000 * seconds as i64))
                                    }
                                });
                            }
                        }
                    }
                }
                let expected = match last {
                    None => None,
                    Some((_, None)) if spent >= pin_budget => Some(Block::Budget),
                    Some((_, None)) => Some(Block::Tries),
                    Some((_, Some(end))) => {
                        (world.now < end).then(|| Block::Timed(TimeLeft { until: end, millis: end - world.now }))
                    }
                };
                prop_assert_eq!(world.block(), expected);
                prop_assert!(spent <= pin_budget);
            }
        }

        /// Reads a block with a clock that was set to any time.
        #[test]
        fn no_clock_makes_a_block_longer_than_it_is(
            seconds in 1..=DAY_SECONDS, began_at in any::<i64>(), now in 0..4_000_000_000_000_i64,
        ) {
            let block = TimedBlockRow { account: "a".into(), wrong_pins: 5, began_at, seconds };
            if let Some(left) = block.time_left(now) {
                prop_assert!((1..=seconds).contains(&left.seconds()));
                prop_assert_eq!(left.until, now + left.millis);
            }
        }
    }

    #[test]
    fn the_blocks_of_an_hour_grow_to_a_day_and_then_end_no_more() {
        let mut world = World::new(Policy { pin_budget: 1000, ..policy(3600) });
        for left in [4, 3, 2, 1] {
            assert_eq!(world.wrong(0), Some(Charged::Left(left)));
        }
        for hours in [1, 2, 4, 8, 16, 24] {
            let charged = world.wrong(0);
            assert!(matches!(&charged, Some(Charged::BlockedFor(block)) if block.seconds == hours * 3600), "{hours}");
            world.now += 1000 * 3600 * hours as i64 - 1;
            let last = TimeLeft { until: world.now + 1, millis: 1 };
            assert_eq!((world.block(), world.wrong(0), last.seconds()), (Some(Block::Timed(last)), None, 1));
            world.now += 1;
            assert_eq!(world.block(), None);
        }
        assert_eq!(world.wrong(0), Some(Charged::Blocked(Block::Tries)));
        world.now += 1000 * DAY;
        assert_eq!((world.block(), world.wrong(0)), (Some(Block::Tries), None));
    }

    #[test]
    fn a_higher_limit_of_tries_gives_no_further_try_after_a_block() {
        let mut world = World::new(policy(60));
        (0..5).for_each(|_| drop(world.wrong(0)));
        world.policy.max_pin_tries = 50;
        world.now += 60_000;
        assert!(matches!(world.wrong(0), Some(Charged::BlockedFor(block)) if block.seconds == 120));
    }

    #[test]
    fn a_block_of_another_wrong_pin_or_without_the_setting_does_not_end() {
        let mut world = World::new(policy(60));
        (0..5).for_each(|_| drop(world.wrong(0)));
        world.now += 60_000;
        assert_eq!(world.block(), None);
        // A program of an earlier release charged a wrong PIN.
        world.account.wrong_pins += 1;
        assert_eq!(world.block(), Some(Block::Tries));
    }
}
