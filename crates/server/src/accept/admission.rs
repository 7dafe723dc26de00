//! How many connections are open, in all and from each address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ConnectionCounts;
use crate::limits::Limits;

/// The places for connections.
pub(super) struct Admission {
    places: Arc<Semaphore>,
    connections_max: usize,
    per_address_max: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    accepted: AtomicU64,
    refused: AtomicU64,
    closed: AtomicU64,
}

/// The place of one connection; it is free again when this is dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Admission {
    pub(super) fn new(limits: &Limits) -> Self {
        let connections_max = limits.connections_max.min(Semaphore::MAX_PERMITS);
        Admission {
            places: Arc::new(Semaphore::new(connections_max)),
            connections_max,
            per_address_max: limits.connections_per_address_max,
            by_address: Mutex::default(),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            closed: AtomicU64::new(0),
        }
    }

    /// A place for a connection from `address`, unless all are taken or the address has its share.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let place = self.place(address);
        let count = if place.is_some() { &self.accepted } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
        place
    }

    /// How many connections are open, were accepted and were refused.
    pub(super) fn counts(&self) -> ConnectionCounts {
        // Not by free places: whoever waits for all of them takes those that are.
        let closed = self.closed.load(Ordering::Relaxed);
        let accepted = self.accepted.load(Ordering::Relaxed);
        ConnectionCounts {
            open: accepted.saturating_sub(closed),
            accepted,
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let permit = self.places.clone().try_acquire_owned().ok()?;
        let address = counted_as(address);
        if let Some(address) = address {
            let mut by_address = self.by_address();
            let count = by_address.entry(address).or_default();
            if *count >= self.per_address_max {
                return None;
            }
            *count += 1;
        }
        Some(Place { admission: self.clone(), address, _permit: permit })
    }

    /// Waits until no place is taken.
    pub(super) async fn emptied(&self) {
        let all = u32::try_from(self.connections_max).unwrap_or(u32::MAX);
        // The semaphore is never closed, so the only answer is a permit, which is given back at once.
        let _ = self.places.acquire_many(all).await;
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Nothing that can panic runs under the lock, so a poisoned one still holds true counts.
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.closed.fetch_add(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        if let Entry::Occupied(mut entry) = self.admission.by_address().entry(address) {
            if *entry.get() > 1 {
                *entry.get_mut() -= 1;
            } else {
                entry.remove();
            }
        }
    }
}

/// The address a connection is counted under: one /64 network is one customer of a provider, loopback is nobody.
fn counted_as(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Admission;
    use crate::limits::Limits;

    fn admission(connections_max: usize, connections_per_address_max: usize) -> Arc<Admission> {
        Arc::new(Admission::new(&Limits { connections_max, connections_per_address_max, ..Limits::default() }))
    }

    fn admitted(admission: &Arc<Admission>, addresses: &[&str]) -> Vec<bool> {
        let places: Vec<_> =
            addresses.iter().map(|address| admission.admit(address.parse().expect("an address"))).collect();
        places.iter().map(Option::is_some).collect()
    }

    #[test]
    fn one_past_the_total_is_refused_and_a_freed_place_is_given_again() {
        let admission = admission(2, 2);
        assert_eq!(admitted(&admission, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]), [true, true, false]);
        assert_eq!(admitted(&admission, &["192.0.2.3"]), [true]);
    }

    #[test]
    fn one_past_the_share_of_an_address_is_refused() {
        let admission = admission(10, 2);
        assert_eq!(
            admitted(&admission, &["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"]),
            [true, true, false, true]
        );
        let counts = admission.counts();
        assert_eq!((counts.open, counts.accepted, counts.refused), (0, 3, 1));
        assert!(admission.by_address().is_empty(), "an address without connections is forgotten");
    }

    #[test]
    fn a_network_counts_as_one_address_and_loopback_as_none() {
        let admission = admission(10, 1);
        assert_eq!(
            admitted(&admission, &["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "::ffff:192.0.2.1", "192.0.2.1"]),
            [true, false, true, true, false]
        );
        assert_eq!(admitted(&admission, &["127.0.0.1", "127.0.0.1", "::1", "::1"]), [true; 4]);
    }
}
