//! Reads values from a source by their keys, with their defaults and bounds, and collects every
//! problem.

use std::fs::File;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::access::refuse_unprotected;
use super::keys::{self, FILE, Kind};
use super::secret::Secret;
use super::source::{Origin, Problem, Source, Value};

/// Longest secret that is read from a file, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// A reader of the configuration, key by key.
pub(super) struct Reader {
    source: Source,
    /// The folder at which relative paths start.
    folder: PathBuf,
    /// The reason for which the configuration file may not hold secrets, if it may not.
    unprotected: Option<String>,
}

impl Reader {
    pub(super) fn new(source: Source, folder: &Path, unprotected: Option<String>) -> Self {
        Self { source, folder: folder.to_owned(), unprotected }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.source.problems
    }

    /// Returns the folder at which relative paths start.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn problem(&mut self, key: &str, message: impl Into<String>) {
        let origin = self.source.values.get(key).map_or(Origin::Missing, |(_, origin)| origin.clone());
        self.source.problems.push(Problem { key: key.to_owned(), origin, message: message.into() });
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.source.values.contains_key(key)
    }

    /// Returns whether the value of a key comes from an environment variable.
    pub(super) fn is_variable(&self, key: &str) -> bool {
        matches!(self.source.values.get(key), Some((_, Origin::Variable(_))))
    }

    fn value(&self, key: &str) -> Option<Value> {
        self.source.values.get(key).map(|(value, _)| value.clone())
    }

    /// Reads a text that must not be empty.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let Some(Value::Text(text)) = self.value(key) else { return None };
        if text.is_empty() {
            self.problem(key, "must not be empty");
            return None;
        }
        Some(text.as_str().to_owned())
    }

    /// Reads a text that must be given.
    pub(super) fn required(&mut self, key: &str) -> Option<String> {
        if !self.has(key) {
            self.problem(key, "is missing");
        }
        self.text(key)
    }

    pub(super) fn address(&mut self, key: &str) -> Option<SocketAddr> {
        let text = self.text(key)?;
        let address = text.parse().ok();
        if address.is_none() {
            self.problem(key, "must be an address and a port, such as 127.0.0.1:8443 or [::]:8443");
        }
        address
    }

    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|path| self.folder.join(path))
    }

    /// Reads a number. Returns the default of the table if it is missing or out of bounds.
    pub(super) fn number<T: TryFrom<i64> + Copy + std::default::Default>(&mut self, key: &str) -> T {
        let default =
            numbers(key).and_then(|(default, _)| default.number()).and_then(|number| T::try_from(number).ok());
        self.number_or(key, default.unwrap_or_default())
    }

    /// Reads a number whose default depends on other keys.
    pub(super) fn number_or<T: TryFrom<i64> + Copy>(&mut self, key: &str, default: T) -> T {
        self.optional_number(key).unwrap_or(default)
    }

    /// Reads a number that may be missing.
    pub(super) fn optional_number<T: TryFrom<i64> + Copy>(&mut self, key: &str) -> Option<T> {
        let Some(Value::Number(number)) = self.value(key) else { return None };
        let (_, bounds) = numbers(key)?;
        let fits = T::try_from(number).ok().filter(|_| bounds.contains(&number));
        if fits.is_none() {
            self.problem(key, format!("must be from {} to {}", bounds.start(), bounds.end()));
        }
        fits
    }

    pub(super) fn seconds(&mut self, key: &str) -> Duration {
        Duration::from_secs(self.number(key))
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        match (self.value(key), keys::find(key).map(|key| &key.kind)) {
            (Some(Value::Flag(flag)), _) => flag,
            (_, Some(Kind::Flag(default))) => default.value(),
            _ => false,
        }
    }

    pub(super) fn list(&self, key: &str) -> Option<Vec<String>> {
        let Some(Value::List(values)) = self.value(key) else { return None };
        let text = |value: &Value| if let Value::Text(text) = value { Some(text.as_str().to_owned()) } else { None };
        Some(values.iter().filter_map(text).collect())
    }

    /// Reads a table whose names the operator chooses.
    pub(super) fn table(&self, key: &str) -> Vec<(String, Value)> {
        if let Some(Value::Table(table)) = self.value(key) { table } else { Vec::new() }
    }

    /// Reads the tables in a list.
    pub(super) fn tables(&self, key: &str) -> Vec<Vec<(String, Value)>> {
        let Some(Value::List(values)) = self.value(key) else { return Vec::new() };
        values
            .into_iter()
            .filter_map(|value| if let Value::Table(table) = value { Some(table) } else { None })
            .collect()
    }

    /// Reads one of these words.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, default: T, words: &[(&str, T)]) -> T {
        let Some(text) = self.text(key) else { return default };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, choice)) => *choice,
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                self.problem(key, format!("must be one of: {}", known.join(", ")));
                default
            }
        }
    }

    /// Reads a secret from the configuration or from a file of its own.
    pub(super) fn secret(&mut self, key: &str) -> Option<Secret> {
        let secret = self.text_or_file(key)?;
        self.check_secret_in_file(key);
        Some(secret)
    }

    /// Reads a text that may or may not be a secret: the caller decides.
    pub(super) fn text_or_file(&mut self, key: &str) -> Option<Secret> {
        let file_key = format!("{key}{FILE}");
        match (self.value(key), self.text(&file_key)) {
            (Some(_), Some(_)) => {
                self.problem(&file_key, format!("{key} is given, too: remove one of them"));
                None
            }
            (Some(Value::Text(text)), None) if !text.is_empty() => Some(Secret::new(text)),
            (Some(_), None) => {
                self.problem(key, "must not be empty");
                None
            }
            (None, Some(file)) => self.secret_from_file(&file_key, file.as_ref()),
            (None, None) => None,
        }
    }

    /// Reads the secret in a file, without the line end. A relative path starts at the
    /// configuration's folder.
    pub(super) fn secret_from_file(&mut self, key: &str, file: &Path) -> Option<Secret> {
        let path = self.folder.join(file);
        match read_secret(&path) {
            Ok(secret) => Some(secret),
            Err(message) => {
                self.problem(key, format!("{}: {message}", path.display()));
                None
            }
        }
    }

    /// Reports a problem if the value of a key, which is a secret, is in a file that may not hold
    /// one.
    pub(super) fn check_secret_in_file(&mut self, key: &str) {
        let here = matches!(self.source.values.get(key), Some((_, Origin::Line(_))));
        if let Some(why) = self.unprotected.clone().filter(|_| here) {
            self.problem(key, format!("is a secret, and this file may not hold one: {why}"));
        }
    }

    /// Reports a problem if a file cannot be read.
    pub(super) fn check_readable(&mut self, key: &str, file: &Path) {
        if let Err(error) = File::open(file) {
            self.problem(key, format!("{}: {error}", file.display()));
        }
    }

    /// Reports a problem if a file with a secret cannot be read, or if too many users can read it.
    pub(super) fn check_private(&mut self, key: &str, file: &Path) {
        let opened = File::open(file).map_err(|error| error.to_string());
        if let Err(message) = opened.and_then(|file| refuse_unprotected(&file)) {
            self.problem(key, format!("{}: {message}", file.display()));
        }
    }
}

/// Returns the default and the bounds of a number.
fn numbers(key: &str) -> Option<(keys::Default, &'static RangeInclusive<i64>)> {
    match &keys::find(key)?.kind {
        Kind::Number(default, bounds) => Some((*default, bounds)),
        _ => None,
    }
}

fn read_secret(path: &Path) -> Result<Secret, String> {
    use std::io::Read;
    let file = File::open(path).map_err(|error| error.to_string())?;
    refuse_unprotected(&file)?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if length > MAX_SECRET {
        return Err("it is too long for a secret".into());
    }
    // With this capacity the text is not moved, so no copy of it stays in memory.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
    file.take(MAX_SECRET).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    if text.is_empty() { Err("it is empty".into()) } else { Ok(Secret::new(text)) }
}
