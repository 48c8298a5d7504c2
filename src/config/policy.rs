//! The policy of the embedded authority in a configuration.

use serde::Deserialize;

use super::invalid;
use super::keys::POLICY;
use super::names::check_policy;
use super::reader::expected;
use crate::error::Error;
use crate::params::Value;

/// Reads the settings with the authority's own type. Each is read alone first, so that an error
/// names it.
pub(super) fn read(value: &Value<'_>) -> Result<authority::Policy, Error> {
    let Value::Object(members) = value else { return Err(expected(POLICY.name, "an object")) };
    check_policy(members)?;
    for (name, value) in members.members() {
        let alone = serde_json::Value::Object([(name.to_owned(), json_of(value))].into_iter().collect());
        authority::Policy::deserialize(alone)
            .map_err(|error| invalid(format!("{}.{name}: {}", POLICY.name, expectation(&error.to_string()))))?;
    }
    let whole = authority::Policy::deserialize(json_of(value));
    whole.map_err(|error| invalid(format!("{}: {}", POLICY.name, expectation(&error.to_string()))))
}

/// Returns a value of the configuration in the form that the authority reads. A policy has no
/// fractions and no negative numbers. Both become a number that no setting accepts.
fn json_of(value: &Value<'_>) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Flag(flag) => (*flag).into(),
        Value::Fraction(_) | Value::Other => (-1).into(),
        Value::List(values) => values.iter().map(json_of).collect(),
        Value::Object(members) => {
            Json::Object(members.members().map(|(name, value)| (name.to_owned(), json_of(value))).collect())
        }
    }
}

/// Returns the reason why a setting of the policy is refused. The authority's own words stay. Names
/// of Rust types are translated.
fn expectation(error: &str) -> String {
    let is_foreign =
        ["invalid ", "unknown ", "missing ", "data did not match"].iter().any(|begin| error.starts_with(begin));
    match error.rsplit_once("expected ") {
        _ if !is_foreign => error.to_owned(),
        Some((_, "a boolean")) => "expected true or false".to_owned(),
        Some((_, "u32" | "u64" | "usize")) => "expected a whole number, not negative and not too large".to_owned(),
        Some((_, names)) if names.contains('`') => format!("expected {}", names.replace('`', "")),
        _ => "expected another kind of value, see docs/authority.md".to_owned(),
    }
}
