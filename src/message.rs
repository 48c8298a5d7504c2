//! The one message that answers a call: JSON, compact, UTF-8.

use std::borrow::Cow;
use std::cell::Cell;
use std::ffi::CStr;

use inwebo::client::WrongPins;
use inwebo::client::messages::Notice;
use inwebo::cvs::{DeviceEntry, Keystore};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use zeroize::Zeroizing;

use crate::error::{Error, Info};
use crate::process;

/// Result of an operation. The names of members are static: only values vary.
pub enum Output {
    /// `null`
    Null,
    /// `{}`
    Empty,
    /// One member that is true or false.
    Flag(&'static str, bool),
    /// One member that is text. It may be a secret and is wiped when dropped.
    Text(&'static str, Zeroizing<String>),
    /// One member that is a number.
    Number(&'static str, u64),
    /// One member that is text or `null`.
    Path(&'static str, Option<String>),
    /// Members that are text.
    Texts(Vec<(&'static str, Cow<'static, str>)>),
    /// Members of several kinds. A text may be a secret and is wiped when dropped.
    Members(Vec<(&'static str, Member)>),
    /// One member that is a list of texts.
    List(&'static str, Vec<String>),
    /// Some of the members of the account's subscription.
    Account {
        /// `isDeviceActivated`
        activated: Option<bool>,
        /// `isAccountBlocked`
        blocked: Option<&'static str>,
    },
    /// The devices of the account.
    Devices(Vec<DeviceEntry>),
    /// Events of the account.
    Notices(Vec<Notice>),
    /// One member that is an object.
    Object(&'static str, Box<Self>),
    /// An output, and circumstances that the caller must learn of: wrong PINs, or the end of a
    /// block. They stand beside the result, not in it.
    WithInfo(Box<Self>, Box<Info>),
}

impl Output {
    /// Changes the circumstances beside the result.
    pub fn with_info(self, change: impl FnOnce(&mut Info)) -> Self {
        let (output, mut info) = match self {
            Self::WithInfo(output, info) => (output, info),
            output => (Box::new(output), Box::default()),
        };
        change(&mut info);
        Self::WithInfo(output, info)
    }

    /// Returns the greatest length of a secret text as JSON, in bytes.
    fn room(&self) -> usize {
        match self {
            // An escape has at most 6 bytes for one byte of text.
            Self::Text(_, text) => 6 * text.len(),
            Self::Members(members) => members.iter().map(|(_, member)| member.room()).sum(),
            Self::Object(_, output) => output.room(),
            _ => 0,
        }
    }
}

/// Value of a member of [`Output::Members`].
#[derive(Serialize)]
#[serde(untagged)]
pub enum Member {
    /// A text, which may be a secret.
    Text(Zeroizing<String>),
    /// A number.
    Number(u64),
    /// True or false.
    Flag(bool),
    /// `null`
    Null,
}

impl Member {
    /// Creates a member with a copy of a text.
    pub fn text(text: &str) -> Self {
        Self::Text(Zeroizing::new(text.to_owned()))
    }

    fn room(&self) -> usize {
        match self {
            Self::Text(text) => 6 * text.len(),
            Self::Number(_) | Self::Flag(_) | Self::Null => 0,
        }
    }
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => return serializer.serialize_unit(),
            Self::WithInfo(output, _) => return output.serialize(serializer),
            _ => {}
        }
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Null | Self::Empty | Self::WithInfo(..) => {}
            Self::Flag(name, value) => map.serialize_entry(name, value)?,
            Self::Text(name, value) => map.serialize_entry(name, value.as_str())?,
            Self::Number(name, value) => map.serialize_entry(name, value)?,
            Self::Path(name, value) => map.serialize_entry(name, value)?,
            Self::Texts(members) => {
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
            }
            Self::Members(members) => {
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
            }
            Self::List(name, values) => map.serialize_entry(name, values)?,
            Self::Devices(devices) => {
                map.serialize_entry("devices", &devices.iter().map(Listed).collect::<Vec<_>>())?;
            }
            Self::Notices(notices) => {
                map.serialize_entry("notices", &notices.iter().map(Told).collect::<Vec<_>>())?;
            }
            Self::Object(name, output) => map.serialize_entry(name, output)?,
            Self::Account { activated, blocked } => {
                if let Some(activated) = activated {
                    map.serialize_entry("isDeviceActivated", activated)?;
                }
                if let Some(blocked) = blocked {
                    map.serialize_entry("isAccountBlocked", blocked)?;
                }
            }
        }
        map.end()
    }
}

/// Device in the form of a message.
struct Listed<'a>(&'a DeviceEntry);

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let DeviceEntry { id, name, since, used, keystore, is_self } = self.0;
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("deviceId", id)?;
        map.serialize_entry("name", name)?;
        map.serialize_entry("since", since)?;
        map.serialize_entry("lastUsed", used)?;
        map.serialize_entry("thisDevice", is_self)?;
        map.serialize_entry("keystore", &keystore.map(Keystore::as_str))?;
        map.end()
    }
}

/// Notice in the form of a message.
struct Told<'a>(&'a Notice);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Notice { number: _, event, at, device, name } = self.0;
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("event", event)?;
        map.serialize_entry("at", at)?;
        map.serialize_entry("deviceId", device)?;
        map.serialize_entry("name", name)?;
        map.end()
    }
}

