//! The sections of the configuration, one function each: what they mean, and which of them do not go together.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::access::refuse_unguarded;
use super::key_command;
use super::operators::WEAK;
use super::reader::Reader;
use super::sms_rules;
use super::source::Value;
use super::stage;
use super::tokens::tokens;
use super::{
    AccessTokens, Address, Config, Limits, Listen, Log, RelyingParty, Secret, Signature, Sms, Stage, TlsFiles, Webhook,
};
use crate::hardening::LockMemory;
use pims_authority::{
    ActivationProof, ClonePolicy, CodeLetters, KeyRing, KeySize, MasterKey, Policy, Sharing, SmsRetry, SqliteFile,
};

/// The shortest tokens for development that are taken.
pub(super) const MIN_TOKEN: usize = 16;

/// All of them. `None` only where there is a problem.
pub(super) fn config(reader: &mut Reader) -> Option<Config> {
    // Each is read, so that all problems are told at once.
    let stage = stage::stage(reader);
    let listen = listen(reader);
    let admin = super::operators::admin(reader);
    let database = database(reader);
    let master_key = master_key(reader);
    let activation_proof = activation_proof(reader);
    let policy = policy(reader, activation_proof);
    let tokens = tokens(reader);
    let access_tokens = access_tokens(reader);
    let sms = sms(reader);
    let shows_text = match &sms {
        Some(Sms::Webhook(webhook)) => webhook.template.to_string().contains("{text}"),
        Some(Sms::Outbox(..)) | None => true,
    };
    let policy = Policy { sms: Arc::new(sms_rules::read(reader, shows_text)), ..policy };
    let sms_retry = sms_retry(reader);
    let limits = limits(reader);
    let relying_parties = relying_parties(reader);
    let keep_days = reader.number("housekeeping.keep_days", 400, 0..=36_500);
    match stage {
        Stage::Production => stage::refuse_development(reader, &tokens, sms.as_ref(), &relying_parties),
        Stage::Development => {
            stage::refuse_production(reader, listen.as_ref(), admin.as_ref(), database.as_ref(), &tokens);
        }
    }
    Some(Config {
        stage,
        listen: listen?,
        admin,
        database: database?,
        master_key: master_key?,
        policy,
        tokens,
        access_tokens,
        sms: sms?,
        sms_retry,
        limits,
        relying_parties,
        keep_days: (keep_days > 0).then_some(keep_days),
        lock_memory: lock_memory(reader),
        log: log(reader),
    })
}

pub(super) fn listen(reader: &mut Reader) -> Option<Listen> {
    if !reader.has("listen.address") {
        reader.problem("listen.address", "is missing");
    }
    let address = reader.address("listen.address");
    let tls = tls(reader, "listen", address);
    let mut trusted_proxies = Vec::new();
    for proxy in reader.list("listen.trusted_proxies").unwrap_or_default() {
        match proxy.parse::<IpAddr>() {
            Ok(address) => trusted_proxies.push(address.to_canonical()),
            Err(_) => reader.problem("listen.trusted_proxies", format!("`{proxy}` is no address")),
        }
    }
    Some(Listen { address: address?, tls, trusted_proxies })
}

/// The TLS of a listener. Without it, it must be on a loopback address.
pub(super) fn tls(reader: &mut Reader, section: &str, address: Option<SocketAddr>) -> Option<TlsFiles> {
    let (certificate_key, key_key) = (format!("{section}.certificate_file"), format!("{section}.key_file"));
    let (certificate, key) = (reader.path(&certificate_key), reader.path(&key_key));
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            reader.readable(&certificate_key, &certificate);
            reader.private(&key_key, &key);
            Some(TlsFiles { certificate, key, client_ca: None })
        }
        (None, None) => {
            if address.is_some_and(|address| !address.ip().to_canonical().is_loopback()) {
                reader.problem(
                    &format!("{section}.address"),
                    format!("plain HTTP is for loopback addresses; give {certificate_key} and {key_key}"),
                );
            }
            None
        }
        (Some(_), None) => {
            reader.problem(&key_key, format!("is missing beside {certificate_key}"));
            None
        }
        (None, Some(_)) => {
            reader.problem(&certificate_key, format!("is missing beside {key_key}"));
            None
        }
    }
}

