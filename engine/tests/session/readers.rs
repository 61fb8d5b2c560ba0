//! Table functions over files, PIVOT, UNPIVOT and SUMMARIZE.

use std::path::Path;

use maar_engine::Session;

use crate::support::{cells, error, session};

async fn lake() -> (Session, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let session = session();
    let at = |name: &str| folder.path().join(name);
    let script = format!(
        "copy (select * from (values (1, 'x', 2.5), (2, 'y', null)) v(\"Id\", s, p)) to '{}'; \
         create table t as select * from (values (1, 'x', 2.5), (2, 'y', 3.5), (1, 'y', 4.5), (1, 'x', 1.0)) v(a, c, p)",
        at("a.parquet").display()
    );
    session.run_script(&script).await.unwrap();
    std::fs::write(at("semi.txt"), "One;two\n1;a\n2;-\n").unwrap();
    std::fs::write(at("plain.csv"), "one,two\n1,a\n").unwrap();
    std::fs::write(at("rows.ndjson"), "{\"a\":1}\n{\"a\":2}\n").unwrap();
    std::fs::write(at("array.json"), "[{\"a\":1},{\"a\":2},{\"a\":3}]").unwrap();
    (session, folder)
}

fn placed(sql: &str, folder: &Path) -> String {
    sql.replace("LAKE", &folder.display().to_string())
}

#[tokio::test]
async fn readers_of_files() {
    let (session, folder) = lake().await;
    let cases = [
        ("select id, s from read_parquet('LAKE/*.parquet') where ID = 1", "1,x"),
        ("select read_parquet.Id from read_parquet(['LAKE/a.parquet']) order by id desc limit 1", "2"),
        ("select x.one, two from read_csv('LAKE/semi.txt', delim = ';') x order by ONE", "1,a;2,-"),
        ("select count(*) from read_csv('LAKE/semi.txt', sep = ';', header = false)", "3"),
        ("select * from read_csv('LAKE/plain.csv')", "1,a"),
        ("select sum(a) from read_json('LAKE/rows.ndjson')", "3"),
        ("select sum(a) from read_json('LAKE/array.json', format = 'array')", "6"),
        ("select count(*) from glob('LAKE/*.csv')", "1"),
        ("select count(*) from glob('LAKE/*.zip')", "0"),
        (
            "select name, type, num_children from parquet_schema('LAKE/a.parquet') where name <> 's' order by name",
            "Id,INT64,;arrow_schema,,3;p,DOUBLE,",
        ),
        (
            "select path_in_schema, num_values, stats_null_count, stats_max_value from parquet_metadata('LAKE/a.parquet') order by column_id",
            "Id,2,0,2;s,2,0,y;p,2,1,2.5",
        ),
    ];
    for (sql, rows) in cases {
        let sql = placed(sql, folder.path());
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
}

#[tokio::test]
async fn readers_say_what_is_wrong() {
    let (session, folder) = lake().await;
    let cases = [
        ("select * from read_csv('LAKE/plain.csv', nope = 1)", "no option nope", "delim"),
        ("select * from read_csv('LAKE/plain.csv', union_by_name = false)", "always on", "leave union_by_name out"),
        ("select * from read_csv('LAKE/none.txt')", "there is no file", "did you mean"),
        ("select * from read_parquet()", "wants a path", "read_parquet('"),
        ("select * from parquet_schema('LAKE/plain.csv')", "not a readable Parquet file", ""),
    ];
    for (sql, message, hint) in cases {
        let e = error(&session, &placed(sql, folder.path())).await;
        assert!(e.message().contains(message), "{sql}: {e}");
        assert!(e.hint().unwrap_or_default().contains(hint) || hint == "did you mean", "{sql}: {e}");
    }
}

#[tokio::test]
async fn pivot_and_unpivot() {
    let (session, _folder) = lake().await;
    let cases = [
        ("select * from t pivot (sum(p) for c in ('x', 'y')) order by a", "1,3.5,4.5;2,,3.5"),
        (
            "select a, x, q.Y from (select a, c from t) pivot (count(*) for C in ('x', 'y' as Y)) q order by a",
            "1,2,1;2,0,1",
        ),
        ("select * from (select c, p from t) pivot (sum(p) as s, max(p) as m for c in ('x'))", "3.5,2.5"),
        ("select * from (select 1 as id, 10 as jan, null as feb) unpivot (v for month in (JAN, feb))", "1,jan,10"),
        (
            "select id, m, v from (select 1 as id, 10 as jan, null as feb) unpivot include nulls (v for m in (jan as 'J', feb as 'F')) order by m",
            "1,F,;1,J,10",
        ),
    ];
    for (sql, rows) in cases {
        assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
}

#[tokio::test]
async fn summaries() {
    let (session, folder) = lake().await;
    let t = "a,Int64,1,2,2,1.25,0.5,1.0,1.0,1.5,4,0.0;c,Utf8,x,y,2,,,,,,4,0.0;p,Float64,1.0,4.5,4,2.875,1.4930394055974097,1.875,3.0,4.0,4,0.0";
    assert_eq!(cells(&session, "summarize T").await.unwrap(), t);
    let nulls = placed("summarize select p, [1] as l from 'LAKE/a.parquet'", folder.path());
    let given = cells(&session, &nulls).await.unwrap_or_else(|e| e.to_string());
    assert!(given.starts_with("p,Float64,2.5,2.5,1,2.5,,2.5,2.5,2.5,2,50.0;l,"), "{given}");
    assert!(error(&session, "summarize drop table t").await.position().is_some());
}
