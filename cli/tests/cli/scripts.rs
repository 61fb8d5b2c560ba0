//! `-c`, `-f`, stdin, parameters, meta commands and the timer.

use std::fs;
use std::process::Stdio;

use crate::{answer, command, maar, maar_with_input};

#[test]
fn commands_and_files_run_in_the_order_given_in_one_session() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("q.sql");
    fs::write(&file, "INSERT INTO t VALUES (2); -- a comment; with a semicolon\nSELECT count(*) c FROM t;").unwrap();
    let file = file.to_str().unwrap();
    let create = "CREATE TABLE t AS SELECT 1 AS a";
    let found = answer(&["--format", "jsonl", "-c", create, "-f", file, "-c", "SELECT sum(a) s FROM t", "-f", file]);
    assert_eq!(found, "{\"count\":1}\n{\"c\":2}\n{\"s\":3}\n{\"count\":1}\n{\"c\":3}\n");
}

#[test]
fn stdin_is_a_script() {
    let ran = maar_with_input(&["--format", "csv"], "SELECT 1 AS a;\nSELECT 'x;y' AS b -- no end");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "a\n1\nb\nx;y\n", ""));
    let dash = maar_with_input(&["--format", "csv", "-c", "SELECT 0 z", "-f", "-"], "\u{feff}SELECT 1 AS a");
    assert_eq!(dash.out, "z\n0\na\n1\n");
    assert_eq!(maar_with_input(&[], "").out, "");
}

#[test]
fn parameters_fill_placeholders_by_position_and_name() {
    let sql = "SELECT $1 + 1 AS a, $who AS b, $2 + INTERVAL '1 day' AS c, $3 IS NULL AS d";
    let params = ["--param", "1=41", "--param", "who=it's", "--param", "2=1998-09-01", "--param", "3=NULL"];
    let found = answer(&[&["--format", "csv"], &params[..], &["-c", sql]].concat());
    assert_eq!(found, "a,b,c,d\n42,it's,1998-09-02,true\n");
    let missing = maar(&["-c", "SELECT $2", "--param", "1=1"]);
    assert_eq!(missing.code, 1);
    assert!(missing.err.contains("$2"), "{}", missing.err);
}

#[test]
fn files_are_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("a.csv"), "x,y\n1,one\n2,two\n").unwrap();
    let copy = format!("COPY (SELECT * FROM '{}') TO '{}'", path("a.csv"), path("b.parquet"));
    let read = format!("SELECT sum(x) AS s, max(y) AS m FROM '{}'", path("*.parquet"));
    assert_eq!(answer(&["--format", "csv", "-c", &copy, "-c", &read]), "count\n2\ns,m\n3,two\n");
    let external = format!("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{}'", path("b.parquet"));
    let columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 't'";
    let found = answer(&["--format", "csv", "-c", &external, "-c", columns, "-c", "SHOW TABLES; DESCRIBE t"]);
    assert!(found.starts_with("column_name\nx\ny\n") && found.contains("datafusion,public,t,BASE TABLE"), "{found}");
}

#[test]
fn meta_commands_work_in_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("inner.sql"), "SELECT 'inner' AS a;\n").unwrap();
    let script = format!(
        "CREATE TABLE t (k INT);\n\\format csv\n\\dt\n\\d t\n.mode jsonl\n\\i {}\n\\o {}\nSELECT 1 AS z;\n\\o\n\\echo done\n\\q\nSELECT 'not reached';",
        path("inner.sql"),
        path("out.jsonl")
    );
    let ran = maar_with_input(&[], &script);
    let expected = "catalog,schema,name,type\ndatafusion,public,t,BASE TABLE\ncolumn_name,data_type,is_nullable\nk,Int32,YES\n{\"a\":\"inner\"}\ndone\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, expected, ""));
    assert_eq!(fs::read_to_string(path("out.jsonl")).unwrap(), "{\"z\":1}\n");
}

#[test]
fn the_expanded_display_has_a_line_a_column() {
    let ran = maar_with_input(&[], "\\x\nSELECT 1 AS a, 'b' AS long_name;");
    assert_eq!(ran.out, "─[ row 1 ]────────────────────\na         │ 1\nlong_name │ b\n1 row\n");
}

#[test]
fn the_timer_goes_to_stderr() {
    let ran = maar(&["--timer", "--format", "csv", "-c", "SELECT 1 AS a"]);
    assert_eq!(ran.out, "a\n1\n");
    assert!(ran.err.starts_with("Time: ") && ran.err.contains("1 row;"), "{}", ran.err);
}

#[test]
fn a_reader_that_leaves_ends_the_run_quietly() {
    let mut child = command(&["--device", "cpu", "--format", "csv", "-c", "SELECT value FROM range(0, 10000000)"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn no_colours_without_a_terminal() {
    let output =
        command(&["--device", "cpu", "-c", "SELECT NULL AS a; selec"]).env_remove("NO_COLOR").output().unwrap();
    assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
}

#[test]
fn parameters_are_set_in_the_script() {
    let script = "\\set day 1998-09-02\nSELECT $day + 1 AS a, $n AS n;\n\\set n 'x y'\nSELECT $n AS n;\n\\set\n\\unset day\n\\set\n";
    let ran = maar_with_input(&["--format", "csv", "--param", "n=1"], script);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out, "a,n\n1998-09-03,1\nn\nx y\n$day = 1998-09-02\n$n = x y\n$n = x y\n");
    for (wrong, words) in [("\\unset no_such", "no_such"), ("\\set a-b 1", "neither")] {
        let ran = maar_with_input(&[], wrong);
        assert!(ran.code != 0 && ran.err.contains(words), "{wrong}: {}", ran.err);
    }
}

#[test]
fn commands_of_the_machine_run_between_statements() {
    let ran = maar_with_input(
        &["--format", "csv"],
        "SELECT 1 AS a;\n\\! echo \"it's\" here\n\\!echo $((1 + 1))\nSELECT 2 AS b;",
    );
    assert_eq!((ran.code, ran.out.as_str()), (0, "a\n1\nit's here\n2\nb\n2\n"), "{}", ran.err);
    let ran = maar_with_input(&[], "\\! exit 3\nSELECT 2");
    assert!(ran.code == 1 && ran.err.contains("exit 3") && !ran.out.contains('2'), "{}", ran.err);
    assert!(maar_with_input(&[], "\\!").err.contains("needs a command"));
}

#[test]
fn copying_here_is_copy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv").display().to_string();
    let script = format!(
        "\\copy (SELECT 1 AS a, 'x' AS b) TO '{file}' (FORMAT csv, HEADER)\nCREATE TABLE t (a INT, b VARCHAR);\n\\copy t FROM '{file}' (FORMAT csv, HEADER)\nTABLE t;"
    );
    let ran = maar_with_input(&["--format", "csv"], &script);
    assert_eq!((ran.code, ran.err.as_str(), ran.out.as_str()), (0, "", "count\n1\ncount\n1\na,b\n1,x\n"));
}
