//! Text files as tables: CSV and JSON lines, packed or not. Columns come from whole records (`csv`, `json`); decoding and writing
//! is DataFusion's. Not here: unpacking (`unpacked`), and how a file is cut for several readers (`csv::Pieces`).

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::Statistics;
use datafusion::common::config::{CsvOptions, JsonOptions};
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::physical_plan::{FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;
use object_store::{ObjectMeta, ObjectStore};

use super::csv::{self, Pieces};
use super::json;
use super::unpacked::{Unpacked, Unpacking};

/// What is written in the files.
#[derive(Debug)]
enum Text {
    Csv(CsvOptions),
    Json(JsonOptions),
}

/// The format.
#[derive(Debug)]
pub(super) struct TextTables {
    text: Text,
    unpacking: Unpacking,
    /// The host's, of text that is unpacked.
    reader: Arc<dyn FileFormat>,
    /// The host's, which packs what it writes.
    writer: Arc<dyn FileFormat>,
}

impl TextTables {
    pub(super) fn csv(options: CsvOptions, unpacking: Unpacking) -> Self {
        // The host cuts files without regard for quotes where this is off, and not at all where it is on. Files are cut with
        // regard for quotes here (`csv::Pieces`), so for the host there are none.
        let reader = CsvOptions {
            newlines_in_values: Some(false),
            compression: CompressionTypeVariant::UNCOMPRESSED,
            ..options.clone()
        };
        Self {
            unpacking: Unpacking { is_json: false, ..unpacking },
            reader: Arc::new(CsvFormat::default().with_options(reader)),
            writer: Arc::new(CsvFormat::default().with_options(options.clone())),
            text: Text::Csv(options),
        }
    }

    pub(super) fn json(options: JsonOptions, unpacking: Unpacking) -> Self {
        let reader = JsonOptions { compression: CompressionTypeVariant::UNCOMPRESSED, ..options.clone() };
        Self {
            unpacking: Unpacking { is_json: true, ..unpacking },
            reader: Arc::new(JsonFormat::default().with_options(reader)),
            writer: Arc::new(JsonFormat::default().with_options(options.clone())),
            text: Text::Json(options),
        }
    }

    /// How CSV files may be cut for several readers. `None`: as the host does, for files that are declared to have no line breaks
    /// in their values, and for JSON, which has none.
    pub(super) fn pieces(&self) -> Option<Pieces> {
        match &self.text {
            Text::Csv(options) if options.newlines_in_values != Some(false) => Some(Pieces::of(options)),
            _ => None,
        }
    }

    pub(super) fn unpacking(&self) -> Unpacking {
        self.unpacking
    }

    /// An option that holds where the files are read and not where they are written, or the other way round.
    pub(super) fn of_one_way(&self) -> Option<&'static str> {
        let options = match &self.text {
            Text::Json(_) => return self.is_one_value().then_some("newline_delimited"),
            Text::Csv(options) => options,
        };
        let one_way = [
            ("skip", self.unpacking.skipped_lines > 0),
            ("comment", options.comment.is_some()),
            // Quotes are doubled where they are written.
            ("escape", options.escape.is_some_and(|escape| escape != options.quote)),
            ("double_quote", options.double_quote == Some(false)),
            ("terminator", options.terminator.is_some_and(|end| end != b'\n')),
            ("null_value", options.null_value.as_ref().is_some_and(|text| !text.is_empty())),
            ("date_format", options.date_format.is_some()),
            ("datetime_format", options.datetime_format.is_some()),
            ("timestamp_format", options.timestamp_format.is_some()),
            ("timestamp_tz_format", options.timestamp_tz_format.is_some()),
            ("time_format", options.time_format.is_some()),
            ("ignore_leading_whitespace", options.ignore_leading_whitespace == Some(true)),
            ("ignore_trailing_whitespace", options.ignore_trailing_whitespace == Some(true)),
        ];
        one_way.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    /// Whether a file is one value, which no reader can begin in the middle of.
    pub(super) fn is_one_value(&self) -> bool {
        matches!(&self.text, Text::Json(options) if !options.newline_delimited)
    }
}

#[async_trait]
impl FileFormat for TextTables {
    fn get_ext(&self) -> String {
        self.writer.get_ext()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        self.writer.get_ext_with_compression(compression)
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.writer.compression_type()
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        let store: Arc<dyn ObjectStore> = Arc::new(Unpacked::new(Arc::clone(store), self.unpacking));
        match &self.text {
            Text::Csv(options) => {
                let has_header = options.has_header.unwrap_or(state.config_options().catalog.has_header);
                let options = CsvOptions { has_header: Some(has_header), ..options.clone() };
                Ok(csv::of_files(&options, &store, objects).await?)
            }
            Text::Json(_) if self.is_one_value() => self.reader.infer_schema(state, &store, objects).await,
            Text::Json(options) => Ok(json::of_files(options, &store, objects).await?),
        }
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Statistics> {
        self.reader.infer_stats(state, store, schema, object).await
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.reader.create_physical_plan(state, config).await
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
        config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.writer.create_writer_physical_plan(input, state, config, order).await
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        self.reader.file_source(schema)
    }
}
