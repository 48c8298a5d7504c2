//! The routes for operators, and their permissions.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use serde_json::{Value, json};

use crate::commands::{fails, says};
use crate::device::Device;
use crate::http::{Reply, has_security_headers, send_with};
use crate::world::{ADMIN, NUMBER, Setup, World};

fn operate(world: &World, method: &str, path: &str, body: Option<&Value>) -> Reply {
    world.operate(method, &format!("/admin/v1/{path}"), Some(ADMIN), body)
}

#[test]
fn an_account_is_made_found_unblocked_and_removed() {
    let world = World::new();
    let name = json!({"name": "dora"});
    assert_eq!(operate(&world, "POST", "accounts", Some(&name)).status, 201);
    let again = operate(&world, "POST", "accounts", Some(&name));
    assert_eq!((again.status, again.word().as_str()), (409, "NOK:EXISTS"));
    let view = json!({"name": "dora", "phoneNumber": null, "blocked": false, "pinTries": 0, "pinWrong": 0, "unprovedTries": 0, "hasPin": false, "devices": 0});
    assert_eq!(operate(&world, "GET", "accounts/dora", None).json(), view);
    assert_eq!(operate(&world, "GET", "accounts", None).json(), json!({ "accounts": [view] }));

    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    for _ in 0..5 {
        device.ask(&world.client, "0000");
    }
    assert_eq!(device.ask(&world.client, "1234").err(), "NOK:NOK_BLOCKED");
    let seen = operate(&world, "GET", "accounts/alice", None).json();
    assert_eq!((&seen["blocked"], &seen["phoneNumber"], &seen["devices"]), (&json!(true), &json!(NUMBER), &json!(1)));
    assert_eq!(operate(&world, "POST", "accounts/alice/unblock", None).json(), json!({"unblocked": true}));
    assert_eq!(operate(&world, "POST", "accounts/alice/unblock", None).json(), json!({"unblocked": false}));
    device.made(&world.client, "1234");

    let devices = operate(&world, "GET", "accounts/alice/devices", None).json();
    let seen = &devices["devices"][0];
    assert_eq!((&seen["id"], &seen["serial"]), (&json!(device.id), &json!(device.serial.as_str())));
    assert_eq!((&seen["shortId"], &seen["keystore"]), (&json!(device.id[..8]), &json!(null)));
    let named = operate(&world, "PATCH", &format!("accounts/alice/devices/{}", &device.id[..8]), Some(&name));
    assert_eq!((named.status, named.text.as_str()), (204, ""));
    let devices = operate(&world, "GET", "accounts/alice/devices", None).json();
    assert_eq!(devices["devices"][0]["name"], "dora");
    assert_eq!(operate(&world, "DELETE", &format!("accounts/alice/devices/{}", device.id), None).status, 204);
    assert_eq!(operate(&world, "DELETE", &format!("accounts/alice/devices/{}", device.id), None).status, 404);
    assert_eq!(device.status(&world.client), "NOK:NODEVICE");
    assert_eq!(operate(&world, "DELETE", "accounts/alice", None).status, 204);
    assert_eq!(operate(&world, "GET", "accounts/alice", None).status, 404);

    let audit = operate(&world, "GET", "audit?account=alice&limit=500", None).json();
    let text = audit.to_string();
    assert!(audit["audit"].as_array().unwrap().len() > 10, "{text}");
    let first = audit["audit"][0]["id"].as_str().unwrap();
    let rest = operate(&world, "GET", &format!("audit?account=alice&limit=500&before={first}"), None).json();
    assert_eq!(rest["audit"].as_array().unwrap()[..], audit["audit"].as_array().unwrap()[1..]);
}

