//! The actions on an account: unblocking, and the removal of one device. Each needs a reason. With
//! four eyes, both are proposals, which another operator approves.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::form::account_path;
use super::super::texts::Sentence;
use super::visit::{Refusal, Visit};
use crate::config::Role;
use authority::{AccountName, Action, Proposed, Reason, Unblock};

pub(super) async fn unblock(visit: Visit, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let fields = visit.form(&headers, &body, &["name", "reason"])?;
    visit.require(Role::Unblock).await?;
    let account = fields.account()?;
    let Some(reason) = fields.get("reason").and_then(Reason::new) else { return Ok(without_reason(&visit)) };
    if visit.console.guard.four_eyes {
        return propose(&visit, account, Action::Unblock, reason).await;
    }
    let (actor, address, name) = (visit.actor(), visit.address, account.clone());
    let work = move |authority: &authority::Authority| {
        let exists = authority.account(&name)?.is_some();
        let authority = authority.acting_as(&actor, address).because(&reason);
        Ok(if exists { Some(authority.unblock(&name)?) } else { None })
    };
    let unblocked = visit.service().step(work).await?.ok_or(StatusCode::NOT_FOUND)?;
    Ok(visit.tell(unblocked_in_words(unblocked), &account_path(account.as_str())))
}

pub(super) async fn remove_device(visit: Visit, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let fields = visit.form(&headers, &body, &["name", "device", "reason"])?;
    visit.require(Role::Remove).await?;
    let account = fields.account()?;
    let device = fields.get("device").unwrap_or_default().to_owned();
    let Some(reason) = fields.get("reason").and_then(Reason::new) else { return Ok(without_reason(&visit)) };
    if visit.console.guard.four_eyes {
        return propose(&visit, account, Action::RemoveDevice { id: device }, reason).await;
    }
    let (actor, address, name) = (visit.actor(), visit.address, account.clone());
    let work = move |authority: &authority::Authority| {
        authority.acting_as(&actor, address).because(&reason).remove_device(&name, &device)
    };
    if !visit.service().step(work).await? {
        return Ok(visit.error(StatusCode::NOT_FOUND, Sentence::new("no-such-device")));
    }
    Ok(visit.tell(Sentence::new("done-device-removed"), &account_path(account.as_str())))
}

/// Asks for an action that another operator must approve.
async fn propose(visit: &Visit, account: AccountName, action: Action, reason: Reason) -> Result<Response, Refusal> {
    let (actor, address, name) = (visit.actor(), visit.address, account.clone());
    let work =
        move |authority: &authority::Authority| authority.acting_as(&actor, address).propose(&name, &action, &reason);
    match visit.service().step(work).await? {
        Proposed::Made { id: _ } => Ok(visit.tell(Sentence::new("done-proposed"), "proposals")),
        Proposed::TooMany => Ok(visit.tell(Sentence::new("too-many-proposals"), &account_path(account.as_str()))),
        Proposed::NoAccount => Err(StatusCode::NOT_FOUND.into()),
        Proposed::NoDevice => Ok(visit.error(StatusCode::NOT_FOUND, Sentence::new("no-such-device"))),
    }
}

/// Returns the result of unblocking in words.
pub(super) fn unblocked_in_words(unblocked: Unblock) -> Sentence {
    match unblocked {
        Unblock::Lifted => Sentence::new("done-unblocked"),
        Unblock::NotBlocked => Sentence::new("done-not-blocked"),
        Unblock::TriesForgiven => Sentence::new("done-tries-forgiven"),
        Unblock::PinBudgetSpent => Sentence::new("done-budget-spent"),
    }
}

fn without_reason(visit: &Visit) -> Response {
    visit.error(StatusCode::BAD_REQUEST, Sentence::new("reason-rule"))
}
