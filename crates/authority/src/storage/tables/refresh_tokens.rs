//! The table `refresh_tokens`.

use crate::domain::rows::TokenRow;
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::{Param, Row};

/// The columns, in the order of [`read`] and [`columns`].
pub(super) static REFRESH_TOKENS: Table = Table::new(
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

impl Transaction<'_> {
    pub(crate) fn token(&self, hash: &[u8; 32]) -> StorageResult<Option<TokenRow>> {
        self.find_row(&REFRESH_TOKENS, sql!(REFRESH_TOKENS.select("WHERE hash = $1")), params![hash], read)
    }

    pub(crate) fn add_token(&self, token: &TokenRow) -> StorageResult<()> {
        self.add_row(&REFRESH_TOKENS, &columns(token))
    }

    pub(crate) fn put_token(&self, token: &TokenRow) -> StorageResult<()> {
        self.put_row(&REFRESH_TOKENS, &columns(token))
    }

    pub(crate) fn remove_token_family(&self, account: &str, family: &str) -> StorageResult<()> {
        self.put("DELETE FROM refresh_tokens WHERE account = $1 AND family = $2", params![account, family])
    }

    pub(crate) fn remove_tokens(&self, account: &str) -> StorageResult<()> {
        self.put("DELETE FROM refresh_tokens WHERE account = $1", params![account])
    }
}

fn columns(token: &TokenRow) -> [Param<'_>; 10] {
    *params![
        &token.hash,
        token.key_id,
        &token.account,
        &token.family,
        token.family_made_at,
        token.device.as_deref(),
        token.pin_generation,
        token.expires_at,
        token.used,
        token.version.saturating_add(1),
    ]
}

fn read(mut row: Row) -> StorageResult<TokenRow> {
    Ok(TokenRow {
        hash: row.get()?,
        key_id: row.get()?,
        account: row.get()?,
        family: row.get()?,
        family_made_at: row.get()?,
        device: row.get()?,
        pin_generation: row.get()?,
        expires_at: row.get()?,
        used: row.get()?,
        version: row.get()?,
    })
}
