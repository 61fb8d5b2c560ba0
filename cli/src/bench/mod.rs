//! `maar bench`. `tpch` and `tpcds` make the data, run the queries cold and hot, check every answer, report; `kernels` measures
//! the device alone.

mod answers;
pub(crate) mod compare;
mod data;
mod kept_folder;
mod kernels;
mod measure;
mod queries;
mod report;
mod tpcds;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};

use crate::args::{BenchArgs, DeviceArg, KernelsArgs, TpcdsArgs, TpchArgs};
use crate::error::Failure;
use crate::findings::Findings;
use crate::interrupt::{Interrupt, Second};
use crate::terminal;
use crate::workers::Workers;
use measure::{Bench, Workload};
use queries::{QUERIES, Query};
use report::{Report, Table};

/// Scales that the generators can make.
const SCALES: std::ops::RangeInclusive<f64> = 0.001..=100_000.0;

/// Runs TPC-H; an error of kind `Other` where an answer is wrong.
pub(crate) async fn tpch(args: &TpchArgs, device: DeviceArg) -> Result<(), Failure> {
    let TpchArgs { run: options, queries } = args.clone();
    interruptible("the benchmark", async move {
        check_scale(&options)?;
        let findings = Findings::open(options.json.as_deref())?;
        let scale = options.scale;
        let folder = made("TPC-H", &options, move |root, started| data::ensure(scale, root, started)).await?;
        let tables = data::TABLES.iter().map(|table| table.name.to_owned()).collect();
        let workload = Workload { name: "TPC-H", folder, tables, kept: answers::kept(scale) };
        let queries = selected(QUERIES.into(), &queries);
        Box::pin(run(workload, queries, &options, device, findings)).await
    })
    .await
}

/// Runs TPC-DS; an error of kind `Other` where an answer is wrong.
pub(crate) async fn tpcds(args: &TpcdsArgs, device: DeviceArg) -> Result<(), Failure> {
    let TpcdsArgs { run: options, queries, python } = args.clone();
    interruptible("the benchmark", async move {
        check_scale(&options)?;
        let findings = Findings::open(options.json.as_deref())?;
        let scale = options.scale;
        let making = move |root: Option<&Path>, started: Started| tpcds::ensure(scale, root, &python, started);
        let folder = made("TPC-DS", &options, making).await?;
        let queries = selected(tpcds::queries(&folder)?, &queries);
        let tables = tpcds::tables(&folder)?;
        let workload = Workload { name: "TPC-DS", folder, tables, kept: BTreeMap::new() };
        Box::pin(run(workload, queries, &options, device, findings)).await
    })
    .await
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

fn check_scale(options: &BenchArgs) -> Result<(), Failure> {
    if SCALES.contains(&options.scale) {
        return Ok(());
    }
    Err(Failure::usage(format!("--scale {} is not between 0.001 and 100000", options.scale)))
}

async fn run(
    workload: Workload,
    queries: Vec<Query>,
    options: &BenchArgs,
    device: DeviceArg,
    findings: Findings,
) -> Result<(), Failure> {
    let mut report = Report::new(workload.name, device, options.scale);
    let bench = Bench::open(device, workload, options.runs).await?;
    let table = Table::new(options.runs);
    table.header(&report)?;
    for query in queries {
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

fn selected(all: Vec<Query>, numbers: &[u8]) -> Vec<Query> {
    all.into_iter().filter(|query| numbers.is_empty() || numbers.contains(&query.number)).collect()
}

/// Is told where data is made, before it is.
type Started = Box<dyn FnOnce(&Path)>;

/// Makes the data where needed, beside the runtime: it keeps all cores busy and would keep Ctrl-C from being seen.
async fn made(
    name: &'static str,
    options: &BenchArgs,
    make: impl FnOnce(Option<&Path>, Started) -> Result<PathBuf, Failure> + Send + 'static,
) -> Result<PathBuf, Failure> {
    let (scale, root) = (options.scale, options.data.clone());
    let making = tokio::task::spawn_blocking(move || {
        let started = move |folder: &Path| {
            let folder = folder.display();
            terminal::note(&format!("Making {name} data of scale {scale} in {folder} (kept for the next run) ..."));
        };
        make(root.as_deref(), Box::new(started))
    });
    making.await.map_err(|error| Failure::other(format!("making the data failed: {error}")))?
}
