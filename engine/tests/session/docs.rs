//! docs/sql.md and docs/functions.md are true: every expression in their tables gives what the second column says.

use maar_engine::datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use maar_engine::{Error, Session};

use crate::support::session;

const PAGES: [&str; 2] = [include_str!("../../../docs/sql.md"), include_str!("../../../docs/functions.md")];

/// `(expression, answer)` of each table row; remarks in brackets after the answer are for people.
fn rows() -> Vec<(&'static str, &'static str)> {
    let cells = |line: &'static str| {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let expression = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        Some((expression, cells.next()?))
    };
    PAGES.iter().flat_map(|page| page.lines()).filter(|line| line.starts_with('|')).filter_map(cells).collect()
}

async fn answer(session: &Session, expression: &str) -> Result<String, Error> {
    let (batches, _) = session.sql(&format!("select {expression}")).await?.collect().await?;
    let options = FormatOptions::new().with_null("NULL");
    let mut values = Vec::new();
    for batch in &batches {
        let column = ArrayFormatter::try_new(batch.column(0), &options).unwrap();
        values.extend((0..batch.num_rows()).map(|row| column.value(row).to_string()));
    }
    Ok(values.join(";"))
}

#[tokio::test]
async fn the_pages_of_sql_and_functions_are_true() {
    let session = session();
    let rows = rows();
    assert!(rows.len() > 40, "only {} rows were found", rows.len());
    let mut wrong = Vec::new();
    for (expression, told) in rows {
        let given = match answer(&session, expression).await {
            Ok(given) => given,
            Err(_) => "error".to_string(),
        };
        let fits = told == given || told.strip_prefix(&given).is_some_and(|remark| remark.starts_with(" ("));
        if !fits {
            wrong.push(format!("{expression}: the page says {told}, it gives {given}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
