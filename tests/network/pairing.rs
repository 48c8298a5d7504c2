//! A user who pairs the same installation again and again. It stays one device of the account.

use std::collections::BTreeSet;

use pims::facade;
use serde_json::json;

use crate::fault::Fault;
use crate::operations::{World, otp};
use crate::service::Service;
use crate::{Verifier, execute, expect, turn};

/// The number of pairings. An account of the public service is said to be locked after 20.
const PAIRINGS: usize = 30;

/// Returns the serials in these requests for an activation.
fn serials(requests: &[(String, String)]) -> Vec<String> {
    let finalized = requests.iter().filter(|(name, _)| name == "Finalize activate");
    finalized.map(|(_, request)| parameter(request, "serial").unwrap()).collect()
}

fn parameter(request: &str, name: &str) -> Option<String> {
    let query = request.split_once('?')?.1.split(' ').next()?;
    form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

#[test]
fn thirty_pairings_of_one_installation_are_one_device() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    // The account may have one device.
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init(30_000);
    for step in ["certify", "add"] {
        expect(&world.act(step));
    }
    for number in 1..=PAIRINGS {
        // A new code, and a new activation at the service. Its answer is lost, so the user begins
        // again after a restart.
        expect(&world.act("code"));
        expect(&world.act("accept"));
        service.fail(0, Fault::Truncate(0));
        let lost = world.act("enroll accepted");
        assert_eq!(lost["error"]["code"], 2202, "{number}: {lost}");
        assert!(service.failed());
        assert_eq!(service.devices(), 1, "after {number} pairings");
        facade::free();
        world.init(30_000);
    }
    expect(&world.act("code"));
    expect(&world.act("enroll"));
    let used = serials(&service.requests());
    assert_eq!(used.len(), PAIRINGS + 1);
    assert_eq!(BTreeSet::from_iter(&used).len(), 1, "{used:?}");
    assert_eq!(service.devices(), 1);
    let password = otp("1234");
    assert!(service.accepts(password["result"]["otp"].as_str().unwrap()), "{password}");

    // An enrolled device does not pair again: it submits no code.
    service.requests();
    for _ in 0..PAIRINGS {
        facade::free();
        world.init(30_000);
        expect(&world.act("code"));
        assert_eq!(world.act("enroll")["error"]["code"], 2317);
    }
    assert!(service.asked().iter().all(|name| name == "POST smsCode"));
    assert_eq!(service.devices(), 1);
    let password = otp("1234");
    assert!(service.accepts(password["result"]["otp"].as_str().unwrap()), "{password}");
}

#[test]
fn a_new_folder_is_another_device() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init(30_000);
    for step in ["certify", "add", "code", "enroll"] {
        expect(&world.act(step));
    }
    facade::free();
    std::fs::rename(folder.path().join("device"), folder.path().join("lost")).unwrap();
    world.init(30_000);
    expect(&world.act("code"));
    let refused = world.act("enroll");
    assert_eq!(refused["error"]["info"]["word"], "NOK:MAXNBTOOLS", "{refused}");
    assert_eq!((refused["error"]["code"].clone(), service.devices()), (json!(2310), 1));
}

#[test]
fn at_the_limit_of_devices_the_account_removes_one_and_the_sms_code_stays_good() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init_with(&json!({"storage": {"path": folder.path().join("device"), "keystore": "software"}}), &json!({}));
    for step in ["certify", "add", "code", "enroll"] {
        expect(&world.act(step));
    }
    facade::free();
    std::fs::rename(folder.path().join("device"), folder.path().join("lost")).unwrap();
    world.init(30_000);
    expect(&world.act("code"));
    expect(&world.act("accept"));
    let refused = world.act("enroll accepted");
    assert_eq!(refused["error"]["info"]["nextAction"], "removeDevice", "{refused}");

    // The token of the account permits it: the list, another name, the removal.
    service.requests();
    let list = world.act("devices");
    let device = &list["result"]["devices"][0];
    assert_eq!((&device["thisDevice"], &device["keystore"]), (&json!(false), &json!("software")), "{list}");
    expect(&world.act("rename device"));
    assert_eq!(world.act("devices")["result"]["devices"][0]["name"], "Phone");
    expect(&world.act("remove device"));
    assert_eq!(world.act("devices")["result"]["devices"], json!([]));
    let gone = json!({"action": "remove", "deviceId": device["deviceId"]});
    let gone = execute("set", "pims.authentication.devices", &gone);
    assert_eq!((&gone["error"]["code"], &gone["error"]["label"]), (&json!(2102), &json!("Invalid deviceId parameter")));
    assert!(service.asked().iter().all(|name| !name.contains("Setup") && !name.contains("Finalize")));

    // No other SMS is needed.
    expect(&world.act("enroll accepted"));
    assert_eq!(service.devices(), 1);
    let password = otp("1234");
    assert!(service.accepts(password["result"]["otp"].as_str().unwrap()), "{password}");
}
