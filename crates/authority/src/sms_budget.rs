//! The budget of SMS in the database. All instances share it.
//!
//! The service reads the budget outside of the transactions that charge it: otherwise all of them
//! would wait for one another. Requests that arrive at the same moment may exceed the budget by
//! their own number.

use crate::audit;
use crate::domain::budget::{Class, Period};
use crate::failure::Failure;
use crate::random;
use crate::step::{Step, Surroundings};
use crate::storage::Counted;

/// Returns the seconds until there is budget again for a number with this prefix. Returns `None` if
/// there is budget now. The first refusal of a period writes a row of the audit trail.
pub(crate) fn wait(around: &Surroundings<'_>, prefix: &str, class: Class) -> Result<Option<u64>, Failure> {
    if around.policy.sms.budget.limits().next().is_none() {
        return Ok(None);
    }
    around.step("sms.budget", |step| {
        let budget = &step.policy.sms.budget;
        for (period, by_prefix, limit) in budget.limits() {
            let counted = counted(period, if by_prefix { prefix } else { "" }, step.now);
            let (spent, noted) = step.rows.sms_spent(counted)?;
            if budget.is_spent(limit, spent, class) {
                if !noted {
                    step.rows.note_sms_limit(counted)?;
                    step.audit(None, None, audit::SMS_LIMITED)?;
                }
                return Ok(Some(period.left(step.now)));
            }
        }
        Ok(None)
    })
}

/// Charges one message.
pub(crate) fn charge(step: &Step<'_>, prefix: &str, class: Class) -> Result<(), Failure> {
    let limits = step.policy.sms.budget.limits();
    for (period, by_prefix, _) in limits {
        let [chance] = random::bytes()?;
        step.rows.count_sms(counted(period, if by_prefix { prefix } else { "" }, step.now), class, chance)?;
    }
    Ok(())
}

fn counted(period: Period, prefix: &str, now: i64) -> Counted<'_> {
    Counted { period, began_at: period.start(now), prefix }
}
