//! The tables of a case: in files that are made to mislead, in memory, and in sessions that know them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use maar_tests::Result;
use maar_tests::fixtures::{File, write};
use maar_tests::random::{Table, Tables};
use maar_tests::session::{Place, TestSession};
use rand::Rng;
use rand::rngs::StdRng;

use crate::known;

/// Zones of sessions.
const ZONES: [&str; 3] = ["America/New_York", "Asia/Kolkata", "Australia/Adelaide"];

/// Where a statement runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Tables in Parquet files.
    Files(Place),
    /// The same tables in memory, on the CPU: nothing is pruned, no statistics.
    Memory,
}

pub(crate) struct World {
    pub(crate) tables: Tables,
    /// A row of `t`: each column's value as SQL.
    pub(crate) one: BTreeMap<String, String>,
    pub(crate) sessions: Vec<(Stand, TestSession)>,
    zone: Option<&'static str>,
    folder: Folder,
}

/// Where the files are.
enum Folder {
    Temporary(tempfile::TempDir),
    /// For a look at them after the run.
    Kept(PathBuf),
}

impl World {
    /// Random tables in sessions at `stands`. `keep`: the files stay.
    pub(crate) async fn random(stands: &[Stand], keep: bool, random: &mut StdRng) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let folder = if keep { Folder::Kept(folder.keep()) } else { Folder::Temporary(folder) };
        let mut tables = Tables::small(random);
        while known::is_of_tables("odd floats") && tables.has_odd_floats() {
            tables = Tables::small(random);
        }
        let mut memory = Vec::new();
        for table in &tables.tables {
            memory.push((table.name.clone(), batches(table, tables.is_unique(table), random)?));
        }
        for (name, batches) in &memory {
            write_files(&folder.path().join(name), batches, random)?;
        }
        let zone = random.random_bool(0.3).then(|| ZONES[random.random_range(0..ZONES.len())]);
        let one = one_row(&memory[0].1, random)?;
        let mut sessions = Vec::new();
        for stand in stands {
            let place = if let Stand::Files(place) = stand { *place } else { Place::Cpu };
            let session = TestSession::open(place)?;
            if let Some(zone) = zone {
                session.run(&format!("SET datafusion.execution.time_zone = '{zone}'")).await?;
            }
            session.register("one", one.schema(), vec![one.clone()])?;
            match stand {
                Stand::Files(_) => {
                    for statement in tables.statements(folder.path()) {
                        session.run(&statement).await?;
                    }
                }
                Stand::Memory => {
                    for (name, batches) in &memory {
                        session.register(name, nullable(&batches[0].schema()), batches.clone())?;
                    }
                }
            }
            sessions.push((*stand, session));
        }
        Ok(Self { tables, one: constants(&one)?, sessions, zone, folder })
    }

    /// What a reader needs to know of it.
    pub(crate) fn describe(&self) -> String {
        let kept = match &self.folder {
            Folder::Kept(path) => format!("files: {}\n", path.display()),
            Folder::Temporary(_) => String::new(),
        };
        let one: Vec<String> = self.one.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!("{}one: {}\nzone: {}\n{kept}", self.tables, one.join(", "), self.zone.unwrap_or("UTC"))
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

/// The rows of each file.
fn batches(table: &Table, is_unique: bool, random: &mut StdRng) -> Result<Vec<RecordBatch>> {
    let mut all = Vec::new();
    let mut first = 0;
    for rows in &table.files {
        all.push(table.rows(first, *rows, is_unique, random)?);
        first += rows;
    }
    // A column that a file lacks is NULL there. One file at least has it.
    let schema = nullable(&all[0].schema());
    let keepers: Vec<usize> = schema.fields().iter().map(|_| random.random_range(0..all.len())).collect();
    let without = |index: usize, batch: &RecordBatch, random: &mut StdRng| {
        let columns = batch.columns().iter().zip(&keepers).map(|(column, keeper)| {
            let lacks = index != *keeper && random.random_ratio(1, 10);
            if lacks { new_null_array(column.data_type(), column.len()) } else { Arc::clone(column) }
        });
        let columns: Vec<ArrayRef> = columns.collect();
        RecordBatch::try_new(Arc::clone(&schema), columns)
    };
    let lacking = all.iter().enumerate().map(|(index, batch)| without(index, batch, random));
    Ok(lacking.collect::<std::result::Result<_, _>>()?)
}

/// Writes each batch as a file. Columns that are NULL throughout may be left out, the others may be declared NOT NULL.
fn write_files(folder: &Path, batches: &[RecordBatch], random: &mut StdRng) -> Result<()> {
    let keepers =
        |column: usize| batches.iter().filter(|batch| batch.column(column).null_count() < batch.num_rows()).count();
    for (index, batch) in batches.iter().enumerate() {
        let mut kept: Vec<usize> = Vec::new();
        let mut fields: Vec<Field> = Vec::new();
        for (at, field) in batch.schema().fields().iter().enumerate() {
            let (nulls, rows) = (batch.column(at).null_count(), batch.num_rows());
            let can_go = at > 0 && nulls == rows && keepers(at) > 0;
            if !can_go || random.random_bool(0.3) {
                kept.push(at);
                let is_missing = known::is_of_tables("not null and missing") && keepers(at) < batches.len();
                let is_nullable = nulls > 0 || random.random_bool(0.7) || is_missing;
                fields.push(field.as_ref().clone().with_nullable(is_nullable));
            }
        }
        let columns = kept.iter().map(|at| Arc::clone(batch.column(*at))).collect();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        let group = random.random_range(1..=batch.num_rows().max(1)).max(batch.num_rows() / 5);
        let schema = rows.schema();
        let silent = schema.fields().iter().filter(|_| random.random_ratio(1, 8));
        let silent: Vec<String> = silent.map(|field| field.name().clone()).collect();
        let mut file = File::new(rows, &[group]);
        file.silent = silent;
        file.dictionary = random.random_bool(0.6);
        file.bound_bytes = [Some(64), Some(64), Some(2), None][random.random_range(0..4)];
        write(&folder.join(format!("part-{index}.parquet")), &file)?;
    }
    Ok(())
}

fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    Arc::new(Schema::new(fields))
}

