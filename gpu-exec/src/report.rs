//! What an execution did, from counters and clocks, never from plan names.

use std::fmt;

use crate::device::CodeOrigin;
use crate::operators::{Sorted, Written};
use crate::scan::{InputStats, LoadStats};

/// How an execution ended. Of several, the last in this order is that of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    /// All rows were handed over; nothing ran, and nothing is to come.
    #[default]
    Finished,
    /// Nobody wanted more rows.
    StoppedEarly,
    /// It has not.
    Running,
    Failed,
}

/// One execution of one device node, or all those of a query added up: what was done so far, if it has not ended or ended early.
#[derive(Clone, Debug, Default)]
pub struct DeviceReport {
    /// The device's name; empty where nothing ran on one.
    pub device: String,
    pub ended: Ended,
    pub pipelines: Vec<PipelineReport>,
    /// One a scan.
    pub loads: Vec<LoadStats>,
    /// One a host input.
    pub inputs: Vec<InputStats>,
    /// Until all tables were on the device, in milliseconds. What is done of them may begin before.
    pub load_ms: f64,
    /// Choosing algorithms and resolving expressions.
    pub strategy_ms: f64,
    /// Writing source and compiling, or finding compiled code.
    pub compile_ms: f64,
    /// From shapes known to the last batch handed over, strategy and compiling included, and the wait for what is still to be loaded.
    pub run_ms: f64,
    /// How often the run waited for the device, and tables it made of dictionaries that no earlier run had made.
    pub waits: u64,
    pub translations: u64,
    pub rows_out: u64,
    /// How long it waited for the memory of other queries, before all that.
    pub waited_ms: f64,
}

/// One pipeline of an execution.
#[derive(Clone, Debug)]
pub struct PipelineReport {
    /// The kernel's entry point.
    pub name: String,
    /// The generated source.
    pub source: String,
    /// Rows of its source.
    pub rows_in: u64,
    /// Bytes of the source it reads at least.
    pub bytes: u64,
    /// Bytes a second the device's memory gives at best.
    pub bandwidth: f64,
    /// Time on the device, in milliseconds.
    pub kernel_ms: f64,
    /// Time to compile it, 0 where its code was found.
    pub compile_ms: f64,
    pub origin: CodeOrigin,
    pub launches: u64,
    /// How often it read its source: more than once where a table of keys was too small, or is held in parts.
    pub passes: u64,
    /// In how many parts the table of keys is held that it fills; 1 where that is held as a whole, 0 where it fills none.
    pub parts: u64,
    /// Rows that it wrote out for the next one.
    pub written: Written,
    /// How the rows that it put out were sorted.
    pub sorted: Sorted,
}

impl DeviceReport {
    /// Adds what another execution did.
    pub fn add(&mut self, other: Self) {
        self.device = other.device;
        self.ended = self.ended.max(other.ended);
        self.pipelines.extend(other.pipelines);
        self.loads.extend(other.loads);
        self.inputs.extend(other.inputs);
        self.load_ms += other.load_ms;
        self.strategy_ms += other.strategy_ms;
        self.compile_ms += other.compile_ms;
        self.run_ms += other.run_ms;
        self.waits += other.waits;
        self.translations += other.translations;
        self.rows_out += other.rows_out;
        self.waited_ms += other.waited_ms;
    }

    /// Time in kernels, in milliseconds.
    pub fn kernel_ms(&self) -> f64 {
        self.sum(|pipeline| pipeline.kernel_ms + pipeline.sorted.kernel_ms)
    }

    /// The least time that the bytes read could take: the floor to measure [`Self::kernel_ms`] against.
    pub fn floor_ms(&self) -> f64 {
        self.sum(PipelineReport::floor_ms)
    }

    /// Bytes that the pipelines read at least.
    pub fn bytes(&self) -> u64 {
        self.pipelines.iter().map(|pipeline| pipeline.bytes).sum()
    }

    /// Pipelines whose code was in no cache.
    pub fn compiled(&self) -> usize {
        self.pipelines.iter().filter(|pipeline| pipeline.origin == CodeOrigin::Compiled).count()
    }

    fn sum(&self, of: impl Fn(&PipelineReport) -> f64) -> f64 {
        // Not `sum`, which is -0 for nothing.
        self.pipelines.iter().map(of).fold(0.0, |sum, each| sum + each)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::StoppedEarly => "stopped early",
            Self::Running => "running",
            Self::Failed => "failed",
        })
    }
}

impl PipelineReport {
    /// The least time the bytes take on this device, in milliseconds.
    pub fn floor_ms(&self) -> f64 {
        self.bytes as f64 / self.bandwidth * 1e3
    }

    /// Bytes a second reached, in GB/s.
    pub fn gigabytes_per_second(&self) -> f64 {
        if self.kernel_ms > 0.0 { self.bytes as f64 / self.kernel_ms / 1e6 } else { 0.0 }
    }
}
