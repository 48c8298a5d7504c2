//! The SMS queue: messages that the gateway did not accept at once, and notices. They are kept
//! sealed, tried again, and dropped when they are worth nothing any more.
//!
//! The transaction that makes a code also writes its message, as one that is being tried. If the
//! process dies then, other processes take the message over. A process that tries a message first
//! moves its next try beyond the longest duration of a try. A message is sent at least once. It is
//! sent again only if a process died after the gateway accepted it and before the row was removed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use inwebo::cvs::Purpose;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::audit;
use crate::codes;
use crate::domain::budget::NumberStatus;
use crate::domain::code::{self as rules, DAY};
use crate::domain::hash::Hash;
use crate::domain::message::{Message, Notice};
use crate::domain::moment;
use crate::domain::rows::{MessageKind, MessageRow};
use crate::failure::Failure;
use crate::random;
use crate::sealing::Binding;
use crate::sms::{Sms, SmsGateway};
use crate::sms_budget;
use crate::step::{Context, Step};

const COLUMN: &str = "sms_queue.message";

/// The longest duration of a try, in milliseconds: a minute for the gateway, and the time that the
/// step before it may wait for the database. After that another process tries the message.
const LEASE: i64 = 90_000;

/// The longest pause between two tries.
const MAX_DELAY: Duration = Duration::from_secs(300);

/// The rule for retries of SMS that the gateway did not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmsRetry {
    /// The maximum number of tries of a message, the first one included. There is one more try if a
    /// process died in the last one, because then it is unknown whether the gateway accepted the
    /// message.
    pub attempts: u32,
    /// The pause after the first try. Each further pause is twice as long, up to five minutes.
    pub first_delay: Duration,
    /// The maximum number of messages that wait. If the queue is full, no code is made. Requests
    /// that arrive at the same moment may exceed the limit by their own number.
    pub max_queue: u32,
}

impl Default for SmsRetry {
    fn default() -> Self {
        Self { attempts: 5, first_delay: Duration::from_secs(5), max_queue: 10_000 }
    }
}

/// The rule for notices if messages are not retried.
const ONCE: SmsRetry = SmsRetry { attempts: 1, first_delay: Duration::from_secs(1), max_queue: u32::MAX };

/// The numbers of messages that were due, by their outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Messages that the gateway accepted.
    pub sent: u32,
    /// Messages that the gateway did not accept. They will be tried again.
    pub failed: u32,
    /// Messages that were dropped, and their codes voided. They were tried too often, or the code
    /// expired, was used or was replaced, or there was no budget for a notice. The code stays valid
    /// if the process of the last try died, because then it is unknown whether the gateway accepted
    /// the message.
    pub dropped: u32,
}

/// The path of messages to the gateway.
pub(crate) struct SmsDispatcher<'a> {
    pub(crate) gateway: &'a dyn SmsGateway,
    pub(crate) retry: Option<&'a SmsRetry>,
    /// The number of messages that were not sent because there was no budget.
    pub(crate) limited: &'a AtomicU64,
}

/// A message that only this process may try until its lease ends.
struct Claimed {
    sms: Sms,
    attempts: u32,
    /// True if this is the first try of the message.
    is_first: bool,
}

/// The result of a claim.
enum ClaimResult {
    Nothing,
    Dropped,
    Message(Claimed),
}

