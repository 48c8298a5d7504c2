//! `remove`: removes the device that asks for it (ours). A device of a blocked account may ask,
//! too.

use inwebo::mode::Mode;

use super::answer::Granted;
use super::context::{Judged, Mac};
use super::party::Party;
use super::proof;
use super::query::Query;
use crate::audit;

pub(super) fn setup(mac: &Mac<'_>, query: &Query) -> Judged {
    let id = query.need("id")?;
    mac.step("remove.setup", |step| {
        let party = Party::find(step, id)?;
        Ok(Granted::default().with("challenge", party.challenge(step, Mode::Remove)?))
    })
}

pub(super) fn finalize(mac: &Mac<'_>, query: &Query) -> Judged {
    let (id, r0) = (query.need("id")?, query.proof("R0")?);
    mac.step("remove.finalize", |step| {
        let mut party = Party::find(step, id)?;
        let challenge = party.take_challenge(step, Mode::Remove)??;
        proof::device(step, &mut party, &challenge, r0)?;
        step.rows.bury_device(&party.device.id, step.now)?;
        party.audit(step, audit::DEVICE_REMOVED)?;
        Ok(Granted::default())
    })
}
