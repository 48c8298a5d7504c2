//! Whole flows through the public interface, driven by a small client of the exchange.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod activation;
mod admin;
mod codes;
mod device;
mod durability;
mod malformed;
mod passwords;
mod pins;
mod removal;
mod synchronization;
mod tokens;
mod world;
