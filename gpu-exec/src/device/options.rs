//! How a device is opened: which one, how much of its memory, where compiled code is kept.

use std::env;
use std::path::PathBuf;

use super::memory::Arrangement;
use super::{DeviceError, DeviceResult};

/// Which device to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The GPU with this ordinal, as the driver counts them.
    Cuda { ordinal: usize },
    /// The test instrument on the host.
    Emulated,
}

/// How to open it. [`Default`] is what a user gets who sets nothing.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// Memory budget in bytes. `None`: 90 % of the free memory of a GPU; 2 GiB on the emulated device.
    pub memory_bytes: Option<u64>,
    /// Folder of compiled code. `None`: `$XDG_CACHE_HOME/maar`, else `~/.cache/maar`.
    pub cache_dir: Option<PathBuf>,
    /// Shuffles the emulated device's schedule: lane order, block order, switches at atomics. One seed, one schedule.
    /// `None`: `MAAR_EMULATOR_SEED` where that is set, else in order.
    pub emulator_seed: Option<u64>,
    /// Each buffer in an allocation of its own, of exactly its bytes: slow, and the only way in which tools that check
    /// accesses (`compute-sanitizer`, the emulated device's guard pages) see one that leaves its buffer. Also asked for by
    /// `MAAR_SEPARATE_BUFFERS=1`.
    pub separate_buffers: bool,
    /// Threads that run blocks on the emulated device; a seeded schedule always runs on one.
    pub emulator_workers: usize,
}

impl Default for DeviceOptions {
    fn default() -> Self {
        Self { memory_bytes: None, cache_dir: None, emulator_seed: None, separate_buffers: false, emulator_workers: 2 }
    }
}

impl DeviceOptions {
    /// The folder of compiled code.
    pub(crate) fn cache_dir_or_default(&self) -> DeviceResult<PathBuf> {
        if let Some(dir) = &self.cache_dir {
            return Ok(dir.clone());
        }
        let from_env = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        from_env("XDG_CACHE_HOME")
            .or_else(|| from_env("HOME").map(|home| home.join(".cache")))
            .map(|base| base.join("maar"))
            .ok_or_else(|| {
                DeviceError::unavailable(
                    "no folder for compiled device code: neither XDG_CACHE_HOME nor HOME is set",
                    "Set one of them, or DeviceOptions::cache_dir",
                )
            })
    }

    /// How buffers lie in memory, from the option or the environment.
    pub(crate) fn arrangement(&self) -> DeviceResult<Arrangement> {
        let asked = match env::var("MAAR_SEPARATE_BUFFERS").as_deref() {
            Err(_) | Ok("" | "0") => false,
            Ok("1") => true,
            Ok(other) => {
                return Err(DeviceError::invalid("MAAR_SEPARATE_BUFFERS", format!("`{other}` is neither 0 nor 1")));
            }
        };
        Ok(if asked || self.separate_buffers { Arrangement::Separate } else { Arrangement::Arena })
    }

    /// The schedule's seed, from the option or the environment.
    pub(crate) fn seed(&self) -> DeviceResult<Option<u64>> {
        if self.emulator_seed.is_some() {
            return Ok(self.emulator_seed);
        }
        match env::var("MAAR_EMULATOR_SEED") {
            Err(_) => Ok(None),
            Ok(text) => text.trim().parse().map(Some).map_err(|_| {
                DeviceError::invalid("MAAR_EMULATOR_SEED", format!("`{text}` is not a whole number of at most 64 bits"))
            }),
        }
    }
}
