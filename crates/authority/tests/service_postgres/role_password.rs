//! The password of the database's role is changed while a service runs.

use std::sync::Arc;

use authority::{Authority, Database, Options, Policy, Postgres};

use crate::cluster::Cluster;
use crate::database::TestDatabase;
use crate::device::Device;
use crate::faulty::{Outcome, ends, password, poll, world_on};
use crate::world::World;

fn options_with(world: &World, role_password: &str) -> Options {
    let url = format!("{} password={role_password}", world.database.url());
    Options { database: Database::Postgres(Postgres::new(url)), ..world.options() }
}

#[test]
fn after_a_change_of_the_roles_password_open_connections_work_and_new_ones_say_why_not() {
    let cluster = Arc::new(Cluster::start_without_pooler());
    let database = TestDatabase::prepared_on(Some(cluster.clone()));
    let role = database.name.clone();
    let world = world_on(database, Policy { evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    world.database.execute(&format!("ALTER ROLE {role} PASSWORD 'the-first-word'"));
    // The test's own connection stays open.
    cluster.require_password(&role);
    // A wrong password opens as long as the server has not read the rule.
    poll("the rule", || Authority::open(options_with(&world, "no-word-of-ours")).err());
    let service = Arc::new(Authority::open(options_with(&world, "the-first-word")).unwrap());
    assert_eq!(password(&service, &account, &device), Outcome::Accepted);

    world.database.execute(&format!("ALTER ROLE {role} PASSWORD 'the-second-word'"));
    assert_eq!(password(&service, &account, &device), Outcome::Accepted, "on the connections of before");

    world.database.end_connections();
    // A connection works until the server's process ends it.
    let asked = service.clone();
    let ping = move || poll("a failure", || asked.ping().err()).0;
    let failure = ends("a ping with the old password", ping).to_string();
    assert!(failure.contains("28P01"), "{failure}");
    assert!(!failure.contains("-word"), "{failure}");
    // The same password in the same process works again, if it is the right one again.
    world.database.execute(&format!("ALTER ROLE {role} PASSWORD 'the-first-word'"));
    poll("the service goes on", || service.ping().ok());
    world.database.execute(&format!("ALTER ROLE {role} PASSWORD 'the-second-word'"));

    let error = Authority::open(options_with(&world, "the-first-word")).err().expect("the old password").to_string();
    assert!(error.contains("28P01") && !error.contains("-word"), "{error}");
    let restarted = Authority::open(options_with(&world, "the-second-word")).unwrap();
    assert_eq!(password(&restarted, &account, &device), Outcome::Accepted);
}
