//! Who is on a device, and who waits for room on it.
//!
//! A query that was refused memory while others are on the device waits for theirs before it makes do with less: in the order
//! in which they were refused, and for a bounded time. It waits with empty hands: what it had taken is given back first, and
//! while another part of its plan is on the device it does not wait at all. So nobody waits for one that waits, and somebody
//! always gets on. Who is there and was not refused does not stand in line. Not here: memory itself (`device/memory.rs`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::device::DeviceError;

/// How long a query waits for others, unless the one who opens the runtime says another time.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Memory comes back while queries go on, too: who waits looks again after this time.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How often memory is asked for again that there is nobody to wait for: who had it may be gone by then.
const ALONE_MAX: usize = 8;
/// Nobody waits for a query whose rows nobody has taken for this long.
const STALLED: Duration = Duration::from_secs(1);

/// The queries on a device, node by node.
#[derive(Debug)]
pub(super) struct Guests {
    patience: Duration,
    house: Mutex<House>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct House {
    present: BTreeMap<u64, Presence>,
    /// Those that wait; who was refused first comes first.
    line: VecDeque<u64>,
    next: u64,
    /// How many have left so far.
    left: u64,
}

#[derive(Debug)]
struct Presence {
    query: usize,
    waits: bool,
    /// Since when nobody takes its rows.
    stalls: Option<Instant>,
    /// Bytes that it will not let go of before it ends, as far as is known: of resident columns; of one that has waited, of
    /// all that it was refused.
    bytes: u64,
}

impl Presence {
    /// Whether it holds memory that will come back soon.
    fn gets_on(&self) -> bool {
        !self.waits && self.stalls.is_none_or(|since| since.elapsed() < STALLED)
    }
}

/// One node of a query while it is on the device, or waits for room there.
#[derive(Debug)]
pub(super) struct Guest {
    guests: Arc<Guests>,
    number: u64,
    patience: Mutex<Patience>,
}

#[derive(Debug, Default)]
struct Patience {
    /// How many others had left when it began.
    left_before: u64,
    /// Bytes of its tables, as far as they are to be on the device as a whole.
    tables: u64,
    /// What it was let in with.
    needed: u64,
    ends: Option<Instant>,
    waited: Duration,
    /// Whether there is nothing to wait for any more.
    gave_up: bool,
    tried_once_more: bool,
    /// Since when it waited with what it holds, and how often with nobody to wait for.
    lingers: Option<Instant>,
    lingered_alone: usize,
}

/// The memory of a device as one sees it who waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeviceRoom {
    /// Bytes in use that are not of resident columns: those go when they are asked for, unless a query reads them.
    pub(super) in_use: u64,
    pub(super) budget: u64,
}

impl Guests {
    pub(super) fn new(patience: Duration) -> Arc<Self> {
        Arc::new(Self { patience, house: Mutex::default(), changed: Notify::new() })
    }

    /// A node of a query comes.
    pub(super) fn enter(self: &Arc<Self>, query: usize) -> Guest {
        let mut house = self.house.lock();
        let number = house.next;
        house.next += 1;
        house.present.insert(number, Presence { query, waits: false, stalls: None, bytes: 0 });
        let patience = Patience { left_before: house.left, ..Patience::default() };
        Guest { guests: Arc::clone(self), number, patience: Mutex::new(patience) }
    }
}

impl House {
    fn others(&self, number: u64) -> impl Iterator<Item = &Presence> {
        self.present.iter().filter(move |(other, _)| **other != number).map(|(_, presence)| presence)
    }

    /// Whether the first in line may go on, who needs so much.
    fn lets_in(&self, number: u64, needed: u64, room: DeviceRoom) -> bool {
        let held = self.others(number).map(|other| other.bytes).sum::<u64>().saturating_add(room.in_use);
        let has_room = held.saturating_add(needed) <= room.budget;
        self.line.front() == Some(&number) && (has_room || !self.others(number).any(Presence::gets_on))
    }
}

impl Guest {
    /// Begins to take memory, for tables of so many bytes.
    pub(super) fn begin(&self, bytes: u64) {
        let mut house = self.guests.house.lock();
        let mut patience = self.patience.lock();
        (patience.left_before, patience.tables) = (house.left, bytes);
        if let Some(own) = house.present.get_mut(&self.number) {
            own.bytes = bytes.max(patience.needed);
        }
    }

    /// Whether no other is there that gets on.
    pub(super) fn is_alone(&self) -> bool {
        !self.guests.house.lock().others(self.number).any(Presence::gets_on)
    }

