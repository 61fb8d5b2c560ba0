//! Host inputs: rows that come from operators of the host, encoded chunk by chunk as they come and kept so.
//!
//! Each chunk is as narrow as its own values allow and has dictionaries of its own; what holds for all is known when the
//! last one is there. Not here: which batches make up a chunk, and how many may be kept (`exec/inputs.rs`).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};

use super::ScanError;
use super::cut::{Block, Cut, Place};
use super::survey::{Surveyed, whole};
use crate::column::{
    ChunkEncoder, ColumnFacts, DeviceTable, EncodeError, EncodedChunk, Form, IntLayout, RowBound, TableShape, Target,
    full_layout, integer_range,
};
use crate::device::DeviceHandle;
use crate::ir::Type;
use crate::trace::{Trace, Work};

/// The columns of an input, and how they are encoded.
#[derive(Clone, Debug)]
pub struct InputColumns {
    pub(super) all: Arc<[InputColumn]>,
    /// Of the query that they are an input of.
    trace: Arc<Trace>,
}

#[derive(Clone, Debug)]
pub(super) struct InputColumn {
    pub(super) name: Arc<str>,
    pub(super) ty: Type,
    /// Text that gets no dictionary.
    raw: bool,
}

/// Some rows of an input, encoded.
#[derive(Clone, Debug)]
pub struct InputChunk {
    pub(super) rows: usize,
    pub(super) columns: Vec<Arc<EncodedChunk>>,
}

/// All rows of an input, on the host.
#[derive(Debug)]
pub struct HostInput {
    columns: InputColumns,
    chunks: Vec<InputChunk>,
    blocks: Vec<Block>,
    cut: Cut,
    shape: TableShape,
}

/// An input that is read in waves.
#[derive(Debug)]
pub struct InputWaves {
    device: Arc<DeviceHandle>,
    input: Arc<HostInput>,
    next: Place,
    stats: InputStats,
}

/// What an input was, for the query's report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InputStats {
    pub rows: u64,
    /// Parts in which its rows were encoded.
    pub chunks: u64,
    /// Host memory of the encoded rows, in bytes; of a stream, of those that waited at once.
    pub host_bytes: u64,
    /// 1 where its rows came once, as more of them were there than the host keeps.
    pub streamed: u64,
    /// Text columns held as they are, without a dictionary.
    pub columns_raw: u64,
    /// Parts that it was uploaded in, where it does not fit the device; 0 where it does.
    pub waves: u64,
    /// Bytes it takes on the device, all waves together.
    pub device_bytes: u64,
    /// Until its last row was encoded, in milliseconds: what the host's operators took is in it.
    pub gather_ms: f64,
}

impl InputColumns {
    /// Text columns named in `raw` need no dictionary and get none, unless they come with one.
    ///
    /// # Errors
    /// A column whose type has no stored form.
    pub fn new(schema: &SchemaRef, raw: &BTreeSet<usize>) -> Result<Self, ScanError> {
        let column = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| {
            let (name, data_type) = (field.name().as_str(), field.data_type());
            let ty = Type::from_arrow(data_type)
                .ok_or_else(|| ScanError::UploadType { column: name.to_owned(), data_type: data_type.clone() })?;
            let coded = matches!(data_type, DataType::Dictionary(_, _));
            Ok(InputColumn { name: name.into(), ty, raw: ty == Type::Text && raw.contains(&index) && !coded })
        };
        let all = schema.fields().iter().enumerate().map(column).collect::<Result<_, ScanError>>()?;
        Ok(Self { all, trace: Arc::default() })
    }

    /// The same, with the work on them in the trace of a query.
    #[must_use]
    pub fn traced(self, trace: &Arc<Trace>) -> Self {
        Self { trace: Arc::clone(trace), ..self }
    }

