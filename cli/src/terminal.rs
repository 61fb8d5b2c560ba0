//! What the terminal is: its width, and whether colours are wanted.

use std::io::IsTerminal;

/// Columns of the terminal that stdout is; `COLUMNS` overrides.
pub(crate) fn width() -> Option<usize> {
    let stated = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|columns| *columns > 0);
    stated.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
}

/// Lines of the terminal that stdout is; `LINES` overrides.
pub(crate) fn height() -> Option<usize> {
    let stated = std::env::var("LINES").ok().and_then(|text| text.parse().ok()).filter(|lines| *lines > 0);
    stated.or_else(|| terminal_size::terminal_size().map(|(_, height)| usize::from(height.0)))
}

/// Whether colours are wanted: not with `--no-color`, `NO_COLOR` or a dumb terminal.
pub(crate) fn colors(no_color: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !no_color && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether colours are wanted on stderr.
pub(crate) fn error_colors(no_color: bool) -> bool {
    colors(no_color) && std::io::stderr().is_terminal()
}

/// A remark to the person at the terminal, beside the results.
#[expect(clippy::print_stderr, reason = "remarks go to stderr, results to stdout")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}
