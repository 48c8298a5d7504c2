//! The events of an account, which its devices ask for.

use authority::{
    AccountName, Authority, ClonePolicy, CvsAnswer, CvsRequest, MasterKey, Notice, Options, Policy, Purpose, SmsRules,
};
use inwebo::values::{K0, Proofs};

use crate::device::{Answer, Device, finalize};
use crate::world::{MASTER, NUMBER, STATE, World};

const OTHER: &str = "+33698765432";
const BEGIN: i64 = 1_700_000_000_000;
const DAY: i64 = 86_400;

fn policy() -> Policy {
    Policy {
        device_notices: true,
        evolve_k1_every: 0,
        codes_per_hour: 1000,
        codes_per_day: 1000,
        max_devices: 1000,
        ..Policy::default()
    }
}

/// A service with an account that has two devices.
fn world() -> (World, AccountName, [Device; 2]) {
    with(policy())
}

fn with(policy: Policy) -> (World, AccountName, [Device; 2]) {
    let world = World::with(policy);
    let account = world.account("user");
    let devices = std::array::from_fn(|_| {
        world.clock.forward(1);
        Device::activate(&world, &account, "1234")
    });
    (world, account, devices)
}

/// Does both steps of `messages`.
pub(crate) fn ask(service: &Authority, device: &Device, after: Option<&str>) -> Answer {
    let answer = device.setup(service, "messages", &[]);
    let Some(challenge) = answer.find("challenge") else { return answer };
    let r0 = Proofs::without_pin(challenge, &device.serial, &device.k0).r0;
    let mut more = vec![("R0", r0.as_str())];
    more.extend(after.map(|after| ("after", after)));
    Answer::of(service, None, &finalize("messages", &device.id, &more))
}

/// Returns the numbers of all events in the database.
pub(crate) fn numbers(world: &World) -> Vec<String> {
    world.database.column("SELECT CAST(number AS TEXT) FROM account_events ORDER BY account, number")
}

fn told(service: &Authority, device: &Device) -> Vec<String> {
    told_after(service, device, None)
}

fn told_after(service: &Authority, device: &Device, after: Option<&str>) -> Vec<String> {
    let answer = ask(service, device, after).ok();
    answer.elements("notice").iter().map(|notice| notice.get("event").to_owned()).collect()
}

fn modify_number(world: &World, account: &AccountName, number: &str) {
    let code = world.number_code(account, number);
    let request = CvsRequest::ModifyPhoneNumber { sms_code: &code, phone_number: number };
    assert_eq!(world.cvs(account, request), CvsAnswer::Done);
}

/// Causes events of the account that need no work with keys.
fn many_events(world: &World, account: &AccountName, count: usize) {
    for number in [OTHER, NUMBER].into_iter().cycle().take(count) {
        modify_number(world, account, number);
    }
}

#[test]
fn a_device_is_told_of_each_event_that_it_did_not_cause_since_its_activation() {
    let (world, account, [first, second]) = world();
    let service = &world.authority;
    assert_eq!((told(service, &first), told(service, &second).len()), (vec!["newDevice".to_owned()], 0));
    let notices = ask(service, &first, None).ok().elements("notice");
    let notice = &notices[0];
    assert_eq!((notice.get("number"), notice.get("event")), ("2", "newDevice"));
    assert_eq!((notice.get("device"), notice.get("name")), (&second.id[..8], "Android SDK / test"));
    assert_eq!(notice.get("at"), (BEGIN + 2000).to_string());

    let third = Device::activate(&world, &account, "1234");
    let second = second.synchronized(service, "1234");
    second.change_pin(service, "1234", "4321").ok();
    let code = world.code(&account, Purpose::ResetPin);
    second.reset_pin(service, &code, "8765").ok();
    modify_number(&world, &account, OTHER);
    third.remove(service).ok();
    let expected = ["newDevice", "newDevice", "pinChange", "reset", "phoneNumber", "deviceRemoved"];
    assert_eq!(told(service, &first), expected);
    let notices = ask(service, &first, None).ok().elements("notice");
    // The PIN and the number are not about a device.
    let about: Vec<Option<&str>> = notices.iter().map(|notice| notice.find("device")).collect();
    let (second_id, third_id) = (Some(&second.id[..8]), Some(&third.id[..8]));
    assert_eq!(about, [second_id, third_id, None, None, None, third_id]);
    assert!(notices.iter().all(|notice| notice.find("name").is_some() == notice.find("device").is_some()));
    assert_eq!(notices.iter().map(|notice| notice.get("number")).collect::<Vec<_>>(), ["2", "3", "4", "5", "6", "7"]);
    // The second one did some of this itself.
    assert_eq!(told(service, &second), ["newDevice", "phoneNumber", "deviceRemoved"]);
    // The name is the one that the device had then.
    let second = second.synchronized(service, "8765");
    second.rename_device(service, "8765", &first.id, "Phone").ok();
    first.remove(service).ok();
    let last = ask(service, &second, Some("7")).ok().elements("notice");
    assert_eq!((last.len(), last[0].get("event"), last[0].get("name")), (1, "deviceRemoved", "Phone"));
}

