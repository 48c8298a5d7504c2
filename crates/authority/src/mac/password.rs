//! `password`: sets a new PIN in exchange for the old one.

use inwebo::mode::Mode;
use inwebo::word::Word;

use super::answer::Granted;
use super::context::{MacContext, MacResult, PinMode, announce_keys};
use super::device_session::DeviceSession;
use super::expected_finalize::{EncryptedPin, ExpectedFinalize, WhenBlocked};
use super::new_pin;
use super::proof::{self, SentProofs};
use super::query::Query;
use crate::audit;
use crate::domain::message::Notice;
use crate::notices::Event;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let id = query.require("id")?;
    let keys = mac.keys()?;
    mac.step("password.setup", |step| {
        let mut session = DeviceSession::find(step, id)?.require_active(step)?;
        let granted = Granted::default().with("challenge", session.challenge(step, Mode::Password)?);
        Ok(announce_keys(granted, &keys, PinMode::Current))
    })
}

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let id = query.require("id")?;
    let sent = SentProofs::read(query)?;
    let new = EncryptedPin::read(query, "nKma", "newpin")?;
    let expected = ExpectedFinalize::challenge(mac, id, Mode::Password, WhenBlocked::Refuse)?;
    let new = new.open(mac, &expected)?;
    mac.step("password.finalize", |step| {
        let mut session = DeviceSession::find(step, id)?;
        if !new.fits(&session.serial) {
            return Err(Word::Syntax.into());
        }
        let challenge = session.take_challenge(step, Mode::Password)?;
        let mut session = session.require_active(step)?;
        let challenge = challenge?;
        let unlocked = proof::verify_with_pin(step, &mut session, &challenge, &sent)?;
        // This comes before K1: the report to the owner needs a success.
        new_pin::check(step, &session.account, Some(&unlocked.pin), &new.pin)?;
        let proved = proof::verify_k1(step, &mut session, &unlocked, &challenge, &sent)?;
        session.put_device(step)?;
        step.change_pin(&mut session.account, &new.pin)?;
        step.put_account(&session.account)?;
        session.audit(step, audit::PIN_CHANGED)?;
        step.notify(&session.account, &Event::by(&session.device, Notice::PinChange))?;
        Ok(Granted::default().with_wrong_pins(proved.wrong_pins))
    })
}
