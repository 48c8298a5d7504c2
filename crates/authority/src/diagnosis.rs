//! The diagnosis of an account: the causes for which its user cannot log in, or soon cannot.
//!
//! Each cause comes from the function that refuses the user's request. There is no second copy of
//! a rule here.

use inwebo::cvs::{CvsRefusal, Purpose};

use crate::account::AccountName;
use crate::admin::{self, AccountInfo, DeviceInfo, MAX_LIST};
use crate::audit;
use crate::devices::{self, Devices};
use crate::domain::budget::NumberStatus;
use crate::domain::code::{self as rules, DAY};
use crate::domain::day_limit::{self, DayLimit};
use crate::domain::pin::{self, Block};
use crate::domain::rows::{AccountRow, CodePurpose, Confirmation, DeviceRow, MessageKind, TraitsRow};
use crate::domain::{moment, pin_proof};
use crate::failure::Failure;
use crate::step::{Context, Step};
use crate::storage::AuditRow;
use crate::{approvals, cvs, pending_devices, sms_queue};

/// The maximum number of messages of an account that a diagnosis reads.
const MAX_MESSAGES: u32 = 20;

/// The result of [`Authority::diagnose`](crate::Authority::diagnose).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The time of the diagnosis by the service's clock, in milliseconds since 1970 in UTC. All
    /// times of the findings are of the same clock.
    pub at: i64,
    /// The account.
    pub account: AccountInfo,
    /// Its devices, the newest first.
    pub devices: Vec<DeviceInfo>,
    /// The findings: obstacles first, then warnings, then notes.
    pub findings: Vec<Finding>,
}

/// A finding of a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// Its weight.
    pub weight: Weight,
}

/// The weight of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The service refuses a request now that the user needs to log in.
    Obstacle,
    /// The service refuses nothing now that the user needs to log in. It may soon, or it refuses
    /// another request of the account.
    Warning,
    /// A fact that helps to understand the user's report.
    Note,
}

/// The cause of a finding. Times are in milliseconds since 1970 in UTC. A device is named by its
/// whole id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The account has no trusted phone number, so it gets no code for an enrollment or a new PIN.
    NoPhoneNumber,
    /// No SMS may go to the trusted number: the policy does not permit its country, or it is no
    /// number.
    NumberNotPermitted,
    /// The trusted number replaced another one, and gets no codes before `until`.
    NumberCooling {
        /// The end of the wait.
        until: i64,
    },
    /// The account has no number and is too new to certify one.
    NewAccount {
        /// The end of the wait.
        until: i64,
    },
    /// The account has no device.
    NoDevice,
    /// The account has no PIN. Its next activation sets one.
    NoPin,
    /// The account is blocked.
    Blocked {
        /// The time at which the block ends by itself. `None` if only a reset of the PIN or an
        /// operator ends it.
        until: Option<i64>,
    },
    /// The account is blocked because the budget of wrong PINs is spent. An operator cannot lift
    /// this block: only a reset of the PIN does.
    PinBudgetSpent,
    /// A device waits for its confirmation by another device. Until then it does nothing.
    DevicePending {
        /// The device.
        device: String,
        /// True if the confirmation is an approval by a number.
        needs_approval: bool,
        /// The time at which the device is removed if nobody confirms it.
        until: i64,
    },
    /// A device is suspended because a second copy of it is suspected. A reset of its PIN with an
    /// SMS code ends that.
    DeviceSuspended {
        /// The device.
        device: String,
    },
    /// A second copy of a device is suspected.
    SecondCopySuspected {
        /// The device.
        device: String,
        /// The time of the last sign of it.
        at: i64,
    },
    /// A device made all the one-time passwords that it may make today.
    PasswordsOfDaySpent {
        /// The device.
        device: String,
        /// The begin of the next day of UTC.
        until: i64,
    },
    /// The account has its maximum number of devices, so another one cannot be activated.
    TooManyDevices {
        /// The maximum number.
        max: u32,
    },
    /// The account requested all the SMS codes of an hour or a day, or its code lost all its tries.
    CodesSpent {
        /// The time at which it may request the next one.
        until: i64,
    },
    /// A live SMS code waits to be used.
    CodeSent {
        /// Its purpose.
        purpose: Purpose,
        /// The time at which it was made.
        at: i64,
        /// The end of its lifetime.
        until: i64,
        /// The number of wrong tries that are left.
        tries_left: u32,
    },
    /// An SMS of the account waits for the gateway.
    SmsWaiting {
        /// The time at which it was queued.
        since: i64,
        /// The number of tries that the gateway did not accept, and the one in progress.
        tries: u32,
    },
    /// Wrong PINs that no right one forgave.
    PinTries {
        /// Their number.
        tries: u32,
        /// The number of further wrong PINs that block the account.
        left: u32,
    },
    /// Wrong K1s that devices of the account proved without their PIN.
    UnprovedTries {
        /// Their number.
        tries: u32,
    },
    /// Refusals of the last 24 hours.
    Refusals {
        /// Their event in the audit trail.
        event: String,
        /// The device that was refused, if one is known.
        device: Option<String>,
        /// Their number.
        count: u64,
        /// The time of the last row. A row counts the refusals of one minute from then on.
        last: i64,
    },
    /// The policy permits no one-time password: to no device (an obstacle), or not without a proof
    /// of the PIN, for which a device of this account asked (a warning).
    PasswordsForbidden,
}