impl SmsDispatcher<'_> {
    /// Returns whether the queue is full.
    pub(crate) fn is_full(&self, ctx: &Context<'_>) -> Result<bool, Failure> {
        let Some(retry) = self.retry else { return Ok(false) };
        Ok(self.waiting(ctx)? >= retry.max_queue)
    }

    /// Returns the number of messages that wait, counted up to the limit of the queue.
    pub(crate) fn waiting(&self, ctx: &Context<'_>) -> Result<u32, Failure> {
        // Without retries nothing waits, but the database is asked in any case: the caller learns
        // whether it answers.
        let limit = self.retry.map_or(0, |retry| retry.max_queue);
        // The count has a step of its own. In the transactions that add messages it would make all
        // of them wait for one another.
        ctx.step("sms.count", |step| Ok(step.rows.waiting_messages(limit)?))
    }

    /// Writes a message into the queue before its first try, if there is a queue.
    pub(crate) fn enqueue(
        &self,
        step: &Step<'_>,
        account: &str,
        purpose: Purpose,
        code: Hash,
        sms: &Sms,
    ) -> Result<(), Failure> {
        if self.retry.is_none() {
            return Ok(());
        }
        Ok(step.rows.put_message(&MessageRow {
            id: sms.id.clone(),
            account: account.to_owned(),
            kind: MessageKind::Code { purpose, hash: code.bytes },
            message: seal(step, sms)?,
            attempts: 1,
            due_at: step.now.saturating_add(LEASE),
            expires_at: step.now.saturating_add(step.policy.code_lifetime_millis()),
        })?)
    }

    /// Sends a message right after it was queued. Returns whether the gateway accepted it.
    pub(crate) fn send_now<'s>(&self, new_context: &impl Fn() -> Context<'s>, sms: &Sms) -> Result<bool, Failure> {
        let sent = self.gateway.send(sms).is_ok();
        if let Some(retry) = self.retry {
            if sent {
                // The user has the code. It does not matter here if the row stays and the message
                // is sent again.
                let _ = remove(&new_context(), &sms.id);
            } else {
                reschedule(&new_context(), retry, &sms.id, 1)?;
            }
        }
        Ok(sent)
    }

    /// Tries the messages that are due, as long as `should_continue` returns true. Calls
    /// `new_context` again before each step, because the gateway may take long and the time
    /// changes.
    pub(crate) fn deliver_due<'s>(
        &self,
        new_context: impl Fn() -> Context<'s>,
        should_continue: impl Fn() -> bool,
    ) -> Result<Delivered, Failure> {
        let mut delivered = Delivered::default();
        let notices = !new_context().policy.sms.notices.is_empty();
        let Some(retry) = self.retry.or(notices.then_some(&ONCE)) else { return Ok(delivered) };
        while should_continue() {
            match self.deliver_one(&new_context, retry, &mut delivered) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) if delivered == Delivered::default() => return Err(failure),
                // The result reports the messages of this call. The next call will meet the failure
                // again.
                Err(_) => break,
            }
        }
        Ok(delivered)
    }

    /// Tries one message. Returns whether there was one.
    fn deliver_one<'s>(
        &self,
        new_context: &impl Fn() -> Context<'s>,
        retry: &SmsRetry,
        delivered: &mut Delivered,
    ) -> Result<bool, Failure> {
        match claim(&new_context(), retry)? {
            ClaimResult::Nothing => return Ok(false),
            ClaimResult::Dropped => delivered.dropped += 1,
            ClaimResult::Message(Claimed { sms, attempts, is_first }) => {
                if is_first && !self.charge_notice(new_context, &sms)? {
                    delivered.dropped += 1;
                } else if self.gateway.send(&sms).is_ok() {
                    delivered.sent += 1;
                    remove(&new_context(), &sms.id)?;
                } else if reschedule(&new_context(), retry, &sms.id, attempts)? {
                    delivered.dropped += 1;
                } else {
                    delivered.failed += 1;
                }
            }
        }
        Ok(true)
    }

    /// Charges a notice before its first try. Returns false if there is no budget: the notice is
    /// then dropped.
    fn charge_notice<'s>(&self, new_context: &impl Fn() -> Context<'s>, sms: &Sms) -> Result<bool, Failure> {
        let Message::Notice(_) = sms.message else { return Ok(true) };
        let ctx = new_context();
        // SMS to this number may not be permitted any more.
        let countries = &ctx.policy.sms.countries;
        let destination = countries.read_number(&sms.to).and_then(|number| countries.destination(&number));
        let free = match &destination {
            Some(to) => sms_budget::retry_after(&ctx, &to.prefix, NumberStatus::Certified)?.is_none(),
            None => false,
        };
        if !free {
            self.limited.fetch_add(1, Ordering::Relaxed);
        }
        ctx.step("sms.charge", |step| {
            let Some(row) = step.rows.message(&sms.id)? else { return Ok(false) };
            match destination.as_ref().filter(|_| free) {
                Some(to) => sms_budget::charge(step, &to.prefix, NumberStatus::Certified)?,
                None => drop_message(step, &row)?,
            }
            Ok(free)
        })
    }
}

