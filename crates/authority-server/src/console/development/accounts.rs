//! The accounts: their list, and the page of one with its devices and its actions.

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::picture::Picture;
use super::{Answer, Development, Session, Shared, form};
use crate::console::form::{Fields, account_path, encoded};
use crate::console::moment::Moment;
use crate::console::page::{Frame, html};
use crate::console::texts::Sentence;
use authority::{AccountInfo, AccountName, DeviceInfo, Diagnosis, Unblock, Verdict};

/// The accounts on one page.
const PAGE: u32 = 100;

/// The longest text that is searched for.
const MAX_SEARCH: usize = 256;

const MAX_AMOUNT: i64 = 1_000_000;

#[derive(Template)]
#[template(path = "development/accounts.html")]
struct AccountsPage {
    frame: Frame,
    /// The searched text.
    searched: String,
    accounts: Vec<AccountInfo>,
    /// The link to the next accounts.
    more: Option<String>,
    clock: Clock,
}

/// The clock as a page shows it.
struct Clock {
    now: Moment,
    is_ahead: bool,
    /// The page to return to.
    back: String,
}

#[derive(Template)]
#[template(path = "development/account.html")]
struct AccountPage {
    frame: Frame,
    name: String,
    diagnosis: Diagnosis,
    picture: Picture,
    devices: Vec<(DeviceInfo, Picture)>,
    /// The verdict about a password.
    verdict: Option<Sentence>,
    clock: Clock,
}

impl Development {
    fn clock(&self, back: String) -> Clock {
        let now = self.now();
        let ahead = self.tools.clock.ahead();
        Clock { now: Moment { at: now, now: now.saturating_sub(ahead) }, is_ahead: ahead > 0, back }
    }
}

impl AccountsPage {
    fn link(&self, account: &AccountInfo) -> String {
        format!("/{}", account_path(account.name.as_str()))
    }

    fn state_of(&self, account: &AccountInfo) -> String {
        let t = self.frame.t;
        if account.blocked {
            t.get("accounts-blocked")
        } else if account.devices > 0 {
            t.get("accounts-enrolled")
        } else {
            t.get("accounts-not-enrolled")
        }
    }
}

impl AccountPage {
    fn at(&self, at: &i64) -> Moment {
        Moment { at: *at, now: self.diagnosis.at }
    }
}

pub(super) async fn list(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let fields = Fields::of_query(raw.as_deref(), &["q", "after"])?;
    let searched = fields.get("q").unwrap_or_default().trim().to_owned();
    let after = fields.get("after").map(|after| AccountName::new(after).ok_or(StatusCode::BAD_REQUEST)).transpose()?;
    if searched.len() > MAX_SEARCH || searched.chars().any(char::is_control) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let text = searched.clone();
    let accounts = console
        .step(move |authority| match text.as_str() {
            "" => authority.accounts(after.as_ref(), PAGE),
            text => {
                authority.find_accounts(text, PAGE).map(|found| found.into_iter().map(|found| found.account).collect())
            }
        })
        .await?;
    let is_full = searched.is_empty() && accounts.len() == PAGE as usize;
    let last = accounts.last().filter(|_| is_full);
    let more = last.map(|last| format!("/accounts?after={}", encoded(last.name.as_str())));
    let frame = console.frame(&session, &headers, Sentence::new("accounts-title"), "accounts");
    let clock = console.clock("accounts".to_owned());
    Ok(html(StatusCode::OK, &AccountsPage { frame, searched, accounts, more, clock }))
}

pub(super) async fn show(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let fields = Fields::of_query(raw.as_deref(), &["name"])?;
    let account = fields.account()?;
    let path = account_path(account.as_str());
    let asked = account.clone();
    let diagnosis = console.step(move |authority| authority.diagnose(&asked)).await?;
    let diagnosis = diagnosis.ok_or(StatusCode::NOT_FOUND)?;
    let mut frame = console.frame(
        &session,
        &headers,
        Sentence::new("dev-account-title").with("name", account.as_str().to_owned()),
        path.clone(),
    );
    let verdict = frame.flash.take_if(|flash| flash.id().starts_with("verify-"));
    let t = frame.t;
    let of_device = |(number, device): (usize, &DeviceInfo)| (device.clone(), Picture::of_device(t, number, device));
    let page = AccountPage {
        name: account.as_str().to_owned(),
        picture: Picture::of_account(t, &diagnosis),
        devices: diagnosis.devices.iter().enumerate().map(of_device).collect(),
        verdict,
        clock: console.clock(path),
        frame,
        diagnosis,
    };
    Ok(html(StatusCode::OK, &page))
}

