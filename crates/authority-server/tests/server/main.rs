//! The program itself: its routes over sockets, its command line, its end. Each test starts a
//! program of its own, in a folder of its own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access_tokens;
mod admin;
mod approvals;
mod balanced;
mod cluster_of_two;
mod commands;
mod console;
mod database;
mod deployment;
mod development;
mod development_console;
mod endings;
mod enrollment_codes;
mod enumeration;
mod files;
mod gateway;
mod http;
mod identity;
mod issuer;
mod key_exchange;
mod life;
mod limits;
mod malformed;
mod memory;
mod newcomer;
mod nginx;
mod operating_page;
mod outgoing_tls;
mod phone_numbers;
mod proof;
mod readiness;
mod routes;
mod schema;
mod secrets;
mod silent_database;
mod slow_clients;
mod sms_rules;
mod world;

#[path = "../../../authority/tests/service_postgres/cluster.rs"]
#[allow(dead_code, reason = "the tests of the library need more of it")]
mod cluster;
#[path = "../../../authority/tests/service/device.rs"]
#[allow(dead_code, reason = "the tests of the library need more of it")]
mod device;
#[path = "../../../authority/tests/service_postgres/proxy.rs"]
#[allow(dead_code, reason = "the tests of the library need more of it")]
mod proxy;
#[path = "../../../authority/tests/service/state.rs"]
mod state;
#[path = "../../../../tests/two_users/mod.rs"]
#[allow(dead_code, reason = "the tests of libpims need more of it")]
mod two_users;
