//! Notices of events of an account: to its user, by SMS, and to its devices, which ask for them.
//!
//! The transaction of an event also writes the SMS into the queue, and the row for the devices. So
//! no notice is lost, and none is sent for an event that was undone. An SMS is charged to the
//! budget when it is sent. No notice holds a code or another secret, and none stops its event.

use zeroize::Zeroizing;

use crate::audit;
use crate::domain::code::DAY;
use crate::domain::message::{AccountEvent, Message, Notice};
use crate::domain::moment;
use crate::domain::rows::{AccountRow, DeviceRow};
use crate::domain::sms_texts::PlaceholderValues;
use crate::failure::Failure;
use crate::random;
use crate::sms::Sms;
use crate::sms_queue;
use crate::step::Step;

/// The maximum number of SMS per account, kind of event and day. The limit is per kind: a thief
/// who blocks an account repeatedly does not hide that a device was added.
const MAX_PER_DAY: u32 = 3;

/// The time for which events are kept for the devices of an account.
pub(crate) const EVENTS_KEPT: i64 = 30 * DAY;

/// An event of an account, with the devices that it names.
pub(crate) struct Event<'a> {
    kind: AccountEvent,
    /// The device that the event is about.
    device: Option<&'a DeviceRow>,
    /// The id of the device that caused it.
    by: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// Makes an event that a device caused, or that no device did.
    pub(crate) fn new(kind: impl Into<AccountEvent>, by: Option<&'a str>) -> Self {
        Self { kind: kind.into(), device: None, by }
    }

    /// Makes an event that a device caused.
    pub(crate) fn by(device: &'a DeviceRow, kind: impl Into<AccountEvent>) -> Self {
        Self::new(kind, Some(&device.id))
    }

    /// Makes this device the one that the event is about.
    #[must_use]
    pub(crate) fn about(self, device: &'a DeviceRow) -> Self {
        Self { device: Some(device), ..self }
    }
}

impl Step<'_> {
    /// Tells of an event of an account: its devices, and its trusted number if the event is one of
    /// those for which the policy sends an SMS.
    pub(crate) fn notify(&self, account: &AccountRow, event: &Event<'_>) -> Result<(), Failure> {
        self.notify_devices(&account.name, event)?;
        match event.kind {
            AccountEvent::Reported(notice) => self.queue_notice(account, notice),
            AccountEvent::DeviceRemoved | AccountEvent::DeviceRejected => Ok(()),
        }
    }

    /// Records an event for the devices of an account, if the policy has such notices. The account
    /// exists.
    pub(crate) fn notify_devices(&self, account: &str, event: &Event<'_>) -> Result<(), Failure> {
        if !self.policy.device_notices {
            return Ok(());
        }
        let Event { kind, device, by } = *event;
        Ok(self.rows.add_account_event(account, kind, self.now, device, by)?)
    }

    /// Queues an SMS about an event for an account, to its trusted number.
    fn queue_notice(&self, account: &AccountRow, notice: Notice) -> Result<(), Failure> {
        let rules = &self.policy.sms;
        let Some(number) = account.phone_number.as_deref().filter(|_| rules.notices.contains(&notice)) else {
            return Ok(());
        };
        let name = account.name.as_str();
        let number = rules.countries.read_number(number);
        let Some(destination) = number.and_then(|number| rules.countries.destination(&number)) else {
            return self.audit(Some(name), None, audit::NOTICE_DROPPED);
        };
        if self.rows.notices(name, notice, self.now.saturating_sub(DAY), moment::latest_end(0, self.now))?
            >= MAX_PER_DAY
        {
            return self.audit(Some(name), None, audit::NOTICE_DROPPED);
        }
        let message = Message::Notice(notice);
        let values = PlaceholderValues { code: "", minutes: 0 };
        let sms = Sms {
            id: random::hex::<16>()?,
            to: destination.number.as_str().to_owned(),
            message,
            code: Zeroizing::default(),
            text: rules.texts.text(message, account.language.as_deref(), &values),
            at: self.now,
        };
        self.rows.add_notice(name, notice, self.now, &sms.id)?;
        sms_queue::enqueue_notice(self, name, notice, &sms)?;
        self.audit(Some(name), None, audit::NOTICE_QUEUED)
    }
}
