//! `password`: a new PIN for the old one.

use super::answer::Granted;
use super::awaited::{Awaited, EncryptedPin, WhenBlocked};
use super::party::Party;
use super::proof::{self, Sent};
use super::query::Query;
use super::word::{Stop, Word};
use super::{Judged, Mac, PinMode, announce_keys};
use crate::audit;
use crate::domain::pin::may_be_chosen;
use crate::sms::Notice;
use crate::step::Step;
use inwebo_values::Pin;

const MODE: &str = "password";

pub(super) fn setup(mac: &Mac<'_>, query: &Query) -> Judged {
    let id = query.need("id")?;
    let keys = mac.keys()?;
    mac.step("password.setup", |step| {
        let party = Party::find(step, id)?.unless_blocked()?;
        let granted = Granted::default().with("challenge", party.challenge(step, MODE)?);
        Ok(announce_keys(granted, &keys, PinMode::Current))
    })
}

pub(super) fn finalize(mac: &Mac<'_>, query: &Query) -> Judged {
    let id = query.need("id")?;
    let sent = Sent::read(query)?;
    let new = EncryptedPin::read(query, "nKma", "newpin")?;
    let awaited = Awaited::challenge(mac, id, MODE, WhenBlocked::Refuse)?;
    let new = new.open(mac, &awaited)?;
    mac.step("password.finalize", |step| {
        let party = Party::find(step, id)?;
        if !new.fits(&party.serial) {
            return Err(Word::Syntax.into());
        }
        let challenge = party.take_challenge(step, MODE)?;
        let mut party = party.unless_blocked()?;
        let challenge = challenge?;
        let unlocked = proof::with_pin(step, &mut party, &challenge, &sent)?;
        proof::k1(step, &mut party, &unlocked, &challenge, &sent)?;
        check_new_pin(step, &new.pin, Some(&unlocked.pin))?;
        step.change_pin(&mut party.account, &new.pin)?;
        step.put_account(&party.account)?;
        party.audit(step, audit::PIN_CHANGED)?;
        step.notify(&party.account, Notice::PinChange)?;
        Ok(Granted::default())
    })
}

/// Whether a PIN may follow the present one.
pub(super) fn check_new_pin(step: &Step<'_>, new: &Pin, present: Option<&Pin>) -> Result<(), Stop> {
    if !may_be_chosen(new, step.policy.pin_min_length) {
        return Err(Word::PinRefused.into());
    }
    if present.is_some_and(|present| present == new) {
        return Err(Word::PinReused.into());
    }
    Ok(())
}
