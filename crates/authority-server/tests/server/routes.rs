//! Every route that apps, devices and relying parties reach.

use std::time::Duration;

use authority::Purpose;
use serde_json::{Value, json};

use crate::device::{Answer, Device, Scene, setup};
use crate::http::has_security_headers;
use crate::world::{BANK, CVS, NUMBER, Setup, TOKEN, World, token};

#[test]
fn a_phone_is_enrolled_and_its_password_is_good_once() {
    let world = World::new();
    let alice = world.account("alice");
    let number = world.cvs("GET", "trustedPhoneNumber", "alice", None);
    assert_eq!((number.status, number.json()), (200, json!({"phoneNumber": NUMBER})));

    let device = Device::activate(&world, &alice, "1234");
    assert_eq!(device.status(&world.client), "OK");
    let otp = device.made(&world.client, "1234");
    assert_eq!(world.authenticate("alice", &otp), "OK");
    assert_eq!(world.authenticate("alice", &otp), "NOK:ACCESS", "a replay");

    device.change_pin(&world.client, "1234", "9876").ok();
    let device = device.synchronized(&world.client, "9876");
    let wrong = device.ask(&world.client, "1234");
    assert_eq!((wrong.err(), wrong.attempts_left()), ("NOK:ACCESS", Some(4)));
    let otp = device.made(&world.client, "9876");
    assert_eq!(world.authenticate("alice", &otp), "OK");

    let code = world.sent_code(&alice, Purpose::ResetPin);
    device.reset_pin(&world.client, &code, "1357").ok();
    let device = device.synchronized(&world.client, "1357");
    device.made(&world.client, "1357");
    device.remove(&world.client).ok();
    assert_eq!(device.status(&world.client), "NOK:NODEVICE");
}

#[test]
fn a_password_is_refused_to_another_account_and_when_it_is_old_and_when_it_is_made_up() {
    let world = Setup::new().set("policy.otp_lifetime_seconds", 2).start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    let otp = device.made(&world.client, "1234");
    assert_eq!(world.authenticate("bob", &otp), "NOK:ACCESS", "another account");
    assert_eq!(world.authenticate("alice", "abcdefgh"), "NOK:ACCESS", "made up");
    let old = device.made(&world.client, "1234");
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(world.authenticate("alice", &old), "NOK:ACCESS", "old");
}

#[test]
fn an_unknown_account_and_a_wrong_password_get_the_same_answer() {
    let world = World::new();
    let alice = world.account("alice");
    Device::activate(&world, &alice, "1234");
    let ask = |user: &str| {
        let path = format!("/FS?action=authenticate&serviceId=shop&userId={user}&token=abcdefgh&format=json");
        let reply = world.ask("GET", &path, world.shop(), None);
        let names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
        (reply.status, reply.text, names)
    };
    let known = ask("alice");
    for unknown in ["nobody", "", "%00", &"x".repeat(129)] {
        assert_eq!(ask(unknown), known, "{unknown}");
    }
}

#[test]
fn a_relying_party_shows_its_token_and_asks_each_thing_once() {
    let world = World::new();
    let ask = |query: &str, token: Option<&str>| world.ask("GET", &format!("/FS?{query}"), token, None);
    let query = "action=authenticate&serviceId=bank&userId=alice&token=abcdefgh&format=json";
    assert_eq!(ask(query, None).status, 401);
    assert_eq!(ask(query, Some("another token")).status, 401);
    let known = ask(query, Some(BANK));
    assert_eq!((known.status, known.word().as_str()), (200, "NOK:ACCESS"));
    assert_eq!(ask(&query.replace("bank", "nobody"), None).word(), "NOK:NOSRV");
    for malformed in [
        "",
        "action=authenticate",
        "action=other&serviceId=bank&userId=alice&token=abcdefgh&format=json",
        "action=authenticate&serviceId=bank&userId=alice&token=abcdefgh&format=xml",
        "action=authenticate&serviceId=bank&userId=alice&token=abcdefgh",
        "action=authenticate&serviceId=bank&userId=alice&userId=bob&token=abcdefgh&format=json",
    ] {
        let reply = ask(malformed, Some(BANK));
        assert_eq!((reply.status, reply.word().as_str()), (400, "NOK:REQUEST"), "{malformed}");
    }
}

