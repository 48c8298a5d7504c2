//! Tables whose rows carry a MAC.
//!
//! A program with write access to the database, but without the master key, cannot make a row that
//! reads as one of the service's own: the MAC covers the table's name and every column. It can
//! still remove a row, or restore an older row together with its MAC.

use std::sync::OnceLock;

use super::value::{Param, Row, Value};
use crate::failure::{StorageError, StorageResult};

/// The MACs of rows, under the keys that are derived from the master key.
pub(crate) trait RowMacs: Send + Sync {
    /// Returns the MAC of an encoded row under the current key. The number of the key precedes it.
    fn mac(&self, row: &[u8]) -> Vec<u8>;

    /// Returns whether this is the row's MAC, under any key of the ring.
    fn is_mac(&self, row: &[u8], mac: &[u8]) -> bool;

    /// Returns whether the MAC was made with the current key.
    fn is_current(&self, mac: &[u8]) -> bool;
}

/// A table with its columns in the order in which they are written, read and authenticated.
pub(crate) struct Table {
    pub(super) name: &'static str,
    /// The number of columns, from the first one on, that form the primary key.
    key: usize,
    columns: &'static [&'static str],
    upsert: OnceLock<String>,
}

pub(crate) static ACCOUNTS: Table = Table::new(
    "accounts",
    1,
    &[
        "name",
        "created_at",
        "pin",
        "pin_tries",
        "pin_wrong",
        "wrong_pins",
        "pin_generation",
        "pin_history",
        "blocked",
        "phone_number",
        "phone_changed_at",
        "language",
        "version",
    ],
);

pub(crate) static DEVICES: Table = Table::new(
    "devices",
    1,
    &[
        "id",
        "account",
        "created_at",
        "used_at",
        "serial",
        "name",
        "k0",
        "k1",
        "next_k1",
        "secret",
        "tsync",
        "since_evolution",
        "day",
        "passwords_of_day",
        "pin_tries",
        "wrong_pins_told",
        "proved_at",
        "k1_proved",
        "next_k0",
        "sync_shown",
        "suspected_at",
        "suspended",
        "version",
    ],
);

pub(crate) static CODES: Table = Table::new(
    "codes",
    2,
    &[
        "account",
        "purpose",
        "phone_number",
        "hash",
        "key_id",
        "expires_at",
        "tries",
        "pin_tries",
        "withdrawn",
        "setup_at",
        "used",
        "used_serial",
        "used_device",
        "version",
        "ticket",
    ],
);

pub(crate) static REFRESH_TOKENS: Table = Table::new(
    "refresh_tokens",
    1,
    &[
        "hash",
        "key_id",
        "account",
        "family",
        "family_made_at",
        "device",
        "pin_generation",
        "expires_at",
        "used",
        "version",
    ],
);

pub(crate) static PASSWORDS: Table =
    Table::new("passwords", 2, &["account", "hash", "key_id", "device", "expires_at", "used"]);

pub(crate) static CHALLENGES: Table = Table::new("challenges", 2, &["device", "mode", "challenge", "made_at"]);

pub(crate) static SERVICE_KEYS: Table = Table::new("service_keys", 1, &["name", "primes", "announced"]);

/// Every table whose rows carry a MAC.
pub(crate) static AUTHENTICATED: [&Table; 7] =
    [&ACCOUNTS, &DEVICES, &CODES, &REFRESH_TOKENS, &PASSWORDS, &CHALLENGES, &SERVICE_KEYS];

