//! Statements, options, parameters, explanations.

use maar_engine::datafusion::common::ScalarValue;
use maar_engine::{ErrorKind, Parameters, QueryKind, Session, split};

use crate::support::{cells, error, session};

#[tokio::test]
async fn a_query_gives_rows_and_a_report() {
    let mut result = session().sql("select x, x * 2 as y from (values (1), (2)) t(x) order by x;").await.unwrap();
    assert_eq!(result.schema().field(1).name(), "y");
    let mut rows = 0;
    while let Some(batch) = result.next_batch().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, 2);
    assert!(!result.report().operators.is_empty());
}

#[tokio::test]
async fn options_are_set_shown_and_checked() {
    let session = session();
    assert_eq!(cells(&session, "show maar.device").await.unwrap(), "maar.device,cpu");
    cells(&session, "set maar.device = 'auto'").await.unwrap();
    cells(&session, "set maar.require_device = on").await.unwrap();
    cells(&session, "set maar.device_memory = '8G'").await.unwrap();
    assert_eq!(cells(&session, "show maar.device").await.unwrap(), "maar.device,auto");
    assert_eq!(cells(&session, "show maar.require_device").await.unwrap(), "maar.require_device,true");
    assert_eq!(cells(&session, "show maar.device_memory").await.unwrap(), "maar.device_memory,8589934592");
    let wrong = error(&session, "set maar.device = 'gpu'").await;
    assert_eq!(wrong.kind(), ErrorKind::Invalid);
    assert!(wrong.message().contains("auto, cuda, emulated, cpu"), "{wrong}");
    assert!(error(&session, "set maar.devcie = 'cpu'").await.message().contains("require_device"));
    cells(&session, "set datafusion.execution.batch_size = 100").await.unwrap();
}

#[tokio::test]
async fn parameters_fill_placeholders() {
    let session = session();
    let values = Parameters::positional([ScalarValue::from(40i64), ScalarValue::from(2i64)]);
    let (batches, _) = session.sql_with("select $1 + $2 as n", &values).await.unwrap().collect().await.unwrap();
    assert_eq!(batches[0].num_rows(), 1);
    let mut named = Parameters::new();
    named.set("name", ScalarValue::from("a"));
    let query = session.prepare("select 1 where $name = 'a'").await.unwrap();
    assert!(query.parameters().unwrap().contains_key("$name"));
    assert_eq!(
        query.clone().with_parameters(&named).unwrap().execute().await.unwrap().collect().await.unwrap().0.len(),
        1
    );
    let missing = query.with_parameters(&Parameters::new()).unwrap_err();
    assert!(missing.message().contains("$name"), "{missing}");
}

#[tokio::test]
async fn scripts_run_up_to_their_first_error_with_its_place() {
    let session = session();
    let script = "create table t as values (1), (2);\nselect count(*) from t;\nselect cuont(*)\nfrom t;";
    let statements = split(script).unwrap();
    assert_eq!(statements.len(), 3);
    assert_eq!(session.plan(&statements[0]).await.unwrap().kind(), QueryKind::Command);
    session.plan(&statements[0]).await.unwrap().execute().await.unwrap();
    assert_eq!(session.plan(&statements[1]).await.unwrap().kind(), QueryKind::Rows);
    let failed = session.plan(&statements[2]).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::NotFound);
    assert!(failed.render(script).contains("LINE 3: select cuont(*)\n               ^"), "{}", failed.render(script));
}

#[tokio::test]
async fn explain_has_a_placement_section() {
    let session = session();
    for sql in ["explain select 1", "explain analyze select 1"] {
        let text = cells(&session, sql).await.unwrap();
        assert!(text.contains("placement"), "{text}");
    }
}

#[tokio::test]
async fn require_device_names_what_would_fall_back() {
    let session = session();
    cells(&session, "set maar.require_device = true").await.unwrap();
    let refused = error(&session, "select x + 1 from (values (1)) t(x)").await;
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.message().contains("would run on the host"), "{refused}");
    cells(&session, "show maar.require_device").await.unwrap();
    cells(&session, "set maar.require_device = false").await.unwrap();
    cells(&session, "select x + 1 from (values (1)) t(x)").await.unwrap();
}

#[tokio::test]
async fn dml_and_prepared_statements_work() {
    let session = session();
    session
        .run_script("create table t (a int); insert into t values (1), (2); prepare p as select a from t where a > $1;")
        .await
        .unwrap();
    assert_eq!(cells(&session, "execute p(1)").await.unwrap(), "2");
    assert_eq!(cells(&session, "insert into t values (3)").await.unwrap(), "1");
}

#[tokio::test]
async fn an_unknown_builder_option_is_an_error() {
    let wrong = Session::builder().option("maar.fast", "yes").build().unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Invalid);
}