/// Answers [`Authority::diagnose`](crate::Authority::diagnose).
pub(crate) fn diagnose(ctx: &Context<'_>, account: &AccountName) -> Result<Option<Diagnosis>, Failure> {
    ctx.step("account.diagnose", |step| {
        let Some(info) = admin::account_in(step, account.as_str())? else { return Ok(None) };
        let Some(row) = step.rows.account(account.as_str())? else { return Ok(None) };
        let devices = Devices::read(step, account.as_str())?;
        let rows = step.rows.audit_log(Some(account.as_str()), i64::MAX, MAX_LIST)?;
        let refused = rows.into_iter().filter(|row| is_refusal(&row.event) && is_of_last_day(row, step.now)).collect();
        let mut examination =
            Examination { step, account: &row, info: &info, devices: devices.rows(), refused, findings: Vec::new() };
        examination.run()?;
        let mut findings = examination.findings;
        findings.sort_by_key(|finding| finding.weight);
        let devices = admin::list_devices(step, &devices)?;
        Ok(Some(Diagnosis { at: step.now, account: info, devices, findings }))
    })
}

/// An examination of one account.
struct Examination<'a> {
    step: &'a Step<'a>,
    account: &'a AccountRow,
    info: &'a AccountInfo,
    devices: &'a [DeviceRow],
    /// The refusals of the last day, the newest first.
    refused: Vec<AuditRow>,
    findings: Vec<Finding>,
}

