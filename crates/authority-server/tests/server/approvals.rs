//! The approval of a new device by another one, and the events of an account, over HTTP.

use inwebo::values::{Approval, ApprovalNumber, Proofs};

use crate::device::{Answer, Device, finalize};
use crate::world::{ADMIN, Client, Setup, World};

fn number(device: &Device) -> ApprovalNumber {
    ApprovalNumber::of(&device.id, &device.serial, &device.k0)
}

/// Does both steps of a mode in which a device proves itself alone.
fn ask(client: &Client, device: &Device, mode: &str) -> Answer {
    let answer = device.setup(client, mode, &[]);
    let Some(challenge) = answer.find("challenge") else { return answer };
    let r0 = Proofs::without_pin(challenge, &device.serial, &device.k0).r0;
    Answer::of(client, None, &finalize(mode, &device.id, &[("R0", &r0)]))
}

/// Approves the device that this text names.
fn approve(client: &Client, device: &Device, named: &str, number: &ApprovalNumber) -> Answer {
    let challenge = device.setup(client, "checkpush", &[]).ok();
    let bound = Approval::Approve(number).challenge(challenge.get("challenge"), named);
    let more = [("device", named), ("number", number.as_str())];
    device.finalize(client, "checkpush", &device.proofs(&bound, "1234"), &more)
}

fn devices(world: &World) -> Vec<serde_json::Value> {
    let devices = world.operate("GET", "/admin/v1/accounts/alice/devices", Some(ADMIN), None).json();
    devices.as_array().cloned().unwrap_or_else(|| devices["devices"].as_array().unwrap().clone())
}

#[test]
fn a_new_device_works_after_its_approval_and_operators_see_that_it_waits() {
    let world = Setup::new().set("activation.approval", true).set("notices.to_devices", true).start();
    let alice = world.account("alice");
    let first = Device::activate(&world, &alice, "1234");
    let second = Device::activate(&world, &alice, "1234");
    assert_eq!(second.ask(&world.client, "1234").find("reason"), Some("notApproved"));
    let shown = devices(&world);
    let of = |id: &str| shown.iter().find(|device| device["id"] == id).unwrap();
    assert_eq!((&of(&second.id)["pending"], &of(&second.id)["needsApproval"]), (&true.into(), &true.into()));
    assert!(of(&first.id).get("pending").is_none() && of(&first.id).get("needsApproval").is_none());

    let asked = ask(&world.client, &first, "checkpush").ok();
    assert_eq!((asked.get("state"), asked.get("device")), ("asked", &second.id[..8]));
    approve(&world.client, &first, &second.id[..8], &number(&second)).ok();
    second.made(&world.client, "1234");
    assert!(devices(&world).iter().all(|device| device.get("needsApproval").is_none()));
    // The first device is told of the approval that another one gave.
    let third = Device::activate(&world, &alice, "1234");
    approve(&world.client, &second, &third.id[..8], &number(&third)).ok();
    let notices = ask(&world.client, &first, "messages").ok().elements("notice");
    let told: Vec<_> = notices.iter().map(|notice| (notice.get("event"), notice.get("device"))).collect();
    assert_eq!(told, [("newDevice", &third.id[..8])]);
    let metrics = world.operate("GET", "/metrics", Some(ADMIN), None).text;
    for mode in ["checkpush", "messages"] {
        assert!(metrics.contains(&format!("\"{mode}\"")), "{mode}");
    }
}

#[test]
fn without_the_settings_the_modes_are_unknown() {
    let world = Setup::new().start();
    let alice = world.account("alice");
    let first = Device::activate(&world, &alice, "1234");
    for mode in ["checkpush", "messages"] {
        assert_eq!(first.setup(&world.client, mode, &[]), first.setup(&world.client, "nonsense", &[]));
        assert_eq!(first.finalize(&world.client, mode, &first.proofs("00", "1234"), &[]).err(), "NOK:SN");
    }
    Device::activate(&world, &alice, "1234").made(&world.client, "1234");
}

#[test]
fn the_time_until_an_approval_is_limited() {
    for seconds in [29, 3601] {
        let output = Setup::new().set("activation.approval_seconds", seconds).command(&["check"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{seconds}");
    }
    let output = Setup::new().set("activation.approval_seconds", 3600).command(&["check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}
