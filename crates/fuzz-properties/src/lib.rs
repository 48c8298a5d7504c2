//! Properties that the fuzz targets check: one module a target, with one function for one input.
//!
//! They are a member of the project's workspace, so that each build of the tests compiles them. The
//! targets in `fuzz/` only hand the input over: libFuzzer is in a workspace of its own.

pub mod answer_xml;
pub mod config;
pub mod ffi_calls;
pub mod foreign_state;
pub mod mac_query;
pub mod params;
pub mod record_decode;
pub mod sealed_open;
pub mod server_config;