    /// How their chunks become columns of a table: all of them, in these forms.
    pub(super) fn cut(&self, forms: Arc<[Form]>) -> Cut {
        let names = self.all.iter().map(|column| Arc::clone(&column.name)).collect();
        Cut { names, forms, places: (0..self.all.len()).collect(), trace: Arc::clone(&self.trace) }
    }

    /// Encodes batches to one chunk.
    ///
    /// # Errors
    /// Texts that are too many for a column.
    pub fn encode(&self, batches: &[RecordBatch]) -> Result<InputChunk, ScanError> {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let encode = |(index, column): (usize, &InputColumn)| {
            let arrays: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(index)).collect();
            column.encode(&arrays, rows).map(Arc::new).map_err(|source| column.failed(source))
        };
        let span = self.trace.span(Work::Decode);
        let columns = self.all.iter().enumerate().map(encode).collect::<Result<_, _>>()?;
        let chunk = InputChunk { rows, columns };
        span.add(chunk.bytes());
        Ok(chunk)
    }
}

impl InputColumn {
    /// As narrow as the values of these arrays allow.
    fn encode(&self, arrays: &[&ArrayRef], rows: usize) -> Result<EncodedChunk, EncodeError> {
        let mut range: Option<(i128, i128)> = None;
        for array in arrays.iter().filter(|_| full_layout(self.ty).is_some()) {
            let of_array = integer_range(array.as_ref())?;
            range = [range, of_array].into_iter().flatten().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        }
        let mut encoder = ChunkEncoder::new(self.target(range), rows);
        for array in arrays {
            encoder.push(array.as_ref())?;
        }
        encoder.finish(range.map_or(0, |(min, _)| min))
    }

    fn target(&self, range: Option<(i128, i128)>) -> Target {
        if self.raw { Target::RawText } else { Target::for_type(self.ty, Some(IntLayout::for_range(range))) }
    }

    pub(super) fn failed(&self, source: EncodeError) -> ScanError {
        ScanError::Encode { column: self.name.to_string(), source }
    }
}

impl InputChunk {
    /// Host memory held, in bytes.
    pub fn bytes(&self) -> u64 {
        self.columns.iter().map(|chunk| chunk.bytes() as u64).sum()
    }
}

impl HostInput {
    /// Of all chunks, in the order of their rows.
    ///
    /// # Errors
    /// Dictionaries that are too large together.
    pub fn new(columns: InputColumns, chunks: Vec<InputChunk>) -> Result<Self, ScanError> {
        let trace = Arc::clone(&columns.trace);
        let _span = trace.span(Work::Decode);
        let chunks: Vec<InputChunk> = chunks.into_iter().filter(|chunk| chunk.rows > 0).collect();
        let survey = |(index, column): (usize, &InputColumn)| {
            let surveyed = chunks.iter().map(|chunk| Surveyed::of(&chunk.columns[index])).collect();
            whole((&column.name, column.ty), surveyed, ColumnFacts::of_chunks, |facts| column.target(facts.range))
        };
        let found = columns.all.iter().enumerate().map(survey).collect::<Result<Vec<_>, _>>()?;
        let block = |(number, chunk): (usize, &InputChunk)| {
            let remaps = found.iter().map(|whole| Arc::clone(&whole.remaps[number]));
            Block { rows: chunk.rows, chunks: chunk.columns.iter().cloned().zip(remaps).collect() }
        };
        let blocks = chunks.iter().enumerate().map(block).collect();
        let rows = RowBound::Exact(chunks.iter().map(|chunk| chunk.rows as u64).sum());
        let (metas, forms): (Vec<_>, Vec<Form>) = found.into_iter().map(|whole| (whole.meta, whole.form)).unzip();
        let cut = columns.cut(forms.into());
        Ok(Self { columns, chunks, blocks, cut, shape: TableShape { columns: metas, rows } })
    }

    pub fn shape(&self) -> &TableShape {
        &self.shape
    }

