//! `maar bench tpch` at scale 0.01 on the CPU: data, answers, table and JSON.

use serde_json::Value;

use crate::maar;

/// The fields of a query's JSON object, in order.
const FIELDS: [&str; 16] = [
    "query",
    "correct",
    "rows",
    "host_operators",
    "cold_ms",
    "hot_ms",
    "kernel_ms",
    "host_ms",
    "waits",
    "cpu_ms",
    "bytes",
    "floor_ms",
    "compile_ms",
    "compiled_pipelines",
    "pipelines",
    "kernels",
];

/// Rows of the 22 answers at scale 0.01.
const ROWS: [u64; 22] = [4, 4, 10, 5, 5, 1, 4, 2, 173, 20, 359, 2, 33, 1, 1, 296, 1, 2, 1, 1, 1, 7];

#[test]
fn all_queries_are_answered_checked_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("run.json");
    let (json, data) = (json.to_str().unwrap(), folder.path().to_str().unwrap());
    let ran = maar(&["bench", "tpch", "--scale", "0.01", "--check", "--runs", "1", "--data", data, "--json", json]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("22 of 22 answers right."), "{}", ran.out);
    assert!(ran.err.contains("Making TPC-H data"), "{}", ran.err);
    let text = std::fs::read_to_string(json).unwrap();
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((object["device"].as_str(), object["scale"].as_f64()), (Some("cpu"), Some(0.01)));
    let queries = object["queries"].as_array().unwrap();
    assert_eq!(queries.len(), 22);
    for (at, query) in queries.iter().enumerate() {
        assert_eq!(query["query"].as_u64(), Some(at as u64 + 1));
        assert_eq!(query["correct"].as_bool(), Some(true));
        assert_eq!(query["rows"].as_u64(), Some(ROWS[at]), "Q{}", at + 1);
        assert_eq!(query.as_object().unwrap().len(), FIELDS.len());
        assert!(FIELDS.iter().all(|field| query.get(field).is_some()), "{query}");
        assert!(query["cold_ms"].as_f64() > Some(0.0) && query["cpu_ms"].as_f64() > Some(0.0), "{query}");
        assert!(
            query["host_operators"]
                .as_array()
                .unwrap()
                .iter()
                .all(|o| o["operator"].is_string() && o["reason"].is_string())
        );
    }
    let again = maar(&["bench", "tpch", "--scale", "0.01", "--queries", "6,1", "--runs", "1", "--data", data]);
    assert_eq!((again.code, again.err.as_str()), (0, ""), "the data is kept");
    assert!(again.out.contains("2 of 2 answers right."), "{}", again.out);
}

#[test]
fn wrong_data_gives_wrong_answers_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    assert_eq!(maar(&["bench", "tpch", "--scale", "0.01", "--queries", "6", "--runs", "1", "--data", data]).code, 0);
    // DataFusion reads the same files and cannot notice; the kept answers do.
    std::fs::remove_file(folder.path().join("sf0.01-v1/lineitem/part-0002.parquet")).unwrap();
    let ran = maar(&["bench", "tpch", "--scale", "0.01", "--queries", "6,14", "--runs", "1", "--data", data]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("WRONG") && ran.out.contains("kept answer"), "{}", ran.out);
    assert!(ran.err.contains("Q6, Q14"), "{}", ran.err);
}

#[test]
fn tpcds_is_made_by_an_extension_and_checked() {
    let Some(python) = std::env::var_os("MAAR_TEST_PYTHON") else {
        let reason = "MAAR_TEST_PYTHON names no Python; `cargo xtask test` makes one";
        return crate::skip::skipped("python", "cli tpcds_is_made_by_an_extension_and_checked", reason);
    };
    let folder = tempfile::tempdir().unwrap();
    let (data, python) = (folder.path().to_str().unwrap(), python.to_str().unwrap());
    let given = ["bench", "tpcds", "--scale", "0.01", "--queries", "3,28,42,98", "--runs", "1", "--data", data];
    let ran = maar(&[&given as &[&str], &["--python", python]].concat());
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("TPC-DS at scale 0.01") && ran.out.contains("4 of 4 answers right."), "{}", ran.out);
    // The data is kept: no Python is needed.
    let again = maar(&[&given as &[&str], &["--python", "/nowhere/python"]].concat());
    assert_eq!((again.code, again.err.as_str()), (0, ""), "{}", again.out);
}

#[test]
fn tpcds_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let ran = maar(&["bench", "tpcds", "--scale", "0.01", "--data", data, "--python", "/nowhere/python"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("'/nowhere/python'") && ran.err.contains("duckdb-extension-tpcds"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn impossible_requests_are_refused() {
    assert_eq!(maar(&["bench", "tpcds", "--queries", "100"]).code, 2);
    for args in [&["--scale", "0"] as &[&str], &["--scale", "x"], &["--queries", "23"], &["--runs", "0"]] {
        assert_eq!(maar(&[&["bench", "tpch"], args].concat()).code, 2, "{args:?}");
    }
    let ran = maar(&["bench", "tpch", "--scale", "0.01", "--json", "/nowhere/x.json"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("/nowhere/x.json"), "{}", ran.err);
}
