//! The check of the names of a configuration's keys, and the answer to an unknown key.

use std::borrow::Cow;

use strsim::damerau_levenshtein;

use super::keys::NAMES;
use super::{Error, invalid};
#[cfg(feature = "embedded")]
use crate::params::Object;
use crate::params::{Params, Value};

/// Returns the objects of a configuration. The object without a name is the top level.
fn objects() -> Vec<&'static str> {
    let mut objects: Vec<_> = NAMES.iter().map(|name| name.object).collect();
    objects.dedup();
    objects
}

/// Returns the keys of an object. At the top level, each other object is a key.
fn keys_of(object: &str) -> Vec<&'static str> {
    let mut keys: Vec<_> = NAMES.iter().filter(|name| name.object == object).map(|name| name.key).collect();
    if object.is_empty() {
        keys.extend(objects().into_iter().filter(|object| !object.is_empty()));
    }
    keys
}

/// Checks the names of all keys. Returns 2004 for a key that resembles a known one, or that belongs
/// in another object. Returns a sentence for the log about each other unknown key. [`check_policy`]
/// checks the members of `embedded.policy`. The members of an unknown object are not checked.
pub(super) fn check(root: &Params<'_>) -> Result<Vec<String>, Error> {
    let mut unknown = Vec::new();
    for object in objects() {
        let known = keys_of(object);
        let members = match (object, root.get(object)) {
            ("", _) => root.object(),
            (_, Some(Value::Object(members))) => members,
            _ => continue,
        };
        for key in members.names().filter(|key| !known.contains(key)) {
            match correction(object, &known, key) {
                Some(right) => return Err(invalid(right)),
                None => unknown.push(warning(object, key)),
            }
        }
    }
    Ok(unknown)
}

/// Checks the names of the members of `embedded.policy`. The authority accepts no unknown name.
#[cfg(feature = "embedded")]
pub(super) fn check_policy(policy: &Object<'_>) -> Result<(), Error> {
    let known = authority::Policy::keys();
    let Some(key) = policy.names().find(|key| !known.contains(key)) else { return Ok(()) };
    let unknown = format!("{}: there is no such key in embedded.policy", path("embedded.policy", key));
    Err(invalid(match nearest(known, key) {
        Some(right) => format!("{unknown}; it is spelled {right}"),
        None => format!("{unknown}; docs/authority.md names all of them"),
    }))
}

/// Returns the detail of 2004 that names the intended key, or `None` if no known key resembles this
/// one.
fn correction(object: &str, known: &[&str], key: &str) -> Option<String> {
    let unknown = format!("{}: there is no such key {}", path(object, key), location(object));
    if let Some(right) = nearest(known, key) {
        return Some(format!("{unknown}; it is spelled {right}"));
    }
    // The documentation and the details of errors write a key with its object in front.
    let last_part = key.rsplit_once('.').map_or(key, |(_, last)| last);
    let mut elsewhere = objects().into_iter().filter(|other| *other != object);
    elsewhere.find_map(|other| {
        let right = keys_of(other).into_iter().find(|right| normalized(right) == normalized(last_part))?;
        Some(format!("{unknown}; {right} belongs {}", location(other)))
    })
}

/// Returns the location of an object's members, in words.
fn location(object: &str) -> Cow<'_, str> {
    if object.is_empty() { "at the top level".into() } else { format!("in {object}").into() }
}

/// Returns the known key that is the fewest edits away, if these are few enough for its length.
fn nearest<'a>(known: &[&'a str], key: &str) -> Option<&'a str> {
    // The time and memory for the distance grow with the product of the two lengths.
    if key.len() > 64 {
        return None;
    }
    let key = normalized(key);
    let away = known.iter().map(|right| (damerau_levenshtein(&normalized(right), &key), *right));
    away.filter(|(edits, right)| *edits <= most_edits(right)).min_by_key(|(edits, _)| *edits).map(|(_, right)| right)
}

/// Returns the most edits after which a key still resembles `right`. Two edits turn a short word
/// into another word.
fn most_edits(right: &str) -> usize {
    match right.len() {
        0..=2 => 0,
        3..=4 => 1,
        _ => 2,
    }
}