#[test]
fn cvs_says_why_it_refuses() {
    let world = World::new();
    let refused = |method: &str, path: &str, body: Option<Value>, status: u16, word: &str| {
        let reply = world.cvs(method, path, "bob", body.as_ref());
        assert_eq!((reply.status, reply.word().as_str()), (status, word), "{method} {path} {body:?}");
        reply
    };
    refused("GET", "trustedPhoneNumber", None, 404, "NOK:NOPHONE");
    refused("POST", "smsCode", Some(json!({"type": "enrollment"})), 404, "NOK:NOPHONE");
    refused("POST", "smsCode", None, 404, "NOK:NOPHONE");
    refused("POST", "smsCode", Some(json!({"type": "other"})), 400, "NOK:REQUEST");
    refused("POST", "smsCode", Some(json!([])), 400, "NOK:REQUEST");
    let certify = |number: &str| json!({"type": "phoneNumberCertification", "phoneNumber": number});
    refused("POST", "smsCode", Some(certify("twelve")), 422, "NOK:PHONE");

    world.account("bob");
    assert_eq!(world.cvs("POST", "smsCode", "bob", Some(&certify(NUMBER))).status, 200);
    let again = json!({"smsCode": world.last_code(), "phoneNumber": NUMBER});
    refused("POST", "trustedPhoneNumber", Some(again), 409, "NOK:PHONEREGISTERED");
    let other = json!({"type": "phoneNumberCertification", "phoneNumber": "+33700000000"});
    let sent = world.cvs("POST", "smsCode", "bob", Some(&other));
    assert_eq!((sent.status, sent.json()), (200, json!({})));
    let number = |code: &str| Some(json!({"smsCode": code, "phoneNumber": "+33700000000"}));
    let code = world.last_code();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let reply = refused("PUT", "trustedPhoneNumber", number(wrong), 403, "NOK:CODE");
    assert_eq!(reply.json()["attemptsLeft"], 4);
    assert_eq!(world.cvs("PUT", "trustedPhoneNumber", "bob", number(&code).as_ref()).status, 200);
    assert_eq!(world.cvs("GET", "trustedPhoneNumber", "bob", None).json()["phoneNumber"], "+33700000000");
}

#[test]
fn too_many_codes_are_refused_with_the_time_to_wait() {
    let world = Setup::new().set("policy.codes_per_hour", 1).start();
    world.account("alice");
    let reply = world.cvs("POST", "smsCode", "alice", None);
    assert_eq!((reply.status, reply.word().as_str()), (429, "NOK:TOOMANYCODES"));
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((3500..=3600).contains(&seconds), "{seconds}");
}

