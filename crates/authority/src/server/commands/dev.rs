//! `serve --dev`: a service that needs nothing but a folder.

use std::io::{Read, Write};
use std::path::Path;

use pims_private_files::{Access, Folder, Readers, is_of_folder};
use rcgen::{CertificateParams, KeyPair};
use time::{Duration, OffsetDateTime};

use crate::random;
use crate::server::config::Config;
use crate::{MasterKey, Sharing};

const CONFIG: &str = "pims-authority.toml";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "certificate.key";
const TOKEN: &str = "demo.token";
const OUTBOX: &str = "sms-outbox.jsonl";

/// The variable that is the key `files.allow_shared_folders`: needed before there is a configuration.
const ALLOW_SHARED_FOLDERS: &str = "PIMS_AUTHORITY_FILES_ALLOW_SHARED_FOLDERS";

/// The account of a service for development.
const ACCOUNT: &str = "demo";

/// Makes what the folder lacks, and reads the configuration in it.
pub(super) fn prepare(folder: &Path, port: u16) -> Result<Config, String> {
    let told = |error: std::io::Error| {
        let hint = if is_of_folder(&error) {
            format!("; or allow it with {ALLOW_SHARED_FOLDERS}=true")
        } else {
            String::new()
        };
        format!("{}: {error}{hint}", folder.display())
    };
    let shared = std::env::var(ALLOW_SHARED_FOLDERS).ok();
    let sharing = Sharing::allowed(shared.as_deref() == Some("true"));
    let folder = Folder::create(folder, sharing).map_err(told)?;
    if !folder.exists(CONFIG).map_err(told)? {
        make(&folder, port).map_err(|what| format!("{}: {what}", folder.path().display()))?;
    }
    let listen = (port != 0).then(|| ("PIMS_AUTHORITY_LISTEN_ADDRESS".to_owned(), format!("127.0.0.1:{port}")));
    let shared = shared.map(|value| (ALLOW_SHARED_FOLDERS.to_owned(), value));
    // A folder of an earlier release says nothing of these.
    let development = ("PIMS_AUTHORITY_DEVELOPMENT".to_owned(), "true".to_owned());
    let config = folder.file(CONFIG).display().to_string();
    let text = read(&folder).map_err(|error| format!("{config}: {error}"))?;
    let lacks = |section: &str| !text.lines().any(|line| line.trim() == section);
    let usual =
        [("[activation]", "ACTIVATION_PROOF", "open"), ("[pin]", "PIN_DENIED", "false"), ("[pin]", "PIN_HISTORY", "0")];
    let usual = usual.into_iter().filter(|(section, ..)| lacks(section));
    let usual = usual.map(|(_, name, value)| (format!("PIMS_AUTHORITY_{name}"), value.to_owned()));
    let overrides = listen.into_iter().chain(shared).chain([development]).chain(usual);
    Config::read(&text, overrides, folder.real_path()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        format!("{config}: {}", lines.join("; "))
    })
}

/// The configuration in the folder. One that another user put there is not believed.
fn read(folder: &Folder) -> std::io::Result<zeroize::Zeroizing<String>> {
    const MAX: u64 = 1 << 20;
    let file = folder.open_file(CONFIG, Access::Read, Readers::ShutOut)?;
    let mut text = zeroize::Zeroizing::new(String::new());
    file.take(MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// What a person needs to go on.
pub(super) fn tell(folder: &Path, address: std::net::SocketAddr, tls: bool) -> Result<(), String> {
    let folder = folder.canonicalize().map_err(|error| error.to_string())?;
    println!(
        "pims-authority for development
  service      {scheme}://localhost:{port}
  account      {ACCOUNT}, its token is in {token}
  certificate  {certificate}
  SMS          {outbox}
Give libpims this configuration, with the token as account.accessToken:
  {{\"credential\":{{\"inWeboURL\":\"{scheme}://localhost:{port}\",\"macID\":\"0123456789abcdef0123456789abcdef\",
    \"clientId\":\"demo\",\"clientSecret\":\"demo\",\"caFile\":\"{certificate}\"}}}}
It ends with Ctrl-C. What it keeps stays in {folder}.",
        scheme = if tls { "https" } else { "http" },
        port = address.port(),
        token = folder.join(TOKEN).display(),
        certificate = folder.join(CERTIFICATE).display(),
        outbox = folder.join(OUTBOX).display(),
        folder = folder.display(),
    );
    std::io::stdout().flush().map_err(|error| error.to_string())
}

fn make(folder: &Folder, port: u16) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    certificate(folder)?;
    MasterKey::load_or_create_in(folder.real_path().join("authority.key"), folder.sharing())
        .map_err(|error| told(&error))?;
    let token = random::token().map_err(|error| told(&error))?;
    write(folder, TOKEN, token.as_bytes())?;
    // The configuration is last: where it is, everything is.
    let text = format!(
        "# A service for development. `pims-authority check --keys` lists every key.
development = true

[listen]
address = \"127.0.0.1:{port}\"
certificate_file = \"{CERTIFICATE}\"
key_file = \"{KEY}\"

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

# Whoever tries things out asks for many codes.
[policy]
codes_per_hour = 100
codes_per_day = 1000
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
        token = *token
    );
    write(folder, CONFIG, text.as_bytes())
}

/// A certificate for this machine, good for a year, that signs itself.
fn certificate(folder: &Folder) -> Result<(), String> {
    let told = |error: rcgen::Error| error.to_string();
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let mut params = CertificateParams::new(names).map_err(told)?;
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(365);
    let key = KeyPair::generate().map_err(told)?;
    let certificate = params.self_signed(&key).map_err(told)?;
    write(folder, KEY, key.serialize_pem().as_bytes())?;
    write(folder, CERTIFICATE, certificate.pem().as_bytes())
}

fn write(folder: &Folder, name: &str, content: &[u8]) -> Result<(), String> {
    let written = folder.write_temporary(name, content).and_then(|temporary| temporary.replace());
    written.map_err(|error| format!("{}: {error}", folder.file(name).display()))
}
