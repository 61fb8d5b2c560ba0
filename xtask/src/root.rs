//! Where things are: the repository's root and cargo's build folder.

use std::path::{Path, PathBuf};

/// The repository's root: the folder above this crate.
pub(crate) fn repository() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Cargo's build folder, `CARGO_TARGET_DIR` respected.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => repository().join(folder),
        None => repository().join("target"),
    }
}
