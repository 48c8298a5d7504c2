//! `synchro`: delivers the keys to a device again, under the present PIN of the account.

use inwebo::mode::Mode;
use inwebo::values::K1;
use zeroize::Zeroizing;

use super::answer::Granted;
use super::context::{MacContext, MacResult, PinMode};
use super::device_session::DeviceSession;
use super::proof::{self, SentProofs};
use super::query::Query;
use crate::audit;
use crate::domain::evolution;
use crate::random;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let id = query.require("id")?;
    mac.step("synchro.setup", |step| {
        let mut session = DeviceSession::find(step, id)?.require_active(step)?;
        let challenge = session.challenge(step, Mode::Synchro)?;
        Ok(Granted::default().with("challenge", challenge).with("pinmode", PinMode::Current.as_str()))
    })
}

/// Delivers the keys.
///
/// K0 stays, unless a reset of the PIN prepared another. If this answer is lost, the device can
/// still prove itself with the old K0. K1 is new. This operation repairs a stale K1, so R1 only
/// shows whether there is a second copy, and no wrong PIN is forgiven. The old service secret is
/// valid until the device makes a new one.
pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let id = query.require("id")?;
    let sent = SentProofs::read(query)?;
    let keys = mac.keys()?;
    mac.step("synchro.finalize", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::Synchro)?;
        let mut session = session.require_active(step)?;
        let challenge = challenge?;
        let unlocked = proof::verify_with_pin(step, &mut session, &challenge, &sent)?;
        proof::verify_stale_k1(step, &mut session, &unlocked, &challenge, &sent)?;
        let k1 = K1::new(*Zeroizing::new(random::bytes()?));
        session.set_k1(step, &k1)?;
        session.device.k1_proved = false;
        session.device.tsync = session.device.tsync.saturating_add(1);
        session.put_device(step)?;
        session.audit(step, audit::DEVICE_SYNCHRONIZED)?;
        session.update_traits(step, evolution::begin_anew)?;
        session.deliver(step, Granted::default(), &unlocked.kma, &keys)
    })
}
