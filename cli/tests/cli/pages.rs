//! docs/shell.md is true: each format writes a NULL as its table says, and each command of the table is one.

use crate::{answer, maar_with_input};

const PAGE: &str = include_str!("../../../docs/shell.md");

/// The cells of the rows of the table whose first column is called so.
fn table(first: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(&format!("| {first} |")).unwrap();
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands in back quotes.
fn quoted(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn formats_write_null_as_the_page_says() {
    let rows = table("Format");
    assert_eq!(rows.len(), 8);
    for row in rows {
        let format = quoted(row[0])[0];
        let written = answer(&["--format", format, "-c", "SELECT 'x' AS a, NULL AS b, 'x' AS c"]);
        match quoted(row[1]).first() {
            Some(null) => assert!(written.contains(null), "{format}: {written}"),
            None => assert!(written.contains("x,,x") || written.contains("x\t\tx"), "{format}: {written}"),
        }
    }
}

#[test]
fn commands_of_the_page_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.sql");
    std::fs::write(&script, "SELECT 1;").unwrap();
    let mut count = 0;
    for row in table("Command") {
        for cell in &row[..2] {
            for command in quoted(cell) {
                count += 1;
                let name = command.split(' ').next().unwrap();
                let line = match name {
                    "\\i" | ".read" => format!("{name} {}", script.display()),
                    "\\watch" => format!("{name} 0.1 c=2"),
                    "\\copy" => format!("{name} (SELECT 1) TO '{}'", folder.path().join("copy.csv").display()),
                    "\\unset" => format!("\\set n 1\n{name} n"),
                    "\\!" | ".shell" => format!("{name} true"),
                    _ => name.to_string(),
                };
                let ran = maar_with_input(&[], &format!("SELECT 1;\n{line}\n"));
                let is_editor = matches!(name, "\\e" | ".edit");
                assert_eq!(ran.code, i32::from(is_editor), "{line}: {}{}", ran.out, ran.err);
                assert_eq!(ran.err.contains("needs a terminal"), is_editor, "{line}: {}", ran.err);
            }
        }
    }
    assert!(count > 20, "only {count} commands were found");
}