#[test]
fn operators_see_when_a_block_ends_by_itself() {
    let setup = Setup::new().set("pin.block_seconds", 3600).set("policy.max_pin_tries", 1);
    let again = setup.again();
    let world = setup.start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    let answer = device.ask(&world.client, "0000");
    assert_eq!((answer.err(), answer.get("retryAfterSeconds")), ("NOK:NOK_BLOCKED", "3600"));
    let until: i64 = answer.get("blockedUntil").parse().unwrap();
    let seen = operate(&world, "GET", "accounts/alice", None).json();
    assert_eq!((&seen["blocked"], &seen["blockedUntil"]), (&json!(true), &json!(until)));
    let listed = says(&again, &["account", "list"]);
    assert!(listed.contains("  blocked until 2"), "{listed}");
    let numbers = world.operate("GET", "/metrics", None, None).text;
    for line in [r#"pims_authority_blocks_total{ends="itself"} 1"#, r#"pims_authority_blocks_total{ends="reset"} 0"#] {
        assert!(numbers.contains(line), "no {line} in\n{numbers}");
    }
    let trail = operate(&world, "GET", "audit?account=alice&limit=500", None).text;
    assert!(trail.contains("account.blocked_for_a_time"), "{trail}");
    assert_eq!(operate(&world, "POST", "accounts/alice/unblock", None).json(), json!({"unblocked": true}));
    let seen = operate(&world, "GET", "accounts/alice", None).json();
    assert_eq!((&seen["blocked"], seen.get("blockedUntil")), (&json!(false), None));
    device.made(&world.client, "1234");
    for bad in ["-1", "86401", "a"] {
        let refused = fails(&Setup::new().set("pin.block_seconds", bad), &["check"], "");
        assert!(refused.contains("pin.block_seconds"), "{refused}");
    }
}

#[test]
fn missing_resources_and_malformed_requests_get_an_error() {
    let world = World::new();
    for (method, path, status) in [
        ("GET", "accounts/nobody", 404),
        ("GET", "accounts/nobody/devices", 404),
        ("POST", "accounts/nobody/unblock", 404),
        ("DELETE", "accounts/nobody", 404),
        ("DELETE", "accounts/nobody/devices/1", 404),
        ("PATCH", "accounts/nobody/devices/1", 400),
        ("GET", "accounts?limit=x", 400),
        ("GET", "accounts?other=1", 400),
        ("GET", "audit?before=x", 400),
        ("GET", "audit?account=", 400),
        ("POST", "accounts", 400),
        ("GET", "accounts/a%00b", 400),
        ("PUT", "accounts", 405),
        ("GET", "nothing", 404),
    ] {
        let reply = operate(&world, method, path, None);
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
    }
    let bad = operate(&world, "POST", "accounts", Some(&json!({"name": "a", "more": 1})));
    assert_eq!(bad.status, 400);
}

#[test]
fn every_path_of_the_description_is_there_and_wants_the_token() {
    let world = World::new();
    let description = operate(&world, "GET", "openapi.json", None).json();
    assert_eq!(description["openapi"], "3.1.0");
    let mut seen = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        let path = path.replace("{account}", "nobody").replace("{device}", "1");
        for method in operations.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let method = method.to_uppercase();
            let with = world.operate(&method, &path, Some(ADMIN), None);
            // The named object does not exist, but the route does.
            assert!(with.status != 405 && with.status != 401, "{method} {path}: {}", with.status);
            if path.starts_with("/admin/") {
                for shown in [None, Some("another"), Some("")] {
                    let without = world.operate(&method, &path, shown, None);
                    assert_eq!((without.status, without.word().as_str()), (401, "NOK:TOKEN"), "{method} {path}");
                }
            }
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen} operations");
}

