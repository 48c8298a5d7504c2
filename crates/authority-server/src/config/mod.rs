//! The configuration: one TOML file and the environment, which wins. It is parsed and checked
//! completely before the service uses it.

mod access;
mod endpoints;
pub(crate) mod guesses;
mod key_command;
pub(crate) mod keys;
mod operators;
mod reader;
mod secret;
mod sections;
mod sms_rules;
mod source;
mod stage;
mod static_tokens;
mod tokens;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::hardening::LockMemory;
pub(crate) use access::refuse_unprotected;
use authority::{AccountName, Database, KeyRing, Policy, Sharing, SmsRetry, SqliteFile};
pub(crate) use operators::four_eyes_warnings;
use reader::Reader;
pub(crate) use secret::Secret;
pub(crate) use source::{Origin, Problem};
pub(crate) use static_tokens::StaticTokens;

/// The whole configuration. It holds secrets: no `Debug`.
pub(crate) struct Config {
    pub(crate) stage: Stage,
    pub(crate) listen: Listen,
    pub(crate) admin: Option<Admin>,
    pub(crate) database: Address,
    pub(crate) master_key: KeyRing,
    pub(crate) policy: Policy,
    pub(crate) tokens: Tokens,
    pub(crate) access_tokens: Option<AccessTokens>,
    pub(crate) sms: Sms,
    pub(crate) sms_retry: Option<SmsRetry>,
    pub(crate) limits: Limits,
    pub(crate) relying_parties: BTreeMap<String, RelyingParty>,
    /// Days after which the audit trail is pruned.
    pub(crate) keep_days: Option<u32>,
    pub(crate) lock_memory: LockMemory,
    pub(crate) log: Log,
}

/// The purpose of a service. Production is the default: it refuses settings that only development
/// may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Production,
    /// On one machine, without data that needs protection.
    Development,
}

/// The public listener.
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

/// The operators' listener.
pub(crate) struct Admin {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    /// The named operators. If there are none, the listener's client certificates identify
    /// operators.
    pub(crate) operators: Vec<Operator>,
    /// The operators' console. `None`: it is off.
    pub(crate) console: Option<OperatorsConsole>,
    /// Unblocking and removals need a second operator.
    pub(crate) four_eyes: bool,
}

/// The settings of the operators' console.
#[derive(Clone, Copy)]
pub(crate) struct OperatorsConsole {
    /// The time after which an unused session ends.
    pub(crate) session_idle: Duration,
}

/// A named operator. A request must present its token, its certificate, or both if both are
/// configured.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) name: String,
    pub(crate) token: Option<Secret>,
    /// The time of the last change of the token's file. `None`: the token has no file of its own.
    pub(crate) token_changed: Option<SystemTime>,
    /// SHA-256 of the certificate.
    pub(crate) certificate: Option<[u8; 32]>,
    pub(crate) roles: Vec<Role>,
}

/// A role of an operator: a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reads accounts, devices and the audit trail.
    Read,
    /// Adds accounts.
    Add,
    /// Unblocks accounts.
    Unblock,
    /// Removes accounts and devices.
    Remove,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::Add, Self::Unblock, Self::Remove];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Add => "add",
            Self::Unblock => "unblock",
            Self::Remove => "remove",
        }
    }
}

/// The files of a listener's TLS. They are read again at SIGHUP.
#[derive(Clone)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// The CA that signs the certificates which clients must present.
    pub(crate) client_ca: Option<PathBuf>,
}

/// The address of the database.
#[derive(Clone)]
pub(crate) enum Address {
    Sqlite(SqliteFile),
    Postgres { url: Secret, connections: u32, statement_timeout: Duration, named_statements: bool },
}

impl Address {
    /// Returns the address in the form that the library takes.
    pub(crate) fn database(&self) -> Database {
        match self {
            Self::Sqlite(file) => Database::Sqlite(file.clone()),
            Self::Postgres { url, connections, statement_timeout, named_statements } => {
                Database::Postgres(authority::Postgres {
                    url: Zeroizing::new(url.reveal().to_owned()),
                    connections: *connections,
                    statement_timeout: *statement_timeout,
                    named_statements: *named_statements,
                })
            }
        }
    }

    /// Returns a description without secrets.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite:{}", file.path.display()),
            Self::Postgres { .. } => "PostgreSQL".to_owned(),
        }
    }
}

/// The tokens that CVS accepts.
pub(crate) struct Tokens {
    pub(crate) issuer: Option<Issuer>,
    /// For [`Stage::Development`].
    pub(crate) static_tokens: Vec<(AccountName, Secret)>,
    /// The file of these tokens, if there is one and the stage is [`Stage::Development`].
    pub(crate) file: Option<StaticTokens>,
}

/// The issuer of the apps' access tokens.
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) audience: String,
    pub(crate) keys: IssuerKeys,
    pub(crate) refresh: Duration,
    pub(crate) algorithms: Vec<jsonwebtoken::Algorithm>,
    pub(crate) leeway: Duration,
    /// Permitted types of a token, from its header.
    pub(crate) types: Vec<TokenType>,
    /// Permitted clients of a token. If the list is empty, all clients of the issuer are permitted.
    pub(crate) authorized_parties: Vec<String>,
    /// Scopes that a token must have.
    pub(crate) scope: Vec<String>,
    /// Longest time from a token's issue to its expiry.
    pub(crate) max_lifetime: Duration,
    /// The login that changes of the phone number and the removal of enrollments require.
    pub(crate) step_up: Option<StepUp>,
}

