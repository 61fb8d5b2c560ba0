//! What a statement is called once it is done, and what it is known to have been. Not here: how it runs (`statement`).

use maar_engine::datafusion::logical_expr::{LogicalPlan, Statement as PlanStatement, WriteOp};
use maar_engine::{Query, QueryKind};

use crate::role::Role;

/// A statement, as far as its client hears of it.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    tag: String,
    counts: bool,
    pub(super) kind: QueryKind,
    /// Whether it changes what others see, or may.
    pub(super) changes: bool,
    is_execute: bool,
}

impl Outline {
    pub(super) fn of(query: &Query, sql: &str) -> Self {
        let plan = query.logical_plan();
        let is_execute = matches!(plan, LogicalPlan::Statement(PlanStatement::Execute(_)));
        let (tag, counts) = match plan {
            LogicalPlan::Dml(change) => match &change.op {
                WriteOp::Insert(_) => ("INSERT 0".to_owned(), true),
                WriteOp::Ctas => ("SELECT".to_owned(), true),
                WriteOp::Delete => ("DELETE".to_owned(), true),
                WriteOp::Update => ("UPDATE".to_owned(), true),
                WriteOp::Truncate => ("TRUNCATE TABLE".to_owned(), false),
                _ => ("MERGE".to_owned(), true),
            },
            LogicalPlan::Copy(_) => ("COPY".to_owned(), true),
            _ if query.kind() == QueryKind::Rows => of_rows(sql),
            _ if is_execute => ("SELECT".to_owned(), true),
            _ => (of_command(sql), false),
        };
        let is_prepare = matches!(plan, LogicalPlan::Statement(PlanStatement::Prepare(_)));
        let changes = is_execute || (!is_prepare && Role::Reader.refuses(plan).is_some());
        Self { tag, counts, kind: query.kind(), changes, is_execute }
    }

    /// What of `plan` a transaction that only reads does not do. What an EXECUTE does is known only when it runs.
    pub(super) fn refusal(&self, plan: &LogicalPlan) -> Option<String> {
        let change = Role::Reader.refuses(plan);
        let change = change.map(|why| why.split(" is for ").next().unwrap_or_default().to_owned());
        change
            .or_else(|| self.is_execute.then(|| "EXECUTE may change something, write the statement itself".to_owned()))
    }

    /// The tag of it with so many rows.
    pub(super) fn tag(&self, rows: u64) -> String {
        match self.counts {
            true => format!("{} {rows}", self.tag),
            false => self.tag.clone(),
        }
    }
}

fn of_rows(sql: &str) -> (String, bool) {
    match words(sql).first().map(String::as_str) {
        Some(word @ ("EXPLAIN" | "SHOW")) => (word.to_owned(), false),
        _ => ("SELECT".to_owned(), true),
    }
}

/// Words between the verb and what is made, which the tag leaves out.
const LEFT_OUT: &[&str] = &["OR", "REPLACE", "TEMP", "TEMPORARY", "UNBOUNDED", "LOCAL", "GLOBAL", "PERSISTENT"];

fn of_command(sql: &str) -> String {
    let words = words(sql);
    let mut words = words.iter().map(String::as_str).filter(|word| !LEFT_OUT.contains(word));
    match (words.next(), words.next(), words.next()) {
        (Some(verb @ ("CREATE" | "DROP" | "ALTER")), Some("EXTERNAL"), _) => format!("{verb} FOREIGN TABLE"),
        (Some(verb @ ("CREATE" | "DROP" | "ALTER")), Some("MATERIALIZED"), _) => format!("{verb} MATERIALIZED VIEW"),
        (Some(verb @ ("CREATE" | "DROP" | "ALTER")), Some(what), _) => format!("{verb} {what}"),
        (Some(verb), ..) => verb.to_owned(),
        (None, ..) => String::new(),
    }
}

/// The first words of a statement, in capitals.
fn words(sql: &str) -> Vec<String> {
    let sql = super::command::without_comments(sql);
    let words = sql.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.take(8).map(str::to_ascii_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_called_by_what_they_do() {
        for (sql, tag) in [
            ("create or replace temp table t as select 1", "CREATE TABLE"),
            ("/* a */ -- b\n create  view v as select 1", "CREATE VIEW"),
            ("create external table t stored as parquet location 'x'", "CREATE FOREIGN TABLE"),
            ("drop schema if exists s", "DROP SCHEMA"),
            ("set x = 1", "SET"),
            ("prepare p as select 1", "PREPARE"),
        ] {
            assert_eq!(of_command(sql), tag);
        }
        assert_eq!(of_rows("explain select 1"), ("EXPLAIN".to_owned(), false));
        assert_eq!(of_rows("with a as (select 1) select * from a"), ("SELECT".to_owned(), true));
    }
}
