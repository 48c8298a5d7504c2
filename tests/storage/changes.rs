//! The folder, the working directory and the mount change under a facade.

use std::fs;
use std::path::Path;

use pims::api::{Method, ROUTES};
use serde_json::{Value, json};

use super::world::*;

/// Returns every operation of the library as a step, and whether it needs the storage. An operation
/// that neither sends nor writes does not need it.
fn operations() -> Vec<(Value, bool)> {
    let code = "pims.authentication.smscode";
    let another = "pims.authentication.enrollmentcode";
    let devices = "pims.authentication.devices";
    let approval = "pims.authentication.approval";
    let device = "a0000000";
    let strong = |kind: &str| json!({"type": kind, "actionType": "strong"});
    let number = |kind: &str, word: &str| json!({kind: word, "smsCode": "123456", "phoneNumber": NUMBER});
    let remote = json!({"credential": {"inWeboURL": "https://127.0.0.1:9", "macID": "0".repeat(32)}});
    let key = "1".repeat(32);
    let state = json!({"format": "pims-enrollment", "version": 1, "serial": "a/_/b", "id": "a000000000000000",
        "service": "1", "lastSync": "1", "k0": key, "k1": key, "serviceSecret": key});
    vec![
        (get("pims.sdk.version", json!({})), false),
        (get("pims.sdk.device", json!({})), false),
        (get("pims.sdk.log", json!({})), false),
        (get("pims.sdk.logs", json!({})), false),
        (configure(&json!({"monitoring": {"logLevel": "high"}})), true),
        (configure(&json!({"embedded": {"policy": {"maxDevices": 2}}})), true),
        (configure(&remote), true),
        (get("pims.authentication.account", strong("isDeviceActivated")), false),
        (get("pims.authentication.account", strong("isAccountBlocked")), true),
        (otp(), true),
        (otp_with("9999"), true),
        (get("pims.authentication.otp", json!({"action": "withoutPIN"})), true),
        (get(code, json!({"type": "enrollment"})), true),
        (certify(), true),
        (get(code, json!({"type": "resetPIN"})), true),
        (set(code, number("action", "addPhoneNumber")), true),
        (set(code, number("action", "modifyPhoneNumber")), true),
        // The device is enrolled, so the enrollments are refused before anything is sent.
        (set(code, json!({"action": "enrollment", "smsCode": "123456"})), false),
        (get("pims.authentication.trustedphonenumber", json!({})), true),
        (set("pims.authentication.enrollment", json!({"action": "enroll", "pinCode": PIN, "smsCode": " "})), false),
        (
            set(
                "pims.authentication.enrollment",
                json!({"action": "enrollWithPhoneNumber", "pinCode": PIN, "smsCode": "123456", "phoneNumber": NUMBER}),
            ),
            false,
        ),
        (set("pims.authentication.enrollment", json!({"action": "remove"})), true),
        (
            set(
                "pims.authentication.enrollment",
                json!({"action": "import", "format": "pims", "state": state.to_string(), "pinCode": PIN, "replace": true}),
            ),
            true,
        ),
        (set("pims.authentication.enrollment", json!({"action": "export", "pinCode": PIN, "plain": true})), true),
        (get(devices, json!({})), true),
        (set(devices, json!({"action": "rename", "deviceId": device, "name": "Phone", "pinCode": PIN})), true),
        (set(devices, json!({"action": "remove", "deviceId": device, "pinCode": PIN})), true),
        (get(another, json!({"action": "make", "pinCode": PIN})), true),
        (get(another, json!({"action": "state"})), true),
        (set(another, json!({"action": "confirm", "fingerprint": "01234567", "pinCode": PIN})), true),
        (set(another, json!({"action": "reject", "fingerprint": "01234567", "pinCode": PIN})), true),
        (get("pims.authentication.notices", json!({})), true),
        (get(approval, json!({})), true),
        (set(approval, json!({"action": "approve", "deviceId": device, "number": "47", "pinCode": PIN})), true),
        (set(approval, json!({"action": "reject", "deviceId": device})), true),
        (set("pims.authentication.pincode", json!({"action": "update", "oldPIN": PIN, "newPIN": "7301"})), true),
        (set("pims.authentication.pincode", json!({"action": "reset", "pinCode": "7301", "smsCode": "123456"})), true),
        (set("pims.authentication.token", json!({"type": "cvs", "token": "t"})), false),
        (set("pims.authority.otp", json!({"action": "verify", "otp": "12345678"})), true),
    ]
}

