//! Approvals of new devices: the way to a working device, and every way that ends before it.

use authority::{AccountName, Authority, ClonePolicy, CvsAnswer, CvsRequest, Policy, Purpose, Unblock, Verdict};
use inwebo::values::{Approval, ApprovalNumber, Decision, Fingerprint, K0, Proofs, Serial};
use proptest::prelude::*;

use crate::device::{Answer, Device, Keys, activation, finalize, pin, serial, setup};
use crate::world::{STATE, World};

pub(crate) fn policy() -> Policy {
    Policy {
        activation_approval: true,
        device_notices: true,
        evolve_k1_every: 0,
        codes_per_hour: 100,
        codes_per_day: 100,
        ..Policy::default()
    }
}

/// A service with an account that has one device.
fn world() -> (World, AccountName, Device) {
    with(policy())
}

fn with(policy: Policy) -> (World, AccountName, Device) {
    let world = World::with(policy);
    let account = world.account("user");
    let first = Device::activate(&world, &account, "1234");
    (world, account, first)
}

/// Sends both steps of an activation with an SMS code. Returns the answer and the factory key.
fn enter(
    service: &Authority,
    account: &AccountName,
    code: &str,
    digits: &str,
    serial: &Serial,
) -> (Answer, Option<Keys>) {
    let answer = Answer::of(service, Some(account), &setup("activate", "", &[("code", code)]));
    if answer.err() != "OK" {
        return (answer, None);
    }
    let keys = Keys::read(&answer);
    let request = activation(&keys, code, &pin(digits), serial, None);
    (Answer::of(service, Some(account), &request), Some(keys))
}

/// Activates a device that must wait for an approval, and makes its service secret.
fn waiting_with(world: &World, account: &AccountName, serial: &Serial) -> Device {
    let service = &world.authority;
    let code = world.code(account, Purpose::Enrollment);
    let (answer, keys) = enter(service, account, &code, "1234", serial);
    let answer = answer.ok();
    assert_eq!((answer.get("confirmed"), answer.get("approval"), answer.get("lifetime")), ("0", "1", "300"));
    let (mut device, wanted) = Device::read(&answer, answer.get("id"), serial, &pin("1234"), &keys.unwrap().factory);
    device.register(service, &wanted, "1234").ok();
    device
}

pub(crate) fn waiting(world: &World, account: &AccountName) -> Device {
    waiting_with(world, account, &serial())
}

fn number(device: &Device) -> ApprovalNumber {
    ApprovalNumber::of(&device.id, &device.serial, &device.k0)
}

/// Returns a number that is not the one of the device.
fn other_number(device: &Device) -> ApprovalNumber {
    let other = if number(device).as_str() == "00" { "01" } else { "00" };
    ApprovalNumber::read(other).unwrap()
}

fn short(device: &Device) -> &str {
    &device.id[..8]
}

fn challenge(service: &Authority, device: &Device) -> String {
    device.setup(service, "checkpush", &[]).ok().get("challenge").to_owned()
}

fn ask(service: &Authority, device: &Device) -> Answer {
    let answer = device.setup(service, "checkpush", &[]);
    let Some(challenge) = answer.find("challenge") else { return answer };
    let r0 = Proofs::without_pin(challenge, &device.serial, &device.k0).r0;
    Answer::of(service, None, &finalize("checkpush", &device.id, &[("R0", &r0)]))
}

fn state(service: &Authority, device: &Device) -> String {
    ask(service, device).ok().get("state").to_owned()
}

/// Approves a device that is named so.
fn approve_named(service: &Authority, device: &Device, digits: &str, named: &str, number: &ApprovalNumber) -> Answer {
    let answer = device.setup(service, "checkpush", &[]);
    let Some(challenge) = answer.find("challenge") else { return answer };
    finish_approval(service, device, challenge, digits, named, number)
}

/// Does the finalize step of an approval.
fn finish_approval(
    service: &Authority,
    device: &Device,
    challenge: &str,
    digits: &str,
    named: &str,
    number: &ApprovalNumber,
) -> Answer {
    let proofs = device.proofs(&Approval::Approve(number).challenge(challenge, named), digits);
    device.finalize(service, "checkpush", &proofs, &[("device", named), ("number", number.as_str())])
}

pub(crate) fn approve(service: &Authority, device: &Device, new: &Device) -> Answer {
    approve_named(service, device, "1234", short(new), &number(new))
}

/// Does the finalize step of a rejection.
fn finish_rejection(service: &Authority, device: &Device, challenge: &str, named: &str) -> Answer {
    let bound = Approval::Reject.challenge(challenge, named);
    let r0 = Proofs::without_pin(&bound, &device.serial, &device.k0).r0;
    let more = [("device", named), ("reject", "1"), ("R0", &r0)];
    Answer::of(service, None, &finalize("checkpush", &device.id, &more))
}

fn reject(service: &Authority, device: &Device, new: &Device) -> Answer {
    let answer = device.setup(service, "checkpush", &[]);
    let Some(challenge) = answer.find("challenge") else { return answer };
    finish_rejection(service, device, challenge, short(new))
}

/// Returns the words of the events that a device is told of.
fn told(service: &Authority, device: &Device) -> Vec<String> {
    let answer = crate::account_events::ask(service, device, None).ok();
    answer.elements("notice").iter().map(|notice| notice.get("event").to_owned()).collect()
}

fn reason(answer: &Answer) -> (&str, Option<&str>) {
    (answer.err(), answer.find("reason"))
}

fn is_blocked(world: &World, account: &AccountName) -> bool {
    world.authority.account(account).unwrap().unwrap().blocked
}

