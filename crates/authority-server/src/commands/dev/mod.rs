//! `serve --dev`: runs a service that needs only a folder.

mod banner;
mod make;
mod started;

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;

use private_files::{Access, Folder, Readers, is_of_folder};
use zeroize::Zeroizing;

use super::print_error;
use crate::config::Config;
use authority::Sharing;
use banner::Banner;
pub(super) use started::Started;

const CONFIG: &str = "pims-authority.toml";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "certificate.key";
const TOKEN: &str = "demo.token";
const OPERATOR: &str = "operator.token";
const OUTBOX: &str = "sms-outbox.jsonl";

/// The environment variable of the key `files.allow_shared_folders`. It is needed before there is a
/// configuration.
const ALLOW_SHARED_FOLDERS: &str = "PIMS_AUTHORITY_FILES_ALLOW_SHARED_FOLDERS";

/// The account of a service for development.
const ACCOUNT: &str = "demo";

/// Makes the missing files of the folder, and reads its configuration.
pub(super) fn prepare(folder: &Path, port: u16) -> Result<Config, String> {
    let with_hint = |error: std::io::Error| {
        let hint = if is_of_folder(&error) {
            format!("; or allow it with {ALLOW_SHARED_FOLDERS}=true")
        } else {
            String::new()
        };
        format!("{}: {error}{hint}", folder.display())
    };
    let shared = std::env::var(ALLOW_SHARED_FOLDERS).ok();
    let sharing = Sharing::allowed(shared.as_deref() == Some("true"));
    let folder = Folder::create(folder, sharing).map_err(with_hint)?;
    if !folder.exists(CONFIG).map_err(with_hint)? {
        make::make_files(&folder, port).map_err(|message| format!("{}: {message}", folder.path().display()))?;
    }
    let file = folder.file(CONFIG);
    let text = read(&folder).map_err(|error| format!("{}: {error}", file.display()))?;
    let text = complete(&folder, text, port);
    let listen = (port != 0).then(|| ("PIMS_AUTHORITY_LISTEN_ADDRESS".to_owned(), format!("127.0.0.1:{port}")));
    let shared = shared.map(|value| (ALLOW_SHARED_FOLDERS.to_owned(), value));
    let development = ("PIMS_AUTHORITY_DEVELOPMENT".to_owned(), "true".to_owned());
    let overrides = listen.into_iter().chain(shared).chain([development]);
    let mut config = Config::read(&text, overrides, &folder.real_path().join(CONFIG)).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        format!("{}: {}", file.display(), lines.join("; "))
    })?;
    make::outbox(&folder)?;
    if let Some(admin) = &mut config.admin {
        // The user did not choose this port, so another program may use it.
        let taken = TcpListener::bind(admin.address);
        if taken.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse) {
            admin.address.set_port(0);
        }
    }
    Ok(config)
}

/// Adds the files and sections that an earlier release did not write. If the folder cannot be
/// changed, the service keeps the additions in memory.
fn complete(folder: &Folder, text: Zeroizing<String>, port: u16) -> Zeroizing<String> {
    let completed = make::with_missing_sections(&text, port).map(Zeroizing::new);
    let text = completed.as_ref().unwrap_or(&text);
    let mut done = Ok(());
    // A token file that another user put there is refused when the configuration is read.
    if text.contains(OPERATOR) && folder.exists(OPERATOR).is_ok_and(|exists| !exists) {
        done = make::operator(folder);
    }
    if let Some(text) = &completed {
        done = done.and_then(|()| make::write(folder, CONFIG, text.as_bytes()));
    }
    if let Err(message) = done {
        print_error(&format!("warning: the folder of an earlier release could not be brought up to date: {message}"));
    }
    text.clone()
}

/// Reads the configuration in the folder. A file that another user put there is refused.
fn read(folder: &Folder) -> std::io::Result<Zeroizing<String>> {
    const MAX: u64 = 1 << 20;
    let file = folder.open_file(CONFIG, Access::Read, Readers::ShutOut)?;
    let mut text = Zeroizing::new(String::new());
    file.take(MAX).read_to_string(&mut text)?;
    Ok(text)
}
