//! Loading scans: what comes out is what the files hold, whatever their encodings, and nothing is read twice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod columns;
mod files;
mod inputs;
mod raw_text;
#[path = "../scan_support/mod.rs"]
mod scan_support;
mod store;

use std::sync::Arc;

use arrow::array::*;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};

fn int(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

fn properties(version: WriterVersion, compression: Compression, dictionary: bool) -> WriterProperties {
    WriterProperties::builder()
        .set_writer_version(version)
        .set_compression(compression)
        .set_dictionary_enabled(dictionary)
        .set_data_page_row_count_limit(1000)
        .set_write_batch_size(500)
        .build()
}
