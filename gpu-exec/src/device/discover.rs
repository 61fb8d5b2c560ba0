//! What there is to run on, for `maar devices`: and for what is missing, why and what to do.

use std::fmt;

use super::emulated::HostCompiler;
use super::{DeviceInfo, DeviceResult, cuda};

/// What was found. Every part is tried whatever became of the others.
#[derive(Clone, Debug)]
pub struct DiscoveryReport {
    /// The driver, in words.
    pub driver: DeviceResult<String>,
    /// The GPUs it shows.
    pub gpus: DeviceResult<Vec<DeviceInfo>>,
    /// CUDA's run-time compiler, in words.
    pub nvrtc: DeviceResult<String>,
    /// The C++ compiler of the emulated device, in words.
    pub compiler: DeviceResult<String>,
}

/// Looks for devices and what they need. Takes a moment: it loads libraries and asks programs for their versions.
pub fn discover() -> DiscoveryReport {
    DiscoveryReport {
        driver: cuda::describe_driver(),
        gpus: cuda::gpus(),
        nvrtc: cuda::describe_nvrtc(),
        compiler: HostCompiler::find().map(|compiler| compiler.describe()),
    }
}

impl DiscoveryReport {
    /// Whether a GPU can be used now.
    pub fn cuda_usable(&self) -> bool {
        self.nvrtc.is_ok() && self.gpus.as_ref().is_ok_and(|gpus| !gpus.is_empty())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, found: &DeviceResult<String>) -> fmt::Result {
    match found {
        Ok(text) => writeln!(f, "{name:<13} {text}"),
        Err(error) => writeln!(f, "{name:<13} missing: {error}"),
    }
}

impl fmt::Display for DiscoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "driver", &self.driver)?;
        line(f, "nvrtc", &self.nvrtc)?;
        for gpu in self.gpus.iter().flatten() {
            let cc = gpu.compute_capability;
            let gib = gpu.memory_bytes as f64 / f64::from(1 << 30);
            let shape = format!("compute capability {}.{}, {gib:.1} GiB", cc / 10, cc % 10);
            writeln!(
                f,
                "{:<13} {}, {shape}, {} multiprocessors",
                format!("cuda:{}", gpu.ordinal),
                gpu.name,
                gpu.multiprocessors
            )?;
        }
        match (&self.driver, &self.gpus) {
            (Ok(_), Ok(gpus)) if gpus.is_empty() => writeln!(f, "{:<13} none: the driver shows no GPU", "cuda")?,
            (Ok(_), Err(error)) => writeln!(f, "{:<13} none: {error}", "cuda")?,
            // Listed above, or missing for the driver's own reason.
            (Ok(_), Ok(_)) | (Err(_), _) => {}
        }
        line(f, "emulated", &self.compiler)
    }
}
