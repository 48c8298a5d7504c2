//! The devices of an account: their list, their names, and the removal of one of them, by a device
//! and by an app with the account's token.

use std::time::Duration;

use authority::{
    AccountName, Authority, ClonePolicy, CvsAnswer, CvsRefusal, CvsRequest, DeviceEntry, DeviceName, Keystore, Policy,
    Purpose, Verdict,
};
use inwebo::mode::Mode;
use inwebo::values::{K0, bound_challenge};

use crate::device::{Answer, Device, Keys, activation, pin, serial, setup};
use crate::world::{STATE, World};

/// The account of a test, with three devices and a stranger.
struct Family {
    world: World,
    account: AccountName,
    devices: [Device; 3],
    stranger: Device,
}

impl Family {
    fn new() -> Self {
        Self::with(Policy { evolve_k1_every: 0, ..Policy::default() })
    }

    fn with(policy: Policy) -> Self {
        let world = World::with(policy);
        let (account, other) = (world.account("user"), world.account("other"));
        let stranger = Device::activate(&world, &other, "1234");
        let devices = std::array::from_fn(|_| {
            world.clock.forward(60);
            Device::activate(&world, &account, "1234")
        });
        Self { world, account, devices, stranger }
    }

    fn service(&self) -> &Authority {
        &self.world.authority
    }

    fn entries(&self) -> Vec<DeviceEntry> {
        entries(&self.world, &self.account)
    }

    /// Returns the rows of the audit trail for an event: actor and device.
    fn audited(&self, event: &str) -> Vec<(String, String)> {
        let rows = self.service().audit_log(Some(&self.account), None, 1000).unwrap();
        let rows = rows.into_iter().filter(|row| row.event == event);
        rows.map(|row| (row.actor.unwrap(), row.device.unwrap())).collect()
    }

    /// Returns texts that name no device of the account.
    fn strange_ids(&self) -> Vec<String> {
        let own = &self.devices[1].id;
        let mut ids = vec![
            self.stranger.id.clone(),
            short(&self.stranger).to_owned(),
            "a000000000000000".to_owned(),
            own[..7].to_owned(),
            format!("{own}0"),
            format!(" {own}"),
            format!("{own} "),
            format!("{} ", short(&self.devices[1])),
            own[1..].to_owned(),
            own.to_uppercase(),
            String::new(),
            "%".repeat(8),
            "_".repeat(16),
            "é".repeat(8),
            "'; DROP TABLE devices; --".to_owned(),
            "x".repeat(2000),
        ];
        // An id without letters has no upper case.
        ids.retain(|id| id != own);
        ids
    }
}

fn entries(world: &World, account: &AccountName) -> Vec<DeviceEntry> {
    match world.cvs(account, CvsRequest::Devices) {
        CvsAnswer::Devices(entries) => entries,
        other => panic!("{other:?}"),
    }
}

fn short(device: &Device) -> &str {
    &device.id[..8]
}

fn name(text: &str) -> DeviceName {
    DeviceName::new(text).unwrap()
}

#[test]
fn a_device_sees_the_devices_of_its_account_and_no_other() {
    let Family { world, account, devices, stranger } = Family::new();
    world.clock.forward(60);
    devices[0].made(&world.authority, "1234");
    let answer = devices[1].list(&world.authority).ok();
    let listed = answer.elements("device");
    // The newest comes first.
    let ids: Vec<&str> = listed.iter().map(|device| device.get("id")).collect();
    assert_eq!(ids, [short(&devices[2]), short(&devices[1]), short(&devices[0])]);
    let own: Vec<Option<&str>> = listed.iter().map(|device| device.find("self")).collect();
    assert_eq!(own, [None, Some("1"), None]);
    for device in &listed {
        assert_eq!((device.get("name"), device.find("keystore")), ("Android SDK / test", None));
    }
    let info = world.authority.devices(&account).unwrap();
    for (listed, info) in listed.iter().zip(&info) {
        assert_eq!(listed.get("since"), info.made_at.to_string());
        assert_eq!(listed.find("used").map(str::to_owned), info.used_at.map(|used| used.to_string()));
        assert_eq!(listed.get("id"), info.short_id);
    }
    assert_eq!(info[2].used_at, Some(info[2].made_at + 180_000));
    assert!(!format!("{answer:?}").contains(short(&stranger)));
    // An app sees the same, and none of them is itself.
    let entries = entries(&world, &account);
    assert!(entries.iter().all(|entry| !entry.is_self));
    for (entry, listed) in entries.iter().zip(&listed) {
        assert_eq!((entry.id.as_str(), entry.since.to_string().as_str()), (listed.get("id"), listed.get("since")));
    }
    assert_eq!(entries.len(), 3);
    // The list changes nothing but the challenge.
    let before = world.rows(&["accounts", "device_traits", "audit"]);
    devices[1].list(&world.authority).ok();
    assert_eq!(world.rows(&["accounts", "device_traits", "audit"]), before);
}

