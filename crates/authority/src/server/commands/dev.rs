//! `serve --dev`: a service that needs nothing but a folder.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use time::{Duration, OffsetDateTime};

use crate::MasterKey;
use crate::random;
use crate::server::config::Config;
use crate::sms::owner_only;

const CONFIG: &str = "pims-authority.toml";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "certificate.key";
const TOKEN: &str = "demo.token";
const OUTBOX: &str = "sms-outbox.jsonl";

/// The account of a service for development.
const ACCOUNT: &str = "demo";

/// Makes what the folder lacks, and reads the configuration in it.
pub(super) fn prepare(folder: &Path, port: u16) -> Result<Config, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(told)?;
    let folder = folder.canonicalize().map_err(told)?;
    let config = folder.join(CONFIG);
    if !config.exists() {
        make(&folder, port).map_err(|what| format!("{}: {what}", folder.display()))?;
    }
    let text = zeroize::Zeroizing::new(fs::read_to_string(&config).map_err(told)?);
    let address = (port != 0).then(|| ("PIMS_AUTHORITY_LISTEN_ADDRESS".to_owned(), format!("127.0.0.1:{port}")));
    // A folder of an earlier release says nothing of it.
    let says_proof = text.lines().any(|line| line.trim() == "[activation]");
    let proof = (!says_proof).then(|| ("PIMS_AUTHORITY_ACTIVATION_PROOF".to_owned(), "open".to_owned()));
    let overrides = address.into_iter().chain(proof);
    Config::read(&text, false, overrides, &folder).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        format!("{}: {}", config.display(), lines.join("; "))
    })
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

fn make(folder: &Path, port: u16) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    certificate(folder)?;
    MasterKey::load_or_create(folder.join("authority.key")).map_err(|error| told(&error))?;
    let token = random::token().map_err(|error| told(&error))?;
    write(folder, TOKEN, token.as_bytes())?;
    // The configuration is last: where it is, everything is.
    let text = format!(
        "# A service for development. `pims-authority check --keys` lists every key.
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

# Whoever tries things out asks for many codes.
[policy]
codes_per_hour = 100
codes_per_day = 1000
[limits]
codes_per_number_and_hour = 1000

[relying_parties.services]
{ACCOUNT} = {{ open = true }}
",
        token = *token
    );
    write(folder, CONFIG, text.as_bytes())
}

/// A certificate for this machine, good for a year, that signs itself.
fn certificate(folder: &Path) -> Result<(), String> {
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

fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), String> {
    let path = folder.join(name);
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = owner_only(OpenOptions::new().write(true).create(true).truncate(true)).open(&path).map_err(told)?;
    file.write_all(content).map_err(told)
}
