//! `getsn`: asks for the state of an enrollment code, and decides about the device that entered it
//! (the steps are ours).

use super::answer::Answer;
use super::client::Client;
use super::device::{Device, Unlocked};
use super::error::EngineError;
use super::request::Request;
use crate::mode::{Action, Mode};
use crate::values::{Decision, Fingerprint, Proofs};

/// Returns the request of the setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup(Mode::GetSn, device)
}

/// A challenge that waits for proofs.
pub struct Challenge(String);

impl Challenge {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        Answer::challenge(xml).map(Self)
    }

    /// Returns the request of the finalize step that asks for the state. It proves the device
    /// alone.
    pub fn ask(self, client: &Client, device: &Device) -> Request {
        let proofs = Proofs::without_pin(&self.0, &device.serial, &device.k0);
        client.finalize(Mode::GetSn, device).with("R0", &proofs.r0)
    }

    /// Returns the request of the finalize step that decides about the device with this
    /// fingerprint. The proofs cover the decision.
    pub fn decide(
        self,
        client: &Client,
        unlocked: &Unlocked<'_>,
        decision: Decision,
        fingerprint: &Fingerprint,
    ) -> Request {
        client
            .finalize(Mode::GetSn, unlocked.device)
            .with("confirm", decision.as_str())
            .with("fingerprint", fingerprint.as_str())
            .proved(&unlocked.proofs(&decision.challenge(&self.0, fingerprint)))
    }
}

/// The state of the account's latest enrollment code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeState {
    /// This device has no code: it made none, the code expired, or the other device was rejected.
    None,
    /// No device has entered the code.
    Waiting,
    /// Another device entered the code, and waits for its confirmation.
    Entered {
        /// The fingerprint of the other device.
        fingerprint: Fingerprint,
        /// The name that it gave itself.
        name: String,
    },
    /// The device that asks entered the code, and waits for its confirmation.
    EnteredBySelf,
    /// The other device is confirmed.
    Confirmed,
}

/// Reads the answer of the finalize step.
pub fn read(xml: &str) -> Result<CodeState, EngineError> {
    let answer = Answer::read(xml, Action::Finalize)?;
    match answer.need("state", "it has no state")? {
        "none" => Ok(CodeState::None),
        "waiting" => Ok(CodeState::Waiting),
        "confirmed" => Ok(CodeState::Confirmed),
        "entered" if answer.text("self") == Some("1") => Ok(CodeState::EnteredBySelf),
        "entered" => {
            let fingerprint = Fingerprint::read(answer.need("fingerprint", "it has no fingerprint")?)
                .ok_or(EngineError::Unusable("its fingerprint is not 8 digits"))?;
            Ok(CodeState::Entered { fingerprint, name: shown(answer.text("name").unwrap_or_default()) })
        }
        _ => Err(EngineError::Unusable("its state is unknown")),
    }
}

/// Returns a name without characters that could change the look of the text around it. Another
/// device chose the name.
fn shown(name: &str) -> String {
    const LONGEST: usize = 64;
    let is_bidi =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.chars().filter(|c| !c.is_control() && !is_bidi(*c)).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_children(children: &str) -> Result<CodeState, EngineError> {
        read(&format!("<ActionFinalize><err>OK</err>{children}</ActionFinalize>"))
    }

    #[test]
    fn every_state_is_read_and_no_other() {
        assert_eq!(read_children("<state>none</state>"), Ok(CodeState::None));
        assert_eq!(read_children("<state>waiting</state>"), Ok(CodeState::Waiting));
        assert_eq!(read_children("<state>confirmed</state>"), Ok(CodeState::Confirmed));
        assert_eq!(read_children("<state>entered</state><self>1</self>"), Ok(CodeState::EnteredBySelf));
        let entered = "<state>entered</state><fingerprint>01234567</fingerprint><name>a\u{202e}&#10;b &lt;i&gt;</name>";
        let fingerprint = Fingerprint::read("01234567").unwrap();
        assert_eq!(read_children(entered), Ok(CodeState::Entered { fingerprint, name: "ab <i>".to_owned() }));
        for bad in
            ["", "<state>x</state>", "<state>entered</state>", "<state>entered</state><fingerprint>1</fingerprint>"]
        {
            assert!(read_children(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_name_never_holds_a_control_character(name in ".*") {
            let shown = shown(&name);
            prop_assert!(shown.chars().count() <= 64 && !shown.chars().any(char::is_control));
        }
    }
}
