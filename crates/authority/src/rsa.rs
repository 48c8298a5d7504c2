//! The private half of RSA in this exchange, with the public exponent 17: it seals and opens.
//!
//! The arithmetic on secrets is constant-time and blinded, and uses the Chinese remainder theorem.
//! Every result is checked with the public exponent before it is used: one result of a faulty
//! computation would reveal the primes.
//!
//! With the feature `aws-rsa`, AWS-LC opens the blocks of the keys that it accepts: rsa_opener.rs.

use std::sync::{Mutex, PoisonError};

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul, Limb, NonZero, Odd, RandomMod};
use crypto_primes::{Flavor, is_prime};
use getrandom::SysRng;
use inwebo::values::{Modulus, oaep, rsa::EXPONENT};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::random;
#[cfg(feature = "aws-rsa")]
use crate::rsa_opener::{KeyParts, Opener, SMALLEST_SIZE};

const EXPONENT_BITS: u32 = 5;

/// A private key. It has no `Debug`.
pub(crate) struct PrivateKey {
    public: Modulus,
    params: BoxedMontyParams,
    p: Prime,
    q: Prime,
    /// The inverse of q modulo p.
    q_inverse: Zeroizing<BoxedMontyForm>,
    blinding: Mutex<Option<Blinding>>,
    #[cfg(feature = "aws-rsa")]
    opener: Option<Opener>,
}

/// A random factor and its inverse. A new one costs as much as the private operation itself, so
/// each is used several times and squared in between. Only a party that knows the first factor
/// knows its squares.
#[derive(Clone)]
struct Blinding {
    factor: Zeroizing<BoxedMontyForm>,
    inverse: Zeroizing<BoxedMontyForm>,
    uses_left: u32,
}

/// The number of times that a blinding is used again.
const USES_OF_BLINDING: u32 = 32;

/// A prime and the values that are computed modulo it.
struct Prime {
    params: BoxedMontyParams,
    /// The inverse of the public exponent modulo the prime minus one.
    exponent: Zeroizing<BoxedUint>,
}

impl PrivateKey {
    /// Makes a new key. This takes a long time.
    pub(crate) fn generate(bits: u32) -> Result<Self, Failure> {
        loop {
            let (p, q) = (prime(bits / 2)?, prime(bits / 2)?);
            if p != q
                && let Some(key) = Self::from_primes(p, q)
            {
                return Ok(key);
            }
        }
    }

