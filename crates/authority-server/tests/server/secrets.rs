//! The log of the program, which holds no secret.

use authority::Purpose;
use inwebo::values::{Kma, Pin, hex};
use serde_json::json;

use crate::device::{Device, Scene};
use crate::world::{ADMIN, BANK, NUMBER, Setup, TOKEN, World, token};

/// Returns the number of lines of the log that are about a request.
fn answered(world: &World) -> usize {
    world.log.text().lines().filter(|line| line.contains("\"message\":\"answered\"")).count()
}

#[test]
fn no_secret_of_a_life_is_in_the_log() {
    let world = Setup::new().start();
    let mut secrets = vec![token("alice"), ADMIN.to_owned(), BANK.to_owned(), "07".repeat(32), NUMBER.to_owned()];
    let alice = world.account("alice");
    secrets.push(world.last_code());
    let code = world.sent_code(&alice, Purpose::Enrollment);
    let device = Device::activate_with(&world, &alice, &code, "135792");
    let otp = device.made(&world.client, "135792");
    let granted =
        world.ask("POST", TOKEN, Some(&token("alice")), Some(&json!({"grant_type": "password", "password": otp})));
    let granted = granted.json();
    for name in ["access_token", "refresh_token"] {
        secrets.push(granted[name].as_str().unwrap().to_owned());
    }
    let refused = device.made(&world.client, "135792");
    assert_eq!(world.authenticate("bob", &refused), "NOK:ACCESS");
    let reset = world.sent_code(&alice, Purpose::ResetPin);
    device.reset_pin(&world.client, &reset, "246802").ok();
    world.operate("GET", "/admin/v1/audit", Some(ADMIN), None);
    world.operate("GET", "/admin/v1/audit", Some("a-wrong-operators-token"), None);
    // At places that no route reads.
    world.ask("GET", "/planted-in-a-path?planted=in-a-query", Some("planted-as-a-token"), None);
    world.ask("POST", "/applications/cvs/v4/mobile/smsCode", Some(&token("alice")), Some(&json!("planted-in-a-body")));
    secrets.extend(["planted", "in-a-query", "a-wrong-operators-token"].map(str::to_owned));
    secrets.extend([code, reset, otp, refused, "135792".into(), "246802".into(), device.id.clone()]);
    secrets.push(device.serial.as_str().to_owned());
    let kma = Kma::derive(&Pin::new("135792").unwrap(), &device.serial);
    let service_secret = device.secret.as_ref().unwrap();
    for key in [
        *device.k0.as_bytes(),
        device.hidden_k1,
        kma.decrypt(&device.hidden_k1),
        *kma.as_bytes(),
        *service_secret.as_bytes(),
        *service_secret.under(&kma).as_bytes(),
    ] {
        secrets.extend([hex::encode(&key), hex::encode(&key).to_uppercase(), format!("{key:?}")]);
    }

    // The log is complete once the last request's line is there.
    crate::world::poll(|| (answered(&world) >= 18).then_some(())).expect("every request is logged");
    let log = world.log.text();
    for secret in &secrets {
        // Numbers of requests and times are digits, too.
        let found = log.lines().find(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let mut line = line.as_object().unwrap().clone();
            line.remove("timestamp");
            line.remove("span");
            line.remove("spans");
            serde_json::to_string(&line).unwrap().contains(secret.as_str())
        });
        assert_eq!(found, None, "a secret is in the log");
    }
    assert!(log.contains("/applications/cvs/v4/mobile/smsCode"), "routes are in it");
    let ids: std::collections::BTreeSet<&str> =
        log.lines().filter_map(|line| line.split_once("\"id\":\"")?.1.get(..16)).collect();
    assert!(ids.len() >= 18, "each request has a number: {}", ids.len());
}

#[test]
fn an_answer_names_the_number_that_its_lines_have() {
    let world = World::new();
    let reply = world.ask("GET", "/nothing", None, None);
    let id = reply.header("x-request-id").to_owned();
    world.log.wait_for(|line| line["span"]["id"] == id.as_str() && line["status"] == 404 && line["route"] == "none");
}
