//! The sources of values: the file, and the environment, which wins. This module checks the form of
//! values, not their meaning.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::keys::{self, FILE, KEYS, Key, Kind, PREFIX};

/// A value of the configuration. It may be a secret: no `Debug`, and texts are wiped when dropped.
#[derive(Clone)]
pub(crate) enum Value {
    Text(Zeroizing<String>),
    Number(i64),
    Flag(bool),
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
    /// A form that no key accepts.
    Other,
}

/// The place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Line(usize),
    Variable(String),
    /// The value is missing.
    Missing,
}

/// A problem of the configuration, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) key: String,
    pub(crate) origin: Origin,
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Line(line) => write!(f, "line {line}: ")?,
            Origin::Variable(name) => write!(f, "environment variable {name}: ")?,
            Origin::Missing => {}
        }
        if self.key.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.key, self.message) }
    }
}

/// The values by path, and the problems.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) values: BTreeMap<String, (Value, Origin)>,
    pub(crate) problems: Vec<Problem>,
}

impl Source {
    /// Reads the text of the file and then the environment, which wins.
    pub(crate) fn read(text: &str, environment: impl Iterator<Item = (String, String)>) -> Self {
        let mut source = Self::default();
        source.read_file(text);
        source.read_environment(environment);
        source
    }

    fn read_file(&mut self, text: &str) {
        let line = |offset: usize| Origin::Line(1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count());
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => {
                // Only the message is shown: the line may hold a secret.
                let origin = error.span().map_or(Origin::Missing, |span| line(span.start));
                self.problem("", origin, format!("this is not TOML: {}", error.message()));
                return;
            }
        };
        for (section, content) in document.get_ref() {
            let origin = line(section.span().start);
            let DeValue::Table(content) = content.get_ref() else {
                // A key without a section, or a section that is not a table.
                self.insert(section.get_ref().as_ref().to_owned(), to_value(content.get_ref()), origin);
                continue;
            };
            for (name, value) in content {
                let path = format!("{}.{}", section.get_ref(), name.get_ref());
                self.insert(path, to_value(value.get_ref()), line(name.span().start));
            }
        }
    }

    fn read_environment(&mut self, environment: impl Iterator<Item = (String, String)>) {
        for (name, text) in environment {
            // This variable names the configuration file, and is no key.
            let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| *rest != "CONFIG") else { continue };
            let text = Zeroizing::new(text);
            let origin = Origin::Variable(name.clone());
            let files = KEYS.iter().filter(|key| key.secret).map(|key| format!("{}{FILE}", key.path));
            let path = KEYS.iter().map(|key| key.path.to_owned()).chain(files).find(|path| Key::variable(path) == name);
            let Some(path) = path else {
                let meant = Key::variable(keys::nearest(&rest.to_ascii_lowercase().replacen('_', ".", 1)));
                self.problem("", origin, format!("there is no such key; the nearest is {meant}"));
                continue;
            };
            // The name of a secret's file is a text, whatever the kind of the key.
            let kind = keys::find(&path).map_or(&Kind::Text, |key| &key.kind);
            match parse(kind, text) {
                Some(value) => self.insert(path, value, origin),
                None => self.problem(&path, origin, format!("must be {}", expected(kind))),
            }
        }
    }

    fn insert(&mut self, path: String, value: Value, origin: Origin) {
        match keys::find(&path) {
            None => self.unknown(&path, origin),
            Some(key) if !has_kind(&key.kind, &value) => {
                self.problem(&path, origin, format!("must be {}", expected(&key.kind)))
            }
            Some(_) => {
                self.values.insert(path, (value, origin));
            }
        }
    }

    fn unknown(&mut self, path: &str, origin: Origin) {
        self.problem(path, origin, format!("there is no such key; the nearest is `{}`", keys::nearest(path)));
    }

    fn problem(&mut self, key: &str, origin: Origin, message: String) {
        self.problems.push(Problem { key: key.to_owned(), origin, message });
    }
}

fn to_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(Zeroizing::new(text.as_ref().to_owned())),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other, Value::Number)
        }
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Array(values) => Value::List(values.iter().map(|value| to_value(value.get_ref())).collect()),
        DeValue::Table(table) => Value::Table(
            table.iter().map(|(name, value)| (name.get_ref().as_ref().to_owned(), to_value(value.get_ref()))).collect(),
        ),
        DeValue::Float(_) | DeValue::Datetime(_) => Value::Other,
    }
}

