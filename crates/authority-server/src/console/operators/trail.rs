//! The audit trail, with its events in words.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::form::{Fields, account_path};
use super::super::page::{self, Frame};
use super::super::texts::{Sentence, Texts};
use super::Told;
use super::visit::{Refusal, Visit};
use crate::config::Role;
use authority::{AuditEntry, Authority, Failure};

/// The number of rows on a page.
const PAGE: usize = 50;

/// The page of the whole trail.
#[derive(Template)]
#[template(path = "operators/audit.html")]
struct AuditPage {
    frame: Frame,
    trail: Trail,
}

/// Rows of the trail, the newest first.
pub(super) struct Trail {
    pub(super) rows: Vec<Row>,
    /// The path of the page with older rows. `None`: there are none.
    pub(super) older: Option<String>,
}

/// A row.
pub(super) struct Row {
    pub(super) at: Told,
    /// The event in words.
    pub(super) words: String,
    /// The name of the event.
    pub(super) event: String,
    pub(super) account: Option<String>,
    /// The path of the account's page.
    pub(super) link: String,
    pub(super) device: Option<String>,
    pub(super) actor: Option<String>,
    pub(super) address: Option<String>,
    pub(super) count: u64,
    pub(super) reason: Option<String>,
}

pub(super) async fn page(visit: Visit, RawQuery(text): RawQuery) -> Result<Response, Refusal> {
    visit.require(Role::Read).await?;
    let fields = Fields::of_query(text.as_deref(), &["before"])?;
    let before = before(fields.get("before"))?;
    let entries = visit.service().step(move |authority| read(authority, None, before)).await?;
    let trail = Trail::new(entries, "audit?", visit.now(), visit.t);
    let frame = visit.frame(Sentence::new("trail-title"), "audit");
    Ok(page::html(StatusCode::OK, &AuditPage { frame, trail }))
}

/// Reads the id before which a page begins.
pub(super) fn before(text: Option<&str>) -> Result<Option<i64>, Refusal> {
    Ok(text.map(str::parse::<i64>).transpose().map_err(|_| StatusCode::BAD_REQUEST)?)
}

/// Reads the rows of a page, and one more if there are more.
pub(super) fn read(
    authority: &Authority,
    account: Option<&authority::AccountName>,
    before: Option<i64>,
) -> Result<Vec<AuditEntry>, Failure> {
    authority.audit_log(account, before, u32::try_from(PAGE).unwrap_or(u32::MAX).saturating_add(1))
}

impl Trail {
    /// Makes a page of rows. `path` is that of the page, up to its next parameter.
    pub(super) fn new(mut entries: Vec<AuditEntry>, path: &str, now: i64, t: Texts) -> Self {
        let has_older = entries.len() > PAGE;
        entries.truncate(PAGE);
        let older = entries.last().filter(|_| has_older).map(|last| format!("{path}before={}", last.id));
        Self { rows: entries.into_iter().map(|entry| Row::new(entry, now, t)).collect(), older }
    }
}

impl Row {
    fn new(entry: AuditEntry, now: i64, t: Texts) -> Self {
        let AuditEntry { id: _, at, account, device, event, actor, address, count, reason } = entry;
        let link = account.as_deref().map(account_path).unwrap_or_default();
        let actor = actor.map(|actor| actor_in_words(&actor, t));
        let (at, words) = (Told::new(at, now, t), event_in_words(&event, t));
        Self { at, words, event, account, link, device, actor, address, count, reason }
    }
}

/// Returns an event in words. An unknown one is its own name.
pub(super) fn event_in_words(event: &str, t: Texts) -> String {
    let id = format!("event-{}", event.replace('.', "-"));
    if t.has(&id) { t.get(&id) } else { event.to_owned() }
}

/// Returns an actor in words. An unknown one is its own name.
pub(super) fn actor_in_words(actor: &str, t: Texts) -> String {
    let (kind, name) = actor.split_once(':').map_or((actor, None), |(kind, name)| (kind, Some(name)));
    let id = match name {
        Some(_) => format!("actor-{kind}-named"),
        None => format!("actor-{kind}"),
    };
    match name {
        _ if !t.has(&id) => actor.to_owned(),
        Some(name) => t.with(&id, "name", name),
        None => t.get(&id),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_event_and_every_actor_has_words_in_each_language() {
        let source = include_str!("../../../../authority/src/audit/mod.rs");
        let events: Vec<&str> = source
            .split("pub(crate) const ")
            .skip(1)
            .filter_map(|rest| rest.split_once(": &str = \"").and_then(|(_, rest)| rest.split('"').next()))
            .collect();
        assert!(events.len() > 55 && events.contains(&"operator.signed_in"), "{events:?}");
        let actors = ["host", "app", "device", "service", "command", "operator:a", "party:a", "anybody:a", "device:a"];
        for (code, _) in Texts::languages() {
            let t = Texts::named(code).unwrap();
            for event in &events {
                assert_ne!(event_in_words(event, t), *event, "{code}");
            }
            for actor in actors {
                assert_ne!(actor_in_words(actor, t), actor, "{code}");
            }
            assert_eq!(event_in_words("unheard.of", t), "unheard.of");
            assert_eq!(actor_in_words("unheard:of", t), "unheard:of");
        }
    }
}
