//! Where COPY writes: a folder in which no file can be made is refused before anything is written. The store of local files
//! tries again and again where the system says of a new file that it is "not found" though its folder is there, as in `/proc`.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use datafusion::prelude::SessionConfig;

use super::{gate, urls};
use crate::error::{Error, ErrorKind, Result};

/// # Errors
/// [`ErrorKind::Storage`] where `target` is a path of this machine, its folder is there, and no file can be made in it;
/// [`ErrorKind::Forbidden`] where the session may not write there, [`ErrorKind::Invalid`] for a URL that holds a password.
pub(crate) fn check_target(config: &SessionConfig, target: &str) -> Result<()> {
    urls::parts(target)?;
    gate::check_path(config, target)?;
    let path = match target.split_once("://") {
        None => PathBuf::from(target),
        Some(("file", path)) => PathBuf::from(path),
        Some(_) => return Ok(()),
    };
    let Ok(path) = std::path::absolute(path) else { return Ok(()) };
    // What is missing is made; a folder that is the target itself is written into.
    let Some(folder) = path.ancestors().find(|above| above.is_dir()) else { return Ok(()) };
    match try_in(folder) {
        Ok(()) => Ok(()),
        Err(e) => {
            let message = format!("no file can be made in '{}', for '{target}': {e}", folder.display());
            Err(Error::new(ErrorKind::Storage, message).with_hint("choose a folder that you may write to"))
        }
    }
}

/// Makes a file of a name that readers of folders leave out, and takes it away.
fn try_in(folder: &Path) -> io::Result<()> {
    let name = folder.join(format!(".maar-{}", std::process::id()));
    match OpenOptions::new().write(true).create_new(true).open(&name) {
        Ok(_) => fs::remove_file(&name),
        // Another thread is trying.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}
