//! Activation: a code and a PIN make a device once. A repeated request gets the lost answer again.

use authority::{AccountName, CvsAnswer, CvsRefusal, CvsRequest, Policy, Purpose, Unblock, Verdict};

use crate::device::{Answer, Device, Keys, activation, finalize, pin, serial, setup};
use crate::world::{NUMBER, STATE, World};

/// Sends the setup step with a code.
fn begin(world: &World, caller: Option<&AccountName>, code: &str) -> Answer {
    Answer::of(&world.authority, caller, &setup("activate", "", &[("code", code)]))
}

#[test]
fn a_new_account_chooses_a_pin_and_the_next_device_enters_it() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    assert_eq!(begin(&world, Some(&account), &code).ok().get("pinmode"), "2");
    let first = Device::activate_with(&world, &account, &code, "1234");
    let code = world.code(&account, Purpose::Enrollment);
    assert_eq!(begin(&world, Some(&account), &code).ok().get("pinmode"), "1");
    let second = Device::activate_with(&world, &account, &code, "1234");
    for device in [first, second] {
        let password = device.made(&world.authority, "1234");
        assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    }
}

#[test]
fn the_answers_have_the_children_of_the_recorded_ones_in_their_order_and_ours_after_them() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    let children = |xml: &str| -> Vec<String> {
        let body = xml.split_once("?>").unwrap().1;
        body.split('<')
            .filter(|tag| !tag.is_empty() && !tag.starts_with('/'))
            .map(|tag| tag.split('>').next().unwrap().to_owned())
            .collect()
    };
    let text = world.authority.mac(Some(&account), &setup("activate", "", &[("code", &code)])).unwrap();
    assert_eq!(children(&text.xml), ["ActionSetup", "err", "Kiw", "Kfact", "pinmode", "lifetime"]);
    let keys = Keys::read(&begin(&world, Some(&account), &code));
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    let text = world.authority.mac(Some(&account), &request).unwrap();
    let expected = [
        "ActionFinalize",
        "err",
        "id",
        "K0",
        "K1",
        "Tsync",
        "s_n",
        "s_id",
        "s_name",
        "ms_n",
        "ms_id",
        "ms_key",
        "challenge",
    ];
    assert_eq!(children(&text.xml), expected);
}

#[test]
fn the_code_of_an_open_activation_identifies_the_account() {
    let world = World::open();
    let (first, second) = (world.account("first"), world.account("second"));
    let codes = [&first, &second].map(|account| world.code(account, Purpose::Enrollment));
    for (account, code) in [(&second, &codes[1]), (&first, &codes[0])] {
        let keys = Keys::read(&begin(&world, None, code).ok());
        let serial = serial();
        let answer = Answer::of(&world.authority, None, &activation(&keys, code, &pin("1234"), &serial, None)).ok();
        let (mut device, wanted) = Device::read(&answer, answer.get("id"), &serial, &pin("1234"), &keys.factory);
        device.register(&world.authority, &wanted, "1234").ok();
        let password = device.made(&world.authority, "1234");
        assert_eq!(world.authority.verify_otp(account, &password).unwrap(), Verdict::Accepted);
    }
}

#[test]
fn with_a_caller_the_code_of_another_account_is_a_wrong_one_and_charged_to_the_caller() {
    let world = World::new();
    let (first, second) = (world.account("first"), world.account("second"));
    let codes = [&first, &second].map(|account| world.code(account, Purpose::Enrollment));
    let answer = begin(&world, Some(&first), &codes[1]);
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", Some(4)));
    begin(&world, Some(&second), &codes[1]).ok();
}

#[test]
fn a_finalize_without_its_setup_or_too_long_after_it_is_refused() {
    let world = World::new();
    let account = world.account("user");
    let other = world.account("other");
    let keys = Keys::read(&begin(&world, Some(&other), &world.code(&other, Purpose::Enrollment)).ok());
    let code = world.code(&account, Purpose::Enrollment);
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:STATE");
    begin(&world, Some(&account), &code).ok();
    world.clock.forward(301);
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:TIMEOUT");
    begin(&world, Some(&account), &code).ok();
    world.clock.forward(299);
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:CODE");
}