fn database(reader: &mut Reader) -> Option<Address> {
    let connections = reader.number("database.connections", 8, 1..=1000);
    let statement_timeout = reader.seconds("database.statement_timeout_seconds", 10, 1..=600);
    let Some(url) = reader.perhaps_secret("database.url") else {
        if !reader.has("database.url") && !reader.has("database.url_file") {
            reader.problem("database.url", "is missing");
        }
        return None;
    };
    if let Some(file) = url.reveal().strip_prefix("sqlite:").filter(|file| !file.is_empty()) {
        let path = reader.folder().join(file);
        return Some(Address::Sqlite(SqliteFile { path, sharing: sharing(reader) }));
    }
    if url.reveal().starts_with("postgres://") || url.reveal().starts_with("postgresql://") {
        let address: Result<postgres::Config, _> = url.reveal().parse();
        if address.is_ok_and(|address| address.get_password().is_some()) {
            reader.secret_is_here("database.url");
        }
        return Some(Address::Postgres { url, connections, statement_timeout });
    }
    reader.problem("database.url", "must be sqlite:path or postgres://user@host:port/database");
    None
}

fn master_key(reader: &mut Reader) -> Option<KeyRing> {
    let id = reader.number("master_key.id", 1, 1..=i64::from(u32::MAX));
    let timeout = reader.seconds("master_key.command_timeout_seconds", 30, 1..=600);
    let current = master_key_of(reader, id, timeout);
    let mut ring = current.map(KeyRing::new);
    for other in reader.tables("master_key.others") {
        let Some((id, key)) = other_key(reader, &other, timeout) else {
            let forms = "{ id = a number, file = \"a file\" } or { id = a number, command = [\"a program\", …] }";
            reader.problem("master_key.others", format!("each must be {forms}"));
            continue;
        };
        match key {
            Err(what) => reader.problem("master_key.others", what),
            Ok(key) => match ring.take() {
                None => {}
                Some(known) => match known.with(key) {
                    Some(more) => ring = Some(more),
                    None => reader.problem("master_key.others", format!("the number {id} is another key's already")),
                },
            },
        }
    }
    ring
}

fn master_key_of(reader: &mut Reader, id: u32, timeout: Duration) -> Option<MasterKey> {
    const HEX: &str = "master_key.hex";
    const HEX_FILE: &str = "master_key.hex_file";
    const COMMAND: &str = "master_key.command";
    let given: Vec<&str> = [HEX, HEX_FILE, COMMAND].into_iter().filter(|key| reader.has(key)).collect();
    if let [first, second, ..] = given[..] {
        reader.problem(second, format!("{first} is given, too: one of them must go"));
        return None;
    }
    if reader.has(HEX) {
        let secret = reader.secret(HEX)?;
        let key = MasterKey::from_hex(id, secret.reveal());
        if key.is_none() {
            reader.problem(HEX, "must be 64 hex digits");
        }
        return key;
    }
    if let Some(command) = reader.list(COMMAND) {
        let key = key_command::master_key(id, &command, reader.folder(), timeout);
        return key.map_err(|what| reader.problem(COMMAND, what)).ok();
    }
    let Some(file) = reader.path(HEX_FILE) else {
        reader.problem(HEX_FILE, "is missing; make a key with: (umask 077; openssl rand -hex 32 > authority.key)");
        return None;
    };
    load_key(&file, id).map_err(|error| reader.problem(HEX_FILE, format!("{}: {error}", file.display()))).ok()
}

/// Returns a key that only opens. `None`: the entry has another form.
fn other_key(
    reader: &Reader,
    entry: &[(String, Value)],
    timeout: Duration,
) -> Option<(u32, Result<MasterKey, String>)> {
    let (mut id, mut file, mut command) = (None, None, None);
    for (name, value) in entry {
        match (name.as_str(), value) {
            ("id", Value::Number(number)) => id = u32::try_from(*number).ok(),
            ("file", Value::Text(text)) => file = Some(reader.folder().join(text.as_str())),
            ("command", Value::List(values)) => command = Some(texts(values)?),
            _ => return None,
        }
    }
    let id = id?;
    let key = match (file, command) {
        (Some(file), None) => load_key(&file, id).map_err(|error| format!("{}: {error}", file.display())),
        (None, Some(command)) => key_command::master_key(id, &command, reader.folder(), timeout),
        _ => return None,
    };
    Some((id, key))
}

/// Returns the texts of a list; `None` where there is something else in it.
fn texts(values: &[Value]) -> Option<Vec<String>> {
    let text = |value: &Value| if let Value::Text(text) = value { Some(text.as_str().to_owned()) } else { None };
    values.iter().map(text).collect()
}

