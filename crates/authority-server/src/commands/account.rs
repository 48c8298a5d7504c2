//! `account`: the operators' commands for accounts.

use std::io::{BufRead, IsTerminal};

use serde::Serialize;
use serde_json::json;

use super::list::{Form, List};
use super::{open_without_sms, print_error, print_line, time};
use crate::config::{Config, Stage};
use crate::views::{AccountView, DeviceView};
use authority::{AccountName, DeviceName, Unblock, random};

const PAGE: u32 = 500;

/// Column heads of accounts.
const ACCOUNT: [&str; 6] = ["ACCOUNT", "PHONE NUMBER", "DEVICES", "PIN", "WRONG PINS", "UNPROVED TRIES"];

/// Column heads of devices.
const DEVICE: [&str; 8] =
    ["DEVICE", "NAME", "ACTIVATED", "LAST USED", "WRONG PINS", "UNPROVED TRIES", "COPY", "KEYSTORE"];

pub(crate) fn add(config: &Config, account: &AccountName) -> Result<(), String> {
    let added = open_without_sms(config)?.add_account(account).map_err(|failure| failure.to_string())?;
    if !added {
        return Err(format!("{account}: this account exists already"));
    }
    if config.stage == Stage::Development && !has_token(config, account) {
        print_error(&format!("{account} has no token, so it cannot sign in: repeat the command with --token"));
    }
    Ok(())
}

/// Makes an account for development, with a token in the configuration. An existing account without
/// a token gets one.
pub(crate) fn add_with_token(config: &Config, account: &AccountName) -> Result<(), String> {
    if config.stage == Stage::Production {
        return Err("--token is for development (`development = true`). This configuration is for production: \
                    there the issuer makes an account's tokens (tokens.issuer)"
            .into());
    }
    let Some(tokens) = &config.tokens.file else {
        return Err("--token needs a configuration file whose section [tokens.static] counts; \
                    here an environment variable has the tokens in its place, or there is no file"
            .into());
    };
    if has_token(config, account) {
        return Err(format!("{account} has a token already: it is in [tokens.static] of {}", tokens.file().display()));
    }
    let added = open_without_sms(config)?.add_account(account).map_err(|failure| failure.to_string())?;
    let token = random::token().map_err(|failure| failure.to_string())?;
    tokens.add(account, &token).map_err(|message| format!("{account} is an account, but has no token: {message}"))?;
    let done = if added { "was added" } else { "was an account already, and has a token now" };
    print_line(&format!("{account} {done}. The token is in [tokens.static] of {}.", tokens.file().display()))?;
    print_line(
        "A service that runs accepts it at once. Give libpims this in its configuration, beside what `serve` printed:",
    )?;
    let account = json!({"account": {"username": account.as_str(), "accessToken": token.as_str()}});
    print_line(&format!("  {account}"))
}

fn has_token(config: &Config, account: &AccountName) -> bool {
    config.tokens.static_tokens.iter().any(|(known, _)| known == account)
}

/// Lists all accounts.
pub(crate) fn list(config: &Config, form: Form) -> Result<(), String> {
    let authority = open_without_sms(config)?;
    let mut list = List::begin(form, "accounts", ACCOUNT);
    let mut after: Option<AccountName> = None;
    loop {
        let page = authority.accounts(after.as_ref(), PAGE).map_err(|failure| failure.to_string())?;
        let last = page.last().filter(|_| page.len() == PAGE as usize).map(|last| last.name.clone());
        let views: Vec<AccountView> = page.into_iter().map(AccountView::from).collect();
        list.page(&views, account_cells)?;
        if last.is_none() {
            return list.end();
        }
        after = last;
    }
}

/// Shows an account and its devices.
pub(crate) fn show(config: &Config, account: &AccountName, form: Form) -> Result<(), String> {
    #[derive(Serialize)]
    struct Shown {
        account: AccountView,
        devices: Vec<DeviceView>,
    }
    let authority = open_without_sms(config)?;
    let Some(info) = authority.account(account).map_err(|failure| failure.to_string())? else {
        return Err(no_such_account(account));
    };
    let devices = authority.devices(account).map_err(|failure| failure.to_string())?;
    let shown = Shown { account: info.into(), devices: devices.into_iter().map(DeviceView::from).collect() };
    if form == Form::Json {
        return print_line(&serde_json::to_string(&shown).map_err(|error| error.to_string())?);
    }
    let mut list = List::begin(form, "account", ACCOUNT);
    list.page(&[shown.account], account_cells)?;
    list.end()?;
    print_line("")?;
    let mut list = List::begin(form, "devices", DEVICE);
    list.page(&shown.devices, device_cells)?;
    list.end()
}