#[test]
fn a_wrong_account_pin_is_charged_and_can_be_tried_again_until_the_account_blocks() {
    let world = World::with(Policy { max_pin_tries: 3, ..Policy::default() });
    let account = world.account("user");
    Device::activate(&world, &account, "1234");
    let code = world.code(&account, Purpose::Enrollment);
    let keys = Keys::read(&begin(&world, Some(&account), &code).ok());
    let serial = serial();
    let enter =
        |digits| Answer::of(&world.authority, Some(&account), &activation(&keys, &code, &pin(digits), &serial, None));
    assert_eq!(enter("9999").attempts_left(), Some(2));
    assert_eq!(enter("9999").attempts_left(), Some(1));
    assert_eq!(enter("9999").err(), "NOK:NOK_BLOCKED");
    assert_eq!(enter("1234").err(), "NOK:NOK_BLOCKED");
    assert_eq!(begin(&world, Some(&account), &code).err(), "NOK:NOK_BLOCKED");
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    enter("1234").ok();
}

#[test]
fn a_pin_that_the_policy_does_not_allow_is_not_chosen() {
    let world = World::with(Policy { pin_min_length: 6, ..Policy::default() });
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    let keys = Keys::read(&begin(&world, Some(&account), &code).ok());
    let serial = serial();
    let request = |digits| activation(&keys, &code, &pin(digits), &serial, None);
    assert_eq!(Answer::of(&world.authority, Some(&account), &request("12345")).err(), "NOK:PINREFUSED");
    Answer::of(&world.authority, Some(&account), &request("123456")).ok();
}

#[test]
fn a_kma_that_is_not_of_this_pin_and_serial_is_refused() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    let keys = Keys::read(&begin(&world, Some(&account), &code).ok());
    let before = world.rows(&STATE);
    let (one, other) = (serial(), serial());
    let parameters = |name: &str| {
        let request = activation(&keys, &code, &pin("1234"), if name == "Kma" { &other } else { &one }, None);
        form_urlencoded::parse(request.as_bytes()).find(|(known, _)| known == name).unwrap().1.into_owned()
    };
    let more = ["serial", "code", "Kma", "pin", "name", "R0", "R1", "R2"].map(|name| (name, parameters(name)));
    let more = more.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(Answer::of(&world.authority, Some(&account), &finalize("activate", "", &more)).err(), "NOK:SN");
    assert_eq!(world.rows(&STATE), before);
}

#[test]
fn a_lost_answer_is_delivered_again_until_the_secret_is_made() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    let keys = Keys::read(&begin(&world, Some(&account), &code).ok());
    let (one, chosen) = (serial(), pin("1234"));
    let request = activation(&keys, &code, &chosen, &one, None);
    let lost = Answer::of(&world.authority, Some(&account), &request).ok();

    // The setup step refuses a used code, and no other account gets the device.
    assert_eq!(begin(&world, Some(&account), &code).err(), "NOK:CODE");
    let stranger = activation(&keys, &code, &chosen, &serial(), None);
    assert_eq!(Answer::of(&world.authority, Some(&account), &stranger).err(), "NOK:CODE");
    let wrong_pin = activation(&keys, &code, &pin("9999"), &one, None);
    let answer = Answer::of(&world.authority, Some(&account), &wrong_pin);
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", Some(4)));

    world.clock.forward(400);
    let again = Answer::of(&world.authority, Some(&account), &request).ok();
    for same in ["id", "K0", "K1"] {
        assert_eq!(lost.get(same), again.get(same), "{same}");
    }
    assert_ne!(lost.get("challenge"), again.get("challenge"));
    let (mut device, wanted) = Device::read(&again, again.get("id"), &one, &chosen, &keys.factory);
    device.register(&world.authority, &wanted, "1234").ok();
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:CODE");
    device.ask(&world.authority, "1234").ok();
}

/// A new PIN removes the secret of every device. A device without a secret has not always lost an
/// answer.
#[test]
fn a_device_that_proved_its_pin_gets_no_answer_again_after_another_one_changed_the_pin() {
    let world = World::new();
    let account = world.account("user");
    let second = Device::activate(&world, &account, "1234");
    let code = world.code(&account, Purpose::Enrollment);
    let first = Device::activate_with(&world, &account, &code, "1234");
    assert_eq!(second.change_pin(&world.authority, "1234", "4826").err(), "OK");
    let keys = Keys::read(&second.setup(&world.authority, "password", &[]).ok());
    for chosen in ["4826", "9999"] {
        let request = activation(&keys, &code, &pin(chosen), &first.serial, None);
        let answer = Answer::of(&world.authority, Some(&account), &request);
        assert_eq!((answer.err(), answer.attempts_left(), answer.find("K0")), ("NOK:CODE", None, None), "{chosen}");
    }
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_tries, 0);
}

