//! The 16-byte keys of a device, and the operations that derive and encrypt them.

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::digest::sha256;
use super::hex;
use super::pin::Pin;
use super::serial::Serial;

macro_rules! secret_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Makes the key from 16 bytes.
            pub fn new(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Returns the 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Returns the key in lower-case hex. The exchange hashes keys in this form.
            pub fn text(&self) -> Zeroizing<String> {
                hex::encode_secret(&self.0)
            }
        }

        /// Compares keys in constant time.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}
    };
}

secret_key!(
    /// The AES-128 key that a PIN unlocks on one device.
    Kma
);
secret_key!(
    /// The key that proves the device, with or without a PIN.
    K0
);
secret_key!(
    /// The key that proves that the PIN unlocked the device. It evolves with `dK1`.
    K1
);
secret_key!(
    /// The service secret that the device makes, before [`Kma`] hides it as [`SecVal`].
    ServiceSecret
);
secret_key!(
    /// The service secret under [`Kma`]: the third part of a one-time password.
    SecVal
);

impl Kma {
    /// Derives the key: the first 16 bytes of SHA-256(PIN `;` serial).
    pub fn derive(pin: &Pin, serial: &Serial) -> Self {
        let mut hash = sha256(&[pin.digits(), ";", serial.as_str()]);
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        hash.zeroize();
        Self(key)
    }

    /// Encrypts one block with AES-128.
    pub fn encrypt(&self, block: &[u8; 16]) -> [u8; 16] {
        let mut block = (*block).into();
        Aes128::new(&self.0.into()).encrypt_block(&mut block);
        block.into()
    }

    /// Decrypts one block with AES-128. Under a wrong PIN's key the result is 16 other bytes, and
    /// nothing tells which are right.
    pub fn decrypt(&self, block: &[u8; 16]) -> [u8; 16] {
        let mut block = (*block).into();
        Aes128::new(&self.0.into()).decrypt_block(&mut block);
        block.into()
    }
}

impl K1 {
    /// Returns the next K1: the first 16 bytes of SHA-256(K1 text `;` dK1 text).
    pub fn evolve(&self, dk1: &str) -> Self {
        let mut hash = sha256(&[&self.text(), ";", dk1]);
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        hash.zeroize();
        Self(key)
    }
}

impl ServiceSecret {
    /// Returns the secret in the form that one-time passwords are made of.
    pub fn under(&self, kma: &Kma) -> SecVal {
        SecVal(kma.encrypt(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kma_encrypts_it_decrypts_and_another_pin_does_not() {
        let serial = Serial::new([1; 8], [2; 16]);
        let right = Kma::derive(&Pin::new("1234").unwrap(), &serial);
        let wrong = Kma::derive(&Pin::new("1235").unwrap(), &serial);
        let block = [7; 16];
        let hidden = right.encrypt(&block);
        assert_eq!(right.decrypt(&hidden), block);
        assert_ne!(wrong.decrypt(&hidden), block);
    }
}