    /// Reads the key from the bytes that [`to_bytes`](Self::to_bytes) returned.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (p, q) = bytes.split_at_checked(bytes.len() / 2).filter(|(p, q)| p.len() == q.len())?;
        let read = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, u32::try_from(8 * bytes.len()).ok()?).ok();
        Self::from_primes(read(p)?, read(q)?)
    }

    /// Returns both primes, one after the other. Everything else is computed from them.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let bytes = |prime: &Prime| Zeroizing::new(prime.params.modulus().as_ref().to_be_bytes().into_vec());
        Zeroizing::new([bytes(&self.p).as_slice(), &bytes(&self.q)].concat())
    }

    /// Returns the public half.
    pub(crate) fn public(&self) -> &Modulus {
        &self.public
    }

    /// Seals a value of any length. Any holder of the modulus can open it.
    pub(crate) fn seal(&self, value: &[u8]) -> Result<Vec<u8>, Failure> {
        let size = self.public.size();
        let mut sealed = Vec::with_capacity(value.len().div_ceil(size - oaep::OVERHEAD) * size);
        for piece in value.chunks(size - oaep::OVERHEAD) {
            let padded = oaep::encode(size, piece, &random::bytes()?).ok_or(Failure::Arithmetic)?;
            sealed.extend_from_slice(&self.raise(&padded)?.ok_or(Failure::Arithmetic)?);
        }
        Ok(sealed)
    }

    /// Opens one block that was encrypted to the modulus. Returns `None` if it was not.
    pub(crate) fn open(&self, block: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        if block.len() != self.public.size() {
            return Ok(None);
        }
        #[cfg(feature = "aws-rsa")]
        if let Some(opener) = &self.opener {
            return Ok(opener.open(block));
        }
        Ok(self.raise(block)?.and_then(|padded| oaep::decode(&padded)))
    }

    /// Makes a key from two primes. Returns `None` if their product does not have all its bits, or
    /// if the public exponent has no inverse for one of them.
    fn from_primes(p: BoxedUint, q: BoxedUint) -> Option<Self> {
        let modulus = p.concatenating_mul(&q);
        let public = Modulus::from_bytes(&modulus.to_be_bytes()).ok()?;
        let params = BoxedMontyParams::new_vartime(Option::from(modulus.into_odd())?);
        let (p, q) = (Prime::new(p)?, Prime::new(q)?);
        let q_modulo_p = q.params.modulus().as_ref().rem(p.params.modulus().as_nz_ref());
        let q_inverse = Option::from(BoxedMontyForm::new(q_modulo_p, &p.params).invert())?;
        let q_inverse = Zeroizing::new(q_inverse);
        #[cfg(feature = "aws-rsa")]
        let opener = opener(&public, &p, &q, &q_inverse);
        Some(Self {
            public,
            params,
            p,
            q,
            q_inverse,
            blinding: Mutex::new(None),
            #[cfg(feature = "aws-rsa")]
            opener,
        })
    }

    /// Raises `block` to the private exponent. Returns `None` if `block` is not smaller than the
    /// modulus.
    fn raise(&self, block: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        let number = BoxedUint::from_be_slice(block, self.params.bits_precision()).map_err(|_| Failure::Arithmetic)?;
        if number >= *self.params.modulus().as_ref() {
            return Ok(None);
        }
        let number = BoxedMontyForm::new(number, &self.params);
        let Blinding { factor, inverse, .. } = self.blinding()?;
        let blinded = Zeroizing::new(number.mul(&public_power(&factor)).retrieve());
        let power = Zeroizing::new(BoxedMontyForm::new(self.private_power(&blinded), &self.params).mul(&inverse));
        if public_power(&power).retrieve() != number.retrieve() {
            return Err(Failure::Arithmetic);
        }
        let power = Zeroizing::new(power.retrieve());
        Ok(Some(Zeroizing::new(power.to_be_bytes().into_vec())))
    }

    /// Returns the blinding for one operation.
    fn blinding(&self) -> Result<Blinding, Failure> {
        let mut kept = self.blinding.lock().unwrap_or_else(PoisonError::into_inner);
        let blinding = match kept.take() {
            Some(blinding) => blinding,
            None => self.new_blinding()?,
        };
        *kept = (blinding.uses_left > 0).then(|| Blinding {
            factor: Zeroizing::new(blinding.factor.square()),
            inverse: Zeroizing::new(blinding.inverse.square()),
            uses_left: blinding.uses_left - 1,
        });
        Ok(blinding)
    }

    fn new_blinding(&self) -> Result<Blinding, Failure> {
        let modulus = self.params.modulus().as_nz_ref();
        loop {
            let factor = BoxedUint::try_random_mod_vartime(&mut SysRng, modulus).map_err(|_| Failure::Randomness)?;
            let factor = Zeroizing::new(BoxedMontyForm::new(factor, &self.params));
            if let Some(inverse) = Option::from(factor.invert()) {
                return Ok(Blinding { factor, inverse: Zeroizing::new(inverse), uses_left: USES_OF_BLINDING });
            }
        }
    }

    /// Computes the private power by Garner's formula: q·((m_p − m_q)/q mod p) + m_q.
    fn private_power(&self, number: &BoxedUint) -> BoxedUint {
        let modulo_p = Zeroizing::new(self.p.raise(number));
        let modulo_q = Zeroizing::new(self.q.raise(number).retrieve());
        let q_part = modulo_q.rem(self.p.params.modulus().as_nz_ref());
        let q_part = Zeroizing::new(BoxedMontyForm::new(q_part, &self.p.params));
        let quotient = Zeroizing::new(modulo_p.sub(&q_part).mul(&self.q_inverse).retrieve());
        let high = Zeroizing::new(quotient.concatenating_mul(self.q.params.modulus().as_ref()));
        // The sum is smaller than p·q, so nothing is lost if this wraps.
        high.wrapping_add(&*modulo_q)
    }
}

