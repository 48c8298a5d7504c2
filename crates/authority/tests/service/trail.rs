//! The audit trail: actors, equal refusals, and the acts that a writer of the database cannot do.

use authority::{
    AccountName, Actor, AuditCheck, AuditEntry, AuditFault, Authority, KeyRing, MasterKey, Options, Reason, Sealing,
    Verdict,
};

use crate::device::{Answer, Device, setup};
use crate::world::{MASTER, ManualClock, World};

const GRACE: i64 = 5 * 60;

fn name(account: &str) -> AccountName {
    AccountName::new(account).unwrap()
}

/// Returns a world after its first moment: earlier rows have lower ids than all rows from now on.
fn world() -> World {
    let world = World::new();
    world.clock.forward(1);
    world
}

fn trail(world: &World, event: &str) -> Vec<AuditEntry> {
    let all = world.authority.audit_log(None, None, 1000).unwrap();
    // The account `nobody` only made the database create its keys.
    let is_of_a_test = |entry: &AuditEntry| entry.account.as_ref().is_some_and(|account| account != "nobody");
    all.into_iter().filter(|entry| entry.event == event && is_of_a_test(entry)).collect()
}

/// Lets time pass, tick by tick, until rows are sealed.
fn seal(world: &World) -> Sealing {
    for _ in 0..4 {
        let sealing = world.authority.seal_audit().unwrap();
        assert_eq!(sealing.faults, []);
        if !sealing.made.is_empty() {
            return sealing;
        }
        world.clock.forward(GRACE);
    }
    panic!("nothing was sealed")
}

fn verify(authority: &Authority) -> AuditCheck {
    authority.verify_audit(None, None, |_| true).unwrap()
}

fn faults(world: &World) -> Vec<AuditFault> {
    verify(&world.authority).faults
}

/// Writes some rows. Returns the id of one of them.
fn some_rows(world: &World) -> i64 {
    let account = world.account("user");
    for number in 0..5 {
        world.clock.forward(1);
        world.authority.add_account(&name(&format!("other{number}"))).unwrap();
    }
    world.authority.audit_log(Some(&account), None, 1).unwrap()[0].id
}

#[test]
fn equal_refusals_of_a_minute_are_one_row_with_a_count() {
    let world = world();
    let (user, other) = (name("user"), name("other"));
    world.authority.add_account(&user).unwrap();
    let wrong = setup("activate", "", &[("code", "000000")]);
    for _ in 0..1500 {
        assert_eq!(Answer::of(&world.authority, Some(&user), &wrong).err(), "NOK:CODE");
    }
    let rows = trail(&world, "code.refused");
    assert_eq!((rows.len(), rows[0].count), (1, 1500));
    // Another account, another event, another actor and another minute have rows of their own.
    Answer::of(&world.authority, Some(&other), &wrong);
    assert_eq!(world.authority.verify_otp(&user, "abcdefgh").unwrap(), Verdict::Refused);
    Answer::of(&world.authority.acting_as(&Actor::App, None), Some(&user), &wrong);
    world.clock.forward(60);
    Answer::of(&world.authority, Some(&user), &wrong);
    Answer::of(&world.authority, Some(&user), &wrong);
    let counts: Vec<u64> = trail(&world, "code.refused").iter().map(|entry| entry.count).collect();
    assert_eq!(counts, [2, 1, 1, 1500]);
    assert_eq!(trail(&world, "password.refused").len(), 1);
    assert_eq!(faults(&world), []);
}

#[test]
fn wrong_pins_stand_in_the_trail_one_by_one() {
    let world = world();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for _ in 0..5 {
        device.ask(&world.authority, "9999");
    }
    let rows = trail(&world, "pin.refused");
    assert_eq!(rows.iter().map(|entry| entry.count).collect::<Vec<_>>(), [1; 5]);
}

#[test]
fn refusals_that_come_at_once_are_all_counted_in_few_rows() {
    const THREADS: u64 = 4;
    const EACH: u64 = 40;
    let world = world();
    let user = name("user");
    world.authority.add_account(&user).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    world.authority.verify_otp(&user, "abcdefgh").unwrap();
                }
            });
        }
    });
    let rows = trail(&world, "password.refused");
    assert_eq!(rows.iter().map(|entry| entry.count).sum::<u64>(), THREADS * EACH);
    // One step at a time uses a row. A repeated step may write a few more.
    assert!(rows.len() <= 4 * THREADS as usize, "{} rows", rows.len());
    assert_eq!(faults(&world), []);
}

