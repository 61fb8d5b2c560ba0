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
    std::fs::write(at("plain.csv.gz"), "x").unwrap();
    std::fs::write(at("rows.ndjson"), "{\"a\":1}\n{\"a\":2}\n").unwrap();
    std::fs::write(at("gaps.csv"), "n,d,s\n1,2024-01-01,NA\nNA,-,x\n,NA,\n").unwrap();
    std::fs::create_dir_all(at("years/year=2024")).unwrap();
    std::fs::write(at("years/year=2024/a.csv"), "x\n1\n").unwrap();
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
        ("select * from read_csv('LAKE/plain.csv', compression = 'none')", "1,a"),
        ("select * from read_csv('LAKE/plain.csv', union_by_name = true)", "1,a"),
        ("select one + 1, t from read_csv('LAKE/plain.csv', columns = {'one': 'int', 't': 'varchar'})", "2,a"),
        (
            "select arrow_typeof(one) from read_csv('LAKE/plain.csv', types = {'ONE': 'decimal(10, 2)'})",
            "Decimal128(10, 2)",
        ),
        ("select * from read_csv('LAKE/semi.txt', skip = 1, delim = ';', header = false)", "1,a;2,-"),
        ("select arrow_typeof(n) from read_csv('LAKE/gaps.csv', all_varchar = true) limit 1", "Utf8"),
        ("select x from read_csv('LAKE/years', hive_partitioning = false)", "1"),
        ("select arrow_typeof(year) from read_csv('LAKE/years', hive_types_autocast = false)", "Utf8View"),
        ("select b from read_json('LAKE/rows.ndjson', columns = {'a': 'double', 'b': 'varchar'})", ";"),
        ("select sum(a) from read_json('LAKE/rows.ndjson')", "3"),
        ("select sum(a) from read_json('LAKE/array.json', format = 'array')", "6"),
        ("select count(*) from glob('LAKE/*.csv')", "2"),
        (
            "select n + 1, d, s from read_csv('LAKE/gaps.csv', nullstr = ['NA', '-']) order by n, s",
            "2,2024-01-01,;,,x;,,",
        ),
        ("select count(s), arrow_typeof(max(n)) from read_csv('LAKE/gaps.csv', nullstr = 'NA')", "1,Int64"),
        ("select count(*), sum(id) from read_parquet(['LAKE/a.parquet', 'LAKE/a.parquet'])", "4,6"),
        ("select count(*) from read_csv(['LAKE/plain.csv', 'LAKE/plain.csv', 'LAKE/plain.csv'])", "3"),
        (
            "select id, filename = 'LAKE/a.parquet' from read_parquet('LAKE/*.parquet', filename = true) order by id",
            "1,true;2,true",
        ),
        (
            "select x, year, replace(file, 'LAKE', '') from read_csv('LAKE/years', filename = 'file')",
            "1,2024,/years/year=2024/a.csv",
        ),
        ("select count(*) from read_parquet('LAKE/a.parquet', filename = true) where filename like '%b.parquet'", "0"),
        ("select count(*) from read_parquet('LAKE/a.parquet', filename = false)", "2"),
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
        ("select * from read_parquet('LAKE/a.parquet', union_by_name = false)", "always on", "leave union_by_name out"),
        ("select * from read_csv('LAKE/none.txt')", "there is no file", "did you mean"),
        ("select * from read_parquet()", "wants a path", "read_parquet('"),
        ("select * from read_parquet('LAKE/a.parquet', filename = 'Id')", "a column Id of their own", "filename = "),
        ("select * from read_parquet('LAKE/a.parquet', nullstr = 'x')", "no option nullstr", "filename"),
        ("select * from read_csv('LAKE/plain.csv', compression = 'gzip')", "cannot be unpacked with gzip", "none"),
        ("select * from read_csv('LAKE/plain.csv.gz')", "plain.csv.gz': it cannot be unpacked with gzip", "none"),
        (
            "select * from read_csv('LAKE/plain.csv', columns = ['one'])",
            "cannot take that value for columns",
            "'BIGINT'",
        ),
        ("select * from read_csv('LAKE/plain.csv', columns = {'a': 'int'})", "2 columns, and 1 are named", "types"),
        ("select * from read_csv('LAKE/plain.csv', types = {'one': 'nope'})", "'nope' is no type", "BIGINT"),
        ("select * from read_csv('LAKE/plain.csv', types = {'three': 'int'})", "no column three", "one, two"),
        ("select * from read_csv('LAKE/plain.csv', skip = 'x')", "skip = x is no number", "skip = 1"),
        ("select * from read_csv('LAKE/plain.csv', skip = 9)", "plain.csv': it is empty", ""),
        ("select * from read_csv('LAKE/plain.csv', ignore_errors = true)", "no option ignore_errors", "skip"),
        (
            "select * from read_parquet('LAKE/a.parquet', file_row_number = true)",
            "no option file_row_number",
            "filename",
        ),
        ("select * from parquet_schema('LAKE/plain.csv')", "not a readable Parquet file", ""),
        ("select * from read_csv('LAKE/plain.csv', header = true, header = false)", "is given header twice", ""),
        ("select * from read_json('LAKE/plain.csv', format = 'arra')", "cannot take that value for format", "'array'"),
        ("select * from read_csv('LAKE/plain.csv', delim = ',', sep = ';')", "takes one of delim and sep", ""),
        ("select * from read_parquet('LAKE/a.parquet', footer_key_as_hex = 'zz')", "it is no key", "32 hexadecimal"),
        (
            "select * from read_parquet('LAKE/a.parquet', footer_key_as_hex = 30313233343536373839303132333435)",
            "it is no key",
            "in quotes",
        ),
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

