//! What a file says of itself: its columns, and of Arrow files with a footer where their batches are. Avro and Arrow's streams say it
//! at their beginning, of which no more is fetched than it takes; the others at their end. Kept as long as the table, which reads it twice.

use std::collections::HashMap;
use std::io::Cursor;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::catalog::Session;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::avro::AvroFormat;
use datafusion::error::Result;
use datafusion_orc::OrcFormat;
use futures::FutureExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;

use super::Kind;
use super::arrow::Footer;
use crate::corrections::statistics::Lake;
use crate::device::PinnedStore;
use crate::error::{Error, ErrorKind};

/// What is fetched first of a file's beginning.
const FIRST_BYTES: u64 = 64 << 10;

/// How Arrow files in the layout with a footer begin.
const ARROW_MAGIC: &[u8] = b"ARROW1";

/// How Avro files begin.
const AVRO_MAGIC: &[u8] = b"Obj\x01";

/// Bytes that stand behind an Avro file's beginning, and behind each block.
const AVRO_MARK_BYTES: u64 = 16;

#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) schema: SchemaRef,
    /// Of Arrow files that are no stream.
    pub(super) footer: Option<Arc<Footer>>,
}

/// A file in one state: its path, size, and time.
type State = (Path, u64, i64, Option<String>);

/// Of the files of a table.
#[derive(Debug, Default)]
pub(super) struct Heads(Mutex<HashMap<State, Head>>);

impl Heads {
    /// # Errors
    /// [`ErrorKind::Invalid`] for a file that is none of the format.
    pub(super) async fn of(&self, kind: Kind, state: &dyn Session, lake: &Lake, file: &ObjectMeta) -> Result<Head> {
        if let Some(known) = self.known(file) {
            return Ok(known);
        }
        let read = AssertUnwindSafe(read(kind, state, lake, file)).catch_unwind().await;
        let mut head = read.unwrap_or_else(|_| Err(damaged(kind, "its reader gave up").into()))?;
        let mut known = self.0.lock();
        // Files of one table mostly have the same columns: they share them.
        if let Some(same) = known.values().find(|known| known.schema == head.schema) {
            head.schema = Arc::clone(&same.schema);
        }
        known.insert(state_of(file), head.clone());
        Ok(head)
    }

    /// What is known of a file already.
    pub(super) fn known(&self, file: &ObjectMeta) -> Option<Head> {
        self.0.lock().get(&state_of(file)).cloned()
    }
}

fn state_of(file: &ObjectMeta) -> State {
    (file.location.clone(), file.size, file.last_modified.timestamp_micros(), file.e_tag.clone())
}

async fn read(kind: Kind, state: &dyn Session, lake: &Lake, file: &ObjectMeta) -> Result<Head> {
    let pinned =
        PinnedStore::new(Arc::clone(&lake.store), Arc::clone(&lake.url), file.clone(), Arc::clone(&lake.footers));
    if kind == Kind::Orc {
        let store: Arc<dyn ObjectStore> = Arc::new(pinned);
        let read = OrcFormat.infer_schema(state, &store, std::slice::from_ref(file)).await;
        return Ok(Head { schema: read.map_err(|e| of_reader(kind, e))?, footer: None });
    }
    let mut size = FIRST_BYTES.min(file.size);
    loop {
        let bytes = pinned.get_range(&file.location, 0..size).await?;
        if kind == Kind::Arrow && bytes.starts_with(ARROW_MAGIC) {
            let footer = Footer::read(&pinned, file).await.map_err(|e| of_reader(kind, e))?;
            return Ok(Head { schema: Arc::clone(&footer.schema), footer: Some(Arc::new(footer)) });
        }
        match of_beginning(kind, state, file, bytes.clone()).await {
            Ok(head) if kind == Kind::Avro => {
                let end =
                    pinned.get_range(&file.location, file.size.saturating_sub(AVRO_MARK_BYTES)..file.size).await?;
                return match avro_mark(&bytes) {
                    Some(mark) if *mark == *end => Ok(head),
                    _ => Err(damaged(kind, "it does not end with a whole block").into()),
                };
            }
            Ok(head) => return Ok(head),
            // The beginning may be longer.
            Err(e) if size == file.size => return Err(of_reader(kind, e)),
            Err(_) => size = (size * 8).min(file.size),
        }
    }
}

async fn of_beginning(kind: Kind, state: &dyn Session, file: &ObjectMeta, bytes: Bytes) -> Result<Head> {
    if kind == Kind::Avro {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        store.put(&file.location, bytes.into()).await?;
        let schema = AvroFormat.infer_schema(state, &store, std::slice::from_ref(file)).await?;
        return Ok(Head { schema, footer: None });
    }
    if bytes.starts_with(b"FEA1") {
        let message = "it is a Feather file of the first version, which is not read";
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("write version 2, which is Arrow's own format")
            .into());
    }
    let reader = StreamReader::try_new(Cursor::new(bytes), None)?;
    Ok(Head { schema: reader.schema(), footer: None })
}

/// What stands behind each block, by the beginning of the file: its reader passes over a block that is cut off.
fn avro_mark(head: &[u8]) -> Option<&[u8]> {
    let mut rest = head.strip_prefix(AVRO_MAGIC)?;
    loop {
        let count = avro_number(&mut rest)?;
        if count == 0 {
            return rest.get(..AVRO_MARK_BYTES as usize);
        }
        if count < 0 {
            // The block's size in bytes.
            avro_number(&mut rest)?;
        }
        // Names and values.
        for _ in 0..count.unsigned_abs().checked_mul(2)? {
            let length = usize::try_from(avro_number(&mut rest)?).ok()?;
            rest = rest.get(length..)?;
        }
    }
}

/// A number as Avro writes it: seven bits a byte, the lowest first, signs in the lowest bit.
fn avro_number(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

/// An error of a reader, which does not say what it wanted to read; ours and a store's are clear.
fn of_reader(kind: Kind, error: datafusion::error::DataFusionError) -> datafusion::error::DataFusionError {
    let said = Error::from(error);
    match said.kind() {
        _ if said.hint().is_some() => said.into(),
        ErrorKind::Invalid | ErrorKind::Internal => damaged(kind, said.message()).into(),
        _ => said.into(),
    }
}

pub(super) fn damaged(kind: Kind, cause: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("it is not a readable {} file: {cause}", kind.name())).with_hint(
        "the file is damaged or of another format: read_parquet, read_csv, ... read it whatever it is called",
    )
}
