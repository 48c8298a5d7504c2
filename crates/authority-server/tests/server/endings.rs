//! Every way out of every command on PostgreSQL: an exit status, never a signal or a panic.
//!
//! A connection to PostgreSQL blocks when it is dropped, which a thread of an asynchronous runtime
//! must not do: it would panic, and the panic of a destructor aborts.

use std::fs::File;
use std::io::Write;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::Cluster;
use crate::device::Device;
use crate::schema::Schema;
use crate::world::{CVS, Setup, World, poll, token};

/// Returns a configuration on a database of its own.
fn on_postgresql() -> (Schema, Setup) {
    let schema = Schema::new(Cluster::shared());
    let setup = Setup::production().set("database.url", &schema.url);
    (schema, setup)
}

fn run(setup: &Setup, arguments: &[&str], input: &str) -> Output {
    let mut command = setup.command(arguments);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may be over.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

fn is_without_a_panic(told: &str) {
    assert!(!told.contains("panic") && !told.contains("abort"), "{told}");
}

/// Runs a command, which must end with this status. Returns what it wrote to standard error.
fn ends_with(status: i32, setup: &Setup, arguments: &[&str], input: &str) -> String {
    let output = run(setup, arguments, input);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}: {told}", output.status);
    is_without_a_panic(&told);
    // A failure is reported.
    assert!(status == 0 || !told.trim().is_empty(), "{arguments:?} says nothing");
    told
}

/// Waits for the end of a service, which must be an orderly one.
fn has_ended_well(world: &mut World) {
    let status = world.process.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{status}: {}", world.log.text());
    is_without_a_panic(&world.log.text());
}

#[test]
fn commands_that_succeed_on_postgresql_end_with_zero() {
    if !Cluster::is_installed() {
        return;
    }
    let (_schema, setup) = on_postgresql();
    for arguments in [
        &["check"][..],
        &["migrate"],
        &["migrate"],
        &["migrate", "--rekey"],
        &["check", "--connect"],
        &["account", "add", "dora"],
        &["account", "list"],
        &["account", "show", "dora"],
        &["account", "unblock", "dora"],
        &["audit"],
        &["account", "remove", "dora", "--yes"],
    ] {
        ends_with(0, &setup, arguments, "");
    }
    let world = setup.again().start();
    let alice = world.account("alice");
    let otp = Device::activate(&world, &alice, "1234").made(&world.client, "1234");
    ends_with(0, &world.setup, &["otp", "verify", "alice"], &otp);
    ends_with(1, &world.setup, &["otp", "verify", "alice"], &otp);
    let address = world.client.url.trim_start_matches("http://");
    ends_with(0, &setup.again().set("listen.address", address), &["health", "--ready"], "");
}

#[test]
fn commands_that_fail_on_an_open_postgresql_end_with_one() {
    if !Cluster::is_installed() {
        return;
    }
    let (schema, setup) = on_postgresql();
    ends_with(0, &setup, &["account", "add", "dora"], "");
    let head = "ab".repeat(32);
    for arguments in [
        &["account", "add", "dora"][..],
        &["account", "show", "nobody"],
        &["account", "unblock", "nobody"],
        &["account", "remove", "nobody", "--yes"],
        &["account", "remove", "dora"],
        &["otp", "verify", "dora"],
        &["otp", "verify", "nobody"],
        &["check", "--connect", "--expect-seal", &format!("7:{head}")],
    ] {
        ends_with(1, &setup, arguments, "abcdefgh");
    }
    // The output accepts nothing.
    for arguments in [&["account", "list"][..], &["account", "show", "dora"], &["audit"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = setup.command(arguments).stdin(Stdio::null()).stdout(full).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}: {told}", output.status);
        is_without_a_panic(&told);
    }
    // Neither does standard error.
    for arguments in [&["account", "show", "nobody"][..], &["account", "list"], &["serve", "--no-such-option"]] {
        let full = || File::options().write(true).open("/dev/full").unwrap();
        let status = setup.command(arguments).stdin(Stdio::null()).stdout(full()).stderr(full()).status().unwrap();
        let wanted = if arguments[0] == "serve" { 2 } else { 1 };
        assert_eq!(status.code(), Some(wanted), "{arguments:?}: {status}");
    }
    // The issuer's keys are read when the database is open.
    setup.write("jwks.json", "[]");
    ends_with(1, &setup, &["check", "--connect"], "");
    ends_with(1, &setup, &["serve"], "");
    assert_eq!(schema.client().execute("UPDATE accounts SET blocked = 1", &[]).unwrap(), 1);
    setup.write("jwks.json", &crate::issuer::Issuer::usual().key_set());
    ends_with(1, &setup, &["check", "--connect"], "");
    ends_with(1, &setup, &["account", "unblock", "dora"], "");
}

/// The commands that open the database.
const OPENING: [&[&str]; 10] = [
    &["serve"],
    &["check", "--connect"],
    &["migrate"],
    &["migrate", "--rekey"],
    &["account", "add", "dora"],
    &["account", "list"],
    &["account", "show", "dora"],
    &["account", "unblock", "dora"],
    &["otp", "verify", "dora"],
    &["audit"],
];

