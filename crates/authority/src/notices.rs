//! Notices: SMS that tell users about events of their accounts.
//!
//! The transaction of an event also writes the notice into the queue. So no notice is lost, and
//! none is sent for an event that was undone. The notice is charged to the budget when it is sent.
//! It holds no code and no other secret, and it never stops its event.

use zeroize::Zeroizing;

use crate::audit;
use crate::domain::code::DAY;
use crate::domain::message::{Message, Notice};
use crate::domain::moment;
use crate::domain::rows::AccountRow;
use crate::domain::sms_texts::PlaceholderValues;
use crate::failure::Failure;
use crate::random;
use crate::sms::Sms;
use crate::sms_queue;
use crate::step::Step;

/// The maximum number of notices per account, kind of event and day. The limit is per kind: a thief
/// who blocks an account repeatedly does not hide that a device was added.
const MAX_PER_DAY: u32 = 3;

impl Step<'_> {
    /// Queues a notice of an event for an account, to its trusted number.
    pub(crate) fn notify(&self, account: &AccountRow, notice: Notice) -> Result<(), Failure> {
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
