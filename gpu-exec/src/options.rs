//! The `maar.*` session options: their names, meanings, defaults and checks.
//!
//! `SET maar.device = emulated` and the like reach [`MaarOptions::set`]; `SHOW` reads [`MaarOptions::entries`].

use std::any::Any;
use std::fmt;
use std::str::FromStr;

use datafusion::common::config_err;
use datafusion::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};

/// Queries that read less stay on the CPU under `maar.device = auto`: about what the host reads and computes in the
/// time of a first launch, one synchronisation and a compilation on a small GPU (some tens of milliseconds).
pub const SMALL_QUERY_BYTES_DEFAULT: u64 = 32 << 20;

/// Enough for the statements of a dashboard; bounds what kept plans take.
pub const PLAN_CACHE_DEFAULT: u64 = 128;

/// Which device a session uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceOption {
    /// A GPU where there is one and the work is not small, else the CPU.
    #[default]
    Auto,
    /// A GPU; an error where there is none.
    Cuda,
    /// The test instrument: device code on the host.
    Emulated,
    /// The host engine only.
    Cpu,
}

impl DeviceOption {
    const NAMES: [(DeviceOption, &'static str); 4] =
        [(Self::Auto, "auto"), (Self::Cuda, "cuda"), (Self::Emulated, "emulated"), (Self::Cpu, "cpu")];
}

impl fmt::Display for DeviceOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(option, _)| option == self).map_or("auto", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for DeviceOption {
    type Err = DataFusionError;

    fn from_str(text: &str) -> Result<Self> {
        let wanted = text.trim().to_lowercase();
        match Self::NAMES.iter().find(|(_, name)| *name == wanted) {
            Some((option, _)) => Ok(*option),
            None => config_err!("maar.device is one of auto, cuda, emulated, cpu; not '{text}'"),
        }
    }
}

/// The options of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaarOptions {
    pub device: DeviceOption,
    /// Whether any part of a query left on the host is an error.
    pub require_device: bool,
    /// Device memory to use, in bytes; `None` takes about 90 % of what is free.
    pub device_memory: Option<u64>,
    /// Device memory for columns kept between queries, in bytes; `None` leaves it to the arena.
    pub resident_memory: Option<u64>,
    /// Under `device = auto`, queries that read fewer bytes stay on the CPU.
    pub small_query_bytes: u64,
    /// Of how many statements a session keeps the plan for another run; 0 keeps none.
    pub plan_cache: u64,
}

impl Default for MaarOptions {
    fn default() -> Self {
        Self {
            device: DeviceOption::Auto,
            require_device: false,
            device_memory: None,
            resident_memory: None,
            small_query_bytes: SMALL_QUERY_BYTES_DEFAULT,
            plan_cache: PLAN_CACHE_DEFAULT,
        }
    }
}

/// One option: its key after `maar.`, what it means, how it is read and written.
struct Entry {
    key: &'static str,
    description: &'static str,
    get: fn(&MaarOptions) -> String,
    set: fn(&mut MaarOptions, &str) -> Result<()>,
}

const ENTRIES: &[Entry] = &[
    Entry {
        key: "device",
        description: "Where queries run: auto (a GPU where there is one and the work is not small), cuda, emulated \
                      (device code on the host, for tests), cpu",
        get: |options| options.device.to_string(),
        set: |options, text| text.parse().map(|device| options.device = device),
    },
    Entry {
        key: "require_device",
        description: "Fail a query, naming the operator or expression, instead of running any part of it on the host",
        get: |options| options.require_device.to_string(),
        set: |options, text| parse_bool("require_device", text).map(|flag| options.require_device = flag),
    },
    Entry {
        key: "device_memory",
        description: "Device memory to use, as bytes or with a unit (8GB, 512MiB); auto takes about 90 % of what is free",
        get: |options| written(options.device_memory),
        set: |options, text| parse_budget("device_memory", text).map(|bytes| options.device_memory = bytes),
    },
    Entry {
        key: "resident_memory",
        description: "Device memory for columns kept between queries, as bytes or with a unit; auto keeps what fits",
        get: |options| written(options.resident_memory),
        set: |options, text| parse_budget("resident_memory", text).map(|bytes| options.resident_memory = bytes),
    },
    Entry {
        key: "small_query_bytes",
        description: "With device = auto, queries that read fewer bytes than this run on the CPU; 0 turns the rule off",
        get: |options| options.small_query_bytes.to_string(),
        set: |options, text| parse_bytes("small_query_bytes", text).map(|bytes| options.small_query_bytes = bytes),
    },
    Entry {
        key: "plan_cache",
        description: "Of how many statements that ran on a device the plan is kept for another run; 0 keeps none",
        get: |options| options.plan_cache.to_string(),
        set: |options, text| parse_count("plan_cache", text).map(|count| options.plan_cache = count),
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
        match ENTRIES.iter().find(|entry| entry.key == key) {
            Some(entry) => (entry.set)(self, value),
            None => {
                let known: Vec<_> = ENTRIES.iter().map(|entry| entry.key).collect();
                config_err!("there is no option maar.{key}; there are: {}", known.join(", "))
            }
        }
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |entry: &Entry| ConfigEntry {
            key: format!("{}.{}", Self::PREFIX, entry.key),
            value: Some((entry.get)(self)),
            description: entry.description,
        };
        ENTRIES.iter().map(entry).collect()
    }
}

fn written(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "auto".to_owned(), |bytes| bytes.to_string())
}

