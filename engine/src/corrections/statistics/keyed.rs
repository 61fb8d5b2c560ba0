//! Footers of encrypted files, for those who have the key. They are read anew by each who asks: what is kept of footers is there
//! for all sessions. Pages are decrypted by the host's reader, with what its footer carries; a device leaves such scans to it.

use std::sync::Arc;

use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use object_store::{ObjectMeta, ObjectStoreExt};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::footers::Lake;
use crate::device::{Parsed, PinnedStore, guarded};
use crate::error::{Error, ErrorKind, Result};

/// The option that gives the key.
pub(crate) const READ_KEY: &str = "format.crypto.file_decryption.footer_key_as_hex";

/// And the one to write with.
const WRITE_KEY: &str = "format.crypto.file_encryption.footer_key_as_hex";

/// Bytes read from the end of a file at first.
const TAIL_BYTES: u64 = 64 << 10;

/// What a table's options decrypt its files with.
#[derive(Debug, Clone)]
pub(super) struct Keys(Arc<FileDecryptionProperties>);

impl Keys {
    /// # Errors
    /// [`ErrorKind::Invalid`] for what is no key.
    pub(super) fn of(format: &dyn FileFormat) -> Result<Option<Self>> {
        let options = format.downcast_ref::<ParquetFormat>().map(ParquetFormat::options);
        let Some(keys) = options.and_then(|options| options.crypto.file_decryption.clone()) else { return Ok(None) };
        Ok(Some(Self(Arc::new(FileDecryptionProperties::try_from(keys)?))))
    }

    /// The footer of a file, and what it says of all its columns.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where the keys do not open it.
    pub(super) async fn footer(&self, lake: &Lake, meta: &ObjectMeta) -> Result<Parsed> {
        let Lake { store, url, footers, .. } = lake.clone();
        let pinned = PinnedStore::new(store, url, meta.clone(), footers);
        let mut tail = TAIL_BYTES.min(meta.size);
        loop {
            let range = meta.size - tail..meta.size;
            let bytes =
                pinned.get_range(&meta.location, range).await.map_err(datafusion::error::DataFusionError::from)?;
            let mut reader = ParquetMetaDataReader::new().with_decryption_properties(Some(Arc::clone(&self.0)));
            let read = guarded(|| {
                reader.try_parse_sized(&bytes, meta.size)?;
                Parsed::of(reader.finish()?)
            });
            match read {
                Ok(parsed) if is_open(&parsed.metadata, &bytes) => {
                    let message =
                        format!("'{}' is not encrypted, and the table has a key for it", lake.shown(&meta.location));
                    return Err(Error::new(ErrorKind::Invalid, message).with_hint(format!(
                        "anybody may have written it: take the file out of the table, or read it without '{READ_KEY}'"
                    )));
                }
                Ok(parsed) => return Ok(parsed),
                Err(ParquetError::NeedMoreData(needed)) if needed as u64 > tail && needed as u64 <= meta.size => {
                    tail = needed as u64;
                }
                Err(e) => {
                    let message =
                        format!("'{}' cannot be read with the keys that are given: {e}", lake.shown(&meta.location));
                    return Err(Error::new(ErrorKind::Invalid, message)
                        .with_hint(format!("'{READ_KEY}' wants the key that the file was written with")));
                }
            }
        }
    }
}

/// Whether a file that ends with `tail` is written for everybody. Of encrypted ones the footer is closed, or some column is.
fn is_open(metadata: &ParquetMetaData, tail: &[u8]) -> bool {
    let mut columns = metadata.row_groups().iter().flat_map(|group| group.columns()).peekable();
    tail.ends_with(b"PAR1") && columns.peek().is_some() && columns.all(|column| column.crypto_metadata().is_none())
}

/// # Errors
/// [`ErrorKind::Invalid`] for a table whose files are decrypted when they are read, and would be written as they are.
pub(super) fn check_writable(format: &dyn FileFormat) -> Result<()> {
    let options = format.downcast_ref::<ParquetFormat>().map(ParquetFormat::options);
    let Some(options) = options else { return Ok(()) };
    if options.crypto.file_decryption.is_none() || options.crypto.file_encryption.is_some() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "the table has a key to read its files with, and none to write them with")
        .with_hint(format!("OPTIONS ('{WRITE_KEY}' '...') says it")))
}
