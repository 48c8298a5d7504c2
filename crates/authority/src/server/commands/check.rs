//! `check`: what is wrong with a configuration, before anything depends on it.

use super::{open_quietly, say};
use crate::server::config::keys::{FILE, KEYS, Key};
use crate::server::config::{Config, TlsFiles, guesses};
use crate::server::http;
use crate::server::identity::Identity;

pub(crate) fn run(config: Config, connect: bool) -> Result<(), String> {
    let admin = config.admin.as_ref().and_then(|admin| admin.tls.as_ref());
    for files in [config.listen.tls.as_ref(), admin].into_iter().flatten() {
        tls(files)?;
    }
    let warning = guesses::warning(&config.policy, &config.limits);
    if connect {
        open_quietly(&config)?.ping().map_err(|failure| failure.to_string())?;
        Identity::new(config.tokens)?;
    }
    if let Some(warning) = warning {
        say(&format!("warning: {warning}"))?;
    }
    say("the configuration is good")
}

fn tls(files: &TlsFiles) -> Result<(), String> {
    http::read_tls(files).map(drop)
}

/// Every key with its environment variable and its meaning.
pub(crate) fn keys() -> Result<(), String> {
    for Key { path, secret, help, .. } in KEYS {
        say(&format!("{path}\n    {}\n    {help}", Key::variable(path)))?;
        if *secret {
            say(&format!("    also {path}{FILE}: the name of a file that holds it"))?;
        }
    }
    Ok(())
}
