//! Writes outside a buffer are found: every allocation lies between two zones of a known pattern.
//!
//! Bytes from the length asked for up to the next granule are part of the zone behind it. Reads are not seen; what they
//! return is poison.

use std::collections::HashMap;
use std::ptr;

use parking_lot::Mutex;

use super::super::arena::GRANULE;
use super::super::backend::Region;

/// Bytes of a zone on either side.
pub(super) const ZONE_BYTES: usize = 256;
/// What a zone holds.
const ZONE: u8 = 0xFD;
/// The longest zone, untouched: behind a buffer that fills one byte of its last granule.
const INTACT: [u8; ZONE_BYTES + GRANULE as usize] = [ZONE; ZONE_BYTES + GRANULE as usize];
/// What a buffer holds before anything is written to it.
pub(super) const UNDEFINED: u8 = 0xA5;
/// What a buffer holds after it was given back.
const FREED: u8 = 0xDD;

/// The zones of all live buffers.
#[derive(Debug)]
pub(super) struct RedZones {
    /// Bytes before a buffer, and behind its last granule.
    zone_bytes: usize,
    live: Mutex<HashMap<u64, Region>>,
    /// Found when a buffer was given back, where nobody could be told.
    pending: Mutex<Vec<String>>,
}

impl RedZones {
    /// Zones of so many bytes, at most [`ZONE_BYTES`].
    pub(super) fn new(zone_bytes: usize) -> Self {
        Self { zone_bytes: zone_bytes.min(ZONE_BYTES), live: Mutex::default(), pending: Mutex::default() }
    }

    pub(super) fn taken(&self, region: &Region) {
        let ptr = region.ptr.0 as *mut u8;
        // SAFETY: the arena keeps ZONE_BYTES free on either side of the region, which nobody else uses yet.
        unsafe { ptr::write_bytes(ptr, UNDEFINED, region.bytes) };
        self.paint(region);
        self.live.lock().insert(region.ptr.0, region.clone());
    }

    pub(super) fn given_back(&self, region: &Region) {
        self.live.lock().remove(&region.ptr.0);
        if let Some(complaint) = self.check(region) {
            self.pending.lock().push(complaint);
        }
        // SAFETY: still the caller's region; the arena learns that it is free after this.
        unsafe { ptr::write_bytes(region.ptr.0 as *mut u8, FREED, region.bytes) };
    }

    /// What was found since the last call, each once.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut found = std::mem::take(&mut *self.pending.lock());
        for region in self.live.lock().values() {
            if let Some(complaint) = self.check(region) {
                found.push(complaint);
                self.paint(region);
            }
        }
        found
    }

    /// Start and length of the zones before and behind a region.
    fn zones(&self, region: &Region) -> [(u64, usize); 2] {
        let behind = region.ptr.0 + region.bytes as u64;
        [
            (region.ptr.0 - self.zone_bytes as u64, self.zone_bytes),
            (behind, region.occupied - region.bytes + self.zone_bytes),
        ]
    }

    fn paint(&self, region: &Region) {
        for (start, bytes) in self.zones(region) {
            // SAFETY: the zones belong to the region and hold nobody's data.
            unsafe { ptr::write_bytes(start as *mut u8, ZONE, bytes) };
        }
    }

    fn check(&self, region: &Region) -> Option<String> {
        let [before, behind] = self.zones(region).map(|(start, bytes)| {
            // SAFETY: the zones are mapped as long as the region is; only a faulty kernel writes there.
            let zone = unsafe { std::slice::from_raw_parts(start as *const u8, bytes) };
            if zone == &INTACT[..bytes] {
                return (None, None);
            }
            (zone.iter().position(|b| *b != ZONE), zone.iter().rposition(|b| *b != ZONE))
        });
        let of = || format!("`{}` ({} bytes)", region.operation, region.bytes);
        if let (Some(first), _) = before {
            return Some(format!(
                "something wrote up to {} bytes before the start of {}",
                self.zone_bytes - first,
                of()
            ));
        }
        if let (_, Some(last)) = behind {
            return Some(format!("something wrote up to {} bytes past the end of {}", last + 1, of()));
        }
        None
    }
}
