//! `ms`: stores the service secret that a device makes. Its one step answers a challenge of
//! `activate` or `synchro`.

use inwebo::mode::Mode;
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::answer::Granted;
use super::awaited::{Awaited, Block, WhenBlocked};
use super::context::{Judged, Mac, SECRET_ID};
use super::party::{Party, SECRET_COLUMN};
use super::proof::{self, Sent};
use super::query::Query;
use crate::audit;

pub(super) fn finalize(mac: &Mac<'_>, query: &Query) -> Judged {
    let id = query.need("id")?;
    let sent = Sent::read(query)?;
    let encrypted = Block::read(query, "ms_val0")?;
    if query.need("ms_id0")? != SECRET_ID || query.need("ms_n")? != "1" {
        return Err(Word::Syntax.into());
    }
    let awaited = Awaited::challenge(mac, id, Mode::Secret, WhenBlocked::Refuse)?;
    let secret = encrypted.open(mac, &awaited, |keys| &keys.service)?;
    let secret = Zeroizing::new(<[u8; 16]>::try_from(secret.as_slice()).map_err(|_| Word::Syntax)?);
    mac.step("secret.store", |step| {
        let party = Party::find(step, id)?;
        let challenge = party.take_challenge(step, Mode::Secret)?;
        let mut party = party.able(step)?;
        let challenge = challenge?;
        let unlocked = proof::with_pin(step, &mut party, &challenge, &sent)?;
        let proved = proof::k1(step, &mut party, &unlocked, &challenge, &sent)?;
        party.device.secret = Some(step.vault.seal(party.place(SECRET_COLUMN), &*secret)?);
        party.put_device(step)?;
        party.audit(step, audit::SECRET_STORED)?;
        Ok(Granted::default().noting(proved.wrong_pins))
    })
}