/// Records that the try with the number `attempts` failed. Returns whether the message was dropped.
fn reschedule(ctx: &Context<'_>, retry: &SmsRetry, id: &str, attempts: u32) -> Result<bool, Failure> {
    ctx.step("sms.reschedule", |step| {
        // The lease may have ended. If another process has tried the message since, that process is
        // responsible for it.
        let Some(row) = step.rows.message(id)?.filter(|row| row.attempts == attempts) else { return Ok(false) };
        if attempts > retry.attempts {
            drop_message(step, &row)?;
            return Ok(true);
        }
        if attempts == retry.attempts {
            abandon(step, &row)?;
            return Ok(true);
        }
        let due_at = step.now.saturating_add(delay(retry, attempts));
        step.rows.put_message(&MessageRow { due_at, ..row })?;
        Ok(false)
    })
}

/// Queues a notice. The next call of `deliver_due` tries it for the first time.
pub(crate) fn enqueue_notice(step: &Step<'_>, account: &str, notice: Notice, sms: &Sms) -> Result<(), Failure> {
    Ok(step.rows.put_message(&MessageRow {
        id: sms.id.clone(),
        account: account.to_owned(),
        kind: MessageKind::Notice(notice),
        message: seal(step, sms)?,
        attempts: 0,
        due_at: step.now,
        expires_at: step.now.saturating_add(DAY),
    })?)
}

/// Claims a message that is due, and counts the try before it is made.
fn claim(ctx: &Context<'_>, retry: &SmsRetry) -> Result<ClaimResult, Failure> {
    ctx.step("sms.claim", |step| {
        let Some(row) = pick_random(step.rows.due_messages(step.now, latest_due(retry, step.now), 16)?)? else {
            return Ok(ClaimResult::Nothing);
        };
        let is_useful = is_useful(step, &row)?;
        // If the end of the last try had been recorded, the row would be gone. So a process died in
        // the last try, and another in the additional one.
        if is_useful && row.attempts > retry.attempts {
            drop_message(step, &row)?;
            return Ok(ClaimResult::Dropped);
        }
        match is_useful.then(|| open(step, &row)).and_then(Result::ok) {
            Some(sms) => {
                let attempts = row.attempts.saturating_add(1);
                let due_at = step.now.saturating_add(LEASE);
                step.rows.put_message(&MessageRow { attempts, due_at, ..row })?;
                Ok(ClaimResult::Message(Claimed { sms, attempts, is_first: attempts == 1 }))
            }
            None => {
                abandon(step, &row)?;
                Ok(ClaimResult::Dropped)
            }
        }
    })
}

/// Returns whether a message is still worth a try.
pub(crate) fn is_useful(step: &Step<'_>, row: &MessageRow) -> Result<bool, Failure> {
    match row.kind {
        MessageKind::Code { purpose, hash } => {
            let code = step.rows.code(&row.account, purpose)?;
            Ok(code.is_some_and(|code| code.hash == hash && rules::is_live(&code, step.policy, step.now)))
        }
        MessageKind::Notice(_) => Ok(step.now < row.expires_at),
    }
}

/// Returns the time at which a message was queued.
pub(crate) fn queued_at(step: &Step<'_>, row: &MessageRow) -> i64 {
    let lifetime = match row.kind {
        MessageKind::Code { .. } => step.policy.code_lifetime_millis(),
        MessageKind::Notice(_) => DAY,
    };
    row.expires_at.saturating_sub(lifetime)
}

/// Picks a random message, so that processes that claim at once mostly claim different ones.
fn pick_random(mut rows: Vec<MessageRow>) -> Result<Option<MessageRow>, Failure> {
    let [chance] = random::bytes()?;
    let index = usize::from(chance).checked_rem(rows.len());
    Ok(index.map(|index| rows.swap_remove(index)))
}

