//! Whole flows through the public interface, driven by a small client of the exchange.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod activation;
mod admin;
mod altered;
mod codes;
mod database;
mod device;
mod durability;
mod files;
mod key_sizes;
mod malformed;
mod passwords;
mod pins;
mod proof;
mod removal;
mod rotation;
mod rsa_work;
mod second_copies;
mod sms;
mod sms_rules;
mod state;
mod synchronization;
mod tokens;
mod trail;
mod upgrade;
mod world;
