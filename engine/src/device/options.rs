//! The `maar.*` configuration: what may be set, to what, and what each option means.
//! One table drives SET, SHOW and the error of a wrong name or value.

use std::any::Any;
use std::fmt;
use std::str::FromStr;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};

/// Where a session may run its queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeviceKind {
    /// A CUDA device when one is usable and the work is worth it, else the CPU.
    #[default]
    Auto,
    /// A CUDA device; an error when none is usable.
    Cuda,
    /// The emulated device: device code compiled by the host's C++ compiler. A test instrument.
    Emulated,
    /// DataFusion on the CPU only.
    Cpu,
}

const DEVICE_KINDS: [(&str, DeviceKind); 4] = [
    ("auto", DeviceKind::Auto),
    ("cuda", DeviceKind::Cuda),
    ("emulated", DeviceKind::Emulated),
    ("cpu", DeviceKind::Cpu),
];

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cuda => "cuda",
            Self::Emulated => "emulated",
            Self::Cpu => "cpu",
        })
    }
}

impl FromStr for DeviceKind {
    type Err = DataFusionError;

    fn from_str(text: &str) -> Result<Self> {
        let wanted = text.trim().to_ascii_lowercase();
        let found = DEVICE_KINDS.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, kind)| *kind).ok_or_else(|| {
            invalid("maar.device", text, "one of auto, cuda, emulated, cpu")
        })
    }
}

/// The options under the prefix `maar`, kept in DataFusion's `ConfigOptions`.
#[derive(Debug, Clone, Default)]
pub struct MaarOptions {
    /// Where queries run.
    pub device: DeviceKind,
    /// Turn any fallback to the host into an error that names it.
    pub require_device: bool,
    /// Device memory budget in bytes; `None` leaves the choice to the device.
    pub device_memory: Option<u64>,
}

/// One option: its full name, what it means, and how it is written and read.
struct OptionRow {
    name: &'static str,
    description: &'static str,
    get: fn(&MaarOptions) -> Option<String>,
    set: fn(&mut MaarOptions, &str) -> Result<()>,
}

const OPTIONS: [OptionRow; 3] = [
    OptionRow {
        name: "maar.device",
        description: "Where queries run: auto, cuda, emulated or cpu",
        get: |o| Some(o.device.to_string()),
        set: |o, text| {
            o.device = text.parse()?;
            Ok(())
        },
    },
    OptionRow {
        name: "maar.require_device",
        description: "Fail, naming the operator, where a query would fall back to the host",
        get: |o| Some(o.require_device.to_string()),
        set: |o, text| {
            o.require_device = parse_bool("maar.require_device", text)?;
            Ok(())
        },
    },
    OptionRow {
        name: "maar.device_memory",
        description: "Device memory budget, as bytes or with K, M, G, T; default: 90 % of what is free",
        get: |o| o.device_memory.map(|bytes| bytes.to_string()),
        set: |o, text| {
            o.device_memory = parse_bytes("maar.device_memory", text)?;
            Ok(())
        },
    },
];

impl ConfigExtension for MaarOptions {
    const PREFIX: &'static str = "maar";
}

impl ExtensionOptions for MaarOptions {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let row = OPTIONS.iter().find(|row| row.name.strip_prefix("maar.") == Some(key));
        match row {
            Some(row) => (row.set)(self, value),
            None => {
                let known: Vec<&str> = OPTIONS.iter().map(|row| row.name).collect();
                Err(DataFusionError::Configuration(format!(
                    "there is no option maar.{key}; there are {}",
                    known.join(", ")
                )))
            }
        }
    }

    // The full name, prefix included: `SHOW maar.device` looks for exactly this.
    fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |row: &OptionRow| ConfigEntry {
            key: row.name.to_string(),
            value: (row.get)(self),
            description: row.description,
        };
        OPTIONS.iter().map(entry).collect()
    }
}

fn invalid(name: &str, text: &str, wanted: &str) -> DataFusionError {
    DataFusionError::Configuration(format!("{name} cannot be '{text}': it is {wanted}"))
}

fn parse_bool(name: &str, text: &str) -> Result<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "1" | "yes" => Ok(true),
        "false" | "off" | "0" | "no" => Ok(false),
        _ => Err(invalid(name, text, "true or false")),
    }
}

/// Reads `8G`, `512M`, `1073741824`, or `default` for no limit of the user's own.
fn parse_bytes(name: &str, text: &str) -> Result<Option<u64>> {
    let trimmed = text.trim().to_ascii_uppercase();
    if trimmed == "DEFAULT" {
        return Ok(None);
    }
    let bare = trimmed.trim_end_matches('B').trim_end_matches('I');
    let (digits, shift) = match bare.char_indices().next_back() {
        Some((at, 'K')) => (&bare[..at], 10),
        Some((at, 'M')) => (&bare[..at], 20),
        Some((at, 'G')) => (&bare[..at], 30),
        Some((at, 'T')) => (&bare[..at], 40),
        _ => (bare, 0),
    };
    let wanted = "a size such as 8G, 512M or a number of bytes, or 'default'";
    let count: f64 = digits.trim().parse().map_err(|_| invalid(name, text, wanted))?;
    let bytes = count * f64::from(2u32).powi(shift);
    if !(bytes >= 1.0 && bytes <= 2f64.powi(60)) {
        return Err(invalid(name, text, wanted));
    }
    Ok(Some(bytes as u64))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        for (text, bytes) in [("1024", 1024), ("1k", 1024), ("1.5G", 1_610_612_736), ("2GiB", 2 << 30)] {
            assert_eq!(parse_bytes("x", text).unwrap(), Some(bytes), "{text}");
        }
        assert_eq!(parse_bytes("x", "default").unwrap(), None);
        for text in ["", "-1", "0", "G", "lots"] {
            assert!(parse_bytes("x", text).is_err(), "{text}");
        }
    }

    #[test]
    fn wrong_names_and_values_say_what_is_right() {
        let mut options = MaarOptions::default();
        let wrong = options.set("device", "gpu").unwrap_err().to_string();
        assert!(wrong.contains("auto, cuda, emulated, cpu"), "{wrong}");
        let unknown = options.set("devices", "cpu").unwrap_err().to_string();
        assert!(unknown.contains("maar.require_device"), "{unknown}");
    }
}
