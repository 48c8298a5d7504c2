//! The check before RSA: the service opens no block of a finalize step that it does not expect.
//!
//! The check is a step of its own. The transaction of the operation repeats it, and only that
//! transaction grants anything.

use inwebo::mode::Mode;
use inwebo::values::{Kma, Pin, Serial};
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::context::MacContext;
use super::device_session::DeviceSession;
use super::query::Query;
use super::refusal::{Refusal, StepError};
use crate::domain::policy::KeySize;
use crate::rsa::PrivateKey;
use crate::service_keys::ServiceKeys;
use crate::step::Step;

/// Evidence that the service expects a finalize step. No block is opened without it.
pub(super) struct ExpectedFinalize(());

/// The effect of a blocked account on an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenBlocked {
    /// The operation is refused.
    Refuse,
    /// The operation goes on: it lifts the block.
    Proceed,
}

impl ExpectedFinalize {
    /// Runs a check in a step of its own. Charges of the check are kept.
    pub(super) fn after(
        mac: &MacContext<'_>,
        name: &'static str,
        check: impl FnMut(&Step<'_>) -> Result<(), StepError>,
    ) -> Result<Self, StepError> {
        mac.step(name, check)?;
        Ok(Self(()))
    }

    /// Checks that the device exists and that it has a challenge of this mode to answer.
    ///
    /// The challenge stays for the transaction of the operation. If the account is blocked or the
    /// challenge has expired, there will be no such transaction, so the challenge is removed here.
    pub(super) fn challenge(
        mac: &MacContext<'_>,
        id: &str,
        mode: Mode,
        blocked: WhenBlocked,
    ) -> Result<Self, StepError> {
        Self::after(mac, "finalize.check", |step| {
            let mut session = match mode {
                // It is a part of the activation.
                Mode::Secret => DeviceSession::find_unconfirmed_too(step, id)?,
                _ => DeviceSession::find(step, id)?,
            };
            let found = session.find_challenge(step, mode)?;
            let result = match blocked {
                WhenBlocked::Refuse => session.check_active(step),
                WhenBlocked::Proceed => Ok(()),
            };
            let result = result.and_then(|()| found.map_err(StepError::from));
            if matches!(result, Err(StepError::Refused(_))) {
                step.rows.take_challenge(&mut session.device, mode.as_str())?;
            }
            result
        })
    }
}

/// A block that was encrypted to a key of the service.
pub(super) struct Block {
    bytes: Vec<u8>,
    size: KeySize,
}

impl Block {
    /// Reads a block. Refuses a value that does not have the length of a block.
    pub(super) fn read(query: &Query, name: &str) -> Result<Self, Refusal> {
        let bytes = query.encrypted(name)?;
        let size = KeySize::of_block(bytes.len()).ok_or(Word::Syntax)?;
        Ok(Self { bytes, size })
    }

    /// Opens the block with a key of its size.
    pub(super) fn open(
        &self,
        mac: &MacContext<'_>,
        _: &ExpectedFinalize,
        key: fn(&ServiceKeys) -> &PrivateKey,
    ) -> Result<Zeroizing<Vec<u8>>, StepError> {
        let keys = mac.keys_of(self.size)?;
        mac.opened_blocks.set(true);
        Ok(key(&keys).open(&self.bytes)?.ok_or(Word::Syntax)?)
    }
}

/// A PIN and its `kma` as the device encrypted them.
pub(super) struct EncryptedPin {
    kma: Block,
    pin: Block,
}

impl EncryptedPin {
    pub(super) fn read(query: &Query, kma_name: &str, pin_name: &str) -> Result<Self, Refusal> {
        let (kma, pin) = (Block::read(query, kma_name)?, Block::read(query, pin_name)?);
        // Both blocks must be encrypted to the same key.
        if kma.size == pin.size { Ok(Self { kma, pin }) } else { Err(Word::Syntax.into()) }
    }

    /// Opens both blocks. The caller compares `kma` with the device's serial.
    pub(super) fn open(&self, mac: &MacContext<'_>, expected: &ExpectedFinalize) -> Result<SentPin, StepError> {
        let kma = self.kma.open(mac, expected, |keys| &keys.device)?;
        let kma = <[u8; 16]>::try_from(kma.as_slice()).map_err(|_| Word::Syntax)?;
        let pin = self.pin.open(mac, expected, |keys| &keys.device)?;
        let pin = std::str::from_utf8(&pin).map_err(|_| Word::Syntax)?;
        Ok(SentPin { kma: Kma::new(kma), pin: Pin::new(pin).ok_or(Word::PinRefused)? })
    }
}

/// A PIN and its `kma` as the device sent them.
pub(super) struct SentPin {
    pub(super) pin: Pin,
    pub(super) kma: Kma,
}

impl SentPin {
    /// Returns whether `kma` is the one that derives from this PIN and this serial.
    pub(super) fn fits(&self, serial: &Serial) -> bool {
        self.kma == Kma::derive(&self.pin, serial)
    }
}