#[test]
fn an_app_lists_names_and_removes_the_devices_of_its_account() {
    let world = World::new();
    let (alice, bob) = (world.account("alice"), world.account("bob"));
    let code = world.sent_code(&alice, Purpose::Enrollment);
    let device = Device::activate_telling(&world, &alice, &code, "1234", "&keystore=hardware");
    let other = Device::activate(&world, &alice, "1234");
    let stranger = Device::activate(&world, &bob, "1234");
    let list = |account: &str| world.cvs("GET", "devices", account, None);
    let listed = list("alice").json();
    let listed = listed["devices"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let id = |device: &Device| device.id[..8].to_owned();
    let of = |device: &Device| listed.iter().find(|entry| entry["id"] == id(device)).unwrap();
    assert_eq!((&of(&device)["name"], &of(&device)["keystore"]), (&json!("Android SDK / test"), &json!("hardware")));
    assert!(of(&device)["since"].as_i64().unwrap() > 1_700_000_000_000);
    // Its secret came after the activation.
    assert!(of(&device)["used"].as_i64() >= of(&device)["since"].as_i64(), "{listed:?}");
    let members: Vec<&String> = of(&other).as_object().unwrap().keys().collect();
    assert_eq!(members, ["id", "name", "since", "used"]);

    let name = json!({"name": " Ana's <phone> "});
    let renamed = world.cvs("PATCH", &format!("devices/{}", id(&device)), "alice", Some(&name));
    assert_eq!((renamed.status, renamed.json()), (200, json!({})));
    assert!(list("alice").text.contains("Ana's <phone>\""));
    let removed = world.cvs("DELETE", &format!("devices/{}", other.id), "alice", None);
    assert_eq!((removed.status, removed.json()), (200, json!({})));
    assert_eq!(other.status(&world.client), "NOK:NODEVICE");
    device.made(&world.client, "1234");
    assert_eq!(list("alice").json()["devices"].as_array().unwrap().len(), 1);

    // Every text that names no device of the account has the same answer.
    let long = "x".repeat(2000);
    for path in [
        id(&stranger).as_str(),
        &stranger.id,
        &other.id,
        "a000000000000000",
        &device.id[..7],
        &device.id.to_uppercase().replace(char::is_numeric, "G"),
        &format!("{}%00", device.id),
        &format!("{}%20", device.id),
        "%FF",
        "%00",
        "..%2F..",
        &long,
    ] {
        for (method, body) in [("DELETE", None), ("PATCH", Some(&name))] {
            let reply = world.cvs(method, &format!("devices/{path}"), "alice", body);
            assert_eq!((reply.status, reply.text.as_str()), (404, r#"{"err":"NOK:DEVICEID"}"#), "{method} {path:.40}");
            assert!(has_security_headers(&reply.headers), "{method} {path:.40}");
        }
    }
    stranger.made(&world.client, "1234");

    // A name that is none, for a device that is there and for one that is not.
    for target in [id(&device), id(&stranger)] {
        for body in [
            json!({"name": ""}),
            json!({"name": " "}),
            json!({"name": "a\nb"}),
            json!({"name": "a\u{202e}b"}),
            json!({"name": "x".repeat(65)}),
            json!({"name": 1}),
            json!({"name": "a", "more": 1}),
            json!({}),
            json!(["a"]),
        ] {
            let reply = world.cvs("PATCH", &format!("devices/{target}"), "alice", Some(&body));
            assert_eq!((reply.status, reply.word().as_str()), (400, "NOK:REQUEST"), "{body}");
        }
    }
    for (method, path) in [("POST", "devices"), ("DELETE", "devices"), ("GET", "devices/a000000000000000")] {
        assert_eq!(world.cvs(method, path, "alice", None).status, 405, "{method} {path}");
    }
    let path = format!("{CVS}/devices/{}", id(&device));
    for (method, path) in [("GET", format!("{CVS}/devices")), ("PATCH", path.clone()), ("DELETE", path)] {
        for shown in [None, Some("another")] {
            let body = (method == "PATCH").then_some(&name);
            let reply = world.ask(method, &path, shown, body);
            assert_eq!((reply.status, reply.word().as_str()), (401, "NOK:TOKEN"), "{method} {path}");
        }
    }
    let numbers = world.operate("GET", "/metrics", None, None).text;
    for line in [
        r#"pims_authority_outcomes_total{operation="devices",outcome="OK"} 3"#,
        r#"pims_authority_outcomes_total{operation="renameDevice",outcome="OK"} 1"#,
        r#"pims_authority_outcomes_total{operation="renameDevice",outcome="NOK:DEVICEID"} 12"#,
        r#"pims_authority_outcomes_total{operation="removeDevice",outcome="NOK:DEVICEID"} 12"#,
    ] {
        assert!(numbers.contains(line), "no {line} in\n{numbers}");
    }
    assert!(numbers.contains(r#"method="PATCH""#) && !numbers.contains(&device.id[..8]));
    assert!(!world.log.text().contains("Ana's") && !world.log.text().contains(&device.id[..8]));
}

#[test]
fn a_device_lists_names_and_removes_the_devices_of_its_account() {
    let world = World::new();
    let alice = world.account("alice");
    let [device, other] = [(); 2].map(|()| Device::activate(&world, &alice, "1234"));
    assert_eq!(device.list(&world.client).ok().elements("device").len(), 2);
    device.rename_device(&world.client, "1234", &other.id[..8], "Ana's <phone> &").ok();
    let listed = device.list(&world.client).ok();
    let names: Vec<String> = listed.elements("device").iter().map(|device| device.get("name").to_owned()).collect();
    assert!(names.iter().any(|name| name == "Ana&apos;s &lt;phone&gt; &amp;"), "{names:?}");
    assert_eq!(device.remove_device(&world.client, "1234", "a000000000000000").err(), "NOK:DEVICEID");
    device.remove_device(&world.client, "1234", &other.id[..8]).ok();
    assert_eq!(other.status(&world.client), "NOK:NODEVICE");
    device.remove_device(&world.client, "1234", &device.id[..8]).ok();
    assert_eq!(device.status(&world.client), "NOK:NODEVICE");
    let numbers = world.operate("GET", "/metrics", None, None).text;
    for line in [
        r#"pims_authority_outcomes_total{operation="devices",outcome="OK"} 4"#,
        r#"pims_authority_outcomes_total{operation="renamedevice",outcome="OK"} 2"#,
        r#"pims_authority_outcomes_total{operation="removedevice",outcome="NOK:DEVICEID"} 1"#,
    ] {
        assert!(numbers.contains(line), "no {line} in\n{numbers}");
    }
}

#[test]
fn an_app_removes_every_device_of_its_account() {
    let world = World::new();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    assert_eq!(world.cvs("DELETE", "enrollments", "alice", None).status, 200);
    assert_eq!(device.status(&world.client), "NOK:NODEVICE");
}

#[test]
fn every_route_of_an_app_wants_a_token_that_is_known() {
    let world = World::new();
    for (method, path) in [
        ("POST", format!("{CVS}/smsCode")),
        ("GET", format!("{CVS}/trustedPhoneNumber")),
        ("POST", format!("{CVS}/trustedPhoneNumber")),
        ("PUT", format!("{CVS}/trustedPhoneNumber")),
        ("DELETE", format!("{CVS}/enrollments")),
        ("POST", crate::world::TOKEN.to_owned()),
    ] {
        for presented in [None, Some("unknown"), Some("")] {
            let reply = world.ask(method, &path, presented, None);
            assert_eq!((reply.status, reply.word().as_str()), (401, "NOK:TOKEN"), "{method} {path} {presented:?}");
            assert_eq!(reply.header("www-authenticate"), "Bearer");
        }
    }
    // The exchange itself needs none, but one that is shown must be known.
    let path = format!("/iwws/MAC?{}", setup("status", "1", &[]));
    assert_eq!(world.ask("GET", &path, None, None).status, 200);
    assert_eq!(world.ask("GET", &path, Some("unknown"), None).status, 401);
}

#[test]
fn a_code_is_tried_for_its_account_alone_where_the_app_says_whose_it_is() {
    let world = World::new();
    let alice = world.account("alice");
    let bob = crate::world::name("bob");
    let code = world.sent_code(&alice, Purpose::Enrollment);
    let request = setup("activate", "", &[("code", &code)]);
    assert_eq!(Answer::of(&world.client, Some(&bob), &request).err(), "NOK:CODE");
    assert_eq!(Answer::of(&world.client, Some(&alice), &request).err(), "OK");
}

#[test]
fn other_paths_and_methods_are_refused_and_every_answer_is_sealed() {
    let world = World::new();
    for (method, path, status, word) in [
        ("GET", "/", 404, "NOK:NOTFOUND"),
        ("GET", "/iwws/mac", 404, "NOK:NOTFOUND"),
        ("GET", "/admin/v1/accounts", 404, "NOK:NOTFOUND"),
        ("GET", "/metrics", 404, "NOK:NOTFOUND"),
        ("POST", "/iwws/MAC", 405, "NOK:METHOD"),
        ("DELETE", "/FS", 405, "NOK:METHOD"),
    ] {
        let reply = world.ask(method, path, None, None);
        assert_eq!((reply.status, reply.word().as_str()), (status, word), "{method} {path}");
        assert!(has_security_headers(&reply.headers), "{method} {path}: {:?}", reply.headers);
    }
    assert_eq!(world.ask("GET", "/healthz", None, None).text, "ok\n");
    assert_eq!(world.ask("GET", "/readyz", None, None).text, "ready\n");
}

#[test]
fn answers_of_every_kind_are_sealed() {
    let world = World::new();
    let (alice, bob) = (token("alice"), token("bob"));
    let fs = "/FS?action=authenticate&serviceId=shop&userId=alice&token=abcdefgh&format=json";
    let status = format!("/iwws/MAC?{}", setup("status", "1", &[]));
    let number = format!("{CVS}/trustedPhoneNumber");
    let long = format!("/FS?{}", "x".repeat(20_000));
    world.account("alice");
    for (method, path, token, body, expected) in [
        ("GET", "/healthz", None, None, 200),
        ("GET", "/readyz", None, None, 200),
        ("GET", &status, None, None, 200),
        ("GET", &status, Some("unknown"), None, 401),
        ("GET", fs, world.shop(), None, 200),
        ("GET", "/FS", None, None, 400),
        ("GET", &long, None, None, 414),
        ("GET", &number, Some(&alice), None, 200),
        ("GET", &number, Some(&bob), None, 404),
        ("GET", &number, None, None, 401),
        ("POST", &number, Some(&alice), Some(json!({})), 400),
        ("POST", &number, Some(&alice), Some(json!("x".repeat(100_000))), 413),
        ("POST", TOKEN, Some(&alice), Some(json!({"grant_type": "password", "password": "abcdefgh"})), 400),
    ] {
        let reply = world.ask(method, path, token.map(AsRef::as_ref), body.as_ref());
        assert_eq!(reply.status, expected, "{method} {path:.40}");
        assert!(has_security_headers(&reply.headers), "{method} {path:.40}: {:?}", reply.headers);
    }
    // Public data may be cached, and has all the other headers.
    let mut keys = world.ask("GET", "/.well-known/jwks.json", None, None).headers;
    assert_eq!(keys.remove("cache-control").unwrap(), "public, max-age=300");
    keys.insert("cache-control", "no-store".parse().unwrap());
    assert!(has_security_headers(&keys), "{keys:?}");
}
