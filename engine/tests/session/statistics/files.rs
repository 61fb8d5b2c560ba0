//! Writes the files: row groups as they are given, statistics left out or edited afterwards.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use maar_engine::datafusion::arrow::array::{ArrayRef, RecordBatch};
use maar_engine::datafusion::arrow::datatypes::{Field, Schema};
use maar_engine::datafusion::parquet::arrow::ArrowWriter;
use maar_engine::datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
};
use maar_engine::datafusion::parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use tempfile::TempDir;

/// A row group: its columns by name. Columns are nullable.
pub(super) type Columns = Vec<(&'static str, ArrayRef)>;

pub(super) struct Lake {
    directory: TempDir,
}

impl Lake {
    pub(super) fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// All files, as SQL names them.
    pub(super) fn table(&self) -> String {
        format!("'{}'", self.path("*.parquet"))
    }

    /// Writes a file of these row groups.
    pub(super) fn file(&self, name: &str, groups: &[Columns]) {
        self.file_with(name, groups, WriterProperties::builder());
    }

    pub(super) fn file_with(&self, name: &str, groups: &[Columns], properties: WriterPropertiesBuilder) {
        let fields = groups[0].iter().map(|(name, values)| Field::new(*name, values.data_type().clone(), true));
        self.file_of(name, &Arc::new(Schema::new(fields.collect::<Vec<_>>())), groups, properties);
    }

    pub(super) fn file_of(
        &self,
        name: &str,
        schema: &Arc<Schema>,
        groups: &[Columns],
        properties: WriterPropertiesBuilder,
    ) {
        let file = fs::File::create(self.path(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties.build())).unwrap();
        for group in groups {
            let columns = group.iter().map(|(_, values)| Arc::clone(values)).collect();
            writer.write(&RecordBatch::try_new(Arc::clone(schema), columns).unwrap()).unwrap();
            writer.flush().unwrap();
        }
        writer.close().unwrap();
    }

    /// Rewrites a file's footer: each column chunk, by row group and column, becomes what `edit` makes of it.
    pub(super) fn edit(&self, name: &str, edit: impl Fn(usize, usize, ColumnChunkMetaData) -> ColumnChunkMetaData) {
        let path = self.path(name);
        let path = Path::new(&path);
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&fs::File::open(path).unwrap()).unwrap();
        let edited = edited(metadata, edit);
        let bytes = fs::read(path).unwrap();
        let tail: [u8; 4] = bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap();
        let mut kept = bytes[..bytes.len() - 8 - u32::from_le_bytes(tail) as usize].to_vec();
        ParquetMetaDataWriter::new(&mut kept, &edited).finish().unwrap();
        fs::write(path, kept).unwrap();
    }
}

fn edited(
    metadata: ParquetMetaData,
    edit: impl Fn(usize, usize, ColumnChunkMetaData) -> ColumnChunkMetaData,
) -> ParquetMetaData {
    let mut builder = metadata.into_builder();
    let mut groups = builder.take_row_groups();
    for (at, group) in groups.iter_mut().enumerate() {
        for (column, chunk) in group.columns_mut().iter_mut().enumerate() {
            // Page indexes would be written anew; the tests of footers go without.
            let without_index =
                chunk.clone().into_builder().set_column_index_offset(None).set_column_index_length(None);
            let without_index = without_index.set_offset_index_offset(None).set_offset_index_length(None);
            *chunk = edit(at, column, without_index.build().unwrap());
        }
    }
    builder.set_row_groups(groups).set_column_index(None).set_offset_index(None).build()
}
