//! The library's message, read without a copy of its secrets.

use pims::error::Code;
use pims::facade::Message;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::status::Status;

/// Message of the library that answers a call. It is wiped when dropped.
pub(crate) struct Answer(Message);

#[derive(Deserialize)]
struct Parts<'a> {
    status: &'a str,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    info: Option<&'a RawValue>,
}

/// Error of a message.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Refusal {
    /// The code of the catalogue.
    pub(crate) code: u16,
    /// The catalogue's text.
    pub(crate) label: String,
    /// The cause in plain words.
    pub(crate) detail: String,
    /// The circumstances.
    pub(crate) info: Info,
}

/// Circumstances of a message that a user must learn of.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Info {
    /// The tries that are left.
    pub(crate) attempts_left: Option<u32>,
    /// The time to wait, in seconds.
    pub(crate) retry_after_seconds: Option<u64>,
    /// The next step.
    pub(crate) next_action: Option<String>,
    /// The wrong PINs since this device proved the right one.
    pub(crate) wrong_pins_since: Option<WrongPins>,
}

/// Wrong PINs of the account.
#[derive(Deserialize)]
pub(crate) struct WrongPins {
    /// Their number.
    pub(crate) count: u64,
}

impl Refusal {
    /// Returns the exit status. A storage that is in use is free later, so that is no fault of the
    /// configuration. An account that was blocked when last asked is refused without a request,
    /// with the code of a wrong state.
    pub(crate) fn status(&self) -> Status {
        match self.info.next_action.as_deref() {
            _ if self.is_in_use() => Status::Service,
            Some("resetPin") if self.code == Code::Forbidden as u16 => Status::Blocked,
            _ => Status::of(self.code),
        }
    }

    /// Returns whether another process uses the storage. The code has other causes, too.
    pub(crate) fn is_in_use(&self) -> bool {
        self.code == Code::CoreNotConfigured as u16 && self.detail.contains("the storage is in use")
    }

    /// Returns the cause in plain words, with the code.
    pub(crate) fn cause(&self) -> String {
        let cause = if self.detail.is_empty() { &self.label } else { &self.detail };
        format!("{cause} ({})", self.code)
    }
}

impl Answer {
    pub(crate) fn new(message: Message) -> Self {
        Self(message)
    }

    /// Returns the JSON of the message.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn parts(&self) -> Option<Parts<'_>> {
        serde_json::from_str(self.as_str()).ok()
    }

    /// Returns whether the call succeeded.
    pub(crate) fn succeeded(&self) -> bool {
        self.parts().is_some_and(|parts| parts.status == "SUCCEEDED")
    }

    /// Returns the result, or `None` if it has another form.
    pub(crate) fn result<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.parts()?.result?.get()).ok()
    }

    /// Returns the result that is an object. Copies of its texts are wiped when dropped.
    pub(crate) fn object(&self) -> Option<wiped_json::Object<'_>> {
        wiped_json::read(self.parts()?.result?.get()).ok()
    }

    /// Returns the error. It is empty if the call succeeded.
    pub(crate) fn refusal(&self) -> Refusal {
        let error = self.parts().and_then(|parts| parts.error);
        error.and_then(|error| serde_json::from_str(error.get()).ok()).unwrap_or_default()
    }

    /// Returns what a success tells besides its result.
    pub(crate) fn info(&self) -> Info {
        let info = self.parts().and_then(|parts| parts.info);
        info.and_then(|info| serde_json::from_str(info.get()).ok()).unwrap_or_default()
    }
}
