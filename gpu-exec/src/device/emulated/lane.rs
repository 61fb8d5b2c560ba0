//! What device source sees of the scheduler: the mirror of the structs in `kernels/shim.h`, field for field.

use std::ffi::{CStr, c_char, c_void};

/// Bytes of one fiber's stack slot, and its alignment: the shim finds its lane from the stack pointer by this.
pub(super) const SLOT_BYTES: usize = 131_072;
/// Bytes at the top of a slot that hold the lane.
pub(super) const LANE_BYTES: usize = 64;

/// The thread a fiber stands for (`MaarLane`).
#[repr(C)]
pub(super) struct Lane {
    pub(super) tid: u32,
    pub(super) bid: u32,
    pub(super) bdim: u32,
    pub(super) gdim: u32,
    pub(super) smem: *mut u8,
    pub(super) calls: *const Calls,
    /// The `Worker` that runs this lane.
    pub(super) worker: *mut c_void,
    /// Not zero: call `yield_point` at atomics.
    pub(super) fuzz: u32,
}

const _: () = assert!(size_of::<Lane>() <= LANE_BYTES);

/// A place in device source (`MaarSite`).
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Site {
    file: *const c_char,
    line: u32,
}

impl Site {
    pub(super) const NOWHERE: Self = Self { file: std::ptr::null(), line: 0 };

    /// File names are literals of one translation unit, so equal places have equal addresses.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.file == other.file && self.line == other.line
    }
}

impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.file.is_null() {
            return write!(f, "an unknown place");
        }
        // SAFETY: device source passes string literals, which live as long as its library, which the launch holds.
        let file = unsafe { CStr::from_ptr(self.file) };
        write!(f, "{}:{}", file.to_string_lossy(), self.line)
    }
}

/// What the lanes of a warp gave to one warp operation (`MaarWarp`).
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct WarpExchange {
    pub(super) slot: [[u64; 2]; 32],
    pub(super) ballot: u32,
}

/// What device source calls (`MaarCalls`).
#[repr(C)]
pub(super) struct Calls {
    pub(super) block_sync: unsafe extern "C" fn(*mut Lane, Site),
    pub(super) warp_op: unsafe extern "C" fn(*mut Lane, u64, u64, u32, Site) -> *const WarpExchange,
    pub(super) spin: unsafe extern "C" fn(*mut Lane, Site),
    pub(super) yield_point: unsafe extern "C" fn(*mut Lane),
    pub(super) misaligned: unsafe extern "C" fn(*mut Lane, *const c_void, u32, Site),
}
