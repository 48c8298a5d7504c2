//! Four eyes: an operator proposes an action for an account, and another operator approves it.
//!
//! The transaction of an approval also runs the action, and removes the proposal. So the action
//! runs once, whatever operators approve it at the same time, and never after the proposal has
//! ended: it was withdrawn, its time is over, its account was removed, or another proposal of the
//! same action was approved.

use crate::account::AccountName;
use crate::admin::{self, Unblock};
use crate::audit;
use crate::devices;
use crate::domain::code::DAY;
use crate::domain::moment;
use crate::domain::rows::{ProposalRow, ProposedAction};
use crate::failure::Failure;
use crate::random;
use crate::reason::Reason;
use crate::step::{Context, Step};

/// The time in which a proposal can be approved.
const LIFETIME: i64 = DAY;

/// The maximum number of open proposals of an account.
const MAX_OPEN: u32 = 20;

/// The maximum number of open proposals of an actor. One operator alone leaves room for others.
const MAX_OF_ACTOR: usize = 100;

/// The maximum number of open proposals. So a list has all of them.
const MAX_ALL: u32 = 1000;

/// The number of characters of the id of a proposal.
const ID_LENGTH: usize = 32;

/// An action that another operator must approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Lifts the block of the account, as [`Authority::unblock`](crate::Authority::unblock) does.
    Unblock,
    /// Removes a device, as [`Authority::remove_device`](crate::Authority::remove_device) does.
    RemoveDevice {
        /// The id of the device, or its short id. A [`Proposal`] has the whole id.
        id: String,
    },
}

/// The result of [`Authority::propose`](crate::Authority::propose).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// The proposal was made.
    Made {
        /// Its id.
        id: String,
    },
    /// There is no such account.
    NoAccount,
    /// The account has no such device.
    NoDevice,
    /// The account has 20 open proposals, the caller has made 100, or there are 1000.
    TooMany,
}

/// A proposal that is open: nobody approved or ended it, and its time is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its id: 32 characters.
    pub id: String,
    /// The account of the action.
    pub account: AccountName,
    /// The action.
    pub action: Action,
    /// The reason of the operator that proposed it.
    pub reason: String,
    /// The actor that proposed it, in the form of the audit trail.
    pub by: String,
    /// The time at which it was made, in milliseconds since 1970 in UTC.
    pub made_at: i64,
    /// The time at which it ends by itself, in milliseconds since 1970 in UTC.
    pub ends_at: i64,
}

/// The result of [`Authority::approve_proposal`](crate::Authority::approve_proposal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approved {
    /// The block was to be lifted, with this result.
    Unblocked(Unblock),
    /// The device was removed.
    DeviceRemoved,
    /// The device was removed before. The proposal has ended.
    NothingToDo,
    /// The caller proposed the action itself. Nothing changed, and the proposal is still open.
    SameOperator,
    /// There is no open proposal with this id: there was none, or it has ended.
    Unknown,
}

/// Answers [`Authority::propose`](crate::Authority::propose).
pub(crate) fn propose(
    ctx: &Context<'_>,
    account: &AccountName,
    action: &Action,
    reason: &Reason,
) -> Result<Proposed, Failure> {
    let id = random::hex::<16>()?;
    let origin = ctx.origin.with_reason(Some(reason.as_str()));
    ctx.step("proposal.make", |step| {
        let name = account.as_str();
        if step.rows.account(name)?.is_none() {
            return Ok(Proposed::NoAccount);
        }
        let action = match action {
            Action::Unblock => ProposedAction::Unblock,
            Action::RemoveDevice { id } => match devices::find(step, name, id)? {
                Some(device) => ProposedAction::RemoveDevice { id: device.id },
                None => return Ok(Proposed::NoDevice),
            },
        };
        if is_full(step, name, &origin.actor)? {
            return Ok(Proposed::TooMany);
        }
        let proposal = ProposalRow {
            id: id.clone(),
            account: name.to_owned(),
            action,
            reason: reason.as_str().to_owned(),
            made_by: origin.actor.clone(),
            made_at: step.now,
        };
        step.rows.add_proposal(&proposal)?;
        record(&step.with_origin(&origin), &proposal, audit::OPERATOR_PROPOSED)?;
        Ok(Proposed::Made { id: id.clone() })
    })
}

/// Answers [`Authority::proposals`](crate::Authority::proposals).
pub(crate) fn proposals(ctx: &Context<'_>, account: Option<&AccountName>) -> Result<Vec<Proposal>, Failure> {
    ctx.step("proposals.list", |step| {
        let found = open_proposals(step, account.map(AccountName::as_str), MAX_ALL)?;
        Ok(found.into_iter().map(Proposal::from).collect())
    })
}

