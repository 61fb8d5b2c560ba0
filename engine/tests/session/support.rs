//! What every test needs: sessions, and results as text.

use maar_engine::datafusion::arrow::util::pretty::pretty_format_batches;
use maar_engine::device::DeviceKind;
use maar_engine::{Error, Session};

/// A session on the CPU.
pub(crate) fn session() -> Session {
    Session::builder().device(DeviceKind::Cpu).target_partitions(2).build().unwrap()
}

/// The cells of the result, rows joined by `;`, cells by `,`.
pub(crate) async fn cells(session: &Session, sql: &str) -> Result<String, Error> {
    let (batches, _) = session.sql(sql).await?.collect().await?;
    let drawn = pretty_format_batches(&batches).unwrap().to_string();
    let rows = drawn.lines().filter(|line| line.starts_with('|')).skip(1);
    let row = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(",");
    Ok(rows.map(row).collect::<Vec<_>>().join(";"))
}

/// The error of a statement that must fail.
pub(crate) async fn error(session: &Session, sql: &str) -> Error {
    match cells(session, sql).await {
        Err(error) => error,
        Ok(rows) => unreachable!("{sql} gave {rows}"),
    }
}
