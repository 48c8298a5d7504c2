//! The public half of RSA in this exchange: moduli with the exponent 17.
//!
//! There are two operations, both with the public exponent. *Encrypted to* a modulus is ordinary
//! RSA-OAEP. *Sealed by* a key is OAEP with the private exponent. Anyone that knows the modulus can
//! open a sealed value, so a seal hides nothing and only shows its author.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use zeroize::Zeroizing;

use super::{hex, oaep};

/// The public exponent of every key of the exchange.
pub const EXPONENT: u32 = 17;

const EXPONENT_BITS: u32 = 5;

/// The reason for which a value could not be opened or encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RsaError {
    /// Not a modulus: not hex, not odd, or not of 1024 to 4096 bits in whole bytes.
    #[error("not an RSA modulus of 1024 to 4096 bits")]
    Modulus,
    /// A sealed value that is not made of whole blocks, or that has a wrong padding.
    #[error("a sealed value that does not open under this modulus")]
    Sealed,
    /// A message too long for one block.
    #[error("a message too long for this modulus")]
    TooLong,
}

/// An RSA modulus. The exponent is always [`EXPONENT`].
#[derive(Clone)]
pub struct Modulus {
    params: BoxedMontyParams,
    size: usize,
}

impl Modulus {
    /// The smallest and the largest accepted modulus, in bytes.
    const SIZES: std::ops::RangeInclusive<usize> = 128..=512;

    /// Reads a modulus from big-endian bytes. Its top bit must be set: its size is also the size of
    /// its blocks.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RsaError> {
        let full = Self::SIZES.contains(&bytes.len()) && bytes.len().is_multiple_of(8) && bytes[0] & 0x80 != 0;
        if !full {
            return Err(RsaError::Modulus);
        }
        let number = BoxedUint::from_be_slice(bytes, 8 * bytes.len() as u32).map_err(|_| RsaError::Modulus)?;
        let odd = Option::<Odd<BoxedUint>>::from(number.into_odd()).ok_or(RsaError::Modulus)?;
        Ok(Self { params: BoxedMontyParams::new_vartime(odd), size: bytes.len() })
    }

    /// Reads a modulus from hex text.
    pub fn from_hex(text: &str) -> Result<Self, RsaError> {
        Self::from_bytes(&hex::decode(text).ok_or(RsaError::Modulus)?)
    }

    /// Returns the modulus as big-endian bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.params.modulus().as_ref().to_be_bytes().into_vec()
    }

    /// Returns the size of a block, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Opens a value that the owner of this key sealed. Opens each block and joins the pieces.
    pub fn open_sealed(&self, sealed: &[u8]) -> Result<Vec<u8>, RsaError> {
        if sealed.is_empty() || !sealed.len().is_multiple_of(self.size) {
            return Err(RsaError::Sealed);
        }
        let mut value = Vec::with_capacity(sealed.len());
        for block in sealed.chunks(self.size) {
            let padded = self.raise(block).ok_or(RsaError::Sealed)?;
            value.extend_from_slice(&oaep::decode(&padded).ok_or(RsaError::Sealed)?);
        }
        Ok(value)
    }

    /// Encrypts a short message to this modulus. `seed` must be fresh randomness for each message.
    pub fn encrypt(&self, message: &[u8], seed: &[u8; 32]) -> Result<Vec<u8>, RsaError> {
        let padded = oaep::encode(self.size, message, seed).ok_or(RsaError::TooLong)?;
        // A padded block begins with a zero byte, and the top bit of the modulus is set. So the
        // block is the smaller number.
        self.raise(&padded).map(|block| block.to_vec()).ok_or(RsaError::TooLong)
    }

    /// Returns `block` to the 17th power, or `None` if it is not smaller than the modulus.
    fn raise(&self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let number = BoxedUint::from_be_slice(block, 8 * self.size as u32).ok()?;
        if number >= *self.params.modulus().as_ref() {
            return None;
        }
        let form = BoxedMontyForm::new(number, &self.params);
        let power = form.pow_bounded_exp(&BoxedUint::from(EXPONENT), EXPONENT_BITS).retrieve();
        Some(Zeroizing::new(power.to_be_bytes().into_vec()))
    }
}

impl PartialEq for Modulus {
    fn eq(&self, other: &Self) -> bool {
        self.params.modulus() == other.params.modulus()
    }
}

impl Eq for Modulus {}

impl std::fmt::Debug for Modulus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Modulus({} bits)", 8 * self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_modulus_is_refused() {
        let even = [0xfe; 128];
        let short = [0xff; 64];
        let mut low = [0xff; 128];
        low[0] = 0x7f;
        for bad in [&even[..], &short, &low, &[], &[0xff; 600]] {
            assert_eq!(Modulus::from_bytes(bad).unwrap_err(), RsaError::Modulus);
        }
        assert!(Modulus::from_hex("xyz").is_err());
    }

    #[test]
    fn a_sealed_value_of_the_wrong_size_or_padding_does_not_open() {
        let modulus = Modulus::from_bytes(&[0xff; 128]).unwrap();
        for bad in [vec![], vec![0; 127], vec![0xff; 128], vec![1; 256]] {
            assert_eq!(modulus.open_sealed(&bad).unwrap_err(), RsaError::Sealed);
        }
        assert_eq!(modulus.encrypt(&[0; 63], &[0; 32]).unwrap_err(), RsaError::TooLong);
    }
}
