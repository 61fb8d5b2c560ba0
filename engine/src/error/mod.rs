//! The engine's error: by what the caller can do about it, with a place in the SQL and a hint where known.
//! Not here: how DataFusion's errors are sorted into kinds (`classify`) and drawn (`render`).

mod arguments;
mod classify;
mod keywords;
mod missing;
mod nearest;
mod readable;
mod render;
mod reworded;
mod stores;
mod types;
mod values;

pub(crate) use keywords::with_keyword;

pub use nearest::nearest;
pub(crate) use readable::readable;
pub(crate) use types::in_sql;

use std::fmt;
use std::sync::Arc;

use datafusion::error::DataFusionError;

use crate::device::Panic;

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What the caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is not SQL: correct it.
    Syntax,
    /// A table, column, function, option or file is not there: correct the name, or create it.
    NotFound,
    /// Types, values or data that cannot be worked with: overflow, division by zero, a wrong cast, a corrupt file.
    Invalid,
    /// Right SQL that this engine does not run.
    Unsupported,
    /// Memory or spill space ran out: raise the limit the message names, or ask for less.
    Memory,
    /// The device is missing, refused or faulted.
    Device,
    /// The session may not do that: ask who may, or have it allowed.
    Forbidden,
    /// Files could not be read or written: permissions, network, a full disk. May pass on a retry.
    Storage,
    /// The query was cancelled.
    Cancelled,
    /// A bug of ours.
    Internal,
}

/// A place in the SQL: line and column count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// An error of the engine.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    position: Option<Position>,
    hint: Option<String>,
    cause: Option<Arc<DataFusionError>>,
    is_panic: bool,
}

impl Error {
    /// An error without position, hint or cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), position: None, hint: None, cause: None, is_panic: false }
    }

    /// A panic of code that we call or of our own.
    pub(crate) fn panicked(panic: &Panic) -> Self {
        let message = format!("internal error, a bug of ours: {panic}");
        Self { is_panic: true, ..Self::new(ErrorKind::Internal, message) }
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What went wrong, in one or a few sentences, without position and hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where in the script it went wrong, if known.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// What to try, if known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The table that was not found, if that is what went wrong.
    pub(crate) fn missing_table(&self) -> Option<&str> {
        self.message.strip_prefix(missing::NO_TABLE)?.strip_suffix('\'')
    }

    /// Whether a corrupt Parquet file may be behind it: a reader refused one, or something panicked, as readers do.
    pub(crate) fn may_be_a_corrupt_file(&self) -> bool {
        self.is_panic || self.cause.as_deref().is_some_and(classify::has_parquet_error)
    }

    /// Whether it is a panic, of code that we call or of our own.
    pub(crate) fn is_panic(&self) -> bool {
        self.is_panic
    }

    /// The same error, saying in which file it is.
    pub(crate) fn about_file(mut self, file: &object_store::path::Path) -> Self {
        if !self.names_a_file() {
            self.message = format!("'/{file}': {}", self.message);
        }
        self
    }

    /// Whether the message begins with the file that it is about.
    pub(crate) fn names_a_file(&self) -> bool {
        self.message.starts_with("'/")
    }

    /// The same error with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error at `position`, unless it already has one.
    #[must_use]
    pub fn or_at(mut self, position: Option<Position>) -> Self {
        self.position = self.position.or(position);
        self
    }

    /// The text for a person: message, the line of `script` with a caret under the place, and the hint.
    /// `script` is the whole text that was given to [`crate::split`] or [`crate::Session::sql`].
    pub fn render(&self, script: &str) -> String {
        render::render(self, script)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(at) = self.position {
            write!(f, " (line {}, column {})", at.line, at.column)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, ". Hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        classify::classify(error)
    }
}

/// The way back, for code that runs inside DataFusion's traits.
impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}
