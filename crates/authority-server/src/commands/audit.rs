//! `audit`: the audit trail, the newest line first.

use super::list::{Form, List};
use super::{open_without_sms, time};
use crate::config::Config;
use crate::views::AuditView;
use authority::AccountName;

/// Lists the lines. A dash stands for an unknown value.
pub(crate) fn list(config: &Config, account: Option<&AccountName>, limit: u32, form: Form) -> Result<(), String> {
    let authority = open_without_sms(config)?;
    let found = authority.audit_log(account, None, limit).map_err(|failure| failure.to_string())?;
    let lines: Vec<AuditView> = found.into_iter().map(AuditView::from).collect();
    let heads = ["TIME", "EVENT", "ACCOUNT", "DEVICE", "ACTOR", "ADDRESS", "COUNT", "REASON"];
    let mut list = List::begin(form, "audit", heads);
    list.page(&lines, |line| {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let (account, device) = (or_dash(&line.account), or_dash(&line.device));
        let (actor, address, reason) = (or_dash(&line.actor), or_dash(&line.address), or_dash(&line.reason));
        [time(line.at), line.event.clone(), account, device, actor, address, line.count.to_string(), reason]
    })?;
    list.end()
}
