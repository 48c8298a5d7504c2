//! Requests in the form in which public clients of the exchange send them: their serials, their
//! proofs, and evolutions of K1 that they do not know.

use authority::{AccountName, PinProof, Policy, Purpose, Unblock, Verdict};
use inwebo::values::{K0, K1, Proofs, Serial, otp, proof};

use crate::device::{Answer, Device, Keys, Password, activation, pin, setup};
use crate::world::World;

/// Serials as public clients make them.
const SERIALS: [&str; 4] = [
    "0f8c6a1e-52d3-4b/_/00112233445566778899aabbccddeeff",
    "Client_Brand/_/00112233445566778899aabbccddeeff",
    "Client_Brand/_/00112233445566778899aabbccddeeff/_/ffeeddccbbaa99887766554433221100",
    "CACACACACACACACA/_/F7",
];

pub(crate) fn policy(pin_proof: PinProof) -> Policy {
    Policy { pin_proof, evolve_k1_every: 0, ..Policy::default() }
}

/// Activates a device with this serial. `change` is made to the finalize request.
fn activate(world: &World, account: &AccountName, serial: &str, change: impl Fn(String) -> String) -> Device {
    let serial = Serial::parse(serial).unwrap();
    let code = world.code(account, Purpose::Enrollment);
    let answer = Answer::of(&world.authority, Some(account), &setup("activate", "", &[("code", &code)])).ok();
    let keys = Keys::read(&answer);
    let request = change(activation(&keys, &code, &pin("1234"), &serial, None));
    let answer = Answer::of(&world.authority, Some(account), &request).ok();
    let (mut device, wanted) = Device::read(&answer, answer.get("id"), &serial, &pin("1234"), &keys.factory);
    device.register(&world.authority, &wanted, "1234").ok();
    device
}

/// Asks for a password without a proof of the PIN, but with K1.
pub(crate) fn ask_unproved(world: &World, device: &Device, k1: &K1) -> Answer {
    let answer = device.setup(&world.authority, "otp", &[("sid", "7001")]).ok();
    let (challenge, k0) = (answer.get("challenge"), device.k0.text());
    let proofs = Proofs {
        r0: proof(challenge, &k0, device.serial.as_str()),
        r1: proof(challenge, &k0, &k1.text()),
        r2: proof(challenge, &k0, ""),
    };
    device.finalize(&world.authority, "otp", &proofs, &[("sid", "7001"), ("keytype", "0")])
}

/// Returns the password that a device makes of an answer with its K1.
fn password_of(answer: &Answer, device: &Device) -> String {
    otp::with_pin(&device.k1("1234"), answer.get("defi"), &device.secval("1234")).to_string()
}

fn assert_pin_not_proved(answer: &Answer) {
    let found = (answer.err(), answer.find("reason"), answer.attempts_left());
    assert_eq!(found, ("NOK:ACCESS", Some("pinNotProved"), None));
}

fn pin_tries(world: &World, account: &AccountName) -> u32 {
    world.authority.account(account).unwrap().unwrap().pin_tries
}

#[test]
fn a_serial_of_any_form_enrolls_and_makes_passwords() {
    let world = World::new();
    let account = world.account("user");
    for serial in SERIALS {
        let device = activate(&world, &account, serial, |request| request);
        let password = device.made(&world.authority, "1234");
        assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted, "{serial}");
    }
    let serials: Vec<String> = world.authority.devices(&account).unwrap().into_iter().map(|device| device.id).collect();
    assert_eq!(serials.len(), SERIALS.len());
    assert!(serials.iter().all(|id| id.starts_with(['a', 'b', 'c', 'd'])), "{serials:?}");
}

#[test]
fn the_proofs_of_an_activation_prove_nothing_and_only_have_a_form() {
    let world = World::new();
    let account = world.account("user");
    let with_r0 = |request: &str, value: &str| {
        let pairs = form_urlencoded::parse(request.as_bytes());
        let pairs = pairs.map(|(name, sent)| if name == "R0" { (name, value.into()) } else { (name, sent) });
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    // A client with the keys of an earlier activation sends proofs over these.
    let old = proof("", &K0::new([1; 16]).text(), SERIALS[0]);
    let device = activate(&world, &account, SERIALS[0], |request| with_r0(&request, &old));
    device.made(&world.authority, "1234");

    let code = world.code(&account, Purpose::Enrollment);
    let answer = Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok();
    let serial = Serial::parse(SERIALS[1]).unwrap();
    let request = activation(&Keys::read(&answer), &code, &pin("1234"), &serial, None);
    for malformed in ["", "0", &"g".repeat(64)] {
        let answer = Answer::of(&world.authority, Some(&account), &with_r0(&request, malformed));
        assert_eq!(answer.err(), "NOK:SN", "{malformed}");
    }
}

#[test]
fn no_proof_of_a_pin_is_no_wrong_pin_and_gets_no_password_by_default() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let traits = world.rows(&["device_traits"]);
    for _ in 0..10 {
        assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1("1234")));
        assert_pin_not_proved(&ask_unproved(&world, &device, &K1::new([9; 16])));
    }
    assert_eq!(pin_tries(&world, &account), 0);
    assert_eq!(world.rows(&["device_traits"]), traits);
    device.made(&world.authority, "1234");
    // It forgives no wrong PIN, either.
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(4));
    assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1("1234")));
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(3));
}

