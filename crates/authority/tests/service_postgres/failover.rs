//! A primary that dies under load, and its standby that is promoted. The address names both.

use std::sync::Arc;
use std::time::Instant;

use authority::{Authority, Database, Options, Policy, Postgres};
use postgres::NoTls;

use crate::cluster::Cluster;
use crate::database::TestDatabase;
use crate::device::Device;
use crate::faulty::{WAIT_TIMEOUT, ends, poll, world_on};
use crate::load::Load;
use crate::world::World;

/// A server and its standby.
struct Pair {
    primary: Arc<Cluster>,
    standby: Cluster,
    /// The database on the primary.
    world: World,
    role: String,
}

impl Pair {
    fn new() -> Self {
        let primary = Arc::new(Cluster::start_without_pooler());
        let standby = primary.standby();
        let database = TestDatabase::prepared_on(Some(primary.clone()));
        let role = database.name.clone();
        Self { primary, standby, world: world_on(database, policy()), role }
    }

    /// Returns the address of both hosts, in this order.
    fn address(&self, hosts: [&Cluster; 2]) -> String {
        format!("host={} user={} dbname=postgres", hosts.map(Cluster::host).join(","), self.role)
    }

    fn service(&self, hosts: [&Cluster; 2]) -> Arc<Authority> {
        let database = Database::Postgres(Postgres::new(self.address(hosts)));
        Arc::new(self.world.another_with(|options| Options { database, policy: policy(), ..options }))
    }

    /// Makes each commit wait until the standby has it.
    fn synchronize(&self) {
        self.primary.set("synchronous_standby_names = 'standby'\n");
        let sql = "SELECT application_name FROM pg_stat_replication WHERE sync_state = 'sync'";
        poll("the standby is synchronous", || (!self.world.database.column(sql).is_empty()).then_some(()));
    }

    /// Waits until the standby has all that was committed before this call. Returns the moment of
    /// the call.
    fn replicated(&self) -> Instant {
        let moment = Instant::now();
        let position = self.world.database.column("SELECT pg_current_wal_lsn()::text").remove(0);
        let sql = format!("SELECT 'yes' FROM pg_stat_replication WHERE flush_lsn >= '{position}'");
        poll("the standby has the rows", || (!self.world.database.column(&sql).is_empty()).then_some(()));
        moment
    }

    /// Makes the standby a primary. Returns the moment of the command.
    fn promote(&self) -> Instant {
        let moment = Instant::now();
        let mut client = postgres::Client::connect(&self.standby.direct_address_of("pims", "postgres"), NoTls).unwrap();
        let promoted: bool = client.query_one("SELECT pg_promote(true, 60)", &[]).unwrap().get(0);
        assert!(promoted);
        println!("the promotion took {:?}", moment.elapsed());
        moment
    }
}

fn policy() -> Policy {
    Policy { evolve_k1_every: 0, max_pin_tries: 10, ..Policy::default() }
}

fn passwords_survive_a_failover(is_synchronous: bool) {
    let pair = Pair::new();
    if is_synchronous {
        pair.synchronize();
    }
    let service = pair.service([&pair.primary, &pair.standby]);
    let account = pair.world.account("user");
    let device = Device::activate(&pair.world, &account, "1234");
    let left = |authority: &Authority| device.ask(authority, "9999").attempts_left();
    assert_eq!([(); 3].map(|()| left(&service)), [Some(9), Some(8), Some(7)]);
    let load = Load::start(&pair.world, &service, 4);

    let replicated = (!is_synchronous).then(|| pair.replicated());
    load.goes_on("before the primary dies");
    pair.primary.kill();
    let promoted = pair.promote();
    load.goes_on("the standby is the primary");
    let records = load.finish();
    let first = records.first_since(promoted);
    println!("synchronous: {is_synchronous}. The first password came {first:?} after the command to promote");
    assert!(first < WAIT_TIMEOUT, "{first:?}");

    // All is verified on the new primary.
    assert_eq!(left(&service), Some(6), "the count of wrong PINs");
    let Pair { standby, role, .. } = pair;
    let database = TestDatabase::at(role, Arc::new(standby));
    let world = world_on(database, policy());
    records.verify(&world, replicated);
}

#[test]
fn acknowledged_passwords_survive_a_failover_to_a_synchronous_standby() {
    passwords_survive_a_failover(true);
}

#[test]
fn acknowledged_passwords_that_were_replicated_survive_a_failover_to_an_asynchronous_standby() {
    passwords_survive_a_failover(false);
}

#[test]
fn the_order_of_the_hosts_does_not_matter_and_a_standby_alone_is_told() {
    let pair = Pair::new();
    pair.service([&pair.standby, &pair.primary]).ping().unwrap();

    let alone = format!("host={} user={} dbname=postgres", pair.standby.host(), pair.role);
    let both = format!("{alone} target_session_attrs=read-write");
    for url in [alone, both] {
        let database = Database::Postgres(Postgres::new(url.as_str()));
        let options = Options { database, ..pair.world.options() };
        let error = ends("a start at a standby", || Authority::open(options).err().expect("it does not open"));
        println!("{error}");
        let text = error.to_string();
        assert!(text.contains("standby") || text.contains("does not allow writes"), "{text}");
    }
}
