//! Private groups: on many systems each user has a group without other members.

/// Returns whether the group `gid` is the private group of the user `uid`, according to the text of
/// `/etc/group` and `/etc/passwd`: it has the user's name and no other member. A group that these
/// files do not list is not private.
#[cfg_attr(not(all(unix, not(target_os = "android"))), allow(dead_code))]
pub(crate) fn is_private(uid: u32, gid: u32, group: &str, passwd: &str) -> bool {
    let mut users = passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, user) = (fields.next()?, fields.next()?, fields.next()?);
        Some((name, user.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?))
    });
    let Some((name, ..)) = users.clone().find(|(_, user, _)| *user == uid) else { return false };
    let mut entries = group.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse::<u32>().ok()? == gid).then_some((name, fields.next().unwrap_or("")))
    });
    let alone = |(group, members): (&str, &str)| {
        group == name && members.split(',').all(|member| member.is_empty() || member == name)
    };
    let known = entries.clone().next().is_some();
    known && entries.all(alone) && users.all(|(_, user, primary)| primary != gid || user == uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nalice:x:1001:1001::/home/alice:/bin/sh\n\
        bob:x:1002:1002::/home/bob:/bin/sh\ncarol:x:1003:100::/home/carol:/bin/sh\nodd\n";
    const GROUP: &str = "root:x:0:\nusers:x:100:alice\nalice:x:1001:\nbob:x:1002:bob,alice\ncarol:x:1003:carol\n";

    #[test]
    fn a_group_is_private_where_it_has_the_users_name_and_no_other_member() {
        assert!(is_private(0, 0, GROUP, PASSWD));
        assert!(is_private(1001, 1001, GROUP, PASSWD));
        assert!(is_private(1003, 1003, GROUP, PASSWD));
        // In this order: Alice is a member; the group has another name; the group is another
        // user's; the files do not list the user; the files do not list the group.
        for (uid, gid) in [(1002, 1002), (1001, 100), (1001, 1002), (1004, 1001), (1001, 5)] {
            assert!(!is_private(uid, gid, GROUP, PASSWD), "{uid} {gid}");
        }
        // The group is also the primary group of another user.
        let passwd = format!("{PASSWD}dave:x:1005:1001::/:/bin/sh\n");
        assert!(!is_private(1001, 1001, GROUP, &passwd));
        // Two entries have the same number.
        assert!(!is_private(1001, 1001, &format!("{GROUP}staff:x:1001:bob\n"), PASSWD));
        assert!(!is_private(1001, 1001, "", "") && !is_private(1001, 1001, GROUP, ""));
    }
}