const NOT_APPROVED: (&str, Option<&str>) = ("NOK:STATE", Some("notApproved"));
const NOTHING: (&str, Option<&str>) = ("NOK:STATE", Some("nothingToConfirm"));
const OTHER: (&str, Option<&str>) = ("NOK:STATE", Some("otherDevice"));
const WRONG: (&str, Option<&str>) = ("NOK:STATE", Some("wrongNumber"));
const BLOCKED: &str = "NOK:NOK_BLOCKED";

#[test]
fn a_new_device_works_once_another_one_has_approved_it() {
    let (world, account, first) = world();
    let service = &world.authority;
    assert_eq!(state(service, &first), "none");
    world.clock.forward(60);
    let new = waiting(&world, &account);
    world.clock.forward(10);
    let asked = ask(service, &first).ok();
    assert_eq!((asked.get("state"), asked.get("device")), ("asked", short(&new)));
    assert_eq!((asked.get("name"), asked.get("lifetime")), ("Android SDK / test", "290"));
    let info = &service.devices(&account).unwrap()[0];
    assert_eq!((info.id.as_str(), info.pending, info.needs_approval), (new.id.as_str(), true, true));
    assert_eq!(asked.get("since"), info.made_at.to_string());
    let own = ask(service, &new).ok();
    assert_eq!((own.get("state"), own.get("lifetime"), own.find("device")), ("waiting", "290", None));

    for mode in ["otp", "password", "synchro", "status", "newsn", "devices", "renamedevice", "removedevice", "messages"]
    {
        let with_codes = world.another(Policy { activation_by_device: true, ..policy() });
        assert_eq!(reason(&new.setup(&with_codes, mode, &[("sid", "7001")])), NOT_APPROVED, "{mode}");
    }
    assert_eq!(reason(&new.setup(service, "reset", &[("code", "123456")])), NOT_APPROVED);
    assert_eq!(reason(&approve(service, &new, &new)), NOT_APPROVED);
    assert_eq!(reason(&reject(service, &new, &new)), NOT_APPROVED);
    assert_eq!(told(service, &first), [""; 0], "it is no new device yet");

    assert_eq!(approve(service, &first, &new).ok().get("state"), "approved");
    assert_eq!((state(service, &first), state(service, &new)), ("none".into(), "none".into()));
    let password = new.made(service, "1234");
    assert_eq!(service.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    // The first device did it itself, and it is about the second one.
    assert_eq!((told(service, &first), told(service, &new)), (Vec::new(), Vec::new()));
    assert_eq!(crate::account_events::numbers(&world).len(), 2, "the first device, and the new one");
    // The approval is done once.
    assert_eq!(reason(&approve(service, &first, &new)), NOTHING);
    assert_eq!(reason(&reject(service, &first, &new)), NOTHING);
    world.clock.forward(600);
    service.tidy(400, 1000).unwrap();
    new.ask(service, "1234").ok();
    assert_eq!(world.count("device.approved"), 1);
    let rows = service.audit_log(Some(&account), None, 1000).unwrap();
    let row = rows.iter().find(|row| row.event == "device.approved").unwrap();
    assert_eq!(row.actor.as_deref(), Some(format!("device:{}", first.id).as_str()));
    assert_eq!(row.device.as_ref(), Some(&new.id));
    // It decides about the next one, by a full id, too.
    let third = waiting(&world, &account);
    approve_named(service, &new, "1234", &third.id, &number(&third)).ok();
    third.ask(service, "1234").ok();
}

#[test]
fn a_service_without_the_setting_knows_no_such_mode_and_its_activations_are_as_before() {
    let (world, account, first) = world();
    let off = world.another(Policy { activation_approval: false, ..policy() });
    let code = world.code(&account, Purpose::Enrollment);
    let (answer, _) = enter(&off, &account, &code, "1234", &serial());
    let answer = answer.ok();
    assert_eq!(["confirmed", "approval", "lifetime"].map(|name| answer.find(name)), [None; 3]);
    // No statement is run: there is no table.
    world.database.execute("ALTER TABLE devices RENAME TO elsewhere");
    let unknown = first.setup(&off, "nonsense", &[]);
    assert_eq!(first.setup(&off, "checkpush", &[]), unknown);
    assert_eq!(unknown.err(), "NOK:SN");
    for more in [&[][..], &[("device", "a0000000"), ("number", "12")], &[("device", "a0000000"), ("reject", "1")]] {
        assert_eq!(first.finalize(&off, "checkpush", &first.proofs("00", "1234"), more).err(), "NOK:SN");
    }
}

#[test]
fn a_device_that_waits_when_the_setting_is_switched_off_goes_on_waiting_until_its_time_is_over() {
    let (world, account, first) = world();
    let new = waiting(&world, &account);
    let off = world.another(Policy { activation_approval: false, ..policy() });
    assert_eq!(reason(&new.setup(&off, "otp", &[("sid", "7001")])), NOT_APPROVED);
    assert_eq!(approve(&off, &first, &new).err(), "NOK:SN");
    // The next device waits for nobody, and ends no other.
    let code = world.code(&account, Purpose::Enrollment);
    let (answer, _) = enter(&off, &account, &code, "1234", &serial());
    assert_eq!(answer.ok().find("confirmed"), None);
    assert_eq!(reason(&new.setup(&off, "otp", &[("sid", "7001")])), NOT_APPROVED);
    world.clock.forward(300);
    off.tidy(400, 1000).unwrap();
    assert_eq!(world.count("device.not_confirmed"), 1);
    assert_eq!(new.setup(&off, "status", &[]).err(), "NOK:NODEVICE");
}

#[test]
fn the_first_device_and_one_that_activates_again_alone_wait_for_nobody() {
    let (world, account, first) = world();
    let service = &world.authority;
    first.ask(service, "1234").ok();
    let again = |serial: &Serial| {
        let code = world.code(&account, Purpose::Enrollment);
        let (answer, keys) = enter(service, &account, &code, "1234", serial);
        let answer = answer.ok();
        let waits = answer.find("approval").is_some();
        (Device::read(&answer, answer.get("id"), serial, &pin("1234"), &keys.unwrap().factory).0, waits)
    };
    let (mine, waits) = again(&first.serial);
    assert!(!waits);
    // Beside another device it waits, although it was there before.
    let new = waiting(&world, &account);
    approve(service, &mine, &new).ok();
    let (_, waits) = again(&first.serial);
    assert!(waits);
    // A device that waits does not decide: without the other one, the next one waits for nobody.
    new.remove(service).ok();
    let (next, waits) = again(&serial());
    assert!(!waits);
    next.setup(service, "status", &[]).ok();
    // The account itself begins anew.
    assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
    assert!(!again(&serial()).1);
}

#[test]
fn a_suspended_device_does_not_decide() {
    let (world, account, first) = with(Policy { clone: ClonePolicy::Suspend, ..policy() });
    let service = &world.authority;
    let second = waiting(&world, &account);
    approve(service, &first, &second).ok();
    let third = waiting(&world, &account);
    // A copy of the first device synchronizes. The first one then shows an older number.
    let copy = first.synchronized(service, "1234");
    copy.ask(service, "1234").ok();
    assert_eq!(reason(&first.ask(service, "1234")), ("NOK:STATE", Some("secondCopy")));
    for answer in [ask(service, &copy), approve(service, &copy, &third), reject(service, &copy, &third)] {
        assert_eq!(reason(&answer), ("NOK:STATE", Some("secondCopy")));
    }
    assert!(!is_blocked(&world, &account));
    approve(service, &second, &third).ok();
    // A thief of a device's keys could have it suspended. That opens no way around the approval.
    second.remove(service).ok();
    third.remove(service).ok();
    let fourth = waiting(&world, &account);
    assert_eq!(reason(&approve(service, &copy, &fourth)), ("NOK:STATE", Some("secondCopy")));
    // The account itself ends the device that decides nothing any more.
    let account = account.clone();
    assert_eq!(world.cvs(&account, CvsRequest::RemoveDevice { device: &first.id }), CvsAnswer::Done);
    let code = world.code(&account, Purpose::Enrollment);
    let (answer, _) = enter(service, &account, &code, "1234", &serial());
    assert_eq!(answer.ok().find("approval"), None);
}

#[test]
fn a_device_that_is_suspended_between_the_steps_does_not_decide() {
    for decision in 0..3 {
        let (world, account, first) = with(Policy { clone: ClonePolicy::Suspend, ..policy() });
        let service = &world.authority;
        let new = waiting(&world, &account);
        let copy = first.synchronized(service, "1234");
        copy.ask(service, "1234").ok();
        let begun = challenge(service, &copy);
        assert_eq!(reason(&first.ask(service, "1234")), ("NOK:STATE", Some("secondCopy")));
        let answer = match decision {
            0 => {
                let r0 = Proofs::without_pin(&begun, &copy.serial, &copy.k0).r0;
                Answer::of(service, None, &finalize("checkpush", &copy.id, &[("R0", &r0)]))
            }
            1 => finish_approval(service, &copy, &begun, "1234", short(&new), &number(&new)),
            _ => finish_rejection(service, &copy, &begun, short(&new)),
        };
        assert_eq!(reason(&answer), ("NOK:STATE", Some("secondCopy")), "{decision}");
        assert!(!is_blocked(&world, &account));
        assert_eq!(reason(&new.setup(service, "status", &[])), NOT_APPROVED);
    }
}

#[test]
fn the_pin_is_checked_before_the_new_device_and_k1_after_the_number() {
    let (world, account, first) = world();
    let service = &world.authority;
    // No device waits: the PIN is charged all the same.
    let any = ApprovalNumber::read("12").unwrap();
    assert_eq!(approve_named(service, &first, "4321", "a0000000", &any).attempts_left(), Some(4));
    let stale = Device { hidden_k1: [0; 16], ..first.clone() };
    assert_eq!(reason(&approve_named(service, &stale, "1234", "a0000000", &any)), NOTHING);
    let new = waiting(&world, &account);
    let other = waiting(&world, &account);
    assert_eq!(reason(&approve(service, &stale, &new)), OTHER);
    assert_eq!(approve(service, &stale, &other).err(), "NOK:DESYNCHRONIZED");
    assert_eq!(approve_named(service, &first, "4321", short(&other), &other_number(&other)).attempts_left(), Some(3));
    // The new device waits after all of it.
    approve(service, &first.synchronized(service, "1234"), &other).ok();
}

#[test]
fn a_decision_is_a_use_of_its_device_and_an_approval_tells_the_wrong_pins_once() {
    let (world, account, first) = world();
    let service = &world.authority;
    let used_at = || service.devices(&account).unwrap().iter().find(|device| device.id == first.id).unwrap().used_at;
    let new = waiting(&world, &account);
    assert_eq!(approve_named(service, &first, "4321", short(&new), &number(&new)).attempts_left(), Some(4));
    let mut last = used_at();
    world.clock.forward(1);
    assert_eq!(approve(service, &first, &new).ok().get("wrongPins"), "1");
    assert!(used_at() > last);
    let new = waiting(&world, &account);
    last = used_at();
    world.clock.forward(1);
    assert_eq!(approve(service, &first, &new).ok().find("wrongPins"), None);
    assert!(used_at() > last);
    let new = waiting(&world, &account);
    last = used_at();
    world.clock.forward(1);
    reject(service, &first, &new).ok();
    assert!(used_at() > last);
}

#[test]
fn a_wrong_number_ends_the_new_device_at_once_and_blocks_nobody() {
    let (world, account, first) = world();
    let service = &world.authority;
    world.clock.forward(1);
    let other = waiting(&world, &account);
    approve(service, &first, &other).ok();
    let new = waiting(&world, &account);
    let answer = approve_named(service, &first, "1234", short(&new), &other_number(&new));
    assert_eq!(reason(&answer), WRONG);
    assert_eq!(new.setup(service, "status", &[]).err(), "NOK:NODEVICE");
    assert_eq!(reason(&approve(service, &first, &new)), NOTHING);
    assert_eq!((state(service, &first).as_str(), is_blocked(&world, &account)), ("none", false));
    assert_eq!((world.count("device.rejected"), world.count("pin.refused")), (1, 0));
    let notices = crate::account_events::ask(service, &other, None).ok().elements("notice");
    let last = notices.last().unwrap();
    assert_eq!((last.get("event"), last.get("device")), ("deviceRejected", short(&new)));
    first.ask(service, "1234").ok();
    // A stale K1 does not save it: the number comes first.
    let new = waiting(&world, &account);
    let stale = Device { hidden_k1: [0; 16], ..first.clone() };
    assert_eq!(reason(&approve_named(service, &stale, "1234", short(&new), &other_number(&new))), WRONG);
    assert_eq!(new.setup(service, "status", &[]).err(), "NOK:NODEVICE");
}

#[test]
fn a_rejection_ends_the_new_device_and_blocks_the_account_until_its_pin_is_reset() {
    let (world, account, first) = world();
    let service = &world.authority;
    let password = first.made(service, "1234");
    let token = world.token(&account, &first);
    let new = waiting(&world, &account);
    assert_eq!(reject(service, &first, &new).ok().get("state"), "none");
    assert_eq!(new.setup(service, "status", &[]).err(), "NOK:NODEVICE");
    assert_eq!(first.ask(service, "1234").err(), BLOCKED);
    assert_eq!(service.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    assert!(service.rotate_refresh_token(&token).unwrap().is_none());
    assert_eq!((world.count("device.rejected"), world.count("account.blocked")), (1, 1));
    assert_eq!(service.tally().lasting_blocks, 1);
    let info = service.account(&account).unwrap().unwrap();
    assert_eq!((info.blocked, info.blocked_until, info.pin_tries), (true, None, 0));
    // No activation goes on in a blocked account, and time does not lift the block.
    world.clock.forward(1000 * 86_400);
    let code = world.code(&account, Purpose::Enrollment);
    assert_eq!(enter(service, &account, &code, "1234", &serial()).0.err(), BLOCKED);
    let code = world.code(&account, Purpose::ResetPin);
    first.reset_pin(service, &code, "4321").ok();
    first.synchronized(service, "4321").ask(service, "4321").ok();
}

#[test]
fn an_operator_and_the_removal_of_the_enrollments_lift_the_block_of_a_rejection() {
    for operator in [true, false] {
        let (world, account, first) = world();
        let new = waiting(&world, &account);
        reject(&world.authority, &first, &new).ok();
        if operator {
            assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
            first.ask(&world.authority, "1234").ok();
        } else {
            assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
            Device::activate(&world, &account, "4321").ask(&world.authority, "4321").ok();
        }
    }
}

#[test]
fn a_block_protects_no_new_device_from_a_rejection_and_permits_no_approval() {
    for pin_block_seconds in [0, 60] {
        let (world, account, first) = with(Policy { pin_block_seconds, max_pin_tries: 1, ..policy() });
        let service = &world.authority;
        let other = waiting(&world, &account);
        approve(service, &first, &other).ok();
        let new = waiting(&world, &account);
        assert_eq!(other.ask(service, "9999").err(), BLOCKED);
        // The first device learns of the new one, and only rejects it.
        assert_eq!((state(service, &first), state(service, &new)), ("asked".into(), "waiting".into()));
        assert_eq!(approve(service, &first, &new).err(), BLOCKED);
        reject(service, &first, &new).ok();
        assert_eq!(new.setup(service, "status", &[]).err(), "NOK:NODEVICE");
        // A block that ends by itself ends so no more.
        let blocks = if pin_block_seconds == 0 { 1 } else { 2 };
        assert_eq!((world.count("account.blocked"), world.count("device.rejected")), (blocks, 1));
        assert_eq!(world.rows(&["timed_blocks"]), [""; 0]);
        world.clock.forward(86_400);
        assert_eq!(first.ask(service, "1234").err(), BLOCKED);
        assert_eq!(service.account(&account).unwrap().unwrap().blocked_until, None);
    }
}

#[test]
fn a_rejection_while_no_block_ends_by_itself_is_for_good_when_blocks_do_so_again() {
    let (world, account, first) = with(Policy { pin_block_seconds: 60, max_pin_tries: 1, ..policy() });
    let service = &world.authority;
    let off = world.another(Policy { max_pin_tries: 1, ..policy() });
    let new = waiting(&world, &account);
    assert_eq!(first.ask(service, "9999").err(), BLOCKED);
    // Without the setting it is a block like any other.
    reject(&off, &first, &new).ok();
    world.clock.forward(86_400);
    assert_eq!(first.ask(service, "1234").err(), BLOCKED);
    assert_eq!((world.count("account.blocked"), world.rows(&["timed_blocks"]).len()), (1, 0));
}

#[test]
fn the_next_device_takes_the_place_of_the_one_that_waits() {
    let (world, account, first) = with(Policy { max_devices: 2, ..policy() });
    let service = &world.authority;
    let old = waiting(&world, &account);
    // It makes room for it, too.
    let new = waiting(&world, &account);
    assert_eq!(old.setup(service, "status", &[]).err(), "NOK:NODEVICE");
    assert_eq!(world.count("device.not_confirmed"), 1);
    assert_eq!(ask(service, &first).ok().get("device"), short(&new));
    // The user approves the one that was shown before.
    assert_eq!(reason(&approve(service, &first, &old)), OTHER);
    assert_eq!(reason(&reject(service, &first, &old)), OTHER);
    assert!(!is_blocked(&world, &account));
    approve(service, &first, &new).ok();
    let code = world.code(&account, Purpose::Enrollment);
    assert_eq!(enter(service, &account, &code, "1234", &serial()).0.err(), "NOK:MAXNBTOOLS");
    // The same device replaces itself.
    let again = waiting_with(&world, &account, &new.serial);
    assert_eq!((world.count("device.replaced"), state(service, &first).as_str()), (1, "asked"));
    approve(service, &first, &again).ok();
}

#[test]
fn a_decision_is_proved_over_itself_the_device_and_the_number() {
    let (world, account, first) = world();
    let service = &world.authority;
    let new = waiting(&world, &account);
    let (right, wrong) = (number(&new), other_number(&new));
    let (approving, rejecting) = (Approval::Approve(&right), Approval::Reject);
    let named = short(&new);
    let approval = [("device", named), ("number", right.as_str())];
    let rejection = [("device", named), ("reject", "1")];
    for (more, proved, device) in [
        (approval, rejecting, named),
        (rejection, approving, named),
        (approval, Approval::Approve(&wrong), named),
        ([("device", named), ("number", wrong.as_str())], approving, named),
        (approval, approving, new.id.as_str()),
        ([("device", new.id.as_str()), ("reject", "1")], rejecting, named),
    ] {
        let proofs = first.proofs(&proved.challenge(&challenge(service, &first), device), "1234");
        let answer = first.finalize(service, "checkpush", &proofs, &more);
        // R0 is wrong, so this is not the device, and no try is charged.
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", None), "{more:?}");
    }
    // The challenge alone proves no decision.
    for more in [approval, rejection] {
        let proofs = first.proofs(&challenge(service, &first), "1234");
        assert_eq!(first.finalize(service, "checkpush", &proofs, &more).err(), "NOK:ACCESS");
    }
    assert_eq!(approve_named(service, &first, "4321", named, &right).attempts_left(), Some(4));
    let stale = Device { hidden_k1: [0; 16], ..first.clone() };
    assert_eq!(approve(service, &stale, &new).err(), "NOK:DESYNCHRONIZED");
    let stranger = Device { k0: K0::new([0; 16]), ..first.clone() };
    for answer in [ask(service, &stranger), approve(service, &stranger, &new), reject(service, &stranger, &new)] {
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", None));
    }
    assert_eq!((state(service, &first).as_str(), is_blocked(&world, &account)), ("asked", false));
    // A challenge counts once, and ends with its time.
    let used = challenge(service, &first);
    let old = challenge(service, &first);
    assert_eq!(finish_approval(service, &first, &used, "1234", named, &right).err(), "NOK:ACCESS");
    assert_eq!(finish_approval(service, &first, &old, "1234", named, &right).err(), "NOK:STATE");
    let last = challenge(service, &first);
    let answer = finish_approval(service, &first, &last, "1234", named, &right).ok();
    // The owner learns of the wrong PIN.
    assert_eq!(answer.get("wrongPins"), "1");
    assert_eq!(finish_approval(service, &first, &last, "1234", named, &right).err(), "NOK:STATE");
}

#[test]
fn malformed_decisions_are_refused_and_change_nothing() {
    let (world, account, first) = world();
    let service = &world.authority;
    let new = waiting(&world, &account);
    let before = world.rows(&STATE);
    let (named, right) = (short(&new), number(&new));
    for more in [
        &[("device", named)][..],
        &[("number", right.as_str())],
        &[("reject", "1")],
        &[("device", named), ("reject", "0")],
        &[("device", named), ("reject", "")],
        &[("device", named), ("number", "")],
        &[("device", named), ("number", "7")],
        &[("device", named), ("number", "123")],
        &[("device", named), ("number", "1x")],
        &[("device", named), ("number", " 1")],
        &[("device", named), ("number", "٠١")],
        &[("device", named), ("number", right.as_str()), ("reject", "1")],
    ] {
        let proofs = first.proofs("00", "1234");
        assert_eq!(first.finalize(service, "checkpush", &proofs, more).err(), "NOK:SN", "{more:?}");
    }
    for more in [&[("device", named), ("number", right.as_str())][..], &[("device", named), ("reject", "1")], &[]] {
        let request = finalize("checkpush", &first.id, more);
        assert_eq!(Answer::of(service, None, &request).err(), "NOK:SN", "{more:?}");
        let proofs = first.proofs("00", "1234");
        assert_eq!(first.finalize(service, "checkpush", &proofs, more).err(), "NOK:STATE", "{more:?}");
    }
    assert_eq!(world.rows(&STATE), before);
}

#[test]
fn texts_that_do_not_name_the_new_device_have_one_answer() {
    let (world, account, first) = world();
    let service = &world.authority;
    let strange_account = world.account("stranger");
    let strange = Device::activate(&world, &strange_account, "1234");
    let strange_new = waiting(&world, &strange_account);
    let texts = |new: Option<&Device>| {
        let mut texts = vec![
            strange.id.clone(),
            short(&strange).to_owned(),
            strange_new.id.clone(),
            short(&strange_new).to_owned(),
            first.id.clone(),
            short(&first).to_owned(),
            "a000000000000000".to_owned(),
            String::new(),
            "%".repeat(8),
            "x".repeat(2000),
        ];
        texts.extend(new.map(|new| new.id[..7].to_owned()));
        texts.extend(new.map(|new| format!("{}0", new.id)));
        texts.extend(new.map(|new| format!("{} ", short(new))));
        texts
    };
    let answers = |texts: &[String], right: &ApprovalNumber| {
        let approved = texts.iter().map(|text| approve_named(service, &first, "1234", text, right));
        let rejected = texts.iter().map(|text| finish_rejection(service, &first, &challenge(service, &first), text));
        approved.chain(rejected).collect::<Vec<Answer>>()
    };
    for answer in answers(&texts(None), &number(&strange_new)) {
        assert_eq!(reason(&answer), NOTHING);
    }
    let new = waiting(&world, &account);
    for answer in answers(&texts(Some(&new)), &number(&new)) {
        assert_eq!(reason(&answer), OTHER);
    }
    // A stranger sees its own account alone.
    assert_eq!(ask(service, &strange).ok().get("device"), short(&strange_new));
    assert_eq!(reason(&approve(service, &strange, &new)), OTHER);
    assert_eq!(reason(&reject(service, &strange, &new)), OTHER);
    assert!(!is_blocked(&world, &strange_account) && !is_blocked(&world, &account));
    approve(service, &first, &new).ok();
    approve(service, &strange, &strange_new).ok();
}

#[test]
fn a_device_that_nobody_approves_is_gone_after_its_time() {
    for asked in 0..8 {
        let (world, account, first) = with(Policy { activation_approval_seconds: 60, ..policy() });
        let service = &world.authority;
        let code = world.code(&account, Purpose::Enrollment);
        let own = serial();
        let (answer, keys) = enter(service, &account, &code, "1234", &own);
        assert_eq!(answer.get("lifetime"), "60");
        let keys = keys.unwrap();
        let (new, _) = Device::read(&answer, answer.get("id"), &own, &pin("1234"), &keys.factory);
        world.clock.forward(59);
        assert_eq!(ask(service, &new).ok().get("lifetime"), "1");
        assert_eq!(reason(&new.setup(service, "status", &[])), NOT_APPROVED);
        world.clock.forward(1);
        match asked {
            0 => drop(service.tidy(400, 1000).unwrap()),
            1 => assert_eq!(state(service, &first), "none"),
            2 => assert_eq!(reason(&approve(service, &first, &new)), NOTHING),
            3 => assert_eq!(reason(&reject(service, &first, &new)), NOTHING),
            4 => assert_eq!(service.devices(&account).unwrap().len(), 1),
            5 => assert_eq!(first.list(service).ok().elements("device").len(), 1),
            // The answer of the activation is not repeated any more.
            6 => {
                let request = activation(&keys, &code, &pin("1234"), &own, None);
                assert_eq!(Answer::of(service, Some(&account), &request).err(), "NOK:CODE");
            }
            _ => assert_eq!(ask(service, &new).err(), "NOK:NODEVICE"),
        }
        assert_eq!(world.count("device.not_confirmed"), 1, "{asked}");
        assert_eq!(new.setup(service, "status", &[]).err(), "NOK:NODEVICE");
        assert!(!is_blocked(&world, &account));
        assert_eq!(told(service, &first), [""; 0]);
    }
}

#[test]
fn the_time_is_limited_and_a_clock_that_was_wrong_makes_it_no_longer() {
    for (seconds, lifetime) in [(0, "30"), (1_000_000, "3600")] {
        let (world, account, _) = with(Policy { activation_approval_seconds: seconds, ..policy() });
        let code = world.code(&account, Purpose::Enrollment);
        assert_eq!(enter(&world.authority, &account, &code, "1234", &serial()).0.get("lifetime"), lifetime);
    }
    let (world, account, first) = world();
    world.clock.forward(86_400);
    let new = waiting(&world, &account);
    world.clock.forward(-86_400);
    assert_eq!(reason(&approve(&world.authority, &first, &new)), NOTHING);
}

#[test]
fn housekeeping_ends_the_late_devices_of_all_accounts_and_no_other() {
    let (world, account, first) = world();
    let service = &world.authority;
    let late: Vec<Device> = (0..3)
        .map(|number| {
            let account = world.account(&format!("user{number}"));
            Device::activate(&world, &account, "1234");
            waiting(&world, &account)
        })
        .collect();
    world.clock.forward(200);
    let new = waiting(&world, &account);
    world.clock.forward(100);
    service.prune(400).unwrap();
    assert_eq!(world.count("device.not_confirmed"), 3);
    for device in &late {
        assert_eq!(device.setup(service, "status", &[]).err(), "NOK:NODEVICE");
    }
    approve(service, &first, &new).ok();
    world.clock.forward(1000);
    service.prune(400).unwrap();
    assert_eq!(world.count("device.not_confirmed"), 3);
}

#[test]
fn a_lost_answer_is_repeated_with_the_time_that_is_left() {
    let (world, account, first) = world();
    let service = &world.authority;
    let code = world.code(&account, Purpose::Enrollment);
    let own = serial();
    let keys = Keys::read(&Answer::of(service, Some(&account), &setup("activate", "", &[("code", &code)])).ok());
    let request = activation(&keys, &code, &pin("1234"), &own, None);
    let lost = Answer::of(service, Some(&account), &request).ok();
    world.clock.forward(100);
    let again = Answer::of(service, Some(&account), &request).ok();
    assert_eq!((again.get("id"), again.get("approval")), (lost.get("id"), "1"));
    assert_eq!((lost.get("lifetime"), again.get("lifetime")), ("300", "200"));
    let (mut device, wanted) = Device::read(&again, again.get("id"), &own, &pin("1234"), &keys.factory);
    device.register(service, &wanted, "1234").ok();
    approve(service, &first, &device).ok();
    device.ask(service, "1234").ok();
    // A device that is approved before its answer came gets the answer of a working one.
    let code = world.code(&account, Purpose::Enrollment);
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    Answer::of(service, Some(&account), &setup("activate", "", &[("code", &code)])).ok();
    let lost = Answer::of(service, Some(&account), &request).ok();
    let info = service.devices(&account).unwrap().into_iter().find(|device| device.pending).unwrap();
    let (new, _) = Device::read(&lost, &info.id, &Serial::parse(&info.serial).unwrap(), &pin("1234"), &keys.factory);
    approve(service, &first, &new).ok();
    assert_eq!(Answer::of(service, Some(&account), &request).ok().find("confirmed"), None);
}

#[test]
fn a_device_that_waits_may_end_itself_and_others_may_end_it() {
    let (world, account, first) = world();
    let service = &world.authority;
    let new = waiting(&world, &account);
    new.remove(service).ok();
    assert_eq!(state(service, &first), "none");
    let new = waiting(&world, &account);
    first.remove_device(service, "1234", short(&new)).ok();
    assert_eq!(reason(&approve(service, &first, &new)), NOTHING);
    assert_eq!(world.count("device.removed"), 2);
    // No device was told of either, so none is told of its end.
    assert_eq!(crate::account_events::numbers(&world).len(), 1);
}

#[test]
fn the_two_confirmations_are_apart() {
    let both = Policy { activation_by_device: true, ..policy() };
    let (world, account, first) = with(both);
    let service = &world.authority;
    let by_number = waiting(&world, &account);
    let challenge = first.setup(service, "newsn", &[]).ok();
    let code = first.finalize(service, "newsn", &first.proofs(challenge.get("challenge"), "1234"), &[]).ok();
    let code = code.get("code").to_owned();
    // A device with the code of a device needs no approval, and ends no other.
    let own = serial();
    let keys = Keys::read(&Answer::of(service, None, &setup("activate", "", &[("code", &code)])).ok());
    let answer = Answer::of(service, None, &activation(&keys, &code, &pin("1234"), &own, None)).ok();
    assert_eq!((answer.get("confirmed"), answer.find("approval"), answer.find("lifetime")), ("0", None, None));
    let (mut by_maker, wanted) = Device::read(&answer, answer.get("id"), &own, &pin("1234"), &keys.factory);
    by_maker.register(service, &wanted, "1234").ok();
    let info = service.devices(&account).unwrap();
    let kinds = |id: &str| info.iter().find(|info| info.id == id).map(|info| (info.pending, info.needs_approval));
    assert_eq!((kinds(&by_maker.id), kinds(&by_number.id)), (Some((true, false)), Some((true, true))));

    // Neither does what the other one waits for.
    assert_eq!(reason(&by_number.setup(service, "getsn", &[])), NOT_APPROVED);
    assert_eq!(reason(&by_maker.setup(service, "checkpush", &[])), ("NOK:STATE", Some("notConfirmed")));
    assert_eq!(ask(service, &first).ok().get("device"), short(&by_number));
    assert_eq!(reason(&approve(service, &first, &by_maker)), OTHER);
    let decide = |device: &Device| {
        let challenge = first.setup(service, "getsn", &[]).ok();
        let shown = Fingerprint::of(&device.id, &device.serial, &device.k0);
        let bound = Decision::Confirm.challenge(challenge.get("challenge"), &shown);
        let more = [("confirm", "1"), ("fingerprint", shown.as_str())];
        first.finalize(service, "getsn", &first.proofs(&bound, "1234"), &more)
    };
    assert_eq!(reason(&decide(&by_number)), OTHER);
    decide(&by_maker).ok();
    approve(service, &first, &by_number).ok();
    for device in [&by_maker, &by_number] {
        device.ask(service, "1234").ok();
    }
}

#[test]
fn the_name_of_a_new_device_cannot_turn_the_text_around_it() {
    let (world, account, first) = world();
    let service = &world.authority;
    let code = world.code(&account, Purpose::Enrollment);
    let keys = Keys::read(&Answer::of(service, Some(&account), &setup("activate", "", &[("code", &code)])).ok());
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    let turned = request.replace("Android+SDK+%2F+test", "%3Cb%3EPhone%E2%80%AE");
    assert_ne!(turned, request);
    Answer::of(service, Some(&account), &turned).ok();
    assert_eq!(ask(service, &first).ok().get("name"), "&lt;b&gt;Phone");
}

/// Runs decisions of several devices about one new device at once. Returns which succeeded.
fn at_once(decisions: Vec<Box<dyn FnOnce() -> bool + Send + '_>>) -> Vec<bool> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = decisions.into_iter().map(|decide| scope.spawn(decide)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn of_an_approval_and_a_rejection_at_once_one_counts() {
    for _ in 0..5 {
        let (world, account, first) = world();
        let service = &world.authority;
        let second = waiting(&world, &account);
        approve(service, &first, &second).ok();
        let new = waiting(&world, &account);
        let (one, two) = (challenge(service, &first), challenge(service, &second));
        let done = at_once(vec![
            Box::new(|| finish_approval(service, &first, &one, "1234", short(&new), &number(&new)).err() == "OK"),
            Box::new(|| finish_rejection(service, &second, &two, short(&new)).err() == "OK"),
        ]);
        let word = new.setup(service, "status", &[]).err().to_owned();
        match done[..] {
            [true, false] => assert_eq!((word.as_str(), is_blocked(&world, &account)), ("OK", false)),
            [false, true] => assert_eq!((word.as_str(), is_blocked(&world, &account)), ("NOK:NODEVICE", true)),
            _ => panic!("{done:?}"),
        }
        assert_eq!(world.count("device.approved") + world.count("device.rejected"), 2);
    }
}

#[test]
fn of_two_approvals_and_of_two_wrong_numbers_at_once_one_counts() {
    for right in [true, false] {
        for _ in 0..3 {
            let (world, account, first) = world();
            let service = &world.authority;
            let second = waiting(&world, &account);
            approve(service, &first, &second).ok();
            let new = waiting(&world, &account);
            let entered = if right { number(&new) } else { other_number(&new) };
            let challenges = [challenge(service, &first), challenge(service, &second)];
            let decide = |device: &Device, challenge: &str| {
                let answer = finish_approval(service, device, challenge, "1234", short(&new), &entered);
                answer.err() == "OK" || reason(&answer) == WRONG
            };
            let done = at_once(vec![
                Box::new(|| decide(&first, &challenges[0])),
                Box::new(|| decide(&second, &challenges[1])),
            ]);
            assert_eq!(done.iter().filter(|done| **done).count(), 1, "{right}");
            let counts = (world.count("device.approved"), world.count("device.rejected"));
            assert_eq!(counts, if right { (2, 0) } else { (1, 1) });
            let events = world.database.column("SELECT event FROM account_events ORDER BY number");
            let last = if right { "newDevice" } else { "deviceRejected" };
            assert_eq!((events.len(), events[2].as_str()), (3, last));
        }
    }
}

#[test]
fn of_devices_that_activate_at_once_one_waits_in_the_end() {
    for _ in 0..3 {
        let (world, account, first) = world();
        let service = &world.authority;
        let code = world.code(&account, Purpose::Enrollment);
        let entered = at_once(vec![
            Box::new(|| enter(service, &account, &code, "1234", &serial()).0.err() == "OK"),
            Box::new(|| enter(service, &account, &code, "1234", &serial()).0.err() == "OK"),
        ]);
        assert_eq!(entered.iter().filter(|done| **done).count(), 1);
        let pending = service.devices(&account).unwrap().into_iter().filter(|device| device.pending).count();
        assert_eq!((pending, state(service, &first).as_str()), (1, "asked"));
    }
}

/// A step of a client, in any order.
#[derive(Clone, Copy, Debug)]
enum Act {
    Activate,
    Approve,
    Mistype,
    Reject,
    Wait(i64),
    Housekeep,
    RemoveNew,
    Login,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Activate),
        3 => Just(Act::Approve),
        1 => Just(Act::Mistype),
        1 => Just(Act::Reject),
        2 => (1_i64..400).prop_map(Act::Wait),
        1 => Just(Act::Housekeep),
        1 => Just(Act::RemoveNew),
        3 => Just(Act::Login),
    ];
    prop::collection::vec(act, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// A new device makes a password only after its approval, and the account never has more than
    /// one device that waits for it.
    #[test]
    fn no_order_of_steps_lets_a_device_work_before_its_approval(acts in acts()) {
        let (world, account, first) = world();
        let service = &world.authority;
        let mut new: Option<Device> = None;
        let mut is_approved = false;
        for act in acts {
            match act {
                Act::Activate => (new, is_approved) = (Some(waiting(&world, &account)), false),
                Act::Approve => if let Some(device) = &new {
                    let done = approve(service, &first, device).err() == "OK";
                    prop_assert!(!(done && is_approved), "it was approved before");
                    is_approved |= done;
                },
                Act::Mistype => if let Some(device) = &new {
                    let answer = approve_named(service, &first, "1234", short(device), &other_number(device));
                    prop_assert!(reason(&answer) == WRONG || reason(&answer) == NOTHING);
                    new = new.filter(|_| is_approved);
                },
                Act::Reject => if let Some(device) = &new {
                    let done = reject(service, &first, device).err() == "OK";
                    prop_assert!(!(done && is_approved));
                    prop_assert_eq!(is_blocked(&world, &account), done);
                    if done {
                        service.unblock(&account).unwrap();
                        new = None;
                    }
                },
                Act::Wait(seconds) => world.clock.forward(seconds),
                Act::Housekeep => drop(service.tidy(400, 1000).unwrap()),
                Act::RemoveNew => if let Some(device) = new.take() {
                    let word = device.remove(service);
                    prop_assert!(matches!(word.err(), "OK" | "NOK:NODEVICE"));
                },
                Act::Login => if let Some(device) = &new {
                    let works = device.ask(service, "1234").err() == "OK";
                    prop_assert_eq!(works, is_approved);
                },
            }
            let pending = service.devices(&account).unwrap().into_iter().filter(|device| device.pending).count();
            prop_assert!(pending <= 1);
            first.ask(service, "1234").ok();
        }
    }
}
