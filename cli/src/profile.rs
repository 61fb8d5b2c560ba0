//! `~/.config/maar/config.toml`: what a user wants of every run, and connections by name. Options of the command line go before it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::args::DeviceArg;
use crate::error::Failure;
use crate::output::Format;
use crate::source::Source;

/// The file, read. Without one everything is as it is by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) device: Option<DeviceArg>,
    pub(crate) format: Option<Format>,
    pub(crate) timer: bool,
    pub(crate) pager: bool,
    /// Rows of a box in the shell, 0 for all.
    pub(crate) max_rows: Option<usize>,
    /// A script that the shell runs first.
    startup: Option<PathBuf>,
    pub(crate) connections: BTreeMap<String, Connection>,
}

/// A server by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connection {
    pub(crate) address: String,
    pub(crate) tls_ca: Option<PathBuf>,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) password_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) insecure: bool,
}

impl Connection {
    fn files(&mut self) -> [&mut Option<PathBuf>; 4] {
        [&mut self.tls_ca, &mut self.tls_cert, &mut self.tls_key, &mut self.password_file]
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            device: None,
            format: None,
            timer: false,
            pager: true,
            max_rows: None,
            startup: None,
            connections: BTreeMap::new(),
        }
    }
}

impl Profile {
    /// Reads the file of this user, if there is one.
    ///
    /// # Errors
    /// For a file that cannot be read or says what nobody knows.
    pub(crate) fn load() -> Result<Self, Failure> {
        let Some(path) = path() else { return Ok(Self::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::read(&text, &path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Failure::file("read", &path, &error)),
        }
    }

    fn read(text: &str, path: &Path) -> Result<Self, Failure> {
        let mut profile: Self = toml::from_str(text).map_err(|error| wrong(text, path, &error))?;
        let files = profile.connections.values_mut().flat_map(Connection::files);
        for file in files.chain([&mut profile.startup]).flatten() {
            *file = placed(file, path);
        }
        Ok(profile)
    }

    /// The connection of a name.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) fn connection(&self, name: &str) -> Result<Connection, Failure> {
        self.connections.get(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.connections.keys().map(String::as_str).collect();
            let hint = match maar_engine::error::nearest(name, &names) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("config.toml has {}; an address is grpc://HOST:PORT", names.join(", ")),
            };
            Failure::usage(format!("there is no connection '{name}'\nHint: {hint}"))
        })
    }

    /// The script of `startup`.
    pub(crate) fn startup(&self) -> Result<Option<Source>, Failure> {
        self.startup.as_deref().map(Source::read).transpose()
    }
}

fn path() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("maar/config.toml"))
}

/// A file that the configuration at `path` names: from the user's folder with `~/`, else from the configuration's own.
fn placed(file: &Path, path: &Path) -> PathBuf {
    match (file.strip_prefix("~"), std::env::var_os("HOME"), path.parent()) {
        (Ok(rest), Some(home), _) => PathBuf::from(home).join(rest),
        (_, _, Some(folder)) => folder.join(file),
        _ => file.to_owned(),
    }
}

/// Names file, line and key, and what may stand there.
fn wrong(text: &str, path: &Path, error: &toml::de::Error) -> Failure {
    let Range { start, .. } = error.span().unwrap_or(0..0);
    let start = text.floor_char_boundary(start);
    let line = text[..start].matches('\n').count() + 1;
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map_or("", |(key, _)| key.trim());
    let message = error.message();
    let known: Vec<&str> = match message.split_once(", expected ") {
        Some((_, expected)) => expected.split('`').skip(1).step_by(2).collect(),
        None => Vec::new(),
    };
    let (what, hint) = if message.starts_with("unknown field") {
        let hint = match maar_engine::error::nearest(key, &known) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the keys are {}", known.join(", ")),
        };
        (format!("there is no key '{key}'"), format!("\nHint: {hint}"))
    } else if key.is_empty() {
        (message.to_owned(), String::new())
    } else {
        (format!("'{key}': {message}"), String::new())
    };
    Failure::usage(format!("'{}' line {line}: {what}{hint}", path.display()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Profile, Failure> {
        Profile::read(text, Path::new("/etc/maar/config.toml"))
    }

    fn refused(text: &str) -> String {
        read(text).unwrap_err().message().unwrap()
    }

    #[test]
    fn files_are_found_from_the_configuration() {
        let text =
            "startup = \"start.sql\"\nformat = \"csv\"\n[connections.a]\naddress = \"grpc://h\"\ntls_ca = \"/ca.pem\"";
        let profile = read(text).unwrap();
        assert_eq!(profile.startup, Some(PathBuf::from("/etc/maar/start.sql")));
        assert_eq!((profile.format, profile.pager), (Some(Format::Csv), true));
        assert_eq!(profile.connection("a").unwrap().tls_ca, Some(PathBuf::from("/ca.pem")));
        assert!(profile.connection("b").is_err());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let unknown = refused("timer = true\n\nfromat = \"csv\"");
        assert!(
            unknown.contains("config.toml' line 3: there is no key 'fromat'\nHint: did you mean format?"),
            "{unknown}"
        );
        let far = refused("[connections.x]\naddress = \"grpc://h\"\ncolour = 1");
        assert!(far.contains("line 3: there is no key 'colour'\nHint: the keys are address, tls_ca"), "{far}");
        let wrong_type = refused("timer = \"yes\"");
        assert!(wrong_type.contains("line 1: 'timer': ") && wrong_type.contains("boolean"), "{wrong_type}");
        let value = refused("device = \"tpu\"");
        assert!(value.contains("'device'") && value.contains("emulated"), "{value}");
        assert!(refused("a b").contains("line 1: "));
    }
}
