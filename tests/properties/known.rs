//! Faults that are known and not mended yet: pairs that would only show them again are left out. An empty table is the aim.

use crate::property::Statements;

/// What a pair is left out for.
#[allow(dead_code, reason = "at best nothing is known")]
enum Sign {
    /// The name of its property has this.
    Name(&'static str),
    /// One of its statements has this.
    Text(&'static str),
    /// Tables have this.
    Tables(&'static str),
    /// The difference says this.
    Message(&'static str),
}

/// A sign, and the fault behind it.
const KNOWN: &[(Sign, &str)] = &[];

pub(crate) fn is_in(name: &str, statements: &Statements) -> bool {
    KNOWN.iter().any(|(sign, _)| match sign {
        Sign::Name(part) => name.contains(part),
        Sign::Message(_) | Sign::Tables(_) => false,
        Sign::Text(part) => statements.left.contains(part) || statements.right.contains(part),
    })
}

/// Whether this is how a known fault shows.
pub(crate) fn is_message(difference: &str) -> bool {
    KNOWN.iter().any(|(sign, _)| matches!(sign, Sign::Message(part) if difference.contains(part)))
}

/// Whether tables must not have this.
pub(crate) fn is_of_tables(what: &str) -> bool {
    KNOWN.iter().any(|(sign, _)| matches!(sign, Sign::Tables(part) if *part == what))
}
