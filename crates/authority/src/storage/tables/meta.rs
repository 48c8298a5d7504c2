//! The table `meta`: single values by name.

use crate::failure::StorageResult;
use crate::storage::transaction::{Transaction, params};

impl Transaction<'_> {
    pub(crate) fn meta(&self, name: &str) -> StorageResult<Option<Vec<u8>>> {
        self.find("SELECT value FROM meta WHERE name = $1", params![name], |mut row| row.get())
    }

    pub(crate) fn put_meta(&self, name: &str, value: &[u8]) -> StorageResult<()> {
        self.put(
            "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
    }

    /// Returns the values of `meta` whose names begin with `prefix`, which is ASCII.
    pub(crate) fn meta_values(&self, prefix: &str) -> StorageResult<Vec<(String, Vec<u8>)>> {
        let found =
            self.all("SELECT name, value FROM meta WHERE name >= $1 ORDER BY name", params![prefix], |mut row| {
                Ok((row.get::<String>()?, row.get()?))
            })?;
        Ok(found.into_iter().filter(|(name, _)| name.starts_with(prefix)).collect())
    }

    pub(crate) fn remove_meta(&self, name: &str) -> StorageResult<()> {
        self.put("DELETE FROM meta WHERE name = $1", params![name])
    }
}
