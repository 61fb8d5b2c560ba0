//! Wrong logins, counted for each user and each address they come from. After some that are free each further one has a wait before
//! the next, twice as long each time: a person who mistypes hardly notices, who tries passwords gets through few. Kept in memory, for
//! a bounded number of users and addresses. Not here: what a login is (`gate`).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Wrong logins without a wait. Many people may come from one address.
const FREE_OF_USER: u32 = 5;
const FREE_OF_ADDRESS: u32 = 20;

/// The first wait, and the longest: whoever is locked out by somebody else's tries gets in again.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// After so long without another one wrong logins are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);

/// Users and addresses that are kept.
const KEPT: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// A hash of the name, which the client chooses and may be long.
    User(u64),
    Address(IpAddr),
}

impl Key {
    fn free(self) -> u32 {
        match self {
            Self::User(_) => FREE_OF_USER,
            Self::Address(_) => FREE_OF_ADDRESS,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    last: Instant,
}

impl Wrong {
    /// How long the next login has to wait after the last wrong one.
    fn wait(self, free: u32) -> Duration {
        match self.count.checked_sub(free) {
            None => Duration::ZERO,
            Some(beyond) => FIRST.saturating_mul(1 << beyond.min(16)).min(LONGEST),
        }
    }

    fn is_forgotten(self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= FORGOTTEN
    }
}

/// The wrong logins of a server.
#[derive(Default)]
pub(crate) struct Lockout {
    hasher: RandomState,
    wrong: Mutex<HashMap<Key, Wrong>>,
}

impl Lockout {
    /// How long from `now` a login of this user from this address has to wait; `None` where it need not.
    pub(crate) fn wait(&self, user: &str, address: Option<IpAddr>, now: Instant) -> Option<Duration> {
        let wrong = self.wrong.lock();
        let waits = self.keys(user, address).filter_map(|key| {
            let wrong = wrong.get(&key).filter(|wrong| !wrong.is_forgotten(now))?;
            (wrong.last + wrong.wait(key.free())).checked_duration_since(now)
        });
        waits.max().filter(|wait| !wait.is_zero())
    }

    /// The password was wrong.
    pub(crate) fn failed(&self, user: &str, address: Option<IpAddr>, now: Instant) {
        let mut wrong = self.wrong.lock();
        for key in self.keys(user, address) {
            let before = wrong.get(&key).filter(|wrong| !wrong.is_forgotten(now)).map_or(0, |wrong| wrong.count);
            if wrong.len() >= KEPT && !wrong.contains_key(&key) {
                make_room(&mut wrong, now);
            }
            wrong.insert(key, Wrong { count: before.saturating_add(1), last: now });
        }
    }

    /// The password was right: the user's wrong ones were mistakes. Those of the address stay, as who has one password may try others'.
    pub(crate) fn passed(&self, user: &str) {
        self.wrong.lock().remove(&self.user(user));
    }

    fn keys(&self, user: &str, address: Option<IpAddr>) -> impl Iterator<Item = Key> + use<> {
        [Some(self.user(user)), address.map(|address| Key::Address(network(address)))].into_iter().flatten()
    }

    fn user(&self, name: &str) -> Key {
        Key::User(self.hasher.hash_one(name))
    }
}

/// What one client has many addresses of: a network of IPv6.
fn network(address: IpAddr) -> IpAddr {
    const OF_THE_NETWORK: u128 = !0 << 64;
    match address.to_canonical() {
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & OF_THE_NETWORK).into(),
        four => four,
    }
}

/// Forgets what is old, or else who was wrong least.
fn make_room(wrong: &mut HashMap<Key, Wrong>, now: Instant) {
    wrong.retain(|_, wrong| !wrong.is_forgotten(now));
    while wrong.len() >= KEPT {
        let least = wrong.iter().min_by_key(|(_, wrong)| (wrong.count, wrong.last)).map(|(key, _)| *key);
        let Some(least) = least else { return };
        wrong.remove(&least);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn waits_grow_and_end() {
        let (lockout, here) = (Lockout::default(), address("10.0.0.1"));
        let mut now = Instant::now();
        for _ in 0..FREE_OF_USER {
            assert_eq!(lockout.wait("ada", here, now), None);
            lockout.failed("ada", here, now);
        }
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(lockout.wait("ada", here, now), Some(after(wait)));
            assert_eq!(lockout.wait("ada", address("10.0.0.2"), now), Some(after(wait)), "from wherever");
            assert_eq!(lockout.wait("bob", here, now), None, "others get in");
            assert_eq!(lockout.wait("ada", here, now + after(wait - 1)), Some(after(1)));
            now += after(wait);
            assert_eq!(lockout.wait("ada", here, now), None);
            lockout.failed("ada", here, now);
        }
        assert_eq!(lockout.wait("ada", here, now + FORGOTTEN), None);
        lockout.failed("ada", here, now + FORGOTTEN);
        assert_eq!(lockout.wait("ada", here, now + FORGOTTEN), None, "it begins anew");
    }

    #[test]
    fn the_right_password_forgives_the_user_and_not_the_address() {
        let (lockout, here, now) = (Lockout::default(), address("2001:db8::1"), Instant::now());
        for user in 0..FREE_OF_ADDRESS {
            lockout.failed(&user.to_string(), here, now);
            lockout.passed(&user.to_string());
        }
        assert_eq!(lockout.wait("ada", here, now), Some(after(1)), "who tries one password of many users");
        assert_eq!(lockout.wait("ada", address("2001:db8::2"), now), Some(after(1)), "of the same network");
        assert_eq!(lockout.wait("ada", address("2001:db8:0:1::1"), now), None);
        (0..FREE_OF_USER).for_each(|_| lockout.failed("eve", None, now));
        assert_eq!(lockout.wait("eve", None, now), Some(after(1)));
        lockout.passed("eve");
        assert_eq!(lockout.wait("eve", None, now), None);
    }

    #[test]
    fn it_is_bounded_and_keeps_who_was_wrong_most() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        (0..FREE_OF_USER).for_each(|_| lockout.failed("ada", None, now));
        (0..KEPT * 2).for_each(|user| lockout.failed(&user.to_string(), None, now));
        assert_eq!(lockout.wrong.lock().len(), KEPT);
        assert_eq!(lockout.wait("ada", None, now), Some(after(1)));
    }
}
