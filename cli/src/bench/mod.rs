//! `maar bench`. `tpch` makes the data, runs the queries cold and hot, checks every answer, reports; `kernels` measures
//! the device alone.

mod answers;
pub(crate) mod compare;
mod data;
mod kernels;
mod measure;
mod queries;
mod report;

use std::future::Future;
use std::path::PathBuf;

use crate::args::{DeviceArg, KernelsArgs, TpchArgs};
use crate::error::Failure;
use crate::findings::Findings;
use crate::interrupt::{Interrupt, Second};
use crate::terminal;
use crate::workers::Workers;
use measure::Bench;
use queries::{QUERIES, TpchQuery};
use report::{Report, Table};

/// Scales that the generators can make.
const SCALES: std::ops::RangeInclusive<f64> = 0.001..=100_000.0;

/// Runs TPC-H; an error of kind `Other` where an answer is wrong.
pub(crate) async fn tpch(args: &TpchArgs, device: DeviceArg) -> Result<(), Failure> {
    let args = args.clone();
    interruptible("the benchmark", async move { Box::pin(run(&args, device)).await }).await
}

/// Measures the device alone; an error of kind `Other` where a measurement failed.
pub(crate) async fn kernels(args: &KernelsArgs, device: DeviceArg) -> Result<(), Failure> {
    let args = args.clone();
    interruptible("the benchmark", async move { Box::pin(kernels::run(&args, device)).await }).await
}

/// Runs `work`, called `what`, on worker threads until it ends or Ctrl-C comes.
pub(crate) async fn interruptible(
    what: &str,
    work: impl Future<Output = Result<(), Failure>> + Send + 'static,
) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen(Second::Exits)?;
    let workers = Workers::start()?;
    let running = workers.spawn(work)?;
    tokio::select! {
        biased;
        () = interrupt.wait() => Err(Failure::Interrupted),
        result = running => result.map_err(|error| Failure::other(format!("{what} failed: {error}")))?,
    }
}

async fn run(args: &TpchArgs, device: DeviceArg) -> Result<(), Failure> {
    if !SCALES.contains(&args.scale) {
        return Err(Failure::usage(format!("--scale {} is not between 0.001 and 100000", args.scale)));
    }
    let findings = Findings::open(args.json.as_deref())?;
    let folder = data_folder(args).await?;
    let bench = Bench::open(device, folder, args.scale, args.runs).await?;
    let mut report = Report::new(device, args.scale);
    let table = Table::new(args.runs);
    table.header(&report)?;
    for query in selected(&args.queries) {
        let row = bench.query(&query).await?;
        table.row(&row)?;
        report.add(row);
        findings.so_far(|| report.json())?;
    }
    report.finish();
    table.footer(&report)?;
    findings.finish(|| report.json())?;
    match report.wrong() {
        wrong if wrong.is_empty() => Ok(()),
        wrong => Err(Failure::other(format!("wrong or no answer: {}", wrong.join(", ")))),
    }
}

fn selected(numbers: &[u8]) -> Vec<TpchQuery> {
    QUERIES.into_iter().filter(|query| numbers.is_empty() || numbers.contains(&query.number)).collect()
}

/// Makes the data where needed, beside the runtime: it keeps all cores busy and would keep Ctrl-C from being seen.
async fn data_folder(args: &TpchArgs) -> Result<PathBuf, Failure> {
    let (scale, root) = (args.scale, args.data.clone());
    let making = tokio::task::spawn_blocking(move || {
        data::ensure(scale, root.as_deref(), |folder| {
            terminal::note(&format!(
                "Making TPC-H data of scale {scale} in {} (kept for the next run) ...",
                folder.display()
            ));
        })
    });
    making.await.map_err(|error| Failure::other(format!("making the data failed: {error}")))?
}