#[test]
fn every_answer_to_operators_is_sealed() {
    let world = World::new();
    let alice = world.account("alice");
    let device = format!("accounts/alice/devices/{}", Device::activate(&world, &alice, "1234").id);
    let name = json!({"name": "dora"});
    let long = format!("audit?{}", "x".repeat(20_000));
    for (method, path, body, status) in [
        ("GET", "accounts", None, 200),
        ("GET", "accounts/alice", None, 200),
        ("GET", "accounts/alice/devices", None, 200),
        ("GET", "audit", None, 200),
        ("GET", "openapi.json", None, 200),
        ("POST", "accounts/alice/unblock", None, 200),
        ("POST", "accounts", Some(&name), 201),
        ("POST", "accounts", Some(&name), 409),
        ("POST", "accounts", None, 400),
        ("POST", "accounts", Some(&json!("x".repeat(100_000))), 413),
        ("GET", "accounts?limit=x", None, 400),
        ("GET", "accounts/%FF", None, 400),
        ("GET", &long, None, 414),
        ("GET", "accounts/nobody", None, 404),
        ("GET", "nothing", None, 404),
        ("PUT", "accounts", None, 405),
        ("PATCH", &device, None, 400),
        ("PATCH", &device, Some(&name), 204),
        ("DELETE", &device, None, 204),
        ("PATCH", &device, Some(&name), 404),
        ("DELETE", &device, None, 404),
        ("DELETE", "accounts/alice", None, 204),
    ] {
        let reply = operate(&world, method, path, body);
        assert_eq!(reply.status, status, "{method} {path:.40}");
        assert!(has_security_headers(&reply.headers), "{method} {path:.40}: {:?}", reply.headers);
        assert!(is_for_this_site(&reply), "{method} {path:.40}: {:?}", reply.headers);
    }
    for (path, token, status) in [
        ("/admin/v1/accounts", None, 401),
        ("/admin/v1/accounts", Some("another"), 401),
        ("/admin/v1/openapi.json", None, 401),
        ("/metrics", None, 200),
        ("/healthz", None, 200),
        ("/readyz", None, 200),
        ("/", None, 404),
    ] {
        let reply = world.operate("GET", path, token, None);
        assert_eq!(reply.status, status, "{path}");
        assert!(has_security_headers(&reply.headers), "{path}: {:?}", reply.headers);
        assert!(is_for_this_site(&reply), "{path}: {:?}", reply.headers);
    }
}

