//! The first page: the search for accounts.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::form::{Fields, account_path, encoded};
use super::super::page::{self, Frame};
use super::super::texts::Sentence;
use super::visit::{Refusal, Visit};
use crate::config::Role;
use authority::{FoundAccount, FoundBy};

/// The maximum number of results.
const LIMIT: u32 = 50;

/// The page of the search.
#[derive(Template)]
#[template(path = "operators/search.html")]
struct SearchPage {
    frame: Frame,
    text: String,
    /// The results. `None`: nothing was searched yet.
    results: Option<Vec<ResultRow>>,
    /// There may be more results than are shown.
    is_full: bool,
}

/// A result.
struct ResultRow {
    name: String,
    link: String,
    number: Option<String>,
    is_blocked: bool,
    devices: u32,
    by: Sentence,
}

impl From<FoundAccount> for ResultRow {
    fn from(FoundAccount { account, by }: FoundAccount) -> Self {
        let name = account.name.as_str().to_owned();
        let by = match by {
            FoundBy::Name => Sentence::new("found-by-name"),
            FoundBy::PhoneNumber => Sentence::new("found-by-number"),
            FoundBy::Device => Sentence::new("found-by-device"),
            FoundBy::NamePrefix => Sentence::new("found-by-prefix"),
        };
        let link = account_path(&name);
        Self { name, link, number: account.phone_number, is_blocked: account.blocked, devices: account.devices, by }
    }
}

pub(super) async fn page(visit: Visit, RawQuery(text): RawQuery) -> Result<Response, Refusal> {
    visit.require(Role::Read).await?;
    let fields = Fields::of_query(text.as_deref(), &["q"])?;
    let text = fields.get("q").unwrap_or_default().to_owned();
    let results = if text.trim().is_empty() {
        None
    } else {
        let text = text.clone();
        Some(visit.service().step(move |authority| authority.find_accounts(&text, LIMIT)).await?)
    };
    let results: Option<Vec<ResultRow>> = results.map(|found| found.into_iter().map(ResultRow::from).collect());
    let is_full = results.as_ref().is_some_and(|found| found.len() >= LIMIT as usize);
    let path = if text.is_empty() { String::new() } else { format!("?q={}", encoded(&text)) };
    let frame = visit.frame(Sentence::new("search-title"), path);
    Ok(page::html(StatusCode::OK, &SearchPage { frame, text, results, is_full }))
}
