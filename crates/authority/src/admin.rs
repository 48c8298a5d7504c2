//! What operators ask for: accounts and devices, the audit trail, readiness and housekeeping.

use crate::account::AccountName;
use crate::audit;
use crate::domain::code::DAY;
use crate::domain::dialing::Countries;
use crate::domain::pin;
use crate::failure::Failure;
use crate::random;
use crate::step::{Step, Surroundings};
use crate::storage::{AccountRow, AccountSummary, AuditRow, DeviceRow, RowCursor};
use crate::trail;

/// The longest list that is handed out at once.
const MAX_LIST: u32 = 1000;

/// Rows that one transaction of pruning looks at.
const PAGE: u32 = 200;

/// An account, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInfo {
    /// Its name.
    pub name: AccountName,
    /// Its trusted phone number.
    pub phone_number: Option<String>,
    /// Whether too many wrong PINs blocked it.
    pub blocked: bool,
    /// Wrong PINs that no right one forgave.
    pub pin_tries: u32,
    /// Wrong PINs in the life of this PIN, forgiven ones too.
    pub pin_wrong: u32,
    /// Whether a PIN was chosen.
    pub has_pin: bool,
    /// How many devices it has.
    pub devices: u32,
}

/// A device, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its id.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// Its serial.
    pub serial: String,
    /// When it was activated, in milliseconds since 1970 in UTC.
    pub made_at: i64,
    /// When it last proved itself and got something for it, in milliseconds; `None` for one that was last used before this was kept.
    pub used_at: Option<i64>,
    /// Its own wrong PINs that no right one forgave.
    pub pin_tries: u32,
    /// When a second copy of it was last suspected, in milliseconds; `None` where none was since its PIN was reset.
    pub suspected_at: Option<i64>,
    /// True where the device may prove nothing until its PIN is reset: [`ClonePolicy::Suspend`](crate::ClonePolicy).
    pub suspended: bool,
}

/// A line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number, greater for later ones. It takes 63 bits: more than JSON's numbers are safe for.
    pub id: i64,
    /// When it was, in milliseconds since 1970 in UTC.
    pub at: i64,
    /// The account that it is about, where one is known.
    pub account: Option<String>,
    /// The device that it is about.
    pub device: Option<String>,
    /// What happened.
    pub event: String,
    /// The one that acted, in the form of [`Actor`](crate::Actor); `None` in lines of releases that did not keep it.
    pub actor: Option<String>,
    /// The network address of an operator or a relying party, where the host told it.
    pub address: Option<String>,
    /// How often it happened: equal refusals of one minute are one line.
    pub count: u64,
}

/// The answer of [`Authority::verify_rows`](crate::Authority::verify_rows).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowCheck {
    /// Rows that were checked.
    pub rows: u64,
    /// Rows that are not as the service wrote them.
    pub altered: u64,
    /// The tables of these.
    pub tables: Vec<&'static str>,
}

/// The answer to an operator who lifts a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unblock {
    /// The account is not blocked any more.
    Lifted,
    /// It was not blocked.
    NotBlocked,
    /// It stays blocked: its PIN has seen as many wrong ones as it may. A new PIN lifts the block.
    PinBudgetSpent,
}

/// How much pruning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Lines of the audit trail.
    pub audit: u64,
    /// Ids of removed devices.
    pub tombstones: u64,
    /// Expired SMS codes.
    pub codes: u64,
    /// Requests for SMS codes that no limit counts any more.
    pub code_requests: u64,
    /// Expired one-time passwords.
    pub passwords: u64,
    /// Expired refresh tokens.
    pub tokens: u64,
}

/// Answers [`Authority::accounts`](crate::Authority::accounts).
pub(crate) fn accounts(
    around: &Surroundings<'_>,
    after: Option<&AccountName>,
    limit: u32,
) -> Result<Vec<AccountInfo>, Failure> {
    let after = after.map_or("", AccountName::as_str);
    around.step("accounts.list", |step| {
        let found = step.rows.accounts(after, limit.min(MAX_LIST))?;
        Ok(found.into_iter().map(|found| AccountInfo::of(found, &step.policy.sms.countries)).collect())
    })
}

