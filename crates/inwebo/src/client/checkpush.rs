//! `checkpush`: asks for the new device that waits for an approval, and approves or rejects it (the
//! steps are ours).

use super::answer::Answer;
use super::client::Client;
use super::device::{Device, Unlocked};
use super::devices::device_id;
use super::error::EngineError;
use super::messages::NO_ID;
use super::request::Request;
use crate::mode::{Action, Mode};
use crate::values::{Approval, ApprovalNumber, DeviceName, Proofs};

/// Returns the request of the setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup(Mode::CheckPush, device)
}

/// A challenge that waits for proofs.
pub struct Challenge(String);

impl Challenge {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        Answer::challenge(xml).map(Self)
    }

    /// Returns the request of the finalize step that asks for the device that waits. It proves the
    /// device that asks alone.
    pub fn ask(self, client: &Client, device: &Device) -> Request {
        let proofs = Proofs::without_pin(&self.0, &device.serial, &device.k0);
        client.finalize(Mode::CheckPush, device).with("R0", &proofs.r0)
    }

    /// Returns the request of the finalize step that approves the device with this id, which shows
    /// this number. The proofs cover both.
    pub fn approve(self, client: &Client, unlocked: &Unlocked<'_>, id: &str, number: &ApprovalNumber) -> Request {
        client
            .finalize(Mode::CheckPush, unlocked.device)
            .with("device", id)
            .with("number", number.as_str())
            .proved(&unlocked.proofs(&Approval::Approve(number).challenge(&self.0, id)))
    }

    /// Returns the request of the finalize step that rejects the device with this id. It needs no
    /// PIN. The proof covers the id.
    pub fn reject(self, client: &Client, device: &Device, id: &str) -> Request {
        let proofs = Proofs::without_pin(&Approval::Reject.challenge(&self.0, id), &device.serial, &device.k0);
        client.finalize(Mode::CheckPush, device).with("device", id).with("reject", "1").with("R0", &proofs.r0)
    }
}

/// The state of the approvals of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// No device waits for an approval.
    None,
    /// A new device waits for an approval, which the device that asks may give.
    Asked {
        /// The short id of the new device.
        device: String,
        /// The name that it gave itself, without characters that could change the look of the text
        /// around it.
        name: String,
        /// The time of its activation, in milliseconds since 1970 in UTC.
        since: u64,
        /// Seconds until it ends if nobody decides.
        lifetime: u64,
    },
    /// The device that asks waits for its own approval.
    Waiting {
        /// Seconds until it ends if nobody decides.
        lifetime: u64,
    },
}

/// Reads the answer of the finalize step that asks.
pub fn read(xml: &str) -> Result<ApprovalState, EngineError> {
    let answer = Answer::read(xml, Action::Finalize)?;
    let number = |name, missing, bad| -> Result<u64, EngineError> {
        let number = answer.need(name, missing)?.parse().ok();
        // Each language has such a number.
        number.filter(|number| i64::try_from(*number).is_ok()).ok_or(EngineError::Unusable(bad))
    };
    let lifetime = || number("lifetime", "it has no lifetime", "its lifetime is not a number");
    match answer.need("state", "it has no state")? {
        "none" => Ok(ApprovalState::None),
        "waiting" => Ok(ApprovalState::Waiting { lifetime: lifetime()? }),
        "asked" => Ok(ApprovalState::Asked {
            device: device_id(answer.need("device", "it has no device")?).ok_or(NO_ID)?,
            name: DeviceName::cleaned(answer.text("name").unwrap_or_default()),
            since: number("since", "it has no since", "its since is not a number")?,
            lifetime: lifetime()?,
        }),
        _ => Err(EngineError::Unusable("its state is unknown")),
    }
}

/// Reads the answer of the finalize step that decides. An answer that does not name the result of
/// this decision is not one to it: a service may know the mode and not the decision.
pub fn read_decision(xml: &str, decision: Approval<'_>) -> Result<(), EngineError> {
    let answer = Answer::read(xml, Action::Finalize)?;
    let expected = match decision {
        Approval::Approve(_) => "approved",
        Approval::Reject => "none",
    };
    match answer.need("state", "it has no state")? {
        state if state == expected => Ok(()),
        _ => Err(EngineError::Unusable("its state is not that of the decision")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(children: &str) -> String {
        format!("<ActionFinalize><err>OK</err>{children}</ActionFinalize>")
    }

    const ASKED: &str = "<state>asked</state><device>a8f3c1d0</device><name>Tab\u{202e}&#10;let &lt;i&gt;</name>\
        <since>1795000000000</since><lifetime>240</lifetime>";

    #[test]
    fn every_state_is_read_and_no_other() {
        let read = |children: &str| read(&answer(children));
        assert_eq!(read("<state>none</state>"), Ok(ApprovalState::None));
        let waiting = "<state>waiting</state><lifetime>240</lifetime>";
        assert_eq!(read(waiting), Ok(ApprovalState::Waiting { lifetime: 240 }));
        let asked = ApprovalState::Asked {
            device: "a8f3c1d0".into(),
            name: "Tablet <i>".into(),
            since: 1_795_000_000_000,
            lifetime: 240,
        };
        assert_eq!(read(ASKED), Ok(asked));
        for bad in ["", "<state>x</state>", "<state>approved</state>", "<state>waiting</state>"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        for missing in ["<device>a8f3c1d0</device>", "<since>1795000000000</since>", "<lifetime>240</lifetime>"] {
            assert!(ASKED.contains(missing) && read(&ASKED.replace(missing, "")).is_err(), "{missing}");
        }
        for (good, bad) in [
            ("a8f3c1d0", "a8 f3"),
            ("1795000000000", "today"),
            ("240", "-1"),
            ("240", "9223372036854775808"),
            ("1795000000000", "18446744073709551615"),
        ] {
            assert!(read(&ASKED.replace(good, bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_result_of_the_decision_is_its_answer() {
        let number = ApprovalNumber::read("07").unwrap();
        let approve = Approval::Approve(&number);
        assert_eq!(read_decision(&answer("<state>approved</state>"), approve), Ok(()));
        assert_eq!(read_decision(&answer("<state>none</state>"), Approval::Reject), Ok(()));
        for (children, decision) in [
            ("<state>none</state>", approve),
            ("<state>approved</state>", Approval::Reject),
            (ASKED, approve),
            ("", approve),
        ] {
            assert!(matches!(read_decision(&answer(children), decision), Err(EngineError::Unusable(_))), "{children}");
        }
    }

    proptest! {
        #[test]
        fn any_soup_of_markup_is_a_state_or_an_error(parts in prop::collection::vec(prop::sample::select(vec![
            "<state>", "</state>", "asked", "waiting", "none", "<device>", "</device>", "a8f3c1d0", "<since>", "</since>",
            "17", "<lifetime>", "</lifetime>", "<name>", "</name>", "&lt;", "<![CDATA[", "]]>", "\u{202e}", " ",
        ]), 0..40)) {
            if let Ok(ApprovalState::Asked { name, .. }) = read(&answer(&parts.concat())) {
                let is_forbidden = name.chars().any(|letter| letter.is_control() || letter == '\u{202e}');
                prop_assert!(!is_forbidden);
            }
        }
    }
}
