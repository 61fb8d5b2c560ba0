//! Gives the host's Parquet scan footers that say no more than they know of the columns that the table declares, and bytes of
//! files in the state in which they were listed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::error::Result;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectMeta;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::footers::{Lake, of_parquet};
use super::keyed::Keys;
use super::types::keeps_values;
use crate::device::{PinnedStore, without_statistics};

/// The host's readers behind the gate. Scans with it are taken to the device by its name: see `scan::recognise`.
#[derive(Debug)]
pub(super) struct TruthfulParquetFileReaderFactory {
    pub(super) lake: Lake,
    pub(super) declared: SchemaRef,
    /// The columns of files that are read; `None` is all.
    pub(super) columns: Option<Arc<BTreeSet<String>>>,
    /// Of encrypted files.
    pub(super) keys: Option<Keys>,
}

impl ParquetFileReaderFactory for TruthfulParquetFileReaderFactory {
    fn create_reader(
        &self,
        partition_index: usize,
        partitioned_file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let (lake, file) = (self.lake.clone(), partitioned_file.object_meta.clone());
        let Lake { store, url, footers, .. } = self.lake.clone();
        let pinned = Arc::new(PinnedStore::new(store, url, file.clone(), footers));
        let host = DefaultParquetFileReaderFactory::new(pinned);
        let host = host.create_reader(partition_index, partitioned_file, metadata_size_hint, metrics)?;
        let (declared, columns, keys) = (Arc::clone(&self.declared), self.columns.clone(), self.keys.clone());
        Ok(Box::new(TruthfulReader { host, lake, file, declared, columns, keys }))
    }
}

struct TruthfulReader {
    host: Box<dyn AsyncFileReader + Send>,
    lake: Lake,
    file: ObjectMeta,
    declared: SchemaRef,
    columns: Option<Arc<BTreeSet<String>>>,
    keys: Option<Keys>,
}

impl AsyncFileReader for TruthfulReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.host.get_bytes(range)
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        self.host.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let metadata = match &self.keys {
                Some(keys) => {
                    let footer = keys.footer(&self.lake, &self.file).await;
                    footer.map_err(|error| ParquetError::External(Box::new(error)))?.for_host()
                }
                None => {
                    let file = self.lake.file(&self.file);
                    let read = self.lake.footers.footer_for_host(file, self.columns.as_deref());
                    read.await.map_err(|error| of_parquet(error, &self.lake))?
                }
            };
            let differs = stored_otherwise(&metadata, &self.declared)?;
            let kept = without_statistics(&metadata, |leaf| differs.get(leaf).is_some_and(|differs| *differs));
            Ok(kept.map_or(metadata, Arc::new))
        }
        .boxed()
    }
}

/// For each column of a file, whether the table declares it with a type for which its bounds are none.
fn stored_otherwise(metadata: &ParquetMetaData, declared: &SchemaRef) -> parquet::errors::Result<Vec<bool>> {
    let described = metadata.file_metadata();
    let parquet = described.schema_descr();
    let stored = parquet_to_arrow_schema(parquet, described.key_value_metadata())?;
    let differs = |leaf: usize| {
        let field = stored.fields().get(parquet.get_column_root_idx(leaf))?;
        let declared = declared.field_with_name(field.name()).ok()?;
        Some(!keeps_values(field.data_type(), declared.data_type()))
    };
    Ok((0..parquet.num_columns()).map(|leaf| differs(leaf).unwrap_or(false)).collect())
}
