//! The table `devices`.

use super::accounts::ACCOUNTS;
use crate::domain::rows::{AccountRow, ChallengeColumns, Confirmation, DeviceRow};
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::{Param, Row};

/// The columns, in the order of [`read`] and [`columns`].
pub(super) static DEVICES: Table = Table::new(
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
)
.with_condition("removed_at IS NULL");

/// The columns of [`read_device`](Transaction::read_device).
static WITH_CHALLENGES: DeviceColumns = DeviceColumns;

struct DeviceColumns;

impl DeviceColumns {
    /// Returns the statement that finds devices with their challenges. `rest` is the text after the
    /// table's name.
    fn select(&self, rest: &str) -> String {
        format!("SELECT challenges, challenges_mac, {} FROM devices {rest}", DEVICES.list())
    }
}

impl Transaction<'_> {
    /// Finds a device that is not removed.
    pub(crate) fn device(&self, id: &str) -> StorageResult<Option<DeviceRow>> {
        let sql = sql!(WITH_CHALLENGES.select("WHERE id = $1 AND removed_at IS NULL"));
        self.find(sql, params![id], |row| self.read_device(row))
    }

    /// Finds a device that is not removed, and its account.
    pub(crate) fn device_and_account(&self, id: &str) -> StorageResult<Option<(DeviceRow, Option<AccountRow>)>> {
        let device = sql!(WITH_CHALLENGES.select("WHERE id = $1 AND removed_at IS NULL"));
        let account =
            sql!(ACCOUNTS.select("WHERE name = (SELECT account FROM devices WHERE id = $1 AND removed_at IS NULL)"));
        let [device, account] = self.find_both([(device, params![id]), (account, params![id])])?;
        let Some(device) = device.map(|row| self.read_device(row)).transpose()? else { return Ok(None) };
        let account = account.map(|row| self.read_account(row)).transpose()?;
        // The MAC of the device says which account is its own.
        let account = account.filter(|account| account.name == device.account);
        Ok(Some((device, account)))
    }

    /// Returns the devices of an account that are not removed.
    pub(crate) fn devices_of(&self, account: &str) -> StorageResult<Vec<DeviceRow>> {
        let sql = sql!(WITH_CHALLENGES.select("WHERE account = $1 AND removed_at IS NULL"));
        self.all(sql, params![account], |row| self.read_device(row))
    }

    /// Returns the ids of devices that begin with a text and are not removed. Only the `limit` ids
    /// from the text on are compared with it, as [`names_from`](Self::names_from) does.
    pub(crate) fn device_ids_from(&self, text: &str, limit: u32) -> StorageResult<Vec<String>> {
        let ids: Vec<String> = self.all(
            "SELECT id FROM devices WHERE id >= $1 AND removed_at IS NULL ORDER BY id LIMIT $2",
            params![text, limit],
            |mut row| row.get(),
        )?;
        Ok(ids.into_iter().filter(|id| id.starts_with(text)).collect())
    }

    /// Returns the ids of the devices that wait for an approval since `until` or before: the oldest
    /// `limit` of them.
    pub(crate) fn devices_unapproved_since(&self, until: i64, limit: u32) -> StorageResult<Vec<String>> {
        // The index has the same conditions. The number is `PENDING_BY_NUMBER`.
        self.all(
            "SELECT id FROM devices WHERE suspended = 3 AND removed_at IS NULL AND created_at <= $1
             ORDER BY created_at LIMIT $2",
            params![until, limit],
            |mut row| row.get(),
        )
    }

    fn read_device(&self, mut row: Row) -> StorageResult<DeviceRow> {
        let challenges = ChallengeColumns { text: row.get()?, mac: row.get()? };
        Ok(DeviceRow { challenges, ..read(self.authenticate(&DEVICES, row)?)? })
    }

    /// Writes a new device. It has no challenges.
    pub(crate) fn add_device(&self, device: &DeviceRow) -> StorageResult<()> {
        self.add_row(&DEVICES, &columns(device))
    }

    /// Writes a device that was read. Its challenges stay as they are.
    pub(crate) fn put_device(&self, device: &DeviceRow) -> StorageResult<()> {
        self.put_row(&DEVICES, &columns(device))
    }

    /// Makes a device a tombstone: only its id stays. Its challenges, traits, passwords and refresh
    /// tokens are removed.
    pub(crate) fn tombstone_device(&self, id: &str, now: i64) -> StorageResult<()> {
        self.put("DELETE FROM device_traits WHERE device = $1", params![id])?;
        self.remove_grants(id)?;
        self.put(
            "UPDATE devices SET removed_at = $1, used_at = NULL, serial = NULL, name = NULL, k0 = NULL, k1 = NULL,
                 next_k1 = NULL, secret = NULL, proved_at = NULL, next_k0 = NULL, suspected_at = NULL, challenges = NULL,
                 challenges_mac = NULL, keystore = NULL, keystore_mac = NULL, mac = NULL
             WHERE id = $2 AND removed_at IS NULL",
            params![now, id],
        )
    }

    /// Removes the passwords of a device, and the refresh tokens that came from them. Tokens of an
    /// earlier release, whose device is unknown, may belong to this device: they are removed, too.
    pub(crate) fn remove_grants(&self, device: &str) -> StorageResult<()> {
        self.put(
            "DELETE FROM passwords WHERE account = (SELECT account FROM devices WHERE id = $1) AND device = $1",
            params![device],
        )?;
        self.put(
            "DELETE FROM refresh_tokens WHERE account = (SELECT account FROM devices WHERE id = $1)
                 AND (device IS NULL OR device = $1)",
            params![device],
        )
    }

    /// Returns a page of the devices after `after` that are not removed.
    pub(crate) fn devices_after(&self, after: &str, limit: u32) -> StorageResult<Vec<DeviceRow>> {
        let sql = sql!(DEVICES.select("WHERE id > $1 AND removed_at IS NULL ORDER BY id LIMIT $2"));
        self.all_rows(&DEVICES, sql, params![after, limit], read)
    }
}

