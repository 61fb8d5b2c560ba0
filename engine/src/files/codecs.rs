//! Codecs of whole files (`.csv.gz`): which one a file has, by its name or by an option, and its bytes unpacked. Files of several
//! members one behind the other (as parallel packers write them) are read to their end, and one that is cut off is an error.
//!
//! Not here: codecs within Parquet, Avro, ORC and Arrow files, which their own readers know.

use std::io;

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::error::{Error, ErrorKind, Result};

/// Bytes that are unpacked at once.
const CHUNK_BYTES: usize = 128 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

/// Of each codec: its name in texts and as an option of the host's, the ends of names and options that stand for it, and how its
/// files begin (`?` is any byte).
struct Known {
    codec: Codec,
    name: &'static str,
    ends: &'static [&'static str],
    begins: &'static [u8],
}

const KNOWN: [Known; 4] = [
    Known { codec: Codec::Gzip, name: "gzip", ends: &["gz", "gzip"], begins: b"\x1F\x8B" },
    Known { codec: Codec::Bzip2, name: "bzip2", ends: &["bz2", "bzip2"], begins: b"BZh?1AY&SY" },
    Known { codec: Codec::Xz, name: "xz", ends: &["xz"], begins: b"\xFD7zXZ\0" },
    Known { codec: Codec::Zstd, name: "zstd", ends: &["zst", "zstd"], begins: b"\x28\xB5\x2F\xFD" },
];

impl Codec {
    fn known(self) -> &'static Known {
        KNOWN.iter().find(|known| known.codec == self).unwrap_or(&KNOWN[0])
    }

    /// As texts, and options of the host's, call it.
    pub(crate) fn name(self) -> &'static str {
        self.known().name
    }

    /// `name` without the end that says how it is packed, and that codec.
    pub(super) fn of_name(name: &str) -> (&str, Option<Self>) {
        let Some((inner, end)) = name.rsplit_once('.') else { return (name, None) };
        match KNOWN.iter().find(|known| known.ends.iter().any(|known| end.eq_ignore_ascii_case(known))) {
            Some(known) => (inner, Some(known.codec)),
            None => (name, None),
        }
    }

    /// The codec of a file that begins with `bytes`.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let begins = |known: &&Known| {
            bytes.len() >= known.begins.len()
                && known.begins.iter().zip(bytes).all(|(known, byte)| *known == b'?' || known == byte)
        };
        KNOWN.iter().find(begins).map(|known| known.codec)
    }

    /// What is packed, in chunks.
    pub(crate) fn unpacked(
        self,
        packed: BoxStream<'static, object_store::Result<Bytes>>,
    ) -> BoxStream<'static, object_store::Result<Bytes>> {
        fn chunks(decoder: impl AsyncRead + Send + 'static) -> BoxStream<'static, io::Result<Bytes>> {
            ReaderStream::with_capacity(decoder, CHUNK_BYTES).boxed()
        }
        let packed = StreamReader::new(packed.map_err(io::Error::other));
        let unpacked = match self {
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(packed);
                decoder.multiple_members(true);
                chunks(decoder)
            }
            Self::Bzip2 => {
                let mut decoder = BzDecoder::new(packed);
                decoder.multiple_members(true);
                chunks(decoder)
            }
            Self::Xz => {
                let mut decoder = XzDecoder::new(packed);
                decoder.multiple_members(true);
                chunks(decoder)
            }
            Self::Zstd => {
                let mut decoder = ZstdDecoder::new(packed);
                decoder.multiple_members(true);
                chunks(decoder)
            }
        };
        unpacked.map_err(move |error| self.failed(error)).boxed()
    }

    /// A store's own error, or what the decoder says.
    fn failed(self, error: io::Error) -> object_store::Error {
        match error.downcast::<object_store::Error>() {
            Ok(of_store) => of_store,
            Err(error) => as_of_store(
                Error::new(ErrorKind::Invalid, format!("it cannot be unpacked with {}: {error}", self.name()))
                    .with_hint(
                        "the file is damaged, cut off, or packed otherwise: compression = 'none' reads it as it is",
                    ),
            ),
        }
    }
}

/// An error of ours that travels through a store.
pub(super) fn as_of_store(error: Error) -> object_store::Error {
    object_store::Error::Generic { store: "maar", source: Box::new(error) }
}

/// How the files of a table are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Packing {
    /// As the end of its name says, each.
    #[default]
    ByName,
    /// All alike, or none (`None`), whatever they are called.
    All(Option<Codec>),
}

impl Packing {
    /// # Errors
    /// [`ErrorKind::Invalid`] where an option names no codec.
    pub(crate) fn of_option(text: &str) -> Result<Self> {
        let text = text.trim_matches('\'').to_ascii_lowercase();
        match text.as_str() {
            "auto" | "auto_detect" => return Ok(Self::ByName),
            "none" | "uncompressed" | "" => return Ok(Self::All(None)),
            _ => {}
        }
        match KNOWN.iter().find(|known| known.ends.contains(&text.as_str())) {
            Some(known) => Ok(Self::All(Some(known.codec))),
            None => {
                Err(Error::new(ErrorKind::Invalid, format!("there is no compression of text files called '{text}'"))
                    .with_hint("write gzip, bzip2, xz, zstd, none or auto (as the files' names say)"))
            }
        }
    }

    /// The codec of a file of that name.
    pub(crate) fn codec(self, name: &str) -> Option<Codec> {
        match self {
            Self::ByName => Codec::of_name(name).1,
            Self::All(codec) => codec,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_and_options_say_the_codec() {
        assert_eq!(Codec::of_name("a.csv.GZ"), ("a.csv", Some(Codec::Gzip)));
        assert_eq!(Codec::of_name("a.csv"), ("a.csv", None));
        assert_eq!(Packing::of_option("ZST").unwrap().codec("a.csv"), Some(Codec::Zstd));
        assert_eq!(Packing::of_option("none").unwrap().codec("a.csv.gz"), None);
        assert_eq!(Packing::of_option("auto").unwrap().codec("a.csv.bz2"), Some(Codec::Bzip2));
        assert_eq!(Codec::of_bytes(b"BZh61AY&SY.."), Some(Codec::Bzip2));
        assert_eq!(Codec::of_bytes(b"n,s\n1,x\n"), None);
        assert!(Packing::of_option("rar").unwrap_err().hint().is_some_and(|hint| hint.contains("zstd")));
    }
}
