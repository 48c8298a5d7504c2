//! Requests of operators: accounts and devices, the audit trail, readiness and housekeeping.

use inwebo::cvs::Keystore;
use inwebo::values::DeviceName;

use crate::account::AccountName;
use crate::audit;
use crate::devices::{self, Devices};
use crate::domain::code::DAY;
use crate::domain::pin::{self, Block};
use crate::domain::rows::{AccountRow, DeviceRow};
use crate::failure::Failure;
use crate::notices::EVENTS_KEPT;
use crate::pending_devices;
use crate::random;
use crate::step::{Context, Step};
use crate::storage::{AccountSummary, AuditRow, PrunedRows, RowCursor};
use crate::trail;

/// The maximum length of a list in one response.
pub(crate) const MAX_LIST: u32 = 1000;

/// The number of rows that one pruning transaction reads.
const PAGE: u32 = 200;

/// An account as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInfo {
    /// Its name.
    pub name: AccountName,
    /// Its trusted phone number.
    pub phone_number: Option<String>,
    /// True if too many wrong PINs, or the rejection of a new device, blocked it. False if the
    /// block has ended by itself.
    pub blocked: bool,
    /// The time at which the block ends by itself, in milliseconds since 1970 in UTC. `None` if the
    /// account is not blocked, or if only a reset of its PIN or an operator ends the block.
    pub blocked_until: Option<i64>,
    /// The number of wrong PINs that no right PIN forgave.
    pub pin_tries: u32,
    /// The number of wrong PINs since this PIN was set, forgiven ones included.
    pub pin_wrong: u32,
    /// The number of wrong K1s that its devices proved without their PIN, and that no password
    /// forgave.
    pub unproved_tries: u32,
    /// True if the account has a PIN.
    pub has_pin: bool,
    /// The number of its devices.
    pub devices: u32,
}

/// A device as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its id.
    pub id: String,
    /// Its short id: the beginning of its id, which tells it apart from the account's other
    /// devices. Each request accepts it in place of the id.
    pub short_id: String,
    /// The name that the device gave itself, or the name that it was given later.
    pub name: String,
    /// Its serial number.
    pub serial: String,
    /// The time of its activation, in milliseconds since 1970 in UTC.
    pub made_at: i64,
    /// The time of its last successful proof that changed something, in milliseconds. `None` if the
    /// last such use was before the service recorded this time.
    pub used_at: Option<i64>,
    /// The number of its own wrong PINs that no right PIN forgave.
    pub pin_tries: u32,
    /// The number of wrong K1s that it proved without its PIN, and that no password forgave.
    pub unproved_tries: u32,
    /// The time at which a second copy of it was last suspected, in milliseconds. `None` if no copy
    /// was suspected since its PIN was reset.
    pub suspected_at: Option<i64>,
    /// True if no proof of the device is accepted until its PIN is reset:
    /// [`ClonePolicy::Suspend`](crate::ClonePolicy).
    pub suspended: bool,
    /// The place of its storage key, by its own statement, which nobody proves. `None` if it told
    /// none.
    pub keystore: Option<Keystore>,
    /// True if the device waits for its confirmation by another device of the account:
    /// [`Policy::activation_by_device`](crate::Policy::activation_by_device),
    /// [`Policy::activation_approval`](crate::Policy::activation_approval).
    pub pending: bool,
    /// True if this confirmation is an approval by a number. False if the device was activated with
    /// the code of another device.
    pub needs_approval: bool,
}

/// A line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id. Later rows have greater ids. An id takes 63 bits, which is more than a JSON number
    /// holds safely.
    pub id: i64,
    /// The time of the event, in milliseconds since 1970 in UTC.
    pub at: i64,
    /// The account of the event, if one is known.
    pub account: Option<String>,
    /// The device of the event, if one is known.
    pub device: Option<String>,
    /// The name of the event.
    pub event: String,
    /// The actor, in the form of [`Actor`](crate::Actor). `None` in rows of releases that did not
    /// record it.
    pub actor: Option<String>,
    /// The network address of an operator or a relying party, if the host supplied it.
    pub address: Option<String>,
    /// The number of events: equal refusals of one minute share a row.
    pub count: u64,
    /// The reason that an operator gave: [`Authority::because`](crate::Authority::because).
    pub reason: Option<String>,
}

/// The result of [`Authority::verify_rows`](crate::Authority::verify_rows).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowCheck {
    /// The number of rows that were checked.
    pub rows: u64,
    /// The number of rows that are not as the service wrote them.
    pub altered: u64,
    /// The tables of the altered rows.
    pub tables: Vec<&'static str>,
}

