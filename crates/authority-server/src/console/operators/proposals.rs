//! Four eyes: the open proposals, and their approval by another operator.

use askama::Template;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::form::{Fields, account_path};
use super::super::page::{self, Frame};
use super::super::texts::{Sentence, Texts};
use super::Told;
use super::actions::unblocked_in_words;
use super::trail::actor_in_words;
use super::visit::{Refusal, Visit};
use crate::config::Role;
use authority::{Action, Approved, Proposal};

/// The page of the proposals.
#[derive(Template)]
#[template(path = "operators/proposals.html")]
struct ProposalsPage {
    frame: Frame,
    four_eyes: bool,
    proposals: Vec<ProposalView>,
}

/// A proposal.
struct ProposalView {
    id: String,
    account: String,
    link: String,
    action: Sentence,
    device: Option<String>,
    reason: String,
    by: String,
    made: Told,
    ends: Told,
    /// The operator of the page made it.
    is_own: bool,
    /// The operator has the role of the action.
    may_decide: bool,
}

pub(super) async fn page(visit: Visit, RawQuery(text): RawQuery) -> Result<Response, Refusal> {
    visit.require(Role::Read).await?;
    Fields::of_query(text.as_deref(), &[])?;
    let proposals = visit.service().step(|authority| authority.proposals(None)).await?;
    let now = visit.now();
    let proposals = proposals.into_iter().map(|proposal| ProposalView::new(proposal, &visit, now)).collect();
    let four_eyes = visit.console.guard.four_eyes;
    let frame = visit.frame(Sentence::new("proposals-title"), "proposals");
    Ok(page::html(StatusCode::OK, &ProposalsPage { frame, four_eyes, proposals }))
}

impl ProposalView {
    fn new(proposal: Proposal, visit: &Visit, now: i64) -> Self {
        let t: Texts = visit.t;
        let (is_own, may_decide) = (is_own(&proposal, visit), visit.operator.has(role_of(&proposal.action)));
        let Proposal { id, account, action, reason, by, made_at, ends_at } = proposal;
        let (action, device) = match action {
            Action::Unblock => (Sentence::new("action-unblock"), None),
            Action::RemoveDevice { id } => (Sentence::new("action-remove-device"), Some(id)),
        };
        Self {
            id,
            link: account_path(account.as_str()),
            account: account.as_str().to_owned(),
            action,
            device,
            reason,
            by: actor_in_words(&by, t),
            made: Told::new(made_at, now, t),
            ends: Told::new(ends_at, now, t),
            is_own,
            may_decide,
        }
    }
}

fn is_own(proposal: &Proposal, visit: &Visit) -> bool {
    proposal.by == visit.actor().to_string()
}

/// Returns the role that an action needs.
fn role_of(action: &Action) -> Role {
    match action {
        Action::Unblock => Role::Unblock,
        Action::RemoveDevice { .. } => Role::Remove,
    }
}

/// Runs the action of a proposal of another operator.
pub(super) async fn approve(visit: Visit, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let Some(proposal) = proposal(&visit, &headers, &body).await? else { return Ok(ended(&visit)) };
    visit.require(role_of(&proposal.action)).await?;
    let (actor, address) = (visit.actor(), visit.address);
    let id = proposal.id.clone();
    let approved =
        visit.service().step(move |authority| authority.acting_as(&actor, address).approve_proposal(&id)).await?;
    let sentence = match approved {
        Approved::Unblocked(unblocked) => unblocked_in_words(unblocked),
        Approved::DeviceRemoved => Sentence::new("done-device-removed"),
        Approved::NothingToDo => Sentence::new("done-device-gone"),
        Approved::Unknown => return Ok(ended(&visit)),
        Approved::SameOperator => {
            tracing::warn!(operator = visit.operator.name, "an operator tried to approve its own proposal");
            visit.service().metrics.operator_refused("four_eyes");
            return Ok(visit.error(StatusCode::FORBIDDEN, Sentence::new("own-proposal")));
        }
    };
    Ok(visit.tell(sentence, &account_path(proposal.account.as_str())))
}

/// Ends a proposal: withdraws the operator's own one, or rejects another one.
pub(super) async fn reject(visit: Visit, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let Some(proposal) = proposal(&visit, &headers, &body).await? else { return Ok(ended(&visit)) };
    let is_own = is_own(&proposal, &visit);
    if !is_own {
        visit.require(role_of(&proposal.action)).await?;
    }
    let (actor, address) = (visit.actor(), visit.address);
    let has_ended =
        visit.service().step(move |authority| authority.acting_as(&actor, address).end_proposal(&proposal.id)).await?;
    let sentence = match (has_ended, is_own) {
        (false, _) => return Ok(ended(&visit)),
        (true, true) => Sentence::new("done-withdrawn"),
        (true, false) => Sentence::new("done-rejected"),
    };
    Ok(visit.tell(sentence, "proposals"))
}

/// Reads the proposal that a form names. `None`: it is not open.
async fn proposal(visit: &Visit, headers: &HeaderMap, body: &[u8]) -> Result<Option<Proposal>, Refusal> {
    let fields = visit.form(headers, body, &["id"])?;
    let id = fields.get("id").unwrap_or_default().to_owned();
    Ok(visit.service().step(move |authority| authority.proposal(&id)).await?)
}

fn ended(visit: &Visit) -> Response {
    visit.error(StatusCode::NOT_FOUND, Sentence::new("proposal-ended"))
}
