//! `status`: the state of a device and its account.

use inwebo::word::Word;

use super::answer::Granted;
use super::context::{Judged, Mac};
use super::party::Party;
use super::query::Query;

/// Answers the only step. It changes nothing.
pub(super) fn setup(mac: &Mac<'_>, query: &Query) -> Judged {
    let id = query.need("id")?;
    mac.step("status", |step| {
        let party = Party::find(step, id)?.unless_blocked(step)?;
        let devices = step.rows.devices_of(&party.account.name)?.len();
        let most = usize::try_from(step.policy.max_devices).unwrap_or(usize::MAX);
        if devices >= most { Err(Word::MaxDevices.into()) } else { Ok(Granted::default()) }
    })
}
