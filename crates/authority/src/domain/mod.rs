//! Pure rules: rows and times in, decisions out. They need no database and no clock of their own.

pub(crate) mod budget;
pub(crate) mod code;
pub(crate) mod dialing;
pub(crate) mod evolution;
pub(crate) mod moment;
pub(crate) mod phone;
pub(crate) mod pin;
pub(crate) mod prefix;
pub(crate) mod second_copy;
