//! The table `sms_counts`: the numbers of SMS that were sent, for all accounts together and for
//! one.
//!
//! A count is the sum of several rows, so that messages that are sent at once seldom change the
//! same row.

use crate::domain::budget::{NumberStatus, Period, Spent};
use crate::failure::StorageResult;
use crate::storage::transaction::{Transaction, params};

/// The class of a row that counts nothing. It shows that the audit trail has a row about the limit.
const LIMIT_RECORDED: &str = "noted";

/// The number of rows that share a count.
const SHARDS: u8 = 32;

/// The messages of a period: to numbers with one prefix, or to all numbers if the prefix is empty.
#[derive(Clone, Copy)]
pub(crate) struct CountKey<'a> {
    pub(crate) period: Period,
    pub(crate) began_at: i64,
    pub(crate) prefix: &'a str,
}

impl Transaction<'_> {
    /// Returns the number of counted messages, and whether the audit trail has a row about the
    /// limit.
    pub(crate) fn sms_spent(&self, key: CountKey<'_>) -> StorageResult<(Spent, bool)> {
        let rows = self.all(
            "SELECT class, messages FROM sms_counts WHERE period = $1 AND began_at = $2 AND prefix = $3",
            params![key.period.as_str(), key.began_at, key.prefix],
            |mut row| Ok((row.get::<String>()?, row.get::<u32>()?)),
        )?;
        let sum = |class: &str| rows.iter().filter(|(word, _)| word == class).map(|(_, count)| count).sum();
        let spent = Spent {
            uncertified: sum(NumberStatus::Uncertified.as_str()),
            certified: sum(NumberStatus::Certified.as_str()),
        };
        Ok((spent, rows.iter().any(|(word, _)| word == LIMIT_RECORDED)))
    }

    /// Counts one more message. `chance` is random.
    pub(crate) fn count_sms(&self, key: CountKey<'_>, status: NumberStatus, chance: u8) -> StorageResult<()> {
        self.add_to_count(key, status.as_str(), (chance % SHARDS).into())
    }

    /// Records that a limit is reached and that the audit trail has a row about it.
    pub(crate) fn record_sms_limit(&self, key: CountKey<'_>) -> StorageResult<()> {
        self.add_to_count(key, LIMIT_RECORDED, 0)
    }

    fn add_to_count(&self, key: CountKey<'_>, class: &str, shard: u32) -> StorageResult<()> {
        self.put(
            "INSERT INTO sms_counts (period, began_at, prefix, class, shard, messages) VALUES ($1, $2, $3, $4, $5, 1)
             ON CONFLICT (period, began_at, prefix, class, shard) DO UPDATE SET messages = sms_counts.messages + 1",
            params![key.period.as_str(), key.began_at, key.prefix, class, shard],
        )
    }

    /// Removes the counts of periods that began before `time`.
    pub(crate) fn prune_sms_counts(&self, time: i64) -> StorageResult<()> {
        for period in Period::ALL {
            let sql = "DELETE FROM sms_counts WHERE period = $1 AND began_at < $2";
            self.put(sql, params![period.as_str(), time])?;
        }
        Ok(())
    }
}