pub(super) async fn unblock(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = form(&session, &headers, &body, &["name"])?;
    let account = fields.account()?;
    let path = account_path(account.as_str());
    let unblocked = console
        .step(move |authority| match authority.account(&account)? {
            Some(_) => authority.unblock(&account).map(Some),
            None => Ok(None),
        })
        .await?;
    let told = match unblocked.ok_or(StatusCode::NOT_FOUND)? {
        Unblock::Lifted => Sentence::new("unblock-lifted"),
        Unblock::NotBlocked => Sentence::new("unblock-not-blocked"),
        Unblock::TriesForgiven => Sentence::new("unblock-tries-forgiven"),
        Unblock::PinBudgetSpent => Sentence::new("unblock-budget-spent"),
    };
    Ok(console.told(&session, told, &path))
}

pub(super) async fn remove_device(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = form(&session, &headers, &body, &["name", "device"])?;
    let account = fields.account()?;
    let device = fields.get("device").unwrap_or_default().to_owned();
    let path = account_path(account.as_str());
    let is_removed = console.step(move |authority| authority.remove_device(&account, &device)).await?;
    if is_removed {
        Ok(console.told(&session, Sentence::new("device-removed"), &path))
    } else {
        Err(StatusCode::NOT_FOUND)
    }
}

/// Verifies a one-time password, as a relying party does. A right one is used up.
pub(super) async fn verify(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = form(&session, &headers, &body, &["name", "password"])?;
    let account = fields.account()?;
    let password = zeroize::Zeroizing::new(fields.get("password").unwrap_or_default().trim().to_owned());
    let path = account_path(account.as_str());
    let verdict = console
        .step(move |authority| match authority.account(&account)? {
            Some(_) => authority.verify_otp(&account, &password).map(Some),
            None => Ok(None),
        })
        .await?;
    let told = match verdict.ok_or(StatusCode::NOT_FOUND)? {
        Verdict::Accepted => Sentence::new("verify-accepted"),
        Verdict::Refused => Sentence::new("verify-refused"),
    };
    Ok(console.told(&session, told, &path))
}

/// Moves the clock ahead by an amount of a unit, or back to the present.
pub(super) async fn set_clock(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = Fields::of_session(&session, &headers, &body)?;
    if fields.get("reset").is_some() {
        let fields = fields.exactly(&["reset", "back"])?;
        return reset_clock(&console, &session, fields.get("reset"), fields.get("back"));
    }
    let fields = fields.exactly(&["amount", "unit", "back"])?;
    let unit = match fields.get("unit") {
        Some("seconds") => 1000,
        Some("minutes") => 60_000,
        Some("hours") => 3_600_000,
        Some("days") => 86_400_000,
        _ => return Err(StatusCode::BAD_REQUEST),
    };
    let amount = fields.get("amount").and_then(|amount| amount.trim().parse::<i64>().ok());
    let amount = amount.filter(|amount| (1..=MAX_AMOUNT).contains(amount)).ok_or(StatusCode::BAD_REQUEST)?;
    let is_moved = amount.checked_mul(unit).is_some_and(|by| console.tools.clock.advance(by));
    if !is_moved {
        return Err(StatusCode::BAD_REQUEST);
    }
    tracing::warn!(ahead_ms = console.tools.clock.ahead(), "the development console moved the service's clock");
    Ok(console.told(
        &session,
        Sentence::new("clock-told-moved"),
        super::CONSOLE.own_path(fields.get("back").unwrap_or_default()),
    ))
}

fn reset_clock(console: &Development, session: &Session, reset: Option<&str>, back: Option<&str>) -> Answer {
    if reset != Some("now") {
        return Err(StatusCode::BAD_REQUEST);
    }
    console.tools.clock.reset();
    Ok::<Response, _>(console.told(
        session,
        Sentence::new("clock-told-reset"),
        super::CONSOLE.own_path(back.unwrap_or_default()),
    ))
}