#[test]
fn an_account_without_devices_has_an_empty_list_and_is_not_made_by_it() {
    let world = World::new();
    let nobody = AccountName::new("nobody").unwrap();
    assert_eq!(entries(&world, &nobody), []);
    let request = CvsRequest::RemoveDevice { device: "a000000000000000" };
    assert_eq!(world.cvs(&nobody, request), CvsAnswer::Refused(CvsRefusal::NoSuchDevice));
    assert_eq!(world.authority.account(&nobody).unwrap(), None);
}

#[test]
fn only_the_device_itself_gets_the_list() {
    let family = Family::new();
    let copy = Device { k0: K0::new([0; 16]), ..family.devices[0].clone() };
    assert_eq!(copy.list(family.service()).err(), "NOK:ACCESS");
    // A challenge is used once, and one of another mode is none of this one.
    let device = &family.devices[0];
    let challenge = device.setup(family.service(), "devices", &[]).ok().get("challenge").to_owned();
    let list = || {
        let r0 = inwebo::values::Proofs::without_pin(&challenge, &device.serial, &device.k0).r0;
        let request = crate::device::finalize("devices", &device.id, &[("R0", &r0)]);
        Answer::of(family.service(), None, &request).err().to_owned()
    };
    assert_eq!((list().as_str(), list().as_str()), ("OK", "NOK:STATE"));
    let challenge = device.setup(family.service(), "remove", &[]).ok().get("challenge").to_owned();
    let r0 = inwebo::values::Proofs::without_pin(&challenge, &device.serial, &device.k0).r0;
    let request = crate::device::finalize("devices", &device.id, &[("R0", &r0)]);
    assert_eq!(Answer::of(family.service(), None, &request).err(), "NOK:STATE");
}

#[test]
fn a_device_gives_itself_and_others_a_name() {
    let family = Family::new();
    let [first, second, third] = &family.devices;
    first.rename_device(family.service(), "1234", short(second), "Ana\u{2019}s <b>phone</b> & \"co\"").ok();
    first.rename_device(family.service(), "1234", &first.id, "Mine").ok();
    first.rename_device(family.service(), "1234", &third.id[..12], "  電話 ").ok();
    let names: Vec<String> = family.entries().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["電話", "Ana\u{2019}s <b>phone</b> & \"co\"", "Mine"]);
    // It is text, and no markup, in the answer of the exchange.
    let answer = second.list(family.service()).ok();
    let listed = answer.elements("device");
    assert_eq!(listed[1].get("name"), "Ana\u{2019}s &lt;b&gt;phone&lt;/b&gt; &amp; &quot;co&quot;");
    let actor = format!("device:{}", first.id);
    let renamed = [third, first, second].map(|device| (actor.clone(), device.id.clone()));
    assert_eq!(family.audited("device.renamed"), renamed);
    // No name is in the trail.
    let trail = family.world.rows(&["audit"]).join("\n");
    assert!(!trail.contains("phone</b>") && !trail.contains("Mine") && !trail.contains("電話"));
    // Every device works on.
    for device in &family.devices {
        device.ask(family.service(), "1234").ok();
    }
}

