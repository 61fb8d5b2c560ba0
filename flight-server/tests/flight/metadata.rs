//! What navigators and drivers ask before any query.

use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, UInt32Type};
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo, CommandStatementQuery, ProstMessageExt, SqlInfo,
};
use arrow_flight::{FlightDescriptor, IpcMessage};
use prost::Message;

use crate::support::{Client, answer, fetch, rows, serve, session, status, with_file};

fn tables() -> CommandGetTables {
    CommandGetTables {
        catalog: None,
        db_schema_filter_pattern: Some("public".to_owned()),
        table_name_filter_pattern: None,
        table_types: vec![],
        include_schema: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_of_catalogs_schemas_and_tables() {
    let (mut client, _folder) = with_file().await;
    rows(&mut client, "create view v as select amount from t").await.unwrap();
    let info = client.get_catalogs().await;
    assert_eq!(answer(&mut client, info).await.1, "datafusion;maar");

    let all = CommandGetDbSchemas { catalog: None, db_schema_filter_pattern: None };
    let info = client.get_db_schemas(all).await;
    assert_eq!(answer(&mut client, info).await.1, "datafusion,information_schema;datafusion,public;maar,system");
    let some =
        CommandGetDbSchemas { catalog: Some("datafusion".into()), db_schema_filter_pattern: Some("pub%".into()) };
    let info = client.get_db_schemas(some).await;
    assert_eq!(answer(&mut client, info).await.1, "datafusion,public");

    let info = client.get_tables(tables()).await;
    assert_eq!(answer(&mut client, info).await.1, "datafusion,public,t,TABLE;datafusion,public,v,VIEW");
    let info = client.get_tables(CommandGetTables { table_types: vec!["VIEW".into()], ..tables() }).await;
    assert_eq!(answer(&mut client, info).await.1, "datafusion,public,v,VIEW");
    let info = client.get_tables(CommandGetTables { catalog: Some("other".into()), ..tables() }).await;
    assert_eq!(answer(&mut client, info).await.1, "");
    let system = CommandGetTables {
        db_schema_filter_pattern: None,
        table_name_filter_pattern: Some("table_".into()),
        include_schema: true,
        ..tables()
    };
    let info = client.get_tables(system).await;
    let found = answer(&mut client, info).await.1;
    assert!(found.starts_with("datafusion,information_schema,tables,SYSTEM TABLE,"), "{found}");

    let own = CommandGetTables { db_schema_filter_pattern: None, catalog: Some("maar".into()), ..tables() };
    let info = client.get_tables(own).await;
    let own = ["caches", "object_stores", "operators", "queries", "sessions", "settings"]
        .map(|name| format!("maar,system,{name},SYSTEM TABLE"))
        .join(";");
    assert_eq!(answer(&mut client, info).await.1, own);

    let info = client.get_table_types().await;
    assert_eq!(answer(&mut client, info).await.1, "LOCAL TEMPORARY;SYSTEM TABLE;TABLE;VIEW");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tables_columns_are_those_that_a_query_gives() {
    let (mut client, _folder) = with_file().await;
    let info = client.get_tables(CommandGetTables { include_schema: true, ..tables() }).await.unwrap();
    let (_, batches) = fetch(&mut client, info).await.unwrap();
    let encoded = batches[0].column_by_name("table_schema").unwrap().as_binary::<i32>().value(0).to_vec();
    let columns = Schema::try_from(IpcMessage(encoded.into())).unwrap();
    let info = client.execute("select * from t".to_owned(), None).await.unwrap();
    let told = |at: usize| columns.field(at).metadata().get("ARROW:FLIGHT:SQL:TYPE_NAME").unwrap().as_str();
    assert_eq!((told(0), told(1)), ("VARCHAR", "BIGINT"));
    let plain = |schema: &Schema| -> Vec<_> {
        schema.fields().iter().map(|field| field.as_ref().clone().with_metadata(HashMap::new())).collect()
    };
    assert_eq!(plain(&columns), plain(&info.try_decode_schema().unwrap()));
    assert_eq!(columns.field(0).data_type(), &DataType::Utf8);
}

/// The names of the types, and of these those with this number.
async fn types(client: &mut Client, number: Option<i32>) -> Vec<String> {
    let command = CommandGetXdbcTypeInfo { data_type: number };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let info = client.inner_mut().get_flight_info(descriptor).await.unwrap().into_inner();
    let (schema, batches) = fetch(client, info).await.unwrap();
    assert_eq!((schema.fields().len(), schema.field(0).name().as_str()), (19, "type_name"));
    let names = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter());
    names.map(|name| name.unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_is_called_what_cast_and_columns_call_it() {
    let mut client = serve(session()).await;
    let all = types(&mut client, None).await;
    assert_eq!(all.len(), 19);
    assert_eq!(types(&mut client, Some(-5)).await, ["BIGINT", "BIGINT UNSIGNED"]);
    assert!(types(&mut client, Some(1)).await.is_empty());
    // As sessions go, TIMESTAMPTZ without a zone is a TIMESTAMP.
    rows(&mut client, "set datafusion.execution.time_zone = 'UTC'").await.unwrap();
    for (at, name) in all.iter().enumerate() {
        rows(&mut client, &format!("create table c{at} as select cast(null as {name}) as c")).await.unwrap();
        let wanted =
            CommandGetTables { table_name_filter_pattern: Some(format!("c{at}")), include_schema: true, ..tables() };
        let info = client.get_tables(wanted).await.unwrap();
        let (_, batches) = fetch(&mut client, info).await.unwrap();
        let encoded = batches[0].column_by_name("table_schema").unwrap().as_binary::<i32>().value(0).to_vec();
        let columns = Schema::try_from(IpcMessage(encoded.into())).unwrap();
        assert_eq!(columns.field(0).metadata().get("ARROW:FLIGHT:SQL:TYPE_NAME"), Some(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_is_over_with_its_first_answer() {
    let mut client = serve(session()).await;
    let mut poll = async |sql: &str| {
        let command = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let polled = client.inner_mut().poll_flight_info(descriptor).await?.into_inner();
        assert!(polled.flight_descriptor.is_none() && polled.progress == Some(1.0));
        let info = polled.info.unwrap();
        let (_, batches) = fetch(&mut client, info).await.unwrap();
        Ok::<_, tonic::Status>(crate::support::text(&batches))
    };
    assert_eq!(poll("select 7 as n").await.unwrap(), "7");
    assert_eq!(poll("create table t as values (1), (2)").await.unwrap(), "");
    assert_eq!(poll("insert into t select column1 from t").await.unwrap(), "2");
    assert_eq!(poll("select nothing").await.unwrap_err().code(), tonic::Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_info_answers_for_all_some_and_unknown_numbers() {
    let mut client = serve(session()).await;
    let mut ask = async |wanted: Vec<SqlInfo>| -> Vec<RecordBatch> {
        let info = client.get_sql_info(wanted).await.unwrap();
        fetch(&mut client, info).await.unwrap().1
    };
    let all = ask(vec![]).await;
    let numbers = all[0].column(0).as_primitive::<UInt32Type>().values().to_vec();
    assert!(numbers.len() > 40 && numbers.iter().all(|number| *number < 10_000), "{numbers:?}");

    let some = ask(vec![SqlInfo::FlightSqlServerTransaction, SqlInfo::FlightSqlServerName]).await;
    let values = some[0].column(1).as_union();
    assert_eq!(values.value(0).as_string::<i32>().value(0), "Maar");
    // ADBC reads number 8 from child 3 when it connects.
    assert_eq!((values.type_id(1), values.value(1).data_type()), (3, &DataType::Int32));
    assert!(ask(vec![SqlInfo::SqlExtraNameCharacters]).await.iter().all(|batch| batch.num_rows() == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_that_it_names_are_words_of_the_language() {
    let mut client = serve(session()).await;
    let mut lists = Vec::new();
    for (number, word) in [
        (SqlInfo::SqlNumericFunctions, "abs"),
        (SqlInfo::SqlStringFunctions, "upper"),
        (SqlInfo::SqlSystemFunctions, "coalesce"),
        (SqlInfo::SqlDatetimeFunctions, "date_trunc"),
        (SqlInfo::SqlKeywords, "SELECT"),
    ] {
        let info = client.get_sql_info(vec![number]).await.unwrap();
        let (_, batches) = fetch(&mut client, info).await.unwrap();
        let list = batches[0].column(1).as_union().value(0);
        let words = list.as_list::<i32>().value(0);
        let words: Vec<_> = words.as_string::<i32>().iter().map(|word| word.unwrap().to_owned()).collect();
        assert!(words.contains(&word.to_owned()) && words.is_sorted(), "{number:?}: {words:?}");
        lists.push(words);
    }
    let keywords = lists.pop().unwrap();
    assert!(keywords.len() > 20, "{keywords:?}");
    for function in lists.concat() {
        // Some are not called without arguments; none is unknown.
        if let Err(error) = rows(&mut client, &format!("select {function}()")).await {
            assert_ne!(status::<()>(Err(error)).code(), tonic::Code::NotFound, "{function}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_empty_tables() {
    let mut client = serve(session()).await;
    let (catalog, db_schema, table) = (None, None, "t".to_owned());
    let primary = CommandGetPrimaryKeys { catalog, db_schema, table: table.clone() };
    let info = client.get_primary_keys(primary).await;
    let (schema, found) = answer(&mut client, info).await;
    assert_eq!((schema.fields().len(), found.as_str()), (6, ""));

    let exported = CommandGetExportedKeys { catalog: None, db_schema: None, table: table.clone() };
    let imported = CommandGetImportedKeys { catalog: None, db_schema: None, table: table.clone() };
    let crossed = CommandGetCrossReference { pk_table: table.clone(), fk_table: table, ..Default::default() };
    let infos = [
        client.get_exported_keys(exported).await,
        client.get_imported_keys(imported).await,
        client.get_cross_reference(crossed).await,
    ];
    for info in infos {
        let (schema, found) = answer(&mut client, info).await;
        assert_eq!((schema.fields().len(), found.as_str()), (13, ""));
    }
}
