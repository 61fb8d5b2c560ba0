//! Tables made of dictionaries, in device memory: what a plan asks of a text is made once for a dictionary (`derived.rs`) and
//! uploaded once, not at every run.
//!
//! They go with what they were made of, or when the device's memory is wanted: like columns, those used longest ago first.
//! Not here: what they hold (`strategy/lookup.rs`).

use std::sync::{Arc, Weak};

use hashlink::LinkedHashMap;
use parking_lot::Mutex;

use crate::device::DeviceBuffer;

/// The share of the device that translations may take between queries.
const DEVICE_SHARE: u64 = 32;

/// A table on the device: values, and validity bytes.
pub type OnDevice = Arc<(DeviceBuffer, DeviceBuffer)>;

/// The same table on the host.
#[derive(Clone, Copy, Debug)]
pub struct OnHost<'a> {
    pub values: &'a Arc<[u8]>,
    pub valid: &'a Arc<[u8]>,
}

/// Tables by the addresses of their bytes on the host, which no others are given while they are held, if only weakly.
#[derive(Debug)]
pub struct Translations {
    bytes_max: u64,
    kept: Mutex<LinkedHashMap<(usize, usize), Kept>>,
}

#[derive(Debug)]
struct Kept {
    values: Weak<[u8]>,
    _valid: Weak<[u8]>,
    table: OnDevice,
}

impl Kept {
    fn bytes(&self) -> u64 {
        (self.table.0.len() + self.table.1.len()) as u64
    }

    /// Whether what it was made of is gone, so that nobody will ask for it again.
    fn is_orphan(&self) -> bool {
        self.values.strong_count() == 0
    }

    fn is_held(&self) -> bool {
        Arc::strong_count(&self.table) > 1
    }
}

impl OnHost<'_> {
    fn key(&self) -> (usize, usize) {
        (self.values.as_ptr().addr(), self.valid.as_ptr().addr())
    }
}

impl Translations {
    /// On a device of so many bytes.
    pub fn new(device_bytes: u64) -> Self {
        Self { bytes_max: device_bytes / DEVICE_SHARE, kept: Mutex::default() }
    }

    pub fn get(&self, table: OnHost<'_>) -> Option<OnDevice> {
        self.kept.lock().to_back(&table.key()).map(|kept| Arc::clone(&kept.table))
    }

    /// Keeps a table whose upload has been waited for: other queries have other streams.
    pub fn keep(&self, of: OnHost<'_>, table: &OnDevice) {
        let kept =
            Kept { values: Arc::downgrade(of.values), _valid: Arc::downgrade(of.valid), table: Arc::clone(table) };
        let mut all = self.kept.lock();
        let mut gone: Vec<Kept> = all.insert(of.key(), kept).into_iter().collect();
        gone.extend(take(&mut all, |kept, _| kept.is_orphan()));
        let over = all.values().map(Kept::bytes).sum::<u64>().saturating_sub(self.bytes_max);
        gone.extend(take(&mut all, |_, gathered| gathered < over));
        // Memory is given back without the lock.
        drop(all);
    }

    /// Frees at least so many bytes, if no query holds them; returns the bytes freed.
    pub fn evict(&self, bytes: u64) -> u64 {
        let gone = take(&mut self.kept.lock(), |kept, gathered| !kept.is_held() && gathered < bytes);
        gone.iter().map(Kept::bytes).sum()
    }
}

/// Takes out what `goes`, from the one used longest ago on; it is told how many bytes have gone.
fn take(all: &mut LinkedHashMap<(usize, usize), Kept>, goes: impl Fn(&Kept, u64) -> bool) -> Vec<Kept> {
    let mut gathered = 0;
    let going = all.iter().filter(|(_, kept)| {
        let goes = goes(kept, gathered);
        gathered += if goes { kept.bytes() } else { 0 };
        goes
    });
    let keys: Vec<(usize, usize)> = going.map(|(key, _)| *key).collect();
    keys.iter().filter_map(|key| all.remove(key)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::device::{DeviceChoice, DeviceError, DeviceHandle, DeviceOptions};

    fn table(handle: &DeviceHandle, bytes: usize) -> (Arc<[u8]>, OnDevice) {
        let alloc = |bytes| handle.alloc("a translation", bytes).unwrap();
        (vec![0; bytes].into(), Arc::new((alloc(bytes), alloc(0))))
    }

    fn of<'a>(values: &'a Arc<[u8]>, valid: &'a Arc<[u8]>) -> OnHost<'a> {
        OnHost { values, valid }
    }

    #[test]
    fn what_is_kept_goes_with_its_source_or_for_want_of_memory() {
        let cache = tempfile::tempdir().unwrap();
        let options = DeviceOptions { cache_dir: Some(cache.path().to_owned()), ..DeviceOptions::default() };
        let handle = match DeviceHandle::open(DeviceChoice::Emulated, &options) {
            Err(error @ DeviceError::Unavailable { .. }) => {
                return crate::skip::skipped("compiler", "translations", &error.to_string());
            }
            handle => handle.unwrap(),
        };
        let (translations, valid): (_, Arc<[u8]>) = (Translations::new(1000 * DEVICE_SHARE), Arc::from([]));
        let (first, on_device) = table(&handle, 300);
        translations.keep(of(&first, &valid), &on_device);
        drop(on_device);
        assert!(translations.get(of(&first, &valid)).is_some());
        // Those used longest ago go for others.
        let (second, on_device) = table(&handle, 500);
        translations.keep(of(&second, &valid), &on_device);
        translations.get(of(&first, &valid));
        let (third, held) = table(&handle, 400);
        translations.keep(of(&third, &valid), &held);
        let is_kept = |values: &Arc<[u8]>| translations.get(of(values, &valid)).is_some();
        assert_eq!([is_kept(&first), is_kept(&second), is_kept(&third)], [true, false, true]);
        // What a query holds frees nothing.
        assert_eq!(translations.evict(1), 300);
        assert_eq!([is_kept(&first), is_kept(&third)], [false, true]);
        assert_eq!(translations.evict(u64::MAX), 0);
        // What nobody can ask for any more goes with the next that is kept.
        drop(third);
        translations.keep(of(&first, &valid), &table(&handle, 1).1);
        drop(held);
        assert_eq!(translations.evict(u64::MAX), 1);
    }
}
