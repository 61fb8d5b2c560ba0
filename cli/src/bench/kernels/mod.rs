//! `maar bench kernels`: the device alone. The measurements are `maar-gpu-exec`'s; here they are shown and written.

mod report;
mod sources;

use std::path::Path;

use maar_engine::device::bare::bench::{self, Outcome, Scale};
use maar_engine::device::bare::{DeviceChoice, DeviceOptions};

use crate::args::{DeviceArg, KernelsArgs};
use crate::device::{self, Described};
use crate::error::Failure;
use crate::findings::Findings;
use report::Report;

pub(super) async fn run(args: &KernelsArgs, device: DeviceArg) -> Result<(), Failure> {
    let choice = device::needed(device, "bench kernels")?;
    let findings = Findings::open(args.json.as_deref())?;
    let scale = if args.quick || choice == DeviceChoice::Emulated { Scale::Quick } else { Scale::Full };
    // A cache of its own: compile times are measured, and hundreds of sources that nobody wants again are made.
    let cache = tempfile::tempdir().map_err(|error| Failure::other(format!("cannot make a folder: {error}")))?;
    let mut report = measured(choice, scale, cache.path(), Report::new(scale), Job::Device).await?;
    findings.so_far(|| report.json())?;
    // Another device has the memory while the queries run, so it comes after.
    let mut report = match sources::largest(device::argument(choice), scale).await {
        Ok(sources) => measured(choice, scale, cache.path(), report, Job::Compile(sources)).await?,
        // A query that fails takes none of the measurements with it.
        Err(failure) => {
            report.add_failure("compile", "the largest of TPC-H", failure.message().unwrap_or_default())?;
            report
        }
    };
    report.finish()?;
    findings.finish(|| report.json())?;
    match report.failed() {
        0 => Ok(()),
        failed => Err(Failure::other(format!("{failed} measurements failed"))),
    }
}

/// What to measure.
enum Job {
    Device,
    Compile(Vec<bench::KernelSource>),
}

/// Measures on a thread that may block, and reports each outcome as it comes.
async fn measured(
    choice: DeviceChoice,
    scale: Scale,
    cache: &Path,
    mut report: Report,
    job: Job,
) -> Result<Report, Failure> {
    let options = DeviceOptions { cache_dir: Some(cache.to_owned()), ..DeviceOptions::default() };
    let work = move || -> Result<Report, Failure> {
        let handle = device::open(choice, &options)?;
        report.header(Described::new(handle.info()))?;
        let mut printed = Ok(());
        let each = |outcome: Outcome| {
            // The first failure to print is the one to tell; measuring ends with the list all the same.
            if printed.is_ok() {
                printed = report.add(outcome);
            }
        };
        match job {
            Job::Device => bench::run(&handle, scale, each),
            Job::Compile(sources) => bench::compile(&handle, scale, &sources, each),
        }
        .map_err(Failure::other)?;
        printed.map(|()| report)
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::other(format!("the benchmark failed: {error}")))?
}
