//! What a file says of itself: its columns, and of Arrow files with a footer where their batches are. Avro and Arrow's streams say it
//! at their beginning, of which no more is fetched than it takes, and nothing of a file of another kind; the others at their end.
//! Kept as long as the table, which reads it twice.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::SchemaRef;
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
use super::arrow::{self, Footer};
use super::avro;
use crate::corrections::statistics::Lake;
use crate::device::PinnedStore;
use crate::error::{Error, ErrorKind};

/// What is fetched first of a file's beginning.
const FIRST_BYTES: u64 = 64 << 10;

/// How Arrow files in the layout with a footer begin.
const ARROW_MAGIC: &[u8] = b"ARROW1";

/// How Arrow's predecessor begins.
const FEATHER_MAGIC: &[u8] = b"FEA1";

/// No beginning is longer: it names columns.
const BEGINNING_BYTES_MAX: u64 = 64 << 20;

/// What is said at the beginning of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning<T> {
    Whole(T),
    /// That takes so many bytes at least.
    More(u64),
}

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
        let needed = match kind {
            Kind::Avro => match avro::mark(&bytes)? {
                Beginning::Whole(mark) => {
                    check_end(&pinned, file, mark).await?;
                    return of_avro(state, file, bytes).await.map_err(|e| of_reader(kind, e));
                }
                Beginning::More(needed) => needed,
            },
            _ => match of_stream(&bytes, file.size)? {
                Beginning::Whole(schema) => return Ok(Head { schema, footer: None }),
                Beginning::More(needed) => needed,
            },
        };
        if needed > file.size.min(BEGINNING_BYTES_MAX) {
            return Err(damaged(kind, "its beginning is cut off, or claims to be longer than it can be").into());
        }
        size = needed.max(size.saturating_mul(8)).min(file.size).min(BEGINNING_BYTES_MAX);
    }
}

fn of_stream(bytes: &[u8], file_size: u64) -> Result<Beginning<SchemaRef>> {
    if bytes.starts_with(FEATHER_MAGIC) {
        let message = "it is a Feather file of the first version, which is not read";
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("write version 2, which is Arrow's own format")
            .into());
    }
    arrow::schema_of_stream(bytes, file_size)
}

async fn of_avro(state: &dyn Session, file: &ObjectMeta, bytes: Bytes) -> Result<Head> {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    store.put(&file.location, bytes.into()).await?;
    let schema = AvroFormat.infer_schema(state, &store, std::slice::from_ref(file)).await?;
    Ok(Head { schema, footer: None })
}

/// # Errors
/// [`ErrorKind::Invalid`] where an Avro file does not end with `mark`, as each of its blocks does.
async fn check_end(store: &PinnedStore, file: &ObjectMeta, mark: &[u8]) -> Result<()> {
    let end = store.get_range(&file.location, file.size.saturating_sub(avro::MARK_BYTES)..file.size).await?;
    match *end == *mark {
        true => Ok(()),
        false => Err(damaged(Kind::Avro, "it does not end with a whole block").into()),
    }
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
