//! A batch: rows that were written out together, column by column, those of a bucket side by side. Its memory is what its
//! rows take.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::ir::PayloadShape;
use crate::operators::rows::{HostColumn, HostRows};

/// Buckets that parts are gathered in: the parts whose numbers end alike. A part is read with those of its bucket, so parts
/// that are more read each row more than once; a bucket costs four bytes a batch, and a piece of each write to disk.
pub(super) const BUCKETS: usize = 256;

/// The values of a column one after another, and a byte a row that says whether it has one, where some may not.
pub(super) type Column<'a> = (&'a [u8], &'a [u8]);

/// The first `count` columns of rows as they came from the device.
pub(super) fn columns_of(rows: &HostRows, count: usize) -> Vec<Column<'_>> {
    let column = |number: usize| -> Column<'_> {
        let HostColumn { data, valid, .. } = rows.column(number);
        (data, valid.as_deref().unwrap_or_default())
    };
    (0..count).map(column).collect()
}

/// The same as one's own.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnBytes {
    pub(super) data: Vec<u8>,
    pub(super) valid: Vec<u8>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Batch {
    columns: Vec<ColumnBytes>,
    /// The first row of each bucket, and behind them the number of rows.
    starts: Vec<u32>,
}

/// Bytes that a row takes: of each column its value, and a byte for NULL.
pub(super) fn row_bytes(shapes: &[PayloadShape]) -> usize {
    shapes.iter().map(|shape| shape.bytes() + usize::from(shape.nullable)).sum()
}

impl Batch {
    /// Of rows given as arrays of all columns, the last of which says which part each is of.
    pub(super) fn new(shapes: &[PayloadShape], arrays: &[Column<'_>]) -> Result<Self> {
        let (parts, _) = arrays.last().ok_or_else(|| Error::internal("rows were written without their parts"))?;
        // The low byte: of 256 buckets.
        let buckets: Vec<u8> = parts.chunks_exact(2).map(|part| part[0]).collect();
        let mut starts = vec![0_u32; BUCKETS + 1];
        for bucket in &buckets {
            starts[usize::from(*bucket) + 1] += 1;
        }
        for bucket in 0..BUCKETS {
            starts[bucket + 1] += starts[bucket];
        }
        let (mut next, mut order) = (starts.clone(), vec![0_u32; buckets.len()]);
        for (row, bucket) in (0..).zip(&buckets) {
            let place = &mut next[usize::from(*bucket)];
            order[*place as usize] = row;
            *place += 1;
        }
        let column = |((data, valid), shape): (&Column<'_>, &PayloadShape)| ColumnBytes {
            data: reordered(data, shape.bytes(), &order),
            valid: if shape.nullable { reordered(valid, 1, &order) } else { vec![] },
        };
        Ok(Self { columns: arrays.iter().zip(shapes).map(column).collect(), starts })
    }

    /// The rows of a bucket.
    fn bucket(&self, bucket: usize) -> Range<usize> {
        self.starts[bucket] as usize..self.starts[bucket + 1] as usize
    }

    pub(super) fn rows(&self, bucket: usize) -> usize {
        self.bucket(bucket).len()
    }

    /// A column in some of a bucket's rows.
    pub(super) fn column(&self, (number, width): (usize, usize), bucket: usize, rows: Range<usize>) -> Column<'_> {
        let first = self.bucket(bucket).start;
        let (begin, end) = (first + rows.start, first + rows.end);
        let ColumnBytes { data, valid } = &self.columns[number];
        (&data[begin * width..end * width], valid.get(begin..end).unwrap_or_default())
    }
}

/// Values of this width, in this order.
fn reordered(values: &[u8], width: usize, order: &[u32]) -> Vec<u8> {
    match width {
        1 => of_width::<1>(values, order),
        2 => of_width::<2>(values, order),
        4 => of_width::<4>(values, order),
        8 => of_width::<8>(values, order),
        16 => of_width::<16>(values, order),
        _ => order.iter().flat_map(|row| &values[*row as usize * width..][..width]).copied().collect(),
    }
}

fn of_width<const WIDTH: usize>(values: &[u8], order: &[u32]) -> Vec<u8> {
    let (values, _) = values.as_chunks::<WIDTH>();
    let mut ordered = Vec::with_capacity(order.len() * WIDTH);
    order.iter().for_each(|row| ordered.extend_from_slice(&values[*row as usize]));
    ordered
}
