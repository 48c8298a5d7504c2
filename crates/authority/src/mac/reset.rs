//! `reset`: sets a new PIN in exchange for an SMS code. It lifts a PIN block and a suspension, and
//! shuts out other copies of the device.

use inwebo::cvs::Purpose;
use inwebo::mode::Mode;
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::answer::Granted;
use super::context::{MacContext, MacResult, PinMode, announce_keys};
use super::device_session::{DeviceSession, NEXT_K0_COLUMN};
use super::expected_finalize::{EncryptedPin, ExpectedFinalize, WhenBlocked};
use super::query::Query;
use super::refusal::{Refusal, StepError};
use super::{new_pin, proof};
use crate::audit;
use crate::codes::{self, CodeVerdict};
use crate::domain::evolution;
use crate::domain::message::Notice;
use crate::domain::rows::{CodeRow, CodeUse};
use crate::failure::Failure;
use crate::notices::Event;
use crate::random;
use crate::step::Step;

/// Starts a reset. The code is checked in `finalize`, after the device has proved itself: otherwise
/// a client that merely knows the id could use up the tries.
pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let (id, _) = (query.require("id")?, query.code()?);
    let keys = mac.keys()?;
    mac.step("reset.setup", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let granted = Granted::default().with("challenge", session.challenge(step, Mode::Reset)?);
        Ok(announce_keys(granted, &keys, PinMode::New))
    })
}

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let (id, entered, r0) = (query.require("id")?, query.code()?, query.proof("R0")?);
    let new = EncryptedPin::read(query, "nKma", "newpin")?;
    let expected = ExpectedFinalize::challenge(mac, id, Mode::Reset, WhenBlocked::Proceed)?;
    let new = new.open(mac, &expected)?;
    mac.step("reset.finalize", |step| {
        let mut session = DeviceSession::find(step, id)?;
        if !new.fits(&session.serial) {
            return Err(Word::Syntax.into());
        }
        let challenge = session.take_challenge(step, Mode::Reset)??;
        proof::verify_device(step, &mut session, &challenge, r0)?;
        let code = verify_code(step, &session, entered)?;
        new_pin::check(step, &session.account, step.pin_of(&session.account)?.as_ref(), &new.pin)?;
        codes::consume(step, code, CodeUse::Done)?;
        renew(step, &mut session)?;
        session.update_traits(step, evolution::begin_anew)?;
        step.change_pin(&mut session.account, &new.pin)?;
        let lifted = step.put_unblocked(&mut session.account)?;
        if lifted {
            session.audit(step, audit::ACCOUNT_UNBLOCKED)?;
        }
        session.audit(step, audit::PIN_RESET)?;
        step.notify(&session.account, &Event::by(&session.device, Notice::PinReset))?;
        Ok(Granted::default())
    })
}

/// Prepares another K0 for the device. Its next synchronization delivers it under the new PIN. Once
/// the device proves it, every other copy is shut out. The SMS code decides that this copy stays.
fn renew(step: &Step<'_>, session: &mut DeviceSession) -> Result<(), Failure> {
    let k0 = Zeroizing::new(random::bytes::<16>()?);
    session.device.next_k0 = Some(step.sealer.seal(session.binding(NEXT_K0_COLUMN), &*k0)?);
    session.device.suspected_at = None;
    if std::mem::take(&mut session.device.suspended) {
        session.audit(step, audit::DEVICE_RESUMED)?;
    }
    session.put_device(step)
}

fn verify_code(step: &Step<'_>, session: &DeviceSession, entered: &str) -> Result<CodeRow, StepError> {
    match codes::verify_code(step, &session.account.name, Purpose::ResetPin, None, entered)? {
        CodeVerdict::Right(code) => Ok(code),
        CodeVerdict::Wrong { attempts_left } => {
            Err(Refusal { attempts_left: Some(attempts_left), ..Word::Code.into() }.into())
        }
        // The request shows no phone number. The answer does not reveal whether the account
        // requested a code, because a device does not prove itself as the account.
        CodeVerdict::OtherNumber | CodeVerdict::Used(_) | CodeVerdict::NoCode | CodeVerdict::Unknown => {
            Err(Word::Code.into())
        }
    }
}
