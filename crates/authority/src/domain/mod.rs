//! The rules that need neither a database nor a clock of their own: rows and times in, decisions out.

pub(crate) mod budget;
pub(crate) mod code;
pub(crate) mod dialing;
pub(crate) mod evolution;
pub(crate) mod moment;
pub(crate) mod phone;
pub(crate) mod pin;
pub(crate) mod prefix;
pub(crate) mod second_copy;