#[test]
fn a_device_that_proves_its_pin_at_activation_gets_passwords_where_the_policy_says_so() {
    let world = World::with(policy(PinProof::AtActivation));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for _ in 0..5 {
        let answer = ask_unproved(&world, &device, &device.k1("1234")).ok();
        assert_eq!(answer.find("wrongPins"), None);
        let password = password_of(&answer, &device);
        assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
        assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    }
    // Wrong PINs of another device are not forgiven, and are still reported to a proof of the PIN.
    let other = Device::activate(&world, &account, "1234");
    assert_eq!(other.ask(&world.authority, "9999").attempts_left(), Some(4));
    ask_unproved(&world, &device, &device.k1("1234")).ok();
    assert_eq!(pin_tries(&world, &account), 1);
    assert_eq!(device.ask(&world.authority, "1234").ok().get("wrongPins"), "1");
}

/// The attack: a thief of a device that hides K1 under its PIN tries PINs until one uncovers K1.
#[test]
fn a_thief_of_a_hidden_k1_has_three_tries_without_a_proof_of_the_pin() {
    let world = World::with(policy(PinProof::AtActivation));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for guess in ["0000", "1111", "2222"] {
        assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1(guess)));
    }
    assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1("1234")));
    assert_eq!(pin_tries(&world, &account), 0);
    device.made(&world.authority, "1234");
}

#[test]
fn wrong_tries_without_a_proof_of_the_pin_are_shown_and_forgiven_as_wrong_pins_are() {
    let world = World::with(policy(PinProof::AtActivation));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let other = Device::activate(&world, &account, "1234");
    let wrong = || assert_pin_not_proved(&ask_unproved(&world, &device, &K1::new([9; 16])));
    let shown = || {
        let listed = world.authority.accounts(None, 10).unwrap().remove(0);
        assert_eq!(world.authority.account(&account).unwrap().as_ref(), Some(&listed));
        let devices = world.authority.devices(&account).unwrap();
        assert_eq!(devices.iter().map(|device| device.unproved_tries).sum::<u32>(), listed.unproved_tries);
        assert!(devices.iter().all(|found| found.id == device.id || found.unproved_tries == 0));
        (listed.unproved_tries, listed.pin_tries)
    };
    // A password forgives those of its own device.
    wrong();
    wrong();
    ask_unproved(&world, &other, &other.k1("1234")).ok();
    assert_eq!(shown(), (2, 0));
    ask_unproved(&world, &device, &device.k1("1234")).ok();
    assert_eq!(shown(), (0, 0));
    // An operator forgives them, although the account is not blocked.
    (0..3).for_each(|_| wrong());
    assert_eq!(shown(), (3, 0));
    assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1("1234")));
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::TriesForgiven);
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::NotBlocked);
    ask_unproved(&world, &device, &device.k1("1234")).ok();
    // So does an unblocking of a blocked account, and a password with the PIN.
    wrong();
    (0..5).for_each(|_| drop(other.ask(&world.authority, "9999")));
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    assert_eq!(shown(), (0, 0));
    wrong();
    device.made(&world.authority, "1234");
    assert_eq!(shown(), (0, 0));
}

#[test]
fn a_device_that_proved_its_pin_once_always_has_to() {
    let world = World::with(policy(PinProof::AtActivation));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    ask_unproved(&world, &device, &device.k1("1234")).ok();
    device.made(&world.authority, "1234");
    assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1("1234")));
    // No other request of a device omits the proof.
    for mode in ["synchro", "password"] {
        let (kma, new) = device.new_pin(&device.setup(&world.authority, "password", &[]).ok(), "4826");
        let answer = device.setup(&world.authority, mode, &[]).ok();
        let challenge = answer.get("challenge");
        let proofs = Proofs { r2: proof(challenge, &device.k0.text(), ""), ..device.proofs(challenge, "1234") };
        let more = [("nKma", kma.as_str()), ("newpin", &new)];
        let answer = device.finalize(&world.authority, mode, &proofs, &more);
        assert!(answer.err() == "NOK:ACCESS" && answer.attempts_left().is_some(), "{mode}: {answer:?}");
    }
}

/// Asks for passwords and lets every evolution pass. Returns `p` for a password and `E` for an
/// evolution.
fn passed_over(world: &World, account: &AccountName, device: &Device, requests: usize) -> String {
    let letter = |_| match device.password(&world.authority, "1234") {
        Password::Made(password) => {
            assert_eq!(world.authority.verify_otp(account, &password).unwrap(), Verdict::Accepted);
            'p'
        }
        // This device keeps its old K1.
        Password::Again(_) => 'E',
        Password::Refused(word) => panic!("{word}"),
    };
    (0..requests).map(letter).collect()
}

