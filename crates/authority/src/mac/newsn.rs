//! `newsn`: makes a code that enrolls another device of the account, without an SMS (the steps are
//! ours).

use inwebo::mode::Mode;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession};
use super::proof::{self, SentProofs};
use super::query::Query;
use crate::enrollment_codes;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    mac.require_offered(|policy| policy.activation_by_device)?;
    device_session::setup(mac, query, "newsn.setup", Mode::NewSn, DeviceSession::find_active)
}

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    mac.require_offered(|policy| policy.activation_by_device)?;
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
