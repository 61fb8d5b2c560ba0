//! Faults that are known and not mended yet: pairs that would only show them again are left out. An empty table is the aim.

use crate::property::Texts;

/// What a pair is left out for.
enum Sign {
    /// The name of its property has this.
    Name(&'static str),
    /// One of its texts has this.
    Text(&'static str),
    /// Tables have this.
    Tables(&'static str),
    /// The difference says this.
    Message(&'static str),
}

/// A sign, and the fault behind it.
const KNOWN: &[(Sign, &str)] = &[
    (Sign::Tables("not null and missing"), "a column that is NOT NULL in one file and missing in another"),
    (Sign::Message("Physical input schema should be the same"), "common subexpressions of booleans"),
];

pub(crate) fn is_in(name: &str, texts: &Texts) -> bool {
    KNOWN.iter().any(|(sign, _)| match sign {
        Sign::Name(part) => name.contains(part),
        Sign::Message(_) | Sign::Tables(_) => false,
        Sign::Text(part) => texts.left.contains(part) || texts.right.contains(part),
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