#[test]
fn an_app_and_an_operator_name_and_remove_devices_too() {
    let family = Family::new();
    let [first, second, third] = &family.devices;
    let request = CvsRequest::RenameDevice { device: short(first), name: &name("By the app") };
    assert_eq!(family.world.cvs(&family.account, request), CvsAnswer::Done);
    let service = family.service();
    assert!(service.rename_device(&family.account, short(second), &name("By the operator")).unwrap());
    let names: Vec<String> = family.entries().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["Android SDK / test", "By the operator", "By the app"]);
    let request = CvsRequest::RemoveDevice { device: short(second) };
    assert_eq!(family.world.cvs(&family.account, request), CvsAnswer::Done);
    assert_eq!(second.status(service), "NOK:NODEVICE");
    assert!(service.remove_device(&family.account, short(first)).unwrap());
    assert_eq!(first.status(service), "NOK:NODEVICE");
    third.ask(service, "1234").ok();
    assert_eq!(family.entries().len(), 1);
    let host = |device: &Device| ("host".to_owned(), device.id.clone());
    assert_eq!(family.audited("device.renamed"), [host(second), host(first)]);
    assert_eq!(family.audited("device.removed"), [host(first), host(second)]);
    // The PIN stays, and a new device needs it.
    let code = family.world.code(&family.account, Purpose::Enrollment);
    let begun = Answer::of(service, Some(&family.account), &setup("activate", "", &[("code", &code)])).ok();
    assert_eq!(begun.get("pinmode"), "1");
}

#[test]
fn a_device_ends_another_one_with_all_that_came_from_it() {
    let family = Family::new();
    let ([first, second, third], service) = (&family.devices, family.service());
    let password = second.made(service, "1234");
    let token = family.world.token(&family.account, second);
    let (own, own_token) = (first.made(service, "1234"), family.world.token(&family.account, first));
    first.remove_device(service, "1234", short(second)).ok();
    assert_eq!(second.status(service), "NOK:NODEVICE");
    for mode in ["otp", "password", "synchro", "remove", "devices", "renamedevice", "removedevice"] {
        assert_eq!(second.setup(service, mode, &[("sid", "7001")]).err(), "NOK:NODEVICE", "{mode}");
    }
    assert_eq!(service.verify_otp(&family.account, &password).unwrap(), Verdict::Refused);
    assert!(service.rotate_refresh_token(&token).unwrap().is_none());
    assert_eq!(service.verify_otp(&family.account, &own).unwrap(), Verdict::Accepted);
    assert!(service.rotate_refresh_token(&own_token).unwrap().is_some());
    third.ask(service, "1234").ok();
    assert_eq!(family.entries().len(), 2);
    let removed = [(format!("device:{}", first.id), second.id.clone())];
    assert_eq!(family.audited("device.removed"), removed);
}

#[test]
fn a_device_that_ends_itself_is_unknown_and_the_others_are_not() {
    let family = Family::new();
    let ([first, second, third], service) = (&family.devices, family.service());
    let password = first.made(service, "1234");
    first.remove_device(service, "1234", short(first)).ok();
    assert_eq!(first.status(service), "NOK:NODEVICE");
    assert_eq!(first.remove_device(service, "1234", short(first)).err(), "NOK:NODEVICE");
    assert_eq!(first.list(service).err(), "NOK:NODEVICE");
    assert_eq!(service.verify_otp(&family.account, &password).unwrap(), Verdict::Refused);
    for device in [second, third] {
        device.ask(service, "1234").ok();
    }
    assert_eq!(family.audited("device.removed"), [(format!("device:{}", first.id), first.id.clone())]);
    // The last one ends as well, and the account stays as it is.
    second.remove_device(service, "1234", &third.id).ok();
    second.remove_device(service, "1234", &second.id).ok();
    let info = service.account(&family.account).unwrap().unwrap();
    assert_eq!((info.devices, info.has_pin, info.blocked), (0, true, false));
}

