//! `pims doctor`: what is checked, what was found, and what to do.

use std::time::{Duration, SystemTime};

use pims::config::{Config, ServiceUrl};
use pims::facade;
use pims::transport::TransportError;
use serde_json::json;

use crate::arguments::Settings;
use crate::configuration;
use crate::failure::Failure;
use crate::library::Library;
use crate::output::{GREEN, PLAIN, RED, Style, YELLOW, line, printable};
use crate::status::Status;

/// Largest difference of the clocks that is no fault. The header has whole seconds, and an answer
/// takes time.
const MAX_SKEW: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Note,
    Bad,
    /// The check needs one that failed.
    Skipped,
}

struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
}

/// Checks of one run, in their order.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, name: &'static str, verdict: Verdict, found: impl Into<String>) {
        self.0.push(Check { name, verdict, found: found.into() });
    }

    fn skip(&mut self, names: &[&'static str], why: &str) {
        for name in names {
            self.add(name, Verdict::Skipped, why);
        }
    }
}

const AFTER_CONFIGURATION: &[&str] = &["keys", "service", "pins", "storage", "reach", "certificate", "clock"];
const AFTER_STORAGE: &[&str] = &["reach", "certificate", "clock"];

/// Runs all checks. The status says whether one failed.
pub(super) fn run(settings: &Settings, style: Style) -> Result<Status, Failure> {
    let checks = examine(settings);
    match style {
        Style::Text => checks.0.iter().try_for_each(|check| line(&check.text()))?,
        Style::Json => {
            let result: Vec<_> = checks.0.iter().map(Check::json).collect();
            style.write_result("", &json!({ "checks": result }))?;
        }
    }
    let is_bad = checks.0.iter().any(|check| check.verdict == Verdict::Bad);
    Ok(if is_bad { Status::Unhealthy } else { Status::Success })
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Bad => "bad",
            Self::Skipped => "skipped",
        }
    }
}

impl Check {
    fn text(&self) -> String {
        let colour = match self.verdict {
            Verdict::Good => GREEN,
            Verdict::Note | Verdict::Skipped => YELLOW,
            Verdict::Bad => RED,
        };
        format!("{colour}{:<7}{PLAIN} {}: {}", self.verdict.word(), self.name, printable(&self.found))
    }

    fn json(&self) -> serde_json::Value {
        json!({"check": self.name, "verdict": self.verdict.word(), "found": self.found})
    }
}

fn examine(settings: &Settings) -> Checks {
    let mut checks = Checks::default();
    let text = match configuration::read(settings) {
        Ok(text) => text,
        Err(failure) => {
            checks.add("configuration", Verdict::Bad, cause(&failure));
            checks.skip(AFTER_CONFIGURATION, "needs a configuration");
            return checks;
        }
    };
    let config = match Config::read(&text) {
        Ok(config) => config,
        Err(error) => {
            checks.add("configuration", Verdict::Bad, format!("{}: correct the file", error.detail()));
            checks.skip(AFTER_CONFIGURATION, "needs a configuration");
            return checks;
        }
    };
    let path = configuration::path(settings).map(|path| path.display().to_string()).unwrap_or_default();
    checks.add("configuration", Verdict::Good, format!("{path} is valid, and only its owner can read it"));
    check_values(&config, &mut checks);
    match Library::open(&text, false) {
        Ok(_library) => {
            checks.add("storage", Verdict::Good, format!("{} can be used", config.storage_path.display()));
            check_service(&config, &mut checks);
        }
        Err(failure) => {
            checks.add("storage", Verdict::Bad, cause(&failure));
            checks.skip(AFTER_STORAGE, "needs the storage");
        }
    }
    checks
}

/// Checks the values of a valid configuration.
fn check_values(config: &Config, checks: &mut Checks) {
    if config.unknown_keys.is_empty() {
        checks.add("keys", Verdict::Good, "each key is known");
    }
    for unknown in &config.unknown_keys {
        checks.add("keys", Verdict::Note, unknown.clone());
    }
    match config.service() {
        None => checks.add(
            "service",
            Verdict::Bad,
            "none is configured: set credential.inWeboURL and credential.macID, or run pims init",
        ),
        Some(ServiceUrl::Embedded) => {
            checks.add("service", Verdict::Note, "the embedded service, which is for development and sends no SMS");
        }
        Some(ServiceUrl::Remote(url)) => checks.add("service", Verdict::Good, url),
    }
    match config.pins.len() {
        0 => checks.add(
            "pins",
            Verdict::Note,
            "no key is pinned (credential.pinnedCertificates): each trusted root counts",
        ),
        count => checks.add("pins", Verdict::Good, format!("{count} pinned")),
    }
}

/// Asks the service for its time. That shows whether it can be reached and trusted.
fn check_service(config: &Config, checks: &mut Checks) {
    let Some(ServiceUrl::Remote(url)) = config.service() else {
        return checks.skip(AFTER_STORAGE, "there is no other machine to ask");
    };
    let is_encrypted = url.starts_with("https:");
    match facade::service_date() {
        Ok(date) => {
            checks.add("reach", Verdict::Good, "a server answers; whether it is the service was not asked");
            if is_encrypted {
                checks.add("certificate", Verdict::Good, "it is valid and trusted");
            } else {
                checks.add("certificate", Verdict::Note, "none, because the URL is http:// on this machine");
            }
            check_clock(date.as_deref(), checks);
        }
        Err(TransportError::Pin) => {
            checks.add("reach", Verdict::Good, "the service answers");
            let advice = "this may not be the service, or it has a new key: ask its operator for the pins";
            checks.add("certificate", Verdict::Bad, format!("{}: {advice}", TransportError::Pin));
            checks.skip(&["clock"], "needs a trusted service");
        }
        Err(TransportError::Untrusted(why)) => {
            checks.add("reach", Verdict::Good, "a server answers");
            let advice = "if the certificate should be valid, look at this machine's clock, too";
            checks.add("certificate", Verdict::Bad, format!("{why}: {advice}"));
            checks.skip(&["clock"], "needs a trusted service");
        }
        Err(error) => {
            checks.add("reach", Verdict::Bad, format!("{error}: check the URL, the network and network.proxy"));
            checks.skip(&["certificate", "clock"], "needs an answer of the service");
        }
    }
}

fn check_clock(date: Option<&str>, checks: &mut Checks) {
    let Some(there) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return checks.add("clock", Verdict::Note, "the service does not tell its time");
    };
    let here = SystemTime::now();
    let skew = here.duration_since(there).or_else(|_| there.duration_since(here)).unwrap_or_default();
    if skew <= MAX_SKEW {
        checks.add("clock", Verdict::Good, "it agrees with that of the service");
    } else {
        let seconds = skew.as_secs();
        let found = format!("it differs from that of the service by {seconds} seconds: set this machine's clock");
        checks.add("clock", Verdict::Bad, found);
    }
}

/// Returns the cause of a failure in plain words.
fn cause(failure: &Failure) -> String {
    match failure {
        Failure::Local { cause, .. } => cause.clone(),
        Failure::Refused(answer) => answer.refusal().cause(),
        Failure::ClosedPipe | Failure::Interrupted => String::new(),
    }
}
