//! Rate limits: a token bucket for each key, which fills again with time.
//!
//! Some requests count only by their outcome (a wrong code, not a right one). They take a token in
//! advance all the same, and a right one returns it. So a client cannot get more guesses through by
//! sending them at once, before the service has checked the others.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Largest number of keys in memory. A forgotten key has a full bucket again.
const MAX_KEYS: usize = 200_000;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A token bucket for each key: `most` tokens in a period, and a burst of the same size.
pub(crate) struct Rate<K> {
    most: f64,
    /// The period, in seconds.
    time: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Eq + Hash> Rate<K> {
    pub(crate) fn per_minute(most: u32) -> Self {
        Self::new(most, MINUTE)
    }

    pub(crate) fn per_hour(most: u32) -> Self {
        Self::new(most, HOUR)
    }

    fn new(most: u32, time: Duration) -> Self {
        Self { most: most.into(), time: time.as_secs_f64(), buckets: Mutex::default() }
    }

    /// Takes a token. If there is none, returns the time until there is one.
    pub(crate) fn take(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_KEYS {
            buckets.retain(|_, bucket| self.filled(*bucket, now) < self.most);
            if buckets.len() >= MAX_KEYS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: self.most, at: now });
        let tokens = self.filled(*bucket, now);
        if tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - tokens) * self.time / self.most));
        }
        *bucket = Bucket { tokens: tokens - 1.0, at: now };
        Ok(())
    }

    fn give_back(&self, key: &K) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            bucket.tokens = (bucket.tokens + 1.0).min(self.most);
        }
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.most / self.time;
        (bucket.tokens + gained).min(self.most)
    }
}

/// Tokens that were taken in advance for a request that may turn out not to count. They are spent
/// unless they are given back, even if the caller is gone before there is an outcome.
#[derive(Default)]
pub(crate) struct Advance<'a> {
    taken: Vec<Box<dyn FnOnce() + Send + 'a>>,
}

impl<'a> Advance<'a> {
    /// Takes one more token. If there is none, gives the earlier ones back and returns the time
    /// until there is one.
    pub(crate) fn take<K: Clone + Eq + Hash + Send + 'a>(
        &mut self,
        rate: &'a Rate<K>,
        key: K,
        now: Instant,
    ) -> Result<(), Duration> {
        let taken = rate.take(key.clone(), now);
        match taken {
            Ok(()) => self.taken.push(Box::new(move || rate.give_back(&key))),
            Err(_) => std::mem::take(self).give_back(),
        }
        taken
    }

    /// Gives the tokens back, because the request did not count.
    pub(crate) fn give_back(self) {
        self.taken.into_iter().for_each(|give_back| give_back());
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
    fn a_minutes_worth_can_be_taken_at_once_and_comes_back_with_time() {
        let (rate, start) = (Rate::per_minute(2), Instant::now());
        rate.take("a", start).unwrap();
        rate.take("a", start).unwrap();
        assert_eq!(rate.take("a", start).unwrap_err().as_secs_f64().round(), 30.0);
        rate.take("b", start).unwrap();
        let later = start + Duration::from_secs(31);
        rate.take("a", later).unwrap();
        assert!(rate.take("a", later).is_err());
    }

    #[test]
    fn what_was_taken_in_advance_is_spent_unless_it_is_given_back() {
        let (one, other, start) = (Rate::per_minute(2), Rate::per_hour(1), Instant::now());
        let advance = || {
            let mut advance = Advance::default();
            let taken = advance.take(&one, "a", start).and_then(|()| advance.take(&other, (), start));
            taken.map(|()| advance)
        };
        advance().unwrap().give_back();
        drop(advance().unwrap());
        assert!(advance().is_err(), "the other has none left");
        one.take("a", start).expect("what was taken for the refused one came back");
        assert!(one.take("a", start).is_err());
    }

    #[test]
    fn the_keys_that_are_remembered_are_bounded() {
        let (rate, start) = (Rate::per_hour(1), Instant::now());
        for key in 0..=MAX_KEYS {
            rate.take(key, start).unwrap();
        }
        assert!(rate.buckets.lock().unwrap().len() <= MAX_KEYS);
    }
}
