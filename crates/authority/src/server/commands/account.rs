//! `account`: what operators do with accounts.

use std::io::{BufRead, IsTerminal};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{open_quietly, say};
use crate::server::config::Config;
use crate::{AccountInfo, AccountName, Unblock};

const PAGE: u32 = 500;

pub(crate) fn add(config: &Config, account: &AccountName) -> Result<(), String> {
    let added = open_quietly(config)?.add_account(account).map_err(|failure| failure.to_string())?;
    if added { Ok(()) } else { Err(format!("{account}: there is such an account already")) }
}

/// One line an account: name, phone number, devices, PIN, what is to be known.
pub(crate) fn list(config: &Config) -> Result<(), String> {
    let authority = open_quietly(config)?;
    let mut after: Option<AccountName> = None;
    loop {
        let page = authority.accounts(after.as_ref(), PAGE).map_err(|failure| failure.to_string())?;
        for account in &page {
            say(&line(account))?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.name.clone()),
            _ => return Ok(()),
        }
    }
}

/// The account's line, and one for each of its devices: id, name, when it was made and last used.
pub(crate) fn show(config: &Config, account: &AccountName) -> Result<(), String> {
    let authority = open_quietly(config)?;
    let Some(info) = authority.account(account).map_err(|failure| failure.to_string())? else {
        return Err(unknown(account));
    };
    say(&line(&info))?;
    for device in authority.devices(account).map_err(|failure| failure.to_string())? {
        let used = device.used_at.map_or_else(|| "-".to_owned(), day);
        say(&format!("  {}\t{:?}\tmade {}\tused {used}", device.id, device.name, day(device.made_at)))?;
    }
    Ok(())
}

pub(crate) fn unblock(config: &Config, account: &AccountName) -> Result<(), String> {
    let authority = open_quietly(config)?;
    known(authority.account(account).map_err(|failure| failure.to_string())?.is_some(), account)?;
    match authority.unblock(account).map_err(|failure| failure.to_string())? {
        Unblock::Lifted => say("unblocked"),
        Unblock::NotBlocked => say("it was not blocked"),
        Unblock::PinBudgetSpent => Err(format!(
            "{account} stays blocked: its PIN has seen as many wrong ones as pin.budget allows; \
             its owner must reset it with an SMS code, or remove the enrollments"
        )),
    }
}

pub(crate) fn remove(config: &Config, account: &AccountName, yes: bool) -> Result<(), String> {
    if !yes {
        if !std::io::stdin().is_terminal() {
            return Err("nobody is there to be asked: say --yes".into());
        }
        eprint!("Remove {account} with all its devices? Type its name: ");
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string())?;
        if line.trim_end_matches(['\r', '\n']) != account.as_str() {
            return Err("nothing was removed".into());
        }
    }
    known(open_quietly(config)?.remove_account(account).map_err(|failure| failure.to_string())?, account)
}

fn known(exists: bool, account: &AccountName) -> Result<(), String> {
    if exists { Ok(()) } else { Err(unknown(account)) }
}

fn unknown(account: &AccountName) -> String {
    format!("{account}: there is no such account")
}

fn line(account: &AccountInfo) -> String {
    let state = match (account.blocked, account.has_pin) {
        (true, _) => "blocked",
        (false, true) => "pin",
        (false, false) => "no pin",
    };
    let number = account.phone_number.as_deref().unwrap_or("-");
    let (tries, devices) = (account.pin_tries, account.devices);
    format!("{}\t{number}\t{devices} devices\t{state}\t{tries} wrong PINs", account.name)
}

pub(super) fn day(millis: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| millis.to_string())
}
