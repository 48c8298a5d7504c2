//! How often something may happen: a bucket of tokens a key, that fills up again with time.
//!
//! Some things count only once their outcome is known (a wrong code, not a right one), so looking and taking are two steps here.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Keys that are remembered at most. One that is forgotten has a full bucket again.
const MAX_KEYS: usize = 200_000;

const MINUTE: f64 = 60.0;

/// So many a minute for each key, all of them at once where none were taken for a minute.
pub(crate) struct Rate<K> {
    per_minute: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Eq + Hash> Rate<K> {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.into(), buckets: Mutex::default() }
    }

    /// Whether there is a token. Where there is none: when there will be one.
    pub(crate) fn look(&self, key: &K, now: Instant) -> Result<(), Duration> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        match buckets.get(key) {
            Some(bucket) => self.judge(self.filled(*bucket, now)),
            None => Ok(()),
        }
    }

    /// Takes a token, where there is one. Where there is none: when there will be one.
    pub(crate) fn take(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_KEYS {
            buckets.retain(|_, bucket| self.filled(*bucket, now) < self.per_minute);
            if buckets.len() >= MAX_KEYS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: self.per_minute, at: now });
        let tokens = self.filled(*bucket, now);
        self.judge(tokens)?;
        *bucket = Bucket { tokens: tokens - 1.0, at: now };
        Ok(())
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_minute / MINUTE;
        (bucket.tokens + gained).min(self.per_minute)
    }

    fn judge(&self, tokens: f64) -> Result<(), Duration> {
        if tokens >= 1.0 { Ok(()) } else { Err(Duration::from_secs_f64((1.0 - tokens) * MINUTE / self.per_minute)) }
    }
}

/// Whom the limits of an address are counted for. Of IPv6 it is the network: whoever has one address of it has 2^64.
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
        let (rate, start) = (Rate::new(2), Instant::now());
        rate.take("a", start).unwrap();
        rate.look(&"a", start).unwrap();
        rate.take("a", start).unwrap();
        assert_eq!(rate.take("a", start).unwrap_err().as_secs_f64().round(), 30.0);
        assert!(rate.look(&"a", start).is_err());
        rate.take("b", start).unwrap();
        let later = start + Duration::from_secs(31);
        rate.take("a", later).unwrap();
        assert!(rate.take("a", later).is_err());
    }

    #[test]
    fn the_keys_that_are_remembered_are_bounded() {
        let (rate, start) = (Rate::new(1), Instant::now());
        for key in 0..=MAX_KEYS {
            rate.take(key, start).unwrap();
        }
        assert!(rate.buckets.lock().unwrap().len() <= MAX_KEYS);
    }
}
