//! The connection limit of an address: one address must not use up all connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::forwarded::TrustedProxies;
use crate::rates;

/// The connections of one listener, counted by network as the limits of addresses are.
#[derive(Clone)]
pub(super) struct Places {
    most: usize,
    /// Proxies, which connect for many clients.
    unlimited: Arc<TrustedProxies>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Places {
    pub(super) fn new(most: usize, unlimited: Arc<TrustedProxies>) -> Self {
        Self { most, unlimited, taken: Arc::default() }
    }

    /// Counts one more connection for this address until the value is dropped. Returns `None` at
    /// the limit.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Place> {
        if self.unlimited.contains(peer) {
            return Some(Place(None));
        }
        let network = rates::network(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place(Some((self.clone(), network))))
    }
}

/// A counted connection.
pub(super) struct Place(Option<(Places, IpAddr)>);

impl Drop for Place {
    fn drop(&mut self) {
        let Some((places, network)) = &self.0 else { return };
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(network);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_so_many_places_and_a_proxy_as_many_as_it_wants() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let places = Places::new(2, Arc::new(TrustedProxies::new(vec![address("192.0.2.1")])));
        let first = places.take(address("2001:db8::1")).unwrap();
        let _second = places.take(address("2001:db8::2")).unwrap();
        assert!(places.take(address("2001:db8::3")).is_none());
        assert!(places.take(address("2001:db8:0:1::3")).is_some());
        drop(first);
        let _third = places.take(address("2001:db8::3")).unwrap();
        let proxied: Vec<_> = (0..5).filter_map(|_| places.take(address("192.0.2.1"))).collect();
        assert_eq!(proxied.len(), 5);
        assert_eq!(places.taken.lock().unwrap().len(), 1, "nothing is kept of those that are gone");
    }
}
