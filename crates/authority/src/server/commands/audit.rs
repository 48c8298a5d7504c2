//! `audit`: the audit trail, the newest line first.

use super::account::day;
use super::{open_quietly, say};
use crate::AccountName;
use crate::server::config::Config;

/// One line an event: time, event, account, device, actor, address, how often. What is not known is a dash.
pub(crate) fn list(config: &Config, account: Option<&AccountName>, limit: u32) -> Result<(), String> {
    let authority = open_quietly(config)?;
    for entry in authority.audit_log(account, None, limit).map_err(|failure| failure.to_string())? {
        let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let (account, device) = (told(&entry.account), told(&entry.device));
        let (actor, address) = (told(&entry.actor), told(&entry.address));
        say(&format!("{}\t{}\t{account}\t{device}\t{actor}\t{address}\t{}", day(entry.at), entry.event, entry.count))?;
    }
    Ok(())
}
