//! Faults of device source that the processor finds (a wild address, a division by zero) become errors of the launch.
//!
//! The handler leaves the faulting fiber for good by switching to its scheduler. A signal outside of fibers goes to the
//! handler that was there before.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use super::super::{DeviceError, DeviceResult};
use super::worker::{RUNNING, abandon};

const SIGNALS: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];
const ALTERNATE_BYTES: usize = 64 << 10;

/// The handlers that were there before ours, as [`SIGNALS`].
static PREVIOUS: OnceLock<[libc::sigaction; 4]> = OnceLock::new();

/// Installs the handler, once a process.
pub(super) fn install() {
    PREVIOUS.get_or_init(|| {
        SIGNALS.map(|signal| {
            let mut previous = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: both structs are plain data for which zero is valid; the handler has the signature SA_SIGINFO asks.
            unsafe {
                let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
                action.sa_sigaction = handle as *const () as usize;
                // SA_NODEFER: the handler is left by a switch, so the signal must not stay blocked.
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
                libc::sigemptyset(&raw mut action.sa_mask);
                libc::sigaction(signal, &raw const action, previous.as_mut_ptr());
                previous.assume_init()
            }
        })
    });
}

unsafe extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let worker = RUNNING.get();
    // SAFETY: `info` is valid in a handler with SA_SIGINFO. A worker is noted only while one of its fibers runs on this
    // thread, so its scheduler's context can be switched to.
    unsafe {
        if !worker.is_null() {
            (*worker).signal = Some((signal, (*info).si_addr() as usize));
            abandon(worker);
        }
        pass_on(signal, info, context);
    }
}

/// Does what would have been done without us.
unsafe fn pass_on(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let previous = PREVIOUS.get().and_then(|all| {
        let index = SIGNALS.iter().position(|s| *s == signal)?;
        all.get(index)
    });
    // SAFETY: the previous action came from `sigaction`; a handler in it is called as its flags say.
    unsafe {
        match previous {
            Some(action) if action.sa_sigaction > libc::SIG_IGN && action.sa_flags & libc::SA_SIGINFO != 0 => {
                type Handler = unsafe extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);
                let handler: Handler = std::mem::transmute(action.sa_sigaction);
                handler(signal, info, context);
            }
            Some(action) if action.sa_sigaction > libc::SIG_IGN => {
                let handler: unsafe extern "C" fn(i32) = std::mem::transmute(action.sa_sigaction);
                handler(signal);
            }
            // Default: the instruction runs again and ends the process as it should.
            _ => {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
}

/// This thread's stack for signal handlers: a fiber that overflows has no room for one.
pub(super) struct AlternateStack {
    _memory: Vec<u8>,
    previous: libc::stack_t,
}

impl AlternateStack {
    pub(super) fn install() -> DeviceResult<Self> {
        let mut memory = vec![0_u8; ALTERNATE_BYTES];
        let stack = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: ALTERNATE_BYTES };
        let mut previous = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: 0, ss_size: 0 };
        // SAFETY: the memory lives until drop puts the previous stack back.
        let refused = unsafe { libc::sigaltstack(&raw const stack, &raw mut previous) } != 0;
        if refused {
            return Err(DeviceError::fault("sigaltstack", std::io::Error::last_os_error().to_string()));
        }
        Ok(Self { _memory: memory, previous })
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        // SAFETY: what `install` found on this thread.
        unsafe { libc::sigaltstack(&raw const self.previous, ptr::null_mut()) };
    }
}
