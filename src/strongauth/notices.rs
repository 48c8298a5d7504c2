//! The events of the account, as notices for this device.

use inwebo::client::Device;
use inwebo::client::messages::{self, Challenge, Notice, Page};

use super::machine::Operation;
use super::{Failure, StrongAuthentication};

/// Most notices of one operation.
const MAX_NOTICES: usize = 500;

/// Most answers of the service that one operation reads. An answer of our service has 50 notices.
const MAX_ANSWERS: usize = 40;

/// Notices that are kept if there are more than [`MAX_NOTICES`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// The oldest ones. The next operation goes on after them.
    Oldest,
    /// The newest ones: many older events must not hide them.
    Newest,
}

/// Notices that no subscriber got yet.
#[derive(Debug)]
pub struct NewNotices {
    /// The id of the device that asked.
    pub device: String,
    /// The notices, the oldest first.
    pub notices: Vec<Notice>,
}

impl StrongAuthentication {
    /// Returns the newest notices that the service has for this device, the oldest of them first.
    pub fn notices(&mut self) -> Result<Vec<Notice>, Failure> {
        self.notices_after(0, Kept::Newest)
    }

    /// Returns the notices after the last one that was told.
    pub fn new_notices(&mut self) -> Result<NewNotices, Failure> {
        let notices = self.notices_after(self.record.last_notice, Kept::Oldest)?;
        // The device was enrolled before its question, and no answer of it ended that.
        let device = self.record.enrolled_device().map(|device| device.id.clone()).unwrap_or_default();
        Ok(NewNotices { device, notices })
    }

    /// Stores that the subscribers of the device with this id got the notices up to this number.
    /// Meanwhile another device may be enrolled here: its account has other numbers.
    pub fn store_last_notice(&mut self, device: &str, number: u64) {
        let is_same = self.record.enrolled_device().is_some_and(|enrolled| enrolled.id == device);
        if is_same && number > self.record.last_notice {
            self.record.last_notice = number;
            // If it cannot be written, the notices are told again after a restart.
            self.write_or_warn();
        }
    }

    fn notices_after(&mut self, number: u64, kept: Kept) -> Result<Vec<Notice>, Failure> {
        self.repair()?;
        let enrolled = self.enrolled(Operation::ReadEvents)?;
        let device = enrolled.device;
        let outcome = enrolled.component.ask_for_notices(&device, number, kept);
        self.record_outcome(outcome)
    }

    fn ask_for_notices(&self, device: &Device, mut after: u64, kept: Kept) -> Result<Vec<Notice>, Failure> {
        let mut all = Vec::new();
        for _ in 0..MAX_ANSWERS {
            let xml = self.mac(&messages::setup(&self.client, device))?;
            let xml = self.mac(&Challenge::read(&xml)?.finalize(&self.client, device, after))?;
            let Page { notices, more } = messages::read(&xml, after)?;
            after = notices.last().map_or(after, |last| last.number);
            all.extend(notices);
            let too_many = all.len().saturating_sub(MAX_NOTICES);
            match kept {
                Kept::Oldest => all.truncate(MAX_NOTICES),
                Kept::Newest => drop(all.drain(..too_many)),
            }
            if !more || (kept == Kept::Oldest && all.len() == MAX_NOTICES) {
                break;
            }
        }
        Ok(all)
    }
}
