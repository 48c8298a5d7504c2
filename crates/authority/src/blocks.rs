//! Blocks of an account that do not end by themselves.

use crate::audit;
use crate::domain::message::Notice;
use crate::domain::pin::Block;
use crate::domain::rows::AccountRow;
use crate::failure::Failure;
use crate::notices::Event;
use crate::step::Step;

impl Step<'_> {
    /// Blocks an account for another reason than wrong PINs. The block does not end by itself, also
    /// if one was in progress that does. `by` is the id of the device that caused it. If the
    /// account has such a block already, nothing is told.
    pub(crate) fn block_account(&self, account: &mut AccountRow, by: &str) -> Result<(), Failure> {
        let is_news = !matches!(self.block(account)?, Some(Block::Tries | Block::Budget));
        account.blocked = true;
        self.put_account(account)?;
        // A row that is left over would make it a block that ends by itself.
        self.rows.remove_timed_block(&account.name)?;
        if is_news { self.record_lasting_block(account, Some(by), Block::Tries) } else { Ok(()) }
    }

    /// Records that an account is blocked until its PIN is reset, and tells of it. `by` is the id
    /// of the device that caused it.
    pub(crate) fn record_lasting_block(
        &self,
        account: &AccountRow,
        by: Option<&str>,
        block: Block,
    ) -> Result<(), Failure> {
        self.tally(|tally| tally.lasting_blocks += 1);
        self.audit(Some(&account.name), by, audit::ACCOUNT_BLOCKED)?;
        if block == Block::Budget {
            self.audit(Some(&account.name), by, audit::PIN_BUDGET_SPENT)?;
        }
        self.notify(account, &Event::new(Notice::Block, by))
    }
}
