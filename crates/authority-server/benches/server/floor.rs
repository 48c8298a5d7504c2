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
const CHALLENGE: &str = "INSERT INTO challenges (device, mode, challenge, made_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (device, mode) DO UPDATE SET challenge = excluded.challenge, made_at = excluded.made_at";
const TAKE: &str = "DELETE FROM challenges WHERE device = $1 AND mode = $2 RETURNING challenge, made_at";
const USED: &str =
    "INSERT INTO devices (id, account, created_at, used_at, serial, name, k0, k1, next_k1, secret, tsync,
        since_evolution, day, passwords_of_day)
    SELECT id, account, created_at, CAST($2 AS BIGINT), serial, name, k0, k1, next_k1, secret, tsync, since_evolution, day,
        passwords_of_day + 1
    FROM devices WHERE id = $1
    ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at, name = excluded.name, k0 = excluded.k0,
        k1 = excluded.k1, next_k1 = excluded.next_k1, secret = excluded.secret, tsync = excluded.tsync,
        since_evolution = excluded.since_evolution, day = excluded.day, passwords_of_day = excluded.passwords_of_day";
const FORGET: &str = "DELETE FROM passwords WHERE account = $1 AND expires_at <= $2";
const GRANT: &str =
    "INSERT INTO passwords (account, hash, key_id, device, expires_at, used) VALUES ($1, $2, 1, $3, $4, $5)
    ON CONFLICT (account, hash) DO UPDATE SET key_id = excluded.key_id, device = excluded.device,
        expires_at = excluded.expires_at, used = excluded.used";
const FOUND: &str =
    "SELECT account, hash, key_id, device, expires_at, used FROM passwords WHERE account = $1 AND hash = $2";
const AUDIT: &str = "INSERT INTO audit (id, at, account, device, event) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (id) DO NOTHING";

/// A device that makes passwords.
struct Party {
    account: String,
    device: String,
}

/// Returns one device of each account, for as many accounts as the service has.
fn parties(library: &Library) -> Vec<Party> {
    let party = |number| {
        let account = library.account(&format!("bench{number}"));
        let device = Device::activate(library, &account, PIN);
        Party { account: account.as_str().to_owned(), device: device.id }
    };
    (0..ACCOUNTS).map(party).collect()
}

/// Returns a thread's share of the devices, in a cycle.
fn turns(parties: &[Party], thread: usize, threads: usize) -> impl Iterator<Item = &Party> {
    parties.iter().skip(thread).step_by(threads).cycle()
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
    parties: Vec<Party>,
    _library: Library,
}

impl SqliteFloor {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let file = folder.path().join("authority.db");
        let library = Library::new(folder, None);
        let parties = parties(&library);
        let connection = Connection::open(file).unwrap();
        connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;")
            .unwrap();
        Self { connection: Mutex::new(connection), parties, _library: library }
    }
}

impl Floor for SqliteFloor {
    fn measure(&self, threads: usize, time: Duration) -> Measured {
        measure(threads, time, |thread| {
            let mut turns = turns(&self.parties, thread, threads);
            move || sqlite_round(&mut self.connection.lock().unwrap(), turns.next().unwrap())
        })
    }
}

fn sqlite_round(connection: &mut Connection, Party { account, device }: &Party) {
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
                write(CHALLENGE, &[device, &"otp", &"0123456789abcdef0123456789abcdef", &now]);
            }
            1 => {
                find(DEVICE, &[device]);
                find(ACCOUNT, &[account]);
                find(TAKE, &[device, &"otp"]);
                write(USED, &[device, &now]);
                write(FORGET, &[account, &now]);
                write(GRANT, &[account, &hash, device, &later, &false]);
                write(AUDIT, &[&ids[0], &now, account, device, &"password.granted"]);
            }
            _ => {
                find(FOUND, &[account, &hash]);
                find(ACCOUNT, &[account]);
                write(AUDIT, &[&ids[1], &now, account, device, &"password.accepted"]);
                write(GRANT, &[account, &hash, device, &later, &true]);
            }
        }
        transaction.commit().unwrap();
    }
}

/// The floor of PostgreSQL: as many connections as in the service.
pub(crate) struct PostgresFloor {
    url: String,
    parties: Vec<Party>,
    _library: Library,
}

impl PostgresFloor {
    pub(crate) fn new() -> Self {
        let url = crate::Database::address();
        let database = Database::Postgres(Postgres::new(url.clone()));
        let library = Library::new(tempfile::tempdir().unwrap(), Some(database));
        let parties = parties(&library);
        Self { url, parties, _library: library }
    }
}

impl Floor for PostgresFloor {
    fn measure(&self, threads: usize, time: Duration) -> Measured {
        measure(threads, time, |thread| {
            let mut turns = turns(&self.parties, thread, threads);
            let mut client = Client::connect(&self.url, NoTls).unwrap();
            let all = [DEVICE, ACCOUNT, CHALLENGE, TAKE, USED, FORGET, GRANT, FOUND, AUDIT];
            let prepared: Vec<Statement> = all.iter().map(|sql| client.prepare(sql).unwrap()).collect();
            move || {
                let (party, values) = (turns.next().unwrap(), Values::new());
                for step in 0..3 {
                    // A step that collides is run again, as the service does.
                    while let Err(error) = postgres_step(&mut client, &prepared, party, &values, step) {
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
    Party { account, device }: &Party,
    Values { now, later, hash, ids }: &Values,
    step: u32,
) -> Result<(), postgres::Error> {
    let [find_device, find_account, challenge, take, used, forget, grant, found, audit] = prepared else {
        unreachable!("nine statements")
    };
    let mut transaction = client.build_transaction().isolation_level(IsolationLevel::Serializable).start()?;
    match step {
        0 => {
            transaction.query(find_device, &[device])?;
            transaction.query(find_account, &[account])?;
            transaction.execute(challenge, &[device, &"otp", &"0123456789abcdef0123456789abcdef", now])?;
        }
        1 => {
            transaction.query(find_device, &[device])?;
            transaction.query(find_account, &[account])?;
            transaction.query(take, &[device, &"otp"])?;
            transaction.execute(used, &[device, now])?;
            transaction.execute(forget, &[account, now])?;
            transaction.execute(grant, &[account, hash, device, later, &0_i64])?;
            transaction.execute(audit, &[&ids[0], now, account, device, &"password.granted"])?;
        }
        _ => {
            transaction.query(found, &[account, hash])?;
            transaction.query(find_account, &[account])?;
            transaction.execute(audit, &[&ids[1], now, account, device, &"password.accepted"])?;
            transaction.execute(grant, &[account, hash, device, later, &1_i64])?;
        }
    }
    transaction.commit()
}
