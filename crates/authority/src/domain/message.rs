//! The purposes of SMS: codes, and notices of events. And the events that devices are told of.

use inwebo::cvs::Purpose;

/// An event that the service reports to a user by SMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Notice {
    /// A device was activated.
    NewDevice,
    /// The PIN was reset with an SMS code.
    PinReset,
    /// The PIN was changed with the old one.
    PinChange,
    /// Wrong PINs, or the rejection of a new device, blocked the account.
    Block,
    /// Another phone number replaced the trusted one. The notice goes to the old number.
    PhoneNumber,
}

impl Notice {
    /// All kinds of notices.
    pub const ALL: [Self; 5] = [Self::NewDevice, Self::PinReset, Self::PinChange, Self::Block, Self::PhoneNumber];

    /// Returns its name in settings, in the outbox and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewDevice => "newDevice",
            Self::PinReset => "reset",
            Self::PinChange => "pinChange",
            Self::Block => "block",
            Self::PhoneNumber => "phoneNumber",
        }
    }
}

/// An event that the service reports to the devices of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountEvent {
    /// An event that may also be reported by SMS.
    Reported(Notice),
    /// A device was removed.
    DeviceRemoved,
    /// A new device was rejected, or ended by a wrong number.
    DeviceRejected,
}

impl AccountEvent {
    /// Returns its word in the database and in an answer.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Reported(notice) => notice.as_str(),
            Self::DeviceRemoved => "deviceRemoved",
            Self::DeviceRejected => "deviceRejected",
        }
    }
}

impl From<Notice> for AccountEvent {
    fn from(notice: Notice) -> Self {
        Self::Reported(notice)
    }
}

/// The purpose of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// The message carries a code.
    Code(Purpose),
    /// The message reports an event. It holds no secret.
    Notice(Notice),
}

impl Message {
    /// Returns its name in the outbox and in the `{purpose}` of a webhook.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code(purpose) => purpose.as_str(),
            Self::Notice(notice) => notice.as_str(),
        }
    }
}
