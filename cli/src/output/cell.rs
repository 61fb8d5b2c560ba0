//! One value as text. Decimals are exact, dates and timestamps ISO 8601, nested values JSON-like.

use std::io;

use arrow::array::Array;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use maar_flight_server::json::is_null;

/// The values of one batch for people: strings bare, NULL apart from every string.
pub(crate) struct Cells<'a> {
    columns: Vec<(&'a dyn Array, ArrayFormatter<'a>)>,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(batch: &'a RecordBatch) -> io::Result<Self> {
        let options = FormatOptions::default().with_display_error(true).with_null("NULL");
        let column =
            |array: &'a dyn Array| ArrayFormatter::try_new(array, &options).map(|formatter| (array, formatter));
        let columns: Result<_, _> = batch.columns().iter().map(|array| column(array.as_ref())).collect();
        Ok(Self { columns: columns.map_err(unprintable)? })
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// The text of a value, `None` for NULL.
    pub(crate) fn text(&self, column: usize, row: usize) -> Option<String> {
        let (array, formatter) = self.columns.get(column)?;
        (!is_null(*array, row)).then(|| formatter.value(row).to_string())
    }
}

/// A value no format can write. Reported as data, not as a closed pipe.
fn unprintable(error: ArrowError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