/// The key in a file that is its owner's alone, or that systemd handed to this service alone (`LoadCredential=`).
fn load_key(file: &Path, id: u32) -> std::io::Result<MasterKey> {
    refuse_unguarded(&std::fs::File::open(file)?)
        .map_err(|why| std::io::Error::new(std::io::ErrorKind::PermissionDenied, why))?;
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    match credentials.is_some_and(|folder| file.parent() == Some(Path::new(&folder))) {
        true => MasterKey::load_credential(file, id),
        false => MasterKey::load(file, id),
    }
}

/// What an activation must show. Codes of an open one cannot be short: their number of letters has a type of its own.
fn activation_proof(reader: &mut Reader) -> ActivationProof {
    const PROOF: &str = "activation.proof";
    const LETTERS: &str = "activation.code_letters";
    let (fewest, most) = (CodeLetters::MIN.get() as i64, CodeLetters::MAX.get() as i64);
    let letters = reader.number(LETTERS, CodeLetters::default().get(), fewest..=most);
    let open = ActivationProof::Open(CodeLetters::try_from(letters).unwrap_or_default());
    let words = [("token", ActivationProof::Token), ("ticket", ActivationProof::Ticket), ("open", open)];
    let proof = reader.choice(PROOF, ActivationProof::default(), &words);
    if proof == open && reader.has("policy.code_digits") {
        reader.problem(
            "policy.code_digits",
            "must go: activation.proof is `open`, and codes have letters there (activation.code_letters)",
        );
    }
    if proof != open && reader.has(LETTERS) {
        reader.problem(LETTERS, "must go: codes have letters only where activation.proof is `open`");
    }
    proof
}

fn policy(reader: &mut Reader, activation_proof: ActivationProof) -> Policy {
    const COUNT: std::ops::RangeInclusive<i64> = 1..=1_000_000;
    const TIME: std::ops::RangeInclusive<i64> = 1..=31_536_000;
    let usual = Policy::default();
    Policy {
        pin_min_length: reader.number("policy.pin_min_length", usual.pin_min_length, 4..=8),
        max_pin_tries: reader.number("policy.max_pin_tries", usual.max_pin_tries, COUNT),
        activation_proof,
        pin_budget: reader.number("pin.budget", usual.pin_budget, COUNT),
        // The library leaves both to its host: the PIN of the reference's examples is a common one.
        pin_denied: reader.flag("pin.denied", true),
        pin_history: reader.number("pin.history", 5_u32, 0..=100),
        code_digits: reader.number("policy.code_digits", usual.code_digits, 4..=12),
        code_lifetime_seconds: reader.number("policy.code_lifetime_seconds", usual.code_lifetime_seconds, TIME),
        code_tries: reader.number("policy.code_tries", usual.code_tries, COUNT),
        codes_per_hour: reader.number("policy.codes_per_hour", usual.codes_per_hour, COUNT),
        codes_per_day: reader.number("policy.codes_per_day", usual.codes_per_day, COUNT),
        number_cooling_seconds: {
            let usual = if sms_rules::is_production(reader) { sms_rules::COOLING_SECONDS } else { 0 };
            reader.number("policy.number_cooling_seconds", usual, 0..=2_592_000)
        },
        max_devices: reader.number("policy.max_devices", usual.max_devices, COUNT),
        setup_lifetime_seconds: reader.number("policy.setup_lifetime_seconds", usual.setup_lifetime_seconds, TIME),
        otp_lifetime_seconds: reader.number("policy.otp_lifetime_seconds", usual.otp_lifetime_seconds, TIME),
        otps_per_device_and_day: reader
            .has("policy.otps_per_device_and_day")
            .then(|| reader.number("policy.otps_per_device_and_day", 1, COUNT)),
        otp_without_pin: reader.flag("policy.otp_without_pin", usual.otp_without_pin),
        evolve_k1_every: reader.number("policy.evolve_k1_every", usual.evolve_k1_every, 0..=1_000_000),
        refresh_token_lifetime_seconds: reader.number(
            "policy.refresh_token_lifetime_seconds",
            usual.refresh_token_lifetime_seconds,
            TIME,
        ),
        refresh_token_most_seconds: reader.number(
            "policy.refresh_token_most_seconds",
            usual.refresh_token_most_seconds,
            1..=315_360_000,
        ),
        clone: reader.choice(
            "policy.clone",
            usual.clone,
            &[("report", ClonePolicy::Report), ("suspend", ClonePolicy::Suspend)],
        ),
        device_key_bits: device_key_bits(reader),
        sms: usual.sms,
    }
}

fn device_key_bits(reader: &mut Reader) -> KeySize {
    const KEY: &str = "policy.device_key_bits";
    let bits = reader.number(KEY, 2048_u32, 1024..=2048);
    KeySize::try_from(bits).unwrap_or_else(|what| {
        reader.problem(KEY, what);
        KeySize::default()
    })
}