#[test]
fn commands_whose_postgresql_cannot_be_opened_end_with_one() {
    if !Cluster::is_installed() {
        return;
    }
    let (schema, setup) = on_postgresql();
    ends_with(0, &setup, &["account", "add", "dora"], "");
    let fail = |setup: &Setup, why: &str| {
        for arguments in OPENING {
            let told = ends_with(1, setup, arguments, "abcdefgh");
            assert!(told.contains(why), "{arguments:?}: {told}");
        }
    };
    fail(&setup.again().set("database.url", "postgres://pims@%2Fno%2Fsuch%2Ffolder/pims"), "");
    // Another key than the sealing one: the program notices it when the connections are there.
    setup.write("master.key", &"08".repeat(32));
    fail(&setup, "");
    setup.write("master.key", &"07".repeat(32));
    schema.client().batch_execute("UPDATE pims_schema SET version = 1000").unwrap();
    fail(&setup, "1000");
}

#[test]
fn a_command_whose_statement_takes_too_long_ends_with_one() {
    if !Cluster::is_installed() {
        return;
    }
    let (schema, setup) = on_postgresql();
    ends_with(0, &setup, &["account", "add", "dora"], "");
    let hasty = setup.again().set("database.statement_timeout_seconds", 1);
    let _lock = schema.lock(&["accounts"]);
    for arguments in [&["account", "add", "bob"][..], &["account", "list"], &["account", "remove", "dora", "--yes"]] {
        let told = ends_with(1, &hasty, arguments, "");
        assert!(told.contains("57014"), "{told}");
    }
}

#[test]
fn a_command_whose_connection_is_ended_goes_on_with_another() {
    if !Cluster::is_installed() {
        return;
    }
    let (schema, setup) = on_postgresql();
    ends_with(0, &setup, &["migrate"], "");
    let mut lock = schema.lock(&["accounts"]);
    let mut command = setup.command(&["account", "add", "dora"]);
    let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    lock.is_waited_for();
    lock.end_waiting();
    drop(lock);
    let output = process.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{}: {told}", output.status);
    is_without_a_panic(&told);
    ends_with(0, &setup, &["account", "show", "dora"], "");
}

#[test]
fn a_service_that_still_opens_its_database_ends_with_zero() {
    if !Cluster::is_installed() {
        return;
    }
    let (schema, setup) = on_postgresql();
    ends_with(0, &setup, &["migrate"], "");
    // Neither the first connection nor those of the pool get further than these tables.
    for tables in [["pims_schema"], ["meta"]] {
        for signal in ["-TERM", "-INT"] {
            let mut lock = schema.lock(&tables);
            let mut command = setup.command(&["serve"]);
            let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            lock.is_waited_for();
            let id = process.id().to_string();
            assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
            // The lock is still there.
            let output = process.wait_with_output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{tables:?} {signal}: {}: {told}", output.status);
            is_without_a_panic(&told);
            assert!(told.contains("ended before the database was open"), "{told}");
        }
    }
}

#[test]
fn a_service_with_a_step_under_way_ends_with_zero() {
    if !Cluster::is_installed() {
        return;
    }
    let (schema, setup) = on_postgresql();
    let mut world = setup.set("limits.drain_seconds", 1).start();
    world.account("alice");
    let mut lock = schema.lock(&["accounts"]);
    std::thread::scope(|scope| {
        // The drain cuts the waiting requests off, or the lock's end lets them through.
        scope.spawn(|| {
            let url = format!("{}{CVS}/trustedPhoneNumber?client_id=test", world.client.url);
            let _ = crate::http::send(&world.client.agent, "GET", &url, Some(&token("alice")), None);
        });
        lock.is_waited_for();
        world.signal("-TERM");
        world.log.wait_for(|line| line["message"] == "ended");
    });
    drop(lock);
    has_ended_well(&mut world);
}

#[test]
fn a_service_under_load_ends_with_zero() {
    if !Cluster::is_installed() {
        return;
    }
    for signal in ["-TERM", "-INT"] {
        let (_schema, setup) = on_postgresql();
        let mut world = setup.start();
        world.account("alice");
        let url = format!("{}{CVS}/trustedPhoneNumber?client_id=test", world.client.url);
        let answers = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    // Requests until the service accepts no more. It answers the requests that it
                    // accepted.
                    let (agent, token) = (crate::http::agent(), token("alice"));
                    while let Ok(reply) = crate::http::send(&agent, "GET", &url, Some(&token), None) {
                        assert_eq!(reply.status, 200, "{}", reply.text);
                        answers.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            poll(|| (answers.load(Ordering::SeqCst) >= 100).then_some(())).expect("the load goes on");
            world.signal(signal);
            // A second signal changes nothing.
            world.signal(signal);
        });
        has_ended_well(&mut world);
    }
}

#[test]
fn a_service_whose_database_is_gone_ends_with_zero() {
    if !Cluster::is_installed() {
        return;
    }
    let cluster = Cluster::start();
    let schema = Schema::new(&cluster);
    let mut world = Setup::production().set("database.url", &schema.url).start();
    world.account("alice");
    cluster.down();
    poll(|| (world.ask("GET", "/readyz", None, None).status == 503).then_some(())).expect("it is not ready");
    world.signal("-TERM");
    has_ended_well(&mut world);
}
