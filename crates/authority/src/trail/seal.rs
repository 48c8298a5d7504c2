//! Seals: they are made in two steps, checked, and removed together with old rows.

use super::chain::{AuditSeal, FIRST_ID, MAX_SEAL_ROWS, PRUNED, pruned};
use super::verify::{self, AuditFault};
use crate::domain::seal_boundary::{SeenBoundary, Tick, tick};
use crate::failure::Failure;
use crate::step::{Context, Step};
use crate::storage::{AuditIds, SealRow};

/// The name, in `meta`, of the announced and signed boundary.
const BOUNDARY: &str = "audit.boundary";

/// The number of rows that one pruning transaction reads.
const PAGE: u32 = 200;

/// The result of a call of [`Authority::seal_audit`](crate::Authority::seal_audit).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealing {
    /// The new seals.
    pub made: Vec<AuditSeal>,
    /// The newest seal of the database.
    pub newest: Option<AuditSeal>,
    /// The faults of the newest seal, and of the rows that were sealed.
    pub faults: Vec<AuditFault>,
}

/// Lifts the ids of this process above the announced boundary.
pub(crate) fn raise_floor_to_boundary(step: &Step<'_>) -> Result<(), Failure> {
    if let Some(boundary) = boundary(step)? {
        raise_floor(step, boundary);
    }
    Ok(())
}

fn raise_floor(step: &Step<'_>, boundary: i64) {
    step.rows.raise_audit_ids(boundary);
    step.trail.raise_floor(boundary);
}

/// Returns the announced boundary. A boundary that was changed counts as none.
fn boundary(step: &Step<'_>) -> Result<Option<i64>, Failure> {
    Ok(step.rows.meta(BOUNDARY)?.and_then(|value| step.trail.key.open_signed(BOUNDARY, &value)))
}

/// Removes old rows of the trail. If the trail has seals, removes the oldest sealed range, unless
/// it was sealed at `time` or later, or is not as it was sealed. Otherwise removes a page of rows.
/// Returns `None` if there is nothing to remove. The newest seal stays, because it is the head of
/// the chain.
pub(crate) fn prune(step: &Step<'_>, time: i64) -> Result<Option<u64>, Failure> {
    prune_old(step, Old::Before(time))
}

/// Removes rows as [`prune`] does: those that are older than the newest `max_rows` rows.
pub(crate) fn prune_beyond(step: &Step<'_>, max_rows: u32) -> Result<Option<u64>, Failure> {
    match step.rows.audit_id_beyond(max_rows)? {
        Some(id) => prune_old(step, Old::UpTo(id)),
        None => Ok(None),
    }
}

/// The rows that pruning may remove.
#[derive(Clone, Copy)]
enum Old {
    /// Rows that were written before this time.
    Before(i64),
    /// Rows up to this id.
    UpTo(i64),
}

fn prune_old(step: &Step<'_>, old: Old) -> Result<Option<u64>, Failure> {
    let last_pruned = pruned(step)?;
    let oldest = step.rows.seals_from(last_pruned.saturating_add(1), 2)?;
    let [seal, _next] = &oldest[..] else {
        if !oldest.is_empty() || last_pruned > 0 {
            return Ok(None);
        }
        let removed = match old {
            Old::Before(time) => step.rows.prune_audit(time, PAGE)?,
            Old::UpTo(id) => step.rows.prune_audit_up_to(id, PAGE)?,
        };
        return Ok(Some(removed).filter(|removed| *removed > 0));
    };
    // A broken chain is evidence, so it stays.
    if seal.number != last_pruned.saturating_add(1) || !step.trail.key.is_intact(seal) {
        return Ok(None);
    }
    let is_young = match old {
        // Only the time in the seal has a MAC.
        Old::Before(time) => seal.at >= time,
        Old::UpTo(id) => seal.last_id > id,
    };
    // A range with missing or changed rows is evidence, too.
    if is_young || !verify::check_seal(step, seal)?.is_empty() {
        return Ok(None);
    }
    let removed = step.rows.remove_sealed(seal)?;
    step.rows.put_meta(PRUNED, &step.trail.key.sign(PRUNED, seal.number))?;
    Ok(Some(removed))
}