/// A URL that secrets may be sent to: https, or http on this machine.
pub(super) fn url_of(reader: &mut Reader, key: &str, url: String) -> Option<String> {
    let parsed = url.parse::<axum::http::Uri>().ok();
    let host = parsed.as_ref().and_then(|url| url.host()).unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    match parsed.as_ref().and_then(|url| url.scheme_str()) {
        Some("https") if !host.is_empty() => Some(url),
        Some("http") if loopback => Some(url),
        _ => {
            reader.problem(key, "must be an https URL, or http on a loopback address");
            None
        }
    }
}

fn access_tokens(reader: &mut Reader) -> Option<AccessTokens> {
    let words = [("EdDSA", Signature::EdDsa), ("ES256", Signature::Es256)];
    let algorithm = reader.choice("access_tokens.algorithm", Signature::EdDsa, &words);
    let lifetime = reader.seconds("access_tokens.lifetime_seconds", 300, 10..=86_400);
    let generation = reader.number("access_tokens.key_generation", 1, 1..=100_000);
    if !reader.has("access_tokens.issuer") {
        return None;
    }
    let issuer = reader.text("access_tokens.issuer");
    let audience = reader.required("access_tokens.audience");
    Some(AccessTokens { issuer: issuer?, audience: audience?, lifetime, algorithm, generation })
}

/// Whether others may be able to write to the folders of the files that the service makes.
fn sharing(reader: &Reader) -> Sharing {
    Sharing::allowed(reader.flag("files.allow_shared_folders", false))
}

fn sms(reader: &mut Reader) -> Option<Sms> {
    if !reader.has("sms.gateway") {
        reader.problem("sms.gateway", "is missing: `webhook`, or `outbox` for development");
        return None;
    }
    if reader.choice("sms.gateway", false, &[("outbox", false), ("webhook", true)]) {
        return webhook(reader).map(Sms::Webhook);
    }
    let file = reader.path("sms.outbox_file");
    if file.is_none() && !reader.has("sms.outbox_file") {
        reader.problem("sms.outbox_file", "is missing");
    }
    let sharing = sharing(reader);
    file.map(|file| Sms::Outbox(file, sharing))
}

fn webhook(reader: &mut Reader) -> Option<Webhook> {
    const TEMPLATE: &str = r#"{"to":"{to}","text":"{text}","id":"{id}"}"#;
    let url = reader.required("sms.webhook_url").and_then(|url| url_of(reader, "sms.webhook_url", url));
    let template = reader.text("sms.webhook_template").unwrap_or_else(|| TEMPLATE.to_owned());
    let template = serde_json::from_str::<serde_json::Value>(&template).ok();
    if template.is_none() {
        reader.problem("sms.webhook_template", "is not JSON");
    }
    let shows = |word: &str| template.as_ref().is_none_or(|template| template.to_string().contains(word));
    if !shows("{to}") || !(shows("{text}") || shows("{code}")) {
        reader.problem("sms.webhook_template", "must have {to}, and {text} or {code}");
    }
    let timeout = reader.seconds("sms.webhook_timeout_seconds", 10, 1..=30);
    let ca_file = reader.path("sms.webhook_ca_file");
    if let Some(file) = &ca_file {
        reader.readable("sms.webhook_ca_file", file);
    }
    let headers = headers(reader);
    Some(Webhook { url: url?, template: template?, timeout, headers, ca_file })
}

fn headers(reader: &mut Reader) -> Vec<(String, Secret)> {
    const KEY: &str = "sms.webhook_headers";
    let mut headers = Vec::new();
    for (name, value) in reader.table(KEY) {
        let secret = match value {
            Value::Text(text) => {
                reader.secret_is_here(KEY);
                Some(Secret::new(text))
            }
            Value::Table(entry) => match &entry[..] {
                [(word, Value::Text(file))] if word == "file" => reader.secret_in(KEY, file.as_str().as_ref()),
                _ => {
                    reader.problem(KEY, format!("`{name}` must be a text or {{ file = \"…\" }}"));
                    None
                }
            },
            _ => None,
        };
        let Some(secret) = secret else { continue };
        let named = axum::http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if named && axum::http::HeaderValue::from_str(secret.reveal()).is_ok() {
            headers.push((name, secret));
        } else {
            reader.problem(KEY, format!("`{name}` is not a header, or its value cannot be one"));
        }
    }
    headers
}