/// As in DuckDB 1.5, which gives the same for each.
#[tokio::test]
async fn pivot_and_unpivot_as_statements() {
    let (session, _folder) = lake().await;
    session
        .run_script("create table w as select * from (values (1, 10, null), (2, 20, 30)) v(id, jan, feb); \
                     create table days as select * from (values (date '2024-01-02', 1.5, 7), (date '2024-01-01', 2.5, 8)) v(d, x, n)")
        .await
        .unwrap();
    let cases = [
        ("pivot t on c using sum(p) group by a order by a", "1,3.5,4.5;2,,3.5"),
        ("PIVOT T ON C USING sum(p) order by a", "1,3.5,4.5;2,,3.5"),
        (
            "pivot t on c in ('y', 'x' as first) using sum(p) as s, count(*) group by a order by a limit 1",
            "1,4.5,1,3.5,2",
        ),
        ("pivot (select a, c from t) on c order by a", "1,2,1;2,0,1"),
        ("with u as (select * from t where a = 1) pivot u on c using max(p) group by a", "1,2.5,4.5"),
        ("pivot days on d using sum(x) group by n order by n", "7,,1.5;8,2.5,"),
        ("pivot days on x using count(*) group by d order by d", "2024-01-01,0,1;2024-01-02,1,0"),
        ("unpivot w on jan, feb into name month value v order by id, month", "1,jan,10;2,feb,30;2,jan,20"),
        ("unpivot w on jan order by value", "1,,jan,10;2,30,jan,20"),
    ];
    for (sql, rows) in cases {
        assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
    let named = session.sql("pivot t on c using sum(p) as s group by a").await.unwrap();
    let names: Vec<String> = named.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["a", "x_s", "y_s"]);
    let dates = session.sql("pivot days on d using sum(x) group by n").await.unwrap();
    assert_eq!(dates.schema().field(1).name(), "2024-01-01");
    for (sql, message, place) in [
        ("pivot t on nope using sum(p)", "no column nope", 12),
        ("pivot t using sum(p)", "PIVOT wants ON", 1),
        ("pivot (select * from t where a = 9) on c using sum(p)", "no value", 1),
        ("unpivot w on * replace (1 as id)", "a star may only be followed by EXCLUDE", 1),
        ("unpivot w on jan into name m", "INTO wants NAME and VALUE", 1),
    ] {
        let e = error(&session, sql).await;
        assert!(e.message().contains(message) && e.position().is_some_and(|at| at.column == place), "{sql}: {e}");
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
