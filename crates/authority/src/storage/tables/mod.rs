//! The tables, one file each: its columns, the reader of a row, and its statements. A removal can
//! take rows of other tables with it.

mod account_events;
mod accounts;
mod audit;
mod audit_seals;
mod challenges;
mod code_requests;
mod codes;
mod device_traits;
mod devices;
mod keystores;
mod meta;
mod notices;
mod operator_proposals;
mod passwords;
mod refresh_tokens;
mod secrets;
mod service_keys;
mod sms_counts;
mod sms_queue;
mod timed_blocks;

pub(crate) use accounts::AccountSummary;
pub(crate) use audit::AuditRow;
pub(crate) use audit_seals::SealRow;
pub(crate) use sms_counts::CountKey;

use super::table::Table;
use account_events::{ACCOUNT_EVENTS, LAST_EVENTS};
use accounts::ACCOUNTS;
use challenges::CHALLENGES;
use codes::CODES;
use device_traits::DEVICE_TRAITS;
use devices::DEVICES;
use keystores::KEYSTORES;
use operator_proposals::OPERATOR_PROPOSALS;
use passwords::PASSWORDS;
use refresh_tokens::REFRESH_TOKENS;
use service_keys::SERVICE_KEYS;
use timed_blocks::TIMED_BLOCKS;

/// Every table whose rows carry a MAC. Cursors name a table by its index here.
pub(super) static AUTHENTICATED: [&Table; 13] = [
    &ACCOUNTS,
    &DEVICES,
    &CODES,
    &REFRESH_TOKENS,
    &PASSWORDS,
    &CHALLENGES,
    &SERVICE_KEYS,
    &DEVICE_TRAITS,
    &KEYSTORES,
    &TIMED_BLOCKS,
    &ACCOUNT_EVENTS,
    &LAST_EVENTS,
    &OPERATOR_PROPOSALS,
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::storage::table::Columns;
    use crate::storage::value::Param;

    #[test]
    fn no_two_rows_have_the_same_encoding() {
        let row = |name, primes, announced, made_at| {
            let columns: [Param<'_>; 5] = [name, primes, announced, made_at, Param::Null];
            DEVICE_TRAITS.encode(&columns).unwrap()
        };
        let (a, b) = (Param::Text("a"), Param::Text("b"));
        let rows = [
            row(a, b, Param::Text("c"), Param::Int(1)),
            row(Param::Text("ab"), Param::Text(""), Param::Text("c"), Param::Int(1)),
            row(a, Param::Text("bc"), Param::Text(""), Param::Int(1)),
            row(a, b, Param::Bytes(b"c"), Param::Int(1)),
            row(a, b, Param::Null, Param::Int(1)),
            row(a, b, Param::Text("c"), Param::Int(2)),
            row(a, b, Param::Text("c"), Param::Null),
        ];
        for (position, first) in rows.iter().enumerate() {
            assert!(rows[position + 1..].iter().all(|second| first != second), "{position}");
        }
        let columns = [a, b, Param::Null, Param::Int(1), Param::Int(0), Param::Int(0)];
        assert!(PASSWORDS.encode(&columns).unwrap() != DEVICES.encode(&columns).unwrap_or_default());
        assert!(PASSWORDS.encode(&columns[1..]).is_err());
    }

    #[test]
    fn statements_name_every_column_once() {
        assert_eq!(
            SERVICE_KEYS.upsert(),
            "INSERT INTO service_keys (name, primes, announced, mac) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET primes = excluded.primes, announced = excluded.announced, \
             mac = excluded.mac"
        );
        assert_eq!(
            PASSWORDS.update(),
            "UPDATE passwords SET key_id = $1, device = $2, expires_at = $3, used = $4, mac = $5 \
             WHERE account = $6 AND hash = $7"
        );
        assert_eq!(
            PASSWORDS.page(true),
            "SELECT account, hash, key_id, device, expires_at, used, mac FROM passwords \
             WHERE (account, hash) > ($1, $2) ORDER BY account, hash LIMIT $3"
        );
        assert_eq!(
            CHALLENGES.page(true),
            "SELECT id, account, challenges, challenges_mac FROM devices \
             WHERE removed_at IS NULL AND challenges IS NOT NULL AND (id) > ($1) ORDER BY id LIMIT $2"
        );
        assert_eq!(CHALLENGES.replace_mac(), "UPDATE devices SET challenges_mac = $1 WHERE id = $2");
        let columns = Columns::new("t", &["a", "b"]);
        assert_eq!(columns.select("WHERE a = $1"), "SELECT a, b FROM t WHERE a = $1");
        assert_eq!(
            columns.insert("ON CONFLICT (a) DO NOTHING"),
            "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO NOTHING"
        );
        assert_eq!(CODES.replace_mac(), "UPDATE codes SET mac = $1 WHERE account = $2 AND purpose = $3");
    }
}
