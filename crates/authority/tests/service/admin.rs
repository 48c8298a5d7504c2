//! The work of operators: accounts and devices, the audit trail, readiness, housekeeping.

use authority::{AccountName, CvsAnswer, CvsRequest, DeviceName, Policy, Purpose, Unblock, Verdict};

use crate::device::Device;
use crate::world::{NUMBER, World};

fn name(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}

#[test]
fn accounts_are_listed_page_by_page_in_the_order_of_their_names() {
    let world = World::new();
    for text in ["carol", "alice", "bob"] {
        assert!(world.authority.add_account(&name(text)).unwrap());
    }
    assert!(!world.authority.add_account(&name("bob")).unwrap());
    let list = |after: Option<&str>, limit| {
        let after = after.map(name);
        let found = world.authority.accounts(after.as_ref(), limit).unwrap();
        found.into_iter().map(|account| account.name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 2), ["alice", "bob"]);
    assert_eq!(list(Some("bob"), 2), ["carol"]);
    assert_eq!(list(Some("carol"), 2), [""; 0]);
    assert_eq!(list(None, 0), [""; 0]);
    assert_eq!(list(None, u32::MAX), ["alice", "bob", "carol"]);
}

#[test]
fn an_account_shows_how_it_stands() {
    let world = World::with(Policy { max_pin_tries: 2, evolve_k1_every: 0, ..Policy::default() });
    assert_eq!(world.authority.account(&name("user")).unwrap(), None);
    let account = world.account("user");
    let info = world.authority.account(&account).unwrap().unwrap();
    assert_eq!((info.phone_number.as_deref(), info.has_pin, info.devices), (Some(NUMBER), false, 0));

    let device = Device::activate(&world, &account, "1234");
    device.ask(&world.authority, "9999");
    let info = world.authority.account(&account).unwrap().unwrap();
    assert_eq!((info.has_pin, info.devices, info.pin_tries, info.blocked), (true, 1, 1, false));
    device.ask(&world.authority, "9999");
    let info = world.authority.account(&account).unwrap().unwrap();
    assert_eq!((info.pin_tries, info.blocked), (2, true));
    assert_eq!(world.authority.accounts(None, 10).unwrap(), [info]);
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::NotBlocked);
    device.ask(&world.authority, "1234").ok();
}

#[test]
fn devices_show_when_they_were_made_and_used() {
    let world = World::new();
    let account = world.account("user");
    let first = Device::activate(&world, &account, "1234");
    world.clock.forward(60);
    let second = Device::activate(&world, &account, "1234");
    world.clock.forward(60);
    first.made(&world.authority, "1234");
    let devices = world.authority.devices(&account).unwrap();
    let ids: Vec<&str> = devices.iter().map(|device| device.id.as_str()).collect();
    assert_eq!(ids, [&second.id, &first.id]);
    assert_eq!(devices[1].serial, first.serial.as_str());
    assert_eq!(devices[1].name, "Android SDK / test");
    assert_eq!(devices[0].used_at, Some(devices[0].made_at));
    assert_eq!(devices[1].used_at, Some(devices[1].made_at + 120_000));
    assert_eq!(world.authority.devices(&name("unknown")).unwrap(), []);
}

#[test]
fn a_device_is_removed_from_its_own_account_alone() {
    let world = World::new();
    let (account, other) = (world.account("user"), world.account("other"));
    let device = Device::activate(&world, &account, "1234");
    assert!(!world.authority.remove_device(&other, &device.id).unwrap());
    // A text that no database accepts is no id either.
    for odd in ["", "\0", &format!("{}\0", device.id), "\u{85}"] {
        assert!(!world.authority.remove_device(&account, odd).unwrap(), "{odd:?}");
    }
    assert!(world.authority.remove_device(&account, &device.id).unwrap());
    assert!(!world.authority.remove_device(&account, &device.id).unwrap());
    assert_eq!(device.status(&world.authority), "NOK:NODEVICE");
}

#[test]
fn a_device_is_named_by_its_id_or_by_the_beginning_that_its_account_sees() {
    let world = World::new();
    let account = world.account("user");
    let devices = [(); 3].map(|()| Device::activate(&world, &account, "1234"));
    let info = world.authority.devices(&account).unwrap();
    for info in &info {
        assert!(info.short_id.len() >= 8 && info.id.starts_with(&info.short_id), "{info:?}");
        assert_eq!(info.keystore, None);
    }
    let name = DeviceName::new("Phone").unwrap();
    for text in [&devices[0].id[..], &devices[1].id[..8], &devices[2].id[..15]] {
        assert!(world.authority.rename_device(&account, text, &name).unwrap(), "{text}");
    }
    assert!(!world.authority.rename_device(&account, &devices[0].id[..7], &name).unwrap());
    let names: Vec<String> = world.authority.devices(&account).unwrap().into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["Phone"; 3]);
    assert_eq!(world.count("device.renamed"), 3);
    for device in &devices {
        device.ask(&world.authority, "1234").ok();
    }
}