#[test]
fn a_block_is_told_to_the_other_devices_also_one_that_ends_by_itself() {
    for pin_block_seconds in [0, 60] {
        let (world, account, [first, second]) = with(Policy { pin_block_seconds, max_pin_tries: 2, ..policy() });
        let service = &world.authority;
        second.ask(service, "9999");
        second.ask(service, "9999");
        // The device of a blocked account may ask.
        assert_eq!(told(service, &first), ["newDevice", "block"]);
        assert_eq!(told(service, &second), [""; 0]);
        // A wrong PIN of an activation has no device.
        service.unblock(&account).unwrap();
        let code = world.code(&account, Purpose::Enrollment);
        for _ in 0..2 {
            let keys = crate::device::Keys::read(&Answer::of(
                service,
                Some(&account),
                &crate::device::setup("activate", "", &[("code", &code)]),
            ));
            let serial = crate::device::serial();
            let request = crate::device::activation(&keys, &code, &crate::device::pin("9999"), &serial, None);
            Answer::of(service, Some(&account), &request);
        }
        assert_eq!(told(service, &second), ["block"]);
        assert_eq!(told_after(service, &first, Some("3")), ["block"]);
    }
}

#[test]
fn each_way_to_remove_a_device_is_told() {
    let (world, account, [first, _]) = world();
    let service = &world.authority;
    let last = |event: &str| {
        let notices = ask(service, &first, None).ok().elements("notice");
        assert_eq!(notices.last().unwrap().get("event"), event);
        notices.len()
    };
    let mut count = last("newDevice");
    for way in ["itself", "another device", "an app", "an operator"] {
        let device = Device::activate(&world, &account, "1234");
        let second = Device::activate(&world, &account, "1234");
        match way {
            "itself" => drop(device.remove(service).ok()),
            "another device" => drop(second.remove_device(service, "1234", &device.id).ok()),
            "an app" => {
                let removed = world.cvs(&account, CvsRequest::RemoveDevice { device: &device.id });
                assert_eq!(removed, CvsAnswer::Done);
            }
            _ => assert!(service.remove_device(&account, &device.id).unwrap()),
        }
        count += 3;
        assert_eq!(last("deviceRemoved"), count, "{way}");
    }
    // A device that removes another one did it itself.
    let victim = Device::activate(&world, &account, "1234");
    first.remove_device(service, "1234", &victim.id).ok();
    assert_eq!(last("newDevice"), count + 1);
    // A device that activates again is the same device: it is new once more, and was not removed.
    let before = numbers(&world).len();
    let code = world.code(&account, Purpose::Enrollment);
    let keys = crate::device::Keys::read(&Answer::of(
        service,
        Some(&account),
        &crate::device::setup("activate", "", &[("code", &code)]),
    ));
    let pin = crate::device::pin("1234");
    let request = crate::device::activation(&keys, &code, &pin, &first.serial, None);
    Answer::of(service, Some(&account), &request).ok();
    assert_eq!(numbers(&world).len(), before + 1);
}

