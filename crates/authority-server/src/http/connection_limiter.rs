//! The connection limit of an address: one address must not use up all connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::forwarded::TrustedProxies;
use crate::rates;

/// The connections of one listener, counted by network as the limits of addresses are.
#[derive(Clone)]
pub(super) struct ConnectionLimiter {
    limit: usize,
    /// Proxies, which connect for many clients.
    unlimited: Arc<TrustedProxies>,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl ConnectionLimiter {
    pub(super) fn new(limit: usize, unlimited: Arc<TrustedProxies>) -> Self {
        Self { limit, unlimited, open: Arc::default() }
    }

    /// Counts one more connection for this address until the permit is dropped. Returns `None` at
    /// the limit.
    pub(super) fn try_acquire(&self, peer: IpAddr) -> Option<ConnectionPermit> {
        if self.unlimited.contains(peer) {
            return Some(ConnectionPermit(None));
        }
        let network = rates::network(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(ConnectionPermit(Some((self.clone(), network))))
    }
}

/// A counted connection.
pub(super) struct ConnectionPermit(Option<(ConnectionLimiter, IpAddr)>);

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some((limiter, network)) = &self.0 else { return };
        let mut open = limiter.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(network) {
            *count -= 1;
            if *count == 0 {
                open.remove(network);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_a_limit_of_connections_and_a_proxy_has_none() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let limiter = ConnectionLimiter::new(2, Arc::new(TrustedProxies::new(vec![address("192.0.2.1")])));
        let first = limiter.try_acquire(address("2001:db8::1")).unwrap();
        let _second = limiter.try_acquire(address("2001:db8::2")).unwrap();
        assert!(limiter.try_acquire(address("2001:db8::3")).is_none());
        assert!(limiter.try_acquire(address("2001:db8:0:1::3")).is_some());
        drop(first);
        let _third = limiter.try_acquire(address("2001:db8::3")).unwrap();
        let proxied: Vec<_> = (0..5).filter_map(|_| limiter.try_acquire(address("192.0.2.1"))).collect();
        assert_eq!(proxied.len(), 5);
        assert_eq!(limiter.open.lock().unwrap().len(), 1, "closed connections leave no entry");
    }
}
