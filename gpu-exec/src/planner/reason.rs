//! Why an operator or expression stays on the host, in words a user can act on.

use std::fmt;

use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::fmt_sql;

/// Longest expression text quoted in a reason, in characters.
const QUOTE_CHARS_MAX: usize = 120;

/// The reason a part of a plan is not placed on the device. Display gives one line, no final stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A reason that names the expression it is about.
    pub fn at(expr: &dyn PhysicalExpr, cause: impl fmt::Display) -> Self {
        Self(format!("{cause}: {}", quote(expr)))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The expression as SQL, shortened in the middle of nowhere but never split inside a character.
pub(crate) fn quote(expr: &dyn PhysicalExpr) -> String {
    shorten(&fmt_sql(expr).to_string(), QUOTE_CHARS_MAX)
}

/// At most `chars_max` characters of the text, an ellipsis included where some were cut.
pub(crate) fn shorten(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    kept + "…"
}
