//! Maar for who already has a DataFusion session: one call on the state builder, and the rest of the program stays as it is.
//!
//! `cargo run -p maar-engine --example datafusion_install`

use std::sync::Arc;

use maar_engine::datafusion::arrow::array::{Int64Array, RecordBatch};
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::execution::SessionStateBuilder;
use maar_engine::datafusion::prelude::{SessionConfig, SessionContext};

/// A DataFusion session of the embedder's own, with one table and Maar installed.
pub(crate) fn context() -> Result<SessionContext> {
    let builder = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_information_schema(true))
        .with_default_features();
    let context = SessionContext::new_with_state(maar_engine::install(builder)?.build());
    let amounts = Int64Array::from(vec![1, 2, i64::MAX]);
    context.register_batch("orders", RecordBatch::try_from_iter([("amount", Arc::new(amounts) as _)])?)?;
    Ok(context)
}

/// Runs `sql` as any DataFusion program does.
pub(crate) async fn run(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    context.sql(sql).await?.collect().await
}

#[allow(dead_code, clippy::print_stdout, reason = "the tests call the functions above instead; an example prints")]
fn main() -> Result<()> {
    maar_engine::runtime()?.block_on(async {
        let context = context()?;
        run(&context, "set maar.device = 'cpu'").await?;
        let few = run(&context, "select sum(amount) from orders where amount < 10").await?;
        println!("{few:?}");
        // DataFusion alone would answer -9223372036854775806.
        let overflow = run(&context, "select sum(amount) from orders").await;
        println!("{overflow:?}");
        Ok(())
    })
}