/// Answers [`Authority::account`](crate::Authority::account).
pub(crate) fn account(around: &Surroundings<'_>, account: &AccountName) -> Result<Option<AccountInfo>, Failure> {
    around.step("account.read", |step| {
        let Some(account) = step.rows.account(account.as_str())? else { return Ok(None) };
        let devices = u32::try_from(step.rows.devices_of(&account.name)?.len()).unwrap_or(u32::MAX);
        Ok(Some(AccountInfo::of(AccountSummary { account, devices }, &step.policy.sms.countries)))
    })
}

/// Answers [`Authority::devices`](crate::Authority::devices).
pub(crate) fn devices(around: &Surroundings<'_>, account: &AccountName) -> Result<Vec<DeviceInfo>, Failure> {
    around.step("devices.list", |step| {
        let mut devices: Vec<DeviceInfo> =
            step.rows.devices_of(account.as_str())?.into_iter().map(DeviceInfo::from).collect();
        devices.sort_by(|first, second| (second.made_at, &first.id).cmp(&(first.made_at, &second.id)));
        Ok(devices)
    })
}

/// Answers [`Authority::add_account`](crate::Authority::add_account).
pub(crate) fn add_account(around: &Surroundings<'_>, account: &AccountName) -> Result<bool, Failure> {
    around.step("account.add", |step| {
        if step.rows.account(account.as_str())?.is_some() {
            return Ok(false);
        }
        step.put_account(&AccountRow::new(account.as_str(), step.now))?;
        step.audit(Some(account.as_str()), None, audit::ACCOUNT_CREATED)?;
        Ok(true)
    })
}

/// Answers [`Authority::remove_account`](crate::Authority::remove_account).
pub(crate) fn remove_account(around: &Surroundings<'_>, account: &AccountName) -> Result<bool, Failure> {
    around.step("account.remove", |step| {
        let removed = step.rows.remove_account(account.as_str())?;
        if removed {
            step.audit(Some(account.as_str()), None, audit::ACCOUNT_REMOVED)?;
        }
        Ok(removed)
    })
}

/// Answers [`Authority::remove_device`](crate::Authority::remove_device).
pub(crate) fn remove_device(around: &Surroundings<'_>, account: &AccountName, id: &str) -> Result<bool, Failure> {
    // PostgreSQL fails at some of what no id has in it, and that is no failure of the service.
    if id.chars().any(char::is_control) {
        return Ok(false);
    }
    around.step("device.remove", |step| {
        let Some(device) = step.rows.device(id)?.filter(|device| device.account == account.as_str()) else {
            return Ok(false);
        };
        step.rows.bury_device(&device.id, step.now)?;
        step.audit(Some(account.as_str()), Some(&device.id), audit::DEVICE_REMOVED)?;
        Ok(true)
    })
}

