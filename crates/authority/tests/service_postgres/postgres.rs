//! Features of PostgreSQL: collisions, lost connections, a server that restarts, limits.

use std::process::Command;
use std::time::Duration;

use authority::{AccountName, Authority, Database, OpenError, Options, Policy, Postgres};
use postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::cluster::pooler::Mode;
use crate::database::TestDatabase;
use crate::device::Device;
use crate::world::{Inbox, ManualClock, World, options};

#[test]
fn steps_that_collide_are_run_again_and_every_one_of_them_counts() {
    let policy =
        Policy { max_pin_tries: 1000, pin_budget: 1000, codes_per_hour: 100, evolve_k1_every: 0, ..Policy::default() };
    let world = World::with(policy.clone());
    let account = world.account("user");
    let devices: Vec<Device> = (0..8).map(|_| Device::activate(&world, &account, "1234")).collect();
    let second = world.another(policy);
    std::thread::scope(|scope| {
        for (number, device) in devices.iter().enumerate() {
            let authority = if number % 2 == 0 { &world.authority } else { &second };
            scope.spawn(move || (0..10).for_each(|_| drop(device.ask(authority, "9999"))));
        }
    });
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_tries, 80);
    assert_eq!(world.events().iter().filter(|event| *event == "pin.refused").count(), 80);
    let retries = world.authority.retries() + second.retries();
    assert!(retries > 0, "nothing collided");
}

#[test]
fn a_connection_that_was_lost_is_replaced_without_a_failure() {
    let world = World::new();
    let account = world.account("user");
    for _ in 0..3 {
        assert!(world.database.end_connections() > 0);
        assert!(world.authority.account(&account).unwrap().is_some());
    }
    // A pooler in transaction mode replaces an idle connection by itself.
    let replaced = world.database.cluster().pooler().is_some_and(|pooler| pooler.mode() == Mode::Transaction);
    assert!(replaced || world.authority.retries() > 0);
}

#[test]
fn the_service_goes_on_after_the_server_restarted() {
    let cluster = Cluster::start();
    let database = Database::Postgres(Postgres::new(cluster.address("postgres")));
    let nowhere = TestDatabase::empty();
    let options = options(&nowhere, Policy::default(), &ManualClock::default(), &Inbox::default());
    let authority = Authority::open(Options { database, ..options }).unwrap();
    let account = AccountName::new("user").unwrap();
    authority.add_account(&account).unwrap();
    cluster.down();
    cluster.up();
    assert!(authority.account(&account).unwrap().is_some());
    cluster.down();
    let failure = authority.ping().unwrap_err();
    assert!(matches!(failure, authority::Failure::Storage(_)));
    cluster.up();
    authority.ping().unwrap();
}

#[test]
fn a_statement_that_takes_too_long_fails_and_the_service_goes_on() {
    let world = World::new();
    let account = world.account("user");
    let mut server = Postgres::new(world.database.url());
    server.statement_timeout = Duration::from_secs(2);
    let hasty = world.another_with(|options| Options { database: Database::Postgres(server), ..options });
    let mut locking = world.database.client();
    let mut transaction = locking.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE").unwrap();
    let failure = hasty.account(&account).unwrap_err();
    assert!(failure.to_string().contains("57014"), "{failure}");
    transaction.rollback().unwrap();
    assert!(hasty.account(&account).unwrap().is_some());
}

#[test]
fn more_threads_than_connections_wait_for_one_another() {
    let world = World::new();
    let mut server = Postgres::new(world.database.url());
    server.connections = 2;
    let small = world.another_with(|options| Options { database: Database::Postgres(server), ..options });
    std::thread::scope(|scope| {
        for number in 0..16 {
            let small = &small;
            scope.spawn(move || small.add_account(&AccountName::new(&format!("user{number}")).unwrap()).unwrap());
        }
    });
    assert_eq!(world.authority.accounts(None, 100).unwrap().len(), 16);
    let connections = world.database.connections();
    // The other service has its eight connections, too.
    assert!(connections <= 2 + 8, "{connections}");
}

