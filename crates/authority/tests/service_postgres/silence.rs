//! A database host that goes silent, as a machine without power or a network without a route does:
//! nothing comes back, not even the end of a connection. The service answers, and goes on as soon
//! as it can.

use std::sync::Arc;
use std::time::Duration;

use authority::{Authority, Database, Options, Postgres};

use crate::faulty::{Outcome, Stage, ends, password, poll};
use crate::load::Load;
use crate::proxy::{Fault, Message, Proxy, Scope, Side, is_begin, is_commit, is_committed};
use crate::world::World;

/// The limit of a statement in these tests. A busy machine must keep it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

fn server(url: String) -> Postgres {
    Postgres { statement_timeout: STATEMENT_TIMEOUT, ..Postgres::new(url) }
}

/// Opens another service over the database of a world.
fn service(world: &World, url: String) -> Arc<Authority> {
    Arc::new(world.another_with(|options| Options { database: Database::Postgres(server(url)), ..options }))
}

#[test]
fn passwords_go_on_if_open_connections_go_silent() {
    let world = World::new();
    let proxy = Proxy::start(world.database.cluster().socket());
    let authority = service(&world, proxy.address_of(&world.database.name));
    let load = Load::start(&world, &authority, 4);
    proxy.begin(Fault::Silence(Scope::Open));
    let first = load.goes_on("open connections are silent, new ones work");
    println!("the first password came {first:?} after the silence began");
    load.finish().verify(&world, None);
}

#[test]
fn passwords_go_on_once_a_silent_host_answers_new_connections() {
    let world = World::new();
    let proxy = Proxy::start(world.database.cluster().socket());
    let authority = service(&world, proxy.address_of(&world.database.name));
    let load = Load::start(&world, &authority, 4);
    proxy.begin(Fault::Silence(Scope::All));
    let asked = authority.clone();
    let failure = ends("a ping of a silent host", move || asked.ping().unwrap_err());
    println!("while the host is silent: {failure}");
    // The connections of before stay silent for ever.
    proxy.answer_new_connections();
    let first = load.goes_on("the host answers new connections");
    println!("the first password came {first:?} after the host answered");
    load.finish().verify(&world, None);
}

#[test]
fn passwords_go_on_with_another_host_if_the_first_is_silent() {
    let world = World::new();
    let proxies = [(); 2].map(|()| Proxy::start(world.database.cluster().socket()));
    let url = format!(
        "host=127.0.0.1,127.0.0.1 port={},{} user={} dbname=postgres",
        proxies[0].port(),
        proxies[1].port(),
        world.database.name
    );
    let authority = service(&world, url.clone());
    let load = Load::start(&world, &authority, 4);
    proxies[0].begin(Fault::Silence(Scope::All));
    let first = load.goes_on("the second host answers");
    println!("the first password came {first:?} after the silence began");
    load.finish().verify(&world, None);

    // A service that starts now finds the host that answers.
    let options = Options { database: Database::Postgres(server(url)), ..world.options() };
    ends("a start while the first host is silent", || Authority::open(options).unwrap().ping().unwrap());
}

#[test]
fn a_service_that_starts_at_a_silent_host_says_so() {
    let world = World::new();
    let proxy = Proxy::start(world.database.cluster().socket());
    proxy.begin(Fault::Silence(Scope::All));
    let database = Database::Postgres(server(proxy.address_of(&world.database.name)));
    let options = Options { database, ..world.options() };
    let error = ends("a start at a silent host", || Authority::open(options).err().expect("it does not open"));
    let text = error.to_string();
    assert!(text.contains("time") || text.contains("answer"), "{text}");
}

/// Makes a password during a fault, and verifies that its effects are there once.
fn exact_password_during(what: &str, begin: impl FnOnce(&Proxy)) {
    let stage = Stage::new(|server| server.statement_timeout = STATEMENT_TIMEOUT);
    assert_eq!(stage.exact_password("without a fault"), Outcome::Accepted);
    begin(&stage.proxy);
    let (authority, account, device) = (stage.faulty.clone(), stage.account.clone(), stage.device.clone());
    let mut outcomes = vec![ends(what, move || password(&authority, &account, &device))];
    // The fault goes on, and concerns the connections of before alone.
    poll(what, || {
        outcomes.push(password(&stage.faulty, &stage.account, &stage.device));
        outcomes.last().unwrap().is_accepted().then_some(())
    });
    println!("{what}: {outcomes:?}");
    stage.verify(what, &outcomes);
}

#[test]
fn a_silence_in_the_middle_of_a_step_doubles_and_loses_nothing() {
    type Place = (&'static str, usize, fn(&Message) -> bool);
    let at: [Place; 4] = [
        ("silent at the begin of a finalize", 1, is_begin),
        ("silent at a statement", 3, |message| message.text.contains("passwords")),
        ("silent at a commit", 1, is_commit),
        ("silent after a commit", 1, is_committed),
    ];
    std::thread::scope(|scope| {
        for (what, number, matches) in at {
            let begin = move |proxy: &Proxy| proxy.begin_at(number, Fault::Silence(Scope::Open), matches);
            scope.spawn(move || exact_password_during(what, begin));
        }
    });
}

#[test]
fn a_connection_that_loses_the_messages_of_one_side_doubles_and_loses_nothing() {
    std::thread::scope(|scope| {
        for side in [Side::Client, Side::Server] {
            let what = format!("the messages of {side:?} are lost");
            scope.spawn(move || exact_password_during(&what, move |proxy| proxy.begin(Fault::Loss(side))));
        }
    });
}

#[test]
fn a_slow_network_is_no_fault() {
    let stage = Stage::new(|_| {});
    stage.proxy.slow_down(Duration::from_millis(10));
    assert_eq!(password(&stage.faulty, &stage.account, &stage.device), Outcome::Accepted);
    let retries = stage.faulty.retries();
    stage.verify("slow", &[Outcome::Accepted]);
    assert_eq!(retries, 0);
}