/// Returns a key in lower case and without separators, so that `log_level`, `LogLevel` and
/// `logLevel` are equal.
fn normalized(key: &str) -> String {
    key.chars().filter(|letter| !matches!(letter, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

fn path(object: &str, key: &str) -> String {
    let dot = if object.is_empty() { "" } else { "." };
    format!("{object}{dot}{}", key.escape_debug())
}

/// Returns the sentence for the log about a key that is ignored. The sentence shows the key only if
/// it looks like a name. If arguments were mixed up, it may be a secret.
fn warning(object: &str, key: &str) -> String {
    let is_name = (1..=32).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && key.bytes().filter(u8::is_ascii_digit).count() < 3;
    if is_name {
        format!("{}: this key of the configuration is not known and is ignored", path(object, key))
    } else {
        format!("a key {} of the configuration is not known and is ignored", location(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_an_object_stand_together() {
        let objects = objects();
        let different: std::collections::BTreeSet<_> = objects.iter().collect();
        assert_eq!(different.len(), objects.len(), "{objects:?}");
    }

    fn checked(text: &str) -> Result<Vec<String>, String> {
        let root = Params::read(text).unwrap_or_else(|error| panic!("{text}: {}", error.detail()));
        check(&root).map_err(|error| error.detail().to_owned())
    }

    #[test]
    fn a_mistyped_key_is_reported_with_the_right_name() {
        for (text, right) in [
            (r#"{"enviroment":"Production"}"#, "it is spelled environment"),
            (r#"{"Environnement":"Production"}"#, "it is spelled environnement"),
            (r#"{"mdoe":"B2B"}"#, "it is spelled mode"),
            (r#"{"credentials":{}}"#, "it is spelled credential"),
            (
                r#"{"monitoring":{"log_level":"high"}}"#,
                "monitoring.log_level: there is no such key in monitoring; it is spelled logLevel",
            ),
            (r#"{"credential":{"inWeboUrl":"x"}}"#, "it is spelled inWeboURL"),
            (r#"{"credential":{"pinnedCertificate":[]}}"#, "it is spelled pinnedCertificates"),
            (r#"{"storage":{"pth":"x"}}"#, "it is spelled path"),
            (r#"{"credential.pinnedCertificates":[]}"#, "pinnedCertificates belongs in credential"),
            (r#"{"credential.macid":"x"}"#, "macID belongs in credential"),
            (r#"{"device":{"os":"x"}}"#, "it is spelled OS"),
        ] {
            let detail = checked(text).expect_err(text);
            assert!(detail.contains(right), "{text}: {detail}");
        }
    }

    #[test]
    fn a_known_key_in_another_object_is_reported_with_its_object() {
        for (text, right) in [
            (r#"{"macID":"x"}"#, "macID: there is no such key at the top level; macID belongs in credential"),
            (r#"{"logLevel":"high"}"#, "logLevel belongs in monitoring"),
            (r#"{"storage":{"database":"x"}}"#, "database belongs in embedded"),
            (r#"{"credential":{"storage":{}}}"#, "storage belongs at the top level"),
            (r#"{"network":{"pinned_certificates":[]}}"#, "pinnedCertificates belongs in credential"),
        ] {
            let detail = checked(text).expect_err(text);
            assert!(detail.contains(right), "{text}: {detail}");
        }
    }

    #[test]
    fn another_key_is_a_warning_that_shows_no_secret() {
        for text in ["{}", r#"{"envronment":null}"#, r#"{"embedded":{"policy":{"mode":1}}}"#] {
            assert_eq!(checked(text), Ok(Vec::new()), "{text}");
        }
        let secret = "c2VjcmV0LXNlY3JldA9876543210";
        let text = format!(r#"{{"x":{{"path":1}},"device":{{"US":1}},"account":{{"{secret}":1}}}}"#);
        let warnings = checked(&text).unwrap_or_else(|detail| panic!("{detail}"));
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings[0].starts_with("x: this key") && warnings[2].starts_with("device.US: "), "{warnings:?}");
        assert!(!warnings.concat().contains(secret));
    }
}
