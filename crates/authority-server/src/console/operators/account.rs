//! The page of an account: why its user cannot log in, its devices, and what happened to it.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::form::{Fields, account_path};
use super::super::page::{self, Frame};
use super::super::texts::{Sentence, Texts};
use super::Told;
use super::findings::FindingView;
use super::trail::{self, Trail};
use super::visit::{Refusal, Visit};
use crate::config::Role;
use authority::{AccountInfo, DeviceInfo, Diagnosis, Keystore, Weight};

/// The page of an account.
#[derive(Template)]
#[template(path = "operators/account.html")]
struct AccountPage {
    frame: Frame,
    name: String,
    /// The state of the account. `None`: there is no such account.
    state: Option<StateView>,
    may_unblock: bool,
    may_remove: bool,
    four_eyes: bool,
    /// The number of open proposals for the account.
    proposals: usize,
    trail: Trail,
}

/// The state of an account.
struct StateView {
    findings: Vec<FindingView>,
    has_obstacle: bool,
    info: AccountInfo,
    blocked_until: Option<Told>,
    devices: Vec<DeviceView>,
}

/// A device.
struct DeviceView {
    info: DeviceInfo,
    made: Told,
    used: Option<Told>,
    /// The states of the device that are not the usual one.
    states: Vec<Sentence>,
    keystore: Sentence,
}

pub(super) async fn page(visit: Visit, RawQuery(text): RawQuery) -> Result<Response, Refusal> {
    visit.require(Role::Read).await?;
    let fields = Fields::of_query(text.as_deref(), &["name", "before"])?;
    let name = fields.account()?;
    let before = trail::before(fields.get("before"))?;
    let account = name.clone();
    let work = move |authority: &authority::Authority| {
        let entries = trail::read(authority, Some(&account), before)?;
        Ok((authority.diagnose(&account)?, entries, authority.proposals(Some(&account))?.len()))
    };
    let (diagnosis, entries, proposals) = visit.service().step(work).await?;
    let path = account_path(name.as_str());
    let at = diagnosis.as_ref().map_or_else(|| visit.now(), |diagnosis| diagnosis.at);
    let status = if diagnosis.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let title = Sentence::new("account-title").with("name", name.as_str().to_owned());
    let page = AccountPage {
        trail: Trail::new(entries, &format!("{path}&"), at, visit.t),
        frame: visit.frame(title, path),
        name: name.as_str().to_owned(),
        state: diagnosis.map(|diagnosis| StateView::new(diagnosis, visit.t)),
        may_unblock: visit.operator.has(Role::Unblock),
        may_remove: visit.operator.has(Role::Remove),
        four_eyes: visit.console.guard.four_eyes,
        proposals,
    };
    Ok(page::html(status, &page))
}

impl StateView {
    fn new(diagnosis: Diagnosis, t: Texts) -> Self {
        let Diagnosis { at, account, devices, findings } = diagnosis;
        Self {
            has_obstacle: findings.iter().any(|finding| finding.weight == Weight::Obstacle),
            findings: findings.iter().map(|finding| FindingView::new(finding, &devices, at, t)).collect(),
            blocked_until: account.blocked_until.map(|until| Told::new(until, at, t)),
            info: account,
            devices: devices.into_iter().map(|device| DeviceView::new(device, at, t)).collect(),
        }
    }
}

impl DeviceView {
    fn new(info: DeviceInfo, now: i64, t: Texts) -> Self {
        let states = [
            (info.pending && info.needs_approval, Sentence::new("device-waits-approval")),
            (info.pending && !info.needs_approval, Sentence::new("device-waits-confirmation")),
            (info.suspended, Sentence::new("device-suspended")),
            (info.suspected_at.is_some(), Sentence::new("device-suspected")),
        ];
        let keystore = match info.keystore {
            Some(Keystore::Hardware) => Sentence::new("keystore-hardware"),
            Some(Keystore::Software) => Sentence::new("keystore-software"),
            None => Sentence::new("keystore-unknown"),
        };
        Self {
            made: Told::new(info.made_at, now, t),
            used: info.used_at.map(|at| Told::new(at, now, t)),
            states: states.into_iter().filter_map(|(is, sentence)| is.then_some(sentence)).collect(),
            keystore,
            info,
        }
    }
}
