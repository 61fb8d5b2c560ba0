//! What files say of themselves: the row groups and columns of Parquet footers, and the files that a pattern matches.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionState;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::basic::LogicalType;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;
use parquet::schema::types::Type;

use crate::error::{Error, ErrorKind, Result};
use crate::files::{FilesAt, missing};

/// A row group's columns with sizes and statistics, a row each.
pub(super) async fn parquet_metadata(state: &SessionState, paths: &[String]) -> Result<Arc<dyn TableProvider>> {
    let mut rows = Chunks::default();
    for (name, footer) in footers(state, paths).await? {
        for (group, row_group) in footer.row_groups().iter().enumerate() {
            for (column, chunk) in row_group.columns().iter().enumerate() {
                let numbers = [
                    group,
                    row_group.num_rows() as usize,
                    row_group.num_columns(),
                    row_group.total_byte_size() as usize,
                    column,
                ];
                rows.add(&name, numbers.map(|number| number as i64), chunk);
            }
        }
    }
    rows.table()
}

#[derive(Default)]
struct Chunks {
    names: Vec<String>,
    places: Vec<[i64; 5]>,
    paths: Vec<String>,
    types: Vec<String>,
    values: Vec<i64>,
    least: Vec<Option<String>>,
    greatest: Vec<Option<String>>,
    nulls: Vec<Option<i64>>,
    compressions: Vec<String>,
    encodings: Vec<String>,
    offsets: Vec<i64>,
    dictionaries: Vec<Option<i64>>,
    compressed: Vec<i64>,
    uncompressed: Vec<i64>,
}

impl Chunks {
    fn add(&mut self, name: &str, place: [i64; 5], chunk: &ColumnChunkMetaData) {
        self.names.push(name.to_string());
        self.places.push(place);
        self.paths.push(chunk.column_path().string());
        self.types.push(chunk.column_type().to_string());
        self.values.push(chunk.num_values());
        let (least, greatest) = chunk.statistics().map_or((None, None), range);
        self.least.push(least);
        self.greatest.push(greatest);
        self.nulls.push(chunk.statistics().and_then(Statistics::null_count_opt).map(|count| count as i64));
        self.compressions.push(chunk.compression().to_string());
        let encodings: Vec<String> = chunk.encodings().map(|encoding| encoding.to_string()).collect();
        self.encodings.push(encodings.join(", "));
        self.offsets.push(chunk.data_page_offset());
        self.dictionaries.push(chunk.dictionary_page_offset());
        self.compressed.push(chunk.compressed_size());
        self.uncompressed.push(chunk.uncompressed_size());
    }

    fn table(self) -> Result<Arc<dyn TableProvider>> {
        let place = |at: usize| numbers(self.places.iter().map(|place| Some(place[at])));
        let some = |values: &[i64]| numbers(values.iter().copied().map(Some));
        in_memory(vec![
            ("file_name", strings(self.names.iter().map(Some))),
            ("row_group_id", place(0)),
            ("row_group_num_rows", place(1)),
            ("row_group_num_columns", place(2)),
            ("row_group_bytes", place(3)),
            ("column_id", place(4)),
            ("num_values", some(&self.values)),
            ("path_in_schema", strings(self.paths.iter().map(Some))),
            ("type", strings(self.types.iter().map(Some))),
            ("stats_min_value", strings(self.least.iter().map(Option::as_ref))),
            ("stats_max_value", strings(self.greatest.iter().map(Option::as_ref))),
            ("stats_null_count", numbers(self.nulls.iter().copied())),
            ("compression", strings(self.compressions.iter().map(Some))),
            ("encodings", strings(self.encodings.iter().map(Some))),
            ("dictionary_page_offset", numbers(self.dictionaries.iter().copied())),
            ("data_page_offset", some(&self.offsets)),
            ("total_compressed_size", some(&self.compressed)),
            ("total_uncompressed_size", some(&self.uncompressed)),
        ])
    }
}

