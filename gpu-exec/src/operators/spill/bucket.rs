//! A bucket: rows of some parts, column by column as the device has put them out.

use std::ops::Range;

use crate::ir::PayloadShape;

/// Rows in memory, of all columns.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) rows: usize,
    columns: Vec<ColumnBytes>,
}

/// The values of a column one after another, and a byte a row that says whether it has one, where some may not.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnBytes {
    pub(super) data: Vec<u8>,
    pub(super) valid: Vec<u8>,
}

/// Bytes that a row takes: of each column its value, and a byte for NULL.
pub(super) fn row_bytes(shapes: &[PayloadShape]) -> usize {
    shapes.iter().map(|shape| shape.bytes() + usize::from(shape.nullable)).sum()
}

impl Bucket {
    pub(super) fn new(columns: usize) -> Self {
        Self { rows: 0, columns: vec![ColumnBytes::default(); columns] }
    }

    /// Adds some rows of these arrays.
    pub(super) fn add(&mut self, shapes: &[PayloadShape], arrays: &[ColumnBytes], rows: &[u32]) {
        for ((column, array), shape) in self.columns.iter_mut().zip(arrays).zip(shapes) {
            let width = shape.bytes();
            column.data.reserve(rows.len() * width);
            for row in rows {
                let at = *row as usize * width;
                column.data.extend_from_slice(&array.data[at..at + width]);
            }
            if shape.nullable {
                column.valid.extend(rows.iter().map(|row| array.valid[*row as usize]));
            }
        }
        self.rows += rows.len();
    }

    /// Some of its rows.
    pub(super) fn slice(&self, shapes: &[PayloadShape], rows: Range<usize>) -> Vec<ColumnBytes> {
        let column = |(column, shape): (&ColumnBytes, &PayloadShape)| {
            let width = shape.bytes();
            let valid = if shape.nullable { column.valid[rows.clone()].to_vec() } else { vec![] };
            ColumnBytes { data: column.data[rows.start * width..rows.end * width].to_vec(), valid }
        };
        self.columns.iter().zip(shapes).map(column).collect()
    }

    /// All of it, a column after the other, each with its values first.
    pub(super) fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.columns.iter().flat_map(|column| [column.data.as_slice(), column.valid.as_slice()])
    }
}
