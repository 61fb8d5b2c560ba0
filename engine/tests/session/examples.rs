//! The examples do what they say.

use tempfile::TempDir;

use crate::support::{cells, session};

#[path = "../../examples/datafusion_install.rs"]
pub(crate) mod datafusion_install;
#[path = "../../examples/embed.rs"]
mod embed;

#[tokio::test]
async fn the_embedding_example_runs() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("orders.parquet");
    let sql = format!("copy (select value as amount from generate_series(1, 20)) to '{}'", file.display());
    cells(&session(), &sql).await.unwrap();
    let (table, places) = embed::total_above(&file.display().to_string(), 10).await.unwrap();
    assert!(table.contains("| 10     | 155   |"), "{table}");
    assert!(!places.is_empty());
}

#[tokio::test]
async fn the_installing_example_runs() {
    let context = datafusion_install::context().unwrap();
    datafusion_install::run(&context, "set maar.device = 'cpu'").await.unwrap();
    let few = datafusion_install::run(&context, "select sum(amount) from orders where amount < 10").await.unwrap();
    assert_eq!(few[0].num_rows(), 1);
    let overflow = datafusion_install::run(&context, "select sum(amount) from orders").await.unwrap_err();
    assert!(overflow.to_string().contains("verflow"), "{overflow}");
    let wrong = datafusion_install::run(&context, "set maar.device = 'gpu'").await.unwrap_err();
    assert!(wrong.to_string().contains("emulated"), "{wrong}");
    let folded = datafusion_install::run(&context, "select amount + 1 from orders").await.unwrap_err();
    assert!(folded.to_string().contains("verflow"), "{folded}");
}

#[tokio::test]
async fn installing_turns_the_listing_cache_off_and_twice_is_once() {
    let directory = TempDir::new().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    cells(&session(), &format!("copy (select 1 as n) to '{}'", file("a.parquet"))).await.unwrap();
    let context = datafusion_install::context().unwrap();
    let rules = context.state().physical_optimizers().len();
    let again = maar_engine::install(context.into_state_builder()).unwrap();
    let context = maar_engine::datafusion::prelude::SessionContext::new_with_state(again.build());
    assert_eq!(context.state().physical_optimizers().len(), rules);
    let create = format!("create external table t stored as parquet location '{}/'", directory.path().display());
    datafusion_install::run(&context, &create).await.unwrap();
    for files in 1..3 {
        let rows = context.sql("select * from t").await.unwrap().count().await.unwrap();
        assert_eq!(rows, files);
        std::fs::copy(file("a.parquet"), file(&format!("b{files}.parquet"))).unwrap();
    }
}