fn is_for_this_site(reply: &Reply) -> bool {
    reply.header("cross-origin-resource-policy") == "same-origin" && reply.header("vary") == "Origin, Sec-Fetch-Site"
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn a_cross_site_request_is_refused_with_any_credentials() {
    let world = World::new();
    world.account("alice");
    let rows = world.rows();
    let host = world.admin_url.trim_start_matches("http://").to_owned();
    let ours = format!("http://{host}");
    let bearer = bearer(ADMIN);
    let ask = |method: &str, path: &str, more: &[(&str, &str)]| {
        let headers = [&[("authorization", bearer.as_str()), ("content-type", "application/json")], more].concat();
        send_with(&world.client.agent, method, &format!("{}{path}", world.admin_url), &headers)
    };
    for (method, path) in [
        ("POST", "/admin/v1/accounts"),
        ("POST", "/admin/v1/accounts/alice/unblock"),
        ("DELETE", "/admin/v1/accounts/alice"),
        ("OPTIONS", "/admin/v1/accounts/alice"),
        ("POST", "/metrics"),
        ("PUT", "/healthz"),
        ("POST", "/nothing"),
    ] {
        for from in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", ours.as_str())],
            &[("origin", "https://evil.example")],
            &[("origin", "null"), ("sec-fetch-site", "none")],
        ] {
            let reply = ask(method, path, from);
            assert_eq!((reply.status, reply.word().as_str()), (403, "NOK:CROSSSITE"), "{method} {path} {from:?}");
            assert!(is_for_this_site(&reply) && has_security_headers(&reply.headers));
        }
    }
    assert_eq!(world.rows(), rows);
    let numbers = world.operate("GET", "/metrics", None, None).text;
    assert!(numbers.contains("pims_authority_operators_refused_total{reason=\"cross_site\"} 35\n"), "{numbers}");
    // Of this site, and of programs that are no browsers.
    let good = [("origin", ours.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(ask("POST", "/admin/v1/accounts/alice/unblock", &good).status, 200);
    assert_eq!(ask("GET", "/admin/v1/accounts", &[("sec-fetch-site", "cross-site")]).status, 200);
}

#[test]
fn a_change_says_that_it_is_json_also_without_a_body() {
    let world = World::new();
    world.account("alice");
    let bearer = bearer(ADMIN);
    let ask = |method: &str, path: &str, more: &[(&str, &str)]| {
        let headers = [&[("authorization", bearer.as_str())], more].concat();
        send_with(&world.client.agent, method, &format!("{}/admin/v1/{path}", world.admin_url), &headers)
    };
    for (method, path) in [("POST", "accounts"), ("POST", "accounts/alice/unblock"), ("DELETE", "accounts/alice")] {
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")] {
            let more: Vec<(&str, &str)> = kind.map(|kind| ("content-type", kind)).into_iter().collect();
            let reply = ask(method, path, &more);
            assert_eq!((reply.status, reply.word().as_str()), (415, "NOK:TYPE"), "{method} {path} {kind:?}");
        }
    }
    assert_eq!(
        ask("POST", "accounts/alice/unblock", &[("content-type", "Application/JSON; charset=utf-8")]).status,
        200
    );
    assert_eq!(ask("POST", "accounts/alice/unblock", &[("x-pims-operator", "1")]).status, 415);
    assert_eq!(ask("DELETE", "accounts/alice", &[("x-pims-operator", "1")]).status, 204);
}

#[test]
fn requests_that_read_change_nothing() {
    let world = World::new();
    let alice = world.account("alice");
    Device::activate(&world, &alice, "1234");
    let rows = world.rows();
    let description = operate(&world, "GET", "openapi.json", None).json();
    for (path, operations) in description["paths"].as_object().unwrap() {
        let path = path.replace("{account}", "alice").replace("{device}", "1");
        if operations.get("get").is_some() {
            for method in ["GET", "HEAD"] {
                let reply = world.operate(method, &path, Some(ADMIN), None);
                assert_eq!(reply.status, 200, "{method} {path}");
            }
        }
    }
    assert_eq!(world.rows(), rows);
}

const READER: &str = "Qk3-reader-token-0f9e8d7c6b5a";
const HELPER: &str = "Zt7-helper-token-1a2b3c4d5e6f";

/// Returns the settings of a program with named operators.
fn with_operators() -> Setup {
    let setup = Setup::new();
    setup.write("reader.token", READER);
    setup.write("helper.token", HELPER);
    setup.set(
        "admin.operators",
        "{ reader = { token_file = \"reader.token\", roles = [\"read\"] }, \
           helper = { token_file = \"helper.token\", roles = [\"unblock\", \"read\"] } }",
    )
}

#[test]
fn a_named_operator_may_do_what_its_roles_say_and_the_trail_names_it() {
    let world = with_operators().start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    for _ in 0..5 {
        device.ask(&world.client, "0000");
    }
    let body = json!({"name": "dora"});
    let remove = format!("accounts/alice/devices/{}", device.id);
    let ask = |token: &str, method: &str, path: &str, body: Option<&Value>| {
        let reply = world.operate(method, &format!("/admin/v1/{path}"), Some(token), body);
        if reply.status == 403 {
            assert_eq!(reply.word(), "NOK:ROLE");
        }
        reply.status
    };
    for (token, statuses) in
        [(READER, [200, 200, 200, 403, 403, 403, 403, 403]), (HELPER, [200, 200, 200, 403, 403, 403, 403, 200])]
    {
        let asked = [
            ("GET", "accounts", None),
            ("GET", "accounts/alice/devices", None),
            ("GET", "audit", None),
            ("POST", "accounts", Some(&body)),
            ("DELETE", remove.as_str(), None),
            ("PATCH", remove.as_str(), Some(&body)),
            ("DELETE", "accounts/alice", None),
            ("POST", "accounts/alice/unblock", None),
        ];
        for ((method, path, body), status) in asked.into_iter().zip(statuses) {
            assert_eq!(ask(token, method, path, body), status, "{method} {path}");
        }
    }
    device.made(&world.client, "1234");
    assert_eq!(ask(ADMIN, "PATCH", &remove, Some(&body)), 204);
    assert_eq!(ask(ADMIN, "DELETE", &remove, None), 204);
    let audit = operate(&world, "GET", "audit?limit=1000", None).json();
    let of = |event: &str| -> Vec<(String, String, u64)> {
        let rows = audit["audit"].as_array().unwrap().iter().filter(|row| row["event"] == event);
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        rows.map(|row| (text(&row["actor"]), text(&row["address"]), row["count"].as_u64().unwrap())).collect()
    };
    let row = |actor: &str, count: u64| (actor.to_owned(), "127.0.0.1".to_owned(), count);
    assert_eq!(of("account.unblocked"), [row("operator:helper", 1)]);
    assert_eq!(of("device.renamed"), [row("operator:operator", 1)]);
    assert_eq!(of("device.removed"), [row("operator:operator", 1)]);
    // Equal refusals of a minute are one row; the minute may end between them.
    let refused = of("operator.refused");
    for (actor, wanted) in [("operator:reader", 5), ("operator:helper", 4)] {
        let found: Vec<_> = refused.iter().filter(|row| row.0 == actor && row.1 == "127.0.0.1").collect();
        assert_eq!(found.iter().map(|row| row.2).sum::<u64>(), wanted, "{refused:?}");
        assert!(found.len() <= 2, "{refused:?}");
    }
    assert_eq!(of("device.activated"), [("app".to_owned(), "-".to_owned(), 1)]);
    // The command line prints the same.
    let printed = says(&world.setup, &["audit", "--account", "alice", "--limit", "1000"]);
    assert!(
        printed.lines().any(|line| {
            let cells: Vec<&str> = line.split_whitespace().skip(1).collect();
            cells == ["account.unblocked", "alice", "-", "operator:helper", "127.0.0.1", "1", "-"]
        }),
        "{printed}"
    );
}

#[test]
fn an_operator_with_a_certificate_is_known_by_it_and_by_its_token_where_it_has_one() {
    let ours = Authorities::new();
    let [alone, both, other] =
        ["alone", "both", "other"].map(|name| ours.sign(name, ExtendedKeyUsagePurpose::ClientAuth));
    let operators = format!(
        "[admin.operators]\nalone = {{ certificate = \"{}\", roles = [\"read\"] }}\n\
         both = {{ certificate = \"{}\", token = \"{HELPER}\", roles = [\"read\", \"add\"] }}\n",
        fingerprint(&alone),
        fingerprint(&both)
    );
    let setup = with_certificates(&ours, &operators);
    let advice = says(&setup, &["check"]);
    assert!(advice.contains("advice: ") && advice.contains("the configuration is valid"), "{advice}");
    let world = setup.start();
    let address = world.admin_url.trim_start_matches("http://").to_owned();
    let get = "GET /admin/v1/accounts HTTP/1.1\r\n";
    let post = "POST /admin/v1/accounts/nobody/unblock HTTP/1.1\r\ncontent-type: application/json\r\n";
    let with = |lines: &str| format!("{lines}authorization: Bearer {HELPER}\r\n");
    for (shown, lines, status) in [
        (&alone, get.to_owned(), "200"),
        (&alone, post.to_owned(), "403"),
        (&both, get.to_owned(), "401"),
        (&both, with(get), "200"),
        (&other, get.to_owned(), "401"),
        (&other, with(get), "401"),
    ] {
        let answer = asked_over_tls(&address, &ours, Some(shown), &lines);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{lines}: {answer}");
    }
    // A browser shows a certificate unasked. It also names the site that sends the request.
    let evil = format!("{post}origin: https://evil.example\r\n");
    assert!(asked_over_tls(&address, &ours, Some(&alone), &evil).starts_with("HTTP/1.1 403 "), "{evil}");
}

#[test]
fn guesses_of_a_token_wait_and_a_right_one_does_not() {
    let world = Setup::new().set("limits.unknown_operators_per_minute", 3).start();
    let ask = |token: &str| world.operate("GET", "/admin/v1/accounts", Some(token), None).status;
    let waits = || {
        let numbers = world.operate("GET", "/metrics", None, None).text;
        let line =
            numbers.lines().find_map(|line| line.strip_prefix("pims_authority_limited_total{limit=\"operators\"} "));
        line.unwrap().parse::<u32>().unwrap()
    };
    for _ in 0..3 {
        assert_eq!(ask("a-wrong-token"), 401);
    }
    assert_eq!(waits(), 0);
    // Other clients go on guessing while a right one comes.
    std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let began = std::time::Instant::now();
                    assert_eq!(ask("a-wrong-token"), 401);
                    began.elapsed()
                })
            })
            .collect();
        for _ in 0..5 {
            assert_eq!(ask(ADMIN), 200);
        }
        for guess in guesses {
            assert!(guess.join().unwrap() >= std::time::Duration::from_secs(1));
        }
    });
    assert_eq!(waits(), 4, "and no right one was made to wait");
    let numbers = world.operate("GET", "/metrics", None, None).text;
    assert!(numbers.contains("pims_authority_operators_refused_total{reason=\"token\"} 7\n"), "{numbers}");
}

