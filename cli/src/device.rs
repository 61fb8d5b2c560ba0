//! A device opened by itself, for the commands that check or measure it, and what results say about it.

use std::sync::Arc;

use maar_engine::device::bare::{DeviceChoice, DeviceHandle, DeviceInfo, DeviceOptions};
use maar_engine::device::discover;
use serde::Serialize;

use crate::args::DeviceArg;
use crate::error::Failure;

/// The device a command is about, where it cannot do with the CPU. `auto` is the GPU.
pub(crate) fn needed(device: DeviceArg, command: &str) -> Result<DeviceChoice, Failure> {
    match device {
        DeviceArg::Auto | DeviceArg::Cuda => Ok(DeviceChoice::Cuda { ordinal: 0 }),
        DeviceArg::Emulated => Ok(DeviceChoice::Emulated),
        DeviceArg::Cpu => Err(Failure::usage(format!(
            "`maar {command}` is about a device, and the CPU is none: ask for `--device cuda` or `--device emulated`"
        ))),
    }
}

/// As sessions call it.
pub(crate) fn argument(choice: DeviceChoice) -> DeviceArg {
    match choice {
        DeviceChoice::Cuda { .. } => DeviceArg::Cuda,
        DeviceChoice::Emulated => DeviceArg::Emulated,
    }
}

/// Opens it; where that fails, says what is missing, how to get it, and what would do instead.
pub(crate) fn open(choice: DeviceChoice, options: &DeviceOptions) -> Result<Arc<DeviceHandle>, Failure> {
    DeviceHandle::open(choice, options).map_err(|error| {
        let instead = match choice {
            DeviceChoice::Cuda { .. } => {
                "\n`maar devices` lists all that was found. `--device emulated` takes the test instrument: the same \
                 device code, run by the CPU"
            }
            DeviceChoice::Emulated => "",
        };
        Failure::other(format!("{error}{instead}"))
    })
}

/// What a result says of the device it came from.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Described {
    kind: String,
    name: String,
    compute_capability: u32,
    multiprocessors: u32,
    memory_bytes: u64,
    shared_bytes_max: u32,
    /// Driver and compiler, in words.
    software: Vec<String>,
}

impl Described {
    pub(crate) fn new(info: &DeviceInfo) -> Self {
        let found = discover();
        let software = match info.compute_capability {
            0 => vec![found.compiler],
            _ => vec![found.driver, found.nvrtc],
        };
        Self {
            kind: info.kind.to_string(),
            name: info.name.clone(),
            compute_capability: info.compute_capability,
            multiprocessors: info.multiprocessors,
            memory_bytes: info.memory_bytes,
            shared_bytes_max: info.shared_bytes_max,
            software: software.into_iter().flatten().collect(),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let gib = self.memory_bytes as f64 / f64::from(1 << 30);
        let what = if self.compute_capability > 0 {
            let (major, minor) = (self.compute_capability / 10, self.compute_capability % 10);
            format!(", compute capability {major}.{minor}, {} multiprocessors, {gib:.1} GiB", self.multiprocessors)
        } else {
            String::new()
        };
        format!("{}{what}; {}", self.name, self.software.join(", "))
    }
}
