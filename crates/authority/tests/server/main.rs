//! The program itself: its routes over sockets, its command line, its end. Each test starts one of its own, in a folder of its own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access_tokens;
mod admin;
mod cluster_of_two;
mod commands;
mod deployment;
mod enumeration;
mod gateway;
mod http;
mod identity;
mod life;
mod limits;
mod malformed;
mod operating_page;
mod proof;
mod readiness;
mod routes;
mod schema;
mod secrets;
mod world;

#[path = "../service_postgres/cluster.rs"]
#[allow(dead_code, reason = "the tests of the library need more of it")]
mod cluster;
#[path = "../service/device.rs"]
#[allow(dead_code, reason = "the tests of the library need more of it")]
mod device;
#[path = "../service/state.rs"]
mod state;