#[test]
fn a_text_that_names_no_device_of_the_account_gets_one_answer() {
    let family = Family::new();
    let ([first, second, third], service) = (&family.devices, family.service());
    second.remove_device(service, "1234", &third.id).ok();
    let mut ids = family.strange_ids();
    // A removed device is none.
    ids.extend([third.id.clone(), short(third).to_owned()]);
    // `STATE` without the challenges, which a request uses up.
    let tables: Vec<&str> = STATE.into_iter().filter(|table| *table != "devices").collect();
    let (before, events) = (family.world.rows(&tables), family.world.events());
    let of_devices = || -> Vec<_> {
        let accounts =
            [&family.account, &AccountName::new("other").unwrap()].map(|name| service.devices(name).unwrap());
        accounts.into_iter().flatten().map(|info| (info.id, info.name, info.suspended)).collect()
    };
    let devices = of_devices();
    for id in &ids {
        let removal = first.remove_device(service, "1234", id);
        let renaming = first.rename_device(service, "1234", id, "Phone");
        let expected =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ActionFinalize><err>NOK:DEVICEID</err></ActionFinalize>";
        for answer in [removal, renaming] {
            assert_eq!(format!("{answer:?}"), format!("Answer({expected:?})"), "{id}");
        }
        let name = name("Phone");
        for request in [CvsRequest::RemoveDevice { device: id }, CvsRequest::RenameDevice { device: id, name: &name }] {
            let answer = family.world.cvs(&family.account, request);
            assert_eq!(answer, CvsAnswer::Refused(CvsRefusal::NoSuchDevice), "{id}");
        }
        assert!(!service.remove_device(&family.account, id).unwrap(), "{id}");
        assert!(!service.rename_device(&family.account, id, &name).unwrap(), "{id}");
    }
    assert_eq!(of_devices(), devices);
    assert_eq!(family.world.rows(&tables), before);
    assert_eq!(family.world.events(), events);
    family.stranger.ask(service, "1234").ok();
}

#[test]
fn a_wrong_pin_is_charged_and_shows_nothing_of_the_target() {
    let family = Family::new();
    let ([first, second, _], service) = (&family.devices, family.service());
    let left = |answer: Answer| (answer.err().to_owned(), answer.attempts_left());
    for (target, tries) in [(second.id.as_str(), 4), (family.stranger.id.as_str(), 3), ("", 2)] {
        assert_eq!(left(first.remove_device(service, "9999", target)), ("NOK:ACCESS".to_owned(), Some(tries)));
    }
    let renamed = first.rename_device(service, "9999", &second.id, "Phone");
    assert_eq!(left(renamed), ("NOK:ACCESS".to_owned(), Some(1)));
    // A right PIN reports and forgives them, also beside a target that is none.
    assert_eq!(first.rename_device(service, "1234", "", "Phone").err(), "NOK:DEVICEID");
    let answer = first.rename_device(service, "1234", &second.id, "Phone").ok();
    assert_eq!(answer.get("wrongPins"), "4");
    assert_eq!(service.account(&family.account).unwrap().unwrap().pin_tries, 0);
    assert_eq!(family.world.count("pin.refused"), 4);
}

#[test]
fn a_device_of_a_blocked_account_lists_and_changes_nothing() {
    let family = Family::with(Policy { max_pin_tries: 1, evolve_k1_every: 0, ..Policy::default() });
    let ([first, second, third], service) = (&family.devices, family.service());
    // Before the block, and after it.
    let challenge = first.setup(service, "removedevice", &[]).ok().get("challenge").to_owned();
    assert_eq!(third.ask(service, "9999").err(), "NOK:NOK_BLOCKED");
    assert_eq!(first.list(service).ok().elements("device").len(), 3);
    assert_eq!(first.finish_removal(service, &challenge, "1234", &second.id).err(), "NOK:NOK_BLOCKED");
    assert_eq!(first.remove_device(service, "1234", &second.id).err(), "NOK:NOK_BLOCKED");
    assert_eq!(first.rename_device(service, "1234", &second.id, "Phone").err(), "NOK:NOK_BLOCKED");
    assert!(family.entries().iter().all(|entry| entry.name == "Android SDK / test"));
    // The account's own token may: the block is against guesses of the PIN.
    let request = CvsRequest::RemoveDevice { device: &third.id };
    assert_eq!(family.world.cvs(&family.account, request), CvsAnswer::Done);
    assert!(service.account(&family.account).unwrap().unwrap().blocked);
}

