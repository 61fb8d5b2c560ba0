//! `maar selftest`: whether a device works here. First its primitives, one by one; then whole queries, whose answers are
//! compared with plain DataFusion's on the CPU. Exit code 1 where one check fails.
//!
//! The primitives' checks are `maar-gpu-exec`'s; the queries and their data are here. Needs no files of the user's.

mod cases;
mod queries;
mod report;
mod tables;

use std::time::Instant;

use maar_engine::device::bare::selftest::CHECKS;
use maar_engine::device::bare::{DeviceChoice, DeviceOptions};

use crate::args::{DeviceArg, SelftestArgs};
use crate::bench::interruptible;
use crate::device::{self, Described};
use crate::error::Failure;
use crate::findings::Findings;
use cases::Case;
use queries::{Queries, SIDE_BY_SIDE};
use report::{Check, Kind, Report};

/// Runs all checks that the arguments ask for.
pub(crate) async fn selftest(args: &SelftestArgs, device: DeviceArg) -> Result<(), Failure> {
    let args = args.clone();
    interruptible("the self-test", async move { Box::pin(run(&args, device)).await }).await
}

async fn run(args: &SelftestArgs, device: DeviceArg) -> Result<(), Failure> {
    let choice = device::needed(device, "selftest")?;
    let findings = Findings::open(args.json.as_deref())?;
    let planned = planned(args)?;
    let mut report = primitives(choice, planned.clone(), findings.clone()).await?;
    let cases: Vec<_> = cases::CASES.iter().filter(|case| planned.contains(&case.name)).collect();
    let side_by_side = planned.contains(&SIDE_BY_SIDE);
    if !cases.is_empty() || side_by_side {
        queries(choice, &cases, side_by_side, &mut report, &findings).await?;
    }
    report.finish()?;
    findings.finish(|| report.json())?;
    match report.failed() {
        failed if failed.is_empty() => Ok(()),
        failed => Err(Failure::other(format!("failed: {}", failed.join(", ")))),
    }
}

/// The names of the checks that the arguments ask for, in their order.
fn planned(args: &SelftestArgs) -> Result<Vec<&'static str>, Failure> {
    let only = args.only.as_deref().unwrap_or_default();
    let all = CHECKS.iter().map(|check| check.name).chain(cases::CASES.iter().map(|case| case.name));
    let from = args.from.as_deref();
    let planned: Vec<_> = all
        .chain([SIDE_BY_SIDE])
        .skip_while(|name| from.is_some_and(|from| from != *name))
        .filter(|name| name.contains(only))
        .collect();
    match (planned.is_empty(), from) {
        (false, _) => Ok(planned),
        (true, None) => Err(Failure::usage(format!("--only '{only}' names no check"))),
        (true, Some(from)) => Err(Failure::usage(format!("--from '{from}' --only '{only}' name no check"))),
    }
}

/// The queries. A device that the primitives have broken does not open again: a failed check like the others, so that
/// what they found is not lost.
async fn queries(
    choice: DeviceChoice,
    wanted: &[&Case],
    side_by_side: bool,
    report: &mut Report,
    findings: &Findings,
) -> Result<(), Failure> {
    let started = Instant::now();
    let queries = match Queries::open(device::argument(choice)).await {
        Ok(queries) => queries,
        Err(failure) => {
            let error = failure.message().unwrap_or_default();
            return report.add(Check::new(Kind::Query, "the queries' tables", Some(error), started));
        }
    };
    for case in wanted {
        report.add(queries.check(case).await)?;
        findings.so_far(|| report.json())?;
    }
    if side_by_side {
        // A third of them: enough of every kind.
        let some: Vec<&Case> = cases::CASES.iter().step_by(3).collect();
        report.add(queries.side_by_side(&some).await)?;
    }
    Ok(())
}

/// The device layer's own checks, on a device that is closed after them: the queries open theirs.
async fn primitives(choice: DeviceChoice, planned: Vec<&'static str>, findings: Findings) -> Result<Report, Failure> {
    let work = move || -> Result<Report, Failure> {
        let handle = device::open(choice, &DeviceOptions::default())?;
        let mut report = Report::new(Described::new(handle.info()), planned.clone())?;
        for check in CHECKS.iter().filter(|check| planned.contains(&check.name)) {
            let started = Instant::now();
            let error = (check.run)(&handle).err().map(|error| error.to_string());
            report.add(Check::new(Kind::Device, check.name, error, started))?;
            findings.so_far(|| report.json())?;
        }
        Ok(report)
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::other(format!("a check of the device broke off: {error}")))?
}
