//! A bound on logins and the like from one address, so that passwords cannot be guessed in bulk.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at a time; beyond it those whose window has passed are forgotten first.
const MOST_REMEMBERED: usize = 50_000;

/// Counts attempts of each address in windows of a minute. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Attempts {
    per_minute: u32,
    windows: Arc<Mutex<HashMap<IpAddr, (Instant, u32)>>>,
}

impl Attempts {
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, windows: Arc::default() }
    }

    /// Takes `count` attempts of `peer` at `now`; false when they are more than its window has left.
    pub fn take(&self, peer: IpAddr, count: u32, now: Instant) -> bool {
        let mut windows = self.windows.lock().expect("no code panics while it holds the map");
        if windows.len() >= MOST_REMEMBERED {
            windows.retain(|_, (began, _)| now.duration_since(*began) < WINDOW);
        }
        let (began, taken) = windows.entry(subnet(peer)).or_insert((now, 0));
        if now.duration_since(*began) >= WINDOW {
            (*began, *taken) = (now, 0);
        }
        *taken = taken.saturating_add(count);
        *taken <= self.per_minute
    }

    /// Gives attempts back that ended before anything secret was looked at.
    pub fn give_back(&self, peer: IpAddr, count: u32) {
        let mut windows = self.windows.lock().expect("no code panics while it holds the map");
        if let Some((_, taken)) = windows.get_mut(&subnet(peer)) {
            *taken = taken.saturating_sub(count);
        }
    }
}

/// One household has a whole /64 of IPv6 addresses to try from.
fn subnet(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_of_a_minute() {
        let attempts = Attempts::new(3);
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let now = Instant::now();
        assert!(attempts.take(one, 2, now));
        assert!(attempts.take(one, 1, now));
        assert!(!attempts.take(one, 1, now));
        assert!(attempts.take(other, 1, now));
        assert!(attempts.take(one, 3, now + WINDOW));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let attempts = Attempts::new(2);
        let (one, now): (IpAddr, _) = ("192.0.2.1".parse().unwrap(), Instant::now());
        assert!(attempts.take(one, 2, now));
        attempts.give_back(one, 1);
        assert!(attempts.take(one, 1, now));
        assert!(!attempts.take(one, 1, now));
        attempts.give_back("192.0.2.2".parse().unwrap(), 1);
    }

    #[test]
    fn a_subnet_counts_as_one() {
        let attempts = Attempts::new(1);
        let now = Instant::now();
        assert!(attempts.take("2001:db8::1".parse().unwrap(), 1, now));
        assert!(!attempts.take("2001:db8::2".parse().unwrap(), 1, now));
        assert!(attempts.take("2001:db8:0:1::1".parse().unwrap(), 1, now));
    }
}
