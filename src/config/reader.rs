//! A reader of the values of a configuration by their keys, with their defaults and bounds.

use std::path::{Path, PathBuf};

use super::invalid;
use super::keys::{Key, NAMES, Name};
use super::kinds::{HasDefault, Kind};
use crate::error::Error;
use crate::params::{Params, Value};

/// Reader of a configuration.
pub(super) struct Reader<'a> {
    root: &'a Params<'a>,
    /// The working directory, from which a relative path starts, or `None` if it is gone.
    working_folder: Option<&'a Path>,
}

impl<'a> Reader<'a> {
    /// Creates a reader. Returns 2004 if another value stands in the place of an object.
    pub(super) fn new(root: &'a Params<'a>, working_folder: Option<&'a Path>) -> Result<Self, Error> {
        for Name { object, .. } in NAMES.iter().filter(|name| !name.object.is_empty()) {
            if !matches!(root.get(object), None | Some(Value::Object(_))) {
                return Err(expected(Name { object: "", key: object }, "an object"));
            }
        }
        Ok(Self { root, working_folder })
    }

    /// Returns the value of a key as it stands in the text.
    pub(super) fn value(&self, name: Name) -> Option<&'a Value<'a>> {
        match (name.object, self.root.get(name.object)) {
            ("", _) => self.root.get(name.key),
            (_, Some(Value::Object(members))) => members.get(name.key),
            _ => None,
        }
    }

    /// Reads a value. Returns `None` if the key is missing.
    pub(super) fn given<K: Kind>(&self, key: &Key<K>) -> Result<Option<K::Read>, Error> {
        let Some(value) = self.value(key.name) else { return Ok(None) };
        key.kind.read(value).map(Some).map_err(|words| expected(key.name, &words))
    }

    /// Reads a value. If the key is missing, returns its present value, or else its default.
    pub(super) fn setting<K: HasDefault>(&self, key: &Key<K>, present: Option<K::Read>) -> Result<K::Read, Error> {
        Ok(self.given(key)?.or(present).unwrap_or_else(|| key.kind.default()))
    }

    /// Reads an absolute path. A relative one starts from the working directory.
    pub(super) fn path<K: Kind<Read = PathBuf>>(&self, key: &Key<K>) -> Result<Option<PathBuf>, Error> {
        match (self.given(key)?, self.working_folder) {
            (Some(path), _) if path.is_absolute() => Ok(Some(path)),
            (Some(path), Some(from)) => Ok(Some(from.join(path))),
            (Some(_), None) => {
                Err(expected(key.name, "an absolute path: the working directory of this process is gone"))
            }
            (None, _) => Ok(None),
        }
    }
}

/// Returns 2004 with the key and its expected value. The given value may be a secret and is not
/// repeated.
pub(super) fn expected(name: Name, words: &str) -> Error {
    invalid(format!("{name}: expected {words}"))
}
