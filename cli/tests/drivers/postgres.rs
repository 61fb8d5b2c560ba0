//! Programs that speak PostgreSQL's protocol: psycopg and SQLAlchemy (`postgres.py`), its JDBC driver (`PostgresJdbc.java`), and psql.
//! What the protocol says is tested in flight-server.
//!
//! Needs MAAR_TEST_PSQL and MAAR_TEST_POSTGRES_JDBC, which `cargo xtask test` finds, beside the Python of the others.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::certificates::Made;
use crate::{maar, python, skip, user};

const PSQL: &str = "MAAR_TEST_PSQL";
const JDBC: &str = "MAAR_TEST_POSTGRES_JDBC";

/// A server that speaks the protocol.
struct Served {
    child: Child,
    port: String,
}

impl Served {
    fn start(options: &[&str]) -> Self {
        let listen = ["serve", "--listen", "127.0.0.1:0", "--postgres", "127.0.0.1:0"];
        let mut child =
            maar(&[&listen[..], options].concat()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().take(2);
        let said: Vec<String> = lines.map(Result::unwrap).collect();
        let url = said.iter().flat_map(|line| line.split_whitespace()).find(|word| word.starts_with("postgresql://"));
        let url = url.unwrap_or_else(|| unreachable!("it does not listen: {said:?}"));
        let port = url.split([':', '/']).nth(4).unwrap().to_owned();
        Self { child, port }
    }

    fn conninfo(&self, more: &str) -> String {
        format!("host=localhost port={} dbname=postgres {more}", self.port)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a test of `postgres.py`, and gives what it says.
fn psycopg(python: &Path, test: &str, conninfo: &str, options: &Value) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/postgres.py");
    let mut command = Command::new(python);
    let ran = command.arg(script).args([test, conninfo, &options.to_string()]).output().unwrap();
    assert!(ran.status.success(), "{test}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn psycopg_does_what_it_does_with_others() {
    let Some(python) = python("psycopg") else { return };
    let served = Served::start(&[]);
    let conninfo = served.conninfo("user=ada");
    for test in ["statements", "transactions", "types", "prepared", "large", "cancel", "sqlalchemy"] {
        psycopg(&python, test, &conninfo, &json!({}));
    }
}

#[test]
fn psycopg_logs_in_over_tls() {
    let Some(python) = python("psycopg over tls") else { return };
    let made = Made::new();
    let file = |path: PathBuf| path.to_str().unwrap().to_owned();
    let users = made.folder.path().join("users");
    std::fs::write(&users, user("ada", "correct horse", "reader")).unwrap();
    let (cert, key, ca) = (file(made.path("cert")), file(made.path("key")), file(made.path("ca")));
    let served = Served::start(&["--users", &file(users), "--tls-cert", &cert, "--tls-key", &key]);
    let trusted = format!("user=ada sslmode=verify-full sslrootcert={ca}");
    psycopg(&python, "reader", &served.conninfo(&format!("{trusted} password='correct horse'")), &json!({}));
    psycopg(&python, "stranger", &served.conninfo(&format!("{trusted} password=wrong")), &json!({}));
    psycopg(&python, "stranger", &served.conninfo("user=ada password='correct horse' sslmode=disable"), &json!({}));
}

#[test]
fn psycopg_gets_the_rows_of_tpch_that_the_shell_gets() {
    let Some(python) = python("psycopg tpch") else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let made =
        maar(&["bench", "tpch", "--scale", "0.01", "--queries", "6", "--runs", "1", "--data", data]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let tables = tables(folder.path());
    let init = folder.path().join("init.sql");
    std::fs::write(&init, tables).unwrap();
    let init = init.to_str().unwrap();
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/queries");
    let query = |number: u32| std::fs::read_to_string(queries.join(format!("q{number:02}.sql"))).unwrap();
    let queries: Vec<String> = [1, 3, 6].into_iter().map(query).collect();
    let served = Served::start(&["--init", init]);
    let told = psycopg(&python, "queries", &served.conninfo("user=ada"), &json!({ "queries": queries }));
    let told: Vec<Vec<Vec<Option<String>>>> = serde_json::from_str(&told).unwrap();
    for (sql, rows) in queries.iter().zip(told) {
        let script = format!("{}\n{sql}", std::fs::read_to_string(init).unwrap());
        let ran = maar(&["--format", "csv", "-c", &script]).output().unwrap();
        // Nothing in these rows is quoted or NULL.
        let told = String::from_utf8(ran.stdout).unwrap();
        let row = |line: &str| line.split(',').map(|cell| Some(cell.to_owned())).collect();
        let own: Vec<Vec<Option<String>>> = told.lines().skip(1).map(row).collect();
        assert!(!own.is_empty() && own == rows, "{sql}: {own:?} {rows:?}");
    }
}

/// The statements that make tables of the folders with files.
fn tables(folder: &Path) -> String {
    let (mut statements, mut folders) = (String::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        if entries.iter().any(|path| path.extension().is_some_and(|extension| extension == "parquet")) {
            let name = folder.file_name().unwrap().to_str().unwrap();
            let place = folder.display();
            statements.push_str(&format!("CREATE EXTERNAL TABLE {name} STORED AS PARQUET LOCATION '{place}/';\n"));
        }
        folders.extend(entries.into_iter().filter(|path| path.is_dir()));
    }
    statements
}

#[test]
fn jdbc_of_postgresql_does_what_it_does_with_others() {
    let Ok(driver) = std::env::var(JDBC) else {
        let reason = "MAAR_TEST_POSTGRES_JDBC names no driver; `cargo xtask test` fetches it";
        return skip::skipped("java", "drivers postgres jdbc", reason);
    };
    let served = Served::start(&[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/PostgresJdbc.java");
    let url = format!("jdbc:postgresql://localhost:{}/postgres?user=ada", served.port);
    let ran = Command::new("java").args(["-cp", &driver]).arg(script).arg(url).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn psql_shows_tables_and_errors() {
    let Some(psql) = std::env::var_os(PSQL) else {
        let reason = "MAAR_TEST_PSQL names no psql; `cargo xtask test` finds or installs one";
        return skip::skipped("psql", "drivers psql", reason);
    };
    let served = Served::start(&[]);
    let ask = |commands: &[&str]| {
        let mut command = Command::new(&psql);
        command.args(["--no-psqlrc", "--no-align", "--tuples-only", &served.conninfo("user=ada")]);
        commands.iter().for_each(|text| {
            command.args(["--command", text]);
        });
        let ran = command.output().unwrap();
        (String::from_utf8_lossy(&ran.stdout).into_owned(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let (told, wrong) =
        ask(&["create table t (n bigint, w varchar)", "insert into t values (1, 'one')", "select * from t"]);
    assert_eq!((told.as_str(), wrong.as_str()), ("CREATE TABLE\nINSERT 0 1\n1|one\n", ""));
    for (command, words) in [
        ("\\d", "public|t|table|maar"),
        ("\\dt", "public|t|table|maar"),
        ("\\dn", "public|maar"),
        ("\\l", "datafusion|maar"),
        ("\\d t", "n|bigint"),
        ("\\du", "maar"),
        ("\\conninfo", "as user \"ada\""),
    ] {
        let (told, wrong) = ask(&[command]);
        assert!(told.contains(words) && wrong.is_empty(), "{command}: {told} {wrong}");
    }
    let (_, wrong) = ask(&["select nothing from t"]);
    assert!(wrong.contains("ERROR:  there is no column nothing") && wrong.contains("               ^"), "{wrong}");
    let (_, wrong) = ask(&["\\copy t from '/dev/null'"]);
    assert!(wrong.contains("COPY FROM STDIN"), "{wrong}");
}
