//! Opens one file for the columns of the table that it has, and gives its rows the table's columns: in the table's order, of its
//! types, NULL where the file has none of that name.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::nested_struct::cast_column;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{AvroSource, FileOpenFuture, FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion_orc::OrcSource;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};

use super::heads::Heads;
use super::{Kind, arrow};
use crate::corrections::statistics::Lake;
use crate::device::PinnedStore;

/// See the module.
pub(super) struct Opener {
    pub(super) kind: Kind,
    pub(super) heads: Arc<Heads>,
    pub(super) lake: Lake,
    /// The columns of the table that are read.
    pub(super) wanted: SchemaRef,
    pub(super) batch_rows: usize,
    pub(super) config: FileScanConfig,
}

impl FileOpener for Opener {
    fn open(&self, mut file: PartitionedFile) -> Result<FileOpenFuture> {
        let Some(head) = self.heads.known(&file.object_meta) else {
            return datafusion::common::internal_err!("a file whose columns are not known");
        };
        if self.kind == Kind::Arrow
            && head.footer.is_none()
            && let Some(range) = file.range.take()
            && range.start > 0
        {
            // A stream has no middle to begin in: its first reader reads it all.
            return Ok(async { Ok(stream::empty().boxed()) }.boxed());
        }
        let lake = &self.lake;
        let pinned = PinnedStore::new(
            Arc::clone(&lake.store),
            Arc::clone(&lake.url),
            file.object_meta.clone(),
            Arc::clone(&lake.footers),
        );
        let places = self.places(&head.schema);
        let of_file = || -> Result<TableSchema> { Ok(TableSchema::from(Arc::new(head.schema.project(&places)?))) };
        let source = match self.kind {
            Kind::Arrow => {
                let batches = match &head.footer {
                    Some(footer) => {
                        let path = file.object_meta.location.clone();
                        Arc::clone(footer).batches((pinned, path), file.range, places)
                    }
                    None => arrow::of_stream(&pinned, &file.object_meta),
                };
                let wanted = Arc::clone(&self.wanted);
                return Ok(async move { Ok(in_columns(wanted, batches)) }.boxed());
            }
            Kind::Avro => AvroSource::new(of_file()?).with_batch_size(self.batch_rows),
            Kind::Orc => OrcSource::new(of_file()?).with_batch_size(self.batch_rows),
        };
        let opened = source.create_file_opener(Arc::new(pinned), &self.config, 0)?.open(file)?;
        let wanted = Arc::clone(&self.wanted);
        Ok(async move { Ok(in_columns(wanted, opened.await?)) }.boxed())
    }
}

impl Opener {
    /// Which columns of a file are wanted. Rows are counted by a column where none is.
    fn places(&self, stored: &Schema) -> Vec<usize> {
        let is_wanted = |at: &usize| self.wanted.column_with_name(stored.field(*at).name()).is_some();
        let places: Vec<usize> = (0..stored.fields().len()).filter(is_wanted).collect();
        if places.is_empty() && !stored.fields().is_empty() { vec![0] } else { places }
    }
}

/// The rows of one file in the columns `wanted`.
fn in_columns(
    wanted: SchemaRef,
    batches: BoxStream<'static, Result<RecordBatch>>,
) -> BoxStream<'static, Result<RecordBatch>> {
    batches.map(move |batch| batch.and_then(|batch| adapted(&wanted, &batch))).boxed()
}

/// By hand: the host's adapter of batches asks the table's columns at the places of the file's what they are.
fn adapted(wanted: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = wanted.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(values) if values.data_type() == field.data_type() => Ok(Arc::clone(values)),
        Some(values) => cast_column(values, field.data_type(), &strict),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    Ok(RecordBatch::try_new_with_options(Arc::clone(wanted), columns, &rows)?)
}