impl Table {
    const fn new(name: &'static str, key: usize, columns: &'static [&'static str]) -> Self {
        Self { name, key, columns, upsert: OnceLock::new() }
    }

    /// Returns the columns and the MAC as a list for a statement.
    pub(super) fn list(&self) -> String {
        format!("{}, mac", self.columns.join(", "))
    }

    /// Returns the statement that finds rows. `rest` is the text after the table's name.
    pub(super) fn select(&self, rest: &str) -> String {
        format!("SELECT {} FROM {} {rest}", self.list(), self.name)
    }

    /// Returns the statement that inserts a row or replaces the one with the same key.
    pub(super) fn upsert(&'static self) -> &'static str {
        self.upsert.get_or_init(|| {
            let placeholders: Vec<String> = (1..=self.columns.len() + 1).map(|number| format!("${number}")).collect();
            let changed = self.columns[self.key..].iter().chain(&["mac"]);
            let changes: Vec<String> = changed.map(|column| format!("{column} = excluded.{column}")).collect();
            format!(
                "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
                self.name,
                self.list(),
                placeholders.join(", "),
                self.columns[..self.key].join(", "),
                changes.join(", ")
            )
        })
    }

    /// Returns the statement that finds a page of rows after a key, in the order of their keys. Its
    /// parameters are the key and the number of rows. Removed devices are left out: they have no
    /// MAC and no secret.
    pub(super) fn page(&self, after: bool) -> String {
        let key = self.columns[..self.key].join(", ");
        let placeholders: Vec<String> = (1..=self.key).map(|number| format!("${number}")).collect();
        let live = if self.name == DEVICES.name { "removed_at IS NULL" } else { "1 = 1" };
        let after = if after { format!("AND ({key}) > ({})", placeholders.join(", ")) } else { String::new() };
        let limit = if after.is_empty() { 1 } else { self.key + 1 };
        self.select(&format!("WHERE {live} {after} ORDER BY {key} LIMIT ${limit}"))
    }

    /// Returns the statement that replaces the MAC of a row. Its parameters are the MAC and the
    /// key.
    pub(super) fn replace_mac(&self) -> String {
        let placeholders: Vec<String> = self.columns[..self.key]
            .iter()
            .zip(2..)
            .map(|(column, position)| format!("{column} = ${position}"))
            .collect();
        format!("UPDATE {} SET mac = $1 WHERE {}", self.name, placeholders.join(" AND "))
    }

    /// Returns the number of columns of the primary key.
    pub(super) fn key(&self) -> usize {
        self.key
    }

    /// Returns the encoding of a row, which its MAC covers.
    pub(super) fn encode(&self, columns: &[Param<'_>]) -> StorageResult<Vec<u8>> {
        if columns.len() != self.columns.len() {
            return Err(StorageError::new("a row has not the columns of its table"));
        }
        let mut encoded = Vec::with_capacity(64 * (columns.len() + 1));
        text(&mut encoded, self.name.as_bytes());
        columns.iter().for_each(|column| encode(&mut encoded, column));
        Ok(encoded)
    }

    /// Returns a row without its MAC, after a check of the MAC.
    pub(super) fn authenticate(&self, row: Row, macs: &dyn RowMacs) -> StorageResult<Row> {
        let (row, mac) = self.split(row)?;
        let encoded = self.encode(&row.params())?;
        if mac.is_some_and(|mac| macs.is_mac(&encoded, &mac)) {
            return Ok(row);
        }
        Err(self.altered(&row))
    }

    /// Returns the error for a row that is not as the service wrote it.
    pub(super) fn altered(&self, row: &Row) -> StorageError {
        StorageError::altered(self.name, self.account_of(row))
    }

    /// Divides a row into its columns and its MAC. A row of an earlier release has no MAC.
    pub(super) fn split(&self, row: Row) -> StorageResult<(Row, Option<Vec<u8>>)> {
        let mut values = row.into_values();
        let mac = match values.pop() {
            Some(Value::Bytes(mac)) => Some(mac),
            Some(Value::Null) => None,
            _ => return Err(StorageError::new("a row has no place for its MAC")),
        };
        Ok((Row::new(values), mac))
    }

    /// Returns the account that a row names. The row may be altered.
    fn account_of(&self, row: &Row) -> Option<String> {
        let name = if self.name == ACCOUNTS.name { "name" } else { "account" };
        let position = self.columns.iter().position(|column| *column == name)?;
        match row.params().get(position) {
            Some(Param::Text(account)) => Some((*account).to_owned()),
            _ => None,
        }
    }
}

/// Appends a value. No two lists of values have the same encoding.
fn encode(encoded: &mut Vec<u8>, value: &Param<'_>) {
    match value {
        Param::Null => encoded.push(0),
        Param::Int(number) => {
            encoded.push(1);
            encoded.extend_from_slice(&number.to_be_bytes());
        }
        Param::Text(value) => {
            encoded.push(2);
            text(encoded, value.as_bytes());
        }
        Param::Bytes(value) => {
            encoded.push(3);
            text(encoded, value);
        }
    }
}

fn text(encoded: &mut Vec<u8>, bytes: &[u8]) {
    encoded.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    encoded.extend_from_slice(bytes);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_have_the_same_encoding() {
        let row = |device, mode, challenge, made_at| {
            let columns: [Param<'_>; 4] = [device, mode, challenge, made_at];
            CHALLENGES.encode(&columns).unwrap()
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
            CHALLENGES.upsert(),
            "INSERT INTO challenges (device, mode, challenge, made_at, mac) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (device, mode) DO UPDATE SET challenge = excluded.challenge, made_at = excluded.made_at, \
             mac = excluded.mac"
        );
        assert_eq!(
            PASSWORDS.page(true),
            "SELECT account, hash, key_id, device, expires_at, used, mac FROM passwords \
             WHERE 1 = 1 AND (account, hash) > ($1, $2) ORDER BY account, hash LIMIT $3"
        );
        assert_eq!(CODES.replace_mac(), "UPDATE codes SET mac = $1 WHERE account = $2 AND purpose = $3");
    }
}
