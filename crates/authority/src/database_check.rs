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

use crate::actor::{Actor, Origin};
use crate::audit::{self, AuditKey};
use crate::failure::{Failure, OpenError};
use crate::key_times;
use crate::sealing::{Binding, Sealer, key_id};
use crate::step::Step;
use crate::storage::{AuditRow, RowCursor, Storage, Transaction, transact};

/// The prefix of the names of these values. The number of the key follows.
const CHECK: &str = "master-key-check";

/// The content of a value of an earlier release, whose rows may lack MACs.
const BEFORE_MACS: &[u8] = b"master-key-check";

/// The content of a value if every row has a MAC.
const WITH_MACS: &[u8] = b"master-key-check, rows have MACs";

/// The number of rows that get their MACs in one transaction.
const PAGE: u32 = 500;

/// The state of a database that is ready for use.
pub(crate) struct CheckedDatabase {
    pub(crate) audit_key: AuditKey,
    /// The number of rows of an earlier release that got their MACs now.
    pub(crate) migrated_rows: u64,
}

/// Checks the master keys, and adds the MACs to the rows of an earlier release.
pub(crate) fn open(storage: &dyn Storage, sealer: &Sealer, now: i64) -> Result<CheckedDatabase, OpenError> {
    check_database(storage, sealer, now).map_err(|failure| match failure {
        Failure::Storage(error) => OpenError::Storage(error),
        Failure::Altered { table, .. } => OpenError::Altered { table },
        Failure::Randomness => OpenError::Randomness,
        _ => OpenError::MasterKey,
    })
}

fn check_database(storage: &dyn Storage, sealer: &Sealer, now: i64) -> Result<CheckedDatabase, Failure> {
    if let Some(audit_key) = transact(storage, "masterKey.check", |rows| check(rows, sealer, now))? {
        return Ok(CheckedDatabase { audit_key, migrated_rows: 0 });
    }
    let (mut cursor, mut count) = (Some(RowCursor::default()), 0_u64);
    while let Some(page) = cursor {
        let (made, next) = transact(storage, "rows.authenticate", |rows| Ok(rows.make_macs(&page, PAGE)?))?;
        count += u64::from(made);
        cursor = next;
    }
    let audit_key = transact(storage, "rows.authenticated", |rows| {
        // Another instance may have finished this in the meantime.
        if let Some(key) = check(rows, sealer, now)? {
            return Ok(key);
        }
        // An empty database of an earlier release needs no row in the audit trail. The count does
        // not show whether the database is empty: another instance, or one that was killed, may
        // have made the MACs.
        let has_rows = rows.has_authenticated_row()?;
        mark_authenticated(rows, sealer)?;
        // Audit rows of the earlier release stay without MACs. The first seal covers them as they
        // are.
        let key = make_audit_key(rows, sealer, rows.newest_audit_id()?, now)?;
        if has_rows {
            let origin = Origin::new(&Actor::Service, None);
            let mut row = AuditRow::new(now, &origin, None, None, audit::ROWS_AUTHENTICATED);
            rows.add_audit(&mut row, |row| key.row_mac(row))?;
        }
        Ok(key)
    })?;
    Ok(CheckedDatabase { audit_key, migrated_rows: count })
}

/// Checks that each value opens under its key. Returns the key of the audit trail if the rows have
/// MACs, and `None` if an earlier release wrote them. A key that is missing from the ring is an
/// error, like a wrong key: values that it sealed would not open.
fn check(rows: &Transaction<'_>, sealer: &Sealer, now: i64) -> Result<Option<AuditKey>, Failure> {
    let (mut current, mut with_macs) = (false, false);
    let values = rows.meta_values(CHECK)?;
    for (name, sealed) in &values {
        let opened = sealer.open(binding(name), sealed)?;
        match opened.as_slice() {
            WITH_MACS => with_macs = true,
            BEFORE_MACS => {}
            _ => return Err(Failure::Sealed),
        }
        current |= key_id(sealed) == Some(sealer.current_id());
    }
    let is_new = values.is_empty();
    // A database without these values must be empty. A database with values of an earlier release
    // must hold nothing that only this release writes.
    if (is_new && rows.has_any_row()?) || (!is_new && !with_macs && rows.has_later_row(AuditKey::NAME)?) {
        return Err(Failure::Altered { table: "meta", account: None });
    }
    let is_new_key = !current && (is_new || with_macs);
    if is_new_key {
        seal(rows, sealer, sealer.current_id())?;
    }
    let audit_key = if with_macs {
        // The transaction that wrote this value also made the key.
        let key = AuditKey::load(rows, sealer)?;
        key.ok_or(Failure::Altered { table: "secrets", account: None })?
    } else if is_new {
        make_audit_key(rows, sealer, None, now)?
    } else {
        return Ok(None);
    };
    if is_new_key {
        key_times::record(rows, &audit_key, &key_times::master_key(sealer.current_id()), now)?;
    }
    Ok(Some(audit_key))
}

/// Makes the key of the audit trail. Rows up to the id `newest` may have no MAC.
fn make_audit_key(rows: &Transaction<'_>, sealer: &Sealer, newest: Option<i64>, now: i64) -> Result<AuditKey, Failure> {
    let key = AuditKey::make(rows, sealer, newest)?;
    key_times::record(rows, &key, &key_times::secret(AuditKey::NAME), now)?;
    Ok(key)
}

/// Writes, under each key, the value that every row has a MAC.
fn mark_authenticated(rows: &Transaction<'_>, sealer: &Sealer) -> Result<(), Failure> {
    for (_, sealed) in rows.meta_values(CHECK)? {
        seal(rows, sealer, key_id(&sealed).ok_or(Failure::Sealed)?)?;
    }
    seal(rows, sealer, sealer.current_id())
}

fn seal(rows: &Transaction<'_>, sealer: &Sealer, id: u32) -> Result<(), Failure> {
    let name = format!("{CHECK}.{id}");
    let sealed = sealer.seal_under(id, binding(&name), WITH_MACS)?.ok_or(Failure::Sealed)?;
    Ok(rows.put_meta(&name, &sealed)?)
}

/// Removes the values of all keys but the current one.
pub(crate) fn remove_others(step: &Step<'_>) -> Result<(), Failure> {
    for (name, sealed) in step.rows.meta_values(CHECK)? {
        if key_id(&sealed) != Some(step.sealer.current_id()) {
            step.rows.remove_meta(&name)?;
            if let Some(id) = key_id(&sealed) {
                key_times::remove(step.rows, &key_times::master_key(id))?;
            }
        }
    }
    Ok(())
}

/// Returns the numbers of the master keys that the database knows.
pub(crate) fn key_ids(step: &Step<'_>) -> Result<Vec<u32>, Failure> {
    Ok(step.rows.meta_values(CHECK)?.iter().filter_map(|(_, sealed)| key_id(sealed)).collect())
}

fn binding(name: &str) -> Binding<'_> {
    Binding { column: "meta.value", row: name }
}
