//! Any request gets an answer with an error word and changes no row.

use std::sync::OnceLock;

use authority::{ActivationProof, CodeLetters, Policy};
use proptest::prelude::*;

use crate::device::{Answer, Device, query, setup};
use crate::world::{STATE, World};

struct Fixture {
    world: World,
    device: Device,
    before: Vec<String>,
}

/// Returns the one service for all cases: each must leave it as it was.
fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        // An unknown code is looked up there, and not refused at once.
        let world = World::with(Policy {
            activation_proof: ActivationProof::Open(CodeLetters::MIN),
            activation_approval: true,
            device_notices: true,
            evolve_k1_every: 0,
            ..Policy::default()
        });
        let account = world.account("user");
        let device = Device::activate(&world, &account, "1234");
        world.code(&account, authority::Purpose::Enrollment);
        let before = world.rows(&STATE);
        Fixture { world, device, before }
    })
}

fn refused_and_unchanged(request: &str) -> Result<(), TestCaseError> {
    let Fixture { world, before, .. } = fixture();
    let answer = world.authority.mac(None, request).unwrap();
    prop_assert!(answer.word.is_some(), "{request}: {}", *answer.xml);
    prop_assert_eq!(&world.rows(&STATE), before);
    Ok(())
}

const NAMES: [&str; 32] = [
    "action", "mode", "id", "lastsync", "version", "macid", "lang", "ack", "serial", "code", "Kma", "pin", "name",
    "R0", "R1", "R2", "phone", "sid", "keytype", "ms_id0", "ms_val0", "ms_n", "nKma", "newpin", "ticket", "device",
    "keystore", "after", "number", "reject", "x", "",
];

const MODES: [&str; 12] = [
    "activate",
    "ms",
    "otp",
    "synchro",
    "password",
    "reset",
    "remove",
    "devices",
    "renamedevice",
    "removedevice",
    "messages",
    "checkpush",
];

/// Returns a parameter: a known name or any, with a value that looks right or any.
fn parameter() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![9 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => ".{0,8}"];
    let value = prop_oneof![
        Just("ActionFinalize".to_owned()),
        prop::sample::select(&MODES[..]).prop_map(str::to_owned),
        "[0-9a-f]{64}",
        "[0-9a-f]{32}",
        "[0-9]{0,12}",
        "[0-9a-f]{16}/_/[0-9a-f]{32}",
        ".{0,20}",
        Just("a".repeat(3000)),
    ];
    (name, value)
}

/// Returns a finalize step of the real device that is complete in form: every parameter is there,
/// and only the values are made up.
fn whole() -> impl Strategy<Value = Vec<(String, String)>> {
    let modes = prop::sample::select(&MODES[..]);
    let hex = || "[0-9a-f]{64}";
    (modes, "[0-2]", hex(), hex(), hex(), "[0-9a-f]{512}", "[a-z]{6}").prop_map(
        |(mode, key, r0, r1, r2, sealed, code)| {
            let id = &fixture().device.id;
            let serial = fixture().device.serial.as_str();
            let fixed = [
                ("action", "ActionFinalize"),
                ("mode", mode),
                ("id", id),
                ("lastsync", "0"),
                ("version", "1"),
                ("macid", "0123456789abcdef0123456789abcdef"),
                ("serial", serial),
                ("code", &code),
                ("Kma", &sealed),
                ("pin", &sealed),
                ("name", "n"),
                ("R0", &r0),
                ("R1", &r1),
                ("R2", &r2),
                ("sid", "7001"),
                ("keytype", &key),
                ("ms_id0", "9001"),
                ("ms_val0", &sealed),
                ("ms_n", "1"),
                ("nKma", &sealed),
                ("newpin", &sealed),
                ("device", id),
                ("after", "0"),
                ("number", "12"),
            ];
            fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
        },
    )
}

fn encoded(parameters: &[(String, String)]) -> String {
    let borrowed: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    query(&borrowed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused(text in ".{0,200}") {
        refused_and_unchanged(&text)?;
    }

    #[test]
    fn any_soup_of_parameters_is_refused(parameters in prop::collection::vec(parameter(), 0..24)) {
        refused_and_unchanged(&encoded(&parameters))?;
    }

    #[test]
    fn made_up_proofs_without_a_setup_are_refused(parameters in whole()) {
        refused_and_unchanged(&encoded(&parameters))?;
    }

    #[test]
    fn a_whole_request_that_lacks_or_repeats_a_parameter_is_refused(
        mut parameters in whole(), place in any::<prop::sample::Index>(), repeat in any::<bool>(),
    ) {
        let place = place.index(parameters.len());
        if repeat {
            parameters.push(parameters[place].clone());
        } else {
            parameters.remove(place);
        }
        refused_and_unchanged(&encoded(&parameters))?;
    }
}

#[test]
fn a_request_without_one_of_its_common_parameters_is_malformed() {
    let Fixture { world, device, .. } = fixture();
    let whole = setup("status", &device.id, &[]);
    assert_eq!(Answer::of(&world.authority, None, &whole).err(), "OK");
    let parts: Vec<&str> = whole.split('&').collect();
    for place in 0..parts.len() {
        let mut fewer = parts.clone();
        fewer.remove(place);
        let answer = Answer::of(&world.authority, None, &fewer.join("&"));
        assert_eq!(answer.err(), "NOK:SN", "without {}", parts[place]);
    }
}

#[test]
fn malformed_values_are_named_so() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let (before, events) = (world.rows(&STATE), world.events());
    let id = device.id.as_str();
    let status = |from: &str, to: &str| setup("status", id, &[]).replace(from, to);
    for request in [
        status("macid=0123456789abcdef", "macid=0123456789abcdeg"),
        status("macid=0123456789abcdef", "macid=0"),
        status("lastsync=0", "lastsync="),
        status("lastsync=0", "lastsync=-1"),
        status("mode=status", "mode=Status"),
        status("mode=status", "mode=nothing"),
        status("action=ActionSetup", "action=Setup"),
        status("action=ActionSetup", "action=ActionFinalize"),
        status("version=", "version=%zz"),
        status("version=", "version=%ff"),
        setup("ms", id, &[]),
        setup("otp", id, &[]),
        setup("activate", "", &[]),
        setup("activate", "", &[("code", "123")]),
        setup("activate", "", &[("code", "1234567890123")]),
        setup("activate", "", &[("code", "12 34")]),
        setup("reset", id, &[("code", "")]),
    ] {
        assert_eq!(Answer::of(&world.authority, None, &request).err(), "NOK:SN", "{request}");
    }
    for number in ["", "06 12 34 56 xx", "++33612345678", &"1".repeat(65)] {
        let request = setup("activate", "", &[("code", "123456"), ("phone", number)]);
        assert_eq!(Answer::of(&world.authority, None, &request).err(), "NOK:PHONE", "{request}");
    }
    assert_eq!(world.rows(&STATE), before);
    assert_eq!(world.events(), events);
}