impl Prime {
    /// Prepares a prime. Returns `None` if the public exponent has no inverse.
    fn new(prime: BoxedUint) -> Option<Self> {
        let odd: Odd<BoxedUint> = Option::from(prime.into_odd())?;
        let exponent = inverse_of_public_exponent(&order(&odd))?;
        Some(Self { params: BoxedMontyParams::new(odd), exponent })
    }

    fn raise(&self, number: &BoxedUint) -> BoxedMontyForm {
        let reduced = number.rem(self.params.modulus().as_nz_ref());
        BoxedMontyForm::new(reduced, &self.params).pow(&self.exponent)
    }
}

/// Returns the inverse of the public exponent modulo an even number, or `None` if there is none.
/// The number is a prime minus one, or the product of two of these.
///
/// With e = 17 and the number 17·q + r, it is k·q + (k·r + 1)/17, where k·r is −1 modulo 17. That
/// is much less work than an inversion of long numbers, and takes the same time for all primes.
fn inverse_of_public_exponent(order: &BoxedUint) -> Option<Zeroizing<BoxedUint>> {
    const E: u64 = EXPONENT as u64;
    let (quotient, rest) = order.div_rem_limb(Option::from(NonZero::new(Limb::from(EXPONENT)))?);
    let (quotient, rest) = (Zeroizing::new(quotient), u64::from(rest));
    if rest == 0 {
        return None;
    }
    // E is a prime, so the inverse of a number is its power E − 2.
    let inverse = (2..E).fold(1, |power, _| power * rest % E);
    let k = E - inverse;
    let product = Zeroizing::new(quotient.wrapping_mul(BoxedUint::from(k)));
    Some(Zeroizing::new(product.wrapping_add(BoxedUint::from((k * rest + 1) / E))))
}

/// Returns a prime minus one.
fn order(prime: &Odd<BoxedUint>) -> Zeroizing<BoxedUint> {
    Zeroizing::new(prime.as_ref().wrapping_sub(BoxedUint::one()))
}

/// Makes the opener of a key. Returns `None` if AWS-LC does not take keys of this size.
#[cfg(feature = "aws-rsa")]
fn opener(public: &Modulus, p: &Prime, q: &Prime, q_inverse: &BoxedMontyForm) -> Option<Opener> {
    if public.size() < SMALLEST_SIZE {
        return None;
    }
    let order_of_both = Zeroizing::new(order(p.params.modulus()).concatenating_mul(&*order(q.params.modulus())));
    let private_exponent = inverse_of_public_exponent(&order_of_both)?;
    let bytes = |number: &BoxedUint| Zeroizing::new(number.to_be_bytes().into_vec());
    let prime = |prime: &Prime| bytes(prime.params.modulus().as_ref());
    Opener::new(&KeyParts {
        modulus: &public.to_bytes(),
        public_exponent: &EXPONENT.to_be_bytes(),
        private_exponent: &bytes(&private_exponent),
        primes: [&prime(p), &prime(q)],
        exponents: [&bytes(&p.exponent), &bytes(&q.exponent)],
        coefficient: &bytes(&Zeroizing::new(q_inverse.retrieve())),
    })
}

fn public_power(form: &BoxedMontyForm) -> BoxedMontyForm {
    form.pow_bounded_exp(&BoxedUint::from(EXPONENT), EXPONENT_BITS)
}

/// Draws a random prime whose two highest bits are set, so that the product of two has all its
/// bits.
fn prime(bits: u32) -> Result<BoxedUint, Failure> {
    let small = small_primes();
    loop {
        let start = random_odd(bits)?;
        let is_out = multiples_of_small_primes(&start, &small)?;
        for (_, step) in is_out.iter().zip(0_u64..).filter(|(is_out, _)| !**is_out) {
            let candidate = Zeroizing::new(start.wrapping_add(BoxedUint::from(2 * step)));
            // A sum that is too long has lost its highest bits.
            let has_highest = candidate.bit_vartime(bits - 1) && candidate.bit_vartime(bits - 2);
            if has_highest && is_prime(Flavor::Any, &*candidate) {
                return Ok(BoxedUint::clone(&candidate));
            }
        }
    }
}