#[test]
fn a_suspended_device_lists_and_changes_nothing() {
    let world = World::with(Policy { clone: ClonePolicy::Suspend, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let other = Device::activate(&world, &account, "1234");
    let copy = Device::activate(&world, &account, "1234");
    let device = copy.clone().synchronized(&world.authority, "1234");
    device.ask(&world.authority, "1234").ok();
    assert_eq!(copy.ask(&world.authority, "1234").err(), "NOK:STATE");
    assert_eq!(device.list(&world.authority).ok().elements("device").len(), 2);
    let refused = device.remove_device(&world.authority, "1234", &other.id);
    assert_eq!((refused.err(), refused.get("reason")), ("NOK:STATE", "secondCopy"));
    assert_eq!(device.rename_device(&world.authority, "1234", &other.id, "Phone").err(), "NOK:STATE");
    // Another device of the account ends it.
    other.remove_device(&world.authority, "1234", &device.id).ok();
    assert_eq!(device.status(&world.authority), "NOK:NODEVICE");
}

/// The proofs cover the target and the name: a request with others is not the device's.
#[test]
fn another_target_or_name_than_the_proven_one_is_refused_and_costs_no_try() {
    let family = Family::new();
    let ([first, second, third], service) = (&family.devices, family.service());
    let challenge = |mode: &str| first.setup(service, mode, &[]).ok().get("challenge").to_owned();
    let removal = |bound: &str, sent: &str| {
        let challenge = bound_challenge(&challenge("removedevice"), Mode::RemoveDevice, bound, "");
        first.finalize(service, "removedevice", &first.proofs(&challenge, "1234"), &[("device", sent)])
    };
    let renaming = |bound: (&str, &str), sent: (&str, &str)| {
        let challenge = bound_challenge(&challenge("renamedevice"), Mode::RenameDevice, bound.0, bound.1);
        let more = [("device", sent.0), ("name", sent.1)];
        first.finalize(service, "renamedevice", &first.proofs(&challenge, "1234"), &more)
    };
    let (own, other) = (second.id.as_str(), third.id.as_str());
    for answer in [
        removal(own, other),
        removal(own, short(second)),
        renaming((own, "Phone"), (other, "Phone")),
        renaming((own, "Phone"), (own, "Tablet")),
        renaming((own, "Phone"), (own, "Phone ")),
    ] {
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", None));
    }
    // A proof over the challenge alone proves no target.
    let bare = challenge("removedevice");
    let answer = first.finalize(service, "removedevice", &first.proofs(&bare, "1234"), &[("device", own)]);
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", None));
    // The proof of a removal is none of a renaming.
    let crossed = bound_challenge(&challenge("renamedevice"), Mode::RemoveDevice, own, "Phone");
    let more = [("device", own), ("name", "Phone")];
    assert_eq!(first.finalize(service, "renamedevice", &first.proofs(&crossed, "1234"), &more).err(), "NOK:ACCESS");
    assert_eq!(service.account(&family.account).unwrap().unwrap().pin_tries, 0);
    assert_eq!(family.entries().len(), 3);
    removal(own, own).ok();
    renaming((other, "Phone"), (other, "Phone")).ok();
}

#[test]
fn a_device_whose_k1_is_stale_synchronizes_first() {
    let family = Family::new();
    let ([first, second, _], service) = (&family.devices, family.service());
    second.change_pin(service, "1234", "8462").ok();
    // It hides its K1 under the old PIN.
    assert_eq!(first.remove_device(service, "8462", &second.id).err(), "NOK:DESYNCHRONIZED");
    assert_eq!(first.rename_device(service, "8462", &second.id, "Phone").err(), "NOK:DESYNCHRONIZED");
    assert_eq!(family.entries().len(), 3);
    let first = first.clone().synchronized(service, "8462");
    first.rename_device(service, "8462", &second.id, "Phone").ok();
    first.remove_device(service, "8462", &second.id).ok();
}

#[test]
fn a_pending_k1_is_adopted_by_a_renaming_of_the_device_itself() {
    let world = World::with(Policy { evolve_k1_every: 1, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let (device, _) = device.logs_in(&world.authority, "1234").unwrap();
    let crate::device::Password::Again(evolved) = device.password(&world.authority, "1234") else {
        panic!("K1 does not evolve")
    };
    evolved.rename_device(&world.authority, "1234", &device.id, "Phone").ok();
    assert_eq!(entries(&world, &account)[0].name, "Phone");
    // The row has the new K1, and the name did not put the old one back.
    assert_eq!(world.count("device.k1.evolved"), 2);
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:DESYNCHRONIZED");
    evolved.logs_in(&world.authority, "1234").unwrap();
}

#[test]
fn a_name_that_is_none_is_refused_before_any_lookup() {
    let family = Family::new();
    let ([first, second, _], service) = (&family.devices, family.service());
    let events = family.world.events();
    for bad in ["", " ", "a\u{202e}b", "a\u{2066}b", "\u{200b}", &"é".repeat(65)] {
        assert_eq!(first.rename_device(service, "1234", &second.id, bad).err(), "NOK:SN", "{bad:?}");
    }
    assert_eq!(family.world.events(), events);
    let answer = first.setup(service, "renamedevice", &[]).ok();
    let proofs = first.proofs(answer.get("challenge"), "1234");
    for missing in [&[("device", second.id.as_str())][..], &[("name", "Phone")], &[]] {
        assert_eq!(first.finalize(service, "renamedevice", &proofs, missing).err(), "NOK:SN", "{missing:?}");
    }
    assert_eq!(first.finalize(service, "removedevice", &proofs, &[]).err(), "NOK:SN");
    first.rename_device(service, "1234", &second.id, &"é".repeat(64)).ok();
}

#[test]
fn a_device_tells_where_its_storage_key_is_or_tells_nothing() {
    let world = World::new();
    let account = world.account("user");
    let told = |more: &str| {
        world.clock.forward(1);
        let code = world.code(&account, Purpose::Enrollment);
        Device::activate_telling(&world, &account, &code, "1234", more)
    };
    let devices = ["", "&keystore=software", "&keystore=hardware"].map(told);
    let expected = [Some(Keystore::Hardware), Some(Keystore::Software), None];
    let keystores: Vec<Option<Keystore>> = entries(&world, &account).iter().map(|entry| entry.keystore).collect();
    assert_eq!(keystores, expected);
    let info = world.authority.devices(&account).unwrap();
    assert_eq!(info.iter().map(|info| info.keystore).collect::<Vec<_>>(), expected);
    let answer = devices[0].list(&world.authority).ok();
    let words: Vec<Option<String>> =
        answer.elements("device").iter().map(|device| device.find("keystore").map(str::to_owned)).collect();
    assert_eq!(words, [Some("hardware".to_owned()), Some("software".to_owned()), None]);

    let code = world.code(&account, Purpose::Enrollment);
    let keys =
        Keys::read(&Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok());
    let before = world.rows(&STATE);
    for bad in ["", "Hardware", "hardware%20", "none"] {
        let request = activation(&keys, &code, &pin("1234"), &serial(), None) + "&keystore=" + bad;
        assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:SN", "{bad}");
    }
    assert_eq!(world.rows(&STATE), before);
    // Nothing of it stays with a removed device.
    devices[0].remove_device(&world.authority, "1234", &devices[2].id).ok();
    let kept = world.database.column("SELECT id FROM devices WHERE keystore IS NOT NULL OR keystore_mac IS NOT NULL");
    assert_eq!(kept, [devices[1].id.clone()]);
    assert_eq!(world.authority.verify_rows(|_| true).unwrap().altered, 0);
}

/// The account has its maximum number of devices. Its app removes one, and goes on with the code.
#[test]
fn a_code_stays_good_while_its_account_makes_room() {
    let world = World::with(Policy { max_devices: 2, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let [first, second] = [(); 2].map(|()| Device::activate(&world, &account, "1234"));
    let code = world.code(&account, Purpose::Enrollment);
    let sent = world.inbox.len();
    let keys =
        Keys::read(&Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok());
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:MAXNBTOOLS");
    // More time than a setup step lasts, and less than a code.
    world.clock.forward(400);
    let oldest = entries(&world, &account).pop().unwrap();
    let request = CvsRequest::RemoveDevice { device: &oldest.id };
    assert_eq!(world.cvs(&account, request), CvsAnswer::Done);
    let device = Device::activate_with(&world, &account, &code, "1234");
    assert_eq!(world.inbox.len(), sent, "no SMS was sent");
    let alive = [&first, &second, &device].map(|device| device.status(&world.authority) != "NOK:NODEVICE");
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 2);
    assert!(alive[2]);
}

/// Each answer is one that some order of the requests gives, and nothing is left of the device.
#[test]
fn a_device_that_works_while_it_is_removed_ends_wholly() {
    let family = Family::new();
    let ([first, second, third], service) = (&family.devices, family.service());
    let worked = std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let mut words = Vec::new();
            // It works until it learns that it is gone.
            while words.last().is_none_or(|word| word == "OK") {
                words.push(second.ask(service, "1234").err().to_owned());
                // On PostgreSQL a removal that meets a changed row begins anew.
                std::thread::sleep(Duration::from_millis(2));
            }
            words
        });
        let others = scope.spawn(|| (0..5).for_each(|_| drop(third.ask(service, "1234").ok())));
        first.remove_device(service, "1234", &second.id).ok();
        others.join().unwrap();
        work.join().unwrap()
    });
    assert_eq!(worked.last().map(String::as_str), Some("NOK:NODEVICE"), "{worked:?}");
    let left = family.world.database.column(&format!("SELECT device FROM passwords WHERE device = '{}'", second.id));
    assert_eq!(left, [""; 0]);
    assert_eq!(service.verify_rows(|_| true).unwrap().altered, 0);
    assert_eq!(family.audited("device.removed").len(), 1);
}

#[test]
fn of_two_devices_that_remove_each_other_at_once_one_stays() {
    let family = Family::new();
    let service = family.service();
    let [first, second, keeper] = &family.devices;
    let words = std::thread::scope(|scope| {
        let one = scope.spawn(|| first.remove_device(service, "1234", &second.id).err().to_owned());
        let other = scope.spawn(|| second.remove_device(service, "1234", &first.id).err().to_owned());
        [one.join().unwrap(), other.join().unwrap()]
    });
    let mut sorted = words.clone();
    sorted.sort();
    assert_eq!(sorted, ["NOK:NODEVICE", "OK"], "{words:?}");
    assert_eq!(family.entries().len(), 2);
    keeper.ask(service, "1234").ok();
}

#[test]
fn a_device_is_removed_once_however_many_ask_at_once() {
    let family = Family::new();
    let ([first, second, third], service) = (&family.devices, family.service());
    let answers: Vec<bool> = std::thread::scope(|scope| {
        let by_app = || {
            let request = CvsRequest::RemoveDevice { device: &second.id };
            service.cvs(&family.account, &request).unwrap() == CvsAnswer::Done
        };
        let by_operator = || service.remove_device(&family.account, short(second)).unwrap();
        let by_device = |device: &Device| match device.remove_device(service, "1234", &second.id).err() {
            "OK" => true,
            word => {
                assert_eq!(word, "NOK:DEVICEID");
                false
            }
        };
        let threads = [
            scope.spawn(by_app),
            scope.spawn(by_app),
            scope.spawn(by_operator),
            scope.spawn(by_operator),
            scope.spawn(move || by_device(first)),
            scope.spawn(move || by_device(third)),
        ];
        threads.map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!(answers.iter().filter(|removed| **removed).count(), 1, "{answers:?}");
    assert_eq!(family.audited("device.removed").len(), 1);
}
