//! The seals of the audit trail. If a program with write access to the database changes, removes or
//! inserts rows, checks detect it.
//!
//! Each row has a MAC under the key of the trail. Rows to which no step can add any more are
//! sealed: a seal is a MAC over them and over the seal before it. Writers share no row for this,
//! because a step of its own makes a seal later. The number and head of each seal are logged, so
//! that a restored old database differs from the present one.

mod chain;
mod seal;
mod verify;

pub use chain::AuditSeal;
pub use seal::Sealing;
pub(crate) use seal::{prune, prune_beyond, raise_floor_to_boundary, seal_audit};
pub(crate) use verify::verify;
pub use verify::{AuditCheck, AuditFault};