/// Draws an odd number whose two highest bits are set.
fn random_odd(bits: u32) -> Result<Zeroizing<BoxedUint>, Failure> {
    let mut bytes = Zeroizing::new(vec![0; bits as usize / 8]);
    getrandom::fill(&mut bytes).map_err(|_| Failure::Randomness)?;
    if let [first, .., last] = bytes.as_mut_slice() {
        *first |= 0b1100_0000;
        *last |= 1;
    }
    BoxedUint::from_be_slice(&bytes, bits).map(Zeroizing::new).map_err(|_| Failure::Arithmetic)
}

/// The number of odd candidates from one random number on. Among so many numbers of 1024 bits there
/// are eleven primes on average.
const CANDIDATES: usize = 4096;

/// The limit of the odd primes by which candidates are divided before the long test.
const SMALL: u16 = 17_864;

/// Returns the odd primes up to [`SMALL`]. To make them takes less than a hundredth of a test.
fn small_primes() -> Vec<u16> {
    let mut is_composite = vec![false; SMALL.into()];
    let mut primes = Vec::new();
    for number in (3..SMALL).step_by(2) {
        if !is_composite[usize::from(number)] {
            primes.push(number);
            let multiples = is_composite.iter_mut().skip(3 * usize::from(number)).step_by(2 * usize::from(number));
            multiples.for_each(|is_composite| *is_composite = true);
        }
    }
    primes
}

