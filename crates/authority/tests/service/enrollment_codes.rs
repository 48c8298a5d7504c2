//! Codes that a device makes to enroll another one: the way to a working second device, and every
//! way that ends before it.

use authority::{
    AccountName, ActivationProof, Authority, CodeLetters, CvsAnswer, CvsRefusal, CvsRequest, DeviceName, Policy,
    Purpose, Verdict,
};
use inwebo::values::{Decision, Fingerprint, K0, Proofs, Serial};
use proptest::prelude::*;

use crate::device::{Answer, Device, Keys, Wanted, activation, finalize, pin, serial, setup};
use crate::world::World;

pub(crate) fn policy() -> Policy {
    Policy { activation_by_device: true, evolve_k1_every: 0, ..Policy::default() }
}

/// A service with an account that has one device.
fn world() -> (World, AccountName, Device) {
    let world = World::with(policy());
    let account = world.account("user");
    let first = Device::activate(&world, &account, "1234");
    (world, account, first)
}

fn make(service: &Authority, device: &Device, digits: &str) -> Answer {
    let answer = device.setup(service, "newsn", &[]);
    let Some(challenge) = answer.find("challenge") else { return answer };
    device.finalize(service, "newsn", &device.proofs(challenge, digits), &[])
}

pub(crate) fn code(service: &Authority, device: &Device) -> String {
    make(service, device, "1234").ok().get("code").to_owned()
}

/// A device that entered a code, before it has a service secret.
struct Entered {
    device: Device,
    wanted: Wanted,
}

/// Sends both steps of an activation.
fn enter(
    service: &Authority,
    caller: Option<&AccountName>,
    code: &str,
    digits: &str,
    serial: &Serial,
) -> Result<Entered, Answer> {
    let answer = Answer::of(service, caller, &setup("activate", "", &[("code", code)]));
    if answer.err() != "OK" {
        return Err(answer);
    }
    assert_eq!(answer.get("pinmode"), "1");
    let keys = Keys::read(&answer);
    let chosen = pin(digits);
    let answer = Answer::of(service, caller, &activation(&keys, code, &chosen, serial, None));
    if answer.err() != "OK" {
        return Err(answer);
    }
    assert_eq!(answer.get("confirmed"), "0");
    let (device, wanted) = Device::read(&answer, answer.get("id"), serial, &chosen, &keys.factory);
    Ok(Entered { device, wanted })
}

/// Enters a code on a new device, which makes its service secret.
pub(crate) fn second(service: &Authority, code: &str) -> Device {
    let Entered { mut device, wanted } = enter(service, None, code, "1234", &serial()).ok().unwrap();
    device.register(service, &wanted, "1234").ok();
    device
}

pub(crate) fn fingerprint(device: &Device) -> Fingerprint {
    Fingerprint::of(&device.id, &device.serial, &device.k0)
}

/// Asks for the state of the code.
fn ask(service: &Authority, device: &Device) -> Answer {
    let answer = device.setup(service, "getsn", &[]);
    let Some(challenge) = answer.find("challenge") else { return answer };
    let r0 = Proofs::without_pin(challenge, &device.serial, &device.k0).r0;
    Answer::of(service, None, &finalize("getsn", &device.id, &[("R0", &r0)]))
}

fn state(service: &Authority, device: &Device) -> String {
    ask(service, device).ok().get("state").to_owned()
}

/// Sends a decision whose proofs cover `proved`.
fn send_decision(
    service: &Authority,
    device: &Device,
    digits: &str,
    sent: (Decision, &Fingerprint),
    proved: (Decision, &Fingerprint),
) -> Answer {
    let answer = device.setup(service, "getsn", &[]);
    let Some(challenge) = answer.find("challenge") else { return answer };
    let proofs = device.proofs(&proved.0.challenge(challenge, proved.1), digits);
    let more = [("confirm", sent.0.as_str()), ("fingerprint", sent.1.as_str())];
    device.finalize(service, "getsn", &proofs, &more)
}

pub(crate) fn decide(service: &Authority, device: &Device, decision: Decision, shown: &Fingerprint) -> Answer {
    send_decision(service, device, "1234", (decision, shown), (decision, shown))
}

