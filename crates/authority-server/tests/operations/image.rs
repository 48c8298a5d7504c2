//! The image's file. It is not built here: there is no Docker.

use std::process::{Command, Output};

use crate::live::{ALICE, Live, PROGRAM, certificate, read, until};

/// Returns the program's arguments in the image's health check.
fn arguments() -> Vec<String> {
    let file = read("deploy/Dockerfile");
    let check = file.split_once("HEALTHCHECK").unwrap().1;
    let words = check.lines().find_map(|line| line.trim().strip_prefix("CMD ")).unwrap();
    let words: Vec<String> = serde_json::from_str(words).unwrap();
    assert_eq!(words[0], "/usr/bin/pims-authority");
    words[1..].to_vec()
}

/// Runs the image's check, in the environment and with the configuration of the service.
fn check(live: &Live, more: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments()).args(more).env("PIMS_AUTHORITY_CONFIG", live.config());
    // The configuration says port 0.
    command.env("PIMS_AUTHORITY_LISTEN_ADDRESS", format!("127.0.0.1:{}", live.port));
    command.output().unwrap()
}

#[test]
fn the_health_check_of_the_image_tells_a_service_that_lives_from_one_that_does_not() {
    for tls in [true, false] {
        let mut live = Live::start(tls, ALICE);
        // On a machine with other work an answer may take longer than the check waits.
        until("the service is healthy", || check(&live, &[]).status.success().then_some(()));
        until("the service is ready", || check(&live, &["--ready"]).status.success().then_some(()));
        live.kill();
        let told = check(&live, &[]);
        assert_eq!(told.status.code(), Some(1), "{told:?}");
        assert!(!told.stderr.is_empty());
    }
}

#[test]
fn the_health_check_trusts_the_certificate_of_its_configuration_alone() {
    let live = Live::start(true, ALICE);
    until("the service is healthy", || check(&live, &[]).status.success().then_some(()));
    // Another certificate, which names and roots do not distinguish from the first one.
    certificate(live.folder());
    let told = check(&live, &[]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    live.hang_up();
    until("the service shows the new certificate", || check(&live, &[]).status.success().then_some(()));
}

#[test]
fn the_health_check_reads_no_secret() {
    let live = Live::start(false, ALICE);
    std::fs::remove_file(live.folder().join("master.key")).unwrap();
    until("the service is healthy", || check(&live, &[]).status.success().then_some(()));
}

#[test]
fn what_the_image_is_made_from_is_named_by_version_and_holds_no_other_client() {
    let file = read("deploy/Dockerfile");
    let bases: Vec<&str> = file.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(bases, ["FROM ${RUST} AS build", "FROM ${BASE}"]);
    for argument in ["ARG RUST=rust:", "ARG BASE=debian:"] {
        let version = file.lines().find_map(|line| line.strip_prefix(argument)).unwrap();
        let number = version.split('-').next().unwrap();
        assert!(number.contains('.') && number.split('.').all(|part| part.parse::<u32>().is_ok()), "{version}");
    }
    assert!(!file.contains("curl"));
}
