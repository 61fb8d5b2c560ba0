//! SUMMARIZE: a row of statistics for each column of a table or query, under DuckDB's names. One pass over the rows.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::Rewritten;
use super::{grammar, quoted};
use crate::error::{Error, ErrorKind, Result};

/// The query that SUMMARIZE is about; `None` where the statement does not begin with it.
pub(crate) fn summarized(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let visible = |token: &TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
    let at = tokens.iter().position(visible)?;
    match &tokens[at].token {
        Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("summarize") => {}
        _ => return None,
    }
    let rest = &tokens[at + 1..];
    let first = rest.iter().find(|token| visible(token))?;
    let is_query = match &first.token {
        Token::LParen => true,
        Token::Word(word) => {
            matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::FROM | Keyword::VALUES | Keyword::TABLE)
        }
        _ => false,
    };
    let mut query = Vec::with_capacity(rest.len() + 1);
    if !is_query {
        query.push(TokenWithSpan { token: Token::make_keyword("FROM"), span: first.span });
    }
    query.extend_from_slice(rest);
    Some(query)
}

/// The summary of a query.
///
/// # Errors
/// When the statement is none, or cannot be planned.
pub(crate) async fn summary(state: &mut SessionState, query: Rewritten) -> Result<Rewritten> {
    let text = match &query.statement {
        Statement::Statement(inner) if matches!(inner.as_ref(), SqlStatement::Query(_)) => inner.to_string(),
        _ => {
            return Err(Error::new(ErrorKind::Syntax, "SUMMARIZE wants a table or a query")
                .with_hint("write SUMMARIZE t, or SUMMARIZE SELECT ..."));
        }
    };
    let plan = state.statement_to_plan(query.statement).await?;
    let sql = written(plan.schema().as_arrow(), &text);
    let statement = grammar::statement(&sql).map_err(datafusion::error::DataFusionError::from)?;
    let statement = Statement::Statement(Box::new(statement));
    Ok(Rewritten { statement, names: None, paths: query.paths, is_temporary: false })
}

fn written(schema: &Schema, query: &str) -> String {
    let mut aggregates = vec!["count(*) AS maar_rows".to_string()];
    let mut columns: [Vec<String>; 12] = Default::default();
    for (at, field) in schema.fields().iter().enumerate() {
        let name = quoted(field.name()).to_string();
        let data_type = field.data_type();
        let mut of = |what: &str, expr: Option<String>| match expr {
            Some(expr) => {
                aggregates.push(format!("{expr} AS maar_{what}_{at}"));
                format!("maar_{what}_{at}")
            }
            None => "NULL".to_string(),
        };
        let (flat, number) = (!data_type.is_nested(), data_type.is_numeric());
        let text = |expr: String| format!("cast({expr} AS varchar)");
        let quantile = |q: &str| number.then(|| format!("approx_percentile_cont({q}) WITHIN GROUP (ORDER BY {name})"));
        let values = [
            format!("'{}'", field.name().replace('\'', "''")),
            format!("'{data_type}'"),
            text(of("min", ordered(data_type).then(|| format!("min({name})")))),
            text(of("max", ordered(data_type).then(|| format!("max({name})")))),
            text(of("unique", flat.then(|| format!("approx_distinct(cast({name} AS varchar))")))),
            text(of("avg", number.then(|| format!("avg(cast({name} AS double))")))),
            text(of("std", number.then(|| format!("stddev_samp(cast({name} AS double))")))),
            text(of("q25", quantile("0.25"))),
            text(of("q50", quantile("0.5"))),
            text(of("q75", quantile("0.75"))),
            "maar_rows".to_string(),
            format!(
                "CASE WHEN maar_rows > 0 THEN 100.0 * (maar_rows - {}) / maar_rows END",
                of("count", Some(format!("count({name})")))
            ),
        ];
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value);
        }
    }
    const NAMES: [&str; 12] = [
        "column_name",
        "column_type",
        "min",
        "max",
        "approx_unique",
        "avg",
        "std",
        "q25",
        "q50",
        "q75",
        "count",
        "null_percentage",
    ];
    let list = columns.iter().zip(NAMES).map(|(values, name)| format!("unnest([{}]) AS {name}", values.join(", ")));
    let list: Vec<String> = list.collect();
    format!(
        "SELECT {} FROM (SELECT {} FROM ({query}) AS maar_query) AS maar_summary",
        list.join(", "),
        aggregates.join(", ")
    )
}

fn ordered(data_type: &DataType) -> bool {
    !data_type.is_nested() && !matches!(data_type, DataType::Null | DataType::Interval(_) | DataType::Duration(_))
}