#[test]
fn a_configuration_of_operators_that_cannot_be_is_refused() {
    let check_error = |operators: &str| fails(&Setup::new().set("admin.operators", operators), &["check"], "");
    for (operators, word) in [
        ("{ a = 1 }", "`a` must"),
        ("{ a = { roles = [\"read\"] } }", "`a` must have"),
        ("{ a = { token = \"0123456789abcdef0123456789abcdee\" } }", "`a` must have"),
        ("{ a = { token = \"0123456789abcdef0123456789abcdee\", roles = [] } }", "`a` must have"),
        ("{ a = { token = \"0123456789abcdef0123456789abcdee\", roles = [\"write\"] } }", "`a` must have"),
        ("{ a = { token = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", roles = [\"read\"] } }", "can be guessed"),
        ("{ a = { certificate = \"00\", roles = [\"read\"] } }", "`a` must have"),
        ("{ operator = { token = \"0123456789abcdef0123456789abcdee\", roles = [\"read\"] } }", "already"),
        ("{ \"a b\" = { token = \"0123456789abcdef0123456789abcdee\", roles = [\"read\"] } }", "a name has"),
        (&format!("{{ a = {{ certificate = \"{}\", roles = [\"read\"] }} }}", "ab".repeat(32)), "client_ca_file"),
        (&format!("{{ a = {{ token = \"{ADMIN}\", roles = [\"read\"] }} }}"), "as another operator"),
    ] {
        let printed = check_error(operators);
        assert!(printed.contains(word), "{operators}: {printed}");
        assert!(!printed.contains("0123456789abcdef") && !printed.contains(ADMIN), "{printed}");
    }
    let setup = Setup::new();
    setup.write("admin.token", &"a".repeat(32));
    assert!(fails(&setup, &["check"], "").contains("admin.token: can be guessed"));
    let setup = Setup::new();
    setup.write("bank.token", "sixteen-letters!");
    assert!(fails(&setup, &["check"], "").contains("the token of `bank` can be guessed"));
}

#[test]
fn the_check_verifies_the_trail_and_compares_it_with_the_log() {
    let world = World::new();
    world.account("alice");
    let printed = says(&world.setup, &["check", "--connect"]);
    assert!(printed.contains("are as the service wrote them") && printed.contains("there is no seal yet"), "{printed}");
    let head = "ab".repeat(32);
    let older = fails(&world.setup, &["check", "--connect", "--expect-seal", &format!("7:{head}")], "");
    assert!(
        older.contains("this database is older than its log: its newest seal is 0, and seal 7 is known"),
        "{older}"
    );
    world.setup.database.execute("UPDATE audit SET account = 'bob' WHERE event = 'phoneNumber.added'");
    let changed = fails(&world.setup, &["check", "--connect"], "");
    assert!(
        changed.contains("the audit trail is not as the service wrote it") && changed.contains(" was changed"),
        "{changed}"
    );
}

#[test]
fn the_check_reads_every_row_and_names_the_tables_that_were_changed() {
    let world = World::new();
    world.account("alice");
    let printed = says(&world.setup, &["check", "--connect"]);
    assert!(printed.contains("rows are as the service wrote them"), "{printed}");
    assert_eq!(world.setup.database.execute("UPDATE accounts SET blocked = 1"), 1);
    let changed = fails(&world.setup, &["check", "--connect"], "");
    assert!(changed.contains("1 row is not as the service wrote it, in: accounts"), "{changed}");
}

#[test]
fn numbers_are_for_operators_and_name_no_account() {
    let world = World::new();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    device.ask(&world.client, "0000");
    let numbers = world.operate("GET", "/metrics", None, None);
    assert_eq!(numbers.status, 200);
    for line in [
        r#"pims_authority_outcomes_total{operation="otp",outcome="NOK:ACCESS"} 1"#,
        r#"pims_authority_outcomes_total{operation="sendCode",outcome="OK"} 2"#,
        r#"pims_authority_requests_total{route="/iwws/MAC",method="GET",status="200"} 5"#,
    ] {
        assert!(numbers.text.contains(line), "no {line} in\n{}", numbers.text);
    }
    assert!(numbers.text.ends_with("# EOF\n"));
    assert!(!numbers.text.contains("alice") && !numbers.text.contains(&device.id));
}

/// Returns the fingerprint of a certificate, as the configuration has it.
pub(crate) fn fingerprint(shown: &(rcgen::Certificate, KeyPair)) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(shown.0.der());
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// A certificate authority of the test's own, and the certificates that it signed.
pub(crate) struct Authorities {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authorities {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub(crate) fn sign(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// Returns the answer to a client that shows this certificate over TLS; `None` if the connection is
/// refused.
fn over_tls(address: &str, roots: &Authorities, shown: Option<&(rcgen::Certificate, KeyPair)>) -> String {
    asked_over_tls(address, roots, shown, "GET /admin/v1/accounts HTTP/1.1\r\n")
}

/// Does the same for a request that begins with these lines.
pub(crate) fn asked_over_tls(
    address: &str,
    roots: &Authorities,
    shown: Option<&(rcgen::Certificate, KeyPair)>,
    lines: &str,
) -> String {
    sent_over_tls(address, roots, shown, lines, "")
}

/// Does the same for a request with a body.
pub(crate) fn sent_over_tls(
    address: &str,
    roots: &Authorities,
    shown: Option<&(rcgen::Certificate, KeyPair)>,
    lines: &str,
    body: &str,
) -> String {
    let mut store = RootCertStore::empty();
    store.add(roots.issuer.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(store);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
            builder.with_client_auth_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into()).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut text = String::new();
    let request =
        format!("{lines}host: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    if stream.write_all(request.as_bytes()).is_ok() {
        let _ = stream.read_to_string(&mut text);
    }
    text
}

/// Returns the settings of a program whose operators come over TLS with a certificate, with these
/// lines in the place of the operators' token.
pub(crate) fn with_certificates(ours: &Authorities, instead: &str) -> Setup {
    let setup = Setup::new();
    let (certificate, key) = ours.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    setup.write("server.pem", &certificate.pem());
    setup.write("server.key", &key.serialize_pem());
    setup.write("operators.pem", &ours.issuer.pem());
    let config = std::fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
    let instead = format!("client_ca_file = \"operators.pem\"\n{instead}");
    setup.write("config.toml", &config.replace("token_file = \"admin.token\"", &instead));
    setup.set("admin.certificate_file", "server.pem").set("admin.key_file", "server.key")
}

#[test]
fn operators_may_be_known_by_their_certificates() {
    let (ours, theirs) = (Authorities::new(), Authorities::new());
    let world = with_certificates(&ours, "").start();
    let address = world.admin_url.trim_start_matches("http://").to_owned();
    let operator = ours.sign("operator", ExtendedKeyUsagePurpose::ClientAuth);
    let answer = over_tls(&address, &ours, Some(&operator));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{answer}");
    let stranger = theirs.sign("operator", ExtendedKeyUsagePurpose::ClientAuth);
    assert_eq!(over_tls(&address, &ours, Some(&stranger)), "");
    assert_eq!(over_tls(&address, &ours, None), "");
}
