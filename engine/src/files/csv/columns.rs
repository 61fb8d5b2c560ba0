//! The columns of CSV files: names from their headers, types from their first records. What looks like a date and is none
//! (`2024-02-30`) makes its column one of texts.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::csv::ReaderBuilder;
use datafusion::arrow::csv::reader::Format;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::config::CsvOptions;
use datafusion::error::DataFusionError;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::records::{Marks, Records};
use crate::error::{Error, ErrorKind, Result};

/// Records whose values decide the types, of all files together, unless the option `schema_infer_max_rec` says another number.
const RECORDS_SAMPLED: usize = 1_000;

/// The columns that all of `files` have.
///
/// # Errors
/// [`ErrorKind::Invalid`] naming the file that is no CSV, or whose header is not that of the first: rows are read by place.
pub(crate) async fn of_files(
    options: &CsvOptions,
    store: &Arc<dyn ObjectStore>,
    files: &[ObjectMeta],
) -> Result<SchemaRef> {
    let sampled = options.schema_infer_max_rec.unwrap_or(RECORDS_SAMPLED);
    let (mut left, mut merged): (usize, Option<(Schema, &ObjectMeta)>) = (sampled, None);
    for file in files {
        let head = read_head(options, store, file, left).await?;
        if head.iter().all(|byte| b"\r\n".contains(byte)) {
            // Packed nothing; a file of no byte is passed over as well.
            continue;
        }
        let (schema, records) = columns_of_head(options, &head, left).map_err(|e| e.about_file(&file.location))?;
        left -= records.min(left);
        merged = Some(match merged {
            None => (schema, file),
            Some((first, first_file)) => (merge(options, (first, first_file), (schema, file))?, first_file),
        });
    }
    let Some((schema, _)) = merged else {
        return Err(Error::new(ErrorKind::Invalid, "it is empty: there is not one line in it"));
    };
    // A column of which no value was seen is text, and so are all where no record was to be looked at.
    let typed = |field: &Arc<Field>| match field.data_type() {
        known if sampled > 0 && *known != DataType::Null => field.as_ref().clone(),
        _ => Field::new(field.name(), DataType::Utf8, true),
    };
    Ok(Arc::new(Schema::new(schema.fields().iter().map(typed).collect::<Vec<_>>())))
}

/// The beginning of the file: a header and `records` records, or all there is. The last record is whole.
async fn read_head(
    options: &CsvOptions,
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    records: usize,
) -> Result<Vec<u8>> {
    // One more than asked for, for the header.
    let wanted = records + 1;
    let mut stream = store.get(&file.location).await.map_err(DataFusionError::from)?.into_stream();
    let (mut head, mut found) = (Vec::new(), Records::new(Marks::of(options)));
    while let Some(bytes) = stream.try_next().await.map_err(DataFusionError::from)? {
        found.read(&bytes, |found| found.count() < wanted);
        head.extend_from_slice(&bytes);
        if found.count() >= wanted {
            head.truncate(found.bytes_read() as usize);
            break;
        }
    }
    Ok(head)
}

fn columns_of_head(options: &CsvOptions, head: &[u8], records: usize) -> Result<(Schema, usize)> {
    let mut format = Format::default()
        .with_header(options.has_header.unwrap_or(true))
        .with_delimiter(options.delimiter)
        .with_quote(options.quote)
        .with_truncated_rows(options.truncated_rows.unwrap_or(false));
    if let Some(escape) = options.escape {
        format = format.with_escape(escape);
    }
    if let Some(terminator) = options.terminator {
        format = format.with_terminator(terminator);
    }
    if let Some(comment) = options.comment {
        format = format.with_comment(comment);
    }
    if let Some(nulls) = &options.null_regex {
        let regex = regex::Regex::new(nulls);
        format = format.with_null_regex(regex.map_err(|e| Error::new(ErrorKind::Invalid, e.to_string()))?);
    }
    let (schema, read) = format.infer_schema(head, Some(records)).map_err(DataFusionError::from)?;
    let texts = texts_beside(&schema, format, head);
    Ok((with_own_names(&schema, &texts), read))
}

