//! `\copy`: rows between a file of this machine and a table or query, wherever statements run. In this process it is COPY; on a server
//! the file is read or written here, by COPY in a session of its own, and the rows travel.

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use maar_engine::{Error, Script};

use crate::args::DeviceArg;
use crate::backend::{self, Backend};
use crate::engine::Engine;
use crate::error::Failure;
use crate::interpreter::Interpreter;
use crate::lex::{self, Kind};
use crate::params::Params;
use crate::remote::Remote;

/// What the rows are called in the session of the file.
const ROWS: &str = "copied";

const FORM: &str = "\\copy TABLE FROM 'FILE' (OPTIONS), \\copy TABLE TO 'FILE', \\copy (SELECT ...) TO 'FILE'";

/// What is copied: a table or query, which way, and the file with its options.
#[derive(Debug, PartialEq)]
struct Copy<'a> {
    what: What<'a>,
    is_to_file: bool,
    file: &'a str,
}

#[derive(Debug, PartialEq)]
enum What<'a> {
    Table(&'a str),
    Query(&'a str),
}

/// `\copy ...`.
pub(super) async fn copy(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    let copy = Copy::read(argument)?;
    match interpreter.backend.clone() {
        Backend::Local(_) => interpreter.run_sql(&format!("COPY {argument}")).await,
        Backend::Remote(remote) => match (copy.is_to_file, copy.what) {
            (true, what) => to_file(interpreter, &what.sql(), copy.file).await,
            (false, What::Table(table)) => from_file(interpreter, *remote, table, copy.file).await,
            (false, What::Query(_)) => {
                Err(Failure::other(format!("rows go into tables, not into queries\nHint: {FORM}")))
            }
        },
    }
}

impl<'a> Copy<'a> {
    fn read(argument: &'a str) -> Result<Self, Failure> {
        let wrong = || Failure::other(format!("\\copy does not say what is copied and where\nHint: {FORM}"));
        let tokens: Vec<_> = lex::tokens(argument).filter(|token| token.kind != Kind::Space).collect();
        let mut depth = 0;
        for pair in tokens.windows(2) {
            let word = &argument[pair[0].range.clone()];
            match word {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            let is_to_file = word.eq_ignore_ascii_case("to");
            let is_way = is_to_file || word.eq_ignore_ascii_case("from");
            if depth == 0 && is_way && pair[0].kind == Kind::Word && pair[1].kind == Kind::String {
                let what = What::read(argument[..pair[0].range.start].trim()).ok_or_else(wrong)?;
                return Ok(Self { what, is_to_file, file: &argument[pair[1].range.start..] });
            }
        }
        Err(wrong())
    }
}

impl<'a> What<'a> {
    fn read(text: &'a str) -> Option<Self> {
        match text.strip_prefix('(') {
            Some(query) => query.strip_suffix(')').map(Self::Query),
            None => (!text.is_empty() && !text.contains('(')).then_some(Self::Table(text)),
        }
    }

    fn sql(&self) -> String {
        match self {
            Self::Table(table) => format!("SELECT * FROM {table}"),
            Self::Query(query) => (*query).to_owned(),
        }
    }
}

/// Rows of the server, as they come, to a file of this machine.
async fn to_file(interpreter: &mut Interpreter, sql: &str, file: &str) -> Result<(), Failure> {
    let (backend, params, sql) = (interpreter.backend.clone(), Arc::clone(&interpreter.params), sql.to_owned());
    let running =
        interpreter.apart(async move { started(&backend, &params, &sql).await.map_err(Failure::other) }).await?;
    let here = Engine::open(DeviceArg::Cpu)?;
    let schema = running.schema();
    here.add_stream(ROWS, schema, running.into_stream())?;
    run_here(interpreter, here, &format!("COPY (SELECT * FROM {ROWS}) TO {file}")).await
}

/// All rows of a file of this machine to a table of the server, at once.
async fn from_file(interpreter: &mut Interpreter, remote: Remote, table: &str, file: &str) -> Result<(), Failure> {
    let here = Engine::open(DeviceArg::Cpu)?;
    let (backend, params, target) = (interpreter.backend.clone(), Arc::clone(&interpreter.params), table.to_owned());
    let (read, file) = (here.clone(), file.to_owned());
    let copied = async move {
        // The file is read as the table's columns want it.
        let schema = started(&backend, &params, &format!("SELECT * FROM {target} LIMIT 0")).await?.schema();
        let empty = MemTable::try_new(Arc::clone(&schema), vec![Vec::new()]).map_err(Error::from)?;
        read.context().register_table(ROWS, Arc::new(empty)).map_err(Error::from)?;
        read.run(&format!("COPY {ROWS} FROM {file}")).await?;
        let (batches, _) = read.run(&format!("SELECT * FROM {ROWS}")).await?;
        remote.ingest(&TableReference::parse_str(&target), schema, batches).await
    };
    let count = interpreter.apart(async move { copied.await.map_err(Failure::other) }).await?;
    run_here(interpreter, here, &format!("SELECT arrow_cast({count}, 'UInt64') AS count")).await
}

/// Plans one statement where statements run, and starts it.
async fn started(backend: &Backend, params: &Params, sql: &str) -> Result<backend::Running, Error> {
    let mut script = Script::new(sql);
    let none = || Error::new(maar_engine::ErrorKind::Syntax, "there is no query to copy the rows of");
    let statement = script.next().ok_or_else(none)??;
    backend.start(&statement, params).await
}

/// Runs SQL in the session of the file, and shows it as any other.
async fn run_here(interpreter: &mut Interpreter, here: Engine, sql: &str) -> Result<(), Failure> {
    let usual = std::mem::replace(&mut interpreter.backend, Backend::Local(here));
    let result = interpreter.run_sql(sql).await;
    interpreter.backend = usual;
    result
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_and_where_is_read() {
        let read = |text: &'static str| Copy::read(text).unwrap();
        let file = "'a.csv' (FORMAT csv)";
        assert_eq!(read("t from 'a.csv' (FORMAT csv)"), Copy { what: What::Table("t"), is_to_file: false, file });
        assert_eq!(
            read("s.\"to\" TO 'a.csv' (FORMAT csv)"),
            Copy { what: What::Table("s.\"to\""), is_to_file: true, file }
        );
        let query = What::Query("select a from 'x' where b in ('to', 'y')");
        let copy = read("(select a from 'x' where b in ('to', 'y')) to 'a.csv' (FORMAT csv)");
        assert_eq!(copy, Copy { what: query, is_to_file: true, file });
        assert_eq!(read("t to 'a'").what.sql(), "SELECT * FROM t");
        for wrong in ["", "t", "t to", "to 'a'", "t from b", "(select 1 to 'a'", "t (a, b) from 'a'"] {
            assert!(Copy::read(wrong).is_err(), "{wrong}");
        }
    }
}
