//! Errors: their text on stderr, and exit codes.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::{command, maar, maar_with_input};

/// A query that does not end in the time of a test.
const ENDLESS: &str =
    "SELECT count(*) FROM range(0, 10000000) a, range(0, 10000000) b WHERE (a.value * b.value) % 7 = 8";

#[test]
fn a_syntax_error_points_at_its_place() {
    let ran = maar(&["-c", "SELECT 1;\n  SELEC 2; SELECT 3"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.starts_with("Error: ") && ran.err.contains("\nLINE 2:   SELEC 2; SELECT 3\n          ^\n"),
        "{}",
        ran.err
    );
    assert!(
        ran.out.matches("│ 1 │").count() == 2 && !ran.out.contains('3'),
        "the statement before has run, the one after has not: {}",
        ran.out
    );
}

#[test]
fn an_unknown_column_gets_a_hint() {
    let ran = maar(&["-c", "SELECT\n  fooo FROM (SELECT 1 AS foo)"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("LINE 2:   fooo FROM") && ran.err.contains("Hint: did you mean foo?"), "{}", ran.err);
    let caret = ran.err.lines().nth(2).unwrap();
    assert_eq!(caret.find('^'), Some("LINE 2:   ".len()), "{}", ran.err);
}

#[test]
fn a_script_names_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("q.sql");
    fs::write(&file, "SELECT 1;\n\nSELECT nothing\nFROM nowhere;\n").unwrap();
    let ran = maar(&["-f", file.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("q.sql:") && ran.err.contains("nowhere"), "{}", ran.err);
}

#[test]
fn the_first_error_stops_everything() {
    let ran = maar(&["--format", "csv", "-c", "SELECT 1 a", "-c", "SELECT 1 / 0", "-c", "SELECT 2 b"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "a\n1\n"));
    assert!(
        ran.err.to_lowercase().contains("division by zero") || ran.err.to_lowercase().contains("divide by zero"),
        "{}",
        ran.err
    );
    let stdin = maar_with_input(&["--format", "csv"], "SELECT x; SELECT 2 b;");
    assert_eq!((stdin.code, stdin.out.as_str()), (1, ""));
}

#[test]
fn a_missing_script_stops_before_anything_runs() {
    let ran = maar(&["-c", "SELECT 1", "-f", "/nowhere/q.sql"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(ran.err, "Error: cannot read '/nowhere/q.sql': No such file or directory\n");
}

#[test]
fn missing_data_names_the_path() {
    let ran = maar(&["-c", "SELECT * FROM '/nowhere/*.parquet'"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("/nowhere/*.parquet"), "{}", ran.err);
}

#[test]
fn wrong_command_lines_exit_with_2() {
    let wrong: [&[&str]; 6] = [
        &["--bogus"],
        &["--format", "xml"],
        &["--device", "tpu"],
        &["--param", "x", "-c", "SELECT 1"],
        &["bench"],
        &["-c", "SELECT 1", "devices"],
    ];
    for args in wrong {
        let output = command(args).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn unknown_meta_commands_say_where_help_is() {
    let ran = maar_with_input(&[], "\\nonsense\nSELECT 1;");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("'\\nonsense'") && ran.err.contains("\\?"), "{}", ran.err);
}

#[test]
fn binary_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.sql");
    fs::write(&file, [0x53, 0xff, 0xfe]).unwrap();
    let ran = maar(&["-f", file.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("UTF-8"), "{}", ran.err);
}

#[test]
fn ctrl_c_ends_a_script_with_130() {
    let mut child = command(&["--device", "cpu", "-c", ENDLESS]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let started = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "Interrupted.\n");
}

#[test]
fn devices_are_listed() {
    let ran = maar(&["devices"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(!ran.out.is_empty());
}
