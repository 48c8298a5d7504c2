//! What an operator decides about SMS: how many, where to, and what people are told.

use std::collections::BTreeSet;

use crate::domain::budget::SmsBudget;
use crate::domain::dialing::Countries;
use crate::sms::Notice;
use crate::sms_texts::SmsTexts;

/// The rules for SMS. The default is that of a service for one person or for development: no budget,
/// any country, no notices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SmsRules {
    /// How many are sent for all accounts together.
    pub budget: SmsBudget,
    /// Where they may go.
    pub countries: Countries,
    /// For how many seconds a new account has no number certified.
    pub new_account_seconds: u64,
    /// The events that people are told of. With any of them the host calls
    /// [`Authority::deliver_due`](crate::Authority::deliver_due).
    pub notices: BTreeSet<Notice>,
    /// What the messages say.
    pub texts: SmsTexts,
}