fn reason(answer: &Answer) -> (&str, Option<&str>) {
    (answer.err(), answer.find("reason"))
}

const NOT_CONFIRMED: (&str, Option<&str>) = ("NOK:STATE", Some("notConfirmed"));
const NOTHING: (&str, Option<&str>) = ("NOK:STATE", Some("nothingToConfirm"));

#[test]
fn a_second_device_works_once_the_first_one_has_confirmed_it() {
    let (world, account, first) = world();
    let service = &world.authority;
    let sent = world.inbox.len();
    let made = make(service, &first, "1234").ok();
    let code = made.get("code").to_owned();
    assert_eq!((code.len(), made.get("lifetime")), (10, "300"));
    assert_eq!(state(service, &first), "waiting");

    let second = second(service, &code.to_lowercase());
    let shown = ask(service, &first).ok();
    let expected = fingerprint(&second);
    assert_eq!((shown.get("state"), shown.get("fingerprint")), ("entered", expected.as_str()));
    assert_eq!(shown.get("name"), "Android SDK / test");
    let own = ask(service, &second).ok();
    assert_eq!((own.get("state"), own.get("self"), own.find("fingerprint")), ("entered", "1", None));

    for mode in ["otp", "password", "synchro", "status", "newsn"] {
        assert_eq!(reason(&second.setup(service, mode, &[("sid", "7001")])), NOT_CONFIRMED, "{mode}");
    }
    assert_eq!(reason(&second.setup(service, "reset", &[("code", "123456")])), NOT_CONFIRMED);
    assert_eq!(reason(&decide(service, &second, Decision::Confirm, &expected)), NOT_CONFIRMED);

    assert_eq!(decide(service, &first, Decision::Confirm, &expected).ok().get("state"), "confirmed");
    assert_eq!((state(service, &first), state(service, &second)), ("confirmed".into(), "confirmed".into()));
    let password = second.made(service, "1234");
    assert_eq!(service.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    first.ask(service, "1234").ok();
    // The confirmation is done once, and the code is used up.
    assert_eq!(reason(&decide(service, &first, Decision::Confirm, &expected)), NOTHING);
    assert_eq!(reason(&decide(service, &first, Decision::Reject, &expected)), NOTHING);
    let used = enter(service, None, &code, "1234", &serial()).err().unwrap();
    assert_eq!(used.err(), "NOK:CODE");
    assert_eq!(world.inbox.len(), sent, "no SMS");
    // The end of the code is not the end of the device.
    world.clock.forward(600);
    service.tidy(400, 1000).unwrap();
    second.ask(service, "1234").ok();
    assert_eq!(state(service, &second), "none");
    for event in ["device.code.made", "device.activated", "device.confirmed"] {
        assert!(world.count(event) >= 1, "{event}");
    }
}

#[test]
fn a_service_without_the_setting_knows_neither_the_modes_nor_the_codes() {
    let (world, account, first) = world();
    let made = code(&world.authority, &first);
    let off = world.another(Policy { evolve_k1_every: 0, ..Policy::default() });
    for mode in ["newsn", "getsn"] {
        let unknown = first.setup(&off, "nonsense", &[]);
        assert_eq!(first.setup(&off, mode, &[]), unknown);
        assert_eq!(unknown.err(), "NOK:SN");
        let proofs = first.proofs("00", "1234");
        assert_eq!(first.finalize(&off, mode, &proofs, &[]).err(), "NOK:SN");
    }
    let answer = Answer::of(&off, Some(&account), &setup("activate", "", &[("code", &made)]));
    assert_eq!(answer.err(), "NOK:CODE");
    let answer = Answer::of(&off, None, &setup("activate", "", &[("code", &made)]));
    assert_eq!(answer.err(), "NOK:TOKEN");
}

#[test]
fn a_code_needs_the_pin_and_k1_of_its_maker() {
    let (world, _, first) = world();
    let service = &world.authority;
    let wrong = make(service, &first, "4321");
    assert_eq!((wrong.err(), wrong.attempts_left()), ("NOK:ACCESS", Some(4)));
    let stranger = Device { k0: K0::new([0; 16]), ..first.clone() };
    let refused = make(service, &stranger, "1234");
    assert_eq!((refused.err(), refused.attempts_left()), ("NOK:ACCESS", None));
    let stale = Device { hidden_k1: [0; 16], ..first.clone() };
    assert_eq!(make(service, &stale, "1234").err(), "NOK:DESYNCHRONIZED");
    assert_eq!(state(service, &first), "none");
    assert_eq!(world.count("device.code.made"), 0);
    // A success tells the owner of the wrong PIN.
    assert_eq!(make(service, &first, "1234").ok().get("wrongPins"), "1");
}

#[test]
fn the_database_holds_no_code() {
    let (world, _, first) = world();
    let made = code(&world.authority, &first);
    let rows = world.rows(&["codes", "devices", "audit"]).join("\n");
    assert!(rows.contains("deviceEnrollment") && !rows.contains(&made) && !rows.contains(&made.to_lowercase()));
}

#[test]
fn a_new_code_voids_the_one_before_and_the_device_that_entered_it() {
    let (world, _, first) = world();
    let service = &world.authority;
    let old = code(service, &first);
    let new = code(service, &first);
    assert_ne!(old, new);
    assert_eq!(enter(service, None, &old, "1234", &serial()).err().unwrap().err(), "NOK:CODE");
    let pending = second(service, &new);
    let shown = fingerprint(&pending);
    let newest = code(service, &first);
    assert_eq!(pending.setup(service, "status", &[]).err(), "NOK:NODEVICE");
    assert_eq!(reason(&decide(service, &first, Decision::Confirm, &shown)), NOTHING);
    // The user confirms what was shown before, but another device has entered the newest code.
    let other = second(service, &newest);
    assert_eq!(reason(&decide(service, &first, Decision::Confirm, &shown)), ("NOK:STATE", Some("otherDevice")));
    assert_eq!(reason(&decide(service, &first, Decision::Reject, &shown)), ("NOK:STATE", Some("otherDevice")));
    assert_eq!(reason(&other.setup(service, "status", &[])), NOT_CONFIRMED);
    decide(service, &first, Decision::Confirm, &fingerprint(&other)).ok();
    assert_eq!(other.status(service), "OK");
}

#[test]
fn a_rejected_device_is_gone_and_its_code_is_void() {
    let (world, _, first) = world();
    let service = &world.authority;
    let made = code(service, &first);
    let neighbour = second(service, &made);
    // The owner comes second with the code that a neighbour photographed.
    assert_eq!(enter(service, None, &made, "1234", &serial()).err().unwrap().err(), "NOK:CODE");
    assert_eq!(decide(service, &first, Decision::Reject, &fingerprint(&neighbour)).ok().get("state"), "none");
    assert_eq!(neighbour.setup(service, "otp", &[("sid", "7001")]).err(), "NOK:NODEVICE");
    assert_eq!(ask(service, &neighbour).err(), "NOK:NODEVICE");
    assert_eq!(state(service, &first), "none");
    assert_eq!(enter(service, None, &made, "1234", &serial()).err().unwrap().err(), "NOK:CODE");
    assert_eq!(world.count("device.rejected"), 1);
    first.ask(service, "1234").ok();
}

#[test]
fn a_decision_is_proved_with_the_pin_over_itself() {
    let (world, _, first) = world();
    let service = &world.authority;
    let pending = second(service, &code(service, &first));
    let shown = fingerprint(&pending);
    let other = Fingerprint::read(if shown.as_str() == "00000000" { "00000001" } else { "00000000" }).unwrap();
    for (sent, proved) in [
        ((Decision::Confirm, &shown), (Decision::Reject, &shown)),
        ((Decision::Reject, &shown), (Decision::Confirm, &shown)),
        ((Decision::Confirm, &shown), (Decision::Confirm, &other)),
    ] {
        let changed = send_decision(service, &first, "1234", sent, proved);
        // R0 is wrong, so this is not the device, and no try is charged.
        assert_eq!((changed.err(), changed.attempts_left()), ("NOK:ACCESS", None));
    }
    let confirm = (Decision::Confirm, &shown);
    assert_eq!(send_decision(service, &first, "4321", confirm, confirm).attempts_left(), Some(4));
    for malformed in [("2", shown.as_str()), ("1", "1234"), ("1", "1234 5678"), ("", "12345678")] {
        let proofs = first.proofs("00", "1234");
        let more = [("confirm", malformed.0), ("fingerprint", malformed.1)];
        assert_eq!(first.finalize(service, "getsn", &proofs, &more).err(), "NOK:SN", "{malformed:?}");
    }
    assert_eq!(reason(&pending.setup(service, "status", &[])), NOT_CONFIRMED);
    // A challenge counts once.
    let challenge = first.setup(service, "getsn", &[]).ok().get("challenge").to_owned();
    let proofs = first.proofs(&Decision::Confirm.challenge(&challenge, &shown), "1234");
    let more = [("confirm", "1"), ("fingerprint", shown.as_str())];
    first.finalize(service, "getsn", &proofs, &more).ok();
    assert_eq!(first.finalize(service, "getsn", &proofs, &more).err(), "NOK:STATE");
}

#[test]
fn only_the_maker_sees_and_decides() {
    let (world, account, first) = world();
    let service = &world.authority;
    let third = Device::activate(&world, &account, "1234");
    let stranger = AccountName::new("stranger").unwrap();
    let strange = Device::activate(&world, &world.account("stranger"), "1234");
    let made = code(service, &first);
    let pending = second(service, &made);
    let shown = fingerprint(&pending);
    for other in [&third, &strange] {
        assert_eq!(state(service, other), "none");
        assert_eq!(reason(&decide(service, other, Decision::Confirm, &shown)), NOTHING);
    }
    let made = code(service, &first);
    // A caller that is another account finds no code of this one.
    let refused = enter(service, Some(&stranger), &made, "1234", &serial()).err().unwrap();
    assert_eq!(refused.err(), "NOK:CODE");
    assert!(enter(service, Some(&account), &made, "1234", &serial()).is_ok());
}

#[test]
fn a_device_that_nobody_confirms_is_gone_with_its_code() {
    for housekeeping in [false, true] {
        let (world, account, first) = world();
        let service = &world.authority;
        let pending = second(service, &code(service, &first));
        world.clock.forward(299);
        assert_eq!(reason(&pending.setup(service, "status", &[])), NOT_CONFIRMED);
        world.clock.forward(2);
        if housekeeping {
            service.tidy(400, 1000).unwrap();
            assert_eq!(service.devices(&account).unwrap().len(), 1);
        }
        let shown = fingerprint(&pending);
        assert_eq!(reason(&decide(service, &first, Decision::Confirm, &shown)), NOTHING);
        assert_eq!(pending.setup(service, "status", &[]).err(), "NOK:NODEVICE");
        assert_eq!(world.count("device.not_confirmed"), 1);
        assert_eq!(service.devices(&account).unwrap().len(), 1);
        assert_eq!(state(service, &first), "none");
    }
}

#[test]
fn a_device_that_nobody_confirmed_is_no_device_of_any_list_or_change() {
    for asked in 0..5 {
        let (world, account, first) = world();
        let service = &world.authority;
        let pending = second(service, &code(service, &first));
        assert_eq!(first.list(service).ok().elements("device").len(), 2);
        world.clock.forward(301);
        let name = DeviceName::new("Phone").unwrap();
        match asked {
            0 => assert_eq!(first.list(service).ok().elements("device").len(), 1),
            1 => assert_eq!(service.devices(&account).unwrap().len(), 1),
            2 => assert_eq!(service.account(&account).unwrap().unwrap().devices, 1),
            3 => assert_eq!(first.rename_device(service, "1234", &pending.id, "Phone").err(), "NOK:DEVICEID"),
            _ => {
                let (device, name) = (&*pending.id, &name);
                let no_such = CvsAnswer::Refused(CvsRefusal::NoSuchDevice);
                assert_eq!(world.cvs(&account, CvsRequest::RenameDevice { device, name }), no_such);
                assert_eq!(world.cvs(&account, CvsRequest::RemoveDevice { device }), no_such);
            }
        }
        assert_eq!(world.count("device.not_confirmed"), 1);
        assert_eq!((world.count("device.renamed"), world.count("device.removed")), (0, 0));
    }
}

#[test]
fn a_pending_device_ends_with_the_maker_of_its_code() {
    let (world, account, first) = world();
    let other = Device::activate(&world, &account, "1234");
    let service = &world.authority;
    let pending = second(service, &code(service, &first));
    assert_eq!(service.devices(&account).unwrap().len(), 3);
    first.remove(service).ok();
    let left: Vec<String> = service.devices(&account).unwrap().into_iter().map(|device| device.id).collect();
    assert_eq!(left, [other.id]);
    assert_eq!(pending.status(service), "NOK:NODEVICE");
    assert_eq!(world.count("device.not_confirmed"), 1);
}

#[test]
fn the_name_of_a_pending_device_cannot_turn_the_text_around_it() {
    let (world, _, first) = world();
    let service = &world.authority;
    let made = code(service, &first);
    let keys = Keys::read(&Answer::of(service, None, &setup("activate", "", &[("code", &made)])).ok());
    let request = activation(&keys, &made, &pin("1234"), &serial(), None);
    let turned = request.replace("Android+SDK+%2F+test", "Phone%E2%80%AE");
    assert_ne!(turned, request);
    Answer::of(service, None, &turned).ok();
    assert_eq!(ask(service, &first).ok().get("name"), "Phone");
}

#[test]
fn an_operator_forgives_the_wrong_pins_of_a_code_as_well() {
    let world = World::with(Policy { max_pin_tries: 2, ..policy() });
    let account = world.account("user");
    let first = Device::activate(&world, &account, "1234");
    let service = &world.authority;
    let made = code(service, &first);
    for _ in 0..2 {
        enter(service, None, &made, "9999", &serial()).err().unwrap();
    }
    service.unblock(&account).unwrap();
    let new = second(service, &made);
    decide(service, &first, Decision::Confirm, &fingerprint(&new)).ok();
    assert_eq!(first.ask(service, "9999").attempts_left(), Some(1));
    new.ask(service, "1234").ok();
    // The new device forgave nothing: the one wrong PIN is the first device's.
    assert_eq!(service.account(&account).unwrap().unwrap().pin_tries, 1);
}

#[test]
fn a_code_expires() {
    let (world, _, first) = world();
    let service = &world.authority;
    let made = code(service, &first);
    world.clock.forward(301);
    assert_eq!(enter(service, None, &made, "1234", &serial()).err().unwrap().err(), "NOK:CODE");
    assert_eq!(state(service, &first), "none");
}

#[test]
fn a_pending_device_counts_for_the_limit_until_it_is_gone() {
    let world = World::with(Policy { max_devices: 2, ..policy() });
    let account = world.account("user");
    let first = Device::activate(&world, &account, "1234");
    let service = &world.authority;
    let pending = second(service, &code(service, &first));
    let letters = world.code(&account, Purpose::Enrollment);
    let third = || {
        let keys = Keys::read(&Answer::of(service, Some(&account), &setup("activate", "", &[("code", &letters)])).ok());
        Answer::of(service, Some(&account), &activation(&keys, &letters, &pin("1234"), &serial(), None))
    };
    assert_eq!(third().err(), "NOK:MAXNBTOOLS");
    world.clock.forward(301);
    assert_eq!(first.status(service), "OK", "the late device does not count");
    third().ok();
    assert_eq!(pending.setup(service, "status", &[]).err(), "NOK:NODEVICE");
    // At the limit, the code stays good.
    let made = code(service, &first);
    assert_eq!(enter(service, None, &made, "1234", &serial()).err().unwrap().err(), "NOK:MAXNBTOOLS");
    service.set_policy(Policy { max_devices: 3, ..policy() });
    assert!(enter(service, None, &made, "1234", &serial()).is_ok());
}

#[test]
fn a_code_is_for_another_device_and_ends_with_its_maker() {
    let (world, account, first) = world();
    let service = &world.authority;
    let made = code(service, &first);
    assert_eq!(enter(service, None, &made, "1234", &first.serial).err().unwrap().err(), "NOK:CODE");
    first.ask(service, "1234").ok();
    let pending = second(service, &made);
    let made = code(service, &first);
    assert_eq!(pending.status(service), "NOK:NODEVICE");
    first.remove(service).ok();
    assert_eq!(enter(service, None, &made, "1234", &serial()).err().unwrap().err(), "NOK:CODE");
    assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
}

#[test]
fn a_wrong_pin_with_a_code_costs_a_try_and_the_block_ends_all() {
    let world = World::with(Policy { max_pin_tries: 2, ..policy() });
    let account = world.account("user");
    let first = Device::activate(&world, &account, "1234");
    let service = &world.authority;
    let made = code(service, &first);
    let wrong = enter(service, None, &made, "9999", &serial()).err().unwrap();
    assert_eq!((wrong.err(), wrong.attempts_left()), ("NOK:ACCESS", Some(1)));
    let wrong = enter(service, None, &made, "9999", &serial()).err().unwrap();
    assert_eq!(wrong.err(), "NOK:NOK_BLOCKED");
    assert_eq!(enter(service, None, &made, "1234", &serial()).err().unwrap().err(), "NOK:NOK_BLOCKED");
    assert_eq!(make(service, &first, "1234").err(), "NOK:NOK_BLOCKED");
    assert_eq!(ask(service, &first).err(), "NOK:NOK_BLOCKED");
}

#[test]
fn a_lost_answer_is_repeated_to_the_same_device_alone() {
    let (world, _, first) = world();
    let service = &world.authority;
    let made = code(service, &first);
    let own = serial();
    let keys = Keys::read(&Answer::of(service, None, &setup("activate", "", &[("code", &made)])).ok());
    let request = activation(&keys, &made, &pin("1234"), &own, None);
    let lost = Answer::of(service, None, &request).ok();
    let again = Answer::of(service, None, &request).ok();
    assert_eq!((again.get("id"), again.get("confirmed")), (lost.get("id"), "0"));
    let other = activation(&keys, &made, &pin("1234"), &serial(), None);
    assert_eq!(Answer::of(service, None, &other).err(), "NOK:CODE");
    let (mut device, wanted) = Device::read(&again, again.get("id"), &own, &pin("1234"), &keys.factory);
    device.register(service, &wanted, "1234").ok();
    decide(service, &first, Decision::Confirm, &fingerprint(&device)).ok();
    device.ask(service, "1234").ok();
}

#[test]
fn a_pending_device_may_end_itself() {
    let (world, _, first) = world();
    let service = &world.authority;
    let pending = second(service, &code(service, &first));
    pending.remove(service).ok();
    assert_eq!(state(service, &first), "none");
    assert_eq!(reason(&decide(service, &first, Decision::Confirm, &fingerprint(&pending))), NOTHING);
}

#[test]
fn every_proof_of_activations_takes_such_a_code_and_its_own_sms_codes() {
    for proof in [ActivationProof::Token, ActivationProof::Ticket, ActivationProof::Open(CodeLetters::MIN)] {
        let world = World::with(Policy { activation_proof: proof, ..policy() });
        let account = world.account("user");
        let service = &world.authority;
        let first = Device::activate(&world, &account, "1234");
        let second = second(service, &code(service, &first));
        decide(service, &first, Decision::Confirm, &fingerprint(&second)).ok();
        second.ask(service, "1234").ok();
        Device::activate(&world, &account, "1234").ask(service, "1234").ok();
        // A code that nobody made is wrong. Digits without a proof are refused as before.
        let unknown = Answer::of(service, None, &setup("activate", "", &[("code", "ZZZZZ22222")]));
        assert_eq!(unknown.err(), "NOK:CODE");
        let digits = Answer::of(service, None, &setup("activate", "", &[("code", "123456")]));
        assert_eq!(digits.err(), if proof == ActivationProof::Token { "NOK:TOKEN" } else { "NOK:CODE" });
    }
}

#[test]
fn an_account_has_one_code() {
    let (world, _, first) = world();
    let service = &world.authority;
    let codes: std::collections::BTreeSet<String> = (0..20).map(|_| code(service, &first)).collect();
    assert_eq!(codes.len(), 20);
    assert_eq!(world.rows(&["codes"]).iter().filter(|row| row.contains("deviceEnrollment")).count(), 1);
}

#[test]
fn of_two_devices_that_enter_a_code_at_once_one_gets_in() {
    for _ in 0..3 {
        let (world, account, first) = world();
        let service = &world.authority;
        let made = code(service, &first);
        let enters = || enter(service, None, &made, "1234", &serial()).map(|entered| entered.device.id);
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(enters);
            let two = scope.spawn(enters);
            (one.join().unwrap(), two.join().unwrap())
        });
        let words = [&one, &two].map(|entered| entered.as_ref().map_or_else(|refused| refused.err(), |_| "OK"));
        assert!(matches!(words, ["OK", "NOK:CODE"] | ["NOK:CODE", "OK"]), "{words:?}");
        let devices = service.devices(&account).unwrap();
        assert_eq!((devices.len(), devices.iter().filter(|device| device.pending).count()), (2, 1));
    }
}

