//! The service opens RSA blocks only if it waits for a finalize step. Blocks that no key opens show
//! this a second time: their word would come first.

use authority::{AccountName, MacAnswer, Purpose, Word};

use crate::device::{Device, finalize, pin, serial, setup};
use crate::world::{STATE, World};

/// Returns the word of an answer, and whether blocks were opened for it.
fn outcome(world: &World, caller: Option<&AccountName>, request: &str) -> (String, bool) {
    let MacAnswer { word, opened_blocks, .. } = world.authority.mac(caller, request).unwrap();
    (word.as_ref().map_or("OK", Word::as_str).to_owned(), opened_blocks)
}

/// Returns a finalize step that is complete in form. Its blocks have the right length and do not
/// open.
fn whole(mode: &str, id: &str, code: &str) -> String {
    let (block, proof) = ("5a".repeat(256), "0".repeat(64));
    let common = [("R0", proof.as_str()), ("R1", &proof), ("R2", &proof), ("code", code)];
    let blocks: &[(&str, &str)] = match mode {
        "ms" => &[("ms_id0", "9001"), ("ms_n", "1"), ("ms_val0", &block)],
        _ => &[("nKma", &block), ("newpin", &block)],
    };
    finalize(mode, id, &[&common[..], blocks].concat())
}

/// Returns the finalize step of an activation with blocks that do not open.
fn activation(code: &str) -> String {
    let (block, serial) = ("5a".repeat(256), serial());
    let proofs = inwebo::values::Proofs::before_activation(&serial);
    let parameters = [
        ("serial", serial.as_str()),
        ("code", code),
        ("Kma", &block),
        ("pin", &block),
        ("name", "n"),
        ("R0", &proofs.r0),
        ("R1", &proofs.r1),
        ("R2", &proofs.r2),
    ];
    finalize("activate", "", &parameters)
}

/// Makes the service wait for a finalize step of this mode.
fn begin(world: &World, device: &Device, mode: &str) {
    match mode {
        "ms" => drop(device.synchronize(&world.authority, "1234").expect("synchronized")),
        _ => drop(device.setup(&world.authority, mode, &[("code", "000000")]).ok()),
    }
}

const MODES: [&str; 3] = ["ms", "password", "reset"];

#[test]
fn no_block_is_opened_for_an_unknown_device_or_without_a_challenge() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for mode in MODES {
        let asked = |id: &str| outcome(&world, None, &whole(mode, id, "000000"));
        assert_eq!(asked("0000000000000000"), ("NOK:NODEVICE".to_owned(), false), "{mode}");
        assert_eq!(asked(&device.id), ("NOK:STATE".to_owned(), false), "{mode}");
        begin(&world, &device, mode);
        world.clock.forward(301);
        assert_eq!(asked(&device.id), ("NOK:TIMEOUT".to_owned(), false), "{mode}");
        assert_eq!(asked(&device.id), ("NOK:STATE".to_owned(), false), "{mode}: it was used");
    }
}

#[test]
fn blocks_of_a_step_that_is_waited_for_are_opened_and_change_nothing_where_they_do_not_open() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for mode in MODES {
        begin(&world, &device, mode);
        let (before, events) = (world.rows(&STATE), world.events());
        for _ in 0..2 {
            let asked = outcome(&world, None, &whole(mode, &device.id, "000000"));
            assert_eq!(asked, ("NOK:SN".to_owned(), true), "{mode}");
        }
        assert_eq!((world.rows(&STATE), world.events()), (before, events), "{mode}");
    }
}

#[test]
fn no_block_is_opened_for_a_blocked_account_unless_the_step_can_lift_the_block() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    MODES.iter().for_each(|mode| begin(&world, &device, mode));
    while device.ask(&world.authority, "9999").err() != "NOK:NOK_BLOCKED" {}
    for mode in ["ms", "password"] {
        let asked = || outcome(&world, None, &whole(mode, &device.id, "000000"));
        assert_eq!(asked(), ("NOK:NOK_BLOCKED".to_owned(), false), "{mode}");
        world.authority.unblock(&account).unwrap();
        assert_eq!(asked(), ("NOK:STATE".to_owned(), false), "{mode}: the challenge was used");
        while device.ask(&world.authority, "9999").err() != "NOK:NOK_BLOCKED" {}
    }
    assert_eq!(outcome(&world, None, &whole("reset", &device.id, "000000")), ("NOK:SN".to_owned(), true));
}

#[test]
fn no_block_of_an_activation_is_opened_for_a_wrong_code_which_costs_one_try() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for code in [wrong, &code] {
        assert_eq!(outcome(&world, None, &activation(code)), ("NOK:TOKEN".to_owned(), false));
    }
    let attempts_left = || {
        let answer = world.authority.mac(Some(&account), &setup("activate", "", &[("code", wrong)])).unwrap();
        answer.xml.split_once("<attemptsLeft>").unwrap().1.split_once('<').unwrap().0.parse::<u32>().unwrap()
    };
    let before = attempts_left();
    assert_eq!(outcome(&world, Some(&account), &activation(wrong)), ("NOK:CODE".to_owned(), false));
    assert_eq!(attempts_left(), before - 2, "one try, and the one of this question");
    // The right code: the blocks are opened, do not open, and leave everything as it was.
    let (rows, events) = (world.rows(&STATE), world.events());
    assert_eq!(outcome(&world, Some(&account), &activation(&code)), ("NOK:SN".to_owned(), true));
    assert_eq!((world.rows(&STATE), world.events()), (rows, events));
}

#[test]
fn a_challenge_is_used_up_by_the_step_that_is_verified() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let answer = device.setup(&world.authority, "password", &[]).ok();
    let (kma, new) = device.new_pin(&answer, pin("4321").digits());
    let wrong = device.proofs(answer.get("challenge"), "9999");
    let finalize = |proofs| device.finalize(&world.authority, "password", proofs, &[("nKma", &kma), ("newpin", &new)]);
    assert_eq!(finalize(&wrong).err(), "NOK:ACCESS");
    assert_eq!(finalize(&device.proofs(answer.get("challenge"), "1234")).err(), "NOK:STATE");
}
