//! A block's shared memory: sized exactly as the launch asks, poisoned before each block, with zones checked after it.

use std::ptr;

use super::red_zones::UNDEFINED;

const ZONE_BYTES: usize = 256;
const ZONE: u8 = 0xFD;

/// One block's buffer, reused by the next block.
#[derive(Default)]
pub(super) struct SharedMemory {
    /// Zone, buffer, zone. Words of 16 bytes give the buffer its alignment.
    storage: Vec<u128>,
    bytes: usize,
}

impl SharedMemory {
    /// Makes it `bytes` long; it has to be poisoned before use.
    pub(super) fn resize(&mut self, bytes: usize) {
        self.bytes = bytes;
        self.storage.resize((2 * ZONE_BYTES + bytes).div_ceil(16), 0);
    }

    pub(super) fn start(&mut self) -> *mut u8 {
        self.storage.as_mut_ptr().cast::<u8>().wrapping_add(ZONE_BYTES)
    }

    pub(super) fn poison(&mut self) {
        let (start, bytes) = (self.start(), self.bytes);
        // SAFETY: zone, buffer and zone lie inside the storage, which `resize` made long enough.
        unsafe {
            ptr::write_bytes(start.sub(ZONE_BYTES), ZONE, ZONE_BYTES);
            ptr::write_bytes(start, UNDEFINED, bytes);
            ptr::write_bytes(start.add(bytes), ZONE, ZONE_BYTES);
        }
    }

    /// What a block did to the zones since [`SharedMemory::poison`].
    pub(super) fn complaint(&mut self) -> Option<String> {
        let (start, bytes) = (self.start(), self.bytes);
        // SAFETY: as in `poison`; no fiber of the block runs any more.
        let (before, behind) = unsafe {
            (
                std::slice::from_raw_parts(start.sub(ZONE_BYTES), ZONE_BYTES),
                std::slice::from_raw_parts(start.add(bytes), ZONE_BYTES),
            )
        };
        if let Some(first) = before.iter().position(|b| *b != ZONE) {
            return Some(format!("wrote {} bytes before the start of its shared memory", ZONE_BYTES - first));
        }
        let last = behind.iter().rposition(|b| *b != ZONE)?;
        Some(format!("wrote up to {} bytes past the end of its {bytes} bytes of shared memory", last + 1))
    }
}
