//! The folder of a service for development: its certificate, keys, tokens and configuration.

use private_files::{Access, Folder};
use rcgen::{CertificateParams, KeyPair};
use time::{Duration, OffsetDateTime};
use toml_edit::{DocumentMut, Item, Table, Value, value};

use super::{ACCOUNT, CERTIFICATE, CONFIG, KEY, OPERATOR, OUTBOX, TOKEN};
use authority::{MasterKey, random};

/// Makes the files of a service for development.
pub(super) fn make_files(folder: &Folder, port: u16) -> Result<(), String> {
    let to_text = |error: &dyn std::fmt::Display| error.to_string();
    certificate(folder)?;
    MasterKey::load_or_create_in(folder.real_path().join("authority.key"), folder.sharing())
        .map_err(|error| to_text(&error))?;
    let token = random::token().map_err(|error| to_text(&error))?;
    write(folder, TOKEN, token.as_bytes())?;
    operator(folder)?;
    // The configuration is written last: if it exists, all files exist.
    let text = format!(
        "# A service for development. `pims-authority check --keys` lists every key.
development = true

[listen]
address = \"127.0.0.1:{port}\"
certificate_file = \"{CERTIFICATE}\"
key_file = \"{KEY}\"

# The API for operators, and /metrics.
[admin]
address = \"127.0.0.1:{operators}\"
token_file = \"{OPERATOR}\"

[database]
url = \"sqlite:authority.db\"

[master_key]
hex_file = \"authority.key\"

[tokens.static]
{ACCOUNT} = \"{token}\"

[access_tokens]
issuer = \"https://localhost\"
audience = \"{ACCOUNT}\"

[sms]
gateway = \"outbox\"
outbox_file = \"{OUTBOX}\"

# Public clients send no token with an activation: codes have ten letters.
[activation]
proof = \"open\"

# The PINs of examples are common ones, and come again.
[pin]
denied = false
history = 0

# A developer asks for many codes. Some public clients take keys of 1024 bits only.
[policy]
codes_per_hour = 100
codes_per_day = 1000
device_key_bits = 1024
[limits]
codes_per_number_and_hour = 1000
sms_per_minute = 100000
sms_per_day = 100000
sms_per_prefix_and_hour = 100000

[relying_parties.services]
{ACCOUNT} = {{ open = true }}

# Nothing here is worth a lock, and few shells permit one.
[process]
lock_memory = \"no\"
",
        token = *token,
        operators = operators_port(port),
    );
    write(folder, CONFIG, text.as_bytes())
}

/// Adds the sections that an earlier release did not write. Returns `None` if the configuration has
/// them all.
pub(super) fn with_missing_sections(text: &str, port: u16) -> Option<String> {
    // A text that is not TOML is reported later, when the configuration is read.
    let mut document: DocumentMut = text.parse().ok()?;
    let operators = format!("127.0.0.1:{}", operators_port(port));
    let sections: [(&str, &[(&str, Value)]); 3] = [
        ("admin", &[("address", operators.into()), ("token_file", OPERATOR.into())]),
        ("activation", &[("proof", "open".into())]),
        ("pin", &[("denied", false.into()), ("history", 0.into())]),
    ];
    let mut changed = false;
    if !document.contains_key("development") {
        document.insert("development", value(true));
        changed = true;
    }
    for (name, keys) in sections {
        if document.contains_key(name) {
            continue;
        }
        let mut section = Table::new();
        section.decor_mut().set_prefix("\n");
        for (key, of) in keys {
            section.insert(key, value(of.clone()));
        }
        document.insert(name, Item::Table(section));
        changed = true;
    }
    changed.then(|| document.to_string())
}

/// Returns the operators' port for a public port. The next port is often in use by another service.
fn operators_port(port: u16) -> u16 {
    port_at(port, 1000)
}

/// Returns the port at a distance from the public one, or 0 for any free port.
pub(super) fn port_at(port: u16, distance: u16) -> u16 {
    if port == 0 { 0 } else { port.checked_add(distance).unwrap_or(0) }
}

/// Makes the operators' token.
pub(super) fn operator(folder: &Folder) -> Result<(), String> {
    let token = random::token().map_err(|error| error.to_string())?;
    write(folder, OPERATOR, token.as_bytes())
}

/// Makes the file for SMS, if it is missing: then `tail` works before the first SMS.
pub(super) fn outbox(folder: &Folder) -> Result<(), String> {
    match folder.create_new(OUTBOX, Access::Write) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(format!("{}: {error}", folder.file(OUTBOX).display()))
        }
        _ => Ok(()),
    }
}

/// Makes a self-signed certificate for this machine, valid for a year.
fn certificate(folder: &Folder) -> Result<(), String> {
    let to_text = |error: rcgen::Error| error.to_string();
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let mut params = CertificateParams::new(names).map_err(to_text)?;
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(365);
    let key = KeyPair::generate().map_err(to_text)?;
    let certificate = params.self_signed(&key).map_err(to_text)?;
    write(folder, KEY, key.serialize_pem().as_bytes())?;
    write(folder, CERTIFICATE, certificate.pem().as_bytes())
}

pub(super) fn write(folder: &Folder, name: &str, content: &[u8]) -> Result<(), String> {
    let written = folder.write_temporary(name, content).and_then(|temporary| temporary.replace());
    written.map_err(|error| format!("{}: {error}", folder.file(name).display()))
}