impl Examination<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let block = self.step.block(self.account)?;
        self.block(block);
        if self.devices.is_empty() {
            self.find(Weight::Obstacle, Cause::NoDevice);
        }
        for device in self.devices {
            self.device(device)?;
        }
        self.passwords()?;
        // A block that does not end by itself ends with a new PIN, which needs a code.
        let needs_code = !self.has_working_device() || matches!(block, Some(Block::Tries | Block::Budget));
        self.codes(if needs_code { Weight::Obstacle } else { Weight::Warning })?;
        self.messages()?;
        if self.account.pin.is_none() {
            self.find(Weight::Warning, Cause::NoPin);
        }
        self.tries(block);
        self.room();
        self.refusals();
        Ok(())
    }

    fn find(&mut self, weight: Weight, cause: Cause) {
        self.findings.push(Finding { cause, weight });
    }

    fn has_working_device(&self) -> bool {
        self.devices.iter().any(|device| device.pending.is_none() && !self.step.is_suspended(device))
    }

    fn block(&mut self, block: Option<Block>) {
        let cause = match block {
            None => return,
            Some(Block::Tries) => Cause::Blocked { until: None },
            Some(Block::Timed(left)) => Cause::Blocked { until: Some(left.until) },
            Some(Block::Budget) => Cause::PinBudgetSpent,
        };
        self.find(Weight::Obstacle, cause);
    }

    fn device(&mut self, device: &DeviceRow) -> Result<(), Failure> {
        let id = || device.id.clone();
        if let Some(pending) = device.pending
            && let Some(until) = pending_devices::waits_until(self.step, device, pending)?
        {
            let needs_approval = pending_devices::waits_for_approval(device);
            self.find(Weight::Obstacle, Cause::DevicePending { device: id(), needs_approval, until });
        }
        if self.step.is_suspended(device) {
            self.find(Weight::Obstacle, Cause::DeviceSuspended { device: id() });
        }
        if let Some(DayLimit::Spent { until }) = day_limit::spent(device, self.step.policy, self.step.now) {
            self.find(Weight::Obstacle, Cause::PasswordsOfDaySpent { device: id(), until });
        }
        if let Some(at) = device.suspected_at {
            self.find(Weight::Warning, Cause::SecondCopySuspected { device: id(), at });
        }
        Ok(())
    }

    /// Finds whether the policy permits no password.
    fn passwords(&mut self) -> Result<(), Failure> {
        let Step { policy, now, .. } = *self.step;
        let any_device = DeviceRow::new("", &self.account.name, now);
        if day_limit::spent(&any_device, policy, now) == Some(DayLimit::NoPasswords) {
            self.find(Weight::Obstacle, Cause::PasswordsForbidden);
            return Ok(());
        }
        // Without a limit of passwords a day, such a row tells of a request without a PIN.
        if policy.otps_per_device_and_day.is_some() {
            return Ok(());
        }
        let asked = |device: &&DeviceRow| {
            let is_of_device = |row: &&AuditRow| row.device.as_ref() == Some(&device.id);
            self.refused.iter().filter(is_of_device).any(|row| row.event == audit::PASSWORD_FORBIDDEN)
        };
        let asking: Vec<&DeviceRow> = self.devices.iter().filter(asked).collect();
        for device in asking {
            let traits: TraitsRow = self.step.rows.traits(&device.id)?;
            if !policy.otp_without_pin || !pin_proof::may_be_omitted(policy.pin_proof, &traits) {
                self.find(Weight::Warning, Cause::PasswordsForbidden);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Finds why the account gets no SMS code, and the codes that it has.
    fn codes(&mut self, weight: Weight) -> Result<(), Failure> {
        let (step, account) = (self.step, self.account);
        let purposes: &[Purpose] = match cvs::trusted_destination(step, account.phone_number.as_deref()) {
            Ok(_) => &[Purpose::Enrollment, Purpose::ResetPin],
            Err(CvsRefusal::NoPhoneNumber) => {
                self.find(weight, Cause::NoPhoneNumber);
                &[Purpose::PhoneNumberCertification]
            }
            Err(_) => {
                self.find(weight, Cause::NumberNotPermitted);
                &[]
            }
        };
        let until = |left: i64| step.now.saturating_add(left);
        if let Some(left) = cvs::waiting_time(step, account, NumberStatus::Certified) {
            self.find(weight, Cause::NumberCooling { until: until(left) });
        }
        if let Some(left) = cvs::waiting_time(step, account, NumberStatus::Uncertified) {
            self.find(weight, Cause::NewAccount { until: until(left) });
        }
        let requests = step.rows.code_requests(&account.name)?;
        let mut wait = None;
        for purpose in [Purpose::Enrollment, Purpose::ResetPin, Purpose::PhoneNumberCertification] {
            let code = step.rows.code(&account.name, purpose)?;
            if purposes.contains(&purpose) {
                wait = wait.max(rules::time_until_next(&requests, code.as_ref(), step.policy, step.now));
            }
            if let Some(code) = code.filter(|code| rules::is_live(code, step.policy, step.now)) {
                let lifetime = rules::lifetime(CodePurpose::Sms(purpose), step.policy);
                let (at, until) = (code.expires_at.saturating_sub(lifetime), code.expires_at);
                let tries_left = rules::tries_left(&code, step.policy);
                self.find(Weight::Note, Cause::CodeSent { purpose, at, until, tries_left });
            }
        }
        if let Some(left) = wait {
            self.find(weight, Cause::CodesSpent { until: until(left) });
        }
        Ok(())
    }

    fn messages(&mut self) -> Result<(), Failure> {
        for message in self.step.rows.messages_of(&self.account.name, MAX_MESSAGES)? {
            if !sms_queue::is_useful(self.step, &message)? {
                continue;
            }
            let weight = match message.kind {
                MessageKind::Code { .. } => Weight::Warning,
                MessageKind::Notice(_) => Weight::Note,
            };
            let since = sms_queue::queued_at(self.step, &message);
            self.find(weight, Cause::SmsWaiting { since, tries: message.attempts });
        }
        Ok(())
    }

    fn tries(&mut self, block: Option<Block>) {
        if block.is_none() {
            let ended = self.account.blocked;
            if self.account.pin_tries > 0 || ended {
                // After a block that ended by itself there is one try.
                let left = if ended { 1 } else { pin::tries_left(self.account, self.step.policy) };
                self.find(Weight::Warning, Cause::PinTries { tries: self.account.pin_tries, left });
            }
        }
        if self.info.unproved_tries > 0 {
            self.find(Weight::Warning, Cause::UnprovedTries { tries: self.info.unproved_tries });
        }
    }

    /// Finds whether another device may be activated.
    fn room(&mut self) {
        let pending = approvals::is_needed(self.step, self.devices).then_some(Confirmation::ByNumber);
        if devices::leave_no_room(self.step, self.devices, pending) {
            let weight = if self.has_working_device() { Weight::Warning } else { Weight::Obstacle };
            self.find(weight, Cause::TooManyDevices { max: self.step.policy.max_devices });
        }
    }

    /// Sums up the refusals of each event and device, the newest first.
    fn refusals(&mut self) {
        let mut sums: Vec<(&AuditRow, u64)> = Vec::new();
        for row in &self.refused {
            let count = u64::try_from(row.count).unwrap_or(0);
            let same = |(first, _): &&mut (&AuditRow, u64)| first.event == row.event && first.device == row.device;
            match sums.iter_mut().find(same) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => sums.push((row, count)),
            }
        }
        let findings = sums.into_iter().map(|(newest, count)| Finding {
            cause: Cause::Refusals {
                event: newest.event.clone(),
                device: newest.device.clone(),
                count,
                last: newest.at,
            },
            weight: Weight::Note,
        });
        self.findings.extend(findings.collect::<Vec<_>>());
    }
}

/// Returns whether an event is the refusal of a user's request, or the loss of an SMS.
fn is_refusal(event: &str) -> bool {
    let is_of_user = |counted: &str| ![audit::OPERATOR_REFUSED, audit::ROW_ALTERED].contains(&counted);
    let others = [audit::PIN_REFUSED, audit::DEVICE_DESYNCHRONIZED, audit::TOKEN_REUSED, audit::SMS_DROPPED];
    (audit::is_counted(event) && is_of_user(event)) || others.contains(&event)
}

fn is_of_last_day(row: &AuditRow, now: i64) -> bool {
    moment::time_left(row.at, DAY, now).is_some()
}
