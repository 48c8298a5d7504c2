//! `check`: finds the faults of a configuration before the service uses it.

use std::time::{Duration, Instant};

use super::{open_without_sms, print_error, print_line, with_noun};
use crate::config::keys::{FILE, KEYS, Key};
use crate::config::{Config, TlsFiles, four_eyes_warnings, guesses};
use crate::hardening;
use crate::http;
use crate::identity::Identity;
use authority::{AuditCheck, Authority, RowCheck};

/// Time between two progress lines of a long check.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

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
        check_tls(files)?;
    }
    let mut warnings: Vec<String> = guesses::warning(&config.policy, &config.limits).into_iter().collect();
    warnings.extend(config.admin.as_ref().map(four_eyes_warnings).unwrap_or_default());
    if let Some(connect) = connect {
        let authority = open_without_sms(&config)?;
        print_database(&authority)?;
        authority.ping().and_then(|()| authority.try_room()).map_err(|failure| failure.to_string())?;
        check_rows(&authority)?;
        check_audit_trail(&authority, &connect)?;
        print_advice(&config)?;
        Identity::new(config.tokens)?;
    } else {
        print_advice(&config)?;
    }
    if let Some(warning) = hardening::lock_memory(config.lock_memory)? {
        print_line(&format!("warning: {warning}"))?;
    }
    let minutes = config.policy.code_lifetime_seconds.div_ceil(60);
    for (text, parts) in config.policy.sms.texts.long_texts(authority::code_length(&config.policy), minutes) {
        print_line(&format!("note: the text {text} takes {parts} SMS"))?;
    }
    for warning in warnings {
        print_line(&format!("warning: {warning}"))?;
    }
    print_line("the configuration is valid")
}

/// Prints what answers at the address of the database.
fn print_database(authority: &Authority) -> Result<(), String> {
    match authority.describe_database() {
        Ok(Some(description)) => print_line(&format!("the database server: {description}")),
        Ok(None) => Ok(()),
        // It takes two connections more. The checks that follow need none.
        Err(failure) => print_line(&format!("warning: the database server did not describe itself: {failure}")),
    }
}

/// Prints advice on settings that are allowed but could be better.
fn print_advice(config: &Config) -> Result<(), String> {
    let Some(admin) = &config.admin else { return Ok(()) };
    let certificates = admin.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    let alone = admin.operators.is_empty() || admin.operators.iter().any(|operator| operator.token.is_none());
    if certificates && alone {
        print_line(
            "advice: operators are identified by certificates alone, and browsers present these without asking; give each operator a token, too",
        )?;
    }
    Ok(())
}

/// Returns a progress callback. It prints the number of checked rows at intervals, and lets the
/// check continue.
fn report_progress(of: &str) -> impl FnMut(u64) -> bool {
    let mut reported_at = Instant::now();
    move |rows| {
        if reported_at.elapsed() >= PROGRESS_INTERVAL {
            reported_at = Instant::now();
            let was = if rows == 1 { "was" } else { "were" };
            print_error(&format!("{of}: {} {was} checked", with_noun(rows, "row")));
        }
        true
    }
}

/// Checks the MACs of accounts, devices and all other rows that have a MAC.
fn check_rows(authority: &Authority) -> Result<(), String> {
    let check = authority.verify_rows(report_progress("the database"));
    let RowCheck { rows, altered, tables } = check.map_err(|failure| failure.to_string())?;
    if altered > 0 {
        let (are, them) = if altered == 1 { ("is", "it") } else { ("are", "them") };
        let rows = with_noun(altered, "row");
        return Err(format!("{rows} {are} not as the service wrote {them}, in: {}", tables.join(", ")));
    }
    if authority.migrated_rows() > 0 {
        let (brought, each) = (authority.migrated_rows(), if authority.migrated_rows() == 1 { "was" } else { "were" });
        print_line(&format!("{} of an earlier release {each} given MACs", with_noun(brought, "row")))?;
    }
    let (are, them) = if rows == 1 { ("is", "it") } else { ("are", "them") };
    print_line(&format!("the database: {} {are} as the service wrote {them}", with_noun(rows, "row")))
}

/// Checks the audit trail.
fn check_audit_trail(authority: &Authority, connect: &Connect) -> Result<(), String> {
    let expected = connect.expect_seal.as_ref().map(|(number, head)| (*number, head.as_str()));
    let check = authority.verify_audit(connect.audit_rows, expected, report_progress("the audit trail"));
    let AuditCheck { rows, seals, skipped, newest, faults } = check.map_err(|failure| failure.to_string())?;
    if !faults.is_empty() {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
        return Err(format!("the audit trail is not as the service wrote it:\n{}", lines.join("\n")));
    }
    let (rows, seals) = (with_noun(rows, "row"), with_noun(seals, "seal"));
    print_line(&format!("the audit trail: {rows} and {seals} are as the service wrote them"))?;
    if skipped > 0 {
        print_line(&format!("  the rows of {} were not read", with_noun(skipped, "older seal")))?;
    }
    match newest {
        Some(seal) => print_line(&format!("  the newest seal is {}:{}", seal.number, seal.head)),
        None => print_line("  there is no seal yet"),
    }
}

fn check_tls(files: &TlsFiles) -> Result<(), String> {
    http::read_tls(files).map(drop)
}

/// Prints every key with its environment variable and its meaning.
pub(crate) fn keys() -> Result<(), String> {
    for key @ Key { path, secret, .. } in KEYS {
        print_line(&format!("{path}\n    {}\n    {}", Key::variable(path), key.help()))?;
        if *secret {
            print_line(&format!("    also {path}{FILE}: the name of a file that holds it"))?;
        }
    }
    Ok(())
}
