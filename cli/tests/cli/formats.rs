//! Every output format, to the byte.

use crate::answer;

/// One row of every kind of value, then one of NULLs.
const KINDS: &str = "SELECT * FROM (VALUES \
    (1, 9223372036854775807, 1.5::decimal(20, 10), 0.1::double, true, 'a \"b\", c', '', date '1998-09-02', \
     timestamp '2020-01-02 03:04:05.678', arrow_cast('AB', 'Binary')), \
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)) \
    AS t (i, big, dec, f, b, s, empty, d, ts, bin)";

#[test]
fn csv_quotes_and_tells_null_from_empty() {
    let expected = "i,big,dec,f,b,s,empty,d,ts,bin\n\
        1,9223372036854775807,1.5000000000,0.1,true,\"a \"\"b\"\", c\",\"\",1998-09-02,2020-01-02T03:04:05.678,4142\n\
        ,,,,,,,,,\n";
    assert_eq!(answer(&["--format", "csv", "-c", KINDS]), expected);
    assert_eq!(answer(&["--format", "csv", "-c", "SELECT 'x\ny' AS \"a,b\""]), "\"a,b\"\n\"x\ny\"\n");
    assert_eq!(answer(&["--format", "csv", "-c", "SELECT 1 AS a WHERE false"]), "a\n");
}

#[test]
fn tsv_separates_by_tabs() {
    assert_eq!(
        answer(&["--format", "tsv", "-c", "SELECT 1 a, 'x\ty' b, 'p,q' c, NULL d"]),
        "a\tb\tc\td\n1\t\"x\ty\"\tp,q\t\n"
    );
}

#[test]
fn json_numbers_are_exact() {
    let expected = "[\n{\"i\":1,\"big\":9223372036854775807,\"dec\":1.5000000000,\"f\":0.1,\"b\":true,\"s\":\"a \\\"b\\\", c\",\"empty\":\"\",\
        \"d\":\"1998-09-02\",\"ts\":\"2020-01-02T03:04:05.678\",\"bin\":\"4142\"},\n\
        {\"i\":null,\"big\":null,\"dec\":null,\"f\":null,\"b\":null,\"s\":null,\"empty\":null,\"d\":null,\"ts\":null,\"bin\":null}\n]\n";
    let found = answer(&["--format", "json", "-c", KINDS]);
    assert_eq!(found, expected);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&found).unwrap().as_array().unwrap().len(), 2);
    assert_eq!(answer(&["--format", "json", "-c", "SELECT 1 a WHERE false"]), "[]\n");
}

#[test]
fn json_loses_no_float_and_no_interval() {
    let sql = "SELECT 'inf'::double a, '-inf'::real b, 'nan'::double c, ['inf'::double, 1.5, NULL] l, {x: 'nan'::double} s, \
               NULL::double n, interval '1 month 2 days' i, [interval '3 days'] li, \
               timestamp '2020-01-01 00:00:01' - timestamp '2020-01-01 00:00:00' d, arrow_cast('AB', 'Binary') bin";
    let expected = "{\"a\":\"Infinity\",\"b\":\"-Infinity\",\"c\":\"NaN\",\"l\":[\"Infinity\",1.5,null],\"s\":{\"x\":\"NaN\"},\
                    \"n\":null,\"i\":\"1 mons 2 days\",\"li\":[\"3 days\"],\"d\":\"PT1S\",\"bin\":\"4142\"}\n";
    assert_eq!(answer(&["--format", "jsonl", "-c", sql]), expected);
    let csv = "a,b,c,l,s,n,i,li,d,bin\ninf,-inf,NaN,\"[\"\"Infinity\"\",1.5,null]\",\"{\"\"x\"\":\"\"NaN\"\"}\",,\
               1 mons 2 days,\"[\"\"3 days\"\"]\",PT1S,4142\n";
    assert_eq!(answer(&["--format", "csv", "-c", sql]), csv);
}

#[test]
fn a_lone_null_and_an_empty_text_are_two_lines_of_csv() {
    let sql = "SELECT * FROM (VALUES ('a'), (NULL), ('')) t(x)";
    assert_eq!(answer(&["--format", "csv", "-c", sql]), "x\na\n\n\"\"\n");
}

#[test]
fn jsonl_is_one_object_a_line() {
    let sql = "SELECT * FROM (VALUES (1, [1, 2], {x: 1.5::decimal(3,1), y: NULL}), (2, NULL, NULL)) AS t (a, l, s) ORDER BY a";
    let expected = "{\"a\":1,\"l\":[1,2],\"s\":{\"x\":1.5,\"y\":null}}\n{\"a\":2,\"l\":null,\"s\":null}\n";
    assert_eq!(answer(&["--format", "jsonl", "-c", sql]), expected);
    assert_eq!(answer(&["--format", "jsonl", "-c", "SELECT 1 a WHERE false"]), "");
}

#[test]
fn json_keeps_columns_of_one_name_apart() {
    let sql = "SELECT * FROM (SELECT 1 a) x JOIN (SELECT 1 a) y ON x.a = y.a";
    assert_eq!(answer(&["--format", "jsonl", "-c", sql]), "{\"a\":1,\"a_1\":1}\n");
}

#[test]
fn nested_values_in_csv_are_json() {
    let sql = "SELECT [1, NULL] l, {a: 'x', b: 2} s";
    assert_eq!(answer(&["--format", "csv", "-c", sql]), "l,s\n\"[1,null]\",\"{\"\"a\"\":\"\"x\"\",\"\"b\"\":2}\"\n");
}