/// A stranger can make names up, and each name would be a row.
#[test]
fn passwords_for_accounts_that_are_none_are_one_row_without_a_name() {
    let world = world();
    for number in 0..50 {
        world.authority.verify_otp(&name(&format!("made up {number}")), "abcdefgh").unwrap();
    }
    let all = world.authority.audit_log(None, None, 1000).unwrap();
    let rows: Vec<_> = all.iter().filter(|entry| entry.event == "password.refused").collect();
    assert_eq!((rows.len(), rows[0].count, &rows[0].account), (1, 50, &None));
}

#[test]
fn a_row_that_was_changed_is_not_counted_in() {
    let world = world();
    let user = name("user");
    world.authority.add_account(&user).unwrap();
    for _ in 0..3 {
        world.authority.verify_otp(&user, "abcdefgh").unwrap();
    }
    world.database.execute("UPDATE audit SET count = 1 WHERE event = 'password.refused'");
    world.authority.verify_otp(&user, "abcdefgh").unwrap();
    let rows = trail(&world, "password.refused");
    assert_eq!(rows.iter().map(|entry| entry.count).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(faults(&world), [AuditFault::RowChanged { id: rows[1].id }]);
}

#[test]
fn the_actor_and_its_address_stand_in_the_trail() {
    let world = world();
    world.authority.add_account(&name("first")).unwrap();
    let address = "::ffff:192.0.2.7".parse().ok();
    let operator = world.authority.acting_as(&Actor::Operator("alice".into()), address);
    operator.add_account(&name("second")).unwrap();
    for (account, actor, address) in [("first", "host", None), ("second", "operator:alice", Some("192.0.2.7"))] {
        let entry = &world.authority.audit_log(Some(&name(account)), None, 1).unwrap()[0];
        assert_eq!((entry.actor.as_deref(), entry.address.as_deref(), entry.count), (Some(actor), address, 1));
    }
    // An actor with the name of another kind of actor is not of that kind.
    assert_eq!(Actor::Party("operator:alice".into()).to_string(), "party:operator:alice");
}

#[test]
fn the_reason_of_an_operator_stands_in_each_row_of_its_calls_and_in_no_other() {
    let world = world();
    let (user, other) = (name("user"), name("other"));
    let reason = Reason::new(" lost phone ").unwrap();
    let operator = world.authority.acting_as(&Actor::Operator("alice".into()), None);
    let explained = operator.because(&reason);
    explained.add_account(&user).unwrap();
    operator.add_account(&other).unwrap();
    let newest = |account: &AccountName| world.authority.audit_log(Some(account), None, 1).unwrap().remove(0);
    assert_eq!(newest(&user).reason.as_deref(), Some("lost phone"));
    assert_eq!(newest(&user).actor.as_deref(), Some("operator:alice"));
    assert_eq!(newest(&other).reason, None);
    // Another actor has reasons of its own.
    explained.acting_as(&Actor::Operator("bob".into()), None).remove_account(&other).unwrap();
    assert_eq!((newest(&other).event.as_str(), newest(&other).reason), ("account.removed", None));
    // Equal refusals share a row: a reason is of one call alone.
    for service in [&explained, &operator, &explained] {
        service.verify_otp(&user, "abcdefgh").unwrap();
    }
    explained.audit_refused_operator().unwrap();
    let refused = trail(&world, "password.refused");
    assert_eq!((refused.len(), refused[0].count, &refused[0].reason), (1, 3, &None));
    let all = world.authority.audit_log(None, None, 1000).unwrap();
    assert!(all.iter().any(|row| row.event == "operator.refused" && row.reason.is_none()));
    assert_eq!(all.iter().filter(|row| row.reason.is_some()).count(), 1);
    assert_eq!(faults(&world), []);
}

#[test]
fn a_changed_reason_is_told_before_and_after_its_row_is_sealed() {
    let world = world();
    some_rows(&world);
    let user = name("explained");
    world.authority.because(&Reason::new("lost phone").unwrap()).add_account(&user).unwrap();
    let id = world.authority.audit_log(Some(&user), None, 1).unwrap()[0].id;
    for sealed in [false, true] {
        if sealed {
            assert_eq!(seal(&world).made.len(), 1);
        }
        for reason in ["NULL", "'lost phones'", "''"] {
            world.database.execute(&format!("UPDATE audit SET reason = {reason} WHERE id = {id}"));
            let found = faults(&world);
            assert!(found.contains(&AuditFault::RowChanged { id }), "{sealed} {reason}: {found:?}");
            world.database.execute(&format!("UPDATE audit SET reason = 'lost phone' WHERE id = {id}"));
            assert_eq!(faults(&world), []);
        }
    }
}

#[test]
fn a_trail_is_sealed_five_minutes_after_its_boundary_was_announced() {
    let world = world();
    some_rows(&world);
    let announced = world.authority.seal_audit().unwrap();
    assert_eq!((announced.made, announced.newest), (vec![], None));
    // The row comes after the boundary, and is not sealed yet.
    world.authority.add_account(&name("late")).unwrap();
    world.clock.forward(GRACE - 1);
    assert_eq!(world.authority.seal_audit().unwrap().made, []);
    world.clock.forward(1);
    let sealing = world.authority.seal_audit().unwrap();
    let rows = world.authority.audit_log(None, None, 1000).unwrap().len() as i64;
    assert_eq!((sealing.made.len(), sealing.made[0].number, sealing.made[0].rows), (1, 1, rows - 1));
    assert_eq!(sealing.newest.as_ref(), sealing.made.first());
    world.clock.forward(GRACE);
    let sealing = world.authority.seal_audit().unwrap();
    assert_eq!((sealing.made.len(), sealing.made[0].number, sealing.made[0].rows), (1, 2, 1));
    // Without rows there is no seal.
    world.clock.forward(GRACE);
    assert_eq!(world.authority.seal_audit().unwrap().made, []);

    let check = verify(&world.authority);
    assert_eq!((check.rows, check.seals, check.skipped, check.faults), (rows as u64, 2, 0, vec![]));
    assert_eq!(check.newest, sealing.newest);
}

#[test]
fn instances_with_wrong_clocks_write_above_the_boundary() {
    let world = world();
    let slow = ManualClock::default();
    slow.forward(-3600);
    let slow = world.another_with(|options| Options { clock: Box::new(slow.clone()), ..options });
    slow.add_account(&name("early")).unwrap();
    world.authority.seal_audit().unwrap();
    // The process reads the boundary at its tick, and when it is opened.
    slow.seal_audit().unwrap();
    slow.add_account(&name("ticked")).unwrap();
    let back = ManualClock::default();
    back.forward(-7200);
    let opened = world.another_with(|options| Options { clock: Box::new(back.clone()), ..options });
    opened.add_account(&name("opened")).unwrap();
    world.clock.forward(GRACE);
    assert_eq!(world.authority.seal_audit().unwrap().made.len(), 1);
    slow.add_account(&name("later")).unwrap();
    assert_eq!(faults(&world), []);
    world.clock.forward(GRACE);
    let sealing = world.authority.seal_audit().unwrap();
    assert_eq!((sealing.made[0].number, sealing.faults), (2, vec![]));
    assert_eq!(faults(&world), []);
}

#[test]
fn any_number_of_instances_seal_one_chain() {
    let world = world();
    let others: Vec<Authority> = (0..3).map(|_| world.another_with(|options| options)).collect();
    for round in 0..4 {
        std::thread::scope(|scope| {
            for (number, authority) in others.iter().enumerate() {
                scope.spawn(move || {
                    authority.add_account(&name(&format!("user{round}.{number}"))).unwrap();
                    authority.seal_audit().unwrap();
                });
            }
        });
        world.clock.forward(GRACE);
    }
    let check = verify(&world.authority);
    assert_eq!(check.faults, []);
    assert!(check.seals >= 2, "{check:?}");
}

#[test]
fn every_change_to_a_sealed_or_a_new_row_is_told() {
    let world = world();
    let id = some_rows(&world);
    let newest = || world.authority.audit_log(None, None, 1).unwrap()[0].id;
    // Not sealed yet.
    world.database.execute("CREATE TABLE saved AS SELECT * FROM audit");
    let restore = || world.database.execute("DELETE FROM audit; INSERT INTO audit SELECT * FROM saved");
    for change in [
        "event = 'pin.set'",
        "actor = 'service'",
        "count = 2",
        "account = 'other'",
        "at = at + 1",
        "reason = 'lost phone'",
        "reason = ''",
    ] {
        world.database.execute(&format!("UPDATE audit SET {change} WHERE id = {id}"));
        assert_eq!(faults(&world), [AuditFault::RowChanged { id }], "{change}");
        restore();
    }
    world.database.execute(&format!("UPDATE audit SET mac = NULL WHERE id = {id}"));
    assert_eq!(faults(&world), [AuditFault::RowUnsigned { id }]);
    restore();
    world.database.execute("INSERT INTO audit (id, at, event, count) VALUES (5, 5, 'code.sent', 1)");
    assert_eq!(faults(&world), [AuditFault::RowUnsigned { id: 5 }]);
    restore();
    assert_eq!(faults(&world), []);

    // Sealed.
    world.authority.verify_otp(&name("user"), "abcdefgh").unwrap();
    let counted = newest();
    world.database.execute("DROP TABLE saved; CREATE TABLE saved AS SELECT * FROM audit");
    world.authority.verify_otp(&name("user"), "abcdefgh").unwrap();
    assert_eq!(seal(&world).made.len(), 1);
    let rows = verify(&world.authority).rows;
    world.database.execute("CREATE TABLE sealed AS SELECT * FROM audit");
    let restore = || world.database.execute("DELETE FROM audit; INSERT INTO audit SELECT * FROM sealed");
    let faults_after = |what: &str| {
        let found = faults(&world);
        restore();
        assert_eq!(faults(&world), [], "{what}");
        found
    };
    world.database.execute(&format!("DELETE FROM audit WHERE id = {id}"));
    let found = faults_after("removed");
    assert!(matches!(found[..], [AuditFault::RowsMissing { seal: 1, count: 1, .. }]), "{found:?}");
    world.database.execute(&format!(
        "INSERT INTO audit SELECT id + 1, at, account, device, event, actor, address, count, mac, reason FROM sealed
         WHERE id = {id}"
    ));
    let found = faults_after("inserted");
    let changed = AuditFault::RowChanged { id: id + 1 };
    assert!(
        matches!(&found[..], [first, AuditFault::RowsInserted { seal: 1, count: 1, .. }] if *first == changed),
        "{found:?}"
    );
    world.database.execute(&format!(
        "DELETE FROM audit WHERE id = {counted}; INSERT INTO audit SELECT * FROM saved WHERE id = {counted}"
    ));
    let found = faults_after("an older one put back");
    assert!(matches!(found[..], [AuditFault::RowsReplaced { seal: 1, .. }]), "{found:?}");
    world.database.execute("INSERT INTO audit (id, at, event, count) VALUES (-5, 5, 'code.sent', 1)");
    let found = faults_after("before the first");
    assert!(matches!(found[..], [AuditFault::RowsInserted { seal: 0, count: 1, .. }]), "{found:?}");
    world.database.execute(&format!("UPDATE audit SET event = 'pin.set' WHERE id = {id}"));
    // The sealing process sees it at its next tick.
    assert_eq!(world.authority.seal_audit().unwrap().faults, [AuditFault::RowChanged { id }]);
    assert_eq!(faults_after("changed"), [AuditFault::RowChanged { id }]);
    assert_eq!(verify(&world.authority).rows, rows);
}

#[test]
fn every_change_to_the_chain_is_told() {
    let world = world();
    let mut seals = Vec::new();
    for round in 0..3 {
        world.authority.add_account(&name(&format!("user{round}"))).unwrap();
        seals.extend(seal(&world).made);
    }
    assert_eq!(seals.iter().map(|seal| seal.number).collect::<Vec<_>>(), [1, 2, 3]);
    world.database.execute("CREATE TABLE saved AS SELECT * FROM audit_seals");
    world.database.execute("CREATE TABLE kept AS SELECT * FROM audit");
    let faults_after = |change: &str, expected: Option<(i64, &str)>| {
        world.database.execute(change);
        let found = world.authority.verify_audit(None, expected, |_| true).unwrap().faults;
        world.database.execute("DELETE FROM audit_seals; INSERT INTO audit_seals SELECT * FROM saved");
        world.database.execute("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
        found
    };
    for change in ["count = 0", "at = at + 1", "last_id = last_id + 1", "digest = mac", "previous = mac"] {
        let found = faults_after(&format!("UPDATE audit_seals SET {change} WHERE number = 2"), None);
        assert!(found.contains(&AuditFault::SealChanged { number: 2 }), "{change}: {found:?}");
    }
    let found = faults_after("DELETE FROM audit_seals WHERE number = 2", None);
    assert_eq!(found, [AuditFault::SealMissing { number: 2 }]);
    let found = faults_after("DELETE FROM audit_seals WHERE number = 1", None);
    assert!(found.contains(&AuditFault::SealMissing { number: 1 }), "{found:?}");
    // If a range at the end is removed with its rows, only the log and the process that saw the
    // range miss it.
    let tail = "DELETE FROM audit WHERE id > (SELECT last_id FROM audit_seals WHERE number = 2);
                DELETE FROM audit_seals WHERE number = 3";
    assert_eq!(faults_after(tail, None), []);
    let head = seals[2].head.as_str();
    assert_eq!(faults_after(tail, Some((3, head))), [AuditFault::Older { expected: 3, found: 2 }]);
    assert_eq!(faults_after("SELECT 1", Some((3, head))), []);
    assert_eq!(faults_after("SELECT 1", Some((3, &seals[1].head))), [AuditFault::SealChanged { number: 3 }]);
    world.database.execute(tail);
    assert_eq!(world.authority.seal_audit().unwrap().faults, [AuditFault::Older { expected: 3, found: 2 }]);
}

#[test]
fn a_boundary_that_somebody_wrote_is_none() {
    let world = world();
    some_rows(&world);
    world.authority.seal_audit().unwrap();
    world.database.execute("UPDATE meta SET value = (SELECT value FROM secrets LIMIT 1) WHERE name = 'audit.boundary'");
    let other = world.another_with(|options| options);
    other.add_account(&name("someone")).unwrap();
    assert_eq!(seal(&world).made.len(), 1);
    assert_eq!(faults(&world), []);
}

#[test]
fn whole_sealed_ranges_are_pruned_and_the_rest_is_still_a_chain() {
    const DAY: i64 = 24 * 3600;
    let world = world();
    for round in 0..3 {
        world.authority.add_account(&name(&format!("user{round}"))).unwrap();
        assert_eq!(seal(&world).made.len(), 1);
        world.clock.forward(10 * DAY);
    }
    world.authority.add_account(&name("new")).unwrap();
    let rows = verify(&world.authority).rows;
    assert_eq!(world.authority.prune(15).unwrap().audit, rows - 2);
    let check = verify(&world.authority);
    assert_eq!((check.faults, check.seals, check.rows), (vec![], 1, 2));
    // The newest seal stays, however old it is.
    assert_eq!(world.authority.prune(0).unwrap().audit, 0);
    assert_eq!(seal(&world).made[0].number, 4);
    world.clock.forward(DAY);
    assert_eq!(world.authority.prune(0).unwrap().audit, 1);
    assert_eq!(faults(&world), []);
    world.database.execute("DELETE FROM audit_seals");
    assert_eq!(faults(&world), [AuditFault::SealMissing { number: 4 }]);
}

#[test]
fn a_sealed_range_whose_rows_are_missing_or_younger_than_they_say_is_not_pruned() {
    const DAY: i64 = 24 * 3600;
    for change in
        ["DELETE FROM audit WHERE id <= (SELECT last_id FROM audit_seals WHERE number = 1)", "UPDATE audit SET at = -1"]
    {
        let world = world();
        for round in 0..3 {
            world.authority.add_account(&name(&format!("user{round}"))).unwrap();
            seal(&world);
        }
        world.database.execute(change);
        let found = faults(&world);
        assert!(!found.is_empty(), "{change}");
        world.clock.forward(500 * DAY);
        for days in [Some(400), None] {
            assert_eq!(world.authority.prune_while(days, || true).unwrap().audit, 0, "{change}");
        }
        assert_eq!(faults(&world), found, "{change}");
    }
}

/// Writes rows of an audit trail, each of another moment.
fn many_rows(world: &World, count: usize) {
    for number in 0..count {
        world.clock.forward(1);
        world.authority.add_account(&name(&format!("{}.{number}", world.events().len()))).unwrap();
    }
}

#[test]
fn a_trail_without_seals_keeps_its_newest_rows_and_each_call_does_a_bounded_part() {
    let world = world();
    world.database.execute("DELETE FROM audit");
    many_rows(&world, 450);
    assert_eq!(world.authority.tidy(400, 450).unwrap().audit, 0);
    let newest = world.authority.audit_log(None, None, 100).unwrap();
    // Pages of 200 rows: three of them remove all that is too much.
    assert_eq!(world.authority.tidy(400, 100).unwrap().audit, 350);
    assert_eq!(world.authority.audit_log(None, None, 1000).unwrap(), newest);
    assert_eq!(faults(&world), []);
    world.database.execute("UPDATE audit SET event = 'pin.set' WHERE id = (SELECT max(id) FROM audit)");
    assert_eq!(faults(&world).len(), 1);
    // Old rows go, whatever their number.
    world.clock.forward(401 * 24 * 3600);
    assert_eq!(world.authority.tidy(400, 1000).unwrap().audit, 100);
    assert_eq!(world.authority.tidy(400, 1000).unwrap().audit, 0);
}

#[test]
fn a_sealed_trail_loses_whole_sealed_ranges_beyond_its_newest_rows() {
    let world = world();
    for _ in 0..4 {
        many_rows(&world, 10);
        assert_eq!(seal(&world).made.len(), 1);
    }
    let rows = verify(&world.authority).rows;
    assert_eq!(world.authority.tidy(400, 25).unwrap().audit, rows - 30);
    let check = verify(&world.authority);
    assert_eq!((check.faults, check.seals, check.rows), (vec![], 3, 30));
    // The newest seal stays.
    assert_eq!(world.authority.tidy(400, 0).unwrap().audit, 20);
    assert_eq!(verify(&world.authority).faults, []);
    world.database.execute("DELETE FROM audit_seals");
    assert_eq!(faults(&world), [AuditFault::SealMissing { number: 4 }]);
}

#[test]
fn a_chain_outlives_the_old_master_key() {
    let world = world();
    some_rows(&world);
    seal(&world);
    let both = KeyRing::new(MasterKey::new(2, [9; 32])).with(MasterKey::new(1, MASTER)).unwrap();
    let rotated = world.another_with(|options| Options { master_key: both, ..options });
    while !rotated.rekey(100).unwrap().done {}
    let alone = world.another_with(|options| Options { master_key: MasterKey::new(2, [9; 32]).into(), ..options });
    let check = verify(&alone);
    assert_eq!((check.faults, check.seals), (vec![], 1));
}

#[test]
fn a_database_without_the_key_of_its_trail_is_not_opened() {
    let world = world();
    some_rows(&world);
    world.database.execute("DELETE FROM secrets WHERE name LIKE '%audit%'");
    assert!(Authority::open(world.options()).is_err());
}

#[test]
fn a_limit_skips_the_rows_of_older_seals_and_no_seal() {
    let world = world();
    for round in 0..3 {
        world.authority.add_account(&name(&format!("user{round}"))).unwrap();
        seal(&world);
    }
    let oldest = world.authority.audit_log(None, None, 1000).unwrap().pop().unwrap();
    world.database.execute(&format!("UPDATE audit SET event = 'pin.set' WHERE id = {}", oldest.id));
    let check = world.authority.verify_audit(Some(1), None, |_| true).unwrap();
    assert_eq!((check.seals, check.skipped, check.faults), (3, 2, vec![]));
    assert_eq!(faults(&world), [AuditFault::RowChanged { id: oldest.id }]);
}
