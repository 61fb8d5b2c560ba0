//! EXPLAIN changes nothing, EXPLAIN ANALYZE changes once; and errors that are the user's say so.

use std::time::Duration;

use maar_engine::ErrorKind;

use crate::support::{cells, error, session};

#[tokio::test]
async fn an_explained_change_is_not_made_and_an_analysed_one_is_made_once() {
    let session = session();
    session.run_script("create table t as select * from (values (1), (2)) v(x)").await.unwrap();
    for change in ["update t set x = x + 1", "delete from t", "delete from t where x = 1", "insert into t values (9)"] {
        let explained = cells(&session, &format!("explain {change}")).await.unwrap();
        assert!(explained.contains("Dml: op="), "{explained}");
        cells(&session, &format!("explain verbose {change}")).await.unwrap();
        assert_eq!(cells(&session, "select x from t order by x").await.unwrap(), "1;2", "{change}");
    }
    cells(&session, "explain analyze update t set x = x + 1").await.unwrap();
    assert_eq!(cells(&session, "select x from t order by x").await.unwrap(), "2;3");
    cells(&session, "explain analyze delete from t where x = 3").await.unwrap();
    assert_eq!(cells(&session, "select x from t").await.unwrap(), "2");
}

#[tokio::test]
async fn errors_of_arguments_and_options_are_the_users() {
    let session = session();
    for (sql, part) in [
        ("set datafusion.execution.batch_size = 'abc'", "datafusion.execution.batch_size"),
        ("set datafusion.optimizer.enable_topk_aggregation = 7", "enable_topk_aggregation"),
        ("select round(true)", "'round'"),
        ("select sum('a')", "'sum'"),
        ("select regexp_replace('abc', '*', 'X')", "regular expression"),
        ("select regexp_replace(s, '*', 'X') from (values ('a')) v(s)", "regular expression"),
        ("select array_resize([1, 2], -5)", "array_resize"),
    ] {
        let e = error(&session, sql).await;
        assert_eq!(e.kind(), ErrorKind::Invalid, "{sql}: {e}");
        assert!(e.message().contains(part) && !e.message().to_lowercase().contains("internal"), "{sql}: {e}");
    }
    let written = error(&session, "copy (select 1 as i) to '/proc/none/x.parquet'").await;
    assert_eq!(written.kind(), ErrorKind::Storage, "{written}");
    assert!(!written.message().contains("read"), "{written}");
}

#[tokio::test]
async fn no_form_of_explain_changes_anything() {
    let session = session();
    session.run_script("create table t as values (1), (2)").await.unwrap();
    let forms = [
        "(analyze false)",
        "(verbose)",
        "verbose",
        "format tree",
        "format indent",
        "format pgjson",
        "format graphviz",
        "(format tree)",
    ];
    let changes =
        ["update t set column1 = 7", "delete from t where column1 = 1", "insert into t values (9)", "truncate t"];
    for (number, change) in changes.into_iter().enumerate() {
        for form in forms {
            cells(&session, &format!("explain {form} {change}")).await.unwrap();
        }
        session
            .run_script(&format!("prepare p{number} as {change}; prepare e{number} as explain {change}"))
            .await
            .unwrap();
        for prepared in [format!("explain execute p{number}"), format!("execute e{number}")] {
            cells(&session, &prepared).await.unwrap();
        }
        assert_eq!(cells(&session, "select * from t").await.unwrap(), "1;2", "{change}");
    }
    cells(&session, "execute p3").await.unwrap();
    assert_eq!(cells(&session, "select count(*) from t").await.unwrap(), "0");
}

#[tokio::test]
async fn explain_of_commands_speaks_of_them() {
    let session = session();
    session.run_script("create table t as select 1 as x").await.unwrap();
    for sql in ["explain create table u as select 1", "explain create view v as select 1", "explain drop table t"] {
        let explained = cells(&session, sql).await.unwrap();
        assert!(explained.contains("physical_plan,none: the statement is a command"), "{explained}");
    }
    assert!(cells(&session, "explain truncate t").await.unwrap().contains("Dml: op=[Delete] table=[t]"));
    assert_eq!(cells(&session, "truncate t").await.unwrap(), "1");
    assert_eq!(cells(&session, "select count(*) from t").await.unwrap(), "0");
}

#[tokio::test]
async fn offsets_of_windows_are_constants() {
    let session = session();
    for call in ["lag(v, v)", "lead(v, v + 1)", "lag(v, 1, v)"] {
        let e = error(&session, &format!("select {call} over (order by v) from (values (1), (2)) t(v)")).await;
        assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
        assert!(
            e.message().contains("are constants") && e.hint().is_some_and(|hint| hint.contains("row_number")),
            "{e}"
        );
    }
}

#[tokio::test]
async fn patterns_and_formats_are_the_users() {
    let session = session();
    for (sql, part) in [
        ("select regexp_match('abc', '(')", "no regular expression: unclosed group"),
        ("select regexp_count('abc', '(')", "no regular expression"),
        ("select 'a' similar to '('", "no regular expression: unclosed group"),
        ("select to_char(now(), '%Q')", "no format of dates"),
        ("select 'a' like 'b' escape 'cd'", "escape"),
        ("select chr(-1)", "invalid"),
        ("select lpad('a', 100000000000)", "too large"),
    ] {
        let e = error(&session, sql).await;
        assert_eq!(e.kind(), ErrorKind::Invalid, "{sql}: {e}");
        assert!(e.message().to_lowercase().contains(part) && !e.message().contains('\n'), "{sql}: {e}");
    }
}

#[tokio::test]
async fn copy_to_where_no_file_can_be_made_fails_at_once() {
    let session = session();
    for file in ["x.csv", "x.parquet", "x.json", "deep/x.csv"] {
        let sql = format!("copy (select 1 as a) to '/proc/{file}'");
        let e = tokio::time::timeout(Duration::from_secs(20), error(&session, &sql)).await.unwrap();
        assert_eq!(e.kind(), ErrorKind::Storage, "{e}");
        assert!(e.message().contains("'/proc'"), "{e}");
    }
}

#[tokio::test]
async fn a_merge_join_of_an_inequality_checks_its_arithmetic() {
    let session = session();
    session
        .run_script(
            "set datafusion.optimizer.enable_piecewise_merge_join = true; \
             create table a as select * from (values (1), (5), (9)) t(x); \
             create table b as select * from (values (2), (7)) t(y)",
        )
        .await
        .unwrap();
    let sql = "select x, y from a join b on a.x + 1 < b.y order by x, y";
    assert_eq!(cells(&session, sql).await.unwrap(), "1,7;5,7");
    let e = error(&session, "select x from a join b on a.x + 9223372036854775800 < b.y").await;
    assert!(e.message().contains("overflow"), "{e}");
}
