//! Protection of the process's memory against other processes, core dumps and swap.

/// Whether memory is kept out of swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockMemory {
    /// Locks it where the system permits that, and warns where it does not.
    Try,
    /// Locks it, or does not start.
    Required,
    /// Leaves it as it is.
    No,
}

/// Makes the process one that no other process of the same user can read or trace, and that leaves
/// no core dump. Commands that it runs inherit the limit of core dumps.
///
/// # Errors
///
/// Where the system refuses.
pub(crate) fn forbid_dumps() -> Result<(), String> {
    #[cfg(target_os = "linux")]
    linux::forbid_dumps()?;
    Ok(())
}

/// Keeps the process's memory, also what it gets later, out of swap. Returns why it is not locked
/// where that is to be said.
///
/// # Errors
///
/// Where it is required and the system does not permit it.
pub(crate) fn lock_memory(wanted: LockMemory) -> Result<Option<String>, String> {
    if wanted == LockMemory::No {
        return Ok(None);
    }
    #[cfg(target_os = "linux")]
    let locked = linux::lock_memory();
    #[cfg(not(target_os = "linux"))]
    let locked = Err("this system cannot".to_owned());
    match locked {
        Ok(()) => Ok(None),
        Err(why) => {
            let told = format!("memory is not locked and may reach swap: {why}");
            if wanted == LockMemory::Required { Err(format!("process.lock_memory: {told}")) } else { Ok(Some(told)) }
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::io::Errno;
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

    /// One page of memory: less than any process has.
    const PAGE: u64 = 4096;

    const UNLIMITED: Rlimit = Rlimit { current: None, maximum: None };

    pub(super) fn forbid_dumps() -> Result<(), String> {
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
            .map_err(|error| format!("the process cannot be made undumpable: {error}"))?;
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        if getrlimit(Resource::Core) != none {
            setrlimit(Resource::Core, none).map_err(|error| format!("core dumps cannot be forbidden: {error}"))?;
        }
        Ok(())
    }

    /// Locks pages once they are used: a thread's stack or an arena of the allocator costs no more
    /// than without a lock. Under a limit nothing is locked: an allocation would fail there later.
    pub(super) fn lock_memory() -> Result<(), String> {
        let limit = raise();
        let locked = if limit.current.is_none() { lock() } else { lock_by_privilege(limit) };
        locked.map_err(|error| match limit.current {
            Some(bytes) => format!(
                "RLIMIT_MEMLOCK is {bytes} bytes; set LimitMEMLOCK=infinity (systemd), --ulimit memlock=-1:-1 \
                 (Docker) or process.lock_memory = \"no\""
            ),
            None => error.to_string(),
        })
    }

    /// Returns the limit, as high as this process may set it.
    fn raise() -> Rlimit {
        let limit = getrlimit(Resource::Memlock);
        // Root may do the first, everybody the second.
        for higher in [UNLIMITED, Rlimit { current: limit.maximum, ..limit }] {
            if limit.current.is_some() && setrlimit(Resource::Memlock, higher).is_ok() {
                return higher;
            }
        }
        limit
    }

    /// Locks where CAP_IPC_LOCK lifts the limit, and only there: with a limit of one page nothing
    /// else lets this call succeed.
    fn lock_by_privilege(limit: Rlimit) -> Result<(), Errno> {
        setrlimit(Resource::Memlock, Rlimit { current: Some(PAGE), ..limit })?;
        let locked = lock();
        setrlimit(Resource::Memlock, limit)?;
        locked
    }

    fn lock() -> Result<(), Errno> {
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
    }
}
