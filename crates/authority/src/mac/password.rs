//! `password`: sets a new PIN in exchange for the old one.

use inwebo::mode::Mode;
use inwebo::word::Word;

use super::answer::Granted;
use super::awaited::{Awaited, EncryptedPin, WhenBlocked};
use super::choice;
use super::context::{Judged, Mac, PinMode, announce_keys};
use super::party::Party;
use super::proof::{self, Sent};
use super::query::Query;
use crate::audit;
use crate::sms::Notice;

pub(super) fn setup(mac: &Mac<'_>, query: &Query) -> Judged {
    let id = query.need("id")?;
    let keys = mac.keys()?;
    mac.step("password.setup", |step| {
        let party = Party::find(step, id)?.able(step)?;
        let granted = Granted::default().with("challenge", party.challenge(step, Mode::Password)?);
        Ok(announce_keys(granted, &keys, PinMode::Current))
    })
}

pub(super) fn finalize(mac: &Mac<'_>, query: &Query) -> Judged {
    let id = query.need("id")?;
    let sent = Sent::read(query)?;
    let new = EncryptedPin::read(query, "nKma", "newpin")?;
    let awaited = Awaited::challenge(mac, id, Mode::Password, WhenBlocked::Refuse)?;
    let new = new.open(mac, &awaited)?;
    mac.step("password.finalize", |step| {
        let party = Party::find(step, id)?;
        if !new.fits(&party.serial) {
            return Err(Word::Syntax.into());
        }
        let challenge = party.take_challenge(step, Mode::Password)?;
        let mut party = party.able(step)?;
        let challenge = challenge?;
        let unlocked = proof::with_pin(step, &mut party, &challenge, &sent)?;
        // This comes before K1: the report to the owner needs a success.
        choice::check(step, &party.account, Some(&unlocked.pin), &new.pin)?;
        let proved = proof::k1(step, &mut party, &unlocked, &challenge, &sent)?;
        party.put_device(step)?;
        step.change_pin(&mut party.account, &new.pin)?;
        step.put_account(&party.account)?;
        party.audit(step, audit::PIN_CHANGED)?;
        step.notify(&party.account, Notice::PinChange)?;
        Ok(Granted::default().noting(proved.wrong_pins))
    })
}
