//! `reset`: a new PIN for an SMS code. It lifts a PIN block.

use super::answer::Granted;
use super::awaited::{Awaited, EncryptedPin, WhenBlocked};
use super::party::Party;
use super::password::check_new_pin;
use super::query::Query;
use super::word::{Refusal, Stop, Word};
use super::{Judged, Mac, PinMode, announce_keys, proof};
use crate::audit;
use crate::codes::{self, Entered};
use crate::sms::{Notice, Purpose};
use crate::step::Step;
use crate::storage::{CodeRow, CodeUse};

const MODE: &str = "reset";

/// The code is judged in the other step, once the device has proved itself: whoever merely knows its id must not use up its tries.
pub(super) fn setup(mac: &Mac<'_>, query: &Query) -> Judged {
    let (id, _) = (query.need("id")?, query.code()?);
    let keys = mac.keys()?;
    mac.step("reset.setup", |step| {
        let party = Party::find(step, id)?;
        let granted = Granted::default().with("challenge", party.challenge(step, MODE)?);
        Ok(announce_keys(granted, &keys, PinMode::New))
    })
}

pub(super) fn finalize(mac: &Mac<'_>, query: &Query) -> Judged {
    let (id, entered, r0) = (query.need("id")?, query.code()?, query.proof("R0")?);
    let new = EncryptedPin::read(query, "nKma", "newpin")?;
    let awaited = Awaited::challenge(mac, id, MODE, WhenBlocked::GoOn)?;
    let new = new.open(mac, &awaited)?;
    mac.step("reset.finalize", |step| {
        let mut party = Party::find(step, id)?;
        if !new.fits(&party.serial) {
            return Err(Word::Syntax.into());
        }
        let challenge = party.take_challenge(step, MODE)??;
        proof::device(step, &party, &challenge, r0)?;
        let code = judge_code(step, &party, entered)?;
        check_new_pin(step, &new.pin, step.pin_of(&party.account)?.as_ref())?;
        codes::consume(step, code, CodeUse::Done)?;
        step.change_pin(&mut party.account, &new.pin)?;
        let lifted = std::mem::take(&mut party.account.blocked);
        step.put_account(&party.account)?;
        if lifted {
            party.audit(step, audit::ACCOUNT_UNBLOCKED)?;
        }
        party.audit(step, audit::PIN_RESET)?;
        step.notify(&party.account, Notice::PinReset)?;
        Ok(Granted::default())
    })
}

fn judge_code(step: &Step<'_>, party: &Party, entered: &str) -> Result<CodeRow, Stop> {
    match codes::judge(step, &party.account.name, Purpose::ResetPin, None, entered)? {
        Entered::Right(code) => Ok(code),
        Entered::Wrong { attempts_left } => {
            Err(Refusal { attempts_left: Some(attempts_left), ..Word::Code.into() }.into())
        }
        Entered::Used(_) | Entered::Unknown => Err(Word::Code.into()),
    }
}