/// The result of an operator's request to lift a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unblock {
    /// The account was blocked and is not blocked any more.
    Lifted,
    /// The account was not blocked.
    NotBlocked,
    /// The account was not blocked. The wrong K1s that its devices proved without their PIN are
    /// forgiven.
    TriesForgiven,
    /// The account stays blocked: the budget of wrong PINs is spent. A new PIN lifts the block.
    PinBudgetSpent,
}

/// The numbers of rows that pruning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Rows of the audit trail.
    pub audit: u64,
    /// Tombstones: ids of removed devices.
    pub tombstones: u64,
    /// Expired SMS codes.
    pub codes: u64,
    /// Requests for SMS codes that count towards no limit any more.
    pub code_requests: u64,
    /// Expired one-time passwords.
    pub passwords: u64,
    /// Expired refresh tokens.
    pub tokens: u64,
}

/// Answers [`Authority::accounts`](crate::Authority::accounts).
pub(crate) fn accounts(
    ctx: &Context<'_>,
    after: Option<&AccountName>,
    limit: u32,
) -> Result<Vec<AccountInfo>, Failure> {
    let after = after.map_or("", AccountName::as_str);
    ctx.step("accounts.list", |step| {
        let found = step.rows.accounts(after, limit.min(MAX_LIST))?;
        found.into_iter().map(|found| AccountInfo::of(step, found)).collect()
    })
}

/// Answers [`Authority::account`](crate::Authority::account).
pub(crate) fn account(ctx: &Context<'_>, account: &AccountName) -> Result<Option<AccountInfo>, Failure> {
    ctx.step("account.read", |step| account_in(step, account.as_str()))
}

/// Returns an account, or `None` if it does not exist.
pub(crate) fn account_in(step: &Step<'_>, name: &str) -> Result<Option<AccountInfo>, Failure> {
    let Some(account) = step.rows.account(name)? else { return Ok(None) };
    let rows = pending_devices::without_late_ones(step, step.rows.devices_of(&account.name)?)?;
    let devices = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let mut unproved_tries = 0_u32;
    for device in &rows {
        unproved_tries = unproved_tries.saturating_add(step.rows.traits(&device.id)?.unproved_tries);
    }
    let summary = AccountSummary { account, devices, unproved_tries };
    AccountInfo::of(step, summary).map(Some)
}

/// Answers [`Authority::devices`](crate::Authority::devices).
pub(crate) fn devices(ctx: &Context<'_>, account: &AccountName) -> Result<Vec<DeviceInfo>, Failure> {
    ctx.step("devices.list", |step| list_devices(step, &Devices::read(step, account.as_str())?))
}

/// Returns the devices of an account as an operator sees them.
pub(crate) fn list_devices(step: &Step<'_>, devices: &Devices) -> Result<Vec<DeviceInfo>, Failure> {
    let info = |device: &DeviceRow| -> Result<DeviceInfo, Failure> {
        let unproved_tries = step.rows.traits(&device.id)?.unproved_tries;
        Ok(DeviceInfo::of(device, devices, unproved_tries))
    };
    devices.rows().iter().map(info).collect()
}

/// Answers [`Authority::add_account`](crate::Authority::add_account).
pub(crate) fn add_account(ctx: &Context<'_>, account: &AccountName) -> Result<bool, Failure> {
    ctx.step("account.add", |step| {
        if step.rows.account(account.as_str())?.is_some() {
            return Ok(false);
        }
        step.rows.add_account(&AccountRow::new(account.as_str(), step.now))?;
        step.audit(Some(account.as_str()), None, audit::ACCOUNT_CREATED)?;
        Ok(true)
    })
}

/// Answers [`Authority::remove_account`](crate::Authority::remove_account).
pub(crate) fn remove_account(ctx: &Context<'_>, account: &AccountName) -> Result<bool, Failure> {
    ctx.step("account.remove", |step| {
        let removed = step.rows.remove_account(account.as_str())?;
        if removed {
            step.audit(Some(account.as_str()), None, audit::ACCOUNT_REMOVED)?;
        }
        Ok(removed)
    })
}

/// Answers [`Authority::remove_device`](crate::Authority::remove_device).
pub(crate) fn remove_device(ctx: &Context<'_>, account: &AccountName, id: &str) -> Result<bool, Failure> {
    ctx.step("device.remove", |step| remove_device_in(step, account.as_str(), id))
}

/// Removes the device of an account that a text names. Returns `false` if there is none.
pub(crate) fn remove_device_in(step: &Step<'_>, account: &str, id: &str) -> Result<bool, Failure> {
    let Some(device) = devices::find(step, account, id)? else { return Ok(false) };
    devices::remove(step, &device, None)?;
    Ok(true)
}

