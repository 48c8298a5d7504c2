//! The events of the account, as notices for this device.

use inwebo::client::Device;
use inwebo::client::messages::{self, Challenge, Notice, Page};

use super::machine::Operation;
use super::{Failure, StrongAuthentication};

/// Most notices of one operation.
const MAX_NOTICES: usize = 500;

impl StrongAuthentication {
    /// Returns the notices that the service has for this device, the oldest first.
    pub fn notices(&mut self) -> Result<Vec<Notice>, Failure> {
        self.notices_after(0)
    }

    /// Returns the notices after the last one that was told, the oldest first.
    pub fn new_notices(&mut self) -> Result<Vec<Notice>, Failure> {
        self.notices_after(self.record.last_notice)
    }

    /// Stores that the subscribers of this device got the notices up to this number.
    pub fn store_last_notice(&mut self, number: u64) {
        if self.record.enrolled_device().is_some() && number > self.record.last_notice {
            self.record.last_notice = number;
            // If it cannot be written, the notices are told again after a restart.
            self.write_or_warn();
        }
    }

    fn notices_after(&mut self, number: u64) -> Result<Vec<Notice>, Failure> {
        self.repair()?;
        let enrolled = self.enrolled(Operation::ReadEvents)?;
        let device = enrolled.device;
        let outcome = enrolled.component.ask_for_notices(&device, number);
        self.record_outcome(outcome)
    }

    fn ask_for_notices(&self, device: &Device, mut after: u64) -> Result<Vec<Notice>, Failure> {
        let mut all = Vec::new();
        loop {
            let xml = self.mac(&messages::setup(&self.client, device))?;
            let xml = self.mac(&Challenge::read(&xml)?.finalize(&self.client, device, after))?;
            let Page { notices, more } = messages::read(&xml, after)?;
            after = notices.last().map_or(after, |last| last.number);
            all.extend(notices);
            if !more || all.len() >= MAX_NOTICES {
                all.truncate(MAX_NOTICES);
                return Ok(all);
            }
        }
    }
}