    pub fn stats(&self) -> InputStats {
        InputStats {
            rows: self.shape.rows.rows(),
            chunks: self.chunks.len() as u64,
            host_bytes: self.chunks.iter().map(InputChunk::bytes).sum(),
            columns_raw: self.columns.all.iter().filter(|column| column.raw).count() as u64,
            device_bytes: self.cut.device_bytes(&self.blocks),
            ..InputStats::default()
        }
    }

    pub fn has_raw_text(&self) -> bool {
        self.columns.all.iter().any(|column| column.raw)
    }

    /// The same rows with dictionaries for all texts: a reference to a text is worth nothing once its wave is gone.
    ///
    /// # Errors
    /// Texts that are too many for a dictionary.
    pub fn without_raw_text(&self) -> Result<Self, ScanError> {
        let coded = |(chunk, column): (&Arc<EncodedChunk>, &InputColumn)| {
            let coded = chunk.coded().map_err(|source| column.failed(source))?;
            Ok(coded.map_or_else(|| Arc::clone(chunk), Arc::new))
        };
        let chunk = |chunk: &InputChunk| {
            let columns =
                chunk.columns.iter().zip(self.columns.all.iter()).map(coded).collect::<Result<_, ScanError>>()?;
            Ok(InputChunk { rows: chunk.rows, columns })
        };
        let all = self.columns.all.iter().map(|column| InputColumn { raw: false, ..column.clone() }).collect();
        let columns = InputColumns { all, trace: Arc::clone(&self.columns.trace) };
        Self::new(columns, self.chunks.iter().map(chunk).collect::<Result<_, ScanError>>()?)
    }

    /// All rows on the device, as narrow as they allow.
    ///
    /// # Errors
    /// No room on the device.
    pub fn upload(&self, device: &DeviceHandle) -> Result<DeviceTable, ScanError> {
        Ok(DeviceTable::new(self.shape.clone(), self.cut.all(device, &self.blocks)?))
    }

    /// The same; rows leave the host as they come to the device.
    ///
    /// # Errors
    /// As there.
    pub fn into_table(self, device: &DeviceHandle) -> Result<DeviceTable, ScanError> {
        let Self { chunks, blocks, cut, shape, .. } = self;
        drop(chunks);
        let mut segments = Vec::with_capacity(blocks.len());
        for block in blocks {
            segments.extend(cut.all(device, &[block])?);
        }
        Ok(DeviceTable::new(shape, segments))
    }
}

impl InputWaves {
    /// Of an input that took so long to be gathered.
    pub fn new(device: &Arc<DeviceHandle>, input: Arc<HostInput>, gather_ms: f64) -> Self {
        let stats = InputStats { gather_ms, ..input.stats() };
        Self { device: Arc::clone(device), input, next: Place::default(), stats }
    }

    /// From the first row again.
    pub fn rewind(&mut self) {
        self.next = Place::default();
    }

    /// The next rows, of about so many bytes, on the device; `None` at the end. Where there is no room for so many, fewer.
    ///
    /// # Errors
    /// No room on the device for a tile, and then the same rows come next.
    pub async fn next(&mut self, bytes: u64) -> Result<Option<DeviceTable>, ScanError> {
        let HostInput { blocks, cut, shape, .. } = &*self.input;
        if self.next.block == blocks.len() {
            return Ok(None);
        }
        let segments = cut.wave(&self.device, blocks, &mut self.next, bytes).await?;
        self.stats.waves += 1;
        Ok(Some(DeviceTable::new(shape.clone(), segments)))
    }

    /// What was done so far.
    pub fn stats(&self) -> InputStats {
        self.stats
    }
}

impl fmt::Display for InputStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rows={}, chunks={}, host_bytes={}, device_bytes={}, gather_ms={:.1}",
            self.rows, self.chunks, self.host_bytes, self.device_bytes, self.gather_ms
        )?;
        for (name, count) in [("columns_raw", self.columns_raw), ("streamed", self.streamed), ("waves", self.waves)] {
            if count > 0 {
                write!(f, ", {name}={count}")?;
            }
        }
        Ok(())
    }
}
