//! Opens blocks with AWS-LC, which takes a fraction of the time of rsa.rs: its arithmetic is
//! assembly for the processor. It is constant-time, blinds, and checks each result with the public
//! exponent, as rsa.rs does.
//!
//! It has no operation that seals a value with the private exponent, and no keys below 2048 bits.
//! Those stay with rsa.rs.

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use zeroize::Zeroizing;

/// The size of the shortest modulus that AWS-LC takes, in bytes.
pub(crate) const SMALLEST_SIZE: usize = 2048 / 8;

/// The values of a key, as big-endian bytes.
pub(crate) struct KeyParts<'a> {
    pub(crate) modulus: &'a [u8],
    pub(crate) public_exponent: &'a [u8],
    pub(crate) private_exponent: &'a [u8],
    /// The primes p and q.
    pub(crate) primes: [&'a [u8]; 2],
    /// The private exponent modulo p − 1 and modulo q − 1.
    pub(crate) exponents: [&'a [u8]; 2],
    /// The inverse of q modulo p.
    pub(crate) coefficient: &'a [u8],
}

/// A private key that opens blocks. It has no `Debug`.
pub(crate) struct Opener(OaepPrivateDecryptingKey);

impl Opener {
    /// Makes the opener of a key. Returns `None` if AWS-LC does not accept the key.
    pub(crate) fn new(parts: &KeyParts<'_>) -> Option<Self> {
        let key = PrivateDecryptingKey::from_pkcs8(&pkcs8(parts)).ok()?;
        OaepPrivateDecryptingKey::new(key).ok().map(Self)
    }

    /// Opens a block. Returns `None` if it was not encrypted to the key.
    pub(crate) fn open(&self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut space = Zeroizing::new(vec![0; self.0.min_output_size()]);
        let length = self.0.decrypt(&OAEP_SHA256_MGF1SHA256, block, &mut space, None).ok()?.len();
        space.truncate(length);
        Some(space)
    }
}

/// DER's tags.
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The algorithm of a key: rsaEncryption (1.2.840.113549.1.1.1) and no parameters.
const ALGORITHM: [u8; 15] = [0x30, 13, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0];

/// Returns the key in PKCS #8 (RFC 5208), which has the key of PKCS #1 (RFC 8017, appendix A.1.2)
/// inside.
fn pkcs8(parts: &KeyParts<'_>) -> Zeroizing<Vec<u8>> {
    let KeyParts { modulus, public_exponent, private_exponent, primes, exponents, coefficient } = *parts;
    let [p, q] = primes;
    let [dp, dq] = exponents;
    let version = element(INTEGER, &[&[0]]);
    let values = [modulus, public_exponent, private_exponent, p, q, dp, dq, coefficient].map(integer);
    let parts: Vec<&[u8]> = std::iter::once(&version).chain(&values).map(|part| part.as_slice()).collect();
    let key = element(OCTET_STRING, &[&element(SEQUENCE, &parts)]);
    element(SEQUENCE, &[&version, &ALGORITHM, &key])
}

/// Returns a positive INTEGER without superfluous zeros.
fn integer(number: &[u8]) -> Zeroizing<Vec<u8>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    let sign: &[u8] = if number.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[sign, number])
}

/// Returns an element of DER, in a buffer that never grows: it leaves no copies behind.
fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    const LONGEST_HEAD: usize = 2 + size_of::<usize>();
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_HEAD + length));
    bytes.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let length = length.to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            let length = &length[zeros..];
            bytes.push(0x80 | length.len() as u8);
            bytes.extend_from_slice(length);
        }
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}
