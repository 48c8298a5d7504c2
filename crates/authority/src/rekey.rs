//! The rotation of the master key: seals every sealed value again under the current key, a page at
//! a time.
//!
//! The transaction of each page also writes the progress of the rotation. So the rotation can be
//! stopped, or its process killed, at any point. The service keeps running. New values are sealed
//! under the current key, and values that no page has reached still open under their old key. A
//! hash cannot be made again without its plaintext. The service recognises it under every key of
//! the ring until it expires.

use crate::domain::moment;
use crate::failure::Failure;
use crate::step::{Context, Step};
use crate::storage::RowCursor;
use crate::{audit, database_check, mac, service_keys, sms_queue, tokens};

/// The name of the progress value. It holds the number of the key, the table, and the last row that
/// was read.
const CURSOR: &str = "rekey";

/// The result of a call of [`Authority::rekey`](crate::Authority::rekey).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of rows whose sealed values this call sealed again.
    pub resealed: u32,
    /// The number of other rows whose MACs this call made again.
    pub authenticated: u32,
    /// True if the rotation is complete: no value is sealed under another key than the current one.
    pub done: bool,
    /// The number, once the rotation is complete, of codes, passwords and refresh tokens that only
    /// another key recognises. They become worthless if that key is removed before they expire.
    pub hashed_under_others: u64,
}

/// Answers [`Authority::rekey`](crate::Authority::rekey).
pub(crate) fn rekey(ctx: &Context<'_>, batch: u32) -> Result<Progress, Failure> {
    let mut progress = ctx.step("keys.rotate", |step| page(step, batch.max(1)))?;
    if progress.done {
        progress.hashed_under_others = count_other_hashes(ctx)?;
    }
    Ok(progress)
}

/// The tables with sealed values, in the order in which the rotation processes them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    ServiceKeys,
    Secrets,
    Accounts,
    Devices,
    Messages,
    /// The rows of every table whose MACs were made with another key than the current one. A row
    /// that was sealed again already has a new MAC.
    Macs,
}

impl Stage {
    const ALL: [Self; 6] =
        [Self::ServiceKeys, Self::Secrets, Self::Accounts, Self::Devices, Self::Messages, Self::Macs];

    fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }
}

struct Cursor {
    stage: Stage,
    after: String,
}

impl Cursor {
    const START: Self = Self { stage: Stage::ServiceKeys, after: String::new() };

    /// Reads the progress of the rotation to the current key. The progress of a rotation to another
    /// key is ignored.
    fn read(step: &Step<'_>) -> Result<Self, Failure> {
        let Some(value) = step.rows.meta(CURSOR)? else { return Ok(Self::START) };
        let read = || {
            let (id, rest) = value.split_first_chunk::<4>()?;
            let (stage, after) = rest.split_first()?;
            let stage = *Stage::ALL.get(usize::from(*stage))?;
            let after = std::str::from_utf8(after).ok()?.to_owned();
            (u32::from_be_bytes(*id) == step.sealer.current_id()).then_some(Self { stage, after })
        };
        Ok(read().unwrap_or(Self::START))
    }

    fn write(&self, step: &Step<'_>) -> Result<(), Failure> {
        let value = [&step.sealer.current_id().to_be_bytes()[..], &[self.stage as u8], self.after.as_bytes()].concat();
        Ok(step.rows.put_meta(CURSOR, &value)?)
    }
}

fn page(step: &Step<'_>, batch: u32) -> Result<Progress, Failure> {
    let cursor = Cursor::read(step)?;
    let (changed, last) = renew(step, &cursor, batch)?;
    let (resealed, authenticated) = if cursor.stage == Stage::Macs { (0, changed) } else { (changed, 0) };
    let next = match last {
        Some(after) => Some(Cursor { after, ..cursor }),
        None => cursor.stage.next().map(|stage| Cursor { stage, after: String::new() }),
    };
    match &next {
        Some(next) => next.write(step)?,
        None => finish(step)?,
    }
    Ok(Progress { resealed, authenticated, done: next.is_none(), hashed_under_others: 0 })
}

/// Seals a page again, or makes its MACs again. Returns the number of changed rows. Also returns
/// the last row of the page if more rows may follow.
fn renew(step: &Step<'_>, cursor: &Cursor, batch: u32) -> Result<(u32, Option<String>), Failure> {
    let after = cursor.after.as_str();
    match cursor.stage {
        Stage::ServiceKeys => Ok((service_keys::reseal(step)?, None)),
        Stage::Secrets => {
            let page = step.rows.secrets_after(after, batch)?;
            reseal_each(page, batch, |(name, _)| name.clone(), |(name, sealed)| tokens::reseal(step, &name, &sealed))
        }
        Stage::Accounts => {
            let page = step.rows.accounts_after(after, batch)?;
            reseal_each(page, batch, |account| account.name.clone(), |account| step.reseal_pin(account))
        }
        Stage::Devices => {
            let page = step.rows.devices_after(after, batch)?;
            reseal_each(page, batch, |device| device.id.clone(), |device| mac::reseal_device(step, device))
        }
        Stage::Messages => {
            let page = step.rows.messages_after(after, batch)?;
            reseal_each(page, batch, |message| message.id.clone(), |message| sms_queue::reseal(step, message))
        }
        Stage::Macs => {
            let after = RowCursor::read(after).unwrap_or_default();
            let (renewed, next) = step.rows.renew_macs(&after, batch)?;
            Ok((renewed, next.map(|next| next.text())))
        }
    }
}

fn reseal_each<T>(
    page: Vec<T>,
    batch: u32,
    name: impl Fn(&T) -> String,
    mut reseal: impl FnMut(T) -> Result<bool, Failure>,
) -> Result<(u32, Option<String>), Failure> {
    let full = u32::try_from(page.len()).is_ok_and(|length| length >= batch);
    let last = page.last().filter(|_| full).map(name);
    let mut resealed = 0;
    for row in page {
        resealed += u32::from(reseal(row)?);
    }
    Ok((resealed, last))
}

/// Ends the rotation. From now on a ring without the other keys opens the database.
fn finish(step: &Step<'_>) -> Result<(), Failure> {
    database_check::remove_others(step)?;
    step.rows.remove_meta(CURSOR)?;
    step.audit(None, None, audit::KEYS_ROTATED)
}

fn count_other_hashes(ctx: &Context<'_>) -> Result<u64, Failure> {
    let id = ctx.sealer.current_id();
    ctx.step("keys.count", |step| {
        let rules = step.policy;
        // The count includes only values that have not expired.
        let codes = rules.code_lifetime_millis().max(rules.activation_by_device_millis());
        let lifetimes = [codes, rules.otp_lifetime_millis(), rules.refresh_token_lifetime_millis()];
        let latest = lifetimes.map(|lifetime| moment::latest_end(lifetime, step.now));
        Ok(step.rows.hashed_under_others(id, step.now, latest)?)
    })
}
