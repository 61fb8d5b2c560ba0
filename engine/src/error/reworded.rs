//! DataFusion's messages of mistakes that people make every day, in the words of SQL and with what to write instead. A
//! message that is not among them stays as it is.

use super::classify::between;
use super::{Error, ErrorKind};

/// A part of the message, what is before and behind the part of it that `$` stands for, and what is said instead, with a hint.
type Rule = (&'static str, &'static str, &'static str, &'static str, &'static str);

const RULES: &[Rule] = &[
    (
        "Substring without for/from",
        "",
        "",
        "substr takes a place to start from",
        "write substr(s, 2) or substr(s, 2, 3)",
    ),
    (
        "Physical plan does not support logical expression WindowFunction",
        "",
        "",
        "a window function stands where none may",
        "WHERE, GROUP BY and HAVING come before windows: write QUALIFY, or a query around this one",
    ),
    (
        "Physical plan does not support logical expression",
        "",
        "",
        "this expression is not supported where it stands",
        "",
    ),
    (
        "Ambiguous reference to unqualified field",
        "field ",
        "",
        "ambiguous: several tables have a column $",
        "write which: t.$",
    ),
    (
        "must appear in the GROUP BY clause",
        "column \"",
        "\"",
        "the column $ is neither in GROUP BY nor in an aggregate",
        "add it to GROUP BY, or write any_value($)",
    ),
    (
        "Aggregate functions are not allowed in the WHERE clause",
        "",
        "",
        "aggregates are not allowed in WHERE, which comes before groups",
        "write HAVING",
    ),
    (
        "Aggregate function calls cannot be nested",
        "",
        "",
        "aggregates cannot be nested",
        "aggregate in an inner query: SELECT sum(n) FROM (SELECT count(*) AS n FROM t GROUP BY g)",
    ),
    ("could not find config namespace", "key \"", "\"", "there is no option $", "SHOW ALL lists the options"),
    (
        "is not a variable which can be viewed",
        "'",
        "'",
        "there is no option $",
        "SHOW ALL lists the options, SHOW TABLES the tables, and DESCRIBE t the columns of a table",
    ),
    (
        "Schema contains duplicate unqualified field name",
        "name ",
        "",
        "there are two columns $",
        "give one another name",
    ),
    (
        "Schema contains duplicate qualified field name",
        "name ",
        ".",
        "two tables are called $",
        "give one another name: FROM $, $ AS other",
    ),
    (
        "Cannot create filter with non-boolean predicate",
        "returning ",
        "",
        "a condition is BOOLEAN, and this one is $",
        "compare it with something",
    ),
    ("Expected LIMIT to be", "got ", "", "LIMIT takes a number, and this is $", ""),
    ("Expected OFFSET to be", "got ", "", "OFFSET takes a number, and this is $", ""),
    (
        "The subquery should only return one column",
        "column: ",
        "",
        "a subquery that is a value has one column, and this one has $",
        "select only one column in the subquery",
    ),
    ("common type to coerce", "coerce ", " in LIKE", "LIKE compares strings, and these are $", "cast both to VARCHAR"),
    (
        "is not Struct, Map, or Null",
        "type ",
        " is not",
        "fields are of structs and maps, and this is $",
        "the first value of a list is l[1]",
    ),
    ("not found in struct", "Field ", " not", "the struct has no field $", ""),
    ("Invalid qualifier", "qualifier ", "", "there is no table $ in FROM", ""),
    (
        "Order by column out of bounds",
        "specified: ",
        ",",
        "ORDER BY $: the select list has no column of that number",
        "",
    ),
    (
        "Cannot find column with position",
        "position ",
        " ",
        "GROUP BY $: the select list has no column of that number",
        "",
    ),
    ("No infix parser for token ExclamationMark", "", "", "the operator ! is not supported", "write factorial(n)"),
    (
        "Expected: MATCH_CONDITION",
        "",
        "",
        "ASOF JOIN is not supported",
        "write JOIN u ON t.k = u.k AND t.ts >= u.ts, and QUALIFY row_number() OVER (PARTITION BY t.k, t.ts ORDER BY u.ts DESC) = 1",
    ),
    (
        "Expecting number or byte length",
        "",
        "",
        "TABLESAMPLE wants the number of rows",
        "write TABLESAMPLE BERNOULLI (10 PERCENT), or TABLESAMPLE (100 ROWS)",
    ),
    ("has no type information", "[\"", "\"", "there is no variable $", "write the value itself"),
    (
        "Date part '",
        "Date part '",
        "'",
        "there is no part '$' of dates and times",
        "the parts are year, quarter, month, week, day, doy, dow, isodow, hour, minute, second, millisecond, microsecond, nanosecond and epoch",
    ),
    (
        "Invalid input syntax for type interval",
        "\"",
        "\"",
        "'$' is no interval",
        "write INTERVAL '1 year 2 days 03:04:05'",
    ),
    (
        "Error parsing timestamp from",
        "from '",
        "'",
        "'$' is no timestamp",
        "write TIMESTAMP '2024-01-31 12:30:00', or read it with strptime(text, '%d/%m/%Y')",
    ),
    (
        "There is no registered file format",
        "ext ",
        "",
        "there is no file format $",
        "the formats that are written are parquet, csv, json and arrow: COPY t TO 'file' (FORMAT csv)",
    ),
    (
        "join condition should not be empty",
        "",
        "",
        "LEFT, RIGHT and FULL JOIN want a condition",
        "write ON t.a = u.a, or USING (a)",
    ),
    (
        "Cannot coerce arithmetic expression",
        "expression ",
        " to valid",
        "no operator takes $",
        "cast one side to the type of the other",
    ),
    (
        "Using clause not supported",
        "",
        "",
        "DELETE ... USING is not supported",
        "write WHERE EXISTS (SELECT 1 FROM other WHERE other.key = key)",
    ),
    (
        "UPDATE ... FROM",
        "",
        "",
        "UPDATE ... FROM is not supported",
        "write SET a = (SELECT other.a FROM other WHERE other.key = key)",
    ),
    (
        "which would be ambiguous",
        "unqualified field name ",
        " which",
        "two columns are called $ where one is meant",
        "give what the select list calls $ another name: AS $_1",
    ),
    ("Insert-returning clause", "", "", "RETURNING is not supported", "select the rows after the statement"),
    ("wildcard * with RENAME", "", "", "* RENAME is not supported", "write * EXCLUDE (a), a AS b"),
    (
        "UNNEST with ordinality",
        "",
        "",
        "WITH ORDINALITY is not supported",
        "write row_number() OVER () in the select list",
    ),
];

/// Types of other engines, and what they are here.
const TYPES: &[(&str, &str)] = &[
    ("UUID", "VARCHAR"),
    ("HUGEINT", "DECIMAL(38, 0)"),
    ("UHUGEINT", "DECIMAL(38, 0)"),
    ("INT128", "DECIMAL(38, 0)"),
    ("JSON", "VARCHAR, and functions such as json_extract(text, '$.a')"),
    ("JSONB", "VARCHAR, and functions such as json_extract(text, '$.a')"),
    ("BIT", "VARCHAR or BIGINT"),
    ("MONEY", "DECIMAL(18, 2)"),
    ("SERIAL", "BIGINT, with row_number() OVER () for its values"),
    ("ENUM", "VARCHAR"),
    ("TIMETZ", "TIME"),
    ("BLOB", "BYTEA"),
    ("UTINYINT", "TINYINT UNSIGNED"),
    ("USMALLINT", "SMALLINT UNSIGNED"),
    ("UINTEGER", "INT UNSIGNED"),
    ("UBIGINT", "BIGINT UNSIGNED"),
];

/// What is said instead, if `message` is one of them. The caller gives the kind.
pub(super) fn reworded(message: &str, kind: ErrorKind) -> Option<Error> {
    if let Some(found) = of_numbers(message).or_else(|| of_types(message)).or_else(|| gone(message)) {
        return Some(found);
    }
    let (_, before, behind, said, hint) = RULES.iter().find(|(part, ..)| message.contains(part))?;
    let line = message.lines().next().unwrap_or(message);
    let inside = match (before.is_empty(), behind.is_empty()) {
        (true, _) => "",
        (false, true) => line.split_once(before).map_or("", |(_, inside)| inside),
        (false, false) => between(line, before, behind).unwrap_or_default(),
    };
    let filled = |template: &str| template.replace('$', inside);
    let error = Error::new(kind, filled(said));
    Some(if hint.is_empty() { error } else { error.with_hint(filled(hint)) })
}

/// Two numbers that do not fit each other.
fn of_numbers(message: &str) -> Option<Error> {
    if let Some(rest) = message.strip_prefix("Inconsistent data length across values list: got ") {
        let (given, rest) = rest.split_once(" values in row ")?;
        let (row, wanted) = rest.split_once(" but expected ")?;
        let row = row.parse::<usize>().ok()? + 1;
        let text = format!("row {row} of VALUES has {given} values, and {wanted} are wanted");
        return Some(Error::new(ErrorKind::Invalid, text));
    }
    let columns = between(message, "Source table contains ", " columns")?;
    let named = between(message, "but only ", " names")?;
    let text = format!("there are {columns} columns, and {named} names for them");
    Some(Error::new(ErrorKind::Invalid, text).with_hint("name every column: t AS x(a, b, c)"))
}

fn of_types(message: &str) -> Option<Error> {
    let named = message.strip_prefix("Unsupported SQL type ")?.trim();
    let error = Error::new(ErrorKind::Unsupported, format!("there is no type {named}"));
    let bare = named.split(['(', '[']).next().unwrap_or(named).trim();
    let known = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(bare));
    Some(error.with_hint(known.map_or_else(
        || "types are BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, REAL, DOUBLE, DECIMAL(p, s), VARCHAR, BYTEA, DATE, TIME, TIMESTAMP, INTERVAL and INT[]".to_string(),
        |(_, instead)| format!("use {instead}"),
    )))
}

/// What DROP does not find.
fn gone(message: &str) -> Option<Error> {
    ["Table", "View"].into_iter().find_map(|what| {
        let name = between(message, &format!("{what} '"), "' doesn't exist")?;
        let (what, other) = if what == "Table" { ("table", "VIEW") } else { ("view", "TABLE") };
        let error = Error::new(ErrorKind::NotFound, format!("there is no {what} '{name}'"));
        Some(error.with_hint(format!(
            "DROP {} IF EXISTS passes over what is not there; DROP {other} is for the other kind",
            what.to_uppercase()
        )))
    })
}