pub(crate) fn unblock(config: &Config, account: &AccountName) -> Result<(), String> {
    let authority = open_without_sms(config)?;
    require_known(authority.account(account).map_err(|failure| failure.to_string())?.is_some(), account)?;
    match authority.unblock(account).map_err(|failure| failure.to_string())? {
        Unblock::Lifted => print_line("unblocked"),
        Unblock::NotBlocked => print_line("not blocked"),
        Unblock::TriesForgiven => print_line("not blocked; tries without a proof of the PIN are forgiven"),
        Unblock::PinBudgetSpent => Err(format!(
            "{account} stays blocked: its PIN has seen as many wrong ones as pin.budget allows; \
             its owner must reset it with an SMS code, or remove the enrollments"
        )),
    }
}

pub(crate) fn remove(config: &Config, account: &AccountName, yes: bool) -> Result<(), String> {
    if !yes {
        if !std::io::stdin().is_terminal() {
            return Err("standard input is not a terminal, so the command cannot ask: give --yes".into());
        }
        eprint!("Remove {account} with all its devices? Type its name: ");
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string())?;
        if line.trim_end_matches(['\r', '\n']) != account.as_str() {
            return Err("nothing was removed".into());
        }
    }
    require_known(open_without_sms(config)?.remove_account(account).map_err(|failure| failure.to_string())?, account)
}

/// Gives a device another name.
pub(crate) fn rename_device(config: &Config, account: &AccountName, id: &str, name: &DeviceName) -> Result<(), String> {
    let renamed = open_without_sms(config)?.rename_device(account, id, name).map_err(|failure| failure.to_string())?;
    require_device(renamed, account)
}

/// Removes a device.
pub(crate) fn remove_device(config: &Config, account: &AccountName, id: &str) -> Result<(), String> {
    let removed = open_without_sms(config)?.remove_device(account, id).map_err(|failure| failure.to_string())?;
    require_device(removed, account)
}

fn require_device(exists: bool, account: &AccountName) -> Result<(), String> {
    if exists { Ok(()) } else { Err(format!("{account}: the account has no device with this id")) }
}

fn require_known(exists: bool, account: &AccountName) -> Result<(), String> {
    if exists { Ok(()) } else { Err(no_such_account(account)) }
}

fn no_such_account(account: &AccountName) -> String {
    format!("{account}: there is no such account")
}

fn account_cells(account: &AccountView) -> [String; 6] {
    let pin = match (account.blocked, account.blocked_until, account.has_pin) {
        (true, Some(until), _) => format!("blocked until {}", time(until)),
        (true, None, _) => "blocked".to_owned(),
        (false, _, true) => "set".to_owned(),
        (false, _, false) => "none".to_owned(),
    };
    let number = account.phone_number.clone().unwrap_or_else(|| "-".to_owned());
    let (tries, unproved) = (account.pin_tries.to_string(), account.unproved_tries.to_string());
    [account.name.clone(), number, account.devices.to_string(), pin, tries, unproved]
}

fn device_cells(device: &DeviceView) -> [String; 8] {
    let or_dash = |at: Option<i64>| at.map_or_else(|| "-".to_owned(), time);
    let copy = match (device.suspended, device.suspected_at) {
        _ if device.needs_approval => "not approved".to_owned(),
        _ if device.pending => "not confirmed".to_owned(),
        (true, _) => "suspended".to_owned(),
        (false, Some(at)) => format!("suspected {}", time(at)),
        (false, None) => "-".to_owned(),
    };
    let (made, used) = (time(device.made_at), or_dash(device.used_at));
    let (tries, unproved) = (device.pin_tries.to_string(), device.unproved_tries.to_string());
    let keystore = device.keystore.unwrap_or("-").to_owned();
    [device.id.clone(), device.name.clone(), made, used, tries, unproved, copy, keystore]
}