/// A row of the table, NULLs where it has none.
fn one_row(batches: &[RecordBatch], random: &mut StdRng) -> Result<RecordBatch> {
    let schema = batches[0].schema();
    let batch = &batches[random.random_range(0..batches.len())];
    if batch.num_rows() > 0 {
        return Ok(batch.slice(random.random_range(0..batch.num_rows()), 1));
    }
    let columns = schema.fields().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
    Ok(RecordBatch::try_new(nullable(&schema), columns)?)
}

/// Each column's value as SQL of the very type.
fn constants(one: &RecordBatch) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (field, column) in one.schema().fields().iter().zip(one.columns()) {
        values.insert(field.name().clone(), constant(column)?);
    }
    Ok(values)
}

fn constant(column: &ArrayRef) -> Result<String> {
    let data_type = column.data_type();
    if column.is_null(0) {
        return Ok(format!("arrow_cast(NULL, '{data_type}')"));
    }
    // A moment is written as the integer that is stored.
    let (column, whole) = match data_type {
        DataType::Date32 => (arrow::compute::cast(column, &DataType::Int32)?, "Int32"),
        DataType::Timestamp(..) => (arrow::compute::cast(column, &DataType::Int64)?, "Int64"),
        _ => (Arc::clone(column), ""),
    };
    let text =
        ArrayFormatter::try_new(&column, &FormatOptions::default())?.value(0).try_to_string()?.replace('\'', "''");
    Ok(match whole {
        "" => format!("arrow_cast('{text}', '{data_type}')"),
        whole => format!("arrow_cast(arrow_cast('{text}', '{whole}'), '{data_type}')"),
    })
}
