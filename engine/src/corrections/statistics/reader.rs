//! Gives the host's Parquet scan footers that say no more than they know of the columns that the table declares.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::CachedParquetMetaData;
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::{CachedFileMetadataEntry, FileMetadataCache};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectMeta;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;

use super::types::keeps_values;
use crate::device::{MissingNullCount, truthful, without_statistics};

/// The host's readers behind the gate. Scans with it are taken to the device by its name: see `scan::recognise`.
#[derive(Debug)]
pub(super) struct TruthfulParquetFileReaderFactory {
    host: Arc<dyn ParquetFileReaderFactory>,
    cache: Arc<FileMetadataCache>,
    declared: SchemaRef,
}

impl TruthfulParquetFileReaderFactory {
    pub(super) fn new(
        host: Arc<dyn ParquetFileReaderFactory>,
        cache: Arc<FileMetadataCache>,
        declared: SchemaRef,
    ) -> Self {
        Self { host, cache, declared }
    }
}

impl ParquetFileReaderFactory for TruthfulParquetFileReaderFactory {
    fn create_reader(
        &self,
        partition_index: usize,
        partitioned_file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let file = partitioned_file.object_meta.clone();
        let host = self.host.create_reader(partition_index, partitioned_file, metadata_size_hint, metrics)?;
        let (cache, declared) = (Arc::clone(&self.cache), Arc::clone(&self.declared));
        Ok(Box::new(TruthfulReader { host, file, cache, declared }))
    }
}

struct TruthfulReader {
    host: Box<dyn AsyncFileReader + Send>,
    file: ObjectMeta,
    cache: Arc<FileMetadataCache>,
    declared: SchemaRef,
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
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let read = self.host.get_metadata(options).await?;
            let metadata = passed(read, &self.file, &self.cache);
            let differs = stored_otherwise(&metadata, &self.declared)?;
            let kept = without_statistics(&metadata, |leaf| differs.get(leaf).is_some_and(|differs| *differs));
            Ok(kept.map_or(metadata, Arc::new))
        }
        .boxed()
    }
}

/// What a footer becomes at the gate. The host's cache keeps that, so that a footer passes once.
pub(super) fn passed(
    read: Arc<ParquetMetaData>,
    file: &ObjectMeta,
    cache: &Arc<FileMetadataCache>,
) -> Arc<ParquetMetaData> {
    let Some(truth) = truthful(&read, MissingNullCount::TakenForZero) else { return read };
    let truth = Arc::new(truth);
    // What the host does not keep (a footer that was encrypted) is not kept here either.
    if cache.contains_key(&file.location) {
        let entry = Arc::new(CachedParquetMetaData::new(Arc::clone(&truth)));
        cache.put(&file.location, CachedFileMetadataEntry::new(file.clone(), entry));
    }
    truth
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
