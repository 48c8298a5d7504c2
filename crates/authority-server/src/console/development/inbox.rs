//! The inbox: the last SMS, in memory.

use std::collections::VecDeque;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use private_files::{Access, Folder, Readers};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use zeroize::Zeroizing;

use authority::{Sharing, Sms};

/// The number of SMS that are kept.
pub(super) const MAX: usize = 100;

/// The end of the outbox file that is read at the start: the newest lines stand there.
const MAX_FILE: u64 = 256 * 1024;

/// An SMS. It holds a code: no `Debug`.
pub(super) struct Message {
    /// Its number since the start, from 1.
    pub(super) id: u64,
    /// The time of the request, in milliseconds since 1970 by the service's clock.
    pub(super) at: i64,
    pub(super) to: String,
    /// The name of its purpose in the outbox.
    pub(super) purpose: String,
    /// Empty in a notice.
    pub(super) code: Zeroizing<String>,
    pub(super) text: Zeroizing<String>,
}

/// The last SMS, the oldest first.
pub(crate) struct Inbox {
    messages: Mutex<VecDeque<Arc<Message>>>,
    /// The id of the newest message.
    newest: watch::Sender<u64>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { messages: Mutex::default(), newest: watch::Sender::new(0) }
    }
}

/// A line of the outbox file.
#[derive(Deserialize)]
struct Line {
    at: String,
    to: String,
    purpose: String,
    code: Zeroizing<String>,
    text: Zeroizing<String>,
}

impl Inbox {
    /// Keeps a message that the gateway accepted.
    pub(super) fn keep(&self, sms: &Sms) {
        let Sms { to, message, code, text, at, .. } = sms;
        self.push(*at, to.clone(), message.as_str().to_owned(), code.clone(), text.clone());
    }

    /// Reads the newest lines of an outbox file. A line in another form is left out.
    pub(crate) fn read_file(&self, path: &Path, sharing: Sharing) -> std::io::Result<()> {
        let (folder, name) = Folder::of_file(path, sharing)?;
        let mut file = folder.open_file(name, Access::Read, Readers::ShutOut)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MAX_FILE)))?;
        let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize));
        file.take(MAX_FILE).read_to_end(&mut content)?;
        for line in content.split(|byte| *byte == b'\n') {
            let Ok(Line { at, to, purpose, code, text }) = serde_json::from_slice(line) else { continue };
            let Ok(at) = OffsetDateTime::parse(&at, &Rfc3339) else { continue };
            let at = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
            self.push(at, to, purpose, code, text);
        }
        Ok(())
    }

    fn push(&self, at: i64, to: String, purpose: String, code: Zeroizing<String>, text: Zeroizing<String>) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let id = messages.back().map_or(1, |last| last.id + 1);
        messages.push_back(Arc::new(Message { id, at, to, purpose, code, text }));
        if messages.len() > MAX {
            messages.pop_front();
        }
        drop(messages);
        self.newest.send_replace(id);
    }

    /// Returns the messages, the newest first.
    pub(super) fn all(&self) -> Vec<Arc<Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }

    /// Returns the reader of the messages after this id.
    pub(super) fn after(self: &Arc<Self>, id: u64) -> Reader {
        Reader { inbox: self.clone(), newest: self.newest.subscribe(), last: id }
    }
}

/// A reader that waits for messages.
pub(super) struct Reader {
    inbox: Arc<Inbox>,
    newest: watch::Receiver<u64>,
    last: u64,
}

impl Reader {
    /// Returns the next message. Waits for it.
    pub(super) async fn next(&mut self) -> Arc<Message> {
        loop {
            // Marked as seen before the look: a message that comes meanwhile is not overlooked.
            self.newest.borrow_and_update();
            let next = {
                let messages = self.inbox.messages.lock().unwrap_or_else(PoisonError::into_inner);
                messages.iter().find(|message| message.id > self.last).cloned()
            };
            if let Some(message) = next {
                self.last = message.id;
                return message;
            }
            // The sender lives as long as the inbox, which this reader holds.
            let _ = self.newest.changed().await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn push(inbox: &Inbox, number: usize) {
        let text = |text: String| Zeroizing::new(text);
        inbox.push(0, "+336".into(), "enrollment".into(), text(number.to_string()), text(String::new()));
    }

    #[tokio::test]
    async fn the_last_messages_are_kept_and_read_in_order() {
        let inbox = Arc::new(Inbox::default());
        let mut reader = inbox.after(0);
        (1..=3).for_each(|number| push(&inbox, number));
        for expected in 1..=3 {
            assert_eq!(reader.next().await.id, expected);
        }
        let (next, ()) = tokio::join!(reader.next(), async { push(&inbox, 4) });
        assert_eq!((next.id, next.code.as_str()), (4, "4"));
        (5..=MAX + 10).for_each(|number| push(&inbox, number));
        let all = inbox.all();
        assert_eq!((all.len(), all[0].id, all[MAX - 1].id), (MAX, MAX as u64 + 10, 11));
        // A reader that was too slow goes on with the oldest that is left.
        assert_eq!(reader.next().await.id, 11);
    }

    #[test]
    fn the_newest_lines_of_an_outbox_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.jsonl");
        let line = |number: usize| {
            format!(
                "{{\"at\":\"2023-11-14T22:13:20.123Z\",\"to\":\"+336\",\"purpose\":\"resetPIN\",\"code\":\"{number}\",\
                 \"text\":\"<b>\"}}\n"
            )
        };
        let lines: String = (0..2 * MAX).map(line).collect();
        std::fs::write(&path, format!("not JSON\n{lines}{{\"at\":\"now\"}}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let inbox = Inbox::default();
        inbox.read_file(&path, Sharing::Refused).unwrap();
        let all = inbox.all();
        assert_eq!((all.len(), all[0].code.as_str(), all[0].at), (MAX, "199", 1_700_000_000_123));
        assert_eq!((all[0].purpose.as_str(), all[0].text.as_str()), ("resetPIN", "<b>"));
        assert!(inbox.read_file(&folder.path().join("none"), Sharing::Refused).is_err());
    }
}
