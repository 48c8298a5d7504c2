//! Protection of the process's memory against other processes, core dumps and swap.

/// The setting that keeps memory out of swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockMemory {
    /// Locks memory if the system permits it; otherwise warns.
    Try,
    /// Locks memory, or does not start.
    Required,
    /// Does not lock memory.
    No,
}

/// Keeps other processes of the same user from reading or tracing this process, and turns its core
/// dumps off. The commands that it runs inherit the limit of core dumps.
///
/// # Errors
///
/// The system refuses.
pub(crate) fn forbid_dumps() -> Result<(), String> {
    #[cfg(target_os = "linux")]
    linux::forbid_dumps()?;
    Ok(())
}

/// Keeps the process's memory out of swap, including memory that it allocates later. Returns a
/// warning if the memory is not locked.
///
/// # Errors
///
/// The lock is required, and the system does not permit it.
pub(crate) fn lock_memory(setting: LockMemory) -> Result<Option<String>, String> {
    if setting == LockMemory::No {
        return Ok(None);
    }
    #[cfg(target_os = "linux")]
    let locked = linux::lock_memory();
    #[cfg(not(target_os = "linux"))]
    let locked = Err("this system cannot".to_owned());
    match locked {
        Ok(()) => Ok(None),
        Err(reason) => {
            let warning = format!("memory is not locked and may reach swap: {reason}");
            if setting == LockMemory::Required {
                Err(format!("process.lock_memory: {warning}"))
            } else {
                Ok(Some(warning))
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::io::Errno;
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

    /// One page of memory: every process has more.
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

    /// Locks pages when they are first used: a thread's stack or an arena of the allocator needs no
    /// more memory than without a lock. Under a limit nothing is locked, because a later allocation
    /// would fail there.
    pub(super) fn lock_memory() -> Result<(), String> {
        let limit = raise_limit();
        let locked = if limit.current.is_none() { lock() } else { lock_by_privilege(limit) };
        locked.map_err(|error| match limit.current {
            Some(bytes) => format!(
                "RLIMIT_MEMLOCK is {bytes} bytes; set LimitMEMLOCK=infinity (systemd), --ulimit memlock=-1:-1 \
                 (Docker) or process.lock_memory = \"no\""
            ),
            None => error.to_string(),
        })
    }

    /// Raises the limit as far as this process may, and returns it.
    fn raise_limit() -> Rlimit {
        let limit = getrlimit(Resource::Memlock);
        // Only root may set the first limit; every user may set the second.
        for higher in [UNLIMITED, Rlimit { current: limit.maximum, ..limit }] {
            if limit.current.is_some() && setrlimit(Resource::Memlock, higher).is_ok() {
                return higher;
            }
        }
        limit
    }

    /// Locks memory only if CAP_IPC_LOCK lifts the limit: with a limit of one page, the call
    /// succeeds for no other reason.
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
