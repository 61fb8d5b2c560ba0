//! TPC-H data as Parquet files, made once a scale with tpchgen and kept. Not here: the folder they are kept in (`kept_folder.rs`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use arrow::record_batch::RecordBatchReader;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

use super::kept_folder;
use crate::error::Failure;

/// Changes when files of the same scale would differ from what is kept.
const VERSION: u32 = 1;

/// Rows of one generated batch.
const BATCH_ROWS: usize = 8192;

/// Layout of scales below 1: small row groups and several files, so that tests meet the many-file paths.
const SMALL: Layout = Layout { files_least: 3, file_rows: f64::INFINITY, group_rows: 50_000 };

/// Layout of scales from 1 on, as a lake would hold them.
const LARGE: Layout = Layout { files_least: 4, file_rows: 4e6, group_rows: 1_000_000 };

struct Layout {
    /// Files of a big table, at least.
    files_least: usize,
    /// Rows of a file, about.
    file_rows: f64,
    /// Rows of a row group, at most.
    group_rows: usize,
}

/// One table: its name, and its rows at scale 1 (0 for the tables that fit into one file at any scale).
pub(crate) struct Table {
    pub(crate) name: &'static str,
    rows_per_scale: f64,
    open: fn(f64, i32, i32) -> Box<dyn RecordBatchReader>,
}

macro_rules! table {
    ($name:literal, $rows:literal, $arrow:ident, $generator:ident) => {
        Table {
            name: $name,
            rows_per_scale: $rows,
            open: |scale, part, parts| {
                Box::new($arrow::new($generator::new(scale, part, parts)).with_batch_size(BATCH_ROWS))
            },
        }
    };
}

/// The eight tables, the longest to make first.
pub(crate) const TABLES: [Table; 8] = [
    table!("lineitem", 6e6, LineItemArrow, LineItemGenerator),
    table!("orders", 1.5e6, OrderArrow, OrderGenerator),
    table!("partsupp", 8e5, PartSuppArrow, PartSuppGenerator),
    table!("part", 2e5, PartArrow, PartGenerator),
    table!("customer", 1.5e5, CustomerArrow, CustomerGenerator),
    table!("supplier", 0.0, SupplierArrow, SupplierGenerator),
    table!("nation", 0.0, NationArrow, NationGenerator),
    table!("region", 0.0, RegionArrow, RegionGenerator),
];

/// One file to write.
struct Part {
    table: &'static Table,
    number: usize,
    parts: usize,
}

/// The folder of the data of `scale` under `root` (default: the cache folder), made where it is not there yet.
/// It holds a folder of Parquet files a table. `started` is called before making begins.
pub(crate) fn ensure(scale: f64, root: Option<&Path>, started: impl FnOnce(&Path)) -> Result<PathBuf, Failure> {
    let root = kept_folder::root(root, "maar/tpch")?;
    kept_folder::ensure(&root, &format!("sf{scale}-v{VERSION}"), started, |fresh| make(scale, fresh))
}

/// Writes all files, as many at once as there are cores.
fn make(scale: f64, folder: &Path) -> Result<(), Failure> {
    let layout = if scale < 1.0 { SMALL } else { LARGE };
    for table in &TABLES {
        let path = folder.join(table.name);
        fs::create_dir_all(&path).map_err(|error| Failure::file("make the folder", &path, &error))?;
    }
    let mut parts: Vec<Part> = TABLES.iter().flat_map(|table| parts_of(table, scale, &layout)).collect();
    parts.reverse();
    let queue = Mutex::new(parts);
    let next = || queue.lock().ok().and_then(|mut parts| parts.pop());
    let work = || -> Result<(), Failure> {
        while let Some(part) = next() {
            if let Err(failure) = write(scale, &part, folder, layout.group_rows) {
                // The others stop at their next file.
                if let Ok(mut parts) = queue.lock() {
                    parts.clear();
                }
                return Err(failure);
            }
        }
        Ok(())
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let results = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Failure::other("making the data failed (a bug)"))));
        results.collect::<Vec<_>>().into_iter().collect()
    })
}

fn parts_of(table: &'static Table, scale: f64, layout: &Layout) -> Vec<Part> {
    let parts = match table.rows_per_scale {
        0.0 => 1,
        rows => layout.files_least.max((rows * scale / layout.file_rows).ceil() as usize),
    };
    (1..=parts).map(|number| Part { table, number, parts }).collect()
}

fn write(scale: f64, part: &Part, folder: &Path, group_rows: usize) -> Result<(), Failure> {
    let path = folder.join(part.table.name).join(format!("part-{:04}.parquet", part.number));
    let failed = |error: &dyn std::fmt::Display| Failure::other(format!("cannot write '{}': {error}", path.display()));
    let count = |number: usize| i32::try_from(number).map_err(|error| failed(&error));
    let reader = (part.table.open)(scale, count(part.number)?, count(part.parts)?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(group_rows))
        .build();
    let file = File::create(&path).map_err(|error| Failure::file("write", &path, &error))?;
    let mut writer = ArrowWriter::try_new(file, reader.schema(), Some(properties)).map_err(|error| failed(&error))?;
    for batch in reader {
        let batch = batch.map_err(|error| failed(&error))?;
        writer.write(&batch).map_err(|error| failed(&error))?;
    }
    writer.close().map_err(|error| failed(&error))?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn data_appears_whole_and_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let mut made = 0;
        let first = ensure(0.001, Some(root.path()), |_| made += 1).unwrap();
        let second = ensure(0.001, Some(root.path()), |_| made += 1).unwrap();
        assert_eq!((first.clone(), made), (second, 1));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left beside the data");
        assert_eq!(fs::read_dir(first.join("lineitem")).unwrap().count(), 3);
        assert_eq!(fs::read_dir(first.join("nation")).unwrap().count(), 1);
    }

    #[test]
    fn files_grow_in_number_with_the_scale() {
        let files = |scale: f64, layout: &Layout| parts_of(&TABLES[0], scale, layout).len();
        assert_eq!(files(0.1, &SMALL), 3);
        assert_eq!(files(1.0, &LARGE), 4);
        assert_eq!(files(100.0, &LARGE), 150);
    }
}
