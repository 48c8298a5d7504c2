//! `reset`: sets a new PIN in exchange for an SMS code. It lifts a PIN block and a suspension, and
//! shuts out other copies of the device.

use inwebo::cvs::Purpose;
use inwebo::mode::Mode;
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::answer::Granted;
use super::awaited::{Awaited, EncryptedPin, WhenBlocked};
use super::context::{Judged, Mac, PinMode, announce_keys};
use super::party::{NEXT_K0_COLUMN, Party};
use super::query::Query;
use super::refusal::{Refusal, Stop};
use super::{choice, proof};
use crate::audit;
use crate::codes::{self, Entered};
use crate::failure::Failure;
use crate::random;
use crate::sms::Notice;
use crate::step::Step;
use crate::storage::{CodeRow, CodeUse};

/// Starts a reset. The code is checked in `finalize`, after the device has proved itself: otherwise
/// a client that merely knows the id could use up the tries.
pub(super) fn setup(mac: &Mac<'_>, query: &Query) -> Judged {
    let (id, _) = (query.need("id")?, query.code()?);
    let keys = mac.keys()?;
    mac.step("reset.setup", |step| {
        let party = Party::find(step, id)?;
        let granted = Granted::default().with("challenge", party.challenge(step, Mode::Reset)?);
        Ok(announce_keys(granted, &keys, PinMode::New))
    })
}

pub(super) fn finalize(mac: &Mac<'_>, query: &Query) -> Judged {
    let (id, entered, r0) = (query.need("id")?, query.code()?, query.proof("R0")?);
    let new = EncryptedPin::read(query, "nKma", "newpin")?;
    let awaited = Awaited::challenge(mac, id, Mode::Reset, WhenBlocked::GoOn)?;
    let new = new.open(mac, &awaited)?;
    mac.step("reset.finalize", |step| {
        let mut party = Party::find(step, id)?;
        if !new.fits(&party.serial) {
            return Err(Word::Syntax.into());
        }
        let challenge = party.take_challenge(step, Mode::Reset)??;
        proof::device(step, &mut party, &challenge, r0)?;
        let code = judge_code(step, &party, entered)?;
        choice::check(step, &party.account, step.pin_of(&party.account)?.as_ref(), &new.pin)?;
        codes::consume(step, code, CodeUse::Done)?;
        renew(step, &mut party)?;
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

/// Prepares another K0 for the device. Its next synchronization delivers it under the new PIN. Once
/// the device proves it, every other copy is shut out. The SMS code decides that this copy stays.
fn renew(step: &Step<'_>, party: &mut Party) -> Result<(), Failure> {
    let k0 = Zeroizing::new(random::bytes::<16>()?);
    party.device.next_k0 = Some(step.vault.seal(party.place(NEXT_K0_COLUMN), &*k0)?);
    party.device.suspected_at = None;
    if std::mem::take(&mut party.device.suspended) {
        party.audit(step, audit::DEVICE_RESUMED)?;
    }
    party.put_device(step)
}

fn judge_code(step: &Step<'_>, party: &Party, entered: &str) -> Result<CodeRow, Stop> {
    match codes::judge(step, &party.account.name, Purpose::ResetPin, None, entered)? {
        Entered::Right(code) => Ok(code),
        Entered::Wrong { attempts_left } => {
            Err(Refusal { attempts_left: Some(attempts_left), ..Word::Code.into() }.into())
        }
        // The request shows no phone number. The answer does not reveal whether the account
        // requested a code, because a device does not prove itself as the account.
        Entered::OtherNumber | Entered::Used(_) | Entered::NoCode | Entered::Unknown => Err(Word::Code.into()),
    }
}
