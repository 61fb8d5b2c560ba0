//! Sessions of clients beside each other: what they share, and what each has to itself.

use maar_engine::ErrorKind;

use crate::support::{cells, error, session};

#[tokio::test]
async fn tables_are_shared_and_options_are_not() {
    let base = session();
    base.run_script("create table t as values (1), (2)").await.unwrap();
    let (one, two) = (base.for_client(), base.for_client());
    one.run_script("create table u as values (3)").await.unwrap();
    for each in [&base, &one, &two] {
        assert_eq!(cells(each, "select sum(column1) from t").await.unwrap(), "3");
        assert_eq!(cells(each, "select column1 from u").await.unwrap(), "3");
    }
    let show = "show datafusion.execution.batch_size";
    let before = cells(&base, show).await.unwrap();
    one.run_script("set datafusion.execution.batch_size = 100").await.unwrap();
    assert_eq!(cells(&one, show).await.unwrap(), "datafusion.execution.batch_size,100");
    assert_eq!((cells(&two, show).await.unwrap(), cells(&base, show).await.unwrap()), (before.clone(), before));
    one.run_script("prepare p as select column1 from t where column1 > $1").await.unwrap();
    assert_eq!(cells(&one, "execute p(1)").await.unwrap(), "2");
    assert!(error(&two, "execute p(1)").await.to_string().contains('p'));
}

