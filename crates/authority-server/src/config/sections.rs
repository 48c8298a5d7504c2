//! The sections of the configuration, one function each: their meanings, and the settings that
//! exclude each other.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::access::refuse_unprotected;
use super::endpoints::{tls, url_of};
use super::key_command;
use super::reader::Reader;
use super::secret::WEAK;
use super::sms_rules;
use super::source::Value;
use super::stage;
use super::tokens::tokens;
use super::{AccessTokens, Address, Config, Limits, Listen, Log, RelyingParty, Secret, Signature, Sms, Stage, Webhook};
use crate::hardening::LockMemory;
use authority::{
    ActivationProof, ClonePolicy, CodeLetters, KeyRing, KeySize, MasterKey, PinProof, Policy, Sharing, SmsRetry,
    SqliteFile,
};

/// Reads all sections. Returns `None` only if there is a problem.
pub(super) fn config(reader: &mut Reader) -> Option<Config> {
    // Each section is read, so that all problems are reported at once.
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
    let keep_days = reader.number("housekeeping.keep_days");
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

fn database(reader: &mut Reader) -> Option<Address> {
    let connections = reader.number("database.connections");
    let statement_timeout = reader.seconds("database.statement_timeout_seconds");
    let named_statements = reader.flag("database.named_statements");
    let Some(url) = reader.text_or_file("database.url") else {
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
        match authority::Postgres::new(url.reveal()).has_password() {
            Ok(true) => reader.check_secret_in_file("database.url"),
            Ok(false) => {}
            Err(error) => reader.problem("database.url", error.to_string()),
        }
        return Some(Address::Postgres { url, connections, statement_timeout, named_statements });
    }
    reader.problem("database.url", "must be sqlite:path or postgres://user@host:port/database");
    None
}

fn master_key(reader: &mut Reader) -> Option<KeyRing> {
    let id = reader.number("master_key.id");
    let timeout = reader.seconds("master_key.command_timeout_seconds");
    let current = master_key_of(reader, id, timeout);
    let mut ring = current.map(KeyRing::new);
    for other in reader.tables("master_key.others") {
        let Some((id, key)) = other_key(reader, &other, timeout) else {
            let forms = "{ id = a number, file = \"a file\" } or { id = a number, command = [\"a program\", …] }";
            reader.problem("master_key.others", format!("each must be {forms}"));
            continue;
        };
        match key {
            Err(message) => reader.problem("master_key.others", message),
            Ok(key) => match ring.take() {
                None => {}
                Some(known) => match known.with(key) {
                    Some(more) => ring = Some(more),
                    None => reader.problem("master_key.others", format!("the number {id} belongs to another key")),
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
        reader.problem(second, format!("{first} is given, too: remove one of them"));
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
        return key.map_err(|message| reader.problem(COMMAND, message)).ok();
    }
    let Some(file) = reader.path(HEX_FILE) else {
        reader.problem(HEX_FILE, "is missing; make a key with: (umask 077; openssl rand -hex 32 > authority.key)");
        return None;
    };
    load_key(&file, id).map_err(|error| reader.problem(HEX_FILE, format!("{}: {error}", file.display()))).ok()
}

/// Reads a key that only opens values. Returns `None` if the entry has another form.
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

/// Returns the texts of a list, or `None` if the list contains another value.
fn texts(values: &[Value]) -> Option<Vec<String>> {
    let text = |value: &Value| if let Value::Text(text) = value { Some(text.as_str().to_owned()) } else { None };
    values.iter().map(text).collect()
}

/// Loads the key in a file that only its owner can use, or that systemd gave to this service alone
/// (`LoadCredential=`).
fn load_key(file: &Path, id: u32) -> std::io::Result<MasterKey> {
    refuse_unprotected(&std::fs::File::open(file)?)
        .map_err(|why| std::io::Error::new(std::io::ErrorKind::PermissionDenied, why))?;
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    match credentials.is_some_and(|folder| file.parent() == Some(Path::new(&folder))) {
        true => MasterKey::load_credential(file, id),
        false => MasterKey::load(file, id),
    }
}

/// Reads the proof that an activation requires. The codes of an open activation cannot be short:
/// their number of letters has a type of its own.
fn activation_proof(reader: &mut Reader) -> ActivationProof {
    const PROOF: &str = "activation.proof";
    const LETTERS: &str = "activation.code_letters";
    let letters: usize = reader.number(LETTERS);
    let open = ActivationProof::Open(CodeLetters::try_from(letters).unwrap_or_default());
    let words = [("token", ActivationProof::Token), ("ticket", ActivationProof::Ticket), ("open", open)];
    let proof = reader.choice(PROOF, ActivationProof::default(), &words);
    if proof == open && reader.has("policy.code_digits") {
        reader.problem(
            "policy.code_digits",
            "must be removed: activation.proof is `open`, and its codes have letters (activation.code_letters)",
        );
    }
    if proof != open && reader.has(LETTERS) {
        reader.problem(LETTERS, "must be removed: codes have letters only if activation.proof is `open`");
    }
    proof
}

fn policy(reader: &mut Reader, activation_proof: ActivationProof) -> Policy {
    let default = Policy::default();
    Policy {
        pin_min_length: reader.number("policy.pin_min_length"),
        max_pin_tries: reader.number("policy.max_pin_tries"),
        activation_proof,
        activation_by_device: reader.flag("activation.by_device"),
        activation_by_device_seconds: reader.number("activation.by_device_seconds"),
        activation_approval: reader.flag("activation.approval"),
        activation_approval_seconds: reader.number("activation.approval_seconds"),
        device_notices: reader.flag("notices.to_devices"),
        pin_budget: reader.number("pin.budget"),
        pin_block_seconds: reader.number("pin.block_seconds"),
        // The library leaves both to its host: the PIN in the examples of the reference is a common
        // one.
        pin_denied: reader.flag("pin.denied"),
        pin_history: reader.number("pin.history"),
        code_digits: reader.number("policy.code_digits"),
        code_lifetime_seconds: reader.number("policy.code_lifetime_seconds"),
        code_tries: reader.number("policy.code_tries"),
        codes_per_hour: reader.number("policy.codes_per_hour"),
        codes_per_day: reader.number("policy.codes_per_day"),
        number_cooling_seconds: {
            let default = if sms_rules::is_production(reader) { sms_rules::COOLING_SECONDS } else { 0 };
            reader.number_or("policy.number_cooling_seconds", default)
        },
        max_devices: reader.number("policy.max_devices"),
        setup_lifetime_seconds: reader.number("policy.setup_lifetime_seconds"),
        otp_lifetime_seconds: reader.number("policy.otp_lifetime_seconds"),
        otps_per_device_and_day: reader.optional_number("policy.otps_per_device_and_day"),
        otp_without_pin: reader.flag("policy.otp_without_pin"),
        pin_proof: reader.choice(
            "pin.proof",
            default.pin_proof,
            &[("each", PinProof::Each), ("at_activation", PinProof::AtActivation)],
        ),
        evolve_k1_every: reader.number("policy.evolve_k1_every"),
        refresh_token_lifetime_seconds: reader.number("policy.refresh_token_lifetime_seconds"),
        refresh_token_most_seconds: reader.number("policy.refresh_token_most_seconds"),
        clone: reader.choice(
            "policy.clone",
            default.clone,
            &[("report", ClonePolicy::Report), ("suspend", ClonePolicy::Suspend)],
        ),
        device_key_bits: device_key_bits(reader),
        sms: default.sms,
    }
}

fn device_key_bits(reader: &mut Reader) -> KeySize {
    const KEY: &str = "policy.device_key_bits";
    let bits: u32 = reader.number(KEY);
    KeySize::try_from(bits).unwrap_or_else(|message| {
        reader.problem(KEY, message);
        KeySize::default()
    })
}

fn access_tokens(reader: &mut Reader) -> Option<AccessTokens> {
    let words = [("EdDSA", Signature::EdDsa), ("ES256", Signature::Es256)];
    let algorithm = reader.choice("access_tokens.algorithm", Signature::EdDsa, &words);
    let lifetime = reader.seconds("access_tokens.lifetime_seconds");
    let generation = reader.number("access_tokens.key_generation");
    if !reader.has("access_tokens.issuer") {
        return None;
    }
    let issuer = reader.text("access_tokens.issuer");
    let audience = reader.required("access_tokens.audience");
    Some(AccessTokens { issuer: issuer?, audience: audience?, lifetime, algorithm, generation })
}

/// Returns the rule for the folders of the files that the service makes: other users may, or may
/// not, be able to write to them.
fn sharing(reader: &Reader) -> Sharing {
    Sharing::allowed(reader.flag("files.allow_shared_folders"))
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
    let timeout = reader.seconds("sms.webhook_timeout_seconds");
    let ca_file = reader.path("sms.webhook_ca_file");
    if let Some(file) = &ca_file {
        reader.check_readable("sms.webhook_ca_file", file);
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
                reader.check_secret_in_file(KEY);
                Some(Secret::new(text))
            }
            Value::Table(entry) => match &entry[..] {
                [(word, Value::Text(file))] if word == "file" => reader.secret_from_file(KEY, file.as_str().as_ref()),
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
    let retry = SmsRetry {
        attempts: reader.number("sms.retry_attempts"),
        first_delay: reader.seconds("sms.retry_first_delay_seconds"),
        max_queue: reader.number("sms.retry_max_queue"),
    };
    (retry.attempts > 1).then_some(retry)
}

fn limits(reader: &mut Reader) -> Limits {
    Limits {
        body_bytes: reader.number("limits.body_bytes"),
        // hyper panics with a value below 8192, the lower bound of this key.
        header_bytes: reader.number("limits.header_bytes"),
        query_bytes: reader.number("limits.query_bytes"),
        header_timeout: reader.seconds("limits.header_timeout_seconds"),
        request_timeout: reader.seconds("limits.request_timeout_seconds"),
        connections: reader.number("limits.connections"),
        connections_per_address: reader.number("limits.connections_per_address"),
        write_timeout: reader.seconds("limits.write_timeout_seconds"),
        steps: reader.number("limits.steps"),
        address_per_minute: reader.number("limits.address_per_minute"),
        account_per_minute: reader.number("limits.account_per_minute"),
        wrong_codes_per_address_and_minute: reader.number("limits.wrong_codes_per_address_and_minute"),
        wrong_codes_per_minute: reader.number("limits.wrong_codes_per_minute"),
        wrong_otps_per_account_and_minute: reader.number("limits.wrong_otps_per_account_and_minute"),
        wrong_otps_per_address_and_minute: reader.number("limits.wrong_otps_per_address_and_minute"),
        refused_finalize_per_address_and_minute: reader.number("limits.refused_finalize_per_address_and_minute"),
        party_per_minute: reader.number("limits.party_per_minute"),
        codes_per_number_and_hour: reader.number("limits.codes_per_number_and_hour"),
        unknown_operators_per_minute: reader.number("limits.unknown_operators_per_minute"),
        drain: reader.seconds("limits.drain_seconds"),
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
                reader.check_secret_in_file(KEY);
                Some(Secret::new(token.clone()))
            }
            [(word, Value::Text(file))] if word == "token_file" => {
                match reader.secret_from_file(KEY, file.as_str().as_ref()) {
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