#[test]
fn the_table_of_operations_is_whole() {
    let table = operations();
    let calls = table.iter().map(|(step, _)| {
        let call = step["call"].as_array().unwrap();
        let params: Value = serde_json::from_str(call[2].as_str().unwrap()).unwrap();
        (call[0].clone(), call[1].clone(), params)
    });
    let calls: Vec<(Value, Value, Value)> = calls.collect();
    for route in ROUTES.iter().flat_map(|routes| routes.iter()).filter(|route| !route.api.starts_with("pims.test")) {
        let method = if route.method == Method::Get { "get" } else { "set" };
        let is_there = calls.iter().any(|(known, api, params)| {
            let selects = |name: &str| params[name] == route.operation;
            known == method && api == route.api && (route.operation.is_empty() || selects("action") || selects("type"))
        });
        assert!(is_there, "{method} {} {} has no row", route.api, route.operation);
    }
}

/// Checks that each operation is refused while another folder has the storage's path, and works on
/// the opened storage once that is back.
fn check(enrolled: &Enrolled, task: Task, change: Vec<Value>, back: Vec<Value>) {
    let storage = enrolled.storage();
    let config = config(&storage);
    let task = task.then(init(&config)).then(otp()).all(change).then(configure(&config));
    let task = task.all(operations().into_iter().map(|(step, _)| step)).all(back);
    let said = task.then(configure(&config)).then(otp()).then(free()).run();
    assert_succeeded(&said[0]);
    assert_succeeded(&said[1]);
    assert!(refusal(&said[2]).contains("was removed or replaced while the library ran"), "{}", said[2]);
    for ((step, needs_storage), message) in operations().iter().zip(&said[3..]) {
        match needs_storage {
            true => assert!(refusal(message).contains("was removed or replaced"), "{step}: {message}"),
            false => assert!(!message.to_string().contains("was removed or replaced"), "{step}: {message}"),
        }
    }
    let end = &said[3 + operations().len()..];
    assert_succeeded(&end[0]);
    assert_succeeded(&end[1]);
}

#[test]
fn a_folder_that_was_moved_away_is_missed_by_every_operation() {
    let enrolled = Enrolled::new();
    let (storage, away) = (enrolled.storage(), enrolled.parent().join("away"));
    check(&enrolled, Task::new(), vec![rename(&storage, &away)], vec![rename(&away, &storage)]);
}

#[test]
fn a_folder_that_another_one_replaced_is_missed_by_every_operation_and_nothing_is_made_there() {
    let enrolled = Enrolled::new();
    let (storage, away) = (enrolled.storage(), enrolled.parent().join("away"));
    let other = enrolled.parent().join("other");
    let change = vec![rename(&storage, &away), json!({ "folder": storage })];
    check(&enrolled, Task::new(), change, vec![rename(&storage, &other), rename(&away, &storage)]);
    assert_eq!(names_in(&other), [""; 0]);
}

#[test]
fn a_folder_that_another_storage_replaced_is_missed_by_every_operation_and_both_stay_as_they_are() {
    let (enrolled, another) = (Enrolled::new(), Enrolled::new());
    let (storage, away) = (enrolled.storage(), enrolled.parent().join("away"));
    let record = fs::read(another.file("device.pims")).unwrap();
    let names = names_in(&another.storage());
    let change = vec![rename(&storage, &away), rename(&another.storage(), &storage)];
    check(&enrolled, Task::new(), change, vec![rename(&storage, &another.storage()), rename(&away, &storage)]);
    assert_eq!(fs::read(another.file("device.pims")).unwrap(), record);
    assert_eq!(names_in(&another.storage()), names);
    assert_succeeded(&Task::new().then(init(&config(&another.storage()))).then(otp()).run()[1]);
}

#[test]
fn a_folder_that_was_mounted_over_is_missed_by_every_operation_and_nothing_is_made_there() {
    let Some(task) = Task::with_mounts("mounts") else { return };
    let enrolled = Enrolled::new();
    let over = enrolled.parent().join("over");
    fs::create_dir(&over).unwrap();
    let (storage, folder) = (enrolled.storage(), over.to_str().unwrap().to_owned());
    let storage = storage.to_str().unwrap();
    check(&enrolled, task, vec![program(&["mount", "--bind", &folder, storage])], vec![program(&["umount", storage])]);
    assert_eq!(names_in(&over), [""; 0]);
}

#[test]
fn the_database_of_the_embedded_authority_is_not_replaced_either() {
    let enrolled = Enrolled::new();
    let (database, away) = (enrolled.file("authority.db"), enrolled.parent().join("away.db"));
    let task = Task::new().then(init(&config(&enrolled.storage()))).then(rename(&database, &away));
    let task = task.then(otp()).then(configure(&json!({"monitoring": {"logLevel": "high"}})));
    let said = task.then(rename(&away, &database)).then(otp()).run();
    for message in &said[1..3] {
        assert!(refusal(message).contains("authority.db was removed or replaced"), "{message}");
    }
    assert_succeeded(&said[3]);
}