/// Asks for passwords until the answer is this one. Chance decides about each answer: one of 48
/// requests is `E` at most. So 10,000 requests without one do not happen.
fn until(world: &World, account: &AccountName, device: &Device, answer: char) -> usize {
    (0..10_000).find(|_| passed_over(world, account, device, 1).contains(answer)).unwrap()
}

#[test]
fn a_device_that_never_evolves_is_asked_three_times_and_then_by_chance() {
    let world = World::with(Policy { evolve_k1_every: 3, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(passed_over(&world, &account, &device, 5), "ppEEE");
    assert_eq!(world.count("device.k1.not_evolving"), 0);
    assert_eq!(passed_over(&world, &account, &device, 1), "p");
    assert_eq!(world.count("device.k1.not_evolving"), 1);
    for _ in 0..2 {
        until(&world, &account, &device, 'E');
        until(&world, &account, &device, 'p');
    }
    assert_eq!(world.count("device.k1.not_evolving"), 1);
}

/// The attack: a copy of the device, with the PIN, lets the evolutions pass, so that the service
/// stops asking. The evolutions would show the copy.
#[test]
fn a_copy_that_lets_evolutions_pass_does_not_end_them() {
    let world = World::with(Policy { evolve_k1_every: 1, ..Policy::default() });
    let account = world.account("user");
    let copy = Device::activate(&world, &account, "1234");
    let device = copy.clone();
    assert_eq!(passed_over(&world, &account, &copy, 4), "EEEp");
    // The copy lets a later request pass, too. That changes nothing for the owner's device, which
    // is asked sooner or later, takes the evolution, and is then always asked.
    until(&world, &account, &copy, 'E');
    let evolved = (0..10_000).find_map(|_| match device.password(&world.authority, "1234") {
        Password::Again(evolved) => Some(evolved),
        _ => None,
    });
    let device = evolved.expect("K1 does not evolve");
    device.made(&world.authority, "1234");
    assert_eq!(copy.ask(&world.authority, "1234").err(), "NOK:DESYNCHRONIZED");
    assert_eq!(world.count("device.clone_suspected"), 1);
    assert_eq!(passed_over(&world, &account, &device, 8), "EEEEEEEE");
}

#[test]
fn a_device_that_received_keys_is_asked_anew() {
    let world = World::with(Policy { evolve_k1_every: 1, ..Policy::default() });
    let account = world.account("user");
    let copy = Device::activate(&world, &account, "1234");
    assert_eq!(passed_over(&world, &account, &copy, 4), "EEEp");
    let device = copy.synchronized(&world.authority, "1234");
    assert_eq!(passed_over(&world, &account, &device, 4), "EEEp");
    let code = world.code(&account, Purpose::ResetPin);
    device.reset_pin(&world.authority, &code, "8264").ok();
    let traits = world.rows(&["device_traits"]);
    assert!(traits[0].contains(", 1, 0, 0, 0, "), "{traits:?}");
    assert_eq!(world.count("device.k1.not_evolving"), 2);
}

/// A device that activated while each had to prove its PIN never becomes lenient.
#[test]
fn a_change_of_the_policy_leaves_old_devices_as_they_are() {
    let mut world = World::with(policy(PinProof::Each));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    world.authority = world.another(policy(PinProof::AtActivation));
    assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1("1234")));
    device.made(&world.authority, "1234");
    let another = Device::activate(&world, &account, "1234");
    ask_unproved(&world, &another, &another.k1("1234")).ok();
}

/// Otherwise a writer of the database, or an upgrade, would make devices lenient.
#[test]
fn a_device_without_a_row_of_traits_must_prove_its_pin_and_is_always_asked_to_evolve() {
    let world = World::with(Policy { evolve_k1_every: 1, ..policy(PinProof::AtActivation) });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(world.rows(&["device_traits"]).len(), 1);
    ask_unproved(&world, &device, &device.k1("1234")).ok();
    world.database.execute("DELETE FROM device_traits");
    assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1("1234")));
    assert_eq!(passed_over(&world, &account, &device, 8), "EEEEEEEE");
    assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1("1234")));
}

/// Otherwise a copy of the device could stop the evolutions that would show it.
#[test]
fn a_device_that_evolved_once_is_asked_for_ever() {
    let world = World::with(Policy { evolve_k1_every: 1, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let Password::Again(device) = device.password(&world.authority, "1234") else { panic!("K1 does not evolve") };
    device.made(&world.authority, "1234");
    for _ in 0..8 {
        assert!(matches!(device.password(&world.authority, "1234"), Password::Again(_)));
    }
}

#[test]
fn k1_evolves_without_a_proof_of_the_pin() {
    let world = World::with(Policy { evolve_k1_every: 2, ..policy(PinProof::AtActivation) });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    ask_unproved(&world, &device, &device.k1("1234")).ok();
    let answer = ask_unproved(&world, &device, &device.k1("1234")).ok();
    let evolved = device.k1("1234").evolve(answer.get("dK1"));
    let answer = ask_unproved(&world, &device, &evolved).ok();
    let password = otp::with_pin(&evolved, answer.get("defi"), &device.secval("1234"));
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    assert_pin_not_proved(&ask_unproved(&world, &device, &device.k1("1234")));
}