#[test]
fn markdown_escapes_its_own_signs() {
    let expected = "|   n | s    |\n| --: | ---- |\n|   1 | a\\|b |\n|  22 | NULL |\n";
    assert_eq!(
        answer(&["--format", "markdown", "-c", "SELECT * FROM (VALUES (1, 'a|b'), (22, NULL)) AS t (n, s)"]),
        expected
    );
}

#[test]
fn boxes_align_numbers_and_measure_unicode() {
    let expected = "\
┌─────┬────────┬──────┐
│ n   │ text   │ dec  │
├─────┼────────┼──────┤
│   1 │ 日本語 │ 1.50 │
│ 100 │ é      │ NULL │
└─────┴────────┴──────┘
2 rows
";
    let sql = "SELECT * FROM (VALUES (1, '日本語', 1.5::decimal(5,2)), (100, 'é', NULL)) AS t (n, text, dec)";
    assert_eq!(answer(&["-c", sql]), expected);
}

#[test]
fn boxes_show_lines_and_hide_terminal_escapes() {
    let expected = "\
┌────┬──────────────┐
│ a  │ b            │
├────┼──────────────┤
│ x  │ \\u{1b}[31m\\t │
│ yz │              │
└────┴──────────────┘
1 row
";
    assert_eq!(answer(&["-c", "SELECT 'x\nyz' a, E'\x1b[31m\t' b"]), expected);
}

#[test]
fn scripts_print_all_rows_of_a_box() {
    let found = answer(&["-c", "SELECT value FROM range(0, 1000)"]);
    assert!(found.ends_with("1000 rows\n"), "{found}");
    assert_eq!(found.lines().count(), 1000 + 5);
}

#[test]
fn statements_without_columns_print_nothing() {
    for format in ["box", "csv", "tsv", "json", "jsonl", "markdown"] {
        assert_eq!(answer(&["--format", format, "-c", "CREATE TABLE t (a INT)"]), "", "{format}");
    }
}

#[test]
fn plans_are_not_boxed() {
    let found = answer(&["-c", "EXPLAIN SELECT 1"]);
    assert!(found.starts_with("logical_plan\n  Projection"), "{found}");
    assert!(answer(&["--format", "csv", "-c", "EXPLAIN SELECT 1"]).starts_with("plan_type,plan\n"));
}

#[test]
fn plans_are_trees_with_the_places_of_their_operators() {
    let sql = "SELECT value % 3 AS k, count(*) AS n FROM range(0, 9) GROUP BY 1 ORDER BY 1";
    for explain in ["EXPLAIN", "EXPLAIN ANALYZE"] {
        let found = answer(&["-c", &format!("{explain} {sql}")]);
        let operators: Vec<&str> = found.lines().filter(|line| line.starts_with("  host ")).collect();
        assert!(operators.len() >= 4 && operators[1].starts_with("  host    └─ "), "{found}");
        assert!(found.contains("why: maar.device = cpu") && !found.contains("placement"), "{found}");
    }
    let drawn = answer(&["-c", &format!("EXPLAIN FORMAT TREE {sql}")]);
    assert!(drawn.contains("\n  ┌──"), "{drawn}");
}

#[test]
fn a_line_a_value() {
    let sql = "SELECT 1 AS n, 'x\ny' AS long_name UNION ALL SELECT 2, NULL ORDER BY n";
    let expected = "        n = 1\nlong_name = x\\ny\n\n        n = 2\nlong_name = NULL\n";
    assert_eq!(answer(&["--format", "line", "-c", sql]), expected);
    assert_eq!(answer(&["--format", "line", "-c", "SELECT 1 a WHERE false"]), "");
}

#[test]
fn rows_as_statements_that_insert_them() {
    let columns = "\"i\", \"big\", \"dec\", \"f\", \"b\", \"s\", \"empty\", \"d\", \"ts\", \"bin\"";
    let expected = format!(
        "INSERT INTO rows ({columns}) VALUES (1, 9223372036854775807, 1.5000000000, 0.1, true, 'a \"b\", c', '', '1998-09-02', \
         '2020-01-02T03:04:05.678', X'4142');\n\
         INSERT INTO rows ({columns}) VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);\n"
    );
    assert_eq!(answer(&["--format", "insert", "-c", KINDS]), expected);
    let sql = "SELECT 'nan'::double AS \"a\"\"b\", 'it''s' AS t, [1, 2] AS l";
    let nested = "INSERT INTO s.t (\"a\"\"b\", \"t\", \"l\") VALUES ('NaN', 'it''s', '[1, 2]');\n";
    assert_eq!(answer(&["-c", &format!("\\format insert s.t\n{sql}")]), nested);
}

#[test]
fn what_is_written_as_inserts_comes_back() {
    let sql = "SELECT * FROM (VALUES (1, 1.5, 'it''s', date '2020-01-02', timestamp '2020-01-02 03:04:05', X'00ff'), \
               (2, NULL, '', NULL, NULL, NULL)) t(i, x, s, d, ts, b)";
    let inserts = answer(&["--format", "insert", "-c", sql]);
    let make =
        format!("CREATE TABLE rows AS SELECT * FROM ({sql}) WHERE false; {inserts} SELECT * FROM rows ORDER BY i");
    let csv = answer(&["--format", "csv", "-c", sql]);
    assert_eq!(
        answer(&["--format", "csv", "-c", &make]).split_once("i,x").unwrap().1,
        csv.split_once("i,x").unwrap().1
    );
}
