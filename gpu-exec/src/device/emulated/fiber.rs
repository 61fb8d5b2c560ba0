//! Fibers: stacks of their own and a hand-written switch between them.
//!
//! The switch saves what the platform's calling convention asks a callee to save, and nothing else: no signal mask, so
//! no system call. A fiber that is abandoned is never resumed; its stack is reused and nothing on it is dropped.

use std::arch::naked_asm;
use std::io;
use std::ptr::{self, NonNull};

use super::lane::{LANE_BYTES, Lane, SLOT_BYTES};

/// Saves the running context, its stack pointer in `*save`, and resumes the one whose stack pointer is `to`.
///
/// # Safety
/// `to` was saved by this function or made by [`Stacks::prepare`], and is resumed at most once.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn switch(save: *mut *mut u8, to: *mut u8) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!("mov rdi, r12", "call r13", "ud2")
}

/// The words [`switch`] pops when it first resumes a fiber, lowest address first.
#[cfg(target_arch = "x86_64")]
fn first_frame(lane: *mut Lane, main: FiberMain) -> [usize; 7] {
    // r15, r14, r13, r12, rbx, rbp, return address.
    [0, 0, main as usize, lane as usize, 0, 0, start as *const () as usize]
}

/// As on x86-64.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn switch(save: *mut *mut u8, to: *mut u8) {
    naked_asm!(
        "sub sp, sp, #160",
        "stp x19, x20, [sp, #0]",
        "stp x21, x22, [sp, #16]",
        "stp x23, x24, [sp, #32]",
        "stp x25, x26, [sp, #48]",
        "stp x27, x28, [sp, #64]",
        "stp x29, x30, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "mov x9, sp",
        "str x9, [x0]",
        "mov sp, x1",
        "ldp x19, x20, [sp, #0]",
        "ldp x21, x22, [sp, #16]",
        "ldp x23, x24, [sp, #32]",
        "ldp x25, x26, [sp, #48]",
        "ldp x27, x28, [sp, #64]",
        "ldp x29, x30, [sp, #80]",
        "ldp d8, d9, [sp, #96]",
        "ldp d10, d11, [sp, #112]",
        "ldp d12, d13, [sp, #128]",
        "ldp d14, d15, [sp, #144]",
        "add sp, sp, #160",
        "ret",
    )
}

#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!("mov x0, x19", "blr x20", "brk #0")
}

/// As on x86-64: x19 and x20 first, the return address (x30) twelfth.
#[cfg(target_arch = "aarch64")]
fn first_frame(lane: *mut Lane, main: FiberMain) -> [usize; 20] {
    let mut frame = [0; 20];
    frame[0] = lane as usize;
    frame[1] = main as usize;
    frame[11] = start as *const () as usize;
    frame
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the emulated device has a fiber switch for x86-64 and aarch64 only");

/// What a fiber runs. It never returns: it switches away for good.
pub(super) type FiberMain = unsafe extern "C" fn(*mut Lane) -> !;

/// Stack slots of one worker, each aligned to its size with a guard page at its low end and its lane at the top.
pub(super) struct Stacks {
    mapping: NonNull<u8>,
    mapping_bytes: usize,
    first: *mut u8,
    count: usize,
    guard_bytes: usize,
}

// SAFETY: the mapping belongs to this value alone; nothing on it is tied to a thread.
unsafe impl Send for Stacks {}

impl Stacks {
    /// Maps `count` slots; memory is committed when it is touched.
    pub(super) fn map(count: usize) -> io::Result<Self> {
        let mapping_bytes = (count + 1) * SLOT_BYTES;
        // SAFETY: a fresh anonymous mapping, no address asked for.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                mapping_bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mapping =
            NonNull::new(address.cast::<u8>()).ok_or_else(|| io::Error::other("a mapping at address zero"))?;
        // SAFETY: a system call without memory effects.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        let skip = mapping.as_ptr().align_offset(SLOT_BYTES);
        let first = mapping.as_ptr().wrapping_add(skip);
        let stacks = Self { mapping, mapping_bytes, first, count, guard_bytes: page };
        for index in 0..count {
            // SAFETY: the lowest page of a slot of this mapping, in use by nobody.
            let refused = unsafe { libc::mprotect(stacks.slot(index).cast(), page, libc::PROT_NONE) } != 0;
            if refused {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(stacks)
    }

    fn slot(&self, index: usize) -> *mut u8 {
        debug_assert!(index < self.count);
        self.first.wrapping_add(index * SLOT_BYTES)
    }

    /// The lane of slot `index`.
    pub(super) fn lane(&self, index: usize) -> *mut Lane {
        self.slot(index).wrapping_add(SLOT_BYTES - LANE_BYTES).cast()
    }

    /// Whether `address` lies in a guard page: the fiber above it has overflowed its stack.
    pub(super) fn is_guard(&self, address: usize) -> bool {
        let offset = address.wrapping_sub(self.first as usize);
        offset < self.count * SLOT_BYTES && offset % SLOT_BYTES < self.guard_bytes
    }

    /// A stack pointer that [`switch`] resumes by calling `main` with the slot's lane.
    ///
    /// # Safety
    /// The slot's fiber has ended or was abandoned.
    pub(super) unsafe fn prepare(&mut self, index: usize, main: FiberMain) -> *mut u8 {
        let lane = self.lane(index);
        let frame = first_frame(lane, main);
        // Fibers start at differing offsets: equal ones would compete for the same cache sets.
        let colour = (index % 16) * 192;
        let top = lane.cast::<u8>().wrapping_sub(colour) as usize / 16 * 16;
        let sp = top - size_of_val(&frame);
        let sp = self.first.wrapping_add(sp - self.first as usize);
        // SAFETY: inside the slot, below its lane and above its guard page; the caller says nobody uses it.
        unsafe { ptr::copy_nonoverlapping(frame.as_ptr(), sp.cast(), frame.len()) };
        sp
    }
}

impl Drop for Stacks {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `map`, dropped once; no fiber runs on it.
        unsafe { libc::munmap(self.mapping.as_ptr().cast(), self.mapping_bytes) };
    }
}