/// The columns whose values look like times, and are not all.
fn texts_beside(schema: &Schema, format: Format, head: &[u8]) -> HashSet<usize> {
    let is_time = |at: &usize| matches!(schema.field(*at).data_type(), DataType::Date32 | DataType::Timestamp(..));
    let mut times: Vec<usize> = (0..schema.fields().len()).filter(is_time).collect();
    if times.is_empty() {
        return HashSet::new();
    }
    let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
    let texts = Schema::new(schema.fields().iter().map(text).collect::<Vec<_>>());
    let Ok(reader) = ReaderBuilder::new(Arc::new(texts)).with_format(format).build(head) else { return HashSet::new() };
    let mut found = HashSet::new();
    // A record that cannot be read is an error where the file is.
    for batch in reader.map_while(std::result::Result::ok) {
        times.retain(|at| {
            let is_text = !are_all(batch.column(*at), schema.field(*at).data_type());
            !(is_text && found.insert(*at))
        });
    }
    found
}

/// Whether every text is a value of that type, or empty.
fn are_all(texts: &ArrayRef, data_type: &DataType) -> bool {
    let Ok(values) = cast(texts, data_type) else { return false };
    let mut texts = texts.as_string::<i32>().iter().enumerate();
    texts.all(|(row, text)| values.is_valid(row) || text.is_none_or(str::is_empty))
}

/// Every column with a name of its own: of those called `a` the second is `a_1`, the third `a_2`, leaving out names that there are.
fn with_own_names(schema: &Schema, texts: &HashSet<usize>) -> Schema {
    let given: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut used: HashSet<String> = HashSet::new();
    let fields = schema.fields().iter().enumerate().map(|(at, field)| {
        let mut name = field.name().clone();
        for number in 1usize.. {
            if used.insert(name.clone()) {
                break;
            }
            let numbered = format!("{}_{number}", field.name());
            if !given.contains(numbered.as_str()) {
                name = numbered;
            }
        }
        let data_type = if texts.contains(&at) { DataType::Utf8 } else { field.data_type().clone() };
        Field::new(name, data_type, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn merge(options: &CsvOptions, one: (Schema, &ObjectMeta), other: (Schema, &ObjectMeta)) -> Result<Schema> {
    let ((one, one_file), (other, other_file)) = (one, other);
    let may_be_short = options.truncated_rows.unwrap_or(false);
    let names = |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let same_names = one.fields().iter().zip(other.fields()).all(|(a, b)| a.name() == b.name());
    if !same_names || (one.fields().len() != other.fields().len() && !may_be_short) {
        let message = format!(
            "the columns of '/{}' are {}, those of '/{}' are {}",
            one_file.location,
            names(&one).join(", "),
            other_file.location,
            names(&other).join(", ")
        );
        return Err(Error::new(ErrorKind::Invalid, message).with_hint(
            "CSV files of one table have the same columns in the same order: SELECT * FROM 'a.csv' UNION ALL BY NAME SELECT * FROM 'b.csv'",
        ));
    }
    let longest = if one.fields().len() >= other.fields().len() { &one } else { &other };
    let fields = longest.fields().iter().enumerate().map(|(at, field)| {
        let types = [&one, &other].map(|schema| schema.fields().get(at).map_or(&DataType::Null, |f| f.data_type()));
        Field::new(field.name(), wider(types[0], types[1]), true)
    });
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

/// The type that holds what two files have in a column.
fn wider(one: &DataType, other: &DataType) -> DataType {
    match (one, other) {
        (a, b) if a == b => a.clone(),
        (DataType::Null, known) | (known, DataType::Null) => known.clone(),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => DataType::Float64,
        (DataType::Date32, DataType::Timestamp(unit, None)) | (DataType::Timestamp(unit, None), DataType::Date32) => {
            DataType::Timestamp(*unit, None)
        }
        (DataType::Timestamp(one, None), DataType::Timestamp(other, None)) => {
            let finer = |unit: &TimeUnit| match unit {
                TimeUnit::Second => 0,
                TimeUnit::Millisecond => 1,
                TimeUnit::Microsecond => 2,
                TimeUnit::Nanosecond => 3,
            };
            DataType::Timestamp(*[one, other].into_iter().max_by_key(|unit| finer(unit)).unwrap_or(one), None)
        }
        _ => DataType::Utf8,
    }
}