#[test]
fn a_lost_answer_is_not_delivered_once_the_code_expired() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    let keys = Keys::read(&begin(&world, Some(&account), &code).ok());
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    Answer::of(&world.authority, Some(&account), &request).ok();
    world.clock.forward(600);
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:CODE");
}

#[test]
fn the_same_serial_replaces_its_device() {
    let world = World::with(Policy { max_devices: 2, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let old = Device::activate(&world, &account, "1234");
    let code = world.code(&account, Purpose::Enrollment);
    let keys = Keys::read(&begin(&world, Some(&account), &code).ok());
    let request = activation(&keys, &code, &pin("1234"), &old.serial, None);
    let answer = Answer::of(&world.authority, Some(&account), &request).ok();
    assert_ne!(answer.get("id"), old.id);
    assert_eq!(old.status(&world.authority), "NOK:NODEVICE");
    let (new, _) = Device::read(&answer, answer.get("id"), &old.serial, &pin("1234"), &keys.factory);
    assert!(new.k0 != old.k0);
    assert_eq!(new.status(&world.authority), "OK");
}

#[test]
fn an_account_has_at_most_its_number_of_devices() {
    let world = World::with(Policy { max_devices: 2, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let first = Device::activate(&world, &account, "1234");
    assert_eq!(first.status(&world.authority), "OK");
    let code = world.code(&account, Purpose::Enrollment);
    let keys = Keys::read(&begin(&world, Some(&account), &code).ok());
    let second = Device::activate_with(&world, &account, &code, "1234");
    assert_eq!(second.status(&world.authority), "NOK:MAXNBTOOLS");
    // Its earlier keys still work.
    second.ask(&world.authority, "1234").ok();
    // Public clients expect the refusal at the finalize step.
    let code = world.code(&account, Purpose::Enrollment);
    begin(&world, Some(&account), &code).ok();
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:MAXNBTOOLS");
    // A wrong PIN is not compared, so the refusal tells nothing about it.
    let guess = activation(&keys, &code, &pin("9999"), &serial(), None);
    let refused = Answer::of(&world.authority, Some(&account), &guess);
    assert_eq!((refused.err(), refused.attempts_left()), ("NOK:MAXNBTOOLS", None));
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_tries, 0);
    // The code stays usable: for a device of the account that activates again, and after a removal.
    first.remove(&world.authority).ok();
    Answer::of(&world.authority, Some(&account), &request).ok();
}

#[test]
fn an_activation_registers_its_phone_number_or_neither() {
    let world = World::new();
    let account = AccountName::new("user").unwrap();
    let code = world.number_code(&account, NUMBER);
    let with_number = |number| setup("activate", "", &[("code", &code), ("phone", number)]);
    let begin = |number| Answer::of(&world.authority, Some(&account), &with_number(number));
    // The code is bound to its number and its purpose.
    assert_eq!(begin("+33612345679").err(), "NOK:OTHERNUMBER");
    assert_eq!(begin("number").err(), "NOK:PHONE");
    assert_eq!(
        Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)])).err(),
        "NOK:CODE"
    );
    let keys = Keys::read(&begin(NUMBER).ok());
    assert_eq!(world.cvs(&account, CvsRequest::TrustedPhoneNumber), CvsAnswer::Refused(CvsRefusal::NoPhoneNumber));
    let (pin, serial) = (pin("1234"), serial());
    let request = |number| activation(&keys, &code, &pin, &serial, Some(number));
    Answer::of(&world.authority, Some(&account), &request("0033 (0)612345678")).ok();
    assert_eq!(world.cvs(&account, CvsRequest::TrustedPhoneNumber), CvsAnswer::PhoneNumber(NUMBER.into()));
    // The answer may be lost here, too, and the user may write the number in another spelling.
    Answer::of(&world.authority, Some(&account), &request("+33 6 12-34-56-78")).ok();
}

#[test]
fn an_activation_does_not_change_a_registered_phone_number() {
    let world = World::new();
    let account = world.account("user");
    let code = world.number_code(&account, "+33699999999");
    let request = setup("activate", "", &[("code", &code), ("phone", "+33699999999")]);
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:PHONEREGISTERED");
    assert_eq!(world.cvs(&account, CvsRequest::TrustedPhoneNumber), CvsAnswer::PhoneNumber(NUMBER.into()));
}
