//! The database alone: the statements of a one-time password, in its three transactions, with
//! nothing around them.
//!
//! The statements are those of src/storage, with values of the same sizes. `make bench-server`
//! would show a difference between the two.

use std::sync::Mutex;
use std::time::Duration;

use authority::{Database, Postgres};
use postgres::error::SqlState;
use postgres::{Client, IsolationLevel, NoTls, Statement};
use rusqlite::{Connection, TransactionBehavior};

use crate::device::Device;
use crate::library::Library;
use crate::load::{Measured, measure};
use crate::program::{ACCOUNTS, PIN};

const DEVICE: &str = "SELECT id, account, created_at, used_at, serial, name, k0, k1, next_k1, secret, tsync,
    since_evolution, day, passwords_of_day FROM devices WHERE id = $1 AND removed_at IS NULL";
const ACCOUNT: &str = "SELECT name, pin, pin_tries, blocked, phone_number FROM accounts WHERE name = $1";
const CHALLENGE: &str = "UPDATE devices SET challenges = $1, challenges_mac = $2 WHERE id = $3 AND removed_at IS NULL";
const USED: &str = "UPDATE devices SET used_at = $1, name = name, k0 = k0, k1 = k1, next_k1 = next_k1, secret = secret,
        tsync = tsync, since_evolution = since_evolution, day = day, passwords_of_day = passwords_of_day + 1
    WHERE id = $2 AND removed_at IS NULL";
const GRANT: &str =
    "INSERT INTO passwords (account, hash, key_id, device, expires_at, used) VALUES ($1, $2, 1, $3, $4, $5)
    ON CONFLICT (account, hash) DO UPDATE SET key_id = excluded.key_id, device = excluded.device,
        expires_at = excluded.expires_at, used = excluded.used";
const FOUND: &str =
    "SELECT account, hash, key_id, device, expires_at, used FROM passwords WHERE account = $1 AND hash = $2";
const ACCEPT: &str = "DELETE FROM passwords WHERE account = $1 AND hash = $2";
const AUDIT: &str = "INSERT INTO audit (id, at, account, device, event) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (id) DO NOTHING";

/// The text of one challenge.
const TEXT: &str = "otp:0123456789abcdef0123456789abcdef:1700000000000";

/// A device that makes passwords.
struct EnrolledDevice {
    account: String,
    device: String,
}

/// Returns one device of each account, for as many accounts as the service has.
fn devices(library: &Library) -> Vec<EnrolledDevice> {
    let device = |number| {
        let account = library.account(&format!("bench{number}"));
        let device = Device::activate(library, &account, PIN);
        EnrolledDevice { account: account.as_str().to_owned(), device: device.id }
    };
    (0..ACCOUNTS).map(device).collect()
}

/// Returns a thread's share of the devices, in a cycle.
fn share_of(devices: &[EnrolledDevice], thread: usize, threads: usize) -> impl Iterator<Item = &EnrolledDevice> {
    devices.iter().skip(thread).step_by(threads).cycle()
}

/// The values of the statements: milliseconds since 1970, a lifetime later, 32 bytes, and an unused
/// id.
struct Values {
    now: i64,
    later: i64,
    hash: Vec<u8>,
    ids: [i64; 2],
}

impl Values {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
        let random = || i64::from_be_bytes(ring_bytes::<8>()) & i64::MAX;
        Self { now, later: now + 120_000, hash: ring_bytes::<32>().to_vec(), ids: [random(), random()] }
    }
}

fn ring_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

pub(crate) trait Floor {
    fn measure(&self, threads: usize, time: Duration) -> Measured;
}

/// The floor of SQLite: one connection, as in the service.
pub(crate) struct SqliteFloor {
    connection: Mutex<Connection>,
    devices: Vec<EnrolledDevice>,
    _library: Library,
}

impl SqliteFloor {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let file = folder.path().join("authority.db");
        let library = Library::new(folder, None);
        let devices = devices(&library);
        let connection = Connection::open(file).unwrap();
        connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;")
            .unwrap();
        Self { connection: Mutex::new(connection), devices, _library: library }
    }
}

impl Floor for SqliteFloor {
    fn measure(&self, threads: usize, time: Duration) -> Measured {
        measure(threads, time, |thread| {
            let mut order = share_of(&self.devices, thread, threads);
            move || sqlite_round(&mut self.connection.lock().unwrap(), order.next().unwrap())
        })
    }
}