fn parse_bool(key: &str, text: &str) -> Result<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => config_err!("maar.{key} is true or false; not '{text}'"),
    }
}

fn parse_count(key: &str, text: &str) -> Result<u64> {
    match text.trim().parse() {
        Ok(count) => Ok(count),
        Err(_) => config_err!("maar.{key} is a whole number, 0 or more; not '{text}'"),
    }
}

fn parse_budget(key: &str, text: &str) -> Result<Option<u64>> {
    if text.trim().eq_ignore_ascii_case("auto") {
        return Ok(None);
    }
    match parse_bytes(key, text)? {
        0 => config_err!("maar.{key} is auto or more than 0 bytes"),
        bytes => Ok(Some(bytes)),
    }
}

/// Units by name; decimal and binary ones, as they are written.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("t", 1 << 40),
    ("tb", 1_000_000_000_000),
    ("tib", 1 << 40),
];

/// A number and a factor, of a size such as `512MiB`; `None` for what is none of these.
fn number_and_factor(text: &str) -> (Option<u64>, Option<u64>) {
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let unit = unit.trim().to_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    (number.parse().ok(), factor)
}

/// The bytes of a size as options take it: `1048576`, `512MiB`, `8 GB`.
pub fn bytes_of(text: &str) -> Option<u64> {
    let (number, factor) = number_and_factor(text);
    number?.checked_mul(factor?)
}

fn parse_bytes(key: &str, text: &str) -> Result<u64> {
    match number_and_factor(text) {
        (Some(number), Some(factor)) => match number.checked_mul(factor) {
            Some(bytes) => Ok(bytes),
            None => config_err!("maar.{key} = '{text}' is more than 64 bits can count"),
        },
        _ => {
            config_err!("maar.{key} is a number of bytes, as 1048576, 512MiB or 8GB; not '{text}'")
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_and_shown() {
        let mut options = MaarOptions::default();
        options.set("device", "Emulated").unwrap();
        options.set("device_memory", "8 GB").unwrap();
        options.set("small_query_bytes", "1KiB").unwrap();
        options.set("require_device", "on").unwrap();
        let shown: Vec<_> = options.entries().into_iter().map(|e| format!("{}={}", e.key, e.value.unwrap())).collect();
        assert_eq!(
            shown,
            [
                "maar.device=emulated",
                "maar.require_device=true",
                "maar.device_memory=8000000000",
                "maar.resident_memory=auto",
                "maar.small_query_bytes=1024",
                "maar.plan_cache=128"
            ]
        );
    }

    #[test]
    fn refusals_name_the_option_and_what_it_takes() {
        let mut options = MaarOptions::default();
        let mut refusal = |key, value| options.set(key, value).unwrap_err().to_string();
        assert!(refusal("device", "gpu").contains("maar.device is one of auto, cuda, emulated, cpu; not 'gpu'"));
        assert!(refusal("require_device", "maybe").contains("maar.require_device is true or false; not 'maybe'"));
        assert!(refusal("device_memory", "lots").contains("maar.device_memory is a number of bytes"));
        assert!(refusal("device_memory", "0").contains("maar.device_memory is auto or more than 0 bytes"));
        assert!(refusal("device_memory", "99999999999T").contains("more than 64 bits"));
        assert!(refusal("plan_cache", "-1").contains("maar.plan_cache is a whole number, 0 or more; not '-1'"));
        assert!(refusal("devise", "cpu").contains("there is no option maar.devise; there are: device, require_device"));
    }
}
