//! The configuration file and its folder.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use private_files::{Access, Folder, Readers, Sharing};
use wiped_json::Value;
use zeroize::Zeroizing;

use crate::arguments::Settings;
use crate::failure::Failure;
use crate::terminal;

/// Name of the file in its folder.
const FILE: &str = "config.json";

/// Largest configuration, and largest file with a token, in bytes.
const MAX_LENGTH: usize = 256 * 1024;

/// Returns the path of the configuration file.
pub(crate) fn path(settings: &Settings) -> Result<PathBuf, Failure> {
    if let Some(file) = &settings.config {
        return Ok(file.clone());
    }
    match &settings.folder {
        Some(folder) => Ok(folder.join(FILE)),
        None => Ok(of_user(dirs::config_dir())?.join(FILE)),
    }
}

/// Returns this program's folder in one of the user's. A relative folder of XDG is ignored, as its
/// specification says. A relative `HOME` gives none: each command may start elsewhere.
fn of_user(folder: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let folder = folder.filter(|folder| folder.is_absolute());
    folder
        .map(|folder| folder.join("pims"))
        .ok_or_else(|| Failure::configuration("HOME is no absolute path: give --folder, or set HOME"))
}

/// Returns the folder of the device state that `pims init` writes into a configuration. The path is
/// absolute, because later commands may start elsewhere.
pub(crate) fn storage(settings: &Settings) -> Result<PathBuf, Failure> {
    match &settings.folder {
        Some(folder) => Ok(std::path::absolute(folder)?.join("state")),
        None => of_user(dirs::data_dir()),
    }
}

/// Reads the configuration file.
pub(crate) fn read(settings: &Settings) -> Result<Zeroizing<String>, Failure> {
    let path = path(settings)?;
    match open(&path) {
        Ok(file) => {
            let text = text(file, &path).map_err(Failure::configuration)?;
            if text.trim().is_empty() {
                return Err(Failure::configuration(format!("{} is empty", path.display())));
            }
            check_storage(settings, &path, &text)?;
            Ok(text)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let program = settings.program();
            Err(Failure::configuration(format!("there is no {}: {program} init writes it", path.display())))
        }
        Err(error) => Err(Failure::configuration(format!("{} cannot be used: {error}", path.display()))),
    }
}

/// Checks that a configuration in a folder of its own says where the state is. The default of the
/// library is one folder for all configurations of a user. A text that is no configuration is left
/// to the library, which says why.
fn check_storage(settings: &Settings, path: &Path, text: &str) -> Result<(), Failure> {
    let lacks_path = || {
        wiped_json::read(text).is_ok_and(|root| match root.get("storage") {
            Some(Value::Object(storage)) => storage.get("path").is_none(),
            storage => storage.is_none(),
        })
    };
    if settings.folder.is_none() || !lacks_path() {
        return Ok(());
    }
    let storage = storage(settings)?;
    let storage = wiped_json::to_string(&storage.to_string_lossy());
    Err(Failure::configuration(format!(
        "{} does not say where the state is: add \"storage\":{{\"path\":{}}}",
        path.display(),
        *storage
    )))
}

/// Reads the access token, if a file with it is named.
pub(crate) fn token(settings: &Settings) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(path) = &settings.token_file else { return Ok(None) };
    let file = open(path).map_err(|error| Failure::usage(format!("{} cannot be used: {error}", path.display())))?;
    let text = text(file, path).map_err(Failure::usage)?;
    Ok(Some(Zeroizing::new(text.trim().to_owned())))
}

/// Writes the configuration file, with the mode 0600. If it exists, it is replaced or kept.
pub(crate) fn write(path: &Path, text: &str, replace: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::configuration(format!("{} exists: give --force to replace it", path.display()))
        }
        _ => Failure::configuration(format!("{} cannot be written: {error}", path.display())),
    };
    write_new(path, text.as_bytes(), replace).map_err(failed)
}

/// Writes a file that its owner alone can read.
pub(crate) fn write_new(path: &Path, content: &[u8], replace: bool) -> std::io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new(""));
    let folder = if parent.as_os_str().is_empty() {
        Folder::open(parent, Sharing::Refused)?
    } else {
        Folder::create(parent, Sharing::Refused)?
    };
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let temporary = folder.write_temporary_secret(name, content)?;
    if replace {
        temporary.replace()?
    } else {
        temporary.publish()?
    }
    folder.sync()
}

/// Opens a file that may have secrets. It is refused if others can read it.
fn open(path: &Path) -> std::io::Result<File> {
    let (folder, name) = Folder::of_file(path, Sharing::Refused)?;
    folder.open_file(name, Access::Read, Readers::Refused)
}

/// Reads a file as text. The error is a sentence about the file.
fn text(file: File, path: &Path) -> Result<Zeroizing<String>, String> {
    let name = path.display().to_string();
    let mut bytes = terminal::read_all(file, MAX_LENGTH, &name)?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(format!("{name} is not UTF-8"))
        }
    }
}