    /// Whether it may wait for others, now that it was refused.
    pub(super) fn may_wait(&self) -> bool {
        let house = self.guests.house.lock();
        let patience = self.patience.lock();
        let Some(own) = house.present.get(&self.number) else { return false };
        let is_in_pieces = house.others(self.number).any(|other| other.query == own.query && !other.waits);
        let others = house.left > patience.left_before || house.others(self.number).any(Presence::gets_on);
        let has_time = patience.ends.is_none_or(|ends| Instant::now() < ends);
        others && !is_in_pieces && has_time && !patience.gave_up
    }

    /// Makes do with what there is from now on.
    pub(super) fn give_up(&self) {
        self.patience.lock().gave_up = true;
    }

    /// Waits for room, where it may. All that it had is given back. `false` where there is none to wait for, or not in time.
    pub(super) async fn room_after(&self, refused: &DeviceError, room: impl Fn() -> DeviceRoom) -> bool {
        let DeviceError::OutOfMemory { asked_bytes, used_bytes, .. } = refused else { return false };
        if !self.may_wait() {
            return false;
        }
        let start = Instant::now();
        let place = Place::at_the_end(self);
        let Some(needed) = self.needed(used_bytes.saturating_add(*asked_bytes), room()) else { return false };
        let ends = *self.patience.lock().ends.get_or_insert(start + self.guests.patience);
        let comes = loop {
            let changed = self.guests.changed.notified();
            if self.guests.house.lock().lets_in(self.number, needed, room()) {
                break true;
            }
            let left = ends.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break false;
            }
            // Late or changed: it looks again.
            let _ = timeout(left.min(LOOK_AGAIN), changed).await;
        };
        let mut patience = self.patience.lock();
        patience.waited += start.elapsed();
        patience.needed = if comes { needed } else { 0 };
        drop(patience);
        // What it will take is taken before the next in line looks.
        self.begin(0);
        drop(place);
        comes
    }

    /// Waits a moment with all that it holds: rows have left, so it cannot begin anew, and the only other thing is an error. As
    /// long as its patience, all moments together. Blocks the thread. `false` where there is nothing to hope for.
    pub(super) fn lingers(&self) -> bool {
        let is_alone = self.is_alone();
        let mut patience = self.patience.lock();
        let since = *patience.lingers.get_or_insert_with(Instant::now);
        patience.lingered_alone += usize::from(is_alone);
        if since.elapsed() > self.guests.patience || patience.lingered_alone > ALONE_MAX {
            return false;
        }
        drop(patience);
        std::thread::sleep(LOOK_AGAIN);
        true
    }

    /// What it needs, of so much in use when it was refused, what it asked for included: without what others have, and its tables
    /// at least, which may not have been there yet. `None` where that is more than there is. What those had who have left
    /// meanwhile nobody knows: then it is tried once more, and only once.
    fn needed(&self, wanted: u64, room: DeviceRoom) -> Option<u64> {
        let house = self.guests.house.lock();
        let of_others = house.others(self.number).map(|other| other.bytes).sum::<u64>().saturating_add(room.in_use);
        let mut patience = self.patience.lock();
        let needed = wanted.saturating_sub(of_others).max(patience.tables);
        if needed <= room.budget {
            return Some(needed);
        }
        let is_known = house.left == patience.left_before;
        (!is_known && !std::mem::replace(&mut patience.tried_once_more, true)).then_some(0)
    }

    /// Nobody takes its rows, or somebody does again.
    pub(super) fn stalls(&self, stalls: bool) {
        if let Some(own) = self.guests.house.lock().present.get_mut(&self.number) {
            own.stalls = stalls.then(Instant::now);
        }
    }

    /// How long it has waited, in milliseconds.
    pub(super) fn waited_ms(&self) -> f64 {
        self.patience.lock().waited.as_secs_f64() * 1e3
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut house = self.guests.house.lock();
        house.present.remove(&self.number);
        house.left += 1;
        drop(house);
        self.guests.changed.notify_waiters();
    }
}

/// A place in the line. Dropping it leaves the line, also where the query was cancelled.
struct Place<'a>(&'a Guest);