/// Returns, for each odd number from `start` on, whether a small prime divides it.
fn multiples_of_small_primes(start: &BoxedUint, small: &[u16]) -> Result<Zeroizing<Vec<bool>>, Failure> {
    let mut is_out = Zeroizing::new(vec![false; CANDIDATES]);
    // The product of four small primes fits into a limb: the long number is divided once for them.
    for four in small.chunks(4) {
        let product: u64 = four.iter().copied().map(u64::from).product();
        let product = Option::from(NonZero::new(Limb::from(product))).ok_or(Failure::Arithmetic)?;
        let rest = u64::from(start.rem_limb(product));
        for prime in four.iter().copied().map(u64::from) {
            // The first step at which `start` plus two times the step is a multiple.
            let missing = (prime - rest % prime) % prime;
            let first = if missing % 2 == 0 { missing / 2 } else { (missing + prime) / 2 };
            let multiples = is_out.iter_mut().skip(first as usize).step_by(prime as usize);
            multiples.for_each(|is_out| *is_out = true);
        }
    }
    Ok(is_out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_under_the_modulus_and_an_encrypted_one_under_the_key() {
        for bits in [1024, 2048] {
            let key = PrivateKey::generate(bits).unwrap();
            let size = key.public().size();
            assert_eq!(size, bits as usize / 8);
            let long: Vec<u8> = (0..=255).collect();
            for value in [&b"x"[..], &long[..62], &long[..63], &long] {
                let sealed = key.seal(value).unwrap();
                assert_eq!(sealed.len(), value.len().div_ceil(size - 66) * size);
                assert_eq!(key.public().open_sealed(&sealed).unwrap(), value);
            }
            let encrypted = key.public().encrypt(b"1234", &[9; 32]).unwrap();
            assert_eq!(&**key.open(&encrypted).unwrap().unwrap(), b"1234");
        }
    }

    #[test]
    fn small_primes_are_those_up_to_the_limit() {
        let small = small_primes();
        assert_eq!((&small[..4], small.last(), small.len()), (&[3, 5, 7, 11][..], Some(&17_863), 2047));
        assert!(small.iter().all(|prime| is_prime(Flavor::Any, &BoxedUint::from(u64::from(*prime)))));
    }

    #[test]
    fn a_candidate_is_out_if_and_only_if_a_small_prime_divides_it() {
        let (start, small) = (random_odd(512).unwrap(), small_primes());
        let is_out = multiples_of_small_primes(&start, &small).unwrap();
        assert_eq!(is_out.len(), CANDIDATES);
        for (is_out, step) in is_out.iter().zip(0_u64..).take(200) {
            let candidate = start.wrapping_add(BoxedUint::from(2 * step));
            let divides = |prime: &u16| candidate.rem_limb(NonZero::new(Limb::from(*prime)).unwrap()) == Limb::ZERO;
            assert_eq!(*is_out, small.iter().any(divides), "{step}");
        }
    }

    #[test]
    fn a_prime_has_its_length_and_its_two_highest_bits() {
        for bits in [512, 1024] {
            let prime = prime(bits).unwrap();
            assert_eq!((prime.bits_precision(), prime.bits_vartime()), (bits, bits));
            assert!(prime.bit_vartime(bits - 2) && is_prime(Flavor::Any, &prime));
        }
    }

    #[test]
    fn the_inverse_of_the_public_exponent_is_that_of_a_division_of_long_numbers() {
        use crypto_bigint::Resize;
        let check = |order: &BoxedUint| {
            let exponent = BoxedUint::from(EXPONENT).resize(order.bits_precision());
            let inverse: Option<BoxedUint> = exponent.invert_mod(&order.clone().into_nz().unwrap()).into();
            assert!(inverse_of_public_exponent(order).as_deref() == inverse.as_ref());
        };
        for _ in 0..20 {
            let [p, q] = [(); 2].map(|()| order(&prime(512).unwrap().into_odd().unwrap()));
            check(&p);
            check(&q);
            check(&p.concatenating_mul(&*q));
        }
        // 102 is 6·17.
        assert!(inverse_of_public_exponent(&BoxedUint::from(102_u64)).is_none());
    }

    #[test]
    fn every_use_of_a_blinding_and_the_next_blinding_give_the_same_power() {
        let key = PrivateKey::generate(1024).unwrap();
        let encrypted = key.public().encrypt(b"1234", &[9; 32]).unwrap();
        for _ in 0..2 * USES_OF_BLINDING + 3 {
            assert_eq!(&**key.open(&encrypted).unwrap().unwrap(), b"1234");
        }
    }

    #[test]
    fn a_block_that_was_not_encrypted_to_the_key_does_not_open() {
        let key = PrivateKey::generate(1024).unwrap();
        let encrypted = key.public().encrypt(b"1234", &[9; 32]).unwrap();
        let mut changed = encrypted.clone();
        changed[127] ^= 1;
        for bad in [&changed[..], &encrypted[1..], &[], &[0xff; 128], &[0; 128], &[0; 256]] {
            assert!(key.open(bad).unwrap().is_none());
        }
    }

    #[cfg(feature = "aws-rsa")]
    #[test]
    fn aws_lc_opens_what_this_module_opens_and_refuses_what_it_refuses() {
        let made = PrivateKey::generate(2048).unwrap();
        let bytes = made.to_bytes();
        let (p, q) = bytes.split_at(bytes.len() / 2);
        // AWS-LC must accept the primes in either order.
        for primes in [[p, q], [q, p]] {
            let key = PrivateKey::from_bytes(&primes.concat()).unwrap();
            let plain = PrivateKey { opener: None, ..PrivateKey::from_bytes(&primes.concat()).unwrap() };
            assert!(key.opener.is_some() && key.public() == made.public());
            for message in [&b""[..], b"1234", &[7; 190]] {
                let block = key.public().encrypt(message, &[9; 32]).unwrap();
                for opened in [key.open(&block), plain.open(&block)] {
                    assert_eq!(&**opened.unwrap().unwrap(), message);
                }
                let mut changed = block.clone();
                changed[255] ^= 1;
                for bad in [&changed[..], &block[1..], &[], &[0xff; 256], &[0; 256], &key.seal(message).unwrap()] {
                    assert!(key.open(bad).unwrap().is_none() && plain.open(bad).unwrap().is_none());
                }
            }
        }
        assert!(PrivateKey::generate(1024).unwrap().opener.is_none());
    }

    #[test]
    fn a_key_survives_its_bytes() {
        let key = PrivateKey::generate(1024).unwrap();
        let same = PrivateKey::from_bytes(&key.to_bytes()).unwrap();
        assert!(same.public() == key.public());
        assert_eq!(same.public().open_sealed(&same.seal(b"value").unwrap()).unwrap(), b"value");
        assert!(PrivateKey::from_bytes(&key.to_bytes()[1..]).is_none());
        assert!(PrivateKey::from_bytes(&[]).is_none());
    }

    #[test]
    fn a_faulty_computation_does_not_leave() {
        let mut key = PrivateKey::generate(1024).unwrap();
        key.p.exponent = Zeroizing::new(key.p.exponent.wrapping_add(BoxedUint::one()));
        assert!(matches!(key.seal(b"value"), Err(Failure::Arithmetic)));
    }
}
