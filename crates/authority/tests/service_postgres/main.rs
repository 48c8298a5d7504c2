//! The complete flows of `tests/service`, on a real PostgreSQL that is made for them. If none is
//! installed they are skipped and print that, or fail if `PIMS_REQUIRE_POSTGRES=1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod asynchronous;
#[allow(dead_code, reason = "the benchmark needs more of it")]
mod cluster;
mod collations;
mod collisions;
mod cuts;
mod database;
mod errors;
mod failover;
mod faulty;
mod load;
mod migrating;
mod pooled;
mod postgres;
mod proxy;
mod role_password;
mod silence;

#[path = "../service/account_devices.rs"]
mod account_devices;
#[path = "../service/account_events.rs"]
mod account_events;
#[path = "../service/activation.rs"]
mod activation;
#[path = "../service/admin.rs"]
mod admin;
#[path = "../service/altered.rs"]
mod altered;
#[path = "../service/approvals.rs"]
mod approvals;
#[path = "../service/clocks.rs"]
mod clocks;
#[path = "../service/codes.rs"]
mod codes;
#[path = "../service/device.rs"]
mod device;
#[path = "../service/diagnosis.rs"]
mod diagnosis;
#[path = "../service/durability.rs"]
mod durability;
#[path = "../service/enrollment_codes.rs"]
mod enrollment_codes;
#[path = "../service/key_ages.rs"]
mod key_ages;
#[path = "../service/key_sizes.rs"]
mod key_sizes;
#[path = "../service/malformed.rs"]
mod malformed;
#[path = "../service/passwords.rs"]
mod passwords;
#[path = "../service/pins.rs"]
mod pins;
#[path = "../service/plans.rs"]
mod plans;
#[path = "../service/proof.rs"]
mod proof;
#[path = "../service/proposals.rs"]
mod proposals;
#[path = "../service/public_clients.rs"]
mod public_clients;
#[path = "../service/removal.rs"]
mod removal;
#[path = "../service/rotation.rs"]
mod rotation;
#[path = "../service/rsa_work.rs"]
mod rsa_work;
#[path = "../service/search.rs"]
mod search;
#[path = "../service/second_copies.rs"]
mod second_copies;
#[path = "../service/sms.rs"]
mod sms;
#[path = "../service/sms_rules.rs"]
mod sms_rules;
#[path = "../service/state.rs"]
mod state;
#[path = "../service/synchronization.rs"]
mod synchronization;
#[path = "../service/timed_blocks.rs"]
mod timed_blocks;
#[path = "../service/tokens.rs"]
mod tokens;
#[path = "../service/trail.rs"]
mod trail;
#[path = "../service/upgrade.rs"]
mod upgrade;
#[path = "../service/world.rs"]
mod world;