fn columns(device: &DeviceRow) -> [Param<'_>; 23] {
    *params![
        &device.id,
        &device.account,
        device.made_at,
        device.used_at,
        &device.serial,
        &device.name,
        &device.k0,
        &device.k1,
        device.next_k1.as_deref(),
        device.secret.as_deref(),
        device.tsync,
        device.since_evolution,
        device.day,
        device.passwords_of_day,
        device.pin_tries,
        device.wrong_pins_told,
        device.proved_at,
        device.k1_proved,
        device.next_k0.as_deref(),
        device.sync_shown,
        device.suspected_at,
        stored_standing(device),
        device.version.saturating_add(1),
    ]
}

/// The values of `suspended` for a device that waits for its confirmation: by the device that made
/// its code, or by the number that it shows. Such a device proves nothing, so it is never suspended
/// as well.
const PENDING_BY_MAKER: u32 = 2;
const PENDING_BY_NUMBER: u32 = 3;

/// Returns the value of the column `suspended`.
fn stored_standing(device: &DeviceRow) -> u32 {
    match device.pending {
        Some(Confirmation::ByMaker) => PENDING_BY_MAKER,
        Some(Confirmation::ByNumber) => PENDING_BY_NUMBER,
        None => device.suspended.into(),
    }
}

/// Reads a device without its challenges.
fn read(mut row: Row) -> StorageResult<DeviceRow> {
    let mut device = DeviceRow {
        id: row.get()?,
        account: row.get()?,
        made_at: row.get()?,
        used_at: row.get()?,
        serial: row.get()?,
        name: row.get()?,
        k0: row.get()?,
        k1: row.get()?,
        next_k1: row.get()?,
        secret: row.get()?,
        tsync: row.get()?,
        since_evolution: row.get()?,
        day: row.get()?,
        passwords_of_day: row.get()?,
        pin_tries: row.get()?,
        wrong_pins_told: row.get()?,
        proved_at: row.get()?,
        k1_proved: row.get()?,
        next_k0: row.get()?,
        sync_shown: row.get()?,
        suspected_at: row.get()?,
        suspended: false,
        pending: None,
        version: 0,
        challenges: ChallengeColumns::default(),
    };
    let standing: u32 = row.get()?;
    (device.suspended, device.pending) = match standing {
        PENDING_BY_MAKER => (false, Some(Confirmation::ByMaker)),
        PENDING_BY_NUMBER => (false, Some(Confirmation::ByNumber)),
        other => (other != 0, None),
    };
    device.version = row.get()?;
    Ok(device)
}