/// Drops a message. Voids its code if the account still holds that code.
fn abandon(step: &Step<'_>, row: &MessageRow) -> Result<(), Failure> {
    drop_message(step, row)?;
    match row.kind {
        MessageKind::Code { purpose, hash } => {
            codes::withdraw(step, &row.account, purpose, |code| code.hash == hash && code.used.is_none())
        }
        MessageKind::Notice(_) => Ok(()),
    }
}

/// Drops a message. Its code stays valid: if a process died in the last try, it is unknown whether
/// the gateway accepted the message, and the user may hold the code.
fn drop_message(step: &Step<'_>, row: &MessageRow) -> Result<(), Failure> {
    step.rows.remove_message(&row.id)?;
    let event = match row.kind {
        MessageKind::Code { .. } => audit::SMS_DROPPED,
        MessageKind::Notice(_) => audit::NOTICE_DROPPED,
    };
    step.audit(Some(&row.account), None, event)
}

fn remove(ctx: &Context<'_>, id: &str) -> Result<(), Failure> {
    ctx.step("sms.remove", |step| Ok(step.rows.remove_message(id)?))
}

fn delay(retry: &SmsRetry, attempts: u32) -> i64 {
    let factor = 2_u32.saturating_pow(attempts.saturating_sub(1));
    let delay = retry.first_delay.saturating_mul(factor).min(longest_delay(retry));
    i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)
}

fn longest_delay(retry: &SmsRetry) -> Duration {
    MAX_DELAY.max(retry.first_delay)
}

/// Returns the latest due time that a lease or a pause after a failure can set.
fn latest_due(retry: &SmsRetry, now: i64) -> i64 {
    let pause = i64::try_from(longest_delay(retry).as_millis()).unwrap_or(i64::MAX);
    moment::latest_end(pause.max(LEASE), now)
}

/// The content of a message as it is sealed. Its id and its purpose are columns of the row.
#[derive(Serialize, Deserialize)]
struct Content {
    to: String,
    code: Zeroizing<String>,
    text: Zeroizing<String>,
    at: i64,
}

fn binding(id: &str) -> Binding<'_> {
    Binding { column: COLUMN, row: id }
}

fn seal(step: &Step<'_>, sms: &Sms) -> Result<Vec<u8>, Failure> {
    let content = Content { to: sms.to.clone(), code: sms.code.clone(), text: sms.text.clone(), at: sms.at };
    // The capacity is large enough that the text never moves and leaves no copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(512 + 6 * (sms.text.len() + sms.to.len())));
    serde_json::to_writer(&mut *text, &content).map_err(|_| Failure::Sealed)?;
    step.sealer.seal(binding(&sms.id), &text)
}

fn open(step: &Step<'_>, row: &MessageRow) -> Result<Sms, Failure> {
    let text = step.sealer.open(binding(&row.id), &row.message)?;
    let Content { to, code, text, at } = serde_json::from_slice(&text).map_err(|_| Failure::Sealed)?;
    let message = match row.kind {
        MessageKind::Code { purpose, .. } => Message::Code(purpose),
        MessageKind::Notice(notice) => Message::Notice(notice),
    };
    Ok(Sms { id: row.id.clone(), to, message, code, text, at })
}

/// Seals a message again under the current key, if another key sealed it. Returns whether the row
/// changed.
pub(crate) fn reseal(step: &Step<'_>, row: MessageRow) -> Result<bool, Failure> {
    let Some(message) = step.sealer.reseal(binding(&row.id), &row.message)? else { return Ok(false) };
    step.rows.put_message(&MessageRow { message, ..row })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_double_up_to_five_minutes() {
        let retry = SmsRetry { first_delay: Duration::from_secs(5), ..SmsRetry::default() };
        let pauses: Vec<i64> = (1..=8).map(|attempts| delay(&retry, attempts) / 1000).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(delay(&retry, u32::MAX), 300_000);
        let slow = SmsRetry { first_delay: Duration::from_secs(900), ..retry };
        assert_eq!(delay(&slow, 1), 900_000);
    }
}