/// Writes a certificate that the configuration can name.
fn certificate(path: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    fs::write(path, made.cert.pem()).unwrap();
}

#[test]
fn relative_paths_start_from_the_working_directory_of_init_for_as_long_as_the_facade_is_there() {
    let parent = tempfile::tempdir().unwrap();
    let [home, elsewhere] = ["home", "elsewhere"].map(|name| parent.path().join(name));
    for folder in [&home, &elsewhere, &home.join("db")] {
        fs::create_dir(folder).unwrap();
    }
    certificate(&home.join("ca.pem"));
    let config = json!({
        "storage": {"path": "state", "key": KEY},
        "embedded": {"database": "db/authority.db"},
        "credential": {"caFile": "ca.pem"},
    });
    let remote = json!({"credential": {"inWeboURL": "https://127.0.0.1:9", "macID": "0".repeat(32)}});
    let embedded = json!({"credential": {"inWeboURL": "embedded:", "caFile": "./ca.pem"}});
    let task = Task::new().then(json!({"chdir": home})).then(json!({"outbox": home.join("state/sms-outbox.jsonl")}));
    let task = task.then(init(&config)).then(certify()).then(enroll()).then(otp());
    let task = task.then(json!({"chdir": elsewhere})).then(otp()).then(configure(&config)).then(otp());
    let task = task.then(configure(&json!({"monitoring": {"logLevel": "high"}}))).then(configure(&remote));
    let task = task.then(configure(&embedded)).then(otp()).then(get("pims.sdk.log", json!({})));
    let task = task.then(configure(&json!({"storage": {"path": "../elsewhere/state"}}))).then(free());
    let said = task.then(init(&json!({"storage": {"path": home.join("state"), "key": KEY}, "embedded": {"database": home.join("db/authority.db")}}))).then(otp()).run();
    let refused = said.len() - 4;
    for (number, message) in said.iter().enumerate().filter(|(number, _)| *number != refused) {
        assert_eq!(message["status"], "SUCCEEDED", "{number}: {message}");
    }
    assert_eq!(said[refused]["error"]["code"], 2004, "{}", said[refused]);
    assert!(said[refused - 1]["result"]["logPath"].as_str().unwrap().starts_with(home.to_str().unwrap()));
    assert_eq!(names_in(&elsewhere), [""; 0]);
    assert_eq!(names_in(&home), ["ca.pem", "db", "state"]);
}

#[test]
fn a_working_directory_that_is_gone_is_told_where_a_path_needs_it() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("gone");
    fs::create_dir(&folder).unwrap();
    let task = Task::new().then(json!({"chdir": folder})).then(program(&["rmdir", folder.to_str().unwrap()]));
    let task = task.then(init(&json!({"storage": {"path": "state"}})));
    let said = task.then(init(&json!({"storage": {"path": parent.path().join("state")}}))).run();
    assert_eq!(said[0]["error"]["code"], 2004, "{}", said[0]);
    assert!(said[0]["error"]["detail"].as_str().unwrap().starts_with("storage.path: expected an absolute path"));
    assert_succeeded(&said[1]);
}

#[test]
fn a_configuration_that_is_applied_loses_nothing_that_is_in_memory() {
    let enrolled = Enrolled::new();
    let activated = || get("pims.authentication.account", json!({"type": "isDeviceActivated", "actionType": "strong"}));
    let nowhere = json!({"credential": {"inWeboURL": "https://127.0.0.1:9", "macID": "0".repeat(32)}});
    let back = json!({"credential": {"inWeboURL": "embedded:"}});
    let bad = json!({"credential": {"inWeboURL": "https://127.0.0.1:9", "caFile": "/nowhere/ca.pem"}});
    let task = Task::new().then(init(&config(&enrolled.storage()))).then(configure(&nowhere)).then(otp());
    let task = task.then(activated()).then(configure(&bad)).then(configure(&back)).then(otp());
    let said = task.then(configure(&json!({"embedded": {"policy": {"otpsPerDeviceAndDay": 0}}}))).then(otp()).run();
    assert_eq!(said[2]["error"]["code"], 2202, "{}", said[2]);
    assert_eq!(said[3]["result"]["isDeviceActivated"], true);
    assert_eq!(said[4]["error"]["code"], 2004, "{}", said[4]);
    assert_succeeded(&said[5]);
    assert_succeeded(&said[6]);
    // The rules of an authority that is open change.
    assert_succeeded(&said[7]);
    assert_eq!(said[8]["status"], "FAILED", "{}", said[8]);
}
