//! What holds for all of it: it depends on the query's shape alone, names what is the user's in comments alone, and stays
//! short.

use std::collections::BTreeSet;

use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::Date32Type;
use maar_gpu_exec::device::without_comments;

use crate::data::{LARGE, SMALL, tables};
use crate::generated::Generated;
use crate::queries::QUERIES;

/// Most lines of one kernel.
const LINES_MAX: usize = 300;

#[tokio::test]
async fn other_literals_of_the_same_types_give_the_same_source() {
    let generated = Generated::new(SMALL);
    for query in QUERIES {
        let first = generated.source(&query.with(query.literals[0])).await;
        for literals in &query.literals[1..] {
            let other = generated.source(&query.with(literals)).await;
            assert!(first == other, "{} with {literals:?}:\n{}", query.name, differences(&first, &other));
        }
    }
}

#[tokio::test]
async fn more_rows_give_the_same_source() {
    let (small, large) = (Generated::new(SMALL), Generated::new(LARGE));
    for query in QUERIES {
        let sql = query.with(query.literals[0]);
        let (few, many) = (small.source(&sql).await, large.source(&sql).await);
        assert!(few == many, "{}:\n{}", query.name, differences(&few, &many));
    }
}

#[tokio::test]
async fn sources_are_short_hold_no_literal_and_name_what_is_the_users_in_comments() {
    let generated = Generated::new(SMALL);
    let names = user_names();
    for query in QUERIES {
        for literals in query.literals {
            let written = literal_forms(literals);
            for kernel in generated.kernels(&query.with(literals)).await {
                let (name, source) = (query.name, kernel.source.as_str());
                assert!(source.lines().count() <= LINES_MAX, "{name} has {} lines", source.lines().count());
                let code = without_comments(source);
                let named: Vec<&str> = words_of(&code).into_iter().filter(|word| names.contains(*word)).collect();
                assert!(named.is_empty(), "{name} names {named:?}:\n{source}");
                let words = words_of(source);
                let literal = written
                    .iter()
                    .find(|written| words.contains(written.as_str()) || source.contains(&format!("\"{written}")));
                assert!(literal.is_none(), "{name} holds the literal {literal:?}:\n{source}");
            }
        }
    }
}

#[tokio::test]
async fn other_names_change_comments_alone() {
    let generated = Generated::new(SMALL);
    for name in ["q1", "q6"] {
        let query = QUERIES.iter().find(|query| query.name == name).unwrap();
        let sql = query.with(query.literals[0]);
        let (theirs, renamed) = generated.renamed("lineitem", &sql);
        let (ours, theirs) = (generated.kernels(&sql).await, generated.kernels(&theirs).await);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_ne!(ours.source, theirs.source, "{name}: {renamed:?} is in no comment");
            assert_eq!(without_comments(&ours.source), without_comments(&theirs.source), "{name}");
        }
    }
}

#[tokio::test]
async fn every_step_says_what_it_is_in_sql() {
    let generated = Generated::new(SMALL);
    let wanted = [
        ("q6", "// WHERE l_quantity < $1"),
        ("q6", "// sum(l_extendedprice * l_discount)"),
        ("q3", "// WHERE c_mktsegment = $1"),
        ("q3", "// JOIN ON o_custkey = c_custkey"),
        ("q3", "// GROUP BY l_orderkey, o_orderdate, o_shippriority"),
        ("q14", "// sum(CASE WHEN p_type LIKE $1 THEN l_extendedprice * ($2 - l_discount) ELSE $3 END)"),
        ("comments", "// WHERE o_comment IN ($1, ..)"),
    ];
    for (name, line) in wanted {
        let query = QUERIES.iter().find(|query| query.name == name).unwrap();
        let source = generated.source(&query.with(query.literals[0])).await;
        assert!(source.lines().any(|own| own.trim_start() == line), "{name} has no `{line}`:\n{source}");
    }
}

fn words_of(source: &str) -> BTreeSet<&str> {
    source.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect()
}

/// Tables, columns and aliases.
fn user_names() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (table, rows) in tables(SMALL) {
        names.insert(table.to_owned());
        names.extend(rows.schema().fields().iter().map(|field| field.name().clone()));
    }
    let aliases = QUERIES.iter().flat_map(|query| query.sql.split(" as ").skip(1));
    names.extend(aliases.filter_map(|rest| rest.split([',', ' ', '\n', ')']).next()).map(str::to_owned));
    names
}

/// The ways a literal could show in a source: as written, as a day, in hundredths. Numbers below 10 say nothing: a source
/// counts registers with them.
fn literal_forms(literals: &[&str]) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    for literal in literals {
        forms.extend(literal.split(['%', ' ', '-']).filter(|part| part.len() > 1).map(str::to_owned));
        if let Ok(number) = literal.parse::<f64>() {
            forms.extend([format!("{number}"), format!("{}", (number * 100.0).round())]);
        }
        forms.extend(Date32Type::parse(literal).map(|days| days.to_string()));
    }
    // Numbers that sources do have: scales, lanes of a warp.
    let of_sources = [10.0, 32.0, 100.0, 10_000.0];
    let ordinary =
        |form: &String| form.parse::<f64>().is_ok_and(|number| number < 10.0 || of_sources.contains(&number));
    forms.into_iter().filter(|form| !ordinary(form)).collect()
}

/// The lines in which two sources differ.
fn differences(a: &str, b: &str) -> String {
    let pairs = a.lines().zip(b.lines()).filter(|(a, b)| a != b).take(8);
    let lines: Vec<String> = pairs.map(|(a, b)| format!("- {a}\n+ {b}")).collect();
    format!("{} and {} lines\n{}", a.lines().count(), b.lines().count(), lines.join("\n"))
}
