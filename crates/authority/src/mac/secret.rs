//! `ms`: stores the service secret that a device makes. Its one step answers a challenge of
//! `activate` or `synchro`.

use inwebo::mode::Mode;
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::answer::Granted;
use super::context::{MacContext, MacResult, SECRET_ID};
use super::device_session::{DeviceSession, SECRET_COLUMN};
use super::expected_finalize::{Block, ExpectedFinalize, WhenBlocked};
use super::proof::{self, SentProofs};
use super::query::Query;
use crate::audit;

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let id = query.require("id")?;
    let sent = SentProofs::read(query)?;
    let encrypted = Block::read(query, "ms_val0")?;
    if query.require("ms_id0")? != SECRET_ID || query.require("ms_n")? != "1" {
        return Err(Word::Syntax.into());
    }
    let expected = ExpectedFinalize::challenge(mac, id, Mode::Secret, WhenBlocked::Refuse)?;
    let secret = encrypted.open(mac, &expected, |keys| &keys.service)?;
    let secret = Zeroizing::new(<[u8; 16]>::try_from(secret.as_slice()).map_err(|_| Word::Syntax)?);
    mac.step("secret.store", |step| {
        let mut session = DeviceSession::find_unconfirmed_too(step, id)?;
        let challenge = session.take_challenge(step, Mode::Secret)?;
        let mut session = session.require_active(step)?;
        let challenge = challenge?;
        let unlocked = proof::verify_with_pin(step, &mut session, &challenge, &sent)?;
        let proved = proof::verify_k1(step, &mut session, &unlocked, &challenge, &sent)?;
        session.device.secret = Some(step.sealer.seal(session.binding(SECRET_COLUMN), &*secret)?);
        session.put_device(step)?;
        session.audit(step, audit::SECRET_STORED)?;
        Ok(Granted::default().with_wrong_pins(proved.wrong_pins))
    })
}
