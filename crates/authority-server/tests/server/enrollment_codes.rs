//! A second device by the first one, over HTTP: neither an SMS nor a token.

use inwebo::values::{Decision, Fingerprint, Proofs};

use crate::device::{Answer, Device, Keys, activation, finalize, pin, serial, setup};
use crate::http::Reply;
use crate::world::{ADMIN, Client, Setup, World};

fn code(exchange: &Client, device: &Device) -> String {
    let challenge = device.setup(exchange, "newsn", &[]).ok();
    let proofs = device.proofs(challenge.get("challenge"), "1234");
    device.finalize(exchange, "newsn", &proofs, &[]).ok().get("code").to_owned()
}

fn guess(world: &World, code: &str) -> Reply {
    world.ask("GET", &format!("/iwws/MAC?{}", setup("activate", "", &[("code", code)])), None, None)
}

#[test]
fn a_second_device_enrolls_without_a_token_and_works_after_its_confirmation() {
    let world = Setup::new().set("activation.by_device", true).start();
    let alice = world.account("alice");
    let first = Device::activate(&world, &alice, "1234");
    let code = code(&world.client, &first);
    let keys = Keys::read(&Answer::of(&world.client, None, &setup("activate", "", &[("code", &code)])).ok());
    let (serial, chosen) = (serial(), pin("1234"));
    let answer = Answer::of(&world.client, None, &activation(&keys, &code, &chosen, &serial, None)).ok();
    assert_eq!(answer.get("confirmed"), "0");
    let (mut second, wanted) = Device::read(&answer, answer.get("id"), &serial, &chosen, &keys.factory);
    second.register(&world.client, &wanted, "1234").ok();
    assert_eq!(second.ask(&world.client, "1234").find("reason"), Some("notConfirmed"));
    let pending = || {
        let devices = world.operate("GET", "/admin/v1/accounts/alice/devices", Some(ADMIN), None).json();
        let devices = devices.as_array().cloned().unwrap_or_else(|| devices["devices"].as_array().unwrap().clone());
        devices.iter().filter(|device| device["pending"] == true).count()
    };
    assert_eq!(pending(), 1);

    let challenge = first.setup(&world.client, "getsn", &[]).ok();
    let r0 = Proofs::without_pin(challenge.get("challenge"), &first.serial, &first.k0).r0;
    let shown = Answer::of(&world.client, None, &finalize("getsn", &first.id, &[("R0", &r0)])).ok();
    let fingerprint = Fingerprint::of(&second.id, &second.serial, &second.k0);
    assert_eq!(shown.get("fingerprint"), fingerprint.as_str());
    let challenge = first.setup(&world.client, "getsn", &[]).ok();
    let bound = Decision::Confirm.challenge(challenge.get("challenge"), &fingerprint);
    let more = [("confirm", "1"), ("fingerprint", fingerprint.as_str())];
    first.finalize(&world.client, "getsn", &first.proofs(&bound, "1234"), &more).ok();
    second.made(&world.client, "1234");
    assert_eq!(pending(), 0);
    assert!(!world.log.text().contains(&code), "the log has the code");
    let metrics = world.operate("GET", "/metrics", Some(ADMIN), None).text;
    for mode in ["newsn", "getsn"] {
        assert!(metrics.contains(&format!("\"{mode}\"")), "{mode}");
    }
}

#[test]
fn codes_of_devices_are_not_guessed_and_other_codes_are_not_limited_by_that() {
    let world =
        Setup::new().set("activation.by_device", true).set("limits.wrong_codes_per_address_and_minute", 3).start();
    let alice = world.account("alice");
    let first = Device::activate(&world, &alice, "1234");
    let right = code(&world.client, &first);
    for _ in 0..5 {
        assert!(guess(&world, &right).text.contains("<err>OK</err>"));
        assert_eq!(guess(&world, "123456").status, 401);
    }
    for _ in 0..3 {
        assert!(guess(&world, "ZZZZZ22222").text.contains("<err>NOK:CODE</err>"));
    }
    assert_eq!((guess(&world, "ZZZZZ22222").status, guess(&world, &right).status), (429, 429));
    assert_eq!(guess(&world, "123456").status, 401);
    // An app that shows its token is limited by its account alone.
    assert_eq!(Answer::of(&world.client, Some(&alice), &setup("activate", "", &[("code", &right)])).err(), "OK");
}

#[test]
fn limits_that_let_a_stranger_hit_such_codes_are_warned_of() {
    let output = Setup::new()
        .set("activation.by_device", true)
        .set("limits.wrong_codes_per_minute", 100_000)
        .command(&["check"])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("activation.by_device is on"), "{printed}");
    let output = Setup::new().set("activation.by_device_seconds", 5).command(&["check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}
