//! A database that goes away and comes back, seen from outside.

use crate::cluster::Cluster;
use crate::http::has_security_headers;
use crate::schema::Schema;
use crate::world::{ADMIN, Setup, World, poll};

fn status(world: &World, path: &str) -> u16 {
    world.ask("GET", path, None, None).status
}

/// Returns whether the metrics say that the database answered. The metrics must come in any case.
fn database_up(world: &World) -> bool {
    let numbers = world.operate("GET", "/metrics", None, None);
    assert_eq!(numbers.status, 200);
    assert!(numbers.text.ends_with("# EOF\n"));
    let value = numbers.text.lines().find_map(|line| line.strip_prefix("pims_authority_database_up "));
    match value {
        Some("1") => true,
        Some("0") => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn readiness_reports_a_database_that_is_gone_and_one_that_is_back() {
    if !Cluster::is_installed() {
        return;
    }
    let cluster = Cluster::start();
    let schema = Schema::new(&cluster);
    // Without a queue of SMS, too, the numbers ask the database.
    let world = Setup::production().set("database.url", &schema.url).set("sms.retry_attempts", 1).start();
    world.account("alice");
    assert_eq!((status(&world, "/readyz"), database_up(&world)), (200, true));

    cluster.down();
    // An answer about the database is valid for a second.
    poll(|| (status(&world, "/readyz") == 503).then_some(())).expect("it is not ready");
    std::thread::scope(|scope| {
        // A request that needs the database gets its answer after a while.
        let accounts = scope.spawn(|| world.operate("GET", "/admin/v1/accounts", Some(ADMIN), None));
        let number = scope.spawn(|| world.cvs("GET", "trustedPhoneNumber", "alice", None));
        assert_eq!(status(&world, "/healthz"), 200);
        let ready = world.operate("GET", "/readyz", None, None);
        assert_eq!((ready.status, has_security_headers(&ready.headers)), (503, true), "for operators, too");
        assert_eq!(world.operate("GET", "/healthz", None, None).status, 200);
        assert!(!database_up(&world));
        for reply in [accounts, number] {
            let reply = reply.join().unwrap();
            assert_eq!((reply.status, reply.word().as_str(), reply.header("retry-after")), (503, "UNAVAILABLE", "5"));
            assert!(has_security_headers(&reply.headers), "{:?}", reply.headers);
        }
        // It stays so for all requests, as long as there is no database.
        assert_eq!((status(&world, "/readyz"), status(&world, "/healthz")), (503, 200));
    });

    cluster.up();
    poll(|| (status(&world, "/readyz") == 200).then_some(())).expect("it is ready again");
    poll(|| database_up(&world).then_some(())).expect("the numbers say so");
    assert_eq!(world.cvs("GET", "trustedPhoneNumber", "alice", None).status, 200, "and knows what it knew");
}