#[test]
fn a_service_without_the_setting_knows_no_such_mode_and_runs_no_statement_for_it() {
    let (world, account, [first, second]) = world();
    let off = world.another(Policy { device_notices: false, ..policy() });
    // Each statement would fail: there is neither the table nor the column.
    world.database.execute("ALTER TABLE account_events RENAME TO elsewhere");
    world.database.execute("ALTER TABLE accounts RENAME COLUMN last_event TO elsewhere");
    let unknown = first.setup(&off, "nonsense", &[]);
    assert_eq!(first.setup(&off, "messages", &[]), unknown);
    assert_eq!(unknown.err(), "NOK:SN");
    assert_eq!(first.finalize(&off, "messages", &first.proofs("00", "1234"), &[]).err(), "NOK:SN");

    let first = first.synchronized(&off, "1234");
    first.change_pin(&off, "1234", "4321").ok();
    let code = off.cvs(&account, &CvsRequest::SendCode { purpose: Purpose::ResetPin, phone_number: None }).unwrap();
    assert_eq!(code, CvsAnswer::Done);
    first.reset_pin(&off, &world.inbox.last().1, "1234").ok();
    let first = first.synchronized(&off, "1234");
    first.remove_device(&off, "1234", &second.id).ok();
    let number = CvsRequest::SendCode { purpose: Purpose::PhoneNumberCertification, phone_number: Some(OTHER) };
    assert_eq!(off.cvs(&account, &number).unwrap(), CvsAnswer::Done);
    let sms_code = world.inbox.last().1;
    let modify = CvsRequest::ModifyPhoneNumber { sms_code: &sms_code, phone_number: OTHER };
    assert_eq!(off.cvs(&account, &modify).unwrap(), CvsAnswer::Done);
    for _ in 0..5 {
        first.ask(&off, "9999");
    }
    assert!(off.account(&account).unwrap().unwrap().blocked);
    assert_eq!(off.cvs(&account, &CvsRequest::RemoveEnrollments).unwrap(), CvsAnswer::Done);
    // With the setting, the same steps need them, and are undone.
    let failure = world.authority.cvs(&account, &CvsRequest::RemoveEnrollments).unwrap_err();
    assert!(matches!(failure, authority::Failure::Storage(_)), "{failure}");
}

#[test]
fn an_answer_has_fifty_events_and_says_that_there_are_more() {
    let (world, account, [first, _]) = world();
    let service = &world.authority;
    many_events(&world, &account, 90);
    // The first event is its own. 91 others follow.
    let (mut seen, mut after) = (Vec::new(), None);
    for (count, more) in [(50, Some("1")), (41, None)] {
        let answer = ask(service, &first, after.as_deref()).ok();
        let notices = answer.elements("notice");
        assert_eq!((notices.len(), answer.find("more")), (count, more));
        seen.extend(notices.iter().map(|notice| notice.get("number").parse::<u32>().unwrap()));
        after = seen.last().map(u32::to_string);
    }
    assert_eq!(seen, (2..=92).collect::<Vec<u32>>());
    // Exactly fifty are all of them.
    let answer = ask(service, &first, Some("42")).ok();
    assert_eq!((answer.elements("notice").len(), answer.find("more")), (50, None));
    for after in ["92", "93", "9223372036854775807", "9223372036854775808", "99999999999999999999"] {
        assert_eq!(told_after(service, &first, Some(after)), [""; 0], "{after}");
    }
    assert_eq!(told_after(service, &first, Some("0")).len(), 50);
}

#[test]
fn events_are_pruned_after_thirty_days_and_their_numbers_are_not_used_again() {
    let (world, account, [first, _]) = world();
    let service = &world.authority;
    world.clock.forward(30 * DAY - 1);
    service.prune(400).unwrap();
    assert_eq!(numbers(&world).len(), 2);
    world.clock.forward(2);
    let third = Device::activate(&world, &account, "1234");
    service.prune(400).unwrap();
    assert_eq!(numbers(&world), ["3"]);
    assert_eq!(told(service, &first), ["newDevice"]);
    world.clock.forward(30 * DAY + 1);
    service.tidy(400, 1000).unwrap();
    assert_eq!(numbers(&world), [""; 0]);
    third.remove(service).ok();
    let notices = ask(service, &first, Some("3")).ok().elements("notice");
    assert_eq!((notices.len(), notices[0].get("number")), (1, "4"));
}

#[test]
fn housekeeping_prunes_pages_of_events() {
    let (world, account, _) = world();
    let service = &world.authority;
    for _ in 0..120 {
        many_events(&world, &account, 2);
        world.clock.forward(1);
    }
    assert_eq!(numbers(&world).len(), 242);
    world.clock.forward(31 * DAY);
    service.prune(400).unwrap();
    assert_eq!(numbers(&world), [""; 0]);
}

