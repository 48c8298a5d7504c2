//! The operator's rules for SMS: limits on their number, permitted countries, and the events that
//! are reported to users.

use std::collections::BTreeSet;

use crate::domain::budget::SmsBudget;
use crate::domain::dialing::Countries;
use crate::domain::message::Notice;
use crate::domain::sms_texts::SmsTexts;

/// The rules for SMS. The default suits a service for one user or for development: no budget, any
/// country, no notices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SmsRules {
    /// The limits on the number of SMS for all accounts together.
    pub budget: SmsBudget,
    /// The countries that SMS may go to.
    pub countries: Countries,
    /// The number of seconds after its creation during which an account gets no codes that certify
    /// a number.
    pub new_account_seconds: u64,
    /// The events that are reported to users. If there are any, the host calls
    /// [`Authority::deliver_due`](crate::Authority::deliver_due).
    pub notices: BTreeSet<Notice>,
    /// The texts of the messages.
    pub texts: SmsTexts,
}
