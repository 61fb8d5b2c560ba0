//! Statements that the parser reads and nothing here runs, refused by name with what to write instead.
//!
//! Not here: clauses of queries (`clauses`), options (`refused`).

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use crate::error::{Error, ErrorKind, Result};

/// How the statement begins, and what to write instead.
const INSTEAD: &[(&str, &str)] = &[
    ("ALTER TABLE", "write CREATE OR REPLACE TABLE t AS SELECT ... FROM t, with the columns as they are to be"),
    ("ALTER VIEW", "write CREATE OR REPLACE VIEW"),
    ("BEGIN", "leave it out: every statement is a transaction of its own"),
    ("START TRANSACTION", "leave it out: every statement is a transaction of its own"),
    ("COMMIT", "leave it out: every statement is a transaction of its own"),
    ("ROLLBACK", "what a statement has done stays: every one is a transaction of its own"),
    ("SAVEPOINT", "leave it out: every statement is a transaction of its own"),
    ("USE", "name the schema with the table: SELECT * FROM schema.t"),
    ("PRAGMA", "write SET option = value, SHOW ALL for the options, or DESCRIBE t for the columns of a table"),
    ("CALL", "write SELECT function(...), or SELECT * FROM function(...)"),
    ("CREATE SEQUENCE", "number rows with row_number() OVER (), or name them with uuid()"),
    ("CREATE MACRO", "write a view, or WITH"),
    ("CREATE OR REPLACE MACRO", "write a view, or WITH"),
    ("CREATE FUNCTION", "write a view, or register the function from the program that runs the session"),
    ("CREATE OR REPLACE FUNCTION", "write a view, or register the function from the program that runs the session"),
    ("CREATE PROCEDURE", "run the statements as a script: maar -f file.sql"),
    ("CREATE TRIGGER", "run the statements as a script: maar -f file.sql"),
    ("CREATE TYPE", "use VARCHAR for an ENUM, and STRUCT(a INT, b VARCHAR) for a row"),
    ("CREATE DOMAIN", "use the type itself"),
    ("CREATE INDEX", "leave it out: statistics of files and of columns on the device are used by themselves"),
    ("CREATE UNIQUE INDEX", "leave it out: statistics of files and of columns on the device are used by themselves"),
    ("DROP INDEX", "leave it out: there are no indexes"),
    ("CREATE ROLE", "leave it out: there are no users"),
    ("CREATE USER", "leave it out: there are no users"),
    ("GRANT", "leave it out: there are no users"),
    ("REVOKE", "leave it out: there are no users"),
    ("COMMENT ON", "leave it out, or write -- in the script"),
    (
        "INSTALL",
        "leave it out: readers of Parquet, CSV, JSON, Arrow, Avro and ORC, and stores behind URLs, are built in",
    ),
    ("LOAD", "leave it out: readers of Parquet, CSV, JSON, Arrow, Avro and ORC, and stores behind URLs, are built in"),
    ("ATTACH", "read its files by their paths, or CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'path'"),
    ("DETACH", "leave it out: there are no databases beside this one"),
    ("ANALYZE", "leave it out: statistics are kept by themselves; SUMMARIZE t shows some"),
    ("VACUUM", "leave it out: memory is given back by itself"),
    ("OPTIMIZE", "write the files anew: COPY (SELECT * FROM 'in/*.parquet') TO 'out.parquet'"),
    ("MERGE", "write UPDATE, DELETE and INSERT, or CREATE OR REPLACE TABLE t AS SELECT ..."),
    ("LOCK", "leave it out: a statement sees its tables as they were when it began"),
    ("DECLARE", "use WITH, or parameters: $1"),
    ("KILL", "press Ctrl-C, or on a server CALL maar.system.kill_query('id')"),
];

/// # Errors
/// [`ErrorKind::Unsupported`] for one of them.
pub(super) fn check(statement: &Statement) -> Result<()> {
    let Statement::Statement(inner) = statement else { return Ok(()) };
    if matches!(inner.as_ref(), SqlStatement::Query(_) | SqlStatement::Insert(_) | SqlStatement::Explain { .. }) {
        return Ok(());
    }
    let written = inner.to_string();
    let begins =
        |begin: &str| written.strip_prefix(begin).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ';']));
    match INSTEAD.iter().find(|(begin, _)| begins(begin)) {
        None => Ok(()),
        Some((begin, instead)) => {
            Err(Error::new(ErrorKind::Unsupported, format!("{begin} is not supported")).with_hint(*instead))
        }
    }
}