#[test]
fn the_end_of_the_enrollments_and_of_the_account_removes_the_events() {
    let (world, account, [first, _]) = world();
    let service = &world.authority;
    assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
    assert_eq!(numbers(&world), [""; 0]);
    assert_eq!(first.setup(service, "messages", &[]).err(), "NOK:NODEVICE");
    let device = Device::activate(&world, &account, "4321");
    let other = Device::activate(&world, &account, "4321");
    // An older number of another life is never mistaken for a new one.
    let notices = ask(service, &device, Some("2")).ok().elements("notice");
    assert_eq!((notices.len(), notices[0].get("number")), (1, "4"));
    other.remove(service).ok();
    // The account is removed by a service without the setting.
    let off = world.another(Policy { device_notices: false, ..policy() });
    assert!(off.remove_account(&account).unwrap());
    assert_eq!(numbers(&world), [""; 0]);
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(told(service, &device), [""; 0]);
    assert_eq!(numbers(&world), ["1"]);
}

#[test]
fn nobody_else_is_told() {
    let (world, account, [first, second]) = world();
    let service = &world.authority;
    let strange = Device::activate(&world, &world.account("stranger"), "1234");
    assert_eq!(told(service, &strange), [""; 0]);
    let without_key = Device { k0: K0::new([0; 16]), ..first.clone() };
    assert_eq!(ask(service, &without_key, None).err(), "NOK:ACCESS");
    // A challenge counts once, for its own device.
    let challenge = first.setup(service, "messages", &[]).ok().get("challenge").to_owned();
    let send = |device: &Device, id: &str| {
        let r0 = Proofs::without_pin(&challenge, &device.serial, &device.k0).r0;
        Answer::of(service, None, &finalize("messages", id, &[("R0", &r0)]))
    };
    assert_eq!(send(&second, &second.id).err(), "NOK:STATE");
    assert_eq!(send(&strange, &first.id).err(), "NOK:ACCESS");
    assert_eq!(send(&first, &first.id).err(), "NOK:STATE");
    // A device that was removed is unknown.
    service.remove_device(&account, &second.id).unwrap();
    assert_eq!(second.setup(service, "messages", &[]).err(), "NOK:NODEVICE");
    for id in ["", "a000000000000000", &first.id[..8]] {
        assert_eq!(Answer::of(service, None, &crate::device::setup("messages", id, &[])).err(), "NOK:NODEVICE");
    }
}

#[test]
fn a_challenge_ends_with_its_time_and_a_malformed_request_changes_nothing() {
    let (world, _, [first, _]) = world();
    let service = &world.authority;
    let challenge = first.setup(service, "messages", &[]).ok().get("challenge").to_owned();
    let r0 = Proofs::without_pin(&challenge, &first.serial, &first.k0).r0;
    let before = world.rows(&STATE);
    for after in ["", "-1", "1.5", "x", "0x1", " 1", "100000000000000000000"] {
        let request = finalize("messages", &first.id, &[("R0", &r0), ("after", after)]);
        assert_eq!(Answer::of(service, None, &request).err(), "NOK:SN", "{after:?}");
    }
    assert_eq!(Answer::of(service, None, &finalize("messages", &first.id, &[])).err(), "NOK:SN");
    assert_eq!(world.rows(&STATE), before);
    world.clock.forward(301);
    let request = finalize("messages", &first.id, &[("R0", &r0)]);
    assert_eq!(Answer::of(service, None, &request).err(), "NOK:TIMEOUT");
}

#[test]
fn a_suspended_device_is_told_too() {
    let (world, _, [first, second]) = with(Policy { clone: ClonePolicy::Suspend, ..policy() });
    let service = &world.authority;
    let copy = first.synchronized(service, "1234");
    copy.ask(service, "1234").ok();
    assert_eq!(first.ask(service, "1234").find("reason"), Some("secondCopy"));
    second.remove(service).ok();
    assert_eq!(told(service, &copy), ["newDevice", "deviceRemoved"]);
}

