//! Pure rules: rows, settings and times in, decisions out. They need no database and no clock of
//! their own, and no other module of this crate.

pub(crate) mod budget;
pub(crate) mod code;
pub(crate) mod day_limit;
pub(crate) mod dialing;
pub(crate) mod evolution;
pub(crate) mod hash;
pub(crate) mod message;
pub(crate) mod moment;
#[cfg(feature = "phone-plans")]
mod numbering_plans;
pub(crate) mod phone;
pub(crate) mod pin;
pub(crate) mod pin_proof;
pub(crate) mod policy;
pub(crate) mod prefix;
pub(crate) mod rows;
pub(crate) mod seal_boundary;
pub(crate) mod second_copy;
pub(crate) mod short_id;
pub(crate) mod sms_rules;
pub(crate) mod sms_texts;
pub(crate) mod timed_block;
