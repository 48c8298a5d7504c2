//! The check of the whole audit trail: each row, each seal, and the chain of the seals.

use std::fmt;

use super::chain::{AuditSeal, FIRST_ID, MAX_SEAL_ROWS, pruned};
use crate::audit::{AuditKey, RowState};
use crate::failure::Failure;
use crate::step::{Context, Step};
use crate::storage::{AuditRow, SealRow};

/// The number of seals, or of unsealed rows, that one transaction reads.
const PAGE: u32 = 1000;

/// A fault of an audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditFault {
    /// The MAC of a row does not match its columns.
    RowChanged {
        /// Its id.
        id: i64,
    },
    /// A row has no MAC: the service did not write it.
    RowUnsigned {
        /// Its id.
        id: i64,
    },
    /// Rows of a seal are missing.
    RowsMissing {
        /// The seal's number.
        seal: i64,
        /// The first id of its range.
        first_id: i64,
        /// The last id of its range.
        last_id: i64,
        /// The number of missing rows.
        count: i64,
    },
    /// There are more rows than a seal covers. Seal 0 stands for ids below the first seal.
    RowsInserted {
        /// The seal's number.
        seal: i64,
        /// The first id of its range.
        first_id: i64,
        /// The last id of its range.
        last_id: i64,
        /// The number of surplus rows.
        count: i64,
    },
    /// The number of rows is right and each has a right MAC, but some of them are not the rows that
    /// were sealed.
    RowsReplaced {
        /// The seal's number.
        seal: i64,
        /// The first id of its range.
        first_id: i64,
        /// The last id of its range.
        last_id: i64,
    },
    /// The MAC of a seal does not match its columns, or the seal does not follow the one before it.
    SealChanged {
        /// Its number.
        number: i64,
    },
    /// A seal is missing.
    SealMissing {
        /// Its number.
        number: i64,
    },
    /// The newest seal is older than a known one: an older copy of the database was restored.
    Older {
        /// The known number, from the log or from an earlier check.
        expected: i64,
        /// The number of the newest seal. It is 0 if there is none.
        found: i64,
    },
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RowChanged { id } => write!(f, "row {id} was changed"),
            Self::RowUnsigned { id } => write!(f, "row {id} has no MAC: it was inserted, or its MAC was removed"),
            Self::RowsMissing { seal, first_id, last_id, count } => {
                write!(f, "{count} rows of seal {seal} are missing (ids {first_id} to {last_id})")
            }
            Self::RowsInserted { seal, first_id, last_id, count } => {
                write!(f, "{count} rows were inserted into seal {seal} (ids {first_id} to {last_id})")
            }
            Self::RowsReplaced { seal, first_id, last_id } => {
                write!(f, "rows of seal {seal} were replaced by others (ids {first_id} to {last_id})")
            }
            Self::SealChanged { number } => write!(f, "seal {number} was changed"),
            Self::SealMissing { number } => write!(f, "seal {number} is missing"),
            Self::Older { expected, found } => write!(
                f,
                "this database is older than its log: its newest seal is {found}, and seal {expected} is known"
            ),
        }
    }
}

/// The result of a check of the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditCheck {
    /// The number of rows that were read.
    pub rows: u64,
    /// The number of seals.
    pub seals: u64,
    /// The number of seals whose rows were not read because of the limit. The seals themselves were
    /// checked.
    pub skipped: u64,
    /// The newest seal.
    pub newest: Option<AuditSeal>,
    /// The faults. An empty list means that the trail is intact.
    pub faults: Vec<AuditFault>,
}

/// The number of faults after which a check reads the rows of no further seal, and reports no
/// further row.
const MAX_FAULTS: usize = 1000;

/// Answers [`Authority::verify_audit`](crate::Authority::verify_audit).
pub(crate) fn verify(
    ctx: &Context<'_>,
    max_rows: Option<u64>,
    expected: Option<(i64, &str)>,
    mut progress: impl FnMut(u64) -> bool,
) -> Result<AuditCheck, Failure> {
    let mut check = AuditCheck::default();
    let seals = verify_seals(ctx, &mut check, expected)?;
    let max_rows = max_rows.unwrap_or(u64::MAX);
    for seal in seals.iter().rev() {
        if check.rows >= max_rows || check.faults.len() >= MAX_FAULTS {
            check.skipped += 1;
            continue;
        }
        let (faults, still_there) = ctx.step("audit.verify", |step| {
            // Another process may have pruned the seal and its rows in the meantime.
            Ok((check_seal(step, seal)?, pruned(step)? < seal.number))
        })?;
        if still_there {
            check.faults.extend(faults);
        }
        check.rows = check.rows.saturating_add(seal.count.unsigned_abs());
        if !progress(check.rows) {
            return Ok(check);
        }
    }
    if let Some(oldest) = seals.first() {
        verify_before(ctx, &mut check, oldest)?;
    }
    verify_unsealed(ctx, &mut check, seals.last(), progress)?;
    Ok(check)
}

