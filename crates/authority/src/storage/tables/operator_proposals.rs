//! The table `operator_proposals`: actions of operators that wait for an approval.

use crate::domain::rows::{ProposalRow, ProposedAction};
use crate::failure::{StorageError, StorageResult};
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::Row;

/// The columns, in the order of [`read`] and `add_proposal`.
pub(super) static OPERATOR_PROPOSALS: Table =
    Table::new("operator_proposals", 1, &["id", "account", "action", "device", "reason", "made_by", "made_at"]);

const UNBLOCK: &str = "unblock";
const REMOVE_DEVICE: &str = "removeDevice";

impl Transaction<'_> {
    /// Writes a new proposal. Its id is random.
    pub(crate) fn add_proposal(&self, proposal: &ProposalRow) -> StorageResult<()> {
        let (action, device) = match &proposal.action {
            ProposedAction::Unblock => (UNBLOCK, None),
            ProposedAction::RemoveDevice { id } => (REMOVE_DEVICE, Some(id)),
        };
        let columns = params![
            &proposal.id,
            &proposal.account,
            action,
            device,
            &proposal.reason,
            &proposal.made_by,
            proposal.made_at,
        ];
        self.add_row(&OPERATOR_PROPOSALS, columns)
    }

    pub(crate) fn proposal(&self, id: &str) -> StorageResult<Option<ProposalRow>> {
        self.find_row(&OPERATOR_PROPOSALS, sql!(OPERATOR_PROPOSALS.select("WHERE id = $1")), params![id], read)
    }

    /// Returns up to `limit` proposals that were made after `since`, oldest first: those for an
    /// account, or all.
    pub(crate) fn proposals(&self, account: Option<&str>, since: i64, limit: u32) -> StorageResult<Vec<ProposalRow>> {
        match account {
            Some(account) => self.all_rows(
                &OPERATOR_PROPOSALS,
                sql!(OPERATOR_PROPOSALS.select("WHERE account = $1 AND made_at > $2 ORDER BY made_at LIMIT $3")),
                params![account, since, limit],
                read,
            ),
            None => self.all_rows(
                &OPERATOR_PROPOSALS,
                sql!(OPERATOR_PROPOSALS.select("WHERE made_at > $1 ORDER BY made_at LIMIT $2")),
                params![since, limit],
                read,
            ),
        }
    }

    /// Removes a proposal that this transaction has read.
    pub(crate) fn remove_proposal(&self, id: &str) -> StorageResult<()> {
        self.change("DELETE FROM operator_proposals WHERE id = $1", params![id])
    }
}

fn read(mut row: Row) -> StorageResult<ProposalRow> {
    let (id, account) = (row.get()?, row.get()?);
    let (action, device): (String, Option<String>) = (row.get()?, row.get()?);
    let action = match (action.as_str(), device) {
        (UNBLOCK, None) => ProposedAction::Unblock,
        (REMOVE_DEVICE, Some(id)) => ProposedAction::RemoveDevice { id },
        _ => return Err(StorageError::new("a proposal has no known action")),
    };
    Ok(ProposalRow { id, account, action, reason: row.get()?, made_by: row.get()?, made_at: row.get()? })
}
