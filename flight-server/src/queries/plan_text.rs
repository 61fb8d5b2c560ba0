//! Operators of a plan as they may be shown. A plan has values where its statement has them, and those of parameters, without quotes: where
//! one of them ends nobody can tell. Not here: statements (`maar_engine::redacted`).

use std::borrow::Cow;
use std::sync::LazyLock;

use maar_engine::is_secret;
use regex::Regex;

/// A column, perhaps with its number, and what it is compared by.
static COMPARED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    const BY: &str = r"[=<>~]|!=|!~|(?:not\s+)?(?:in|i?like|between|similar\s+to)\b|is\s+(?:not\s+)?distinct\s+from\b";
    Regex::new(&format!(r#"(?i)([\w."]+)(?:@[0-9]+)?\)*\s*(?:{BY})"#)).ok()
});

/// What an operator says, up to where a column is compared whose name says that it holds secrets.
pub(super) fn shown(operator: &str) -> Cow<'_, str> {
    let Some(compared) = &*COMPARED else { return "***".into() };
    let mut found = compared.captures_iter(operator).filter_map(|found| found.get(0).zip(found.get(1)));
    match found.find(|(_, column)| is_secret(column.as_str())) {
        Some((whole, _)) => format!("{} ***", &operator[..whole.end()]).into(),
        None => operator.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_secret_is_compared_with_is_not_shown() {
        for (operator, told) in [
            ("FilterExec: password@1 = hush, projection=[name@0]", "FilterExec: password@1 = ***"),
            ("FilterExec: name@0 = a AND api_key@1 LIKE hu sh% AND b", "FilterExec: name@0 = a AND api_key@1 LIKE ***"),
            ("FilterExec: lower(token@2) IN (SET) ([a, b])", "FilterExec: lower(token@2) IN ***"),
            ("DataSourceExec: predicate=t.secret@3 != x, pruning", "DataSourceExec: predicate=t.secret@3 != ***"),
            ("FilterExec: amount@1 > 5 AND name@0 = a", "FilterExec: amount@1 > 5 AND name@0 = a"),
            ("ProjectionExec: expr=[password@1 as password]", "ProjectionExec: expr=[password@1 as password]"),
            ("HashJoinExec: on=[(token@0, token@1)]", "HashJoinExec: on=[(token@0, token@1)]"),
        ] {
            assert_eq!(shown(operator), told);
        }
    }
}
