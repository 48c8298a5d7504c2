//! `getsn`: tells the state of an enrollment code, and confirms or rejects the device that entered
//! it (the steps are ours).

use inwebo::mode::Mode;
use inwebo::values::{Decision, Fingerprint};
use inwebo::word::Word;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession, keys_of_new};
use super::proof::{self, SentProofs};
use super::query::Query;
use super::refusal::{Reason, Refusal, StepError};
use crate::audit;
use crate::devices;
use crate::domain::message::Notice;
use crate::domain::rows::{Confirmation, DeviceRow};
use crate::enrollment_codes::{self, State};
use crate::failure::Failure;
use crate::notices::Event;
use crate::step::Step;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    mac.require_offered(|policy| policy.activation_by_device)?;
    device_session::setup(mac, query, "getsn.setup", Mode::GetSn, |step, id| {
        DeviceSession::find_waiting_too(step, id, Confirmation::ByMaker)?.require_active(step)
    })
}

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    mac.require_offered(|policy| policy.activation_by_device)?;
    match query.find("confirm") {
        None => ask(mac, query),
        Some(word) => decide(mac, query, Decision::parse(word).ok_or(Word::Syntax)?),
    }
}

/// Tells the state. The device proves itself alone. A device that entered the code may ask, too.
fn ask(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let (id, r0) = (query.require("id")?, query.proof("R0")?);
    mac.step("getsn.ask", |step| {
        let mut session = DeviceSession::find_waiting_too(step, id, Confirmation::ByMaker)?;
        let challenge = session.take_challenge(step, Mode::GetSn)?;
        let mut session = session.require_active(step)?;
        proof::verify_device(step, &mut session, &challenge?, r0)?;
        let granted = Granted::default();
        Ok(match enrollment_codes::state(step, &session.device)? {
            State::None => granted.with("state", "none"),
            State::Waiting => granted.with("state", "waiting"),
            State::Confirmed => granted.with("state", "confirmed"),
            State::EnteredBySelf => granted.with("state", "entered").with("self", "1"),
            State::Entered(other) => granted
                .with("state", "entered")
                .with("fingerprint", fingerprint(step, &other)?.as_str())
                .with("name", devices::shown_name(&other.name)),
        })
    })
}

/// Confirms or rejects the device with the fingerprint that the user saw. The maker of the code
/// proves itself with its PIN, over the decision and the fingerprint.
fn decide(mac: &MacContext<'_>, query: &Query, decision: Decision) -> MacResult {
    let id = query.require("id")?;
    let sent = SentProofs::read(query)?;
    let written = query.require("fingerprint")?;
    // The proofs cover its digits, so it has one form.
    let shown = Fingerprint::read(written).filter(|read| read.as_str() == written).ok_or(Word::Syntax)?;
    mac.step("getsn.decide", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::GetSn)?;
        let mut session = session.require_active(step)?;
        let challenge = decision.challenge(&challenge?, &shown);
        let unlocked = proof::verify_with_pin(step, &mut session, &challenge, &sent)?;
        let other = match enrollment_codes::state(step, &session.device)? {
            State::Entered(other) => *other,
            _ => return Err(Refusal::with_reason(Word::State, Reason::NothingToConfirm).into()),
        };
        if fingerprint(step, &other)? != shown {
            return Err(Refusal::with_reason(Word::State, Reason::OtherDevice).into());
        }
        // K1 comes last: the report to the owner needs a success.
        let proved = proof::verify_k1(step, &mut session, &unlocked, &challenge, &sent)?;
        session.put_device(step)?;
        let state = settle(step, &session, other, decision)?;
        Ok(Granted::default().with("state", state).with_wrong_pins(proved.wrong_pins))
    })
}

/// Carries out a decision. Returns the state of the code after it.
fn settle(
    step: &Step<'_>,
    session: &DeviceSession,
    other: DeviceRow,
    decision: Decision,
) -> Result<&'static str, StepError> {
    match decision {
        Decision::Confirm => {
            let confirmed = DeviceRow { pending: None, ..other };
            step.notify(&session.account, &Event::by(&session.device, Notice::NewDevice).about(&confirmed))?;
            step.rows.put_device(&confirmed)?;
            step.audit(Some(&confirmed.account), Some(&confirmed.id), audit::DEVICE_CONFIRMED)?;
            Ok("confirmed")
        }
        Decision::Reject => {
            enrollment_codes::reject(step, &other, &session.device)?;
            Ok("none")
        }
    }
}

/// Returns the fingerprint of a pending device.
fn fingerprint(step: &Step<'_>, device: &DeviceRow) -> Result<Fingerprint, Failure> {
    let (serial, k0) = keys_of_new(step, device)?;
    Ok(Fingerprint::of(&device.id, &serial, &k0))
}
