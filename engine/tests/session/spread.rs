//! PIVOT over several columns, UNPIVOT of a star, and both wherever a query may stand. DuckDB 1.5 gives the same for each.

use crate::support::{cells, error, session};

const SALES: &str = "create table sales as select * from (values ('N', 2020, 'Q1', 10), ('N', 2020, 'Q2', 20), \
                     ('S', 2020, 'Q1', 30), ('S', 2021, 'Q2', 40), ('N', 2021, 'Q1', 50)) v(region, yr, qtr, amount)";

#[tokio::test]
async fn pivot_over_several_columns() {
    let session = session();
    session.run_script(SALES).await.unwrap();
    let all = "N,10,20,50,;S,30,,,40";
    let cases = [
        ("pivot sales on yr, qtr using sum(amount) group by region order by region", all),
        ("pivot sales on yr, qtr using sum(amount) order by region", all),
        ("pivot sales on yr in (2020, 2021), qtr in ('Q1', 'Q2') using sum(amount) order by region", all),
        ("pivot sales on yr in (2020), qtr using sum(amount) order by region", "N,10,20;S,30,"),
        (
            "pivot sales on yr in (2020), qtr using sum(amount) as s, count(*) as c group by region order by region",
            "N,10,1,20,1;S,30,1,,0",
        ),
        (
            "select * from sales pivot (sum(amount) for (yr, qtr) in ((2020, 'Q1') as a, (2021, 'Q2') as b)) order by 1",
            "N,10,;S,30,40",
        ),
    ];
    for (sql, rows) in cases {
        assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
    let named = session.sql("pivot sales on yr, qtr using sum(amount) group by region").await.unwrap();
    let names: Vec<String> = named.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["region", "2020_Q1", "2020_Q2", "2021_Q1", "2021_Q2"]);
    let e = error(&session, "select * from sales pivot (sum(amount) for (yr, qtr) in (2020, 2021))").await;
    assert!(e.message().contains("wants as many values"), "{e}");
}

#[tokio::test]
async fn pivot_and_unpivot_wherever_a_query_may_stand() {
    let session = session();
    session.run_script(SALES).await.unwrap();
    let pivoted = "N,30,50;S,30,40";
    let cases = [
        ("with p as (pivot sales on yr using sum(amount) group by region) select * from p order by region", pivoted),
        ("select * from (pivot sales on yr using sum(amount) group by region) as p order by region", pivoted),
        (
            "with s as (select * from sales), p as (pivot s on yr using sum(amount) group by region), \
             q as (pivot p on region using max(\"2020\") group by \"2021\") from q order by 1",
            "40,,30;50,30,",
        ),
        (
            "select r.region, p.\"2021\" from (select distinct region from sales) r \
             join (pivot sales on yr using sum(amount) group by region) p on p.region = r.region order by 1",
            "N,50;S,40",
        ),
        (
            "unpivot (pivot sales on yr using sum(amount) group by region) on \"2020\" order by region",
            "N,50,2020,30;S,40,2020,30",
        ),
        ("with u as (unpivot (select 1 as a, 2 as b) on a, b) select * from u order by value", "a,1;b,2"),
        ("select pivot, unpivot from (select 1 as pivot, 2 as unpivot)", "1,2"),
    ];
    for (sql, rows) in cases {
        assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.parquet");
    let script = format!(
        "create table p as pivot sales on yr using sum(amount) group by region; \
         create view v as pivot sales on yr using sum(amount) group by region; \
         create table u (name varchar, value bigint); insert into u unpivot (select 1 as a, 2 as b) on *; \
         copy (pivot sales on yr using sum(amount) group by region) to '{}'",
        file.display()
    );
    session.run_script(&script).await.unwrap();
    for table in ["p", "v", &format!("'{}'", file.display())] {
        assert_eq!(cells(&session, &format!("from {table} order by region")).await.unwrap(), pivoted, "{table}");
    }
    assert_eq!(cells(&session, "from u order by value").await.unwrap(), "a,1;b,2");
    assert!(cells(&session, "explain pivot sales on yr").await.unwrap().contains("placement"));
}

#[tokio::test]
async fn unpivot_of_a_star() {
    let session = session();
    let t = "(select 1 as \"A\", 2 as b, cast(null as bigint) as c)";
    let cases = [
        ("on *", "A,1;b,2"),
        ("on columns(*) into name n value v", "A,1;b,2"),
        ("on * exclude (a) order by name", "1,b,2"),
        ("on columns(* exclude a)", "1,b,2"),
        ("on columns(* except (A, b))", ""),
    ];
    for (on, rows) in cases {
        let sql = format!("unpivot {t} {on}");
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
    assert_eq!(cells(&session, &format!("unpivot include nulls {t} on * order by name")).await.unwrap(), "A,1;b,2;c,");
}

#[tokio::test]
async fn subqueries_without_names_are_joined() {
    let session = session();
    session.run_script(SALES).await.unwrap();
    let cases = [
        (
            "select distinct * exclude (yr, qtr, amount) from sales natural join (select region, 'x' as t from sales) order by 1",
            "N,x;S,x",
        ),
        ("select count(*) from sales join (select distinct region from sales) using (region)", "5"),
        ("select count(*) from (select region from sales) join (select region from sales) on true", "25"),
    ];
    for (sql, rows) in cases {
        assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
}

/// DataFusion 55.2 takes VALUES anywhere in an INSERT for rows of its table.
#[tokio::test]
async fn values_in_from_of_an_insert_are_not_rows_of_its_table() {
    let session = session();
    session.run_script("create table u (name varchar, value bigint)").await.unwrap();
    for sql in [
        "insert into u select y, x from (values (1, 'a'), (2, 'b')) v(x, y)",
        "insert into u select 'c', column1 from (values (3))",
        "insert into u with w as (values (4)) select 'd', column1 from w",
        "insert into u values ('e', 5)",
    ] {
        session.run_script(sql).await.unwrap_or_else(|e| assert_eq!(e.to_string(), "", "{sql}"));
    }
    assert_eq!(cells(&session, "from u order by value").await.unwrap(), "a,1;b,2;c,3;d,4;e,5");
}
