//! Encrypted Parquet: written and read with a key, and told by name without one. The emulated device needs a C++ compiler.

use std::fs;

use maar_engine::device::DeviceKind;
use maar_engine::{ErrorKind, Session};
use tempfile::TempDir;

use crate::support::{cells, error, session};

const KEY: &str = "30313233343536373839303132333435";
const OTHER: &str = "31313233343536373839303132333435";
const WRITE: &str = "format.crypto.file_encryption.footer_key_as_hex";
const READ: &str = "format.crypto.file_decryption.footer_key_as_hex";
const ROWS: &str = "select i as n, 'hidden ' || i as s from generate_series(1, 1000) g(i)";

fn on(device: DeviceKind) -> Session {
    Session::builder().device(device).target_partitions(2).build().unwrap()
}

fn at(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

async fn open(session: &Session, path: &str, options: &str) {
    let sql = format!("create or replace external table t stored as parquet location '{path}' options ({options})");
    session.run_script(&sql).await.unwrap_or_else(|e| unreachable!("{sql}: {e}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_with_a_key_is_read_with_it_alone() {
    let folder = TempDir::new().unwrap();
    let file = at(&folder, "e.parquet");
    let copy = format!("copy ({ROWS}) to '{file}' stored as parquet options ('{WRITE}' '{KEY}')");
    assert_eq!(cells(&session(), &copy).await.unwrap(), "1000");
    let bytes = fs::read(&file).unwrap();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    assert!(bytes.ends_with(b"PARE") && !holds(b"hidden") && !holds(b"arrow_schema"));
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let session = on(device);
        open(&session, &file, &format!("'{READ}' '{KEY}'")).await;
        for from in ["t".to_string(), format!("read_parquet('{file}', footer_key_as_hex = '{KEY}')")] {
            for (sql, expected) in [
                ("select count(*) from F", "1000"),
                ("select sum(n), max(s), count(distinct s) from F", "500500,hidden 999,1000"),
                ("select s from F where n = 7", "hidden 7"),
                ("select min(n), max(n) from F where n > 990", "991,1000"),
            ] {
                let sql = sql.replace('F', &from);
                assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), expected, "{device:?} {sql}");
            }
        }
        for (from, said) in
            [(format!("'{file}'"), READ), (format!("read_parquet('{file}', footer_key_as_hex = '{OTHER}')"), READ)]
        {
            let e = error(&session, &format!("select sum(n) from {from}")).await;
            assert!(e.kind() == ErrorKind::Invalid && e.message().contains("e.parquet"), "{device:?} {from}: {e}");
            assert!(e.hint().is_some_and(|hint| hint.contains(said)) && !e.to_string().contains(OTHER), "{from}: {e}");
        }
        // What one session opened with its key is closed to the next.
        let e = error(&on(device), &format!("select count(*) from '{file}'")).await;
        assert!(e.message().contains("encrypted"), "{e}");
        let plan = cells(&session, "explain select sum(n) from t").await.unwrap();
        assert!(!plan.contains(KEY) && (device == DeviceKind::Cpu || plan.contains("encrypted")), "{plan}");
        // A view is its statement, and everybody sees it.
        let view =
            format!("create or replace view v as select * from read_parquet('{file}', footer_key_as_hex = '{KEY}')");
        session.run_script(&view).await.unwrap();
        assert_eq!(cells(&session, "select max(s) from v").await.unwrap(), "hidden 999", "{device:?}");
        for shown in ["show create table v", "select * from information_schema.views", "show create table t"] {
            let made = cells(&session, shown).await.unwrap();
            assert!(
                !made.contains(KEY) && (shown.ends_with('t') || made.contains("footer_key_as_hex = '***'")),
                "{made}"
            );
        }
    }
}