#[test]
fn a_newer_database_is_refused() {
    let world = World::new();
    world.database.execute("UPDATE pims_schema SET version = 1000");
    let opened = Authority::open(world.options());
    assert!(matches!(opened.err(), Some(OpenError::Newer { found: 1000, .. })));
}

#[test]
fn an_instance_without_the_right_to_define_tables_opens_a_database_that_is_up_to_date() {
    let world = World::new();
    world.account("user");
    let name = &world.database.name;
    world.database.execute(&format!(
        "CREATE ROLE role_{name} LOGIN; ALTER ROLE role_{name} SET search_path = {name};
         GRANT USAGE ON SCHEMA {name} TO role_{name};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO role_{name}"
    ));
    let url = world.database.cluster().address_of(&format!("role_{name}"), "postgres");
    assert!(Client::connect(&url, NoTls).unwrap().batch_execute("CREATE TABLE x (y BIGINT)").is_err());
    let authority =
        world.another_with(|options| Options { database: Database::Postgres(Postgres::new(url)), ..options });
    assert_eq!(authority.accounts(None, 10).unwrap().len(), 1);
    authority.ping().unwrap();
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let world = World::new();
    let url = format!("{} sslmode=require", world.database.url());
    let options = Options { database: Database::Postgres(Postgres::new(url)), ..world.options() };
    assert!(Authority::open(options).is_err());
}

#[test]
fn a_server_that_cannot_be_reached_does_not_open() {
    let world = World::new();
    for url in ["host=/nonexistent user=pims", "host=127.0.0.1 port=1 user=pims", "this is no address"] {
        let options = Options { database: Database::Postgres(Postgres::new(url)), ..world.options() };
        assert!(matches!(Authority::open(options).err(), Some(OpenError::Storage(_))), "{url}");
    }
}

/// The next test runs this one in a process of its own, with other roots.
#[test]
#[ignore = "is run by another test"]
fn open_at_the_address_of_the_environment() {
    let url = std::env::var("PIMS_TEST_URL").unwrap();
    let nowhere = TestDatabase::empty();
    let options = options(&nowhere, Policy::default(), &ManualClock::default(), &Inbox::default());
    let opened = Authority::open(Options { database: Database::Postgres(Postgres::new(url)), ..options });
    opened.unwrap_or_else(|error| panic!("{error}")).ping().unwrap();
}

#[test]
fn tls_goes_to_a_server_whose_certificate_and_name_are_right_and_to_no_other() {
    let certificate = tempfile::tempdir().unwrap();
    let pem = |name: &str| certificate.path().join(name).display().to_string();
    let subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            &pem("key"),
            "-out",
            &pem("crt"),
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(subject)
        .output();
    assert!(made.unwrap().status.success());
    let cluster = Cluster::start_without_pooler();
    cluster.listen_with_tls(&pem("key"), &pem("crt"));
    let open = |host: &str, roots: &str, mode: &str| {
        let url = format!("host={host} hostaddr=127.0.0.1 port={} user=pims dbname=postgres {mode}", cluster.port());
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "postgres::open_at_the_address_of_the_environment", "--ignored", "--nocapture"])
            .envs([("PIMS_TEST_URL", url.as_str()), ("SSL_CERT_FILE", roots)])
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(message) }
    };
    let refused = |host: &str, roots: &str, mode: &str, why: &str| {
        let message = open(host, roots, mode).expect_err(why);
        assert!(message.contains("the database server's certificate") && message.contains(why), "{message}");
    };
    open("localhost", &pem("crt"), "sslmode=require").unwrap();
    open("localhost", "/etc/ssl/certs/ca-certificates.crt", "").expect("plain on this machine");
    refused("localhost", "/etc/ssl/certs/ca-certificates.crt", "sslmode=require", "of an issuer that is not trusted");
    // The address names no mode: a connection to another machine is encrypted, and the name is
    // checked.
    refused("db.example.org", &pem("crt"), "", "is for another host");
    open("db.example.org", "/nonexistent", "").expect_err("no roots");
}
