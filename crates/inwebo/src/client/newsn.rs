//! `newsn`: makes a code that enrolls another device of the account (the steps are ours).

use super::answer::Answer;
use super::client::Client;
use super::device::{Device, Unlocked};
use super::error::EngineError;
use super::request::Request;
use crate::mode::{Action, Mode};
use crate::values::EnrollmentCode;

/// Returns the request of the setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup(Mode::NewSn, device)
}

/// A challenge that waits for proofs.
pub struct Challenge(String);

impl Challenge {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        Answer::challenge(xml).map(Self)
    }

    /// Returns the request of the finalize step.
    pub fn finalize(self, client: &Client, unlocked: &Unlocked<'_>) -> Request {
        client.finalize(Mode::NewSn, unlocked.device).proved(&unlocked.proofs(&self.0))
    }
}

/// A code that the service made for this device.
pub struct Made {
    /// The code.
    pub code: EnrollmentCode,
    /// Seconds for which it is valid.
    pub lifetime: u64,
}

/// Reads the answer of the finalize step.
pub fn read(xml: &str) -> Result<Made, EngineError> {
    let answer = Answer::read(xml, Action::Finalize)?;
    let code = EnrollmentCode::read(answer.need("code", "it has no code")?);
    let lifetime = answer.need("lifetime", "it has no lifetime")?.parse();
    match (code, lifetime) {
        (Some(code), Ok(lifetime)) => Ok(Made { code, lifetime }),
        (None, _) => Err(EngineError::Unusable("its code is not an enrollment code")),
        (_, Err(_)) => Err(EngineError::Unusable("its lifetime is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_answer_has_a_code_and_a_lifetime() {
        let answer = |children: &str| format!("<ActionFinalize><err>OK</err>{children}</ActionFinalize>");
        let made = read(&answer("<code>ABCDE23456</code><lifetime>299</lifetime>")).ok().unwrap();
        assert_eq!((made.code.as_str(), made.lifetime), ("ABCDE23456", 299));
        for bad in [
            "",
            "<code>ABCDE23456</code>",
            "<lifetime>299</lifetime>",
            "<code>ABCDE2345</code><lifetime>299</lifetime>",
            "<code>ABCDE23456</code><lifetime>-1</lifetime>",
        ] {
            assert!(read(&answer(bad)).is_err(), "{bad}");
        }
    }
}
