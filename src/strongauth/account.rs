//! The account: SMS codes, phone numbers, the block, the removal.

use inwebo::client::EngineError;
use inwebo::cvs::{CvsAnswer, CvsRequest, Purpose};
use inwebo::values::SmsCode;

use super::machine::Operation;
use super::record::{Block, Intent, Record, Tickets};
use super::{Failure, StrongAuthentication};
use crate::log;

impl StrongAuthentication {
    /// Requests an SMS code. It goes to `phone_number` for a certification, else to the trusted
    /// number.
    pub fn request_code(&mut self, purpose: Purpose, phone_number: Option<&str>) -> Result<(), Failure> {
        if purpose == Purpose::Enrollment {
            // The code could not be used.
            self.record.used.check_activation(self.limits)?;
        }
        self.begin()?;
        let ticket = match self.cvs(&CvsRequest::SendCode { purpose, phone_number })? {
            CvsAnswer::Ticket(ticket) => Some(ticket),
            CvsAnswer::Done | CvsAnswer::PhoneNumber(_) | CvsAnswer::Devices(_) | CvsAnswer::Refused(_) => None,
        };
        // A new code makes the previous code and its ticket void.
        if self.record.tickets.put(purpose, ticket)
            && let Err(error) = self.write()
        {
            // The SMS is on its way. The code can still be used, unless the library restarts.
            log::warning!("the ticket of the SMS code could not be written: {error}");
        }
        Ok(())
    }

    /// Returns the account's trusted phone number.
    pub fn trusted_phone_number(&mut self) -> Result<String, Failure> {
        self.begin()?;
        match self.cvs(&CvsRequest::TrustedPhoneNumber)? {
            CvsAnswer::PhoneNumber(number) => Ok(number),
            _ => Err(Failure::Engine(EngineError::Unusable("it has no phone number"))),
        }
    }

    /// Registers the trusted phone number if the account has none.
    pub fn add_phone_number(&mut self, code: &SmsCode, phone_number: &str) -> Result<(), Failure> {
        self.begin()?;
        self.cvs(&CvsRequest::AddPhoneNumber { sms_code: code.as_str(), phone_number }).map(drop)
    }

    /// Replaces the trusted phone number.
    pub fn modify_phone_number(&mut self, code: &SmsCode, phone_number: &str) -> Result<(), Failure> {
        self.begin()?;
        let outcome = self.cvs(&CvsRequest::ModifyPhoneNumber { sms_code: code.as_str(), phone_number }).map(drop);
        self.record_outcome(outcome)
    }

    /// Returns the last known state of a block. If the device is enrolled, this asks the service
    /// first. Without an answer, the state stays as last known.
    pub fn block(&mut self) -> Result<Option<Block>, Failure> {
        let Some(device) = self.record.enrolled_device().cloned() else { return Ok(self.record.block) };
        self.check_storage()?;
        self.begin()?;
        self.block_times.set(None);
        // The answer counts even if it cannot be written, because the service will give it again.
        if let Ok(verdict) = self.request_status(&device)
            && self.record.apply_verdict(verdict.as_ref().copied(), self.host.now())
            && let Err(error) = self.write()
        {
            log::warning!("the status of the account could not be written: {error}");
        }
        Ok(self.record.block)
    }

    /// Removes all enrollments of the account at the service, then this device's. A device that
    /// cannot reach the service keeps its enrollment.
    pub fn remove(&mut self) -> Result<(), Failure> {
        self.check_storage()?;
        self.begin()?;
        self.permit(Operation::Remove)?;
        self.transport.check_account()?;
        let before = self.record.intent;
        if self.record.enrollment.is_some() && self.record.intent != Some(Intent::Remove) {
            self.record.intent = Some(Intent::Remove);
            self.save()?;
        }
        match self.cvs(&CvsRequest::RemoveEnrollments) {
            Ok(_) => {
                let Record { enrollment, serial, tickets, outdated, .. } = &self.record;
                let had_nothing =
                    enrollment.is_none() && serial.is_none() && *tickets == Tickets::default() && !outdated;
                self.forget_enrollment();
                if had_nothing { Ok(()) } else { self.save() }
            }
            Err(failure) => {
                // If the service may have removed the enrollments, the intent stays, also that of
                // an earlier removal whose answer was lost.
                if !failure.may_be_done() && self.record.intent != before {
                    self.record.intent = before;
                    self.save()?;
                }
                self.record_outcome(Err(failure))
            }
        }
    }
}
