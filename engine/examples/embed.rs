//! Maar as a library: open a session, run SQL over Parquet files, read Arrow batches and the report.
//!
//! `cargo run -p maar-engine --example embed -- 'lake/*.parquet'`

use futures::StreamExt;
use maar_engine::datafusion::common::ScalarValue;
use maar_engine::{Error, Parameters, Session};

/// Sums the column `amount` of the rows above `least`, and says where each operator ran.
pub(crate) async fn total_above(files: &str, least: i64) -> Result<(String, Vec<String>), Error> {
    let session = Session::new()?;
    let sql = format!("select count(*) as orders, sum(amount) as total from '{files}' where amount > $least");
    let mut parameters = Parameters::new();
    parameters.set("least", ScalarValue::from(least));

    let mut result = session.sql_with(&sql, &parameters).await?;
    let mut drawn = String::new();
    while let Some(batch) = result.next().await {
        let batch = [batch?];
        let table = maar_engine::datafusion::arrow::util::pretty::pretty_format_batches(&batch);
        drawn += &table.map_err(maar_engine::datafusion::error::DataFusionError::from)?.to_string();
    }
    let report = result.report();
    let places = report.operators.iter().map(|operator| format!("{}: {:?}", operator.operator, operator.place));
    Ok((drawn, places.collect()))
}

#[allow(dead_code, clippy::print_stdout, reason = "the tests call the function above instead; an example prints")]
fn main() -> Result<(), Error> {
    let files = std::env::args().nth(1).unwrap_or_else(|| "*.parquet".to_string());
    let (table, places) = maar_engine::runtime()?.block_on(total_above(&files, 10))?;
    println!("{table}\n{}", places.join("\n"));
    Ok(())
}
