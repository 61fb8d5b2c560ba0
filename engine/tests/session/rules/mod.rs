//! Literal against value: an expression means the same over literals, which planning folds, over the columns of a table,
//! which it only rewrites, and as the condition of a filter: `p`, `NOT p` and `p IS NULL` partition the table.
//!
//! The expressions are a table ([`templates`]): the two sides of each rewriting rule there is, over NULL and every type.

mod templates;

use std::sync::Arc;

use maar_engine::Session;
use maar_engine::datafusion::arrow::array::RecordBatch;
use maar_engine::datafusion::arrow::datatypes::Schema;
use maar_engine::datafusion::datasource::MemTable;

use crate::support::{cells, session};
use templates::{CONDITIONS, KINDS, Kind};

/// How many of the pairs have a NULL; they come first.
const NULL_PAIRS: usize = 3;

/// The rows of the two columns: each value with itself, with another and with NULL.
fn pairs(kind: &Kind) -> Vec<(String, String)> {
    let values: Vec<String> = kind.values.iter().map(|value| kind.literal(value)).collect();
    let mut pairs =
        vec![(kind.null(), kind.null()), (values[0].clone(), kind.null()), (kind.null(), values[0].clone())];
    for (i, value) in values.iter().enumerate() {
        let other = &values[(i + 1) % values.len()];
        pairs.extend([(value, value), (value, other)].map(|(a, b)| (a.clone(), b.clone())));
    }
    pairs
}

fn conditions(kind: &Kind) -> Vec<&'static str> {
    CONDITIONS.iter().chain(kind.conditions).copied().collect()
}

/// `template` over `a` and `b`; `{1}`, `{2}`, `{3}` are values of the kind.
fn filled(kind: &Kind, template: &str, a: &str, b: &str) -> String {
    let mut text = template.replace("{a}", a).replace("{b}", b);
    for (i, value) in kind.values.iter().take(3).enumerate() {
        text = text.replace(&format!("{{{}}}", i + 1), &kind.literal(value));
    }
    text
}

async fn make_tables(session: &Session, kind: &Kind) {
    let rows: Vec<String> = pairs(kind).iter().enumerate().map(|(i, (a, b))| format!("({i}, {a}, {b})")).collect();
    session
        .run_script(&format!("create table v as select * from (values {}) v(id, a, b)", rows.join(",")))
        .await
        .unwrap();
    // The same without NULLs, and known to be so.
    let known = session.sql("select * from v where a is not null and b is not null").await.unwrap();
    let (batches, _) = known.collect().await.unwrap();
    let fields = batches[0]
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(false))
        .collect::<Vec<_>>();
    let schema = Arc::new(Schema::new(fields));
    let batches =
        batches.iter().map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).unwrap());
    let table = MemTable::try_new(Arc::clone(&schema), vec![batches.collect()]).unwrap();
    session.context().register_table("w", Arc::new(table)).unwrap();
}

/// What every template gives for every row of `table`.
async fn over_columns(session: &Session, kind: &Kind, templates: &[&str], table: &str) -> Vec<Vec<String>> {
    let list: Vec<String> = templates.iter().map(|template| filled(kind, template, "a", "b")).collect();
    let from = format!("from {table} order by id");
    if let Ok(rows) = cells(session, &format!("select {} {from}", named(&list))).await {
        return split(&rows);
    }
    // One of them fails: each alone, then.
    let rows = split(&cells(session, &format!("select id {from}")).await.unwrap()).len();
    let mut table = vec![Vec::new(); rows];
    for expression in &list {
        let column = match cells(session, &format!("select {expression} as c {from}")).await {
            Ok(rows) => split(&rows).concat(),
            Err(_) => vec!["error".to_owned(); rows],
        };
        table.iter_mut().zip(column).for_each(|(row, cell)| row.push(cell));
    }
    table
}

/// The same from literals.
async fn over_literals(session: &Session, kind: &Kind, templates: &[&str]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (a, b) in &pairs(kind) {
        let list: Vec<String> = templates.iter().map(|template| filled(kind, template, a, b)).collect();
        match cells(session, &format!("select {}", named(&list))).await {
            Ok(row) => rows.extend(split(&row)),
            Err(_) => {
                let mut row = Vec::new();
                for expression in &list {
                    let cell = cells(session, &format!("select {expression} as c")).await;
                    row.push(cell.unwrap_or_else(|_| "error".to_owned()));
                }
                rows.push(row);
            }
        }
    }
    rows
}

fn named(list: &[String]) -> String {
    list.iter().enumerate().map(|(i, e)| format!("{e} as c{i}")).collect::<Vec<_>>().join(", ")
}

fn split(cells: &str) -> Vec<Vec<String>> {
    cells.split(';').map(|row| row.split(',').map(str::to_owned).collect()).collect()
}

fn differences(
    kind: &Kind,
    templates: &[&str],
    literals: &[Vec<String>],
    columns: &[Vec<String>],
    wrong: &mut Vec<String>,
) {
    assert_eq!(literals.len(), columns.len(), "{}", kind.name);
    for (i, template) in templates.iter().enumerate() {
        let odd = literals.iter().zip(columns).enumerate().find(|(_, (literal, column))| literal[i] != column[i]);
        if literals.iter().all(|row| row[i] == "error") {
            wrong.push(format!("{} {template} fails for every row", kind.name));
        }
        if let Some((row, (literal, column))) = odd {
            wrong.push(format!("{} {template}: row {row}: literals {} columns {}", kind.name, literal[i], column[i]));
        }
    }
}

/// How many rows `p`, `NOT p` and `p IS NULL` let through.
async fn partition(session: &Session, p: &str) -> Vec<String> {
    let part = |test: String| format!("(select count(*) from v where {test})");
    let parts = [part(p.to_owned()), part(format!("not ({p})")), part(format!("({p}) is null"))];
    match cells(session, &format!("select {}", named(&parts))).await {
        Ok(row) => row.split(',').map(str::to_owned).collect(),
        Err(e) => vec![e.to_string()],
    }
}

async fn check(kind: &Kind) -> Vec<String> {
    let session = session();
    make_tables(&session, kind).await;
    let mut wrong = Vec::new();
    let conditions = conditions(kind);
    let templates: Vec<&str> = conditions.iter().chain(kind.expressions).copied().collect();
    let literals = over_literals(&session, kind, &templates).await;
    let columns = over_columns(&session, kind, &templates, "v").await;
    differences(kind, &templates, &literals, &columns, &mut wrong);
    let known: Vec<Vec<String>> = literals[NULL_PAIRS..].to_vec();
    let columns = over_columns(&session, kind, &templates, "w").await;
    differences(kind, &templates, &known, &columns, &mut wrong);
    for (i, condition) in conditions.iter().enumerate() {
        let held = |value: &str| literals.iter().filter(|row| row[i] == value).count().to_string();
        let right = [held("true"), held("false"), held("")];
        if held("error") == "0" {
            let counted = partition(&session, &filled(kind, condition, "a", "b")).await;
            if counted != right {
                wrong.push(format!("{} where {condition}: {counted:?}, right {right:?}", kind.name));
            }
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expression_means_the_same_folded_rewritten_and_as_a_condition() {
    let mut wrong = Vec::new();
    for kind in KINDS {
        wrong.extend(check(kind).await);
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}
