//! Kinds of work, and what is reported of them. Not here: how their times are taken (`timeline.rs`).

use std::fmt;

/// What a query can be busy with, in the order of its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Asking a store which files there are.
    List,
    /// Reading the ends of files.
    Footer,
    /// Reading column chunks. Bytes: those wanted, without the gaps that are read with them.
    Fetch,
    /// Making columns of files' pages or of the host's rows, and columns alike. Bytes: those made.
    Decode,
    /// Copying to the device.
    Upload,
    /// Writing source and compiling it, or finding what was compiled.
    Compile,
    Kernel,
    /// Copying from the device, once its kernels are done: a copy that waits for one counts as the kernel's, but for its bytes.
    Download,
    Wait,
}

/// All kinds, in their order.
pub(super) const KINDS: [Work; 9] = [
    Work::List,
    Work::Footer,
    Work::Fetch,
    Work::Decode,
    Work::Upload,
    Work::Compile,
    Work::Kernel,
    Work::Download,
    Work::Wait,
];

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Footer => "footer",
            Self::Fetch => "fetch",
            Self::Decode => "decode",
            Self::Upload => "upload",
            Self::Compile => "compile",
            Self::Kernel => "kernel",
            Self::Download => "download",
            Self::Wait => "wait",
        }
    }
}

/// What was done of one kind of work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkReport {
    pub work: Work,
    /// Time in which at least one span was open, in milliseconds.
    pub busy_ms: f64,
    pub bytes: u64,
    pub spans: u64,
}

/// When the first kernel was queued.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstKernel {
    /// Since the query began, in milliseconds.
    pub at_ms: f64,
    /// Bytes of column chunks that had been fetched by then.
    pub fetched_bytes: u64,
}

/// A query's time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimelineReport {
    /// Since the query began to be planned, until it ended or until now.
    pub elapsed_ms: f64,
    /// In the order of a query's life, those that it had.
    pub work: Vec<WorkReport>,
    /// Time in which any work was done, and in which two kinds were done at once, in milliseconds.
    pub busy_ms: f64,
    pub overlap_ms: f64,
    pub first_kernel: Option<FirstKernel>,
}

impl TimelineReport {
    pub fn of(&self, work: Work) -> Option<&WorkReport> {
        self.work.iter().find(|report| report.work == work)
    }

    /// The work that took longest: no way to do the same could be faster, were all others done beside it.
    pub fn longest(&self) -> Option<&WorkReport> {
        let work = self.work.iter().filter(|report| report.work != Work::Wait);
        work.max_by(|a, b| a.busy_ms.total_cmp(&b.busy_ms))
    }

    /// The part of the elapsed time in which two kinds of work were done at once.
    pub fn overlap(&self) -> f64 {
        if self.elapsed_ms > 0.0 { self.overlap_ms / self.elapsed_ms } else { 0.0 }
    }

    /// The part of all bytes of column chunks that had been fetched when the first kernel was queued; `None` where no kernel
    /// was, or nothing was fetched.
    pub fn fetched_before_kernels(&self) -> Option<f64> {
        let (first, all) = (self.first_kernel?, self.of(Work::Fetch)?.bytes);
        (all > 0).then(|| first.fetched_bytes as f64 / all as f64)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for TimelineReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for WorkReport { work, busy_ms, bytes, spans } in &self.work {
            write!(f, "{work}: busy_ms={busy_ms:.3}")?;
            if *bytes > 0 {
                write!(f, ", bytes={bytes}")?;
            }
            writeln!(f, ", spans={spans}")?;
        }
        let Self { elapsed_ms, busy_ms, overlap_ms, .. } = self;
        write!(f, "all: elapsed_ms={elapsed_ms:.3}, busy_ms={busy_ms:.3}, two_at_once_ms={overlap_ms:.3}")?;
        if let Some(first) = self.first_kernel {
            write!(f, ", first_kernel_ms={:.3}", first.at_ms)?;
        }
        match self.fetched_before_kernels() {
            Some(part) => write!(f, ", fetched_before_it={:.0}%", part * 100.0),
            None => Ok(()),
        }
    }
}
