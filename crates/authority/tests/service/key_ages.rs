//! The ages of the keys in the database.

use authority::{Authority, Clock, KeyRing, MasterKey, Options, Policy};

use crate::database::TestDatabase;
use crate::world::{Inbox, MASTER, ManualClock, make_keys, open, options};

/// Returns the age of the key with this name.
fn age(authority: &Authority, name: &str) -> Option<i64> {
    let ages = authority.key_ages().unwrap();
    ages.iter().find(|age| age.name == name).unwrap_or_else(|| panic!("no {name} in {ages:?}")).made_at
}

fn names(authority: &Authority) -> Vec<String> {
    authority.key_ages().unwrap().into_iter().map(|age| age.name).collect()
}

#[test]
fn each_key_has_the_time_at_which_it_was_made() {
    let (database, clock) = (TestDatabase::empty(), ManualClock::default());
    let authority = open(&database, Policy::default(), &clock, &Inbox::default());
    let began = clock.now();
    assert_eq!(names(&authority), ["masterKey.1", "secret.pims-authority.audit.key"]);
    make_keys(&database);
    clock.forward(60);
    authority.secret("signing", || Ok(vec![1; 32])).unwrap();
    clock.forward(60);
    authority.secret("signing", || Ok(vec![2; 32])).unwrap();
    assert_eq!(
        names(&authority),
        [
            "masterKey.1",
            "serviceKey.factory",
            "serviceKey.device",
            "serviceKey.service",
            "secret.pims-authority.audit.key",
            "secret.signing"
        ]
        .map(str::to_owned)
    );
    for name in names(&authority) {
        let expected = if name == "secret.signing" { began + 60_000 } else { began };
        assert_eq!(age(&authority, &name), Some(expected), "{name}");
    }
}

#[test]
fn a_rotation_of_the_master_key_leaves_the_ages_of_the_others() {
    let (database, clock) = (TestDatabase::prepared(), ManualClock::default());
    let before = open(&database, Policy::default(), &clock, &Inbox::default());
    before.secret("signing", || Ok(vec![1; 32])).unwrap();
    let ages = before.key_ages().unwrap();
    let opened = |master_key: KeyRing| {
        Authority::open(Options { master_key, ..options(&database, Policy::default(), &clock, &Inbox::default()) })
            .unwrap()
    };
    clock.forward(3600);
    let both = opened(KeyRing::new(MasterKey::new(2, [9; 32])).with(MasterKey::new(1, MASTER)).unwrap());
    assert_eq!(age(&both, "masterKey.2"), Some(clock.now()));
    assert_eq!(age(&both, "masterKey.1"), ages[0].made_at);
    clock.forward(3600);
    while !both.rekey(100).unwrap().done {}
    let after = opened(MasterKey::new(2, [9; 32]).into());
    assert_eq!(after.key_ages().unwrap()[1..], ages[1..]);
    assert_eq!(after.key_ages().unwrap()[0].made_at, Some(clock.now() - 3_600_000));
    assert_eq!(names(&after)[0], "masterKey.2");
    assert!(!database.rows("meta").iter().any(|row| row.contains("masterKey.1")));
}

#[test]
fn a_key_of_an_earlier_release_and_a_changed_time_have_no_age() {
    let (old, state) = TestDatabase::of_fb07e63();
    let upgraded = crate::upgrade::open(&old, &state);
    assert_eq!(age(&upgraded, "serviceKey.factory"), None);
    // This release made the key of the audit trail.
    assert!(age(&upgraded, "secret.pims-authority.audit.key").is_some());

    let (database, clock) = (TestDatabase::empty(), ManualClock::default());
    let authority = open(&database, Policy::default(), &clock, &Inbox::default());
    authority.secret("one", || Ok(vec![1; 32])).unwrap();
    clock.forward(1);
    authority.secret("two", || Ok(vec![1; 32])).unwrap();
    database.execute(
        "UPDATE meta SET value = (SELECT value FROM meta WHERE name = 'madeAt.secret.two') WHERE name = 'madeAt.secret.one'",
    );
    assert_eq!((age(&authority, "secret.one"), age(&authority, "secret.two")), (None, Some(clock.now())));
}
