//! `synchro`: delivers the keys to a device again, under the present PIN of the account.

use inwebo::mode::Mode;
use inwebo::values::K1;
use zeroize::Zeroizing;

use super::answer::Granted;
use super::context::{Judged, Mac, PinMode};
use super::party::Party;
use super::proof::{self, Sent};
use super::query::Query;
use crate::audit;
use crate::random;

pub(super) fn setup(mac: &Mac<'_>, query: &Query) -> Judged {
    let id = query.need("id")?;
    mac.step("synchro.setup", |step| {
        let party = Party::find(step, id)?.able(step)?;
        let challenge = party.challenge(step, Mode::Synchro)?;
        Ok(Granted::default().with("challenge", challenge).with("pinmode", PinMode::Current.as_str()))
    })
}

/// Delivers the keys.
///
/// K0 stays, unless a reset of the PIN prepared another. If this answer is lost, the device can
/// still prove itself with the old K0. K1 is new. This operation repairs a stale K1, so R1 only
/// shows whether there is a second copy, and no wrong PIN is forgiven. The old service secret is
/// valid until the device makes a new one.
pub(super) fn finalize(mac: &Mac<'_>, query: &Query) -> Judged {
    let id = query.need("id")?;
    let sent = Sent::read(query)?;
    let keys = mac.keys()?;
    mac.step("synchro.finalize", |step| {
        let party = Party::find(step, id)?;
        let challenge = party.take_challenge(step, Mode::Synchro)?;
        let mut party = party.able(step)?;
        let challenge = challenge?;
        let unlocked = proof::with_pin(step, &mut party, &challenge, &sent)?;
        proof::stale_k1(step, &mut party, &unlocked, &challenge, &sent)?;
        let k1 = K1::new(*Zeroizing::new(random::bytes()?));
        party.set_k1(step, &k1)?;
        party.device.k1_proved = false;
        party.device.tsync = party.device.tsync.saturating_add(1);
        party.put_device(step)?;
        party.audit(step, audit::DEVICE_SYNCHRONIZED)?;
        party.deliver(step, Granted::default(), &unlocked.kma, &keys)
    })
}
