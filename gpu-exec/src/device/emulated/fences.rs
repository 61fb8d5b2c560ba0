//! Memory from the host's kernel: plain mappings, and mappings that end at a page which nobody may touch.

use std::io;
use std::ptr;

use super::super::arena::{GRANULE, round_up};

const ACCESSIBLE: i32 = libc::PROT_READ | libc::PROT_WRITE;

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

/// `bytes` of fresh memory between two pages that fault. It ends at the second one, but for what alignment to a granule
/// leaves.
pub(super) fn map(bytes: usize) -> io::Result<usize> {
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

/// # Safety
/// A mapping of [`map`] with these bytes, which nobody uses any more.
pub(super) unsafe fn unmap(address: usize, bytes: usize) {
    let Fenced { page, inner, offset } = Fenced::of(bytes);
    // SAFETY: the whole mapping that `map` made for this many bytes.
    unsafe { unmap_plain(address - offset - page, inner + 2 * page) };
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
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a fresh anonymous mapping, no address asked for.
    let address = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address as usize) }
}