/// Type of a token (`typ`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// `at+jwt`: an access token, and nothing else (RFC 9068).
    AccessToken,
    /// `JWT`, or no type, for issuers whose access tokens have no other type.
    Jwt,
}

/// The login that a token must prove (RFC 9470).
pub(crate) struct StepUp {
    /// Longest time since the user's login (`auth_time`).
    pub(crate) max_age: Option<Duration>,
    /// Classes of the login (`acr`). The token must have one of them; if the list is empty, any.
    pub(crate) acr: Vec<String>,
}

/// The source of an issuer's keys.
pub(crate) enum IssuerKeys {
    File(PathBuf),
    Url { url: String, ca_file: Option<PathBuf> },
}

/// The access tokens that the service issues in exchange for one-time passwords.
pub(crate) struct AccessTokens {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) lifetime: Duration,
    pub(crate) algorithm: Signature,
    pub(crate) generation: u32,
}

/// The signature algorithm of these tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    EdDsa,
    Es256,
}

/// The destination of SMS.
pub(crate) enum Sms {
    Outbox(PathBuf, Sharing),
    Webhook(Webhook),
}

/// An HTTP gateway.
pub(crate) struct Webhook {
    pub(crate) url: String,
    pub(crate) template: serde_json::Value,
    pub(crate) timeout: Duration,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) ca_file: Option<PathBuf>,
}

/// Request and connection limits.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) body_bytes: usize,
    pub(crate) header_bytes: usize,
    pub(crate) query_bytes: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) write_timeout: Duration,
    pub(crate) steps: usize,
    pub(crate) address_per_minute: u32,
    pub(crate) account_per_minute: u32,
    pub(crate) wrong_codes_per_address_and_minute: u32,
    pub(crate) wrong_codes_per_minute: u32,
    pub(crate) wrong_otps_per_account_and_minute: u32,
    pub(crate) wrong_otps_per_address_and_minute: u32,
    pub(crate) refused_finalize_per_address_and_minute: u32,
    pub(crate) party_per_minute: u32,
    pub(crate) codes_per_number_and_hour: u32,
    pub(crate) unknown_operators_per_minute: u32,
    pub(crate) drain: Duration,
}

/// A relying party: it may have one-time passwords checked.
pub(crate) struct RelyingParty {
    /// The token of the relying party. `None`: the service answers any client in its name.
    pub(crate) token: Option<Secret>,
}

/// The settings of the log.
#[derive(Clone, Copy)]
pub(crate) struct Log {
    pub(crate) level: tracing::Level,
    pub(crate) json: bool,
}

impl Config {
    /// Reads the file, if there is one, and the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Vec<Problem>> {
        Self::of(open(file)?, file)
    }

    /// Reads the text of a file and these variables. Relative paths start at the file's folder. The
    /// file may hold secrets.
    pub(crate) fn read(
        text: &str,
        variables: impl Iterator<Item = (String, String)>,
        file: &Path,
    ) -> Result<Self, Vec<Problem>> {
        let folder = file.parent().unwrap_or(Path::new(""));
        Self::of(Reader::new(source::Source::read(text, variables), folder, None), Some(file))
    }

    fn of(mut reader: Reader, file: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let config = sections::config(&mut reader);
        let tokens = file.and_then(|file| StaticTokens::of(file, &reader));
        let problems = reader.into_problems();
        match config {
            Some(mut config) if problems.is_empty() => {
                config.tokens.file = tokens.filter(|_| config.stage == Stage::Development);
                Ok(config)
            }
            _ => Err(problems),
        }
    }
}

impl Listen {
    /// Reads the section of the public listener alone. Reads no file that holds a secret.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let mut reader = open(file)?;
        let listen = sections::listen(&mut reader);
        let mut problems = reader.into_problems();
        problems.retain(|problem| problem.key.is_empty() || problem.key.starts_with("listen."));
        match listen {
            Some(listen) if problems.is_empty() => Ok(listen),
            _ => Err(problems),
        }
    }
}

/// Reads the file, if there is one, and the environment into a `Reader`.
fn open(file: Option<&Path>) -> Result<Reader, Vec<Problem>> {
    let (text, unprotected) = match file.map(read_file).transpose() {
        Ok(read) => read.unwrap_or_default(),
        Err(error) => {
            let message = error.to_string();
            return Err(vec![Problem { key: String::new(), origin: Origin::Missing, message }]);
        }
    };
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    // A variable that is not Unicode is no key of this configuration, or its value is not usable.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(Reader::new(source::Source::read(&text, variables), folder, unprotected))
}

/// Reads a file. Returns its text and, if the file may not hold secrets, the reason.
fn read_file(path: &Path) -> std::io::Result<(Zeroizing<String>, Option<String>)> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    Ok((text, refuse_unprotected(&file).err()))
}

/// Returns the faults in the form of a configuration: text that is not TOML, unknown keys, values
/// of another kind. It opens no file and runs no command, so the text may come from anywhere.
/// `variable` is the text of an environment variable for a number,
/// `PIMS_AUTHORITY_DATABASE_CONNECTIONS`.
pub fn faults_of_form(text: &str, variable: &str) -> Vec<String> {
    let name = keys::Key::variable("database.connections");
    let variables = (!variable.is_empty()).then(|| (name, variable.to_owned()));
    let source = source::Source::read(text, variables.into_iter());
    source.problems.iter().map(ToString::to_string).collect()
}
