//! What SQLAlchemy and JDBC ask of keys, indexes, identities and collations, which no table here has, in words that can be planned: arrays
//! of columns' numbers are no arrays in `datafusion-pg-catalog`, and some functions there are not. Only words that these tools send
//! are touched, and only where they ask for such: all else stays as it is, also what is refused.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use maar_engine::datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value, VisitMut, VisitorMut,
};
use maar_engine::datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use maar_engine::datafusion::sql::sqlparser::parser::Parser;
use regex::Regex;

/// Words without which there is nothing to do: what is printed anew the other rules know less well.
static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)unnest\(|_pg_expandarray\(|generate_subscripts\(|json_build_object\(|current_setting\(|typinput|(?:conkey|indoption)\[",
    )
    .ok()
});

/// Columns with numbers of columns.
const NUMBERS: &[&str] = &["indkey", "indclass", "indoption", "i_indoption", "indcollation", "conkey", "confkey"];

/// Tables that only JSON is made of.
const DESCRIBED: &[&str] = &["pg_sequence.", "pg_collation."];

/// `sql` in other words, if it has such in it; it is one statement, and not too deep.
pub(super) fn in_other_words(sql: &str) -> Option<String> {
    WORDS.as_ref().filter(|words| words.is_match(sql))?;
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).ok()?;
    let [mut statement] = <[_; 1]>::try_from(statements).ok()?;
    let _ = statement.visit(&mut Words);
    Some(statement.to_string())
}

struct Words;

impl VisitorMut for Words {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(instead) = instead(expr) {
            *expr = instead;
        }
        ControlFlow::Continue(())
    }
}

fn instead(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Function(call) => {
            let FunctionArguments::List(list) = &call.args else { return None };
            let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) = list.args.first() else { return None };
            let name = call.name.to_string().to_ascii_lowercase();
            match name.rsplit('.').next()? {
                "unnest" if is_number(first) => Some(first.clone()),
                "generate_subscripts" if is_number(first) => written("1"),
                "_pg_expandarray" if is_number(first) => written("named_struct('x', 0, 'n', 0)"),
                "json_build_object" if DESCRIBED.iter().any(|table| call.args.to_string().contains(table)) => {
                    written("NULL")
                }
                _ => None,
            }
        }
        // One of the numbers.
        Expr::CompoundFieldAccess { root, access_chain } => {
            let mut names = access_chain.iter().filter_map(|access| match access {
                AccessExpr::Dot(name) => Some(name),
                AccessExpr::Subscript(_) => None,
            });
            let of = names.next_back().unwrap_or(root.as_ref());
            let is_one = matches!(access_chain.last(), Some(AccessExpr::Subscript(_)));
            if is_one && is_number(of) { written("CAST(NULL AS SMALLINT)") } else { None }
        }
        // Functions of types are texts, not the numbers of functions.
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if last_name(left) == "typinput" => {
            let Expr::Cast { expr: name, .. } = right.as_ref() else { return None };
            let Expr::Value(name) = name.as_ref() else { return None };
            let Value::SingleQuotedString(name) = &name.value else { return None };
            let name = name.rsplit('.').next().unwrap_or_default().to_owned();
            let right = Box::new(Expr::value(Value::SingleQuotedString(name)));
            Some(Expr::BinaryOp { left: left.clone(), op: BinaryOperator::Eq, right })
        }
        // The one way to keep a table, as in PostgreSQL by default.
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } if last_name(left) == "amname" => {
            let Expr::Function(call) = right.as_ref() else { return None };
            let is_setting = call.name.to_string().to_ascii_lowercase().ends_with("current_setting");
            let right = Box::new(Expr::value(Value::SingleQuotedString("heap".to_owned())));
            is_setting.then(|| Expr::BinaryOp { left: left.clone(), op: BinaryOperator::NotEq, right })
        }
        _ => None,
    }
}

fn is_number(column: &Expr) -> bool {
    NUMBERS.contains(&last_name(column).as_str())
}

/// The last part of a name, in small letters.
fn last_name(column: &Expr) -> String {
    let name = match column {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(names) => names.last(),
        _ => None,
    };
    name.map(|name| name.value.to_ascii_lowercase()).unwrap_or_default()
}

fn written(sql: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).ok()?.parse_expr().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_no_table_has_is_asked_for_in_other_words() {
        for (sql, part) in [
            (
                "select unnest(i.indkey) as n, generate_subscripts(i.indkey, 1) as o from pg_index i",
                "i.indkey AS n, 1 AS o",
            ),
            (
                "select (information_schema._pg_expandarray(i.indkey)).n from pg_index i",
                "(named_struct('x', 0, 'n', 0)).n",
            ),
            ("select tmp.I_INDOPTION[tmp.n - 1] & 1 from tmp", "CAST(NULL AS SMALLINT) & 1"),
            ("select 1 from pg_constraint con where a = con.conkey[pos.n]", "a = CAST(NULL AS SMALLINT)"),
            ("select json_build_object('a', pg_sequence.seqmin) as j from pg_sequence", "NULL AS j"),
            ("select typinput='pg_catalog.array_in'::regproc from pg_type", "typinput = 'array_in'"),
            ("select a.amname != current_setting($1) from pg_am a", "a.amname <> 'heap'"),
            // All else is the engine's, which says what it does not have.
            (
                "select json_build_object('a', 1), unnest(l), l[1] from pg_class",
                "json_build_object('a', 1), unnest(l), l[1]",
            ),
        ] {
            let words = in_other_words(sql).unwrap();
            assert!(words.contains(part), "{sql}: {words}");
        }
        assert_eq!(in_other_words("select relname from pg_class"), None);
    }
}
