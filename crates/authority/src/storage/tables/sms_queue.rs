//! The table `sms_queue`: messages that the gateway has not accepted yet.

use inwebo::cvs::Purpose;

use crate::domain::message::Notice;
use crate::domain::rows::{MessageKind, MessageRow};
use crate::failure::{StorageError, StorageResult};
use crate::storage::table::Columns;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::Row;

/// The columns, in the order of [`read`] and `put_message`.
static SMS_QUEUE: Columns = Columns::new(
    "sms_queue",
    &["id", "account", "purpose", "code_hash", "message", "attempts", "due_at", "expires_at"],
);

impl Transaction<'_> {
    pub(crate) fn message(&self, id: &str) -> StorageResult<Option<MessageRow>> {
        self.find(sql!(SMS_QUEUE.select("WHERE id = $1")), params![id], read)
    }

    pub(crate) fn put_message(&self, message: &MessageRow) -> StorageResult<()> {
        let (word, hash): (&str, &[u8]) = match &message.kind {
            MessageKind::Code { purpose, hash } => (purpose.as_str(), hash),
            MessageKind::Notice(notice) => (notice.as_str(), &[]),
        };
        let sql = sql!(SMS_QUEUE.insert(
            "ON CONFLICT (id) DO UPDATE SET message = excluded.message, attempts = excluded.attempts, \
             due_at = excluded.due_at"
        ));
        self.put(
            sql,
            params![
                &message.id,
                &message.account,
                word,
                hash,
                &message.message,
                message.attempts,
                message.due_at,
                message.expires_at,
            ],
        )
    }

    pub(crate) fn remove_message(&self, id: &str) -> StorageResult<()> {
        self.put("DELETE FROM sms_queue WHERE id = $1", params![id])
    }

    /// Returns up to `limit` messages that may be tried, the longest overdue first. These are
    /// messages whose time has come, and messages whose time is later than `latest`, which no right
    /// clock can have written.
    pub(crate) fn due_messages(&self, now: i64, latest: i64, limit: u32) -> StorageResult<Vec<MessageRow>> {
        let due = sql!(SMS_QUEUE.select("WHERE due_at <= $1 ORDER BY due_at LIMIT $2"));
        let mut messages = self.all(due, params![now, limit], read)?;
        let left = limit.saturating_sub(u32::try_from(messages.len()).unwrap_or(u32::MAX));
        if left > 0 {
            let wrong = sql!(SMS_QUEUE.select("WHERE due_at > $1 ORDER BY due_at LIMIT $2"));
            messages.extend(self.all(wrong, params![latest, left], read)?);
        }
        Ok(messages)
    }

    /// Returns up to `limit` messages of an account.
    pub(crate) fn messages_of(&self, account: &str, limit: u32) -> StorageResult<Vec<MessageRow>> {
        self.all(sql!(SMS_QUEUE.select("WHERE account = $1 LIMIT $2")), params![account, limit], read)
    }

    /// Returns the number of messages that wait, counted up to `limit`.
    pub(crate) fn waiting_messages(&self, limit: u32) -> StorageResult<u32> {
        let count = self.find(
            "SELECT count(*) FROM (SELECT id FROM sms_queue LIMIT $1) AS waiting",
            params![limit],
            |mut row| row.get(),
        )?;
        Ok(count.unwrap_or(0))
    }

    /// Returns a page of the messages after `after`.
    pub(crate) fn messages_after(&self, after: &str, limit: u32) -> StorageResult<Vec<MessageRow>> {
        self.all(sql!(SMS_QUEUE.select("WHERE id > $1 ORDER BY id LIMIT $2")), params![after, limit], read)
    }
}

fn read(mut row: Row) -> StorageResult<MessageRow> {
    Ok(MessageRow {
        id: row.get()?,
        account: row.get()?,
        kind: message_kind(&row.get::<String>()?, row.get()?)?,
        message: row.get()?,
        attempts: row.get()?,
        due_at: row.get()?,
        expires_at: row.get()?,
    })
}

fn message_kind(word: &str, hash: Vec<u8>) -> StorageResult<MessageKind> {
    if let Some(notice) = Notice::ALL.into_iter().find(|notice| notice.as_str() == word) {
        return Ok(MessageKind::Notice(notice));
    }
    let purpose = Purpose::parse(word);
    match (purpose, hash.try_into()) {
        (Some(purpose), Ok(hash)) => Ok(MessageKind::Code { purpose, hash }),
        _ => Err(StorageError::new("a message is neither a code nor a notice")),
    }
}
