//! Words of the language, for GetSqlInfo: those that are no names unless they are quoted, and functions by what they are about.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_flight::sql::SqlInfo;
use maar_engine::datafusion::functions::{datetime, encoding, math, regex, string, unicode};
use maar_engine::datafusion::logical_expr::ScalarUDF;
use maar_engine::datafusion::sql::sqlparser::keywords::{
    RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER, RESERVED_FOR_TABLE_ALIAS,
};

type Functions = fn() -> Vec<Arc<ScalarUDF>>;

/// Functions by the number that asks for them.
const FUNCTIONS: &[(SqlInfo, &[Functions])] = &[
    (SqlInfo::SqlNumericFunctions, &[math::functions]),
    (SqlInfo::SqlStringFunctions, &[string::functions, unicode::functions, regex::functions, encoding::functions]),
    (SqlInfo::SqlDatetimeFunctions, &[datetime::functions]),
];

/// Functions about the system and about NULL, which is what clients mean by system functions.
const SYSTEM: &[&str] = &["coalesce", "ifnull", "nullif", "nvl", "version"];

/// The lists, each with its number.
pub(super) fn lists() -> Vec<(SqlInfo, Vec<String>)> {
    let mut lists = vec![
        (SqlInfo::SqlKeywords, keywords()),
        (SqlInfo::SqlSystemFunctions, SYSTEM.iter().map(|name| (*name).to_owned()).collect()),
    ];
    lists.extend(FUNCTIONS.iter().map(|(number, functions)| (*number, names(functions))));
    lists
}

fn keywords() -> Vec<String> {
    let reserved = [RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS, RESERVED_FOR_IDENTIFIER];
    let words: BTreeSet<_> = reserved.into_iter().flatten().map(|word| format!("{word:?}")).collect();
    words.into_iter().filter(|word| word.chars().all(|c| c.is_ascii_uppercase())).collect()
}

/// The names of functions, each of which may have several.
fn names(functions: &[Functions]) -> Vec<String> {
    let all = functions.iter().flat_map(|functions| functions());
    let names = all.flat_map(|function| std::iter::once(function.name().to_owned()).chain(function.aliases().to_vec()));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}