/// Answers [`Authority::rename_device`](crate::Authority::rename_device).
pub(crate) fn rename_device(
    ctx: &Context<'_>,
    account: &AccountName,
    id: &str,
    name: &DeviceName,
) -> Result<bool, Failure> {
    ctx.step("device.rename", |step| {
        let Some(device) = devices::find(step, account.as_str(), id)? else { return Ok(false) };
        devices::rename(step, device, name, None)?;
        Ok(true)
    })
}

/// Answers [`Authority::audit_log`](crate::Authority::audit_log).
pub(crate) fn audit_log(
    ctx: &Context<'_>,
    account: Option<&AccountName>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<AuditEntry>, Failure> {
    let (account, before) = (account.map(AccountName::as_str), before.unwrap_or(i64::MAX));
    ctx.step("audit.list", |step| {
        let found = step.rows.audit_log(account, before, limit.min(MAX_LIST))?;
        Ok(found.into_iter().map(AuditEntry::from).collect())
    })
}

/// Answers [`Authority::verify_rows`](crate::Authority::verify_rows).
pub(crate) fn verify_rows(ctx: &Context<'_>, mut progress: impl FnMut(u64) -> bool) -> Result<RowCheck, Failure> {
    let mut check = RowCheck::default();
    let mut cursor = Some(RowCursor::default());
    while let Some(page) = cursor {
        let step = |step: &Step<'_>| Ok(step.rows.check_macs(&page, PAGE)?);
        let Some(page) = ctx.step("rows.verify", step)? else { break };
        check.rows += u64::from(page.rows);
        if page.altered > 0 {
            check.altered += u64::from(page.altered);
            if !check.tables.contains(&page.table) {
                check.tables.push(page.table);
            }
        }
        cursor = page.next.filter(|_| progress(check.rows));
    }
    Ok(check)
}

/// Answers [`Authority::ping`](crate::Authority::ping).
pub(crate) fn ping(ctx: &Context<'_>) -> Result<(), Failure> {
    // Each ping has a name of its own, so that instances that ping at once do not wait for one
    // another.
    let name = format!("ping.{}", random::hex::<16>()?);
    ctx.step("ping", |step| {
        step.rows.put_meta(&name, &[])?;
        Ok(step.rows.remove_meta(&name)?)
    })?;
    // A database that has no room for a row may still have room for this one.
    match ctx.storage.refusal() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

/// Answers [`Authority::try_room`](crate::Authority::try_room).
pub(crate) fn try_room(ctx: &Context<'_>) -> Result<(), Failure> {
    const SIZE: usize = 1024 * 1024;
    let name = format!("ping.{}", random::hex::<16>()?);
    // Random bytes: a database compresses others.
    let bytes = random::many(SIZE)?;
    ctx.step("ping", |step| {
        step.rows.put_meta(&name, &bytes)?;
        Ok(step.rows.remove_meta(&name)?)
    })
}

/// Answers [`Authority::prune_while`](crate::Authority::prune_while). Calls `new_context` again
/// before each step, because a run may take long and the clock may be corrected in the meantime.
pub(crate) fn prune_while<'s>(
    new_context: impl Fn() -> Context<'s>,
    older_than_days: Option<u32>,
    should_continue: impl Fn() -> bool,
) -> Result<Pruned, Failure> {
    let days = older_than_days.unwrap_or(u32::MAX);
    let time = new_context().now.saturating_sub(DAY.saturating_mul(days.into()));
    let mut pruned = Pruned::default();
    while older_than_days.is_some() && should_continue() {
        let removed = new_context().step("prune.audit", |step| trail::prune(step, time))?;
        let Some(removed) = removed else { break };
        pruned.audit += removed;
    }
    // The longest period of a count is a day.
    new_context().step("prune.sms", |step| Ok(step.rows.prune_sms_counts(step.now.saturating_sub(2 * DAY))?))?;
    let mut more = true;
    while more && should_continue() {
        more = prune_page(&new_context(), time, &mut pruned)?;
    }
    Ok(pruned)
}

/// The number of pages of each kind that one call of [`tidy`] removes. A page has 200 rows.
const TIDY_PAGES: u32 = 10;

/// Answers [`Authority::tidy`](crate::Authority::tidy).
pub(crate) fn tidy(ctx: &Context<'_>, older_than_days: u32, max_audit_rows: u32) -> Result<Pruned, Failure> {
    let time = ctx.now.saturating_sub(DAY.saturating_mul(older_than_days.into()));
    let mut pruned = Pruned::default();
    for _ in 0..TIDY_PAGES {
        let removed = ctx.step("prune.audit", |step| match trail::prune(step, time)? {
            Some(removed) => Ok(Some(removed)),
            None => trail::prune_beyond(step, max_audit_rows),
        })?;
        let Some(removed) = removed else { break };
        pruned.audit += removed;
    }
    ctx.step("prune.sms", |step| Ok(step.rows.prune_sms_counts(step.now.saturating_sub(2 * DAY))?))?;
    for _ in 0..TIDY_PAGES {
        if !prune_page(ctx, time, &mut pruned)? {
            break;
        }
    }
    Ok(pruned)
}

/// Prunes a page of the expired rows. Returns whether more may be left.
fn prune_page(ctx: &Context<'_>, time: i64, pruned: &mut Pruned) -> Result<bool, Failure> {
    let removed = ctx.step("prune.expired", |step| {
        // A row that expires in this millisecond has expired. A day is over only after it.
        let day_ago = step.now.saturating_sub(DAY).saturating_sub(1);
        let month_ago = step.now.saturating_sub(EVENTS_KEPT).saturating_sub(1);
        let more = pending_devices::remove_late_ones(step)?;
        let removed = step.rows.prune_expired(step.now, time.saturating_sub(1), day_ago, month_ago)?;
        Ok(PrunedRows { more: removed.more || more, ..removed })
    })?;
    pruned.tombstones += removed.tombstones;
    pruned.codes += removed.codes;
    pruned.code_requests += removed.code_requests;
    pruned.passwords += removed.passwords;
    pruned.tokens += removed.tokens;
    Ok(removed.more)
}

/// Answers [`Authority::unblock`](crate::Authority::unblock).
pub(crate) fn unblock(ctx: &Context<'_>, account: &AccountName) -> Result<Unblock, Failure> {
    ctx.step("account.unblock", |step| unblock_in(step, account.as_str()))
}

/// Lifts the block of an account.
pub(crate) fn unblock_in(step: &Step<'_>, account: &str) -> Result<Unblock, Failure> {
    let Some(mut row) = step.rows.account(account)? else { return Ok(Unblock::NotBlocked) };
    if !row.blocked {
        let forgiven = step.forgive_unproved_tries(&row.name)?;
        return Ok(if forgiven { Unblock::TriesForgiven } else { Unblock::NotBlocked });
    }
    if pin::is_budget_spent(&row, step.policy) {
        return Ok(Unblock::PinBudgetSpent);
    }
    step.forgive_all(&mut row)?;
    step.put_unblocked(&mut row)?;
    step.audit(Some(&row.name), None, audit::ACCOUNT_UNBLOCKED)?;
    Ok(Unblock::Lifted)
}

/// Records in the audit trail that a request of the actor was refused.
pub(crate) fn audit_refused_operator(ctx: &Context<'_>) -> Result<(), Failure> {
    ctx.step("operator.refuse", |step| step.audit(None, None, audit::OPERATOR_REFUSED))
}

/// Records in the audit trail that the actor signed in to a console.
pub(crate) fn audit_sign_in(ctx: &Context<'_>) -> Result<(), Failure> {
    ctx.step("operator.signIn", |step| step.audit(None, None, audit::OPERATOR_SIGNED_IN))
}

/// Records in the audit trail that the actor signed out of a console.
pub(crate) fn audit_sign_out(ctx: &Context<'_>) -> Result<(), Failure> {
    ctx.step("operator.signOut", |step| step.audit(None, None, audit::OPERATOR_SIGNED_OUT))
}

impl AccountInfo {
    fn of(step: &Step<'_>, summary: AccountSummary) -> Result<Self, Failure> {
        let AccountSummary { account, devices, unproved_tries } = summary;
        let block = step.block(&account)?;
        let blocked_until = match block {
            Some(Block::Timed(left)) => Some(left.until),
            Some(Block::Tries | Block::Budget) | None => None,
        };
        let countries = &step.policy.sms.countries;
        Ok(Self {
            name: AccountName::stored(account.name),
            phone_number: account.phone_number.map(|number| countries.shown_number(number)),
            blocked: block.is_some(),
            blocked_until,
            pin_tries: account.pin_tries,
            pin_wrong: account.pin_wrong,
            unproved_tries,
            has_pin: account.pin.is_some(),
            devices,
        })
    }
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, at, account, device, event, actor, address, count, reason, mac: _ } = row;
        let count = u64::try_from(count).unwrap_or(0);
        Self { id, at, account, device, event, actor, address, count, reason }
    }
}

impl DeviceInfo {
    fn of(device: &DeviceRow, devices: &Devices, unproved_tries: u32) -> Self {
        Self {
            id: device.id.clone(),
            short_id: devices.short_id(device).to_owned(),
            name: device.name.clone(),
            serial: device.serial.clone(),
            made_at: device.made_at,
            used_at: device.used_at,
            pin_tries: device.pin_tries,
            unproved_tries,
            suspected_at: device.suspected_at,
            suspended: device.suspended,
            keystore: devices.keystore(device),
            pending: device.pending.is_some(),
            needs_approval: pending_devices::waits_for_approval(device),
        }
    }
}
