//! How a command can fail, what is written to stderr for it, and the exit code it means.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// A failure that ends the run of a script or a command (the shell reports it and goes on).
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine refused or failed a statement; `text` is rendered, with line, caret and hint.
    Sql { text: String },
    /// Something outside SQL: a file, a port, the benchmark's data.
    Other { text: String },
    /// There is no way to the server, or it lets nobody in.
    Connection { text: String },
    /// The command line asks for something impossible.
    Usage { text: String },
    /// Ctrl-C.
    Interrupted,
    /// The reader of our output went away (`maar ... | head`): not an error of ours.
    OutputClosed,
}

impl Failure {
    pub(crate) fn other(text: impl fmt::Display) -> Self {
        Self::Other { text: text.to_string() }
    }

    pub(crate) fn usage(text: impl fmt::Display) -> Self {
        Self::Usage { text: text.to_string() }
    }

    pub(crate) fn connection(text: impl fmt::Display) -> Self {
        Self::Connection { text: text.to_string() }
    }

    /// A file operation failed: names the file and the system's reason.
    pub(crate) fn file(action: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::Other { text: format!("cannot {action} '{}': {}", path.display(), reason(error)) }
    }

    /// 0 is success, 1 an SQL (or other) error, 2 usage, 3 no connection, 130 interrupted, as shells count.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Sql { .. } | Self::Other { .. } => ExitCode::from(1),
            Self::Usage { .. } => ExitCode::from(2),
            Self::Connection { .. } => ExitCode::from(3),
            Self::Interrupted => ExitCode::from(130),
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }

    /// The text for stderr, if there is anything to say.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Sql { text } | Self::Other { text } | Self::Connection { text } | Self::Usage { text } => {
                Some(format!("Error: {text}"))
            }
            Self::Interrupted => Some("Interrupted.".to_owned()),
            Self::OutputClosed => None,
        }
    }
}

/// The system's words without `(os error 2)`.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

impl From<io::Error> for Failure {
    /// For writes of results: a closed pipe is told apart from a full disk.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Other { text: format!("cannot write the output: {}", reason(&error)) },
        }
    }
}

/// Writes a failure to stderr, in red where `color` allows.
#[expect(clippy::print_stderr, reason = "stderr is where a command line tool reports failures")]
pub(crate) fn report(failure: &Failure, color: bool) {
    let Some(message) = failure.message() else { return };
    match message.strip_prefix("Error:") {
        Some(rest) if color => eprintln!("\x1b[1;31mError:\x1b[0m{rest}"),
        _ => eprintln!("{message}"),
    }
}

/// The engine turns panics of its threads into errors, which say all there is to say to a user; the message that Rust
/// prints besides is for developers, who set `RUST_BACKTRACE`.
pub(crate) fn quiet_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        return;
    }
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("main") {
            loud(panic);
        }
    }));
}
