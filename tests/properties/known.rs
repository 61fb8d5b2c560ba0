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
    (Sign::Message("NULL | false"), "the simplifier forgets NULL"),
    (Sign::Text("IN (NULL"), "the simplifier forgets NULL"),
    (Sign::Text(", NULL"), "the simplifier forgets NULL"),
    (Sign::Text(" AND {x} IN"), "the simplifier forgets NULL"),
    (Sign::Name(" AND {x} IN"), "the simplifier forgets NULL"),
    (Sign::Name("IN as a value"), "IN over a subquery is no value"),
    (Sign::Message("Cannot cast to Decimal128"), "a float is compared with a decimal as a decimal"),
    (Sign::Message("to Nanosecond"), "a time literal becomes nanoseconds"),
    (Sign::Message("division by zero"), "what is not reached fails"),
    (Sign::Tables("odd floats"), "NaN and zeros of both signs"),
    (Sign::Text("IN (SELECT"), "IN over a subquery is no value"),
    (Sign::Text("xor"), "the simplifier forgets NULL"),
    (
        Sign::Name("names that both sides have"),
        "filters above outer joins land on the other side's column of the same name",
    ),
    (Sign::Name("correlated NOT IN"), "a correlated NOT IN forgets NULL"),
    (Sign::Name("EXCEPT ALL"), "multiplicities"),
    (Sign::Name("INTERSECT ALL"), "multiplicities"),
    (Sign::Name("HAVING without groups"), "filters no group"),
    (Sign::Name("USING"), "the merged column is the left one"),
    (Sign::Name("ANY"), "ANY and ALL are no values"),
    (Sign::Text("ANY (SELECT"), "ANY and ALL are no values"),
    (Sign::Text("ALL (SELECT"), "ANY and ALL are no values"),
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
