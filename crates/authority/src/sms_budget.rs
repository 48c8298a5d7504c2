//! The budget of SMS in the database. All instances share it.
//!
//! The service reads the budget outside of the transactions that charge it: otherwise all of them
//! would wait for one another. Requests that arrive at the same moment may exceed the budget by
//! their own number.

use crate::audit;
use crate::domain::budget::{NumberStatus, Period};
use crate::failure::Failure;
use crate::random;
use crate::step::{Context, Step};
use crate::storage::CountKey;

/// Returns the seconds until there is budget again for a number with this prefix. Returns `None` if
/// there is budget now. The first refusal of a period writes a row of the audit trail.
pub(crate) fn retry_after(ctx: &Context<'_>, prefix: &str, status: NumberStatus) -> Result<Option<u64>, Failure> {
    if ctx.policy.sms.budget.limits().next().is_none() {
        return Ok(None);
    }
    ctx.step("sms.budget", |step| {
        let budget = &step.policy.sms.budget;
        for (period, per_prefix, limit) in budget.limits() {
            let count_key = count_key(period, if per_prefix { prefix } else { "" }, step.now);
            let (spent, recorded) = step.rows.sms_spent(count_key)?;
            if budget.is_spent(limit, spent, status) {
                if !recorded {
                    step.rows.record_sms_limit(count_key)?;
                    step.audit(None, None, audit::SMS_LIMITED)?;
                }
                return Ok(Some(period.left(step.now)));
            }
        }
        Ok(None)
    })
}

/// Charges one message.
pub(crate) fn charge(step: &Step<'_>, prefix: &str, status: NumberStatus) -> Result<(), Failure> {
    let limits = step.policy.sms.budget.limits();
    for (period, per_prefix, _) in limits {
        let [chance] = random::bytes()?;
        step.rows.count_sms(count_key(period, if per_prefix { prefix } else { "" }, step.now), status, chance)?;
    }
    Ok(())
}

fn count_key(period: Period, prefix: &str, now: i64) -> CountKey<'_> {
    CountKey { period, began_at: period.start(now), prefix }
}