/// Reads a value from an environment variable.
fn parse(kind: &Kind, text: Zeroizing<String>) -> Option<Value> {
    match kind {
        Kind::Text => Some(Value::Text(text)),
        Kind::Number(..) => text.trim().parse().ok().map(Value::Number),
        Kind::Flag(_) => text.trim().parse().ok().map(Value::Flag),
        Kind::List => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Some(Value::List(parts.map(|part| Value::Text(Zeroizing::new(part.to_owned()))).collect()))
        }
        Kind::Table => DeValue::parse(text.trim()).ok().map(|value| to_value(value.get_ref())),
    }
}

fn has_kind(kind: &Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Text, Value::Text(_)) | (Kind::Number(..), Value::Number(_)) | (Kind::Flag(_), Value::Flag(_)) => true,
        (Kind::List, Value::List(values)) => values.iter().all(|value| matches!(value, Value::Text(_))),
        (Kind::Table, Value::List(values)) => values.iter().all(|value| matches!(value, Value::Table(_))),
        (Kind::Table, Value::Table(_)) => true,
        _ => false,
    }
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text => "a text",
        Kind::Number(..) => "a whole number",
        Kind::Flag(_) => "true or false",
        Kind::List => "a list of texts",
        Kind::Table => "a table",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Source {
        Source::read(text, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let variables = [
            ("PIMS_AUTHORITY_LISTEN_ADDRESS", "127.0.0.1:2"),
            ("PIMS_AUTHORITY_POLICY_OTP_WITHOUT_PIN", "true"),
            ("PIMS_AUTHORITY_TOKENS_ALGORITHMS", "ES256, EdDSA"),
            ("PIMS_AUTHORITY_TOKENS_STATIC", "{ alice = \"token\" }"),
            ("PIMS_AUTHORITY_ADMIN_TOKEN_FILE", "/a"),
            ("PIMS_AUTHORITY_CONFIG", "/etc/pims-authority.toml"),
            ("PATH", "/bin"),
        ];
        let source = read("[listen]\naddress = \"127.0.0.1:1\"", &variables);
        assert_eq!(source.problems, []);
        assert!(matches!(&source.values["listen.address"].0, Value::Text(text) if text.as_str() == "127.0.0.1:2"));
        assert!(matches!(&source.values["tokens.algorithms"].0, Value::List(list) if list.len() == 2));
        assert!(matches!(&source.values["tokens.static"].0, Value::Table(table) if table[0].0 == "alice"));
        assert!(source.values.contains_key("admin.token_file"));
    }

    #[test]
    fn a_problem_names_its_place_the_key_and_the_nearest_one() {
        let shown = |text: &str, environment: &[(&str, &str)]| read(text, environment).problems[0].to_string();
        assert_eq!(
            shown("[listen]\n\nadress = \"x\"", &[]),
            "line 3: listen.adress: there is no such key; the nearest is `listen.address`"
        );
        assert_eq!(
            shown("[policy]\nmax_pin_tries = \"5\"", &[]),
            "line 2: policy.max_pin_tries: must be a whole number"
        );
        assert!(shown("listen = 1", &[]).starts_with("line 1: listen: there is no such key"));
        assert_eq!(
            shown("developement = true", &[]),
            "line 1: developement: there is no such key; the nearest is `development`"
        );
        assert!(shown("development = 1", &[]).ends_with("must be true or false"));
        assert_eq!(
            shown("", &[("PIMS_AUTHORITY_LOG_LEVLE", "x")]),
            "environment variable PIMS_AUTHORITY_LOG_LEVLE: there is no such key; the nearest is PIMS_AUTHORITY_LOG_LEVEL"
        );
        assert_eq!(
            shown("", &[("PIMS_AUTHORITY_POLICY_CODE_TRIES", "many")]),
            "environment variable PIMS_AUTHORITY_POLICY_CODE_TRIES: policy.code_tries: must be a whole number"
        );
    }

    #[test]
    fn text_that_is_not_toml_is_not_shown() {
        let source = read("[admin]\ntoken = \"top-secret", &[]);
        let shown = source.problems[0].to_string();
        assert!(shown.starts_with("line 2: this is not TOML") && !shown.contains("top-secret"), "{shown}");
    }
}
