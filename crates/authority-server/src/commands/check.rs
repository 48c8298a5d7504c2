//! `check`: finds the faults of a configuration before the service uses it.

use std::time::{Duration, Instant};

use super::{complain, counted, open_quietly, say};
use crate::config::keys::{FILE, KEYS, Key};
use crate::config::{Config, TlsFiles, guesses};
use crate::hardening;
use crate::http;
use crate::identity::Identity;
use authority::{AuditCheck, Authority, RowCheck};

/// Time between two progress lines of a long check.
const REMINDER: Duration = Duration::from_secs(5);

/// Options of `check --connect`.
pub(crate) struct Connect {
    /// Largest number of sealed rows of the audit trail to read.
    pub(crate) audit_rows: Option<u64>,
    /// Number and head of a seal, from the log.
    pub(crate) expect_seal: Option<(i64, String)>,
}

pub(crate) fn run(config: Config, connect: Option<Connect>) -> Result<(), String> {
    let admin = config.admin.as_ref().and_then(|admin| admin.tls.as_ref());
    for files in [config.listen.tls.as_ref(), admin].into_iter().flatten() {
        tls(files)?;
    }
    let warning = guesses::warning(&config.policy, &config.limits);
    if let Some(connect) = connect {
        let authority = open_quietly(&config)?;
        authority.ping().map_err(|failure| failure.to_string())?;
        rows(&authority)?;
        trail(&authority, &connect)?;
        advise(&config)?;
        Identity::new(config.tokens)?;
    } else {
        advise(&config)?;
    }
    if let Some(warning) = hardening::lock_memory(config.lock_memory)? {
        say(&format!("warning: {warning}"))?;
    }
    let minutes = config.policy.code_lifetime_seconds.div_ceil(60);
    for (text, parts) in config.policy.sms.texts.long_texts(authority::code_length(&config.policy), minutes) {
        say(&format!("note: the text {text} takes {parts} SMS"))?;
    }
    if let Some(warning) = warning {
        say(&format!("warning: {warning}"))?;
    }
    say("the configuration is good")
}

/// Prints advice on settings that are allowed but could be better.
fn advise(config: &Config) -> Result<(), String> {
    let Some(admin) = &config.admin else { return Ok(()) };
    let certificates = admin.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    let alone = admin.operators.is_empty() || admin.operators.iter().any(|operator| operator.token.is_none());
    if certificates && alone {
        say("advice: operators are known by certificates alone, which browsers show unasked; give each a token, too")?;
    }
    Ok(())
}

/// Returns a progress callback. It prints the number of checked rows at intervals, and lets the
/// check continue.
fn reminder(of: &str) -> impl FnMut(u64) -> bool {
    let mut told = Instant::now();
    move |rows| {
        if told.elapsed() >= REMINDER {
            told = Instant::now();
            let was = if rows == 1 { "was" } else { "were" };
            complain(&format!("{of}: {} {was} checked", counted(rows, "row")));
        }
        true
    }
}

/// Checks the MACs of accounts, devices and all other rows that have a MAC.
fn rows(authority: &Authority) -> Result<(), String> {
    let check = authority.verify_rows(reminder("the database"));
    let RowCheck { rows, altered, tables } = check.map_err(|failure| failure.to_string())?;
    if altered > 0 {
        let (are, them) = if altered == 1 { ("is", "it") } else { ("are", "them") };
        let rows = counted(altered, "row");
        return Err(format!("{rows} {are} not as the service wrote {them}, in: {}", tables.join(", ")));
    }
    if authority.migrated_rows() > 0 {
        let (brought, each) = (authority.migrated_rows(), if authority.migrated_rows() == 1 { "was" } else { "were" });
        say(&format!("{} of an earlier release {each} given MACs", counted(brought, "row")))?;
    }
    let (are, them) = if rows == 1 { ("is", "it") } else { ("are", "them") };
    say(&format!("the database: {} {are} as the service wrote {them}", counted(rows, "row")))
}

/// Checks the audit trail.
fn trail(authority: &Authority, connect: &Connect) -> Result<(), String> {
    let expected = connect.expect_seal.as_ref().map(|(number, head)| (*number, head.as_str()));
    let check = authority.verify_audit(connect.audit_rows, expected, reminder("the audit trail"));
    let AuditCheck { rows, seals, skipped, newest, faults } = check.map_err(|failure| failure.to_string())?;
    if !faults.is_empty() {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
        return Err(format!("the audit trail is not as the service wrote it:\n{}", lines.join("\n")));
    }
    let (rows, seals) = (counted(rows, "row"), counted(seals, "seal"));
    say(&format!("the audit trail: {rows} and {seals} are as the service wrote them"))?;
    if skipped > 0 {
        say(&format!("  the rows of {} were not read", counted(skipped, "older seal")))?;
    }
    match newest {
        Some(seal) => say(&format!("  the newest seal is {}:{}", seal.number, seal.head)),
        None => say("  there is no seal yet"),
    }
}

fn tls(files: &TlsFiles) -> Result<(), String> {
    http::read_tls(files).map(drop)
}

/// Prints every key with its environment variable and its meaning.
pub(crate) fn keys() -> Result<(), String> {
    for key @ Key { path, secret, .. } in KEYS {
        say(&format!("{path}\n    {}\n    {}", Key::variable(path), key.help()))?;
        if *secret {
            say(&format!("    also {path}{FILE}: the name of a file that holds it"))?;
        }
    }
    Ok(())
}
