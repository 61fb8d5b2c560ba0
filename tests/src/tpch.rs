//! TPC-H data at a small scale, in many files: tables of one file and one row group hide the bugs of merging.

use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

use crate::Result;
use crate::fixtures::{File, write};

/// The tables, with the number of files of each.
pub const TABLES: [(&str, i32); 8] = [
    ("region", 1),
    ("nation", 1),
    ("supplier", 2),
    ("customer", 3),
    ("part", 3),
    ("partsupp", 3),
    ("orders", 3),
    ("lineitem", 4),
];
/// Row groups of a file: small and uneven.
pub const ROW_GROUPS: [usize; 3] = [5_000, 1, 3_000];
const QUERIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/src/bench/queries");

/// The SQL of query `number`, 1 to 22: the same that `maar bench tpch` runs.
///
/// # Errors
/// Where the file is not there.
pub fn query(number: usize) -> Result<String> {
    let path = Path::new(QUERIES).join(format!("q{number:02}.sql"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.trim().trim_end_matches(';').to_owned())
}

/// Writes the eight tables at `scale` below `folder`.
///
/// # Errors
/// Where a file cannot be written.
pub fn create(folder: &Path, scale: f64) -> Result<()> {
    create_in(folder, scale, &ROW_GROUPS)
}

/// The same, in row groups of so many rows in turn.
///
/// # Errors
/// Where a file cannot be written.
pub fn create_in(folder: &Path, scale: f64, row_groups: &[usize]) -> Result<()> {
    for (table, files) in TABLES {
        for part in 1..=files {
            let rows = arrow::compute::concat_batches(&schema(table, scale)?, &batches(table, scale, part, files)?)?;
            write(&folder.join(table).join(format!("part-{part}.parquet")), &File::new(rows, row_groups))?;
        }
    }
    Ok(())
}

/// The statements that make the tables known to a session.
pub fn statements(folder: &Path) -> Vec<String> {
    let statement = |(table, _): &(&str, i32)| {
        let location = folder.join(table).display().to_string().replace('\'', "''");
        format!("CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{location}/'")
    };
    TABLES.iter().map(statement).collect()
}

fn schema(table: &str, scale: f64) -> Result<arrow::datatypes::SchemaRef> {
    let first = batches(table, scale, 1, 1)?;
    Ok(first.first().ok_or_else(|| format!("{table} is empty"))?.schema())
}

fn batches(table: &str, scale: f64, part: i32, parts: i32) -> Result<Vec<RecordBatch>> {
    macro_rules! all {
        ($arrow:ident, $generator:ident) => {
            $arrow::new($generator::new(scale, part, parts)).collect::<std::result::Result<Vec<_>, _>>()?
        };
    }
    Ok(match table {
        "region" => all!(RegionArrow, RegionGenerator),
        "nation" => all!(NationArrow, NationGenerator),
        "supplier" => all!(SupplierArrow, SupplierGenerator),
        "customer" => all!(CustomerArrow, CustomerGenerator),
        "part" => all!(PartArrow, PartGenerator),
        "partsupp" => all!(PartSuppArrow, PartSuppGenerator),
        "orders" => all!(OrderArrow, OrderGenerator),
        "lineitem" => all!(LineItemArrow, LineItemGenerator),
        other => return Err(format!("TPC-H has no table `{other}`").into()),
    })
}