#[test]
fn a_confirmed_device_is_new_when_it_is_confirmed_and_a_rejected_one_is_rejected() {
    let (world, account, [first, second]) = with(Policy { activation_by_device: true, ..policy() });
    let service = &world.authority;
    for (decision, event) in
        [(inwebo::values::Decision::Confirm, "newDevice"), (inwebo::values::Decision::Reject, "deviceRejected")]
    {
        // The new device is activated after the second one, of which it is not told.
        world.clock.forward(1);
        let challenge = first.setup(service, "newsn", &[]).ok();
        let made = first.finalize(service, "newsn", &first.proofs(challenge.get("challenge"), "1234"), &[]).ok();
        let code = made.get("code");
        let setup = crate::device::setup("activate", "", &[("code", code)]);
        let keys = crate::device::Keys::read(&Answer::of(service, None, &setup).ok());
        let (own, pin) = (crate::device::serial(), crate::device::pin("1234"));
        let answer = Answer::of(service, None, &crate::device::activation(&keys, code, &pin, &own, None)).ok();
        let (new, _) = Device::read(&answer, answer.get("id"), &own, &pin, &keys.factory);
        let before = told(service, &second).len();
        let shown = inwebo::values::Fingerprint::of(&new.id, &new.serial, &new.k0);
        let challenge = first.setup(service, "getsn", &[]).ok();
        let proofs = first.proofs(&decision.challenge(challenge.get("challenge"), &shown), "1234");
        let more = [("confirm", decision.as_str()), ("fingerprint", shown.as_str())];
        first.finalize(service, "getsn", &proofs, &more).ok();
        let notices = ask(service, &second, None).ok().elements("notice");
        assert_eq!(notices.len(), before + 1);
        assert_eq!((notices[before].get("event"), notices[before].get("device")), (event, &new.id[..8]));
        assert_eq!(told(service, &first), ["newDevice"], "the first one did it itself");
        if decision == inwebo::values::Decision::Confirm {
            let notices = ask(service, &new, None).ok().elements("notice");
            assert!(notices.iter().all(|notice| notice.get("device") != &new.id[..8]), "it knows of itself");
        }
    }
    assert_eq!(service.devices(&account).unwrap().len(), 3);
}

#[test]
fn events_and_sms_go_by_their_own_settings() {
    for (device_notices, sms) in [(true, false), (false, true), (true, true)] {
        let notices = if sms { Notice::ALL.into_iter().collect() } else { Default::default() };
        let rules = SmsRules { notices, ..SmsRules::default() };
        let world = World::with(Policy { device_notices, sms: rules.into(), ..policy() });
        let account = world.account("user");
        Device::activate(&world, &account, "1234");
        assert_eq!((numbers(&world).len(), world.count("notice.queued")), (device_notices.into(), sms.into()));
    }
}

#[test]
fn events_that_come_at_once_have_numbers_of_their_own() {
    let (world, account, _) = world();
    let service = &world.authority;
    let devices: Vec<Device> = (0..6).map(|_| Device::activate(&world, &account, "1234")).collect();
    std::thread::scope(|scope| {
        for device in &devices {
            scope.spawn(move || device.remove(service).ok());
        }
    });
    let expected: Vec<String> = (1..=14).map(|number| number.to_string()).collect();
    let mut found = numbers(&world);
    found.sort_by_key(|number| number.parse::<u32>().unwrap());
    assert_eq!(found, expected);
}

#[test]
fn a_rotation_of_the_master_key_covers_the_events() {
    let (world, account, [first, _]) = world();
    let ring = || authority::KeyRing::new(MasterKey::new(2, [9; 32])).with(MasterKey::new(1, MASTER)).unwrap();
    let rotating = world.another_with(|options| Options { master_key: ring(), policy: policy(), ..options });
    while !rotating.rekey(1).unwrap().done {}
    drop(rotating);
    let alone = world.another_with(|options| Options {
        master_key: MasterKey::new(2, [9; 32]).into(),
        policy: policy(),
        ..options
    });
    assert_eq!(told(&alone, &first), ["newDevice"]);
    let second = alone.devices(&account).unwrap()[0].id.clone();
    assert!(alone.remove_device(&account, &second).unwrap());
    assert_eq!(told(&alone, &first), ["newDevice", "deviceRemoved"]);
    assert_eq!(alone.verify_rows(|_| true).unwrap().altered, 0);
}
