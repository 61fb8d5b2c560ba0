//! Compiled code on disk: one file a kernel under `v1/<environment>/<sha256 of the request>`.
//!
//! The environment hashes everything else that decides the code (header, compiler and version, options, architecture).
//! A file is written under a name of its own and renamed, so readers see whole files or none; its last line carries a
//! checksum, so a damaged file is a miss and is replaced. Both kinds of code are ELF, which ignores bytes after its end.
//! A cache over [`BYTES_MAX`] loses the files used longest ago when a device is opened.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::backend::CodeImage;
use super::code::without_comments;
use super::{DeviceError, DeviceResult, KernelRequest, KernelResources};

/// What the code of all environments may take on disk.
const BYTES_MAX: u64 = 512 << 20;
/// A scratch file older than this was left by a process that died.
const SCRATCH_AGE: Duration = Duration::from_secs(24 * 3600);
const SCRATCH: &str = "tmp-";

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
    /// Creates the folder where it is missing, and trims the cache where it has grown too large.
    pub(crate) fn open(root: &Path, environment: &str, extension: &'static str) -> DeviceResult<Self> {
        trim(&root.join("v1"), BYTES_MAX);
        let dir = root.join("v1").join(&digest(&[environment.as_bytes()])[..16]);
        fs::create_dir_all(&dir).map_err(|e| unwritable(&dir, &e))?;
        Ok(Self { dir, extension })
    }

    /// Comments are no part of it: see [`without_comments`].
    pub(crate) fn key(request: &KernelRequest) -> String {
        digest(&[
            request.entry.as_bytes(),
            format!("{:?}", request.sync).as_bytes(),
            without_comments(&request.source).as_bytes(),
        ])
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.dir.join(format!("{key}.{}", self.extension))
    }

    /// A path in the folder that no other writer uses, of this process or another.
    pub(crate) fn scratch(&self) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let unique = format!("{}-{nanos:x}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.dir.join(format!("{SCRATCH}{unique}"))
    }

    /// The image of `key`, or nothing where the file is missing or damaged.
    pub(crate) fn read(&self, key: &str) -> Option<CodeImage> {
        let mut bytes = fs::read(self.path(key)).ok()?;
        let mark = bytes.windows(TRAILER_MARK.len()).rposition(|w| w == TRAILER_MARK.as_bytes())?;
        let trailer = String::from_utf8(bytes.split_off(mark)).ok()?;
        let (resources, checksum) = parse_trailer(&trailer)?;
        // Used now: what is trimmed is what was used longest ago. A cache that cannot be written still serves.
        let _ =
            fs::File::options().append(true).open(self.path(key)).and_then(|file| file.set_modified(SystemTime::now()));
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

/// Removes abandoned scratch files and, where the files under `root` take more than `bytes_max`, those used longest
/// ago until three quarters of it are left. Best effort: what other processes remove meanwhile is no error.
fn trim(root: &Path, bytes_max: u64) {
    let mut files = Vec::new();
    for folder in fs::read_dir(root).into_iter().flatten().flatten() {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let Ok(meta) = file.metadata() else { continue };
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            match file.file_name().to_string_lossy().starts_with(SCRATCH) {
                true if used.elapsed().is_ok_and(|age| age > SCRATCH_AGE) => drop(fs::remove_file(file.path())),
                true => {}
                false => files.push((used, meta.len(), file.path())),
            }
        }
    }
    let mut bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
    if bytes <= bytes_max {
        return;
    }
    files.sort_unstable();
    for (_, length, path) in files {
        if bytes <= bytes_max / 4 * 3 {
            break;
        }
        if fs::remove_file(path).is_ok() {
            bytes -= length;
        }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::SyncMode;
    use super::*;

    #[test]
    fn comments_are_no_part_of_the_key() {
        let key =
            |source: &str, sync| DiskCache::key(&KernelRequest { entry: "k".into(), source: source.into(), sync });
        let of_one = key("f();\n  // WHERE a > $1\n  g();\n", SyncMode::None);
        assert_eq!(of_one, key("f();\n  // WHERE other > $1\n  // x\n  g();\n", SyncMode::None));
        assert_ne!(of_one, key("f();\n  h();\n", SyncMode::None));
        assert_ne!(of_one, key("f();\n  g();\n", SyncMode::Warp));
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let root = std::env::temp_dir().join(format!("maar-trim-{}", std::process::id()));
        let folder = root.join("environment");
        fs::create_dir_all(&folder).unwrap();
        let now = SystemTime::now();
        for (name, days) in [("oldest", 3), ("older", 2), ("new", 0), ("tmp-abandoned", 2), ("tmp-busy", 0)] {
            fs::write(folder.join(name), [0; 100]).unwrap();
            let file = fs::File::options().append(true).open(folder.join(name)).unwrap();
            file.set_modified(now - Duration::from_secs(days * 86_400)).unwrap();
        }
        let left = || {
            let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
            names.sort();
            names
        };
        trim(&root, 300);
        assert_eq!(left(), ["new", "older", "oldest", "tmp-busy"]);
        trim(&root, 299);
        assert_eq!(left(), ["new", "older", "tmp-busy"]);
        fs::remove_dir_all(&root).unwrap();
    }
}
