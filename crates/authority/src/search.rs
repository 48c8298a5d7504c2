//! The search of operators for accounts.

use crate::account::AccountName;
use crate::admin::{self, AccountInfo, MAX_LIST};
use crate::domain::short_id;
use crate::failure::Failure;
use crate::step::{Context, Step};

/// The number of names, and of ids of devices, that a search compares with a beginning.
const MAX_COMPARED: u32 = 1000;

/// An account that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAccount {
    /// The account.
    pub account: AccountInfo,
    /// The part of the account that the text names.
    pub by: FoundBy,
}

/// The part of an account by which a search found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// Its name.
    Name,
    /// Its trusted phone number.
    PhoneNumber,
    /// The id of one of its devices, or its beginning.
    Device,
    /// The beginning of its name.
    NamePrefix,
}

/// Answers [`Authority::find_accounts`](crate::Authority::find_accounts).
pub(crate) fn find_accounts(ctx: &Context<'_>, text: &str, limit: u32) -> Result<Vec<FoundAccount>, Failure> {
    // No name is longer, and no name, number or id has a control character: some databases refuse
    // them.
    let Some(typed) = AccountName::new(text) else { return Ok(Vec::new()) };
    let limit = limit.min(MAX_LIST);
    ctx.step("accounts.find", |step| {
        let mut found = Found { step, limit, accounts: Vec::new() };
        let (typed, text) = (typed.as_str(), typed.as_str().trim());
        found.add(FoundBy::Name, [typed.to_owned(), text.to_owned()])?;
        if !text.is_empty() {
            let number = step.phone_number(text);
            let spellings = number.iter().map(|number| number.as_str()).chain([text]);
            for spelling in spellings {
                found.add(FoundBy::PhoneNumber, step.rows.accounts_with_number(spelling, limit)?)?;
            }
            if short_id::is_long_enough(text) {
                for id in step.rows.device_ids_from(text, MAX_COMPARED)? {
                    let device = step.rows.device(&id)?;
                    found.add(FoundBy::Device, device.map(|device| device.account))?;
                }
            }
            found.add(FoundBy::NamePrefix, step.rows.names_from(text, MAX_COMPARED)?)?;
        }
        Ok(found.accounts)
    })
}

/// The accounts that a search has found, each once.
struct Found<'a> {
    step: &'a Step<'a>,
    limit: u32,
    accounts: Vec<FoundAccount>,
}

impl Found<'_> {
    fn add(&mut self, by: FoundBy, names: impl IntoIterator<Item = String>) -> Result<(), Failure> {
        for name in names {
            if self.accounts.len() >= usize::try_from(self.limit).unwrap_or(usize::MAX) {
                break;
            }
            if self.accounts.iter().any(|found| found.account.name.as_str() == name) {
                continue;
            }
            if let Some(account) = admin::account_in(self.step, &name)? {
                self.accounts.push(FoundAccount { account, by });
            }
        }
        Ok(())
    }
}