fn sqlite_round(connection: &mut Connection, EnrolledDevice { account, device }: &EnrolledDevice) {
    let Values { now, later, hash, ids } = Values::new();
    for step in 0..3 {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        let find = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
            let mut statement = transaction.prepare_cached(sql).unwrap();
            let mut rows = statement.query(parameters).unwrap();
            while let Some(row) = rows.next().unwrap() {
                std::hint::black_box(row.get_ref(0).unwrap());
            }
        };
        let write = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
            transaction.prepare_cached(sql).unwrap().execute(parameters).unwrap();
        };
        match step {
            0 => {
                find(DEVICE, &[device]);
                find(ACCOUNT, &[account]);
                write(CHALLENGE, &[&TEXT, &hash, device]);
            }
            1 => {
                find(DEVICE, &[device]);
                find(ACCOUNT, &[account]);
                write(CHALLENGE, &[&"", &hash, device]);
                write(USED, &[&now, device]);
                write(GRANT, &[account, &hash, device, &later, &false]);
                write(AUDIT, &[&ids[0], &now, account, device, &"password.granted"]);
            }
            _ => {
                find(FOUND, &[account, &hash]);
                find(ACCOUNT, &[account]);
                write(AUDIT, &[&ids[1], &now, account, device, &"password.accepted"]);
                write(ACCEPT, &[account, &hash]);
            }
        }
        transaction.commit().unwrap();
    }
}

/// The floor of PostgreSQL: as many connections as in the service.
pub(crate) struct PostgresFloor {
    url: String,
    devices: Vec<EnrolledDevice>,
    _library: Library,
}

impl PostgresFloor {
    pub(crate) fn new() -> Self {
        let url = crate::Database::address();
        let database = Database::Postgres(Postgres::new(url.clone()));
        let library = Library::new(tempfile::tempdir().unwrap(), Some(database));
        let devices = devices(&library);
        Self { url, devices, _library: library }
    }
}

impl Floor for PostgresFloor {
    fn measure(&self, threads: usize, time: Duration) -> Measured {
        measure(threads, time, |thread| {
            let mut order = share_of(&self.devices, thread, threads);
            let mut client = Client::connect(&self.url, NoTls).unwrap();
            client.batch_execute("SET enable_seqscan = off").unwrap();
            let all = [DEVICE, ACCOUNT, CHALLENGE, USED, GRANT, FOUND, ACCEPT, AUDIT];
            let prepared: Vec<Statement> = all.iter().map(|sql| client.prepare(sql).unwrap()).collect();
            move || {
                let (device, values) = (order.next().unwrap(), Values::new());
                for step in 0..3 {
                    // A step that collides is run again, as the service does.
                    while let Err(error) = postgres_step(&mut client, &prepared, device, &values, step) {
                        assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE), "{error}");
                    }
                }
            }
        })
    }
}

fn postgres_step(
    client: &mut Client,
    prepared: &[Statement],
    EnrolledDevice { account, device }: &EnrolledDevice,
    Values { now, later, hash, ids }: &Values,
    step: u32,
) -> Result<(), postgres::Error> {
    let [find_device, find_account, challenge, used, grant, found, accept, audit] = prepared else {
        unreachable!("eight statements")
    };
    let mut transaction = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start()?;
    match step {
        0 => {
            transaction.query(find_device, &[device])?;
            transaction.query(find_account, &[account])?;
            transaction.execute(challenge, &[&TEXT, hash, device])?;
        }
        1 => {
            transaction.query(find_device, &[device])?;
            transaction.query(find_account, &[account])?;
            transaction.execute(challenge, &[&"", hash, device])?;
            transaction.execute(used, &[now, device])?;
            transaction.execute(grant, &[account, hash, device, later, &0_i64])?;
            transaction.execute(audit, &[&ids[0], now, account, device, &"password.granted"])?;
        }
        _ => {
            transaction.query(found, &[account, hash])?;
            transaction.query(find_account, &[account])?;
            transaction.execute(audit, &[&ids[1], now, account, device, &"password.accepted"])?;
            transaction.execute(accept, &[account, hash])?;
        }
    }
    transaction.commit()
}
