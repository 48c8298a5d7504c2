//! The table `secrets`: sealed secrets of the service.

use crate::failure::StorageResult;
use crate::storage::transaction::{Transaction, params};

impl Transaction<'_> {
    /// Returns a sealed secret of the service.
    pub(crate) fn secret(&self, name: &str) -> StorageResult<Option<Vec<u8>>> {
        self.find("SELECT value FROM secrets WHERE name = $1", params![name], |mut row| row.get())
    }

    pub(crate) fn put_secret(&self, name: &str, value: &[u8]) -> StorageResult<()> {
        self.put(
            "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
    }

    /// Returns a page of the secrets after `after`.
    pub(crate) fn secrets_after(&self, after: &str, limit: u32) -> StorageResult<Vec<(String, Vec<u8>)>> {
        self.all(
            "SELECT name, value FROM secrets WHERE name > $1 ORDER BY name LIMIT $2",
            params![after, limit],
            |mut row| Ok((row.get()?, row.get()?)),
        )
    }
}