/// Answers [`Authority::proposal`](crate::Authority::proposal).
pub(crate) fn proposal(ctx: &Context<'_>, id: &str) -> Result<Option<Proposal>, Failure> {
    ctx.step("proposal.read", |step| Ok(find_open(step, id)?.map(Proposal::from)))
}

/// Answers [`Authority::approve_proposal`](crate::Authority::approve_proposal).
pub(crate) fn approve(ctx: &Context<'_>, id: &str) -> Result<Approved, Failure> {
    ctx.step("proposal.approve", |step| {
        let Some(proposal) = find_open(step, id)? else { return Ok(Approved::Unknown) };
        if proposal.made_by == step.origin.actor {
            step.audit(Some(&proposal.account), None, audit::OPERATOR_REFUSED)?;
            return Ok(Approved::SameOperator);
        }
        // The others that ask for the same have their wish. One of them could lift a later block,
        // of which no operator that proposed knows.
        for open in open_proposals(step, Some(&proposal.account), MAX_ALL)? {
            if open.action == proposal.action {
                step.rows.remove_proposal(&open.id)?;
            }
        }
        let origin = step.origin.with_reason(Some(&proposal.reason));
        let step = &step.with_origin(&origin);
        record(step, &proposal, audit::OPERATOR_APPROVED)?;
        match &proposal.action {
            ProposedAction::Unblock => admin::unblock_in(step, &proposal.account).map(Approved::Unblocked),
            ProposedAction::RemoveDevice { id } => {
                let removed = admin::remove_device_in(step, &proposal.account, id)?;
                Ok(if removed { Approved::DeviceRemoved } else { Approved::NothingToDo })
            }
        }
    })
}

/// Answers [`Authority::end_proposal`](crate::Authority::end_proposal).
pub(crate) fn end(ctx: &Context<'_>, id: &str) -> Result<bool, Failure> {
    ctx.step("proposal.end", |step| {
        let Some(proposal) = find_open(step, id)? else { return Ok(false) };
        step.rows.remove_proposal(&proposal.id)?;
        record(step, &proposal, audit::OPERATOR_REJECTED)?;
        Ok(true)
    })
}

/// Finds an open proposal. A text that is no id of a proposal is looked up nowhere.
fn find_open(step: &Step<'_>, id: &str) -> Result<Option<ProposalRow>, Failure> {
    let is_id = id.len() == ID_LENGTH && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let found = if is_id { step.rows.proposal(id)? } else { None };
    Ok(found.filter(|proposal| is_open(step, proposal)))
}

/// Returns the open proposals for an account, or all, oldest first.
fn open_proposals(step: &Step<'_>, account: Option<&str>, limit: u32) -> Result<Vec<ProposalRow>, Failure> {
    let found = step.rows.proposals(account, step.now.saturating_sub(LIFETIME), limit)?;
    Ok(found.into_iter().filter(|proposal| is_open(step, proposal)).collect())
}

/// Returns whether no further proposal of an actor for an account has room.
fn is_full(step: &Step<'_>, account: &str, actor: &str) -> Result<bool, Failure> {
    let reaches = |count: usize, maximum: u32| count >= usize::try_from(maximum).unwrap_or(usize::MAX);
    if reaches(open_proposals(step, Some(account), MAX_OPEN)?.len(), MAX_OPEN) {
        return Ok(true);
    }
    let all = open_proposals(step, None, MAX_ALL)?;
    let of_actor = all.iter().filter(|proposal| proposal.made_by == actor).count();
    Ok(reaches(all.len(), MAX_ALL) || of_actor >= MAX_OF_ACTOR)
}

fn is_open(step: &Step<'_>, proposal: &ProposalRow) -> bool {
    moment::time_left(proposal.made_at, LIFETIME, step.now).is_some()
}

/// Records an event of a proposal. The row names the device if the action is about one.
fn record(step: &Step<'_>, proposal: &ProposalRow, event: &'static str) -> Result<(), Failure> {
    let device = match &proposal.action {
        ProposedAction::Unblock => None,
        ProposedAction::RemoveDevice { id } => Some(id.as_str()),
    };
    step.audit(Some(&proposal.account), device, event)
}

impl From<ProposalRow> for Proposal {
    fn from(row: ProposalRow) -> Self {
        let ProposalRow { id, account, action, reason, made_by, made_at } = row;
        let action = match action {
            ProposedAction::Unblock => Action::Unblock,
            ProposedAction::RemoveDevice { id } => Action::RemoveDevice { id },
        };
        let (account, ends_at) = (AccountName::stored(account), made_at.saturating_add(LIFETIME));
        Self { id, account, action, reason, by: made_by, made_at, ends_at }
    }
}
