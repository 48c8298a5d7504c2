//! The page with the commands that come next: those that the program printed at its start.

use askama::Template;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

use super::{Answer, Session, Shared};
use crate::console::form::Fields;
use crate::console::page::{Frame, html};
use crate::console::texts::Sentence;

/// The next steps of a developer. The program prints them, and this page shows them.
#[derive(Clone)]
pub(crate) struct Next {
    /// The configuration for libpims, JSON.
    pub(crate) configuration: String,
    /// The file with the token for `account.accessToken`.
    pub(crate) token_file: String,
    /// The command that runs the demo against this service, in the folder of libpims.
    pub(crate) demo: String,
    /// Commands for a shell that ask this service: the accounts, the last SMS and the audit trail.
    pub(crate) commands: Vec<Vec<u8>>,
}

#[derive(Template)]
#[template(path = "development/next.html")]
struct NextPage<'a> {
    frame: Frame,
    next: &'a Next,
}

impl NextPage<'_> {
    fn commands(&self) -> impl Iterator<Item = String> {
        // A path in another encoding cannot stand on a page.
        self.next.commands.iter().map(|command| String::from_utf8_lossy(command).into_owned())
    }
}

pub(super) async fn show(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    Fields::of_query(raw.as_deref(), &[])?;
    let frame = console.frame(&session, &headers, Sentence::new("next-title"), "next");
    Ok(html(StatusCode::OK, &NextPage { frame, next: &console.next }))
}
