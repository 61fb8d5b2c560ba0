//! The hand-written device code, as source: one header that every generated kernel is compiled with.
//!
//! The same source is compiled by NVRTC for a GPU and by the host's C++ compiler for the emulated device; what differs
//! between the two is the `m_*` layer alone (`prelude.cuh` on a GPU, `shim.h` on the host).
//! Not here: how source is compiled (`device/`), nor what is generated for one query (`codegen/`).

use std::sync::OnceLock;

/// The parts of the header, in the order in which they are concatenated: a part uses only those above it.
const PARTS: &[(&str, &str)] = &[
    ("prelude.cuh", include_str!("prelude.cuh")),
    ("error.cuh", include_str!("error.cuh")),
    ("arithmetic.cuh", include_str!("arithmetic.cuh")),
    ("spread.cuh", include_str!("spread.cuh")),
    ("calendar.cuh", include_str!("calendar.cuh")),
    ("tile.cuh", include_str!("tile.cuh")),
    ("scan.cuh", include_str!("scan.cuh")),
    ("table.cuh", include_str!("table.cuh")),
    ("accumulate.cuh", include_str!("accumulate.cuh")),
    ("text.cuh", include_str!("text.cuh")),
];

/// Runs of a join build with duplicate keys: four entry points in one translation unit.
pub const RUNS: &str = include_str!("fixed/runs.cu");

/// References to texts become texts: four entry points in one translation unit.
pub const TEXTS: &str = include_str!("fixed/texts.cu");

/// Some rows of an array: one entry point.
pub const PICK: &str = include_str!("fixed/pick.cu");

/// Rows in an order: one entry point, whose steps are launched one after another.
pub const SORT: &str = include_str!("fixed/sort.cu");

/// Columns of window functions: one entry point, whose steps are launched one after another.
pub const WINDOW: &str = concat!(
    include_str!("fixed/window/scans.cuh"),
    include_str!("fixed/window/frames.cuh"),
    include_str!("fixed/window/columns.cu")
);

/// The bodies of the micro-benchmarks, templates without an entry point.
pub const BENCH: &str = include_str!("fixed/bench.cu");

/// The `m_*` layer of the emulated device. It precedes [`header`] there and is never seen by NVRTC.
pub(crate) const SHIM: (&str, &str) = ("shim.h", include_str!("shim.h"));

/// The whole device library as one source. Compiler messages name the part and its own line.
pub fn header() -> &'static str {
    static HEADER: OnceLock<String> = OnceLock::new();
    HEADER.get_or_init(|| PARTS.iter().map(|(name, source)| located(name, source)).collect())
}

/// `source` with a line directive in front, so that messages count lines of `name`.
pub(crate) fn located(name: &str, source: &str) -> String {
    format!("#line 1 \"{name}\"\n{source}\n")
}
