//! The largest device source of TPC-H, as this build generates it: what compiling costs a query at worst.

use maar_engine::device::PipelineReport;
use maar_engine::device::bare::bench::{KernelSource, Scale};

use super::super::data;
use super::super::measure::create_table;
use super::super::queries::QUERIES;
use crate::args::DeviceArg;
use crate::engine::Engine;
use crate::error::Failure;

/// Scales whose data takes a moment to make. Sources depend on shapes and widths, hardly on the number of rows.
const FULL_SCALE: f64 = 0.01;
const QUICK_SCALE: f64 = 0.001;
/// The query of a quick run: three pipelines with joins and groups.
const QUICK_QUERY: u8 = 3;

/// The largest of the generated sources; none where no query ran on the device.
pub(super) async fn largest(device: DeviceArg, scale: Scale) -> Result<Vec<KernelSource>, Failure> {
    let quick = scale == Scale::Quick;
    let folder = tempfile::tempdir().map_err(|error| Failure::other(format!("cannot make a folder: {error}")))?;
    let (root, factor) = (folder.path().to_owned(), if quick { QUICK_SCALE } else { FULL_SCALE });
    let making = tokio::task::spawn_blocking(move || data::ensure(factor, Some(&root), |_| ()));
    let tables = making.await.map_err(|error| Failure::other(format!("making the data failed: {error}")))??;
    let engine = Engine::open(device)?;
    for table in &data::TABLES {
        let created = engine.run(&create_table(table.name, &tables)).await;
        created.map_err(|error| Failure::other(error.message()))?;
    }
    let mut largest: Option<KernelSource> = None;
    for query in QUERIES.iter().filter(|query| !quick || query.number == QUICK_QUERY) {
        let ran = engine.run(&query.sql).await;
        let (_, report) = ran.map_err(|error| Failure::other(format!("Q{}: {}", query.number, error.message())))?;
        for PipelineReport { name: entry, source, .. } in report.work.pipelines {
            if largest.as_ref().is_none_or(|known| known.source.len() < source.len()) {
                let name = format!("the largest of TPC-H, in Q{}", query.number);
                largest = Some(KernelSource { name, entry, source: source.into() });
            }
        }
    }
    Ok(largest.into_iter().collect())
}