#[test]
fn a_removed_account_takes_everything_along_but_its_audit_trail() {
    let world = World::new();
    let (account, other) = (world.account("user"), world.account("other"));
    let device = Device::activate(&world, &account, "1234");
    let password = device.made(&world.authority, "1234");
    let removed = Device::activate(&world, &account, "1234");
    removed.remove(&world.authority).ok();
    device.setup(&world.authority, "otp", &[("sid", "7001")]).ok();
    let token = world.token(&account, &device);
    world.code(&account, Purpose::ResetPin);
    let others = Device::activate(&world, &other, "1234");

    assert!(world.authority.remove_account(&account).unwrap());
    assert!(!world.authority.remove_account(&account).unwrap());
    assert_eq!(world.authority.account(&account).unwrap(), None);
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none());
    assert_eq!(device.status(&world.authority), "NOK:NODEVICE");
    for row in world.rows(&["accounts", "devices", "codes", "code_requests", "passwords"]) {
        assert!(!row.contains("\"user\"") && !row.contains(&device.id) && !row.contains(&removed.id), "{row}");
    }
    let trail = world.authority.audit_log(Some(&account), None, 1000).unwrap();
    assert!(trail.iter().any(|entry| entry.event == "account.removed"));
    others.ask(&world.authority, "1234").ok();
}

#[test]
fn the_audit_trail_is_read_backwards_page_by_page() {
    let world = World::new();
    let account = world.account("user");
    world.account("other");
    let device = Device::activate(&world, &account, "1234");
    device.ask(&world.authority, "9999");
    let all = world.authority.audit_log(None, None, 1000).unwrap();
    assert!(all.windows(2).all(|pair| pair[0].id > pair[1].id));
    let events: Vec<&str> = all.iter().rev().map(|entry| entry.event.as_str()).collect();
    assert_eq!(events, world.events());
    let of_user = world.authority.audit_log(Some(&account), None, 1000).unwrap();
    assert!(of_user.len() < all.len() && of_user.iter().all(|entry| entry.account.as_deref() == Some("user")));
    assert_eq!((of_user[0].event.as_str(), of_user[0].device.as_deref()), ("pin.refused", Some(device.id.as_str())));

    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let page = world.authority.audit_log(Some(&account), before, 3).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        paged.extend(page);
    }
    assert_eq!(paged, of_user);
}

#[test]
fn a_ping_writes_and_leaves_nothing() {
    let world = World::new();
    let before = world.rows(&["meta"]);
    world.authority.ping().unwrap();
    assert_eq!(world.rows(&["meta"]), before);
}

#[test]
fn pruning_removes_what_is_over_and_nothing_else() {
    const DAY: i64 = 24 * 3600;
    let world = World::new();
    let account = world.account("user");
    world.account("idle");
    let device = Device::activate(&world, &account, "1234");
    Device::activate(&world, &account, "1234").remove(&world.authority).ok();
    device.made(&world.authority, "1234");
    let token = world.token(&account, &device);
    world.clock.forward(10 * DAY);
    let live = device.made(&world.authority, "1234");
    let code = world.code(&account, Purpose::ResetPin);

    let kept = world.authority.prune(11).unwrap();
    assert_eq!((kept.audit, kept.tombstones, kept.tokens), (0, 0, 0));
    // Two codes of the account and one of the idle account, which asked for none since.
    assert_eq!((kept.codes, kept.code_requests), (3, 1));
    let pruned = world.authority.prune(9).unwrap();
    assert!(pruned.audit > 5);
    assert_eq!((pruned.tombstones, pruned.passwords, pruned.tokens, pruned.codes), (1, 0, 0, 0));
    let left = world.authority.audit_log(None, None, 1000).unwrap();
    assert!(
        !left.is_empty()
            && left.iter().all(|entry| entry.event.starts_with("password.") || entry.event.starts_with("code."))
    );

    assert_eq!(world.authority.verify_otp(&account, &live).unwrap(), Verdict::Accepted);
    let (_, token) = world.authority.rotate_refresh_token(&token).unwrap().unwrap();
    device.reset_pin(&world.authority, &code, "4321").ok();
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none());
    let other = world.account("other");
    let token = world.token(&other, &Device::activate(&world, &other, "1234"));
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_some());
    world.clock.forward(60 * DAY);
    assert_eq!(world.authority.prune(9).unwrap().tokens, 2);
    assert_eq!(world.cvs(&account, CvsRequest::TrustedPhoneNumber), CvsAnswer::PhoneNumber(NUMBER.into()));
}

#[test]
fn pruning_goes_through_all_accounts() {
    let world = World::new();
    for number in 0..450 {
        let account = name(&format!("user{number}"));
        if number % 90 == 0 {
            world.account(account.as_str());
            world.token(&account, &Device::activate(&world, &account, "1234"));
        }
        // Each adds a line to the audit trail.
        world.authority.add_account(&account).unwrap();
        world.authority.verify_otp(&account, "aaaaaaaa").unwrap();
    }
    world.clock.forward(31 * 24 * 3600);
    let begun = std::cell::Cell::new(0);
    let first = world.authority.prune_while(Some(1), || begun.replace(begun.get() + 1) < 1).unwrap();
    assert!((1..900).contains(&first.audit) && first.tokens == 0);
    let pruned = world.authority.prune(1).unwrap();
    assert_eq!(pruned.tokens, 5);
    assert!(first.audit + pruned.audit >= 900);
    assert_eq!(world.authority.audit_log(None, None, 1000).unwrap(), []);
    assert_eq!(world.authority.accounts(None, 1000).unwrap().len(), 450);
}
