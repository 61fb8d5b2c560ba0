//! Compiled code on disk: one file a kernel under `v1/<environment>/<sha256 of the request>`.
//!
//! The environment hashes everything else that decides the code (header, compiler and version, options, architecture).
//! A file is written under a name of its own and renamed, so readers see whole files or none; its last line carries a
//! checksum, so a damaged file is a miss and is replaced. Both kinds of code are ELF, which ignores bytes after its end.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::backend::CodeImage;
use super::{DeviceError, DeviceResult, KernelRequest, KernelResources};

const TRAILER_MARK: &str = "\nmaar-code";

/// Lower-case hexadecimal SHA-256 of the parts, each preceded by its length so that no two lists collide.
pub(crate) fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The cache folder of one environment.
#[derive(Debug)]
pub(crate) struct DiskCache {
    dir: PathBuf,
    extension: &'static str,
}

impl DiskCache {
    /// Creates the folder where it is missing.
    pub(crate) fn open(root: &Path, environment: &str, extension: &'static str) -> DeviceResult<Self> {
        let dir = root.join("v1").join(&digest(&[environment.as_bytes()])[..16]);
        fs::create_dir_all(&dir).map_err(|e| unwritable(&dir, &e))?;
        Ok(Self { dir, extension })
    }

    pub(crate) fn key(request: &KernelRequest) -> String {
        digest(&[request.entry.as_bytes(), format!("{:?}", request.sync).as_bytes(), request.source.as_bytes()])
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.dir.join(format!("{key}.{}", self.extension))
    }

    /// A path in the folder that no other writer uses, of this process or another.
    pub(crate) fn scratch(&self) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let unique = format!("{}-{nanos:x}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.dir.join(format!("tmp-{unique}"))
    }

    /// The image of `key`, or nothing where the file is missing or damaged.
    pub(crate) fn read(&self, key: &str) -> Option<CodeImage> {
        let mut bytes = fs::read(self.path(key)).ok()?;
        let mark = bytes.windows(TRAILER_MARK.len()).rposition(|w| w == TRAILER_MARK.as_bytes())?;
        let trailer = String::from_utf8(bytes.split_off(mark)).ok()?;
        let (resources, checksum) = parse_trailer(&trailer)?;
        (digest(&[&bytes]) == checksum).then_some(CodeImage { bytes, resources })
    }

    /// Writes the image and returns where.
    pub(crate) fn write(&self, key: &str, image: &CodeImage) -> DeviceResult<PathBuf> {
        let (scratch, path) = (self.scratch(), self.path(key));
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&scratch)
            .and_then(|mut file| {
                file.write_all(&image.bytes)?;
                file.write_all(trailer(image).as_bytes())
            })
            .and_then(|()| fs::rename(&scratch, &path));
        written.map_err(|e| {
            // Best effort: the error that matters is the one reported.
            let _ = fs::remove_file(&scratch);
            unwritable(&path, &e)
        })?;
        Ok(path)
    }
}

fn trailer(image: &CodeImage) -> String {
    let KernelResources { registers, spill_bytes, stack_bytes } = image.resources;
    format!("{TRAILER_MARK} {registers} {spill_bytes} {stack_bytes} {}", digest(&[&image.bytes]))
}

fn parse_trailer(text: &str) -> Option<(KernelResources, String)> {
    let mut words = text.strip_prefix(TRAILER_MARK)?.split_ascii_whitespace();
    let mut number = || words.next()?.parse().ok();
    let resources = KernelResources { registers: number()?, spill_bytes: number()?, stack_bytes: number()? };
    Some((resources, words.next()?.to_owned()))
}

fn unwritable(path: &Path, error: &std::io::Error) -> DeviceError {
    DeviceError::unavailable(
        format!("compiled device code cannot be written to {}: {error}", path.display()),
        "Set XDG_CACHE_HOME or DeviceOptions::cache_dir to a folder that can be written",
    )
}