/// Answers [`Authority::seal_audit`](crate::Authority::seal_audit).
pub(crate) fn seal_audit(ctx: &Context<'_>) -> Result<Sealing, Failure> {
    let now = ctx.now;
    let mut sealing = Sealing::default();
    let (announced, newest, last) = ctx.step("audit.boundary", |step| {
        raise_floor_to_boundary(step)?;
        Ok((boundary(step)?, step.rows.newest_seal()?, step.rows.last_audit_id()))
    })?;
    check_head(ctx, newest.as_ref(), &mut sealing.faults)?;
    let sealed = newest.as_ref().map_or(FIRST_ID - 1, |seal| seal.last_id);
    // The rows of this process, the rows of other processes with this time, and the rows of the
    // previous release all have ids up to this one.
    let end = last.max(AuditIds::first_at(now).saturating_sub(1));
    let seen = ctx.trail.seen_boundary();
    let next = tick(announced, seen, sealed, end, now);
    let mut seen_next = None;
    match next {
        Tick::Idle => {}
        Tick::Wait(seen) => seen_next = Some(seen),
        Tick::Announce(boundary) => seen_next = Some(announce(ctx, boundary, now)?),
        Tick::Seal(boundary) => {
            while let Some((seal, faults)) = seal_page(ctx, boundary, now)? {
                sealing.made.push(AuditSeal::from(&seal));
                sealing.faults.extend(faults);
                ctx.trail.record_head(&seal);
            }
            if end > boundary {
                seen_next = Some(announce(ctx, end, now)?);
            }
        }
    }
    ctx.trail.set_seen_boundary(seen_next);
    sealing.newest = sealing.made.last().cloned().or_else(|| newest.as_ref().map(AuditSeal::from));
    Ok(sealing)
}

/// Announces a boundary, unless another instance announced a greater one.
fn announce(ctx: &Context<'_>, wanted: i64, now: i64) -> Result<SeenBoundary, Failure> {
    let boundary = ctx.step("audit.announce", |step| {
        let boundary = match boundary(step)?.filter(|known| *known >= wanted) {
            Some(known) => known,
            None => {
                step.rows.put_meta(BOUNDARY, &step.trail.key.sign(BOUNDARY, wanted))?;
                wanted
            }
        };
        raise_floor(step, boundary);
        Ok(boundary)
    })?;
    Ok(SeenBoundary { boundary, at: now })
}

/// Seals a page of the rows up to the boundary. Returns `None` if none is left.
fn seal_page(ctx: &Context<'_>, boundary: i64, now: i64) -> Result<Option<(SealRow, Vec<AuditFault>)>, Failure> {
    ctx.step("audit.seal", |step| {
        let before = step.rows.newest_seal()?;
        let first_id = before.as_ref().map_or(FIRST_ID, |seal| seal.last_id.saturating_add(1));
        let rows = step.rows.audit_between(first_id, boundary, MAX_SEAL_ROWS)?;
        let Some(last) = rows.last() else { return Ok(None) };
        let full = u32::try_from(rows.len()).is_ok_and(|length| length == MAX_SEAL_ROWS);
        let mut seal = SealRow {
            number: before.as_ref().map_or(1, |seal| seal.number.saturating_add(1)),
            first_id,
            last_id: if full { last.id } else { boundary },
            count: i64::try_from(rows.len()).unwrap_or(i64::MAX),
            at: now,
            digest: step.trail.key.rows_digest(&rows),
            previous: before.as_ref().map_or([0; 32], |seal| seal.mac),
            mac: [0; 32],
        };
        seal.mac = step.trail.key.seal_mac(&seal);
        // An altered row is sealed as it is: its own MAC shows the alteration for ever.
        let faults = rows.iter().filter_map(|row| verify::row_fault(&step.trail.key, row)).collect();
        Ok(step.rows.add_seal(&seal)?.then_some((seal, faults)))
    })
}

