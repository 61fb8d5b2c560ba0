//! The support table as a page of the documentation, `docs/device.md`: a test holds the one against the other.

use std::fmt::Write;

use super::{CASTS, ROWS, Subject, Support, Types};

const HEAD: &str = "# What runs on the device

Placement asks this table whether a construct has a form on the device; what is not in it runs on the host. The first row that names a construct and its
type decides. `EXPLAIN` says of a query what runs where and why, `SET maar.require_device = true` makes an error of what does not run on the device.
Some properties of a construct keep it on the host besides (IGNORE NULLS and FILTER of a window function, ORDER BY inside an aggregate): the reason says which.

This page is printed from the table by a test; `MAAR_WRITE_PAGES=1 cargo test --workspace --test placement page` writes it anew.
";

/// The table's parts, in order: what they are about, and what their names are called.
const PARTS: &[(Subject, &str, &str)] = &[
    (Subject::Operator, "Operators", "operator"),
    (Subject::Expression, "Expressions", "expression"),
    (Subject::Function, "Functions", "function"),
    (
        Subject::TextFunction,
        "Functions of text: of one column and constants, evaluated once for each word of a dictionary",
        "function",
    ),
    (Subject::Aggregate, "Aggregates", "function"),
    (Subject::JoinKey, "Keys of joins", "key"),
    (Subject::GroupKey, "Keys of groups", "key"),
    (Subject::SortKey, "Keys of sorts", "key"),
];

/// The page, in Markdown.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    // Writing to a String cannot fail.
    for (subject, title, name) in PARTS {
        let _ = write!(page, "\n## {title}\n\n| {name} | of | where |\n|---|---|---|\n");
        for row in ROWS.iter().filter(|row| row.subject == *subject) {
            let _ = writeln!(page, "| `{}` | {} | {} |", cell(row.name), types(row.types), place(row.support));
        }
    }
    page.push_str("\n## Casts\n\n| from | to | where |\n|---|---|---|\n");
    for row in CASTS {
        let _ = writeln!(page, "| {} | {} | {} |", types(row.from), types(row.to), place(row.support));
    }
    page
}

fn types(types: Types) -> String {
    if types.contains(Types::ANY) { "any type".to_owned() } else { types.to_string() }
}

fn place(support: Support) -> String {
    match support {
        Support::Device => "device".to_owned(),
        Support::Host(why) => format!("host: {}", cell(why)),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
