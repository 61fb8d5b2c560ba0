//! Text columns of files without dictionaries: held as they are where a query only carries and tests them.

use super::harness::{Both, Table};

/// Rows `first..=last`: NULLs, empty texts, long ones, characters of two to four bytes.
fn notes(first: u64, last: u64) -> String {
    format!(
        "SELECT CAST(i AS BIGINT) AS id, CAST(i % 300 AS BIGINT) AS parent, CASE WHEN i % 3 = 0 THEN 'A' WHEN i % 3 = 1 THEN 'N' ELSE 'R' END AS flag, \
         CASE WHEN i % 11 = 5 THEN NULL WHEN i % 13 = 7 THEN '' WHEN i % 17 = 1 THEN repeat(concat('long ', i, ' '), 40) \
         WHEN i % 5 = 0 THEN concat(i, ' is special, says äöü语言🌋, and requests ', i % 10) WHEN i % 5 = 1 THEN concat('100% of ', i, '_', i % 7) ELSE concat('note ', i) END AS note \
         FROM (SELECT value AS i FROM generate_series({first}, {last}))"
    )
}

fn tables() -> [Table<'static>; 2] {
    let parents = "SELECT CAST(i AS BIGINT) AS id, concat('parent ', i, '\u{e9}') AS name, CASE WHEN i % 2 = 0 THEN 'red' ELSE 'blue' END AS kind FROM (SELECT value AS i FROM generate_series(0, 299))";
    [("notes", vec![notes(0, 6000), notes(6001, 6033), notes(6034, 9000)]), ("parents", vec![parents.into()])]
}

