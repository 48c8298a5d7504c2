//! Equal refusals of one minute: this process remembers the row of each kind, so that the row can
//! count the next refusal.
//!
//! Concurrent steps must not count in one row, because they would collide on PostgreSQL. So a row
//! belongs to one step at a time, and a step that finds no free row writes another. In each
//! instance there are as many rows per minute as steps ran at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const MINUTE: i64 = 60_000;

/// The maximum number of remembered kinds of refusals. Beyond it, each refusal is a row.
const MAX_KINDS: usize = 10_000;

/// The fields that equal refusals share.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct RefusalKind {
    pub(crate) account: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) event: &'static str,
    pub(crate) actor: String,
    pub(crate) address: Option<String>,
}

/// The rows of this minute's refusals.
#[derive(Default)]
pub(crate) struct Refusals(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    minute: i64,
    /// The rows that no step uses at the moment.
    free: HashMap<RefusalKind, Vec<i64>>,
}

/// A row in which one step counts. It is free again when the claim is dropped, which must happen
/// after the end of the step's transaction.
pub(crate) struct Claim {
    rows: Arc<Mutex<Rows>>,
    minute: i64,
    kind: RefusalKind,
    /// The id of the row. `None` if there is none yet.
    pub(crate) id: Option<i64>,
}

impl Refusals {
    /// Claims a row of this kind for a step at `now`.
    pub(crate) fn claim(&self, kind: RefusalKind, now: i64) -> Claim {
        let minute = now.div_euclid(MINUTE);
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.minute != minute {
            *rows = Rows { minute, ..Rows::default() };
        }
        let id = rows.free.get_mut(&kind).and_then(Vec::pop);
        Claim { rows: self.0.clone(), minute, kind, id }
    }
}

impl Claim {
    /// Returns whether a row with this time can count for the claim.
    pub(crate) fn is_of_minute(&self, at: i64) -> bool {
        at.div_euclid(MINUTE) == self.minute
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = rows.free.len() < MAX_KINDS || rows.free.contains_key(&self.kind);
        if rows.minute == self.minute && fits {
            rows.free.entry(self.kind.clone()).or_default().push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(account: &str) -> RefusalKind {
        RefusalKind { account: Some(account.into()), device: None, event: "a", actor: "app".into(), address: None }
    }

    #[test]
    fn a_row_belongs_to_one_step_at_a_time_and_to_its_minute() {
        let refusals = Refusals::default();
        let mut first = refusals.claim(kind("alice"), 0);
        assert_eq!(first.id, None);
        first.id = Some(1);
        assert_eq!(refusals.claim(kind("alice"), 1).id, None, "another step counts in it");
        drop(first);
        assert_eq!(refusals.claim(kind("bob"), 2).id, None);
        let again = refusals.claim(kind("alice"), MINUTE - 1);
        assert_eq!(again.id, Some(1));
        assert!(again.is_of_minute(0) && !again.is_of_minute(MINUTE) && !again.is_of_minute(-1));
        assert_eq!(refusals.claim(kind("alice"), MINUTE).id, None, "another minute");
        drop(again);
        assert_eq!(refusals.claim(kind("alice"), MINUTE).id, None, "it is over");
    }

    #[test]
    fn the_number_of_remembered_kinds_is_bounded() {
        let refusals = Refusals::default();
        for number in 0..=MAX_KINDS {
            refusals.claim(kind(&number.to_string()), 0).id = Some(1);
        }
        assert_eq!(refusals.0.lock().unwrap_or_else(PoisonError::into_inner).free.len(), MAX_KINDS);
    }
}
