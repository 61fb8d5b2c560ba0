//! What a tool answers here: the rows of its statement, from whatever runs it.

use std::io;

use maar_engine::{Error, ErrorKind, split};
use maar_flight_server::mcp::{Call, Rows};

use crate::backend::Backend;
use crate::params::Params;

/// Runs the statement of a call and gives its rows.
///
/// # Errors
/// Those of the statement.
pub(super) async fn rows(backend: &Backend, call: &Call) -> Result<String, Error> {
    let mut statements = split(&call.sql)?.into_iter();
    let (Some(statement), None) = (statements.next(), statements.next()) else {
        return Err(Error::new(ErrorKind::Syntax, "a call runs one statement of SQL"));
    };
    let mut running = backend.start(&statement, &Params::default()).await?;
    let mut rows = Rows::new(running.schema(), call.rows);
    while !rows.is_full()
        && let Some(batch) = running.next().await?
    {
        let unprintable =
            |error: io::Error| Error::new(ErrorKind::Internal, format!("a value cannot be written: {error}"));
        rows.add(&batch).map_err(unprintable)?;
    }
    Ok(rows.finish())
}
