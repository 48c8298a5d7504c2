//! The rule for files that hold a secret of the configuration. Such a file belongs to root or to
//! the service's own user. Only its owner can change it, and no foreign group or other user can
//! read it.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::MetadataExt;

/// Owner, group and mode of a file.
#[derive(Clone, Copy)]
struct Attributes {
    owner: u32,
    group: u32,
    mode: u32,
}

/// The effective user and the groups of this process.
struct Identity {
    user: u32,
    groups: Vec<u32>,
}

impl Identity {
    fn of_process() -> Result<Self, String> {
        use rustix::process::{getegid, geteuid, getgroups};
        let more = getgroups().map_err(|error| error.to_string())?;
        let groups = std::iter::once(getegid()).chain(more).map(|group| group.as_raw()).collect();
        Ok(Self { user: geteuid().as_raw(), groups })
    }
}

/// The reason for which a file may not hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unprotected {
    Everybody,
    Owner { owner: u32, user: u32 },
    GroupWrites,
    Group(u32),
}

impl fmt::Display for Unprotected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("it is open to everybody: its mode must be 0640 or less"),
            Self::Owner { owner, user } => {
                write!(
                    f,
                    "it belongs to user {owner}: its owner must be root or the user that runs this program ({user})"
                )
            }
            Self::GroupWrites => f.write_str("its group can change it: its mode must be 0640 or less"),
            Self::Group(group) => write!(
                f,
                "group {group} can read it: only root's group, and groups of the user that runs this program, may read it"
            ),
        }
    }
}

/// User id and group id of root.
const ROOT: u32 = 0;

fn check(file: Attributes, identity: &Identity) -> Result<(), Unprotected> {
    if file.mode & 0o007 != 0 {
        return Err(Unprotected::Everybody);
    }
    // The owner can change the mode at any time.
    if ![ROOT, identity.user].contains(&file.owner) {
        return Err(Unprotected::Owner { owner: file.owner, user: identity.user });
    }
    if file.mode & 0o020 != 0 {
        return Err(Unprotected::GroupWrites);
    }
    // A file of a group to which this process belongs is accepted: services share a secret that
    // way.
    if file.mode & 0o070 != 0 && file.group != ROOT && !identity.groups.contains(&file.group) {
        return Err(Unprotected::Group(file.group));
    }
    Ok(())
}

/// Refuses a file that may not hold a secret. The error says why.
pub(crate) fn refuse_unprotected(file: &File) -> Result<(), String> {
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    let attributes = Attributes { owner: metadata.uid(), group: metadata.gid(), mode: metadata.mode() };
    check(attributes, &Identity::of_process()?).map_err(|why| why.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_in_a_file_of_root_or_of_the_service_and_read_by_no_foreign_group() {
        let service = Identity { user: 10, groups: vec![20, 21] };
        let checked = |owner, group, mode| check(Attributes { owner, group, mode: 0o100_000_u32 | mode }, &service);
        // Each entry: owner, group, mode.
        for (owner, group, mode) in [
            (10, 20, 0o600),
            (10, 99, 0o600),
            (10, 99, 0o400),
            (0, 20, 0o640),
            (0, 21, 0o440),
            (0, 0, 0o440),
            (10, 0, 0o640),
        ] {
            assert_eq!(checked(owner, group, mode), Ok(()), "{owner} {group} {mode:o}");
        }
        for (owner, group, mode, why) in [
            (10, 20, 0o644, Unprotected::Everybody),
            (0, 0, 0o602, Unprotected::Everybody),
            (0, 0, 0o601, Unprotected::Everybody),
            (11, 20, 0o600, Unprotected::Owner { owner: 11, user: 10 }),
            (11, 20, 0o640, Unprotected::Owner { owner: 11, user: 10 }),
            (10, 20, 0o660, Unprotected::GroupWrites),
            (0, 0, 0o620, Unprotected::GroupWrites),
            (10, 99, 0o640, Unprotected::Group(99)),
            (0, 99, 0o440, Unprotected::Group(99)),
        ] {
            assert_eq!(checked(owner, group, mode), Err(why), "{owner} {group} {mode:o}");
        }
    }

    #[test]
    fn a_file_of_this_process_is_accepted_unless_everybody_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::tempfile().unwrap();
        for (mode, taken) in [(0o600, true), (0o604, false)] {
            file.set_permissions(PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(refuse_unprotected(&file).is_ok(), taken, "{mode:o}");
        }
    }
}