/// Answers [`Authority::audit_log`](crate::Authority::audit_log).
pub(crate) fn audit_log(
    around: &Surroundings<'_>,
    account: Option<&AccountName>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<AuditEntry>, Failure> {
    let (account, before) = (account.map(AccountName::as_str), before.unwrap_or(i64::MAX));
    around.step("audit.list", |step| {
        let found = step.rows.audit_log(account, before, limit.min(MAX_LIST))?;
        Ok(found.into_iter().map(AuditEntry::from).collect())
    })
}

/// Answers [`Authority::verify_rows`](crate::Authority::verify_rows).
pub(crate) fn verify_rows(
    around: &Surroundings<'_>,
    mut progress: impl FnMut(u64) -> bool,
) -> Result<RowCheck, Failure> {
    let mut check = RowCheck::default();
    let mut cursor = Some(RowCursor::default());
    while let Some(page) = cursor {
        let step = |step: &Step<'_>| Ok(step.rows.check_macs(&page, PAGE)?);
        let Some(page) = around.step("rows.verify", step)? else { break };
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
pub(crate) fn ping(around: &Surroundings<'_>) -> Result<(), Failure> {
    // A name of its own: instances that are asked at once do not wait for one another.
    let name = format!("ping.{}", random::hex::<16>()?);
    around.step("ping", |step| {
        step.rows.put_meta(&name, &[])?;
        Ok(step.rows.forget_meta(&name)?)
    })
}

/// Answers [`Authority::prune_while`](crate::Authority::prune_while). `around` is asked anew before each
/// step: a run may take long, and the clock may be corrected meanwhile.
pub(crate) fn prune_while<'s>(
    around: impl Fn() -> Surroundings<'s>,
    older_than_days: u32,
    go_on: impl Fn() -> bool,
) -> Result<Pruned, Failure> {
    let time = around().now.saturating_sub(DAY.saturating_mul(older_than_days.into()));
    let mut pruned = Pruned::default();
    while go_on() {
        let removed = around().step("prune.audit", |step| trail::prune(step, time))?;
        let Some(removed) = removed else { break };
        pruned.audit += removed;
    }
    // The longest period is a day.
    around().step("prune.sms", |step| Ok(step.rows.prune_sms_counts(step.now.saturating_sub(2 * DAY))?))?;
    let mut after = Some(String::new());
    while let Some(last) = after.filter(|_| go_on()) {
        after = prune_page(&around(), &last, time, &mut pruned)?;
    }
    Ok(pruned)
}

/// Prunes what belongs to the next accounts and tells the last of them.
fn prune_page(
    around: &Surroundings<'_>,
    after: &str,
    time: i64,
    pruned: &mut Pruned,
) -> Result<Option<String>, Failure> {
    let page = around.step("prune.accounts", |step| {
        let names = step.rows.account_names(after, PAGE)?;
        let (Some(first), Some(last)) = (names.first(), names.last()) else { return Ok(None) };
        let removed = step.rows.prune_accounts(first, last, step.now, time, step.now.saturating_sub(DAY))?;
        Ok(Some((last.clone(), removed)))
    })?;
    let Some((last, removed)) = page else { return Ok(None) };
    pruned.tombstones += removed.tombstones;
    pruned.codes += removed.codes;
    pruned.code_requests += removed.code_requests;
    pruned.passwords += removed.passwords;
    pruned.tokens += removed.tokens;
    Ok(Some(last))
}

/// Answers [`Authority::unblock`](crate::Authority::unblock).
pub(crate) fn unblock(around: &Surroundings<'_>, account: &AccountName) -> Result<Unblock, Failure> {
    around.step("account.unblock", |step| {
        let Some(mut row) = step.rows.account(account.as_str())?.filter(|row| row.blocked) else {
            return Ok(Unblock::NotBlocked);
        };
        if pin::is_budget_spent(&row, step.policy) {
            return Ok(Unblock::PinBudgetSpent);
        }
        row.blocked = false;
        step.forgive_all(&mut row)?;
        step.put_account(&row)?;
        step.audit(Some(&row.name), None, audit::ACCOUNT_UNBLOCKED)?;
        Ok(Unblock::Lifted)
    })
}

/// Notes in the audit trail that the actor was refused something.
pub(crate) fn note_refused_operator(around: &Surroundings<'_>) -> Result<(), Failure> {
    around.step("operator.refuse", |step| step.audit(None, None, audit::OPERATOR_REFUSED))
}

impl AccountInfo {
    fn of(AccountSummary { account, devices }: AccountSummary, countries: &Countries) -> Self {
        Self {
            name: AccountName::stored(account.name),
            phone_number: account.phone_number.map(|number| countries.shown_number(number)),
            blocked: account.blocked,
            pin_tries: account.pin_tries,
            pin_wrong: account.pin_wrong,
            has_pin: account.pin.is_some(),
            devices,
        }
    }
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, at, account, device, event, actor, address, count, mac: _ } = row;
        Self { id, at, account, device, event, actor, address, count: u64::try_from(count).unwrap_or(0) }
    }
}

impl From<DeviceRow> for DeviceInfo {
    fn from(device: DeviceRow) -> Self {
        Self {
            id: device.id,
            name: device.name,
            serial: device.serial,
            made_at: device.made_at,
            used_at: device.used_at,
            pin_tries: device.pin_tries,
            suspected_at: device.suspected_at,
            suspended: device.suspended,
        }
    }
}
