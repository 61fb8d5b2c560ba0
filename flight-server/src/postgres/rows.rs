//! Rows on their way to a client: batches of a statement as messages, sent as the client takes them. Nothing is made far ahead of it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use futures::{StreamExt, TryStreamExt};
use prost::bytes::{BufMut, BytesMut};
use tonic::Status;

use super::backend::{cell, null};
use super::binary;
use super::fault::Fault;
use super::link::Link;
use super::statement::{Deadline, Stop, heeding, late, until};
use super::text;
use super::types::{Column, Format, Kind, PgType};
use super::value::value;
use crate::json::{JsonCells, is_null, json_options};
use crate::queries::{Query, cancelled};
use crate::reply::Reply;
use crate::status::from_flight;

/// The rows of a statement that runs. Dropping them cancels it.
pub(super) struct Rows {
    schema: SchemaRef,
    batches: FlightRecordBatchStream,
    /// What is left of the last batch.
    left: Option<RecordBatch>,
    query: Arc<Query>,
}

impl Rows {
    pub(super) fn new(schema: SchemaRef, reply: Reply, query: Arc<Query>) -> Self {
        let batches = FlightRecordBatchStream::new_from_flight_data(reply.map_err(FlightError::from));
        Self { schema, batches, left: None, query }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch that is not empty.
    async fn next(&mut self) -> Result<Option<RecordBatch>, Status> {
        if let Some(left) = self.left.take() {
            return Ok(Some(left));
        }
        while let Some(batch) = self.batches.next().await {
            let batch = batch.map_err(from_flight)?;
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Sends rows until `most` of them (0: all) are sent or there are no more. How many, and whether that was all.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) async fn send(
        &mut self,
        link: &mut Link,
        columns: &[Column],
        most: usize,
        deadline: Deadline,
    ) -> Result<(u64, bool), Stop> {
        let mut sent = 0;
        while most == 0 || sent < most {
            let Some(batch) = heeding(link, deadline, self.next()).await? else {
                return Ok((sent as u64, true));
            };
            let rows = if most == 0 { batch.num_rows() } else { batch.num_rows().min(most - sent) };
            let part = batch.slice(0, rows);
            // Who does not read is waited for as long as his query may go on.
            tokio::select! {
                written = write(&part, columns, link) => written?,
                () = self.query.told() => return Err(cancelled().into()),
                () = until(deadline) => return Err(late().into()),
            }
            sent += rows;
            if rows < batch.num_rows() {
                self.left = Some(batch.slice(rows, batch.num_rows() - rows));
            }
        }
        Ok((sent as u64, false))
    }

    /// Reads them to their end: a change tells how many rows it made so.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) async fn count(&mut self, link: &mut Link, deadline: Deadline) -> Result<u64, Stop> {
        let mut count = 0;
        while let Some(batch) = heeding(link, deadline, self.next()).await? {
            for column in batch.columns() {
                let counts = column.as_primitive_opt::<arrow::datatypes::UInt64Type>();
                count += counts.into_iter().flat_map(|counts| counts.iter().flatten()).sum::<u64>();
            }
        }
        Ok(count)
    }
}

async fn write(batch: &RecordBatch, columns: &[Column], link: &mut Link) -> Result<(), Stop> {
    let (schema, rows) = (batch.schema(), batch.num_rows());
    let (mut at, mut json) = (0, Vec::new());
    while at < rows {
        // What borrows the encoders is gone before the network is waited for.
        {
            let options = json_options();
            let is_json = columns.iter().any(|column| column.data_type.kind == Kind::Json);
            let mut encoders = match is_json {
                true => Some(JsonCells::new(&schema, batch, &options).map_err(|e| unwritable(&e))?),
                false => None,
            };
            while at < rows && !link.is_full() {
                let row = at;
                at += 1;
                link.out.row(columns.len(), |out| {
                    for (place, (column, array)) in columns.iter().zip(batch.columns()).enumerate() {
                        if is_null(array.as_ref(), row) {
                            null(out);
                            continue;
                        }
                        match (&mut encoders, column.data_type.kind) {
                            (Some(encoders), Kind::Json) => {
                                json.clear();
                                encoders.write(place, row, &mut json);
                                cell(out, |out| {
                                    out.put_slice(&json);
                                    Ok(())
                                })?;
                            }
                            _ => cell(out, |out| one(array, row, column.data_type, column.format, out))?,
                        }
                    }
                    Ok(())
                })?;
            }
        }
        link.flush_if_full().await?;
    }
    Ok(())
}

fn unwritable(error: &std::io::Error) -> Fault {
    Fault::error("XX000", format!("a value cannot be written: {error}"))
}

/// Writes the value at `row`, which is not NULL.
fn one(array: &ArrayRef, row: usize, data_type: PgType, format: Format, out: &mut BytesMut) -> Result<(), Fault> {
    if !data_type.is_array {
        return scalar(array, row, data_type.kind, format, out);
    }
    let items = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        _ => array.as_fixed_size_list().value(row),
    };
    match format {
        Format::Text => text_array(&items, data_type.kind, out),
        Format::Binary => binary_array(&items, data_type.kind, out),
    }
}

fn scalar(array: &ArrayRef, row: usize, kind: Kind, format: Format, out: &mut BytesMut) -> Result<(), Fault> {
    let wrong =
        || Fault::error("XX000", format!("internal error, a bug of ours: {} is not sent so", array.data_type()));
    let value = value(array, row)?.ok_or_else(wrong)?;
    match format {
        Format::Text => {
            text::write(value, kind, out);
            Ok(())
        }
        Format::Binary => binary::write(value, kind, out),
    }
}

fn text_array(items: &ArrayRef, kind: Kind, out: &mut BytesMut) -> Result<(), Fault> {
    let mut item = BytesMut::new();
    out.put_u8(b'{');
    for row in 0..items.len() {
        if row > 0 {
            out.put_u8(b',');
        }
        if is_null(items.as_ref(), row) {
            out.put_slice(b"NULL");
            continue;
        }
        item.clear();
        scalar(items, row, kind, Format::Text, &mut item)?;
        text::element(&item, out);
    }
    out.put_u8(b'}');
    Ok(())
}

/// One dimension, whose first element is number 1; none of an array without elements.
fn binary_array(items: &ArrayRef, kind: Kind, out: &mut BytesMut) -> Result<(), Fault> {
    let nulls = (0..items.len()).any(|row| is_null(items.as_ref(), row));
    out.put_i32(i32::from(!items.is_empty()));
    out.put_i32(i32::from(nulls));
    out.put_u32(PgType::one(kind).oid());
    if items.is_empty() {
        return Ok(());
    }
    out.put_i32(i32::try_from(items.len()).map_err(|_| Fault::error("54000", "an array of the result is too long"))?);
    out.put_i32(1);
    for row in 0..items.len() {
        match is_null(items.as_ref(), row) {
            true => null(out),
            false => cell(out, |out| scalar(items, row, kind, Format::Binary, out))?,
        }
    }
    Ok(())
}

/// The columns as they were described, if rows of `schema` can be sent as them.
///
/// # Errors
/// For another number of columns, or other types: a client reads rows by what it was told.
pub(super) fn check(columns: &[Column], schema: &SchemaRef) -> Result<(), Fault> {
    let same =
        |(column, field): (&Column, &Arc<arrow::datatypes::Field>)| column.data_type == PgType::of(field.data_type());
    match columns.len() == schema.fields().len() && columns.iter().zip(schema.fields()).all(same) {
        true => Ok(()),
        false => Err(Fault::error("0A000", "the columns of the statement have changed since it was described")
            .with_hint("prepare it again")),
    }
}