#[tokio::test]
async fn a_key_is_for_files_that_are_encrypted_and_nothing_else_is_blamed_on_it() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let (closed, open_file, torn) =
        (at(&folder, "e/a.parquet"), at(&folder, "e/b.parquet"), at(&folder, "torn.parquet"));
    let copy = |path: &str, options: &str| format!("copy ({ROWS}) to '{path}' stored as parquet {options}");
    cells(&session, &copy(&closed, &format!("options ('{WRITE}' '{KEY}')"))).await.unwrap();
    cells(&session, &copy(&open_file, "")).await.unwrap();
    cells(&session, &copy(&torn, "")).await.unwrap();
    // What was never encrypted may be anybody's.
    let keyed = |path: &str| format!("read_parquet('{path}', footer_key_as_hex = '{KEY}')");
    for from in [keyed(&open_file), keyed(&at(&folder, "e/"))] {
        let e = error(&session, &format!("select count(*) from {from}")).await;
        let is_told =
            e.message().contains("e/b.parquet' is not encrypted") && e.hint().is_some_and(|hint| hint.contains(READ));
        assert!(e.kind() == ErrorKind::Invalid && is_told, "{from}: {e}");
    }
    let mut bytes = fs::read(&torn).unwrap();
    let middle = bytes.len() / 3;
    bytes[4..middle].fill(0xFF);
    fs::write(&torn, bytes).unwrap();
    open(&session, &closed, &format!("'{READ}' '{KEY}'")).await;
    for from in ["t", keyed(&closed).as_str()] {
        let e = error(&session, &format!("select max(a.s), max(b.s) from {from} a join '{torn}' b on a.n = b.n")).await;
        assert!(e.message().contains("torn.parquet") && !e.message().contains("a.parquet"), "{from}: {e}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_with_keys_of_their_own_leave_the_others_readable() {
    let folder = TempDir::new().unwrap();
    let file = at(&folder, "c.parquet");
    let copy = format!(
        "copy ({ROWS}) to '{file}' stored as parquet options ('{WRITE}' '{KEY}', \
         'format.crypto.file_encryption.encrypt_footer' 'false', \
         'format.crypto.file_encryption.column_key_as_hex::s' '{OTHER}')"
    );
    assert_eq!(cells(&session(), &copy).await.unwrap(), "1000");
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let session = on(device);
        let sum = format!("select sum(n) from '{file}' where n > 1");
        assert_eq!(cells(&session, &sum).await.unwrap_or_else(|e| e.to_string()), "500499", "{device:?}");
        for sql in ["select max(s) from F", "select s from F", "select n from F where s = 'hidden 7'"] {
            let e = error(&session, &sql.replace('F', &format!("'{file}'"))).await;
            let named = e.message().contains("c.parquet") && e.message().contains("column s is encrypted");
            assert!(e.kind() == ErrorKind::Invalid && named, "{device:?} {sql}: {e}");
        }
        let keys = format!("'{READ}' '{KEY}', 'format.crypto.file_decryption.column_key_as_hex::s' '{OTHER}'");
        open(&session, &file, &keys).await;
        assert_eq!(cells(&session, "select max(s), sum(n) from t").await.unwrap(), "hidden 999,500500", "{device:?}");
    }
}

#[tokio::test]
async fn folders_partitions_and_what_would_be_written_open() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let copy = format!(
        "copy (select *, n % 3 as g from ({ROWS})) to '{}' stored as parquet partitioned by (g) options ('{WRITE}' '{KEY}')",
        at(&folder, "p/")
    );
    assert_eq!(cells(&session, &copy).await.unwrap(), "1000");
    open(&session, &at(&folder, "p/"), &format!("'{READ}' '{KEY}'")).await;
    assert_eq!(cells(&session, "select count(*), max(s) from t where g = 1").await.unwrap(), "334,hidden 997");
    let e = error(&session, "insert into t values (1, 'x', 1)").await;
    assert!(
        e.message().contains("none to write them with") && e.hint().is_some_and(|hint| hint.contains(WRITE)),
        "{e}"
    );
    open(&session, &at(&folder, "p/"), &format!("'{READ}' '{KEY}', '{WRITE}' '{KEY}'")).await;
    assert_eq!(cells(&session, "insert into t values (1001, 'x', 1)").await.unwrap(), "1");
    assert_eq!(cells(&session, "select count(*), max(n) from t").await.unwrap(), "1001,1001");
    for (options, kind, message) in [
        (format!("'{WRITE}' '30'"), ErrorKind::Invalid, "is no key"),
        (format!("'{WRITE}' '{}'", "zz".repeat(16)), ErrorKind::Invalid, "is no key"),
        // AES-192 is none of Parquet's.
        (format!("'{WRITE}' '{}'", "30".repeat(24)), ErrorKind::Invalid, "is no key"),
        (
            format!("'{WRITE}' '{KEY}', 'format.crypto.file_encryption.aad_prefix_as_hex' 'zz'"),
            ErrorKind::Invalid,
            "is no prefix",
        ),
        ("'format.crypto.factory_id' 'x'".to_string(), ErrorKind::Unsupported, "no service gives keys"),
        (format!("'{WRITE}s' '{KEY}'"), ErrorKind::Invalid, "footer_key_as_hexs"),
    ] {
        let sql = format!("copy (select 1 as i) to '{}' options ({options})", at(&folder, "x.parquet"));
        let e = error(&session, &sql).await;
        assert!(e.kind() == kind && e.message().contains(message) && !e.to_string().contains(KEY), "{sql}: {e}");
    }
    assert!(!folder.path().join("x.parquet").exists());
    let shown = format!("explain copy (select 1 as i) to '{}' options ('{WRITE}' '{KEY}')", at(&folder, "x.parquet"));
    let plan = cells(&session, &shown).await.unwrap();
    assert!(!plan.contains(KEY), "{plan}");
}
