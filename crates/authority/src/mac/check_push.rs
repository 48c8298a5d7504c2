//! `checkpush`: tells of the new device that waits for an approval, and approves or rejects it (the
//! steps are ours).

use inwebo::mode::Mode;
use inwebo::values::{Approval, ApprovalNumber};
use inwebo::word::Word;
use subtle::ConstantTimeEq;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession, keys_of_new};
use super::proof::{self, SentProofs};
use super::query::Query;
use super::refusal::{Reason, Refusal, StepError};
use crate::approvals::{self, WaitingDevice};
use crate::domain::rows::Confirmation;
use crate::failure::Failure;
use crate::pending_devices;
use crate::step::Step;

/// Makes a challenge. A device of a blocked account gets one, too: it may ask and reject.
pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    mac.require_offered(|policy| policy.activation_approval)?;
    device_session::setup(mac, query, "checkpush.setup", Mode::CheckPush, |step, id| {
        let session = DeviceSession::find_waiting_too(step, id, Confirmation::ByNumber)?;
        session.check_not_suspended(step).map(|()| session)
    })
}

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    mac.require_offered(|policy| policy.activation_approval)?;
    match (query.find("device"), query.find("number"), query.find("reject")) {
        (None, None, None) => ask(mac, query),
        (Some(device), Some(number), None) => {
            approve(mac, query, device, &ApprovalNumber::read(number).ok_or(Word::Syntax)?)
        }
        (Some(device), None, Some("1")) => reject(mac, query, device),
        _ => Err(Word::Syntax.into()),
    }
}

/// Tells whether a device waits. The device that asks proves itself alone. The one that waits may
/// ask, too.
fn ask(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let (id, r0) = (query.require("id")?, query.proof("R0")?);
    mac.step("checkpush.ask", |step| {
        let mut session = DeviceSession::find_waiting_too(step, id, Confirmation::ByNumber)?;
        let challenge = session.take_challenge(step, Mode::CheckPush)?;
        session.check_not_suspended(step)?;
        proof::verify_device(step, &mut session, &challenge?, r0)?;
        let granted = Granted::default();
        if pending_devices::waits_for_approval(&session.device) {
            let lifetime = pending_devices::approval_seconds_left(step, &session.device);
            return Ok(granted.with("state", "waiting").with("lifetime", lifetime.to_string()));
        }
        Ok(match WaitingDevice::find(step, &session.account.name)? {
            None => granted.with("state", "none"),
            Some(waiting) => granted
                .with("state", "asked")
                .with("device", waiting.short_id())
                .with("name", waiting.shown_name())
                .with("since", waiting.device.made_at.to_string())
                .with("lifetime", pending_devices::approval_seconds_left(step, &waiting.device).to_string()),
        })
    })
}

/// Approves the device that shows this number. The device that decides proves itself with its PIN,
/// over the number and the name of the new device. A wrong number ends the new device.
fn approve(mac: &MacContext<'_>, query: &Query, named: &str, number: &ApprovalNumber) -> MacResult {
    let id = query.require("id")?;
    let sent = SentProofs::read(query)?;
    mac.step("checkpush.approve", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::CheckPush)?;
        let mut session = session.require_active(step)?;
        let challenge = Approval::Approve(number).challenge(&challenge?, named);
        let unlocked = proof::verify_with_pin(step, &mut session, &challenge, &sent)?;
        let waiting = find(step, &session, named)?;
        if !is_number_of(step, &waiting, number)? {
            approvals::reject(step, &waiting, &session.device)?;
            return Err(Refusal::with_reason(Word::State, Reason::WrongNumber).into());
        }
        // K1 comes last: the report to the owner needs a success.
        let proved = proof::verify_k1(step, &mut session, &unlocked, &challenge, &sent)?;
        session.put_device(step)?;
        approvals::approve(step, &session.account, waiting, &session.device)?;
        Ok(Granted::default().with("state", "approved").with_wrong_pins(proved.wrong_pins))
    })
}

/// Rejects the device and blocks the account: somebody else has the PIN and an SMS code of its
/// owner. The device that decides proves itself alone. A block of the account does not matter,
/// because it must not protect the new device.
fn reject(mac: &MacContext<'_>, query: &Query, named: &str) -> MacResult {
    let (id, r0) = (query.require("id")?, query.proof("R0")?);
    mac.step("checkpush.reject", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::CheckPush)?;
        session.check_not_suspended(step)?;
        let challenge = Approval::Reject.challenge(&challenge?, named);
        proof::verify_device(step, &mut session, &challenge, r0)?;
        let waiting = find(step, &session, named)?;
        session.put_device(step)?;
        let DeviceSession { device, account, .. } = &mut session;
        step.block_account(account, &device.id)?;
        approvals::reject(step, &waiting, device)?;
        Ok(Granted::default().with("state", "none"))
    })
}

/// Finds the device that waits, and checks that the request names it.
fn find(step: &Step<'_>, session: &DeviceSession, named: &str) -> Result<WaitingDevice, StepError> {
    let refusal = |reason| StepError::from(Refusal::with_reason(Word::State, reason));
    let waiting = WaitingDevice::find(step, &session.account.name)?;
    let waiting = waiting.ok_or_else(|| refusal(Reason::NothingToConfirm))?;
    if waiting.is_named_by(named) { Ok(waiting) } else { Err(refusal(Reason::OtherDevice)) }
}

/// Returns whether the new device shows this number.
fn is_number_of(step: &Step<'_>, waiting: &WaitingDevice, number: &ApprovalNumber) -> Result<bool, Failure> {
    let (serial, k0) = keys_of_new(step, &waiting.device)?;
    let own = ApprovalNumber::of(&waiting.device.id, &serial, &k0);
    Ok(own.as_str().as_bytes().ct_eq(number.as_str().as_bytes()).into())
}