/// The least and the greatest value as text.
fn range(statistics: &Statistics) -> (Option<String>, Option<String>) {
    fn shown<T: ToString>(least: Option<&T>, greatest: Option<&T>) -> (Option<String>, Option<String>) {
        (least.map(ToString::to_string), greatest.map(ToString::to_string))
    }
    fn text(bytes: Option<&[u8]>) -> Option<String> {
        bytes.map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => text.to_string(),
            Err(_) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
    match statistics {
        Statistics::Boolean(s) => shown(s.min_opt(), s.max_opt()),
        Statistics::Int32(s) => shown(s.min_opt(), s.max_opt()),
        Statistics::Int64(s) => shown(s.min_opt(), s.max_opt()),
        Statistics::Int96(s) => shown(s.min_opt(), s.max_opt()),
        Statistics::Float(s) => shown(s.min_opt(), s.max_opt()),
        Statistics::Double(s) => shown(s.min_opt(), s.max_opt()),
        Statistics::ByteArray(_) | Statistics::FixedLenByteArray(_) => {
            (text(statistics.min_bytes_opt()), text(statistics.max_bytes_opt()))
        }
    }
}

/// The elements of the schema, a row each, groups before what is in them.
pub(super) async fn parquet_schema(state: &SessionState, paths: &[String]) -> Result<Arc<dyn TableProvider>> {
    let mut elements: Vec<(String, Element)> = Vec::new();
    for (name, footer) in footers(state, paths).await? {
        let mut of_file = Vec::new();
        describe(footer.file_metadata().schema(), &mut of_file);
        elements.extend(of_file.into_iter().map(|element| (name.clone(), element)));
    }
    let text = |of: fn(&Element) -> Option<&String>| strings(elements.iter().map(|(_, element)| of(element)));
    let number = |of: fn(&Element) -> Option<i64>| numbers(elements.iter().map(|(_, element)| of(element)));
    in_memory(vec![
        ("file_name", strings(elements.iter().map(|(name, _)| Some(name)))),
        ("name", text(|element| Some(&element.name))),
        ("type", text(|element| element.physical.as_ref())),
        ("repetition_type", text(|element| element.repetition.as_ref())),
        ("num_children", number(|element| element.children)),
        ("converted_type", text(|element| element.converted.as_ref())),
        ("scale", number(|element| element.scale)),
        ("precision", number(|element| element.precision)),
        ("logical_type", text(|element| element.logical.as_ref())),
    ])
}

struct Element {
    name: String,
    physical: Option<String>,
    repetition: Option<String>,
    children: Option<i64>,
    converted: Option<String>,
    scale: Option<i64>,
    precision: Option<i64>,
    logical: Option<String>,
}

fn describe(node: &Type, elements: &mut Vec<Element>) {
    let info = node.get_basic_info();
    let (physical, scale, precision) = match node {
        Type::PrimitiveType { physical_type, scale, precision, .. } => {
            let is_decimal = *precision > 0;
            let digits = |value: &i32| is_decimal.then(|| i64::from(*value));
            (Some(physical_type.to_string()), digits(scale), digits(precision))
        }
        Type::GroupType { .. } => (None, None, None),
    };
    let converted = info.converted_type().to_string();
    elements.push(Element {
        name: info.name().to_string(),
        physical,
        repetition: info.has_repetition().then(|| info.repetition().to_string()),
        children: node.is_group().then(|| node.get_fields().len() as i64),
        converted: (converted != "NONE").then_some(converted),
        scale,
        precision,
        logical: info.logical_type_ref().map(logical),
    });
    if node.is_group() {
        node.get_fields().iter().for_each(|field| describe(field, elements));
    }
}

/// The type's name; precision and scale have columns of their own, and so has the older type that tells widths.
fn logical(logical: &LogicalType) -> String {
    let printed = format!("{logical:?}");
    printed.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_string()
}

/// The files that patterns match; none is no error.
pub(super) async fn glob(state: &SessionState, patterns: &[String]) -> Result<Arc<dyn TableProvider>> {
    let mut names = Vec::new();
    for pattern in patterns {
        names.extend(found(state, pattern).await?.into_iter().map(|file| file.name));
    }
    names.sort();
    in_memory(vec![("file", strings(names.iter().map(Some)))])
}

/// A file, as its path is written.
struct Found {
    name: String,
    store: Arc<dyn ObjectStore>,
    file: ObjectMeta,
}

async fn found(state: &SessionState, path: &str) -> Result<Vec<Found>> {
    let location = FilesAt::parse(state.config(), path)?;
    let store = state.runtime_env().object_store(location.url())?;
    let files = location.files(store.as_ref(), true).await?;
    let named = |file: ObjectMeta| Found { name: location.shown(&file.location), store: Arc::clone(&store), file };
    Ok(files.into_iter().map(named).collect())
}

async fn footers(state: &SessionState, paths: &[String]) -> Result<Vec<(String, ParquetMetaData)>> {
    let mut footers = Vec::new();
    let mut all = Vec::new();
    for path in paths {
        let found = found(state, path).await?;
        if found.is_empty()
            && let Some(missing) = missing(state, path).await
        {
            return Err(missing);
        }
        all.extend(found);
    }
    for Found { name, store, file } in all {
        let unreadable = |cause: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Invalid, format!("'{name}' is not a readable Parquet file: {cause}"))
        };
        // Footers are read as they are found; what is before them is not read.
        let mut tail_bytes = (64 << 10).min(file.size);
        let footer = loop {
            let range = file.size - tail_bytes..file.size;
            let tail = store.get_range(&file.location, range).await.map_err(|e| unreadable(&e))?;
            let mut reader = ParquetMetaDataReader::new();
            match reader.try_parse_sized(&tail, file.size) {
                Ok(()) => break reader.finish().map_err(|e| unreadable(&e))?,
                Err(parquet::errors::ParquetError::NeedMoreData(needed))
                    if needed as u64 > tail_bytes && needed as u64 <= file.size =>
                {
                    tail_bytes = needed as u64;
                }
                Err(e) => return Err(unreadable(&e)),
            }
        };
        footers.push((name, footer));
    }
    Ok(footers)
}

fn strings<'t>(texts: impl Iterator<Item = Option<&'t String>>) -> ArrayRef {
    Arc::new(texts.collect::<StringArray>())
}

fn numbers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn in_memory(columns: Vec<(&str, ArrayRef)>) -> Result<Arc<dyn TableProvider>> {
    let columns = columns.into_iter().map(|(name, values)| (name, values, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(datafusion::error::DataFusionError::from)?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}
