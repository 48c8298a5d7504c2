//! Rate limits: a token bucket for each key, which fills again with time.
//!
//! Some requests count only by their outcome (a wrong code, not a right one). They reserve a token
//! before the outcome is known, and a right one gets a refund. So a client cannot get more guesses
//! through by sending them at once, before the service has checked the others. The crate `governor`
//! has no refund, so it is not used here.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Largest number of keys in memory. A forgotten key has a full bucket again.
const MAX_KEYS: usize = 200_000;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A token bucket for each key: `capacity` tokens in a period, and a burst of the same size.
pub(crate) struct Rate<K> {
    capacity: f64,
    /// The period, in seconds.
    period: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Eq + Hash> Rate<K> {
    pub(crate) fn per_minute(capacity: u32) -> Self {
        Self::new(capacity, MINUTE)
    }

    pub(crate) fn per_hour(capacity: u32) -> Self {
        Self::new(capacity, HOUR)
    }

    fn new(capacity: u32, period: Duration) -> Self {
        Self { capacity: capacity.into(), period: period.as_secs_f64(), buckets: Mutex::default() }
    }

    /// Takes a token. If there is none, returns the time until there is one.
    pub(crate) fn try_acquire(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_KEYS {
            buckets.retain(|_, bucket| self.tokens_at(*bucket, now) < self.capacity);
            if buckets.len() >= MAX_KEYS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: self.capacity, at: now });
        let tokens = self.tokens_at(*bucket, now);
        if tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - tokens) * self.period / self.capacity));
        }
        *bucket = Bucket { tokens: tokens - 1.0, at: now };
        Ok(())
    }

    fn refund(&self, key: &K) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            bucket.tokens = (bucket.tokens + 1.0).min(self.capacity);
        }
    }

    fn tokens_at(&self, bucket: Bucket, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.capacity / self.period;
        (bucket.tokens + gained).min(self.capacity)
    }
}

/// Tokens that were reserved for a request that may turn out not to count. They are spent
/// unless they are refunded, even if the caller is gone before there is an outcome.
#[derive(Default)]
pub(crate) struct Reservation<'a> {
    refunds: Vec<Box<dyn FnOnce() + Send + 'a>>,
}

impl<'a> Reservation<'a> {
    /// Reserves one more token. If there is none, refunds the earlier ones and returns the time
    /// until there is one.
    pub(crate) fn try_acquire<K: Clone + Eq + Hash + Send + 'a>(
        &mut self,
        rate: &'a Rate<K>,
        key: K,
        now: Instant,
    ) -> Result<(), Duration> {
        let taken = rate.try_acquire(key.clone(), now);
        match taken {
            Ok(()) => self.refunds.push(Box::new(move || rate.refund(&key))),
            Err(_) => std::mem::take(self).refund(),
        }
        taken
    }

    /// Refunds the tokens, because the request did not count.
    pub(crate) fn refund(self) {
        self.refunds.into_iter().for_each(|refund| refund());
    }
}

/// Returns the key for the limits of an address. For IPv6 it is the network: a client that has one
/// of its addresses has 2^64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_for_its_network_where_one_host_can_have_all_of_it() {
        let counted = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(counted("192.0.2.7"), "192.0.2.7");
        assert_eq!(counted("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(counted("2001:db8:1:2:3:4:5:6"), counted("2001:db8:1:3:3:4:5:6"));
    }

    #[test]
    fn a_burst_of_a_minute_is_permitted_and_tokens_come_back_with_time() {
        let (rate, start) = (Rate::per_minute(2), Instant::now());
        rate.try_acquire("a", start).unwrap();
        rate.try_acquire("a", start).unwrap();
        assert_eq!(rate.try_acquire("a", start).unwrap_err().as_secs_f64().round(), 30.0);
        rate.try_acquire("b", start).unwrap();
        let later = start + Duration::from_secs(31);
        rate.try_acquire("a", later).unwrap();
        assert!(rate.try_acquire("a", later).is_err());
    }

    #[test]
    fn a_reservation_is_spent_unless_it_is_refunded() {
        let (one, other, start) = (Rate::per_minute(2), Rate::per_hour(1), Instant::now());
        let reservation = || {
            let mut reservation = Reservation::default();
            let taken =
                reservation.try_acquire(&one, "a", start).and_then(|()| reservation.try_acquire(&other, (), start));
            taken.map(|()| reservation)
        };
        reservation().unwrap().refund();
        drop(reservation().unwrap());
        assert!(reservation().is_err(), "the other bucket is empty");
        one.try_acquire("a", start).expect("the token of the refused reservation came back");
        assert!(one.try_acquire("a", start).is_err());
    }

    #[test]
    fn the_number_of_keys_in_memory_is_bounded() {
        let (rate, start) = (Rate::per_hour(1), Instant::now());
        for key in 0..=MAX_KEYS {
            rate.try_acquire(key, start).unwrap();
        }
        assert!(rate.buckets.lock().unwrap().len() <= MAX_KEYS);
    }
}