#[test]
fn of_two_decisions_at_once_one_counts_at_most() {
    for _ in 0..3 {
        let (world, _, first) = world();
        let service = &world.authority;
        let pending = second(service, &code(service, &first));
        let shown = fingerprint(&pending);
        let decides = |decision| decide(service, &first, decision, &shown).err() == "OK";
        let (confirmed, rejected) = std::thread::scope(|scope| {
            let confirm = scope.spawn(|| decides(Decision::Confirm));
            let reject = scope.spawn(|| decides(Decision::Reject));
            (confirm.join().unwrap(), reject.join().unwrap())
        });
        // The later challenge replaces the earlier one, so that both may be refused.
        let expected = match (confirmed, rejected) {
            (true, false) => ("OK", None),
            (false, true) => ("NOK:NODEVICE", None),
            (false, false) => NOT_CONFIRMED,
            (true, true) => panic!("both were carried out"),
        };
        assert_eq!(reason(&pending.setup(service, "status", &[])), expected);
    }
}

/// A step of a client, in any order.
#[derive(Clone, Copy, Debug)]
enum Act {
    Make,
    Enter,
    Confirm,
    Reject,
    Wait(i64),
    Housekeep,
    RemoveSecond,
    Login,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => Just(Act::Make),
        3 => Just(Act::Enter),
        3 => Just(Act::Confirm),
        1 => Just(Act::Reject),
        2 => (1_i64..400).prop_map(Act::Wait),
        1 => Just(Act::Housekeep),
        1 => Just(Act::RemoveSecond),
        2 => Just(Act::Login),
    ];
    prop::collection::vec(act, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// A device that entered a code makes a password only after its confirmation, and the account
    /// never has more than one device that waits for it.
    #[test]
    fn no_order_of_steps_lets_a_device_work_before_its_confirmation(acts in acts()) {
        let (world, account, first) = world();
        let service = &world.authority;
        let mut made = None;
        let mut entered: Option<Device> = None;
        let mut is_confirmed = false;
        for act in acts {
            match act {
                Act::Make => {
                    made = Some(code(service, &first));
                    entered = entered.filter(|_| is_confirmed);
                }
                Act::Enter => if let (Some(code), None) = (&made, &entered)
                    && let Ok(Entered { mut device, wanted }) = enter(service, None, code, "1234", &serial())
                {
                    device.register(service, &wanted, "1234").ok();
                    (entered, is_confirmed) = (Some(device), false);
                },
                Act::Confirm | Act::Reject => if let Some(device) = &entered {
                    let decision = if matches!(act, Act::Confirm) { Decision::Confirm } else { Decision::Reject };
                    let done = decide(service, &first, decision, &fingerprint(device)).err() == "OK";
                    prop_assert!(!(done && is_confirmed), "it was decided before");
                    match decision {
                        Decision::Confirm => is_confirmed |= done,
                        Decision::Reject if done => entered = None,
                        Decision::Reject => {}
                    }
                },
                Act::Wait(seconds) => world.clock.forward(seconds),
                Act::Housekeep => drop(service.tidy(400, 1000).unwrap()),
                Act::RemoveSecond => if let Some(device) = entered.take() {
                    let word = device.remove(service);
                    prop_assert!(matches!(word.err(), "OK" | "NOK:NODEVICE"));
                },
                Act::Login => if let Some(device) = &entered {
                    let works = device.ask(service, "1234").err() == "OK";
                    prop_assert_eq!(works, is_confirmed);
                },
            }
            let pending = service.devices(&account).unwrap().into_iter().filter(|device| device.pending).count();
            prop_assert!(pending <= 1);
            first.ask(service, "1234").ok();
        }
    }
}
