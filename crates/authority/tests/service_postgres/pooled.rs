//! Two instances behind PgBouncer, in session and in transaction mode. In the second, each
//! transaction may run on a connection that the other instance used before.

use std::sync::Mutex;

use authority::{AccountName, Authority, CvsRequest, Database, Options, Policy, Postgres, Purpose, Verdict};

use crate::cluster::Cluster;
use crate::cluster::pooler::{Mode, Pooler};
use crate::device::{Device, Scene};
use crate::world::{Inbox, STATE, World};

/// Returns the rows that name this account or this device.
fn rows_of(world: &World, names: &[&str]) -> Vec<String> {
    let is_of = |row: &String| names.iter().any(|name| row.contains(&format!("{name:?}")));
    let mut rows: Vec<String> = world.rows(&STATE).into_iter().filter(is_of).collect();
    rows.sort();
    rows
}

/// Lets two instances work for accounts of their own, at the same time, for the same tables.
fn two_instances(mode: Mode) {
    if !Pooler::is_installed() {
        return;
    }
    let world = World::with(Policy { evolve_k1_every: 0, codes_per_hour: 100, ..Policy::default() });
    let cluster = Cluster::shared();
    let pooler = Pooler::start(cluster, mode);
    let bystander = world.account("bystander");
    let device = Device::activate(&world, &bystander, "1234");
    let unused = device.made(&world.authority, "1234");
    let before = rows_of(&world, &["bystander", &device.id]);
    assert!(before.len() >= 3, "{before:?}");

    let url = format!("host={} user={} dbname=postgres", pooler.host(), world.database.name);
    let instances: [Authority; 2] = [(); 2].map(|()| {
        let database = Database::Postgres(Postgres { connections: 4, ..Postgres::new(url.as_str()) });
        world.another_with(|options| Options { database, ..options })
    });
    let described = instances[0].describe_database().unwrap().unwrap();
    assert!(described.contains(mode.description()), "{described}");
    let accounts: Vec<_> = (0..4).map(|number| world.account(&format!("account{number}"))).collect();
    let inbox = Mutex::new(world.inbox.clone());
    std::thread::scope(|scope| {
        for account in &accounts {
            let (instances, inbox) = (&instances, &inbox);
            scope.spawn(move || {
                // A failure or a refusal of any step panics.
                for turn in 0..3 {
                    let scene = Pooled { instance: &instances[turn % 2], inbox };
                    let device = Device::activate(&scene, account, "1234");
                    for turn in turn..turn + 4 {
                        let password = device.made(&instances[turn % 2], "1234");
                        for verdict in [Verdict::Accepted, Verdict::Refused] {
                            assert_eq!(instances[(turn + 1) % 2].verify_otp(account, &password).unwrap(), verdict);
                        }
                    }
                }
            });
        }
    });
    for account in &accounts {
        let info = world.authority.account(account).unwrap().unwrap();
        assert_eq!((info.devices, info.pin_wrong, info.unproved_tries, info.blocked), (3, 0, 0, false));
    }
    assert_eq!(world.count("password.accepted"), accounts.len() * 3 * 4);
    let rows = world.authority.verify_rows(|_| true).unwrap();
    assert_eq!(rows.altered, 0, "{:?}", rows.tables);

    assert_eq!(rows_of(&world, &["bystander", &device.id]), before);
    assert_eq!(world.authority.verify_otp(&bystander, &unused).unwrap(), Verdict::Accepted);
    for log in [pooler.log(), cluster.log()] {
        let line = log.lines().find(|line| line.contains("ERROR") && line.contains("prepared statement"));
        assert_eq!(line, None);
    }
}

/// An instance. All share an inbox, so one code is asked for and read at a time.
struct Pooled<'a> {
    instance: &'a Authority,
    inbox: &'a Mutex<Inbox>,
}

impl Scene for Pooled<'_> {
    type Service = Authority;

    fn service(&self) -> &Authority {
        self.instance
    }

    fn sent_code(&self, account: &AccountName, purpose: Purpose) -> String {
        let inbox = self.inbox.lock().unwrap();
        self.instance.cvs(account, &CvsRequest::SendCode { purpose, phone_number: None }).unwrap();
        inbox.last().1
    }
}

#[test]
fn two_instances_behind_a_pooler_in_transaction_mode_do_what_they_acknowledge_and_nothing_else() {
    two_instances(Mode::Transaction);
}

#[test]
fn two_instances_behind_a_pooler_in_session_mode_do_what_they_acknowledge_and_nothing_else() {
    two_instances(Mode::Session);
}
