//! Checks of a database before its first use: the master keys must be the right ones, and the rows
//! must have MACs.
//!
//! For each master key the table `meta` holds a value that this key sealed. The value shows whether
//! a key is the right one, and whether the rows have MACs. Rows of an earlier release get their
//! MACs once, when this release first opens the database. From then on a row without a MAC is
//! refused. Only the sealed value permits rows without MACs, and a program without the master key
//! cannot make such a value.
//!
//! A program that kept an old value could put it back. The service refuses the old value if the
//! database holds anything that only a later release writes. A rotation of the master key makes the
//! old value worthless.

use crate::actor::{Actor, Context};
use crate::audit;
use crate::failure::{Failure, OpenError};
use crate::sealing::{Place, Vault, key_id};
use crate::step::Step;
use crate::storage::{AuditRow, RowCursor, Storage, Transaction, transact};
use crate::trail::AuditKey;

/// The prefix of the names of these values. The number of the key follows.
const CHECK: &str = "master-key-check";

/// The content of a value of an earlier release, whose rows may lack MACs.
const BEFORE_MACS: &[u8] = b"master-key-check";

/// The content of a value if every row has a MAC.
const WITH_MACS: &[u8] = b"master-key-check, rows have MACs";

/// The number of rows that get their MACs in one transaction.
const PAGE: u32 = 500;

/// The state of a database that is ready for use.
pub(crate) struct Ready {
    pub(crate) audit_key: AuditKey,
    /// The number of rows of an earlier release that got their MACs now.
    pub(crate) brought_along: u64,
}

/// Checks the master keys, and adds the MACs to the rows of an earlier release.
pub(crate) fn open(storage: &dyn Storage, vault: &Vault, now: i64) -> Result<Ready, OpenError> {
    make_ready(storage, vault, now).map_err(|failure| match failure {
        Failure::Storage(error) => OpenError::Storage(error),
        Failure::Altered { table, .. } => OpenError::Altered { table },
        Failure::Randomness => OpenError::Randomness,
        _ => OpenError::MasterKey,
    })
}

fn make_ready(storage: &dyn Storage, vault: &Vault, now: i64) -> Result<Ready, Failure> {
    if let Some(audit_key) = transact(storage, "masterKey.check", |rows| check(rows, vault))? {
        return Ok(Ready { audit_key, brought_along: 0 });
    }
    let (mut cursor, mut count) = (Some(RowCursor::default()), 0_u64);
    while let Some(page) = cursor {
        let (made, next) = transact(storage, "rows.authenticate", |rows| Ok(rows.make_macs(&page, PAGE)?))?;
        count += u64::from(made);
        cursor = next;
    }
    let audit_key = transact(storage, "rows.authenticated", |rows| {
        // Another instance may have finished this in the meantime.
        if let Some(key) = check(rows, vault)? {
            return Ok(key);
        }
        // An empty database of an earlier release needs no row in the audit trail. The count does
        // not show whether the database is empty: another instance, or one that was killed, may
        // have made the MACs.
        let is_told = rows.has_authenticated_row()?;
        promise(rows, vault)?;
        // Audit rows of the earlier release stay without MACs. The first seal covers them as they
        // are.
        let key = AuditKey::make(rows, vault, rows.newest_audit_id()?)?;
        if is_told {
            let context = Context::new(&Actor::Service, None);
            let mut row = AuditRow::new(now, &context, None, None, audit::ROWS_AUTHENTICATED);
            rows.add_audit(&mut row, |row| key.of_row(row))?;
        }
        Ok(key)
    })?;
    Ok(Ready { audit_key, brought_along: count })
}

/// Checks that each value opens under its key. Returns the key of the audit trail if the rows have
/// MACs, and `None` if an earlier release wrote them. A key that is missing from the ring is an
/// error, like a wrong key: values that it sealed would not open.
fn check(rows: &Transaction<'_>, vault: &Vault) -> Result<Option<AuditKey>, Failure> {
    let (mut current, mut with_macs) = (false, false);
    let values = rows.metas(CHECK)?;
    for (name, sealed) in &values {
        let opened = vault.open(place(name), sealed)?;
        match opened.as_slice() {
            WITH_MACS => with_macs = true,
            BEFORE_MACS => {}
            _ => return Err(Failure::Sealed),
        }
        current |= key_id(sealed) == Some(vault.current_id());
    }
    let is_new = values.is_empty();
    // A database without these values must be empty. A database with values of an earlier release
    // must hold nothing that only this release writes.
    if (is_new && rows.has_any_row()?) || (!is_new && !with_macs && rows.has_later_row(AuditKey::NAME)?) {
        return Err(Failure::Altered { table: "meta", account: None });
    }
    if !current && (is_new || with_macs) {
        seal(rows, vault, vault.current_id())?;
    }
    if with_macs {
        // The transaction that wrote this value also made the key.
        let key = AuditKey::load(rows, vault)?;
        return key.ok_or(Failure::Altered { table: "secrets", account: None }).map(Some);
    }
    if is_new { AuditKey::make(rows, vault, None).map(Some) } else { Ok(None) }
}

/// Writes, under each key, the value that every row has a MAC.
fn promise(rows: &Transaction<'_>, vault: &Vault) -> Result<(), Failure> {
    for (_, sealed) in rows.metas(CHECK)? {
        seal(rows, vault, key_id(&sealed).ok_or(Failure::Sealed)?)?;
    }
    seal(rows, vault, vault.current_id())
}

fn seal(rows: &Transaction<'_>, vault: &Vault, id: u32) -> Result<(), Failure> {
    let name = format!("{CHECK}.{id}");
    let sealed = vault.seal_under(id, place(&name), WITH_MACS)?.ok_or(Failure::Sealed)?;
    Ok(rows.put_meta(&name, &sealed)?)
}

/// Removes the values of all keys but the current one.
pub(crate) fn forget_others(step: &Step<'_>) -> Result<(), Failure> {
    for (name, sealed) in step.rows.metas(CHECK)? {
        if key_id(&sealed) != Some(step.vault.current_id()) {
            step.rows.forget_meta(&name)?;
        }
    }
    Ok(())
}

fn place(name: &str) -> Place<'_> {
    Place { column: "meta.value", row: name }
}
