//! docs/sql.md and docs/functions.md are true: every expression in their tables gives what the second column says, every
//! function that is said to be there is, and every one that is not is answered with what to use instead.

use std::collections::HashSet;

use maar_engine::datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use maar_engine::datafusion::execution::SessionState;
use maar_engine::{Error, Session};

use crate::support::{error, session};

const FUNCTIONS: &str = include_str!("../../../docs/functions.md");
const PAGES: [&str; 2] = [include_str!("../../../docs/sql.md"), FUNCTIONS];

/// The names of the functions of three manuals.
const MANUALS: [(&str, &str); 3] = [
    ("DuckDB", include_str!("manuals/duckdb.txt")),
    ("PostgreSQL", include_str!("manuals/postgresql.txt")),
    ("Spark", include_str!("manuals/spark.txt")),
];

/// The cells of a row of a table.
fn cells(line: &'static str) -> Vec<&'static str> {
    line.trim_matches('|').split(" | ").map(str::trim).collect()
}

/// The cells of the rows whose first is an expression.
fn examples(page: &'static str) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    page.lines().filter(|line| line.starts_with('|')).filter_map(|line| {
        let mut cells = cells(line);
        let expression = cells.first()?.strip_prefix('`')?.strip_suffix('`')?;
        cells.remove(0);
        (!cells.is_empty()).then_some((expression, cells))
    })
}

/// The part of the page of functions under a heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = FUNCTIONS.split_once(&format!("\n## {heading}")).unwrap();
    rest.split("\n## ").next().unwrap()
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

/// Whether the page tells what is given; remarks in brackets after the answer are for people.
fn fits(told: &str, given: &Result<String, Error>) -> bool {
    let given = given.as_deref().unwrap_or("error");
    told == given || told.strip_prefix(given).is_some_and(|remark| remark.starts_with(" ("))
}

#[tokio::test]
async fn the_pages_of_sql_and_functions_are_true() {
    let session = session();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (expression, cells) in PAGES.iter().flat_map(|page| examples(page)) {
        count += 1;
        let given = answer(&session, expression).await;
        if !fits(cells[0], &given) {
            let given = given.unwrap_or_else(|e| format!("the error {e}"));
            wrong.push(format!("{expression}: the page says {}, it gives {given}", cells[0]));
        }
    }
    assert!(count > 200, "only {count} rows were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The last cell of an example lists the names that the function of the example may have.
#[tokio::test]
async fn every_name_of_an_example_gives_the_same() {
    let session = session();
    let mut wrong = Vec::new();
    for (expression, cells) in examples(section("Written out")) {
        let names = cells[1].split(" (").next().unwrap();
        let first = names.split(", ").next().unwrap();
        for name in names.split(", ").skip(1) {
            let called = if name == "any" { "\"any\"" } else { name };
            let renamed =
                expression.replacen(&format!("{first}("), &format!("{called}("), 1).replace("\"some\"", called);
            let given = answer(&session, &renamed.replace("\"\"", "\"")).await;
            if !fits(cells[0], &given) {
                wrong.push(format!("{renamed}: {given:?} is not {}", cells[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_function_that_is_said_to_be_there_is() {
    let session = session();
    let state = session.context().state();
    let text = section("There, under these names").split("Forms of SQL:").next().unwrap();
    let (names, readers) = text.split_once("Tables, in FROM:").unwrap();
    // What is in single back quotes and no name is an example.
    let quoted = |text: &'static str| text.split('`').skip(1).step_by(2).filter(|name| !name.contains(['(', '=']));
    let mut missing: Vec<&str> = quoted(names).filter(|name| !is_there(&state, name)).collect();
    for reader in quoted(readers) {
        if answer(&session, &format!("* from {reader}()"))
            .await
            .is_err_and(|e| e.message().contains("no table function"))
        {
            missing.push(reader);
        }
    }
    assert!(quoted(names).count() > 250, "only {} names were found", quoted(names).count());
    assert!(missing.is_empty(), "{missing:?}");
}

fn is_there(state: &SessionState, name: &str) -> bool {
    // Those that the planner knows by their names.
    let planned = ["unnest", "unnest_outer", "make_map"];
    state.scalar_functions().contains_key(name)
        || state.aggregate_functions().contains_key(name)
        || state.window_functions().contains_key(name)
        || state.higher_order_functions().contains_key(name)
        || planned.contains(&name)
}

#[tokio::test]
async fn every_function_that_is_not_there_is_answered_with_what_to_use() {
    let session = session();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in section("Not there").lines().filter(|line| line.starts_with("| ") && !line.starts_with("| function")) {
        let cells = cells(line);
        let instead = cells[1].replace("\\|", "|");
        for name in cells[0].split(", ") {
            count += 1;
            let e = error(&session, &format!("select \"{name}\"(1)")).await;
            if e.hint() != Some(&format!("use {instead}")) || !e.message().contains(name) {
                wrong.push(format!("{name}: {e}"));
            }
        }
    }
    assert!(count > 700, "only {count} names were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_of_functions_names_every_function_of_the_manuals() {
    let words: HashSet<&str> = FUNCTIONS.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    for (manual, names) in MANUALS {
        let missing: Vec<&str> = names.split_whitespace().filter(|name| !words.contains(name)).collect();
        assert!(missing.is_empty(), "{manual}: {missing:?}");
    }
}