/// Checks the chain of the seals. Returns the seals in their order.
fn verify_seals(
    ctx: &Context<'_>,
    check: &mut AuditCheck,
    expected: Option<(i64, &str)>,
) -> Result<Vec<SealRow>, Failure> {
    let mut seals: Vec<SealRow> = Vec::new();
    let mut first = i64::MIN;
    loop {
        let page = ctx.step("audit.seals", |step| Ok(step.rows.seals_from(first, PAGE)?))?;
        let full = u32::try_from(page.len()).is_ok_and(|length| length == PAGE);
        seals.extend(page);
        match seals.last() {
            Some(last) if full => first = last.number.saturating_add(1),
            _ => break,
        }
    }
    // This is read after the seals, so that seals pruned in the meantime are no fault.
    let pruned = ctx.step("audit.pruned", pruned)?;
    seals.retain(|seal| seal.number > pruned || seal.number < 1);
    let mut before: Option<&SealRow> = None;
    for seal in &seals {
        let next = before.map_or(pruned, |before| before.number).saturating_add(1);
        for number in next..seal.number.min(next.saturating_add(10)) {
            check.faults.push(AuditFault::SealMissing { number });
        }
        let follows = before.is_none_or(|before| {
            before.number.saturating_add(1) != seal.number
                || (before.mac == seal.previous && before.last_id.saturating_add(1) == seal.first_id)
        });
        let begins = seal.number != 1 || (seal.first_id == FIRST_ID && seal.previous == [0; 32]);
        if !ctx.trail.key.is_intact(seal) || !follows || !begins {
            check.faults.push(AuditFault::SealChanged { number: seal.number });
        }
        before = Some(seal);
    }
    check.seals = seals.len() as u64;
    check.newest = seals.last().map(AuditSeal::from);
    let newest = seals.last().map_or(0, |seal| seal.number);
    if newest == 0 && pruned > 0 {
        // Pruning leaves the newest seal.
        check.faults.push(AuditFault::SealMissing { number: pruned.saturating_add(1) });
    }
    if let Some((number, head)) = expected {
        if newest < number {
            check.faults.push(AuditFault::Older { expected: number, found: newest });
        } else if let Some(seal) = seals.iter().find(|seal| seal.number == number)
            && !AuditSeal::from(seal).head.eq_ignore_ascii_case(head)
        {
            check.faults.push(AuditFault::SealChanged { number });
        }
    }
    Ok(seals)
}

/// Checks that there are no rows below the oldest seal.
fn verify_before(ctx: &Context<'_>, check: &mut AuditCheck, oldest: &SealRow) -> Result<(), Failure> {
    let last_id = oldest.first_id.saturating_sub(1);
    let (found, pruned) =
        ctx.step("audit.verify", |step| Ok((step.rows.audit_between(i64::MIN, last_id, PAGE)?.len(), pruned(step)?)))?;
    if found > 0 && pruned < oldest.number {
        let count = i64::try_from(found).unwrap_or(i64::MAX);
        check.faults.push(AuditFault::RowsInserted { seal: 0, first_id: i64::MIN, last_id, count });
    }
    Ok(())
}

/// Checks the rows after the last seal.
fn verify_unsealed(
    ctx: &Context<'_>,
    check: &mut AuditCheck,
    last: Option<&SealRow>,
    mut progress: impl FnMut(u64) -> bool,
) -> Result<(), Failure> {
    let mut first = last.map_or(i64::MIN, |seal| seal.last_id.saturating_add(1));
    loop {
        let page = ctx.step("audit.verify", |step| Ok(step.rows.audit_between(first, i64::MAX, PAGE)?))?;
        let faults = page.iter().filter_map(|row| row_fault(&ctx.trail.key, row));
        check.faults.extend(faults.take(MAX_FAULTS.saturating_sub(check.faults.len())));
        check.rows = check.rows.saturating_add(page.len() as u64);
        match page.last() {
            Some(last) if page.len() == PAGE as usize && progress(check.rows) => {
                first = last.id.saturating_add(1);
            }
            _ => return Ok(()),
        }
    }
}

/// Returns the fault of a row on its own, if it has one.
pub(super) fn row_fault(key: &AuditKey, row: &AuditRow) -> Option<AuditFault> {
    match key.check_row(row) {
        RowState::Intact => None,
        RowState::Changed => Some(AuditFault::RowChanged { id: row.id }),
        RowState::Unsigned => Some(AuditFault::RowUnsigned { id: row.id }),
    }
}

/// Returns the faults of a seal and of its rows.
pub(super) fn check_seal(step: &Step<'_>, seal: &SealRow) -> Result<Vec<AuditFault>, Failure> {
    let key = &step.trail.key;
    let SealRow { number, first_id, last_id, .. } = *seal;
    if !key.is_intact(seal) {
        return Ok(vec![AuditFault::SealChanged { number }]);
    }
    // More rows than a seal can cover are read, so that surplus rows are seen.
    let rows = step.rows.audit_between(first_id, last_id, 2 * MAX_SEAL_ROWS)?;
    let mut faults: Vec<AuditFault> = rows.iter().filter_map(|row| row_fault(key, row)).collect();
    let found = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let missing = seal.count.saturating_sub(found);
    if missing > 0 {
        faults.push(AuditFault::RowsMissing { seal: number, first_id, last_id, count: missing });
    } else if missing < 0 {
        faults.push(AuditFault::RowsInserted { seal: number, first_id, last_id, count: -missing });
    } else if faults.is_empty() && key.rows_digest(&rows) != seal.digest {
        faults.push(AuditFault::RowsReplaced { seal: number, first_id, last_id });
    }
    Ok(faults)
}