impl<'a> Place<'a> {
    fn at_the_end(guest: &'a Guest) -> Self {
        let mut house = guest.guests.house.lock();
        house.line.push_back(guest.number);
        if let Some(own) = house.present.get_mut(&guest.number) {
            (own.waits, own.bytes) = (true, 0);
        }
        Self(guest)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut house = self.0.guests.house.lock();
        house.line.retain(|number| *number != self.0.number);
        if let Some(own) = house.present.get_mut(&self.0.number) {
            own.waits = false;
        }
        drop(house);
        self.0.guests.changed.notify_waiters();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const BUDGET: u64 = 100;

    fn refused(used_bytes: u64, asked_bytes: u64) -> DeviceError {
        DeviceError::OutOfMemory { operation: "groups".into(), asked_bytes, used_bytes, budget_bytes: BUDGET }
    }

    fn empty() -> DeviceRoom {
        DeviceRoom { in_use: 0, budget: BUDGET }
    }

    /// Whether it is still waiting after some time.
    async fn waits(guest: &Guest, error: &DeviceError) -> bool {
        timeout(Duration::from_millis(60), guest.room_after(error, empty)).await.is_err()
    }

    /// Whether it goes on once another has gone, after some time.
    async fn comes_when_gone(guest: &Guest, error: &DeviceError, other: Guest) -> bool {
        let goes = async move {
            tokio::time::sleep(Duration::from_millis(60)).await;
            drop(other);
        };
        tokio::join!(guest.room_after(error, empty), goes).0
    }

    #[tokio::test]
    async fn who_is_alone_waits_for_nobody() {
        let guests = Guests::new(PATIENCE);
        let one = guests.enter(1);
        assert!(!one.room_after(&refused(90, 20), empty).await);
        // Nor for other parts of its own plan, which may wait for it.
        let (_own, other) = (guests.enter(1), guests.enter(2));
        other.begin(50);
        assert!(!one.room_after(&refused(90, 20), empty).await);
        assert!(one.waited_ms() < f64::EPSILON);
    }

    #[tokio::test]
    async fn who_needs_more_than_there_is_waits_for_nobody() {
        let guests = Guests::new(PATIENCE);
        let (one, other) = (guests.enter(1), guests.enter(2));
        other.begin(10);
        assert!(!one.room_after(&refused(90, 30), empty).await);
        // As far as is known: what had that one?
        let three = guests.enter(3);
        drop(other);
        assert!(one.room_after(&refused(90, 30), empty).await);
        drop(guests.enter(4));
        assert!(!one.room_after(&refused(90, 30), empty).await);
        assert!(one.may_wait());
        one.give_up();
        assert!(!one.may_wait());
        drop(three);
        assert!(!one.may_wait());
    }

    #[tokio::test]
    async fn it_waits_for_as_much_as_it_needs() {
        let guests = Guests::new(PATIENCE);
        let (one, two, three) = (guests.enter(1), guests.enter(2), guests.enter(3));
        two.begin(30);
        three.begin(40);
        one.begin(20);
        // It had 20 and wanted 40 more.
        assert!(waits(&one, &refused(90, 40)).await);
        assert!(comes_when_gone(&one, &refused(90, 40), two).await);
        assert!(one.waited_ms() >= 60.0);
        // While it goes on, what it needs is its own.
        let four = guests.enter(4);
        assert!(waits(&four, &refused(90, 40)).await);
        assert!(comes_when_gone(&four, &refused(90, 40), one).await);
        drop(three);
    }

    #[tokio::test]
    async fn who_was_refused_first_goes_on_first_and_who_is_cancelled_is_gone() {
        let guests = Guests::new(PATIENCE);
        let holder = guests.enter(0);
        holder.begin(BUDGET);
        let order = Arc::new(Mutex::new(vec![]));
        let mut waiting = vec![];
        for query in 1..5 {
            let (guests, order) = (Arc::clone(&guests), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let guest = guests.enter(query);
                assert!(guest.room_after(&refused(BUDGET, BUDGET), empty).await);
                order.lock().push(query);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        waiting.remove(0).abort();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(guests.house.lock().line.len(), 3);
        drop(holder);
        for each in waiting {
            each.await.unwrap();
        }
        assert_eq!(*order.lock(), [2, 3, 4]);
        assert!(guests.house.lock().present.is_empty());
    }

    #[tokio::test]
    async fn patience_ends_and_a_stalled_reader_is_not_waited_for() {
        let guests = Guests::new(Duration::from_millis(50));
        let (one, other) = (guests.enter(1), guests.enter(2));
        other.begin(BUDGET);
        assert!(!one.room_after(&refused(BUDGET, 10), empty).await);
        assert!(one.waited_ms() >= 50.0 && !one.may_wait());
        let two = guests.enter(3);
        drop(one);
        two.begin(0);
        assert!(two.may_wait());
        other.stalls(true);
        assert!(two.may_wait());
        guests.house.lock().present.get_mut(&other.number).unwrap().stalls = Instant::now().checked_sub(STALLED);
        assert!(!two.may_wait());
    }
}
