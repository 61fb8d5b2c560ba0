//! Deep statements work or are refused; nothing aborts, whatever stack the caller's thread has.

use maar_engine::ErrorKind;

use crate::support::{cells, session};

/// Runs each statement on a thread of 2 MiB, tokio's and Rust's default.
fn run(statements: Vec<String>) -> Vec<Result<String, maar_engine::Error>> {
    let body = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let run = async {
            let session = session();
            session.run_script("create table t as select 1 as x, true as b").await.unwrap();
            let mut results = Vec::new();
            for sql in &statements {
                results.push(cells(&session, sql).await);
            }
            results
        };
        runtime.block_on(run)
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(body).unwrap().join().unwrap()
}

#[test]
fn chains_at_their_limit_run() {
    let answers = run(vec![
        format!("select x{} as y from t", " + x".repeat(1_000)),
        format!("select 1{} as y", " + 1".repeat(1_000)),
        format!("select 'a'{}", " || 'b'".repeat(1_000)),
        format!("select count(*) from ({})", vec!["select 1"; 1_000].join(" union all ")),
    ]);
    for answer in answers {
        answer.unwrap();
    }
}

#[test]
fn conditions_at_their_limit_run() {
    let answers = run(vec![
        format!("select x from t where x = 1{}", (1..2_000).map(|i| format!(" or x = {i}")).collect::<String>()),
        format!("select x from t where x <> 0{}", (2..2_000).map(|i| format!(" and x <> {i}")).collect::<String>()),
    ]);
    for answer in answers {
        assert_eq!(answer.unwrap(), "1");
    }
}

#[test]
fn what_is_deeper_is_refused() {
    let refused = run(vec![
        format!("select x{} from t", " + x".repeat(20_000)),
        format!("select x{} from t", " + x".repeat(3_000)),
        format!("select 1{}", " + 1".repeat(20_000)),
        format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("select {}1", "- ".repeat(20_000)),
        format!("select {}b from t", "not ".repeat(20_000)),
        format!("select {}1{}", "abs(".repeat(20_000), ")".repeat(20_000)),
        format!("select x from t where x = 1{}", " or x = 1".repeat(20_000)),
        vec!["select 1"; 20_000].join(" union all "),
        format!("select {}1{}", "(select ".repeat(5_000), ")".repeat(5_000)),
        format!("select 1{}", "::int".repeat(20_000)),
        format!("select x{} from t", "[1]".repeat(20_000)),
        format!("select {}1{}", "case when true then ".repeat(20_000), " end".repeat(20_000)),
        format!("select 1 from t{}", " cross join t".repeat(20_000)),
    ]);
    for answer in refused {
        let error = answer.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Syntax | ErrorKind::Unsupported), "{error}");
    }
}

#[test]
fn a_long_path_of_fields_is_an_error() {
    for answer in run(vec![format!("select x{} from t", ".a".repeat(20_000))]) {
        answer.unwrap_err();
    }
}

#[test]
fn long_lists_are_not_deep() {
    let list = (0..20_000).map(|i| i.to_string()).collect::<Vec<_>>().join(", ");
    let values = (0..5_000).map(|i| format!("({i})")).collect::<Vec<_>>().join(", ");
    let arms = (0..1_000).map(|i| format!(" when x = {i} then {i}")).collect::<String>();
    let answers = run(vec![
        format!("select x from t where x in ({list})"),
        format!("select count(*) from (values {values})"),
        format!("select case{arms} end from t"),
    ]);
    for answer in answers {
        answer.unwrap();
    }
}