fn sms_retry(reader: &mut Reader) -> Option<SmsRetry> {
    let usual = SmsRetry::default();
    let retry = SmsRetry {
        attempts: reader.number("sms.retry_attempts", usual.attempts, 1..=100),
        first_delay: reader.seconds("sms.retry_first_delay_seconds", usual.first_delay.as_secs(), 1..=3600),
        max_queue: reader.number("sms.retry_max_queue", usual.max_queue, 1..=10_000_000),
    };
    (retry.attempts > 1).then_some(retry)
}

fn limits(reader: &mut Reader) -> Limits {
    const SIZE: std::ops::RangeInclusive<i64> = 1024..=1_048_576;
    const RATE: std::ops::RangeInclusive<i64> = 1..=10_000_000;
    Limits {
        body_bytes: reader.number("limits.body_bytes", 16 * 1024, SIZE),
        // Less than that hyper does not take.
        header_bytes: reader.number("limits.header_bytes", 32 * 1024, 8192..=1_048_576),
        query_bytes: reader.number("limits.query_bytes", 16 * 1024, SIZE),
        header_timeout: reader.seconds("limits.header_timeout_seconds", 10, 1..=300),
        request_timeout: reader.seconds("limits.request_timeout_seconds", 45, 1..=300),
        connections: reader.number("limits.connections", 2048, 1..=1_000_000),
        connections_per_address: reader.number("limits.connections_per_address", 256, 1..=1_000_000),
        write_timeout: reader.seconds("limits.write_timeout_seconds", 10, 1..=300),
        steps: reader.number("limits.steps", 16, 1..=1000),
        address_per_minute: reader.number("limits.address_per_minute", 600, RATE),
        account_per_minute: reader.number("limits.account_per_minute", 60, RATE),
        wrong_codes_per_address_and_minute: reader.number("limits.wrong_codes_per_address_and_minute", 6, RATE),
        wrong_codes_per_minute: reader.number("limits.wrong_codes_per_minute", 60, RATE),
        wrong_otps_per_account_and_minute: reader.number("limits.wrong_otps_per_account_and_minute", 10, RATE),
        wrong_otps_per_address_and_minute: reader.number("limits.wrong_otps_per_address_and_minute", 60, RATE),
        refused_finalize_per_address_and_minute: reader.number(
            "limits.refused_finalize_per_address_and_minute",
            60,
            RATE,
        ),
        party_per_minute: reader.number("limits.party_per_minute", 6000, RATE),
        codes_per_number_and_hour: reader.number("limits.codes_per_number_and_hour", 10, RATE),
        unknown_operators_per_minute: reader.number("limits.unknown_operators_per_minute", 10, RATE),
        drain: reader.seconds("limits.drain_seconds", 20, 0..=300),
    }
}

fn relying_parties(reader: &mut Reader) -> BTreeMap<String, RelyingParty> {
    const KEY: &str = "relying_parties.services";
    let mut parties = BTreeMap::new();
    for (service, value) in reader.table(KEY) {
        let Value::Table(entry) = value else {
            reader.problem(KEY, format!("`{service}` must be {{ token_file = \"…\" }}"));
            continue;
        };
        let token = match &entry[..] {
            [(word, Value::Flag(true))] if word == "open" => None,
            [(word, Value::Text(token))] if word == "token" => {
                reader.secret_is_here(KEY);
                Some(Secret::new(token.clone()))
            }
            [(word, Value::Text(file))] if word == "token_file" => {
                match reader.secret_in(KEY, file.as_str().as_ref()) {
                    Some(secret) => Some(secret),
                    None => continue,
                }
            }
            _ => {
                reader.problem(KEY, format!("`{service}` must be {{ token_file = \"…\" }} or {{ open = true }}"));
                continue;
            }
        };
        if token.as_ref().is_some_and(|token| !token.is_strong()) {
            reader.problem(KEY, format!("the token of `{service}` {WEAK}"));
        }
        parties.insert(service, RelyingParty { token });
    }
    parties
}

fn lock_memory(reader: &mut Reader) -> LockMemory {
    let words = [("try", LockMemory::Try), ("required", LockMemory::Required), ("no", LockMemory::No)];
    reader.choice("process.lock_memory", LockMemory::Try, &words)
}

fn log(reader: &mut Reader) -> Log {
    use tracing::Level;
    let levels = [("error", Level::ERROR), ("warn", Level::WARN), ("info", Level::INFO), ("debug", Level::DEBUG)];
    Log {
        level: reader.choice("log.level", Level::INFO, &levels),
        json: reader.choice("log.format", false, &[("text", false), ("json", true)]),
    }
}
