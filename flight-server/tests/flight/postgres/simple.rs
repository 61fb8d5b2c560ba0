//! Queries without preparation, errors, and the words of transactions.

use super::client::client;

#[tokio::test(flavor = "multi_thread")]
async fn statements_run_in_order_up_to_the_first_that_fails() {
    let mut client = client().await;
    let answer = client.query("create table t (n bigint, w varchar); insert into t values (1, 'one'), (2, null);; select * from t order by n").await;
    assert_eq!(answer.tags, ["CREATE TABLE", "INSERT 0 2", "SELECT 2"], "{answer:?}");
    assert_eq!((answer.text().as_str(), answer.ready), ("1,one;2,NULL", 'I'));
    assert_eq!(answer.columns, [("n".to_owned(), 20), ("w".to_owned(), 25)]);
    let answer =
        client.query("insert into t values (3, 'x'); select nothing from t; insert into t values (4, 'y')").await;
    assert_eq!((answer.tags.len(), answer.code()), (1, "42703"), "{answer:?}");
    assert_eq!(client.rows("select count(*) from t").await, "3", "what was done before stands");
    for (sql, tag) in [
        ("update t set w = 'z' where n = 3", "UPDATE 1"),
        ("delete from t where n > 1", "DELETE 2"),
        ("create temp view v as select 1 as one", "CREATE VIEW"),
        ("set maar.device = 'cpu'", "SET"),
        ("explain select 1", "EXPLAIN"),
        ("show maar.device", "SHOW"),
        ("values (1), (2)", "SELECT 2"),
        ("prepare p as select 7 as seven", "PREPARE"),
        ("execute p", "SELECT 1"),
        ("deallocate p", "DEALLOCATE"),
        ("drop table t", "DROP TABLE"),
    ] {
        assert_eq!(client.query(sql).await.tags, [tag], "{sql}");
    }
    for nothing in ["", ";", " -- nothing\n", ";;"] {
        assert_eq!(client.query(nothing).await.letters, "IZ", "{nothing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_their_code_and_their_place() {
    let mut client = client().await;
    client.query("create table t as select 1 as n, 'x' as w").await;
    for (sql, code) in [
        ("selec 1", "42601"),
        ("select 1 +", "42601"),
        ("select * from nowhere", "42P01"),
        ("select no_column from t", "42703"),
        ("select no_function(n) from t", "42883"),
        ("select n / (n - 1) from t", "22012"),
        ("select 9223372036854775807 + n from t", "22003"),
        ("select cast(w as integer) from t", "22P02"),
        ("select 'open", "42601"),
        ("set maar.nothing = 1", "42704"),
        ("copy t to stdout", "0A000"),
        ("copy t from stdin", "0A000"),
        ("savepoint s", "0A000"),
        ("listen x", "0A000"),
        ("select $1", "42P02"),
    ] {
        let answer = client.query(sql).await;
        assert_eq!(answer.code(), code, "{sql}: {answer:?}");
        assert_eq!((answer.errors[0].severity.as_str(), answer.ready), ("ERROR", 'I'), "{sql}");
    }
    let answer = client.query("select 1;\n select  nothinge from t").await;
    assert_eq!(answer.errors[0].position, "20", "{answer:?}");
    assert!(answer.errors[0].message.contains("nothinge"));
    assert_eq!(client.rows("select 1").await, "1", "an error ends nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_words_that_mean_what_can_be_meant() {
    let mut client = client().await;
    client.query("create table t (n bigint)").await;
    assert_eq!(client.query("begin").await.ready, 'T');
    assert_eq!(client.query("begin").await.notices[0].code, "25001");
    assert_eq!(client.query("select * from nowhere").await.ready, 'E');
    let failed = client.query("select 1").await;
    assert_eq!((failed.code(), failed.ready), ("25P02", 'E'));
    let ended = client.query("commit").await;
    assert_eq!((&*ended.tags, ended.ready), (&["ROLLBACK".to_owned()][..], 'I'));
    // A change cannot be undone: nobody is told that it was.
    client.query("begin; insert into t values (1)").await;
    let refused = client.query("rollback").await;
    assert_eq!((refused.code(), refused.ready), ("0A000", 'I'), "{refused:?}");
    assert!(refused.errors[0].message.contains("stands"), "{refused:?}");
    assert_eq!(client.query("begin; insert into t values (2); commit").await.tags, ["BEGIN", "INSERT 0 1", "COMMIT"]);
    assert_eq!(client.rows("select count(*) from t").await, "2");
    assert_eq!(client.query("rollback").await.notices[0].code, "25P01");
    let refused = client.query("begin read only; insert into t values (3)").await;
    assert_eq!((refused.code(), refused.ready), ("25006", 'E'));
    assert_eq!(client.query("rollback").await.tags, ["ROLLBACK"], "nothing was changed");
    // What is prepared in SQL is no way around it, and preparing changes nothing.
    assert_eq!(client.query("begin; prepare p as insert into t values (3); rollback").await.tags.len(), 3);
    let refused = client.query("begin read only; execute p").await;
    assert_eq!((refused.code(), refused.ready), ("25006", 'E'), "{refused:?}");
    client.query("rollback").await;
    assert_eq!(client.rows("select count(*) from t").await, "2");
    client.query("set session characteristics as transaction read only").await;
    assert_eq!(client.query("drop table t").await.code(), "25006");
    assert_eq!(client.rows("show transaction_read_only").await, "on");
}