/// Checks the newest seal and its rows, and checks that the chain neither became shorter nor
/// changed.
fn check_head(ctx: &Context<'_>, newest: Option<&SealRow>, faults: &mut Vec<AuditFault>) -> Result<(), Failure> {
    let known = ctx.trail.head();
    if let Some((number, mac)) = known {
        match newest {
            Some(seal) if seal.number > number => {}
            Some(seal) if seal.number == number && seal.mac == mac => {}
            found => {
                let found = found.map_or(0, |seal| seal.number);
                faults.push(AuditFault::Older { expected: number, found });
            }
        }
    }
    let Some(seal) = newest else { return Ok(()) };
    faults.extend(ctx.step("audit.head", |step| verify::check_seal(step, seal))?);
    if faults.is_empty() {
        ctx.trail.record_head(seal);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::*;
    use crate::authority::Authority;
    use crate::sealing::{Binding, Sealer};
    use crate::{MasterKey, Options, Outbox, Policy, SystemClock};

    fn open(folder: &Path) -> Authority {
        Authority::open(Options {
            database: folder.join("authority.db").into(),
            master_key: MasterKey::new(1, [7; 32]).into(),
            policy: Policy::default(),
            sms: Box::new(Outbox::new(folder.join("outbox"))),
            sms_retry: None,
            clock: Box::new(SystemClock),
        })
        .unwrap()
    }

    /// Makes a database as the previous release wrote it, with two rows of its audit trail.
    fn of_the_release_before(folder: &Path) -> Connection {
        let file = Connection::open(folder.join("authority.db")).unwrap();
        file.execute_batch(include_str!("../storage/sqlite/0001_initial.sql")).unwrap();
        file.execute_batch(include_str!("../storage/sqlite/0002_server.sql")).unwrap();
        file.pragma_update(None, "user_version", 2).unwrap();
        let name = "master-key-check.1";
        let binding = Binding { column: "meta.value", row: name };
        let check = Sealer::new(&MasterKey::new(1, [7; 32]).into()).seal(binding, b"master-key-check").unwrap();
        file.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", (name, check)).unwrap();
        file.execute_batch("INSERT INTO audit (id, at, event) VALUES (1, 5, 'code.sent'), (2, 6, 'pin.set')").unwrap();
        file
    }

    #[test]
    fn rows_of_the_release_before_are_sealed_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = of_the_release_before(folder.path());
        let authority = open(folder.path());
        assert_eq!(authority.verify_audit(None, None, |_| true).unwrap().faults, []);
        // No other row may lack its MAC.
        file.execute_batch("INSERT INTO audit (id, at, event) VALUES (3, 7, 'pin.set')").unwrap();
        let fault = AuditFault::RowUnsigned { id: 3 };
        assert_eq!(authority.verify_audit(None, None, |_| true).unwrap().faults, std::slice::from_ref(&fault));
        file.execute_batch("DELETE FROM audit WHERE id = 3").unwrap();
        let boundary = AuditIds::first_at(1_000_000_000_000);
        let (seal, faults) = seal_page(&authority.context(), boundary, 1_000_000_000_000).unwrap().unwrap();
        assert_eq!((seal.number, seal.count, faults), (1, 2, vec![]));
        assert!(seal_page(&authority.context(), boundary, 1_000_000_000_000).unwrap().is_none());
        file.execute_batch("UPDATE audit SET event = 'pin.reset' WHERE id = 2").unwrap();
        let faults = authority.verify_audit(None, None, |_| true).unwrap().faults;
        assert_eq!(faults, [AuditFault::RowsReplaced { seal: 1, first_id: 0, last_id: boundary }]);
        // A database that was opened once does not count as an older one.
        drop(authority);
        drop(open(folder.path()));
    }

    #[test]
    fn a_long_trail_is_sealed_in_pages() {
        let folder = tempfile::tempdir().unwrap();
        let file = of_the_release_before(folder.path());
        file.execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
             INSERT INTO audit (id, at, event) SELECT i, 5, 'code.sent' FROM n",
        )
        .unwrap();
        let authority = open(folder.path());
        let mut counts = Vec::new();
        while let Some((seal, _)) = seal_page(&authority.context(), AuditIds::first_at(1_000_000_000_000), 5).unwrap() {
            counts.push(seal.count);
        }
        assert_eq!(counts, [2000, 2000, 500]);
        let check = authority.verify_audit(None, None, |_| true).unwrap();
        assert_eq!((check.rows, check.seals, check.faults), (4500, 3, vec![]));
    }
}