#[tokio::test]
async fn a_temporary_table_is_its_sessions_alone_and_hides_a_shared_one() {
    let base = session();
    let (one, two) = (base.for_client(), base.for_client());
    one.run_script("create temp table own as values (1); insert into own values (2)").await.unwrap();
    assert_eq!(cells(&one, "select sum(column1) from OWN").await.unwrap(), "3");
    assert_eq!(error(&two, "select * from own").await.kind(), ErrorKind::NotFound);

    // The same name for all.
    two.run_script("create table own as values (10)").await.unwrap();
    assert_eq!(cells(&one, "select sum(column1) from own").await.unwrap(), "3");
    assert_eq!(cells(&base, "select sum(column1) from own").await.unwrap(), "10");
    let kind = "select table_type from information_schema.tables where table_name = 'own'";
    assert_eq!(cells(&one, kind).await.unwrap(), "LOCAL TEMPORARY");
    assert_eq!(cells(&two, kind).await.unwrap(), "BASE TABLE");
    assert!(error(&one, "create temp table own as values (5)").await.to_string().contains("already exists"));
    one.run_script("create or replace temp table own as values (7)").await.unwrap();
    assert_eq!(cells(&one, "select column1 from own").await.unwrap(), "7");
    assert!(error(&one, "create table own as values (5)").await.to_string().contains("already exists"));
    one.run_script("create or replace table own as values (11)").await.unwrap();
    assert_eq!(cells(&one, "select column1 from own").await.unwrap(), "7", "still hidden");
    assert_eq!(cells(&two, "select column1 from own").await.unwrap(), "11");

    one.run_script("drop table own").await.unwrap();
    assert_eq!(cells(&one, "select column1 from own").await.unwrap(), "11", "no longer hidden");
    one.run_script("drop table own").await.unwrap();
    assert_eq!(error(&two, "select * from own").await.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn views_show_no_session_what_is_anothers() {
    let base = session();
    let (one, two) = (base.for_client(), base.for_client());
    one.run_script("create temp table secret as values (1); create temp view peek as select * from secret")
        .await
        .unwrap();
    assert_eq!(cells(&one, "select * from peek").await.unwrap(), "1");
    assert_eq!(error(&two, "select * from peek").await.kind(), ErrorKind::NotFound);
    for sql in [
        "create view v as select * from secret",
        "create view v as select (select max(column1) from peek) as m",
        "create or replace view v as values ((select 1 where exists (select 1 from secret)))",
    ] {
        let refused = error(&one, sql).await;
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{sql}");
        assert!(refused.to_string().contains("TEMP VIEW"), "{refused}");
    }
    // A copy of the rows is nobody's secret.
    one.run_script("create table copied as select * from secret").await.unwrap();
    assert_eq!(cells(&two, "select * from copied").await.unwrap(), "1");
    one.run_script("drop view peek; create view v as select * from copied").await.unwrap();
    assert_eq!(cells(&two, "select * from v").await.unwrap(), "1");
}

#[tokio::test]
async fn options_of_the_process_are_no_clients() {
    let base = session();
    let client = base.for_client();
    for sql in [
        "set maar.device_memory = '1GB'",
        "SET MAAR.RESIDENT_MEMORY = '1GB'",
        "set datafusion.runtime.memory_limit = '100G'",
        "reset datafusion.runtime.memory_limit",
        "reset maar.device_memory",
    ] {
        let refused = error(&client, sql).await;
        assert!(refused.kind() == ErrorKind::Forbidden && refused.to_string().contains("server"), "{sql}: {refused}");
        assert!(error(&client.for_client(), sql).await.to_string().contains("server"), "{sql}");
    }
    base.run_script("set maar.device_memory = '1GB'; set datafusion.runtime.memory_limit = '1G'").await.unwrap();
    client.run_script("set maar.require_device = false; set datafusion.execution.time_zone = '+01:00'").await.unwrap();
}

#[tokio::test]
async fn sizes_of_the_runtime_are_written_like_all_others() {
    let session = session();
    for (size, shown) in [("1GB", "953M"), ("512 MiB", "512M"), ("8388608", "8M"), ("2G", "2G"), ("4gib", "4G")] {
        session.run_script(&format!("set datafusion.runtime.memory_limit = '{size}'")).await.unwrap();
        let found = cells(&session, "show datafusion.runtime.memory_limit").await.unwrap();
        assert_eq!(found, format!("datafusion.runtime.memory_limit,{shown}"), "{size}");
    }
    for size in ["lots", "-1GB", "1XB"] {
        let refused = error(&session, &format!("set datafusion.runtime.memory_limit = '{size}'")).await;
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
}

#[tokio::test]
async fn reset_gives_what_the_session_began_with() {
    let base = session();
    base.run_script("set datafusion.execution.batch_size = 300; set maar.plan_cache = 7").await.unwrap();
    let client = base.for_client();
    let options = [
        ("maar.device", "cpu", "auto"),
        ("maar.plan_cache", "7", "9"),
        ("maar.require_device", "false", "true"),
        ("datafusion.execution.batch_size", "300", "100"),
        ("datafusion.execution.target_partitions", "2", "3"),
        ("datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown", "false", "true"),
        ("datafusion.optimizer.enable_dynamic_filter_pushdown", "true", "false"),
        ("datafusion.execution.time_zone", "+00:00", "+02:00"),
    ];
    for (option, begun, set) in options {
        let show = format!("select value from information_schema.df_settings where name = '{option}'");
        let began_with = cells(&client, &show).await.unwrap();
        client.run_script(&format!("set {option} = '{set}'")).await.unwrap();
        client.run_script(&format!("reset {}", option.to_uppercase())).await.unwrap();
        assert_eq!(cells(&client, &show).await.unwrap(), began_with, "{option}");
        if option != "datafusion.execution.time_zone" {
            assert_eq!(began_with, begun, "{option}");
        }
    }
    client.run_script("set timezone = '+05:00'; reset timezone").await.unwrap();
    let unknown = error(&client, "reset maar.devise").await;
    assert!(unknown.kind() == ErrorKind::Invalid && unknown.to_string().contains("maar.devise"), "{unknown}");
    assert!(unknown.to_string().contains("plan_cache"), "{unknown}");
    for name in ["datafusion.foo", "datafusion.execution.foo", "datafusion.runtime.foo", "other.foo", "foo"] {
        for statement in [format!("reset {name}"), format!("set {name} = 1")] {
            let unknown = error(&base, &statement).await;
            assert_eq!(unknown.message(), format!("there is no option {name}"), "{statement}");
        }
    }
}

// DataFusion's one option for all dynamic filters turns on those of aggregates, which skip files that they need.
#[tokio::test]
async fn dynamic_filters_of_aggregates_are_set_by_their_own_name_alone() {
    let session = session();
    let of_aggregates = "select value from information_schema.df_settings \
                         where name = 'datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown'";
    for statement in [
        "set datafusion.optimizer.enable_dynamic_filter_pushdown = true",
        "reset datafusion.optimizer.enable_dynamic_filter_pushdown",
    ] {
        session.run_script(statement).await.unwrap();
        assert_eq!(cells(&session, of_aggregates).await.unwrap(), "false", "{statement}");
    }
}

#[tokio::test]
async fn paths_are_tables_of_every_session() {
    let folder = tempfile::tempdir().unwrap();
    let base = session();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "a\n1\n2\n").unwrap();
    let client = base.for_client();
    assert_eq!(cells(&client, &format!("select sum(a) from '{}'", path.display())).await.unwrap(), "3");
}
