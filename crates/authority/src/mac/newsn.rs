//! `newsn`: makes a code that enrolls another device of the account, without an SMS (the steps are
//! ours).

use inwebo::mode::Mode;
use inwebo::word::Word;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession};
use super::proof::{self, SentProofs};
use super::query::Query;
use super::refusal::Refusal;
use crate::enrollment_codes;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    require_policy(mac)?;
    device_session::setup(mac, query, "newsn.setup", Mode::NewSn, DeviceSession::find_active)
}

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    require_policy(mac)?;
    let id = query.require("id")?;
    let sent = SentProofs::read(query)?;
    mac.step("newsn.finalize", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::NewSn)?;
        let mut session = session.require_active(step)?;
        let challenge = challenge?;
        let unlocked = proof::verify_with_pin(step, &mut session, &challenge, &sent)?;
        let proved = proof::verify_k1(step, &mut session, &unlocked, &challenge, &sent)?;
        session.put_device(step)?;
        let code = enrollment_codes::make(step, &session.device)?;
        let lifetime = step.policy.activation_by_device_millis() / 1000;
        Ok(Granted::default()
            .with("code", code.as_str())
            .with("lifetime", lifetime.to_string())
            .with_wrong_pins(proved.wrong_pins))
    })
}

/// Refuses if the policy permits no codes of devices, in the way in which an unknown mode is
/// refused.
pub(super) fn require_policy(mac: &MacContext<'_>) -> Result<(), Refusal> {
    if mac.ctx.policy.activation_by_device { Ok(()) } else { Err(Word::Syntax.into()) }
}