/// Outcome of an operation: its output, or its error.
pub type Outcome = Result<Output, Error>;

/// Adds wrong PINs, if there are any, to an outcome, so that the account's owner learns of them.
pub fn with_wrong_pins(outcome: Outcome, wrong_pins: Option<WrongPins>) -> Outcome {
    match (outcome, wrong_pins) {
        (outcome, None) => outcome,
        (Ok(output), Some(wrong_pins)) => Ok(output.with_info(|info| info.wrong_pins_since = Some(wrong_pins))),
        (Err(error), Some(wrong_pins)) => Err(error.with_wrong_pins(wrong_pins)),
    }
}

/// Id of a call: the first two groups of a random UUID. The id is no secret, because it only names
/// a call in a log. So it comes from a fast generator that each thread of each process seeds once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionId([u8; Self::LENGTH]);

impl TransactionId {
    const LENGTH: usize = 13;

    /// Creates a fresh id.
    pub fn new() -> Self {
        let uuid = uuid::Builder::from_random_bytes(fast_random().to_ne_bytes()).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        uuid.hyphenated().encode_lower(&mut text);
        let mut id = [0; Self::LENGTH];
        id.copy_from_slice(&text[..Self::LENGTH]);
        Self(id)
    }

    /// Reads an id from its text.
    pub fn read(text: &str) -> Option<Self> {
        let id: [u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        let is_right = |(place, byte): (usize, &u8)| match place {
            8 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        id.iter().enumerate().all(is_right).then_some(Self(id))
    }

    /// Returns the text of the id.
    pub fn as_str(&self) -> &str {
        // The text consists of hex digits and a hyphen.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

thread_local! {
    /// The number of the process that seeded this thread's generator, if one did, and the
    /// generator's state. The value needs no destructor, so it exists as long as the thread.
    static GENERATOR: Cell<(Option<u64>, u64)> = const { Cell::new((None, 0)) };
}

/// Returns random bits that are not secret. A forked child seeds again, because its parent
/// continues with the old seed.
fn fast_random() -> u128 {
    let process = process::number();
    let mut generator = match GENERATOR.get() {
        (Some(known), state) if known == process => fastrand::Rng::with_seed(state),
        _ => fastrand::Rng::with_seed(seed()),
    };
    let value = generator.u128(..);
    GENERATOR.set((Some(process), generator.get_seed()));
    value
}

fn seed() -> u64 {
    let mut seed = [0; 8];
    match getrandom::fill(&mut seed) {
        Ok(()) => u64::from_ne_bytes(seed),
        // An id must only differ from the other ids in use.
        Err(_) => fastrand::u64(..) ^ (u64::from(std::process::id()) << 32),
    }
}

impl Default for TransactionId {
    fn default() -> Self {
        Self::new()
    }
}

/// Message for a callback: JSON text that ends with a NUL. It may contain a one-time password, so
/// it is wiped when dropped and has no `Debug`.
pub struct Message(Zeroizing<Vec<u8>>);

impl Message {
    /// Creates the message of an outcome. Its status is `SUCCEEDED` or `FAILED`.
    pub fn of_outcome(id: TransactionId, outcome: &Outcome) -> Self {
        match outcome {
            Ok(Output::WithInfo(output, info)) => {
                Self::new(id, "SUCCEEDED", "result", output, Some(&**info), output.room())
            }
            Ok(output) => Self::new(id, "SUCCEEDED", "result", output, None, output.room()),
            Err(error) => Self::new(id, "FAILED", "error", error, None, 0),
        }
    }

    /// Creates the message of a subscription's event. Its status is `RESULT`.
    pub fn of_event(id: TransactionId, output: &Output) -> Self {
        Self::new(id, "RESULT", "result", output, None, 0)
    }

    fn new(
        id: TransactionId,
        status: &str,
        member: &str,
        value: &impl Serialize,
        info: Option<&Info>,
        secret: usize,
    ) -> Self {
        // The capacity is enough for every message with a secret. A vector that grows leaves a copy
        // behind.
        let mut text = Zeroizing::new(Vec::with_capacity(512 + secret));
        text.extend_from_slice(b"{\"transactionId\":\"");
        text.extend_from_slice(&id.0);
        text.extend_from_slice(b"\",\"status\":\"");
        text.extend_from_slice(status.as_bytes());
        text.extend_from_slice(b"\",\"");
        text.extend_from_slice(member.as_bytes());
        text.extend_from_slice(b"\":");
        // Writing text and numbers to memory cannot fail.
        let _ = serde_json::to_writer(&mut *text, value);
        if let Some(info) = info {
            text.extend_from_slice(b",\"info\":");
            let _ = serde_json::to_writer(&mut *text, info);
        }
        text.extend_from_slice(b"}\0");
        Self(text)
    }

    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        // serde_json writes UTF-8, and the other parts are UTF-8, too.
        std::str::from_utf8(&self.0[..self.0.len() - 1]).unwrap_or_default()
    }

    /// Returns the JSON text for C, with its NUL.
    pub fn as_c_str(&self) -> &CStr {
        // JSON escapes control characters, so the only NUL is the last byte.
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn json_of(outcome: Outcome) -> serde_json::Value {
        let message = Message::of_outcome(TransactionId::new(), &outcome);
        assert_eq!(message.as_c_str().to_str().unwrap(), message.as_str());
        serde_json::from_str(message.as_str()).unwrap()
    }

    #[test]
    fn each_outcome_is_one_object_of_the_documented_form() {
        assert_eq!(json_of(Ok(Output::Null))["result"], serde_json::Value::Null);
        assert_eq!(json_of(Ok(Output::Empty))["result"], serde_json::json!({}));
        assert_eq!(json_of(Ok(Output::Flag("a", true)))["result"], serde_json::json!({"a": true}));
        let text = Zeroizing::new("q\"\0\n".to_owned());
        assert_eq!(json_of(Ok(Output::Text("a", text)))["result"]["a"], "q\"\0\n");
        let failed = json_of(Err(Error::new(Code::NotInitialized)));
        assert_eq!(failed["status"], "FAILED");
        assert_eq!(failed["error"], serde_json::json!({"code": 2001, "label": "Facade not initialized"}));
        assert!(failed.get("result").is_none());
    }

    #[test]
    fn a_device_has_each_member_and_null_for_what_is_not_known() {
        let known = DeviceEntry {
            id: "0a1b2c3d".into(),
            name: "Ana \"\u{1F600}".into(),
            since: 17,
            used: Some(18),
            keystore: Some(Keystore::Hardware),
            is_self: true,
        };
        let unknown = DeviceEntry { used: None, keystore: None, is_self: false, ..known.clone() };
        let message = Message::of_outcome(TransactionId::new(), &Ok(Output::Devices(vec![known, unknown])));
        let first = r#"{"deviceId":"0a1b2c3d","name":"Ana \"😀","since":17,"lastUsed":18,"thisDevice":true,"keystore":"hardware"}"#;
        let second = r#"{"deviceId":"0a1b2c3d","name":"Ana \"😀","since":17,"lastUsed":null,"thisDevice":false,"keystore":null}"#;
        let expected = format!("\"result\":{{\"devices\":[{first},{second}]}}}}");
        assert!(message.as_str().ends_with(&expected), "{}", message.as_str());
    }

    #[test]
    fn a_notice_has_each_member_and_null_where_no_device_is_meant() {
        let about = Notice {
            number: 5,
            event: "newDevice".into(),
            at: 17,
            device: Some("0a1b2c3d".into()),
            name: Some("Ana".into()),
        };
        let reset = Notice { number: 6, event: "reset".into(), at: 18, device: None, name: None };
        let message = Message::of_event(TransactionId::new(), &Output::Notices(vec![about, reset]));
        let first = r#"{"event":"newDevice","at":17,"deviceId":"0a1b2c3d","name":"Ana"}"#;
        let second = r#"{"event":"reset","at":18,"deviceId":null,"name":null}"#;
        let expected = format!("\"status\":\"RESULT\",\"result\":{{\"notices\":[{first},{second}]}}}}");
        assert!(message.as_str().ends_with(&expected), "{}", message.as_str());
        let object = Output::Object("approval", Box::new(Output::Members(vec![("state", Member::text("none"))])));
        let message = Message::of_event(TransactionId::new(), &object);
        assert!(message.as_str().ends_with(r#""result":{"approval":{"state":"none"}}}"#), "{}", message.as_str());
    }

    #[test]
    fn members_stand_in_the_order_of_the_reference() {
        let id = TransactionId::new();
        let message = Message::of_outcome(id, &Ok(Output::Null));
        let expected = format!("{{\"transactionId\":\"{}\",\"status\":\"SUCCEEDED\",\"result\":null}}", id.as_str());
        assert_eq!(message.as_str(), expected);
        let failed = Message::of_outcome(id, &Err(Error::new(Code::NotInitialized).with_detail("why")));
        let begin = format!("{{\"transactionId\":\"{}\",\"status\":\"FAILED\",\"error\":{{\"code\":2001,", id.as_str());
        assert!(failed.as_str().starts_with(&begin));
    }

    #[test]
    fn wrong_pins_stand_after_the_result_or_in_the_info_of_the_error() {
        let wrong_pins = Some(WrongPins { count: 4, since: 1_700_000_000_000 });
        let id = TransactionId::new();
        let text = |outcome| Message::of_outcome(id, &with_wrong_pins(outcome, wrong_pins)).as_str().to_owned();
        let note = "\"info\":{\"wrongPinsSince\":{\"count\":4,\"since\":1700000000000}}";
        let expected = format!(
            "{{\"transactionId\":\"{}\",\"status\":\"SUCCEEDED\",\"result\":{{\"a\":true}},{note}}}",
            id.as_str()
        );
        assert_eq!(text(Ok(Output::Flag("a", true))), expected);
        assert!(text(Ok(Output::Null)).ends_with(&format!("\"result\":null,{note}}}")));
        assert!(text(Err(Error::new(Code::Timeout))).ends_with(&format!("\"label\":\"Timeout\",{note}}}}}")));
        let blocked = Output::Flag("a", true).with_info(|info| {
            (info.retry_after_seconds, info.blocked_until) = (Some(60), Some(1_700_000_000_000));
        });
        let times = "\"info\":{\"retryAfterSeconds\":60,\"blockedUntil\":1700000000000,\"wrongPinsSince\"";
        assert!(text(Ok(blocked)).contains(&format!("\"result\":{{\"a\":true}},{times}")));
        let silent = Message::of_outcome(id, &with_wrong_pins(Ok(Output::Null), None));
        assert!(!silent.as_str().contains("info"));
    }

    #[test]
    fn an_id_is_read_from_its_own_text_alone() {
        let id = TransactionId::new();
        assert_eq!(TransactionId::read(id.as_str()), Some(id));
        for bad in ["", "953cfefb-bc7", "953cfefb-bc72-", "953cfefbbbc72", "953CFEFB-BC72", "953cfefb-bc7\u{e9}"] {
            assert_eq!(TransactionId::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_have_the_form_of_the_reference_and_do_not_repeat() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| TransactionId::new().as_str().to_owned()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            let (first, second) = id.split_once('-').unwrap();
            assert_eq!((first.len(), second.len()), (8, 4));
            assert!(id.bytes().all(|byte| byte == b'-' || matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        }
    }
}
