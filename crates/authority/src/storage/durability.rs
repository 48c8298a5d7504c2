//! The durability of each step.
//!
//! A step is answered when its changes are on the disk, with one exception: a setup step that only
//! makes a challenge. Its changes are in the database when it is answered, so they survive the end
//! of this process. They may be lost if the machine of the database loses its power, or if a
//! standby takes over. The client then gets `NOK:STATE` for a challenge that the service does not
//! know, and begins the operation again.
//!
//! No rule depends on such a change. A step that *takes* a challenge is durable, and so are the
//! changes before it that it saw: both databases write their log in order. So no challenge can be
//! used twice. If a lost challenge had replaced an older one, that one is valid again until its own
//! lifetime ends; it was never used.

/// The durability of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The changes survive a loss of power.
    Full,
    /// The changes survive the end of the process. A loss of power may undo the last of them.
    Relaxed,
}

/// The steps that write nothing but a challenge. They also remove a device that nobody confirmed in
/// time, which each later step does again.
const RELAXED: [&str; 12] = [
    "checkpush.setup",
    "devices.setup",
    "getsn.setup",
    "messages.setup",
    "newsn.setup",
    "otp.setup",
    "password.setup",
    "remove.setup",
    "removedevice.setup",
    "renamedevice.setup",
    "reset.setup",
    "synchro.setup",
];

impl Durability {
    /// Returns the durability of the step with this name.
    pub(crate) fn of(step: &str) -> Self {
        if RELAXED.contains(&step) { Self::Relaxed } else { Self::Full }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_durable_unless_it_only_makes_a_challenge() {
        assert_eq!(Durability::of("otp.setup"), Durability::Relaxed);
        for step in ["otp.finalize", "activate.setup", "password.verify", "code.send", "a step of the future"] {
            assert_eq!(Durability::of(step), Durability::Full, "{step}");
        }
    }
}