/// Tests that need no codes; every pattern form, every operator, on texts and through NULLs.
const TESTED: &[(&str, u64)] = &[
    ("SELECT id, note FROM notes WHERE note LIKE '%special%requests%'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '%special%requests%'", 1),
    ("SELECT count(*), sum(id) FROM notes WHERE note NOT LIKE '%special%requests%' AND id % 3 = 1", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '%requests _'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '1_3 is%'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '%äö_语_🌋%'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '%ü_言_,%'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '%\\%%'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '%\\_3'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE ''", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '%'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '_'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '%_'", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE 'note 7%' OR note LIKE '%9'", 1),
    ("SELECT count(*) FROM notes WHERE NOT (note LIKE 'note 7%' AND note < 'note 75')", 1),
    ("SELECT count(*) FROM notes WHERE note LIKE '%1%1%1%'", 1),
    ("SELECT count(*) FROM notes WHERE note ILIKE '%SPECIAL%'", 0),
    ("SELECT count(*) FROM notes WHERE note = ''", 1),
    ("SELECT id FROM notes WHERE note = 'note 202'", 1),
    ("SELECT count(*) FROM notes WHERE note <> 'note 202'", 1),
    ("SELECT count(*) FROM notes WHERE note < 'note 202'", 1),
    ("SELECT count(*) FROM notes WHERE note <= 'note 202'", 1),
    ("SELECT count(*) FROM notes WHERE 'note 202' < note", 1),
    ("SELECT count(*) FROM notes WHERE note >= 'note 202' AND note < 'note 3'", 1),
    ("SELECT count(*) FROM notes WHERE note > 'ä'", 1),
    ("SELECT count(*) FROM notes WHERE note BETWEEN '' AND '3'", 1),
    ("SELECT count(*) FROM notes WHERE note IS DISTINCT FROM 'note 202'", 1),
    ("SELECT count(*) FROM notes WHERE note IS NOT DISTINCT FROM 'note 202'", 1),
    ("SELECT id FROM notes WHERE note IN ('note 202', 'note 203', '', 'nothing', 'note 208')", 1),
    ("SELECT count(*) FROM notes WHERE note NOT IN ('note 202', 'note 203', '', 'nothing', 'note 208')", 1),
    ("SELECT count(*) FROM notes WHERE note IN ('note 202', 'note 203', 'a', 'b', NULL)", 1),
    ("SELECT count(*) FROM notes WHERE note NOT IN ('note 202', 'note 203', 'a', 'b', NULL)", 1),
    ("SELECT count(*) FROM notes WHERE note IN ('note 202', 'note 203')", 1),
    ("SELECT count(*) FROM notes WHERE starts_with(note, 'long 1')", 1),
    ("SELECT count(*) FROM notes WHERE ends_with(note, '_3') OR contains(note, '语言')", 1),
    (
        "SELECT sum(octet_length(note)), sum(character_length(note)), max(character_length(note)) FROM notes WHERE octet_length(note) > 8",
        1,
    ),
    ("SELECT id, octet_length(note), character_length(note) FROM notes WHERE id % 50 = 0", 1),
    ("SELECT sum(CASE WHEN note LIKE 'note%' THEN id WHEN note IS NULL THEN 1 ELSE 0 END), count(*) FROM notes", 1),
    (
        "SELECT note LIKE '%8%', note IS NULL OR note = '', count(*) FROM notes GROUP BY note LIKE '%8%', note IS NULL OR note = ''",
        1,
    ),
    (
        "SELECT character_length(note) % 10, count(*) FROM notes WHERE flag = 'A' GROUP BY character_length(note) % 10",
        2,
    ),
    (
        "SELECT n.id, note, name FROM notes n JOIN parents p ON n.parent = p.id WHERE name LIKE 'parent 1%' AND note LIKE '%special%' AND n.id % 2 = 0",
        2,
    ),
    (
        "SELECT count(*) FROM notes n JOIN parents p ON n.parent = p.id WHERE name LIKE 'parent 1%' OR note LIKE '%special%'",
        2,
    ),
    (
        "SELECT kind, count(*) FROM notes n JOIN parents p ON n.parent = p.id AND (n.note LIKE '%1' OR p.name >= 'parent 2') GROUP BY kind",
        2,
    ),
    ("SELECT sum(100 / (id - 5)) FROM notes WHERE note LIKE '%7' AND id > 5", 1),
    ("SELECT TRY_CAST(note AS INT) AS i, TRY_CAST(TRY_CAST(note AS INT) AS VARCHAR) AS t FROM notes WHERE id < 500", 0),
    (
        "SELECT CASE WHEN note LIKE 'long%' THEN 'l' WHEN note IS NULL THEN 'n' ELSE 'o' END AS c, count(*) FROM notes GROUP BY c",
        1,
    ),
    ("SELECT id FROM notes WHERE CASE WHEN note LIKE 'long%' THEN 'l' ELSE 'o' END = 'l'", 1),
    ("SELECT CASE WHEN id % 2 = 0 THEN note ELSE flag END AS c, note FROM notes WHERE id < 50", 0),
    ("SELECT coalesce(note, 'none') AS c FROM notes WHERE id < 50", 0),
    ("SELECT count(*) FROM notes WHERE CASE WHEN id % 2 = 0 THEN note ELSE 'note 8' END = 'note 8'", 0),
    ("SELECT id FROM notes WHERE note = upper(note)", 0),
    ("SELECT id FROM notes WHERE substr(note, 1, 3) = 'lon' OR note LIKE '%7'", 0),
];

/// Compares, and checks how many columns the query held raw.
async fn check(both: &Both, queries: &[(&str, u64)]) {
    for (query, raw) in queries {
        // A dictionary that is there already would be used.
        both.forget();
        let reports = both.same(query).await;
        let held: u64 = reports.iter().flat_map(|report| &report.loads).map(|load| load.columns_raw).sum();
        assert_eq!(held, *raw, "raw columns of {query}");
    }
}

const CARRIED: &[(&str, u64)] = &[
    ("SELECT id, note FROM notes WHERE id % 7 = 3", 1),
    ("SELECT note, flag, id + 1 FROM notes", 2),
    ("SELECT note, note AS again FROM notes WHERE id > 8000", 1),
    ("SELECT id, note FROM notes WHERE note IS NULL OR id < 40", 1),
    ("SELECT count(note), count(*) FROM notes WHERE id > 3", 1),
    ("SELECT count(*) FROM notes WHERE note IS NULL", 1),
    ("SELECT note FROM notes WHERE id = 12 LIMIT 10", 1),
    ("SELECT note FROM notes WHERE id BETWEEN 100 AND 110 AND id = 103 OFFSET 0 LIMIT 3", 1),
    ("SELECT count(note) FROM (SELECT note FROM notes WHERE id > 20 AND note IS NOT NULL LIMIT 2500)", 1),
    ("SELECT note FROM notes WHERE id < 0", 1),
    ("SELECT n.id, note, name FROM notes n JOIN parents p ON n.parent = p.id WHERE kind = 'red'", 3),
    ("SELECT n.note, m.note FROM notes n JOIN notes m ON n.id = m.parent WHERE m.id % 5 = 0", 2),
    ("SELECT a.name, b.note FROM parents a JOIN notes b ON a.id = b.parent AND a.id + b.id > 500", 2),
    // What needs codes has them, beside what does not.
    ("SELECT flag, count(*) FROM notes GROUP BY flag", 0),
    ("SELECT note, count(*) FROM notes GROUP BY note", 0),
    ("SELECT min(note), max(note) FROM notes WHERE id > 3", 0),
    ("SELECT upper(note), note FROM notes WHERE id < 100", 0),
    ("SELECT flag, count(note) FROM notes GROUP BY flag", 1),
    ("SELECT n.note FROM notes n JOIN parents p ON n.note = p.name", 0),
    ("SELECT n.id FROM notes n JOIN parents p ON n.parent = p.id AND n.flag < p.name", 0),
];

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_carried() {
    check(&Both::written(&tables(), |_| false).await, CARRIED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_tested() {
    check(&Both::written(&tables(), |_| false).await, TESTED).await;
}

/// What the host computed comes up as it is.
#[tokio::test(flavor = "multi_thread")]
async fn texts_of_the_host_are_carried() {
    let both = Both::written(&tables(), |_| true).await;
    for query in [
        "SELECT n.note, h.word FROM notes n JOIN (SELECT id % 50 AS k, concat(flag, note) AS word FROM notes ORDER BY notes.id LIMIT 400) h ON n.id = h.k",
        "SELECT count(h.word), count(*) FROM parents p JOIN (SELECT id, flag || note AS word FROM notes ORDER BY id LIMIT 290) h ON p.id = h.id WHERE h.word LIKE '%note%' OR p.id < 5",
    ] {
        both.same(query).await;
    }
}

/// Files with and without dictionaries in one table, and codes already there: the answers are the same.
#[tokio::test(flavor = "multi_thread")]
async fn either_form_gives_the_same() {
    let both = Both::written(&tables(), |part| part == 1).await;
    for (query, _) in TESTED.iter().chain(CARRIED) {
        both.same(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_are_there_are_not_read_again() {
    let both = Both::written(&tables(), |_| false).await;
    let query = "SELECT note FROM notes WHERE note LIKE 'long%'";
    for read in [true, false] {
        let reports = both.same(query).await;
        let load = reports[0].loads[0];
        assert_eq!((load.file_bytes_read > 0, load.columns_raw, load.text_hashed), (read, 1, 0));
    }
}
