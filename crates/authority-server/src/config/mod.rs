//! The configuration: one TOML file, the environment over it, typed and checked before anything is done with it.

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
use std::time::Duration;

use zeroize::Zeroizing;

use crate::hardening::LockMemory;
pub(crate) use access::refuse_unguarded;
use pims_authority::{AccountName, Database, KeyRing, Policy, Sharing, SmsRetry, SqliteFile};
use reader::Reader;
pub(crate) use secret::Secret;
pub(crate) use source::{Origin, Problem};
pub(crate) use static_tokens::StaticTokens;

/// All of it. It holds secrets: no `Debug`.
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

/// What a service is for. Production is the default: what only development may do is refused there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Production,
    /// On one machine, without anything that is worth protecting.
    Development,
}

/// A listener of the public.
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

/// A listener of operators.
pub(crate) struct Admin {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    /// Those that are named. Where nobody is, the listener's certificates tell.
    pub(crate) operators: Vec<Operator>,
}

/// A named operator. It shows its token, its certificate, or both where both are given.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) name: String,
    pub(crate) token: Option<Secret>,
    /// SHA-256 of the certificate.
    pub(crate) certificate: Option<[u8; 32]>,
    pub(crate) roles: Vec<Role>,
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Accounts, devices and the audit trail are shown.
    Read,
    /// Accounts are made.
    Add,
    /// Accounts are unblocked.
    Unblock,
    /// Accounts and devices are removed.
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

/// What a listener's TLS is made of; read again at SIGHUP.
#[derive(Clone)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Who signs the certificates that clients must show.
    pub(crate) client_ca: Option<PathBuf>,
}

/// Where the database is.
#[derive(Clone)]
pub(crate) enum Address {
    Sqlite(SqliteFile),
    Postgres { url: Secret, connections: u32, statement_timeout: Duration },
}

impl Address {
    /// As the library takes it.
    pub(crate) fn database(&self) -> Database {
        match self {
            Self::Sqlite(file) => Database::Sqlite(file.clone()),
            Self::Postgres { url, connections, statement_timeout } => Database::Postgres(pims_authority::Postgres {
                url: Zeroizing::new(url.reveal().to_owned()),
                connections: *connections,
                statement_timeout: *statement_timeout,
            }),
        }
    }

    /// What may be told of it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite:{}", file.path.display()),
            Self::Postgres { .. } => "PostgreSQL".to_owned(),
        }
    }
}

/// How CVS knows accounts.
pub(crate) struct Tokens {
    pub(crate) issuer: Option<Issuer>,
    /// For [`Stage::Development`].
    pub(crate) fixed: Vec<(AccountName, Secret)>,
    /// Where these stand, if it is a file and the stage is [`Stage::Development`].
    pub(crate) file: Option<StaticTokens>,
}

/// Who issues the access tokens of apps.
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) audience: String,
    pub(crate) keys: IssuerKeys,
    pub(crate) refresh: Duration,
    pub(crate) algorithms: Vec<jsonwebtoken::Algorithm>,
    pub(crate) leeway: Duration,
    /// What the header may say that a token is.
    pub(crate) types: Vec<TokenType>,
    /// Clients that tokens may be issued to; empty for all of the issuer's.
    pub(crate) authorized_parties: Vec<String>,
    /// What a token must be granted.
    pub(crate) scope: Vec<String>,
    /// The longest time from a token's issue to its end.
    pub(crate) max_lifetime: Duration,
    /// What changes of phone number and the removal of enrollments want.
    pub(crate) step_up: Option<StepUp>,
}

/// Type of a token (`typ`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// `at+jwt`: an access token, and nothing else (RFC 9068).
    AccessToken,
    /// `JWT`, or no type: the issuer's access tokens say no more.
    Jwt,
}

/// Login that a token must tell of (RFC 9470).
pub(crate) struct StepUp {
    /// The longest time since the person logged in (`auth_time`).
    pub(crate) max_age: Option<Duration>,
    /// Classes of the login (`acr`), one of which it must have; empty for any.
    pub(crate) acr: Vec<String>,
}

/// Where an issuer's keys are.
pub(crate) enum IssuerKeys {
    File(PathBuf),
    Url { url: String, ca_file: Option<PathBuf> },
}

/// What one-time passwords are exchanged for.
pub(crate) struct AccessTokens {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) lifetime: Duration,
    pub(crate) algorithm: Signature,
    pub(crate) generation: u32,
}

/// How they are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    EdDsa,
    Es256,
}

/// Where SMS go.
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

/// What is too much.
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

/// Who may have one-time passwords checked.
pub(crate) struct RelyingParty {
    /// `None`: whoever asks.
    pub(crate) token: Option<Secret>,
}

/// What is logged.
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

    /// Reads the text of a file and these variables. Relative paths begin at the file's folder. The
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
    /// Reads where the public listener is, and nothing else: no file of a secret is read.
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

/// The file, if there is one, and the environment, ready to be read.
fn open(file: Option<&Path>) -> Result<Reader, Vec<Problem>> {
    let (text, unguarded) = match file.map(read_file).transpose() {
        Ok(read) => read.unwrap_or_default(),
        Err(error) => {
            let what = error.to_string();
            return Err(vec![Problem { key: String::new(), origin: Origin::Missing, what }]);
        }
    };
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    // A variable that is not Unicode is none of ours, or its value is of no use.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(Reader::new(source::Source::read(&text, variables), folder, unguarded))
}

/// The text of a file, and why it may not hold secrets, where it may not.
fn read_file(path: &Path) -> std::io::Result<(Zeroizing<String>, Option<String>)> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    Ok((text, refuse_unguarded(&file).err()))
}

/// Returns the faults of a configuration's form: what is not TOML, unknown keys, values of another
/// kind. It opens no file and runs no command, so the text may come from anywhere. `variable` is the
/// text of an environment variable for a number, `PIMS_AUTHORITY_DATABASE_CONNECTIONS`.
pub(crate) fn faults_of_form(text: &str, variable: &str) -> Vec<String> {
    let name = keys::Key::variable("database.connections");
    let variables = (!variable.is_empty()).then(|| (name, variable.to_owned()));
    let source = source::Source::read(text, variables.into_iter());
    source.problems.iter().map(ToString::to_string).collect()
}
