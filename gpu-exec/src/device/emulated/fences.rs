//! Memory from the host's kernel: plain mappings, and mappings that end at a page which nobody may touch.

use std::io;
use std::ptr;

use parking_lot::Mutex;

use super::super::arena::{GRANULE, round_up};

const ACCESSIBLE: i32 = libc::PROT_READ | libc::PROT_WRITE;
const RESERVED: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

/// `bytes` of fresh memory; pages are committed when they are touched.
pub(super) fn map_plain(bytes: usize) -> io::Result<usize> {
    map_with(bytes, ACCESSIBLE)
}

/// # Safety
/// A mapping of [`map_plain`] with these bytes, which nobody uses any more.
pub(super) unsafe fn unmap_plain(address: usize, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(address as *mut libc::c_void, bytes) };
}

/// Fenced allocations of one device. Addresses given back are nobody's until the device closes: were they the system's again,
/// another mapping could take their place, and a kernel that runs late would write into it unseen.
#[derive(Debug, Default)]
pub(super) struct Fences {
    /// Start and bytes of each mapping that was given back.
    given_back: Mutex<Vec<(usize, usize)>>,
}

impl Fences {
    /// `bytes` of fresh memory between two pages that fault. It ends at the second one, but for what alignment to a granule
    /// leaves.
    pub(super) fn map(&self, bytes: usize) -> io::Result<usize> {
        let Fenced { page, inner, offset } = Fenced::of(bytes);
        let base = map_with(inner + 2 * page, libc::PROT_NONE)?;
        // SAFETY: pages of the mapping made above.
        if unsafe { libc::mprotect((base + page) as *mut libc::c_void, inner, ACCESSIBLE) } != 0 {
            let error = io::Error::last_os_error();
            // SAFETY: the mapping made above, not handed out.
            unsafe { unmap_plain(base, inner + 2 * page) };
            return Err(error);
        }
        Ok(base + page + offset)
    }

    /// Gives the pages back to the system and keeps their addresses, which fault from now on.
    ///
    /// # Safety
    /// A mapping of [`Self::map`] with these bytes, which nobody uses any more.
    pub(super) unsafe fn unmap(&self, address: usize, bytes: usize) {
        let Fenced { page, inner, offset } = Fenced::of(bytes);
        let (base, whole) = (address - offset - page, inner + 2 * page);
        // SAFETY: takes the place of the whole mapping that `map` made for this many bytes. Where the system refuses, the old
        // mapping stays and nothing but its protection is lost.
        unsafe { libc::mmap(base as *mut libc::c_void, whole, libc::PROT_NONE, RESERVED | libc::MAP_FIXED, -1, 0) };
        self.given_back.lock().push((base, whole));
    }
}

impl Drop for Fences {
    fn drop(&mut self) {
        for (base, bytes) in self.given_back.get_mut().drain(..) {
            // SAFETY: reserved by `unmap`, and no stream of the device is left to touch it.
            unsafe { unmap_plain(base, bytes) };
        }
    }
}

/// How a fenced allocation lies in its mapping.
struct Fenced {
    page: usize,
    /// Whole pages that can be used.
    inner: usize,
    /// Where in them the allocation starts.
    offset: usize,
}

impl Fenced {
    fn of(bytes: usize) -> Self {
        // SAFETY: asks for a number.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        let occupied = round_up(bytes as u64) as usize;
        debug_assert!(page.is_multiple_of(GRANULE as usize), "a page holds whole granules");
        let inner = occupied.next_multiple_of(page);
        Self { page, inner, offset: inner - occupied }
    }
}

fn map_with(bytes: usize, protection: i32) -> io::Result<usize> {
    // SAFETY: a fresh anonymous mapping, no address asked for.
    let address = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, RESERVED, -1, 0) };
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address as usize) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn addresses_given_back_are_not_handed_out_again() {
        let fences = Fences::default();
        let first = fences.map(1000).unwrap();
        // SAFETY: the mapping made above, which nobody uses.
        unsafe { fences.unmap(first, 1000) };
        let later: Vec<usize> = (0..50).map(|_| fences.map(1000).unwrap()).collect();
        assert!(!later.contains(&first), "the system's first choice is the place that has just become free");
        for address in later {
            // SAFETY: a mapping made above, which nobody uses.
            unsafe { fences.unmap(address, 1000) };
        }
    }
}
