//! SMS: messages, the gateway interface, and a gateway for development.
//!
//! The host supplies the real gateway: it implements [`SmsGateway`]. [`Outbox`] is for development
//! and tests.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use private_files::{Access, Folder, Sharing, flaw_of};
use serde::Serialize;
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use crate::domain::message::Message;

/// One message. It may hold a code: it has no `Debug`, and both texts are wiped when dropped.
pub struct Sms {
    /// The id of the message. It is the same for every try, and unique to the message: a gateway
    /// that understands ids sends the message once.
    pub id: String,
    /// The phone number of the recipient.
    pub to: String,
    /// The purpose of the message.
    pub message: Message,
    /// The code alone. It is empty in a notice.
    pub code: Zeroizing<String>,
    /// The text that the user reads. It includes the code, if there is one.
    pub text: Zeroizing<String>,
    /// The time of the request, in milliseconds of the service's clock.
    pub at: i64,
}

/// The error of a message that the gateway did not accept. Its text is for the operator and holds
/// no code.
#[derive(Debug, Error)]
#[error("the SMS could not be sent: {0}")]
pub struct SmsError(String);

impl SmsError {
    /// Makes the error from its reason. The reason must not hold the message's code or text.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A gateway for SMS.
pub trait SmsGateway: Send + Sync {
    /// Hands a message over. When this returns `Ok`, the gateway has accepted it. It must return
    /// within a minute: after that another instance of the service may try the message.
    fn send(&self, sms: &Sms) -> Result<(), SmsError>;
}

/// A gateway for development: each message becomes one JSON line in a file that only its owner can
/// read.
#[derive(Clone, Debug)]
pub struct Outbox(Location);

/// The location of an outbox.
#[derive(Clone, Debug)]
enum Location {
    /// A path, which is resolved for each message.
    Path(PathBuf, Sharing),
    /// A file with this name in a folder that is held open.
    Open(Arc<Folder>, OsString),
}

impl Outbox {
    /// Makes an outbox in this file, which the first message creates. A folder that others may
    /// write to is refused.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Location::Path(path.into(), Sharing::Refused))
    }

    /// Makes an outbox in a folder that is held open. It stays in that folder even if the path
    /// later leads elsewhere.
    pub fn in_open_folder(folder: Arc<Folder>, name: impl Into<OsString>) -> Self {
        Self(Location::Open(folder, name.into()))
    }

    /// Sets the rule for a folder that other users can write to.
    pub fn in_folder(self, sharing: Sharing) -> Self {
        match self.0 {
            Location::Path(path, _) => Self(Location::Path(path, sharing)),
            open => Self(open),
        }
    }

    fn append(&self, text: &[u8]) -> io::Result<()> {
        let mut file = match &self.0 {
            Location::Path(path, sharing) => {
                let (folder, name) = Folder::of_file(path, *sharing)?;
                folder.open_or_create(name, Access::Append)?
            }
            Location::Open(folder, name) => folder.open_or_create(name, Access::Append)?,
        };
        // Each line is one write, so that the lines of several processes do not mix.
        file.write_all(text)
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    to: &'a str,
    purpose: &'a str,
    code: &'a str,
    text: &'a str,
}

impl SmsGateway for Outbox {
    fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        let line =
            Line { at: rfc3339(sms.at)?, to: &sms.to, purpose: sms.message.as_str(), code: &sms.code, text: &sms.text };
        // The capacity is large enough that the line never moves and leaves no copy behind.
        let mut text = Zeroizing::new(Vec::with_capacity(512 + 6 * (sms.text.len() + sms.to.len())));
        serde_json::to_writer(&mut *text, &line).map_err(|_| SmsError::new("the line could not be written as JSON"))?;
        text.push(b'\n');
        self.append(&text).map_err(|error| {
            SmsError::new(flaw_of(&error).map_or_else(|| error.kind().to_string(), ToString::to_string))
        })
    }
}

fn rfc3339(at: i64) -> Result<String, SmsError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .ok_or_else(|| SmsError::new("its time is beyond the calendar"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use inwebo::cvs::Purpose;

    use super::*;

    fn sms(text: &str) -> Sms {
        Sms {
            id: "1".into(),
            to: "+33612345678".into(),
            message: Message::Code(Purpose::ResetPin),
            code: Zeroizing::new("123456".into()),
            text: Zeroizing::new(text.into()),
            at: 1_700_000_000_123,
        }
    }

    #[test]
    fn an_outbox_holds_one_json_line_a_message_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sms.jsonl");
        let outbox = Outbox::new(&path);
        outbox.send(&sms("first \"quoted\"\nline")).unwrap();
        outbox.send(&sms("second")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        let expected = serde_json::json!({"at": "2023-11-14T22:13:20.123Z", "to": "+33612345678", "purpose": "resetPIN",
            "code": "123456", "text": "second"});
        assert_eq!(lines[1], expected);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_message_that_cannot_be_kept_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let error = Outbox::new(folder.path().join("missing/sms.jsonl")).send(&sms("text")).unwrap_err();
        assert!(!error.to_string().contains("123456"));
    }
}
