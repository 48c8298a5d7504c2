//! The storage of the service: the tables with their statements, and the databases that run the
//! statements.
//!
//! It has no rules and no secrets in clear: secrets arrive here sealed or hashed. One step of the
//! service is one transaction. Its outcome is as if no other step ran at the same time: see
//! `isolation` for PostgreSQL; SQLite runs one step at a time.

mod audit_ids;
mod database;
mod durability;
mod housekeeping;
mod isolation;
mod macs;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;
mod table;
mod tables;
mod transaction;
mod value;

pub(crate) use audit_ids::AuditIds;
pub(crate) use database::{Storage, transact};
pub(crate) use housekeeping::PrunedRows;
pub(crate) use macs::RowCursor;
#[cfg(feature = "postgres")]
pub use options::Postgres;
pub use options::{Database, SqliteFile};
#[cfg(feature = "postgres")]
pub(crate) use postgres::PostgreSql;
pub(crate) use sqlite::Sqlite;
pub(crate) use table::RowMacs;
pub(crate) use tables::{AccountSummary, AuditRow, CountKey, SealRow};
pub(crate) use transaction::Transaction;
#[cfg(debug_assertions)]
pub use transaction::recorded_statements;
