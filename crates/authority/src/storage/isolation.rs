//! The isolation of each step on PostgreSQL.
//!
//! SERIALIZABLE needs no proof: the outcome of concurrent steps equals that of some serial order of
//! them. But PostgreSQL also finds conflicts where there are none. It locks what a step *read* by
//! the page of an index, and a page holds the rows of many accounts. So steps of different accounts
//! collide (40001) and run again. The rare steps bear that. The steps of the exchange and the check
//! of a password run as REPEATABLE READ, which locks nothing that was read. There a step sees the
//! rows as they were at its first statement. If it changes or removes a row that another step
//! changed or removed since then, it gets a 40001 and runs again.
//!
//! # Proof
//!
//! REPEATABLE READ permits one thing that no serial order permits: two steps that each read a row
//! that the other writes, and that write no row in common. So the rule for a step in the list below
//! is: *if a concurrent step may change a row that this step relies on, the two also change a row
//! in common.* A step changes a row with `UPDATE … WHERE key` or removes it with `DELETE`. It never
//! makes a row again that it has read: an upsert would do that, because PostgreSQL inserts the row
//! without a 40001 if another step has just removed it. Rows that are added have a random key, or a
//! content that follows from nothing that was read.
//!
//! The rows in common are these:
//!
//! - **The device.** `otp`, `synchro`, `ms`, and the setup steps of all modes write the challenges
//!   of the device before anything else. If there is no challenge to take, they change nothing. The
//!   steps that end what a device relies on write its row, too: the removal of the device (also by
//!   another device), of the enrollments and of the account, a new PIN, a suspension, and a
//!   rotation of the master key. So no password is made for a device or a PIN that is gone, none is
//!   left over by their removal, and each challenge is used once. A step that gives a device
//!   another name writes its row as well, so it puts no older keys back. The traits of a device are
//!   written by its own steps. Steps of operators only lower their count of wrong tries, in the row
//!   of the traits. A new device that waits for a confirmation is written by each decision about
//!   it, by the activation that replaces it, and by its end in time. So one of them counts.
//! - **The account.** Every wrong PIN writes the account: the counters are exact, and the block and
//!   its notice come once. A right PIN that forgives wrong ones writes it, and so does every step
//!   that adds a device: the maximum number of devices holds, because two of these steps have the
//!   account in common. A block that ends by itself has a row of its own. Each step that makes,
//!   changes or removes that row writes the account, too, so after such a block there is one try,
//!   whatever tries come at once. The rejection of a new device blocks the account, and writes it.
//!   A step that records an event numbers it in the account's row, and writes that: no two events
//!   have one number. A step that only *reads* the account (its block, its PIN, its wrong PINs)
//!   stands before a concurrent step that changes these in a serial order: the later step relies on
//!   nothing that the first one wrote. Where it would, that is in the row of the device.
//! - **The code.** A use, a wrong try and the setup step of an activation write the code. A request
//!   for a new code, a withdrawal and the removal of the account write it, too.
//! - **The password.** Its acceptance removes it, so it is accepted once. What ends a password
//!   removes it: the end of its device, of its PIN, or of its account. A refresh token that comes
//!   from a password is guarded by the password's row. A block that ends by itself removes the
//!   passwords that were made before it, with one exception: one that another device makes at the
//!   moment when the block begins may stay, because the two steps have no row in common. It is
//!   refused as long as the account is blocked, and its lifetime ends it. It is as good as one that
//!   is made after the block, so no rule needs more.
//! - **The refresh token.** Its use writes it, and all that ends a family of tokens removes each of
//!   the family's rows. A successor is added by the step that writes its predecessor, which the
//!   other step removes. So no successor outlives its family.
//!
//! - **The proposal of an operator.** Of the steps that change one, only housekeeping is in the
//!   list below. It removes a proposal more than a day after it was made, and then the proposal has
//!   ended: no other step counts, approves or ends it.
//!
//! An audit row is added under an id that no other step has. A row that counts refusals belongs to
//! one step at a time ([`Claim`](crate::audit::Claim)), and a seal covers only rows that are older
//! than the longest step.
//!
//! All other steps stay SERIALIZABLE. They may run beside the steps of the list: the proof is about
//! pairs in which one step is of the list, whatever the isolation of the other.
//!
//! | beside | `otp`, `synchro`, `ms` | wrong PIN | check of a password | token | activation |
//! | --- | --- | --- | --- | --- | --- |
//! | another step of the same kind | device | account | password | token | account, code |
//! | wrong PIN of another device | no conflict, see the password | account | the same | the same | account |
//! | new PIN | device | account | password | token | account |
//! | removal of the device | device | device | password | token | no conflict |
//! | approval of a new device | device (of the new one) | no conflict | no conflict | no conflict | device (of the new one) |
//! | rejection of a new device | no conflict, see the password | account | no conflict | no conflict | account |
//! | removal of the enrollments or the account | device | account | password | token | account |
//! | a new code | no conflict | no conflict | no conflict | no conflict | code |
//! | lifting of a block | no conflict | account | no conflict | no conflict | account |
//! | housekeeping | no conflict | no conflict | password (expired) | token (expired) | code (expired) |
//! | rotation of the master key | device | account | password (MAC) | token (MAC) | account, code |

/// The isolation of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite runs one step at a time"))]
pub(crate) enum Isolation {
    Serializable,
    RepeatableRead,
}

/// The steps of which the proof speaks.
const REPEATABLE_READ: [&str; 27] = [
    "activate.check",
    "activate.finalize",
    "activate.setup",
    "checkpush.setup",
    "devices.setup",
    "finalize.check",
    "getsn.setup",
    "messages.setup",
    "newsn.setup",
    "operator.refuse",
    "otp.finalize",
    "otp.setup",
    "password.setup",
    "password.verify",
    "ping",
    "prune.expired",
    "remove.setup",
    "removedevice.setup",
    "renamedevice.setup",
    "reset.setup",
    "row.altered",
    "secret.store",
    "status",
    "synchro.finalize",
    "synchro.setup",
    "token.grant",
    "token.rotate",
];

#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite runs one step at a time"))]
impl Isolation {
    /// Returns the isolation of the step with this name.
    pub(crate) fn of(step: &str) -> Self {
        if REPEATABLE_READ.contains(&step) { Self::RepeatableRead } else { Self::Serializable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_serializable_unless_the_proof_speaks_of_it() {
        assert_eq!(Isolation::of("otp.finalize"), Isolation::RepeatableRead);
        for step in [
            "password.finalize",
            "reset.finalize",
            "account.remove",
            "device.remove",
            "removedevice.finalize",
            "renamedevice.finalize",
            "checkpush.approve",
            "checkpush.reject",
            "messages.finalize",
            "proposal.make",
            "proposal.approve",
            "proposal.end",
            "code.send",
            "a step of the future",
        ] {
            assert_eq!(Isolation::of(step), Isolation::Serializable, "{step}");
        }
    }
}
