//! Deletion vectors, written by hand: in the log, in files, in folders and at URLs; and what is wrong with damaged ones.

use std::fs;

use serde_json::{Value, json};

use super::log::{Table, column, features, remove, sessions};
use crate::support::{cells, error, session};

/// Digits of numbers to the base of 85.
const DIGITS: &[u8; 85] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
/// The file of the vectors, and what its name is made of.
const NAME: &str = "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";
const NUMBER: &str = "d2c639aa8816431aaaf6d3fe2512ff61";

/// The rows of one container of a bitmap, as an array.
pub(crate) fn vector(rows: &[u16]) -> Vec<u8> {
    let mut bytes = 1_681_511_377_u32.to_le_bytes().to_vec();
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(12_346_u32.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend((rows.len() as u16 - 1).to_le_bytes());
    bytes.extend(16_u32.to_le_bytes());
    rows.iter().for_each(|row| bytes.extend(row.to_le_bytes()));
    bytes
}

pub(crate) fn base_85(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(4) {
        let mut four = [0; 4];
        four[..group.len()].copy_from_slice(group);
        let mut number = u32::from_be_bytes(four);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[(number % 85) as usize];
            number /= 85;
        }
        text.push_str(std::str::from_utf8(&digits).unwrap());
    }
    text
}

pub(crate) fn crc(bytes: &[u8]) -> u32 {
    let step = |rest: u32| (rest >> 1) ^ (if rest & 1 == 1 { 0xEDB8_8320 } else { 0 });
    !bytes.iter().fold(u32::MAX, |rest, byte| (0..8).fold(rest ^ u32::from(*byte), |rest, _| step(rest)))
}

/// A file of vectors, and where each begins.
fn file(vectors: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut at) = (vec![1], Vec::new());
    for vector in vectors {
        at.push(bytes.len());
        bytes.extend((vector.len() as u32).to_be_bytes());
        bytes.extend(vector);
        bytes.extend(crc(vector).to_be_bytes());
    }
    (bytes, at)
}

fn number() -> Vec<u8> {
    (0..16).map(|at| u8::from_str_radix(&NUMBER[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn described(kind: &str, text: &str, offset: Option<usize>, (size, rows): (usize, usize)) -> Value {
    let mut described = json!({"storageType": kind, "pathOrInlineDv": text, "sizeInBytes": size, "cardinality": rows});
    if let Some(offset) = offset {
        described["offset"] = json!(offset);
    }
    described
}

async fn table() -> Table {
    let columns = json!([column("i", "long"), column("s", "string")]);
    let table = Table::with(features(&["deletionVectors"]), columns, &[], json!({}));
    table.file("a.parquet", "select i, 'w' || i as s from generate_series(0, 9) g(i)").await;
    table.file("b.parquet", "select i, 'w' || i as s from generate_series(10, 19) g(i)").await;
    table
}

const SUM: &str = "select count(*), count(s), sum(i), min(i), max(i)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_vectors_are_gone_wherever_they_lie() {
    let rows = vector(&[0, 1, 5, 9]);
    let (bytes, at) = file(&[vector(&[3]), rows.clone()]);
    let sizes = (rows.len(), 4);
    for kind in ["i", "u", "u in a folder", "p"] {
        let table = table().await;
        let text = base_85(&number());
        let described = match kind {
            "i" => described("i", &base_85(&rows), None, sizes),
            "u" => {
                fs::write(table.path(NAME), &bytes).unwrap();
                described("u", &text, Some(at[1]), sizes)
            }
            "u in a folder" => {
                fs::create_dir(table.path("ab")).unwrap();
                fs::write(table.path("ab").join(NAME), &bytes).unwrap();
                described("u", &format!("ab{text}"), Some(at[1]), sizes)
            }
            _ => {
                fs::write(table.path("far vector.bin"), &bytes).unwrap();
                let url = format!("file://{}far%20vector.bin", table.name());
                described("p", &url, Some(at[1]), sizes)
            }
        };
        let stats = json!({"numRecords": 10, "minValues": {"i": 0}, "maxValues": {"i": 9}, "nullCount": {"i": 0}});
        let more = json!({"deletionVector": described, "stats": stats.to_string()});
        table.commit(1, &[table.add("a.parquet", more), table.add("b.parquet", json!({}))]);
        for session in sessions() {
            let sql = format!("{SUM} from '{}'", table.name());
            assert_eq!(cells(&session, &sql).await.unwrap(), "16,16,175,2,19", "{kind}");
            let sql = format!("select i from '{}' where i < 7 order by i", table.name());
            assert_eq!(cells(&session, &sql).await.unwrap(), "2;3;4;6", "{kind}");
            let sql = format!("select s from '{}' where s in ('w5', 'w6', 'w15') order by 1", table.name());
            assert_eq!(cells(&session, &sql).await.unwrap(), "w15;w6", "{kind}");
        }
    }
}

#[tokio::test]
async fn a_vector_takes_the_place_of_another() {
    let table = table().await;
    let [first, second] =
        [&[1][..], &[1, 2]].map(|rows| described("i", &base_85(&vector(rows)), None, (vector(rows).len(), rows.len())));
    table.commit(1, &[table.add("a.parquet", json!({}))]);
    table.commit(2, &[remove("a.parquet", None), table.add("a.parquet", json!({"deletionVector": first.clone()}))]);
    table.commit(
        3,
        &[table.add("a.parquet", json!({"deletionVector": second.clone()})), remove("a.parquet", Some(first))],
    );
    let session = session();
    for (version, rows) in [(0, "0"), (1, "10"), (2, "9"), (3, "8")] {
        let sql = format!("select count(*) from delta_scan('{}', version = {version})", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), rows, "{version}");
    }
    table.commit(4, &[remove("a.parquet", Some(second))]);
    assert_eq!(cells(&session, &format!("select count(*) from '{}'", table.name())).await.unwrap(), "0");
}

/// Version 1 has a file of groups of four rows, and a small one; 2 and 3 have them without some rows, of the third no row is left in a group.
async fn in_groups() -> Table {
    let table = table().await;
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("groups.parquet");
    let copy = format!(
        "copy (select i, case when i % 5 = 0 then null else 'w' || (i % 3) end as s from generate_series(0, 29) g(i)) \
         to '{}' options ('format.max_row_group_size' '4')",
        written.display()
    );
    session().run_script(&copy).await.unwrap();
    fs::copy(written, table.path("groups.parquet")).unwrap();
    let with = |rows: &[u16]| {
        let bytes = vector(rows);
        let described = described("i", &base_85(&bytes), None, (bytes.len(), rows.len()));
        (table.add("groups.parquet", json!({"deletionVector": described.clone()})), described)
    };
    let (second, of_second) = with(&[0, 3, 4, 11, 12, 29]);
    let (third, _) = with(&[0, 1, 2, 3, 5, 6, 7, 8, 28, 29]);
    table.commit(1, &[table.add("groups.parquet", json!({})), table.add("a.parquet", json!({}))]);
    table.commit(2, &[remove("groups.parquet", None), second]);
    table.commit(3, &[remove("groups.parquet", Some(of_second)), third]);
    table
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_device_leaves_deleted_rows_out() {
    let table = in_groups().await;
    let [host, device] = sessions();
    let at = |version: u64| format!("delta_scan('{}', version = {version})", table.name());
    let explained = cells(&device, &format!("explain select sum(i) from {}", at(2))).await.unwrap();
    assert!(explained.contains("DeviceExec") && !explained.contains("left out"), "{explained}");
    // Rows that nothing is computed of are the host's, as those of any file.
    let explained = cells(&device, &format!("explain select i from {}", at(2))).await.unwrap();
    assert!(!explained.contains("DeviceExec"), "{explained}");
    for (version, rows) in [(1, "40,34,480"), (2, "34,29,421"), (3, "30,26,391"), (2, "34,29,421"), (1, "40,34,480")] {
        let sql = format!("select count(*), count(s), sum(i) from {}", at(version));
        assert_eq!(cells(&device, &sql).await.unwrap(), rows, "{version}");
    }
    for sql in [
        "select count(*) from {}",
        "select min(i), max(i), min(s), max(s) from {}",
        "select s, count(*), sum(i) from {} group by s order by s",
        "select i from {} where i % 2 = 0 and s is not null order by i desc limit 7",
        "select count(*), sum(a.i) from {} a join {} b on a.i = b.i + 1",
        "select count(*) from {} a where not exists (select 1 from {} b where b.i = a.i + 1)",
        "select i, sum(i) over (order by i, s) from {} order by i, s limit 9",
        "select sum(i) from (select i from {} union all select -i from {} where i > 4)",
        "select count(distinct s), sum(i) from {} where s like 'w%'",
    ] {
        for version in [2, 3] {
            let sql = sql.replace("{}", &at(version));
            let (ours, theirs) = (cells(&device, &sql).await.unwrap(), cells(&host, &sql).await.unwrap());
            assert_eq!(ours, theirs, "{sql}");
        }
    }
    // Both versions of a file at once.
    let both = format!("select count(*), sum(a.i) from {} a join {} b on a.i = b.i", at(2), at(3));
    assert_eq!(cells(&device, &both).await.unwrap(), cells(&host, &both).await.unwrap());
}

/// Where a device has room for all of a table, for a part at a time, and for none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_rows_are_left_out_within_any_memory() {
    let table = Table::with(features(&["deletionVectors"]), json!([column("i", "long")]), &[], json!({}));
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("a.parquet");
    let copy = format!(
        "copy (select i from generate_series(0, 19999) g(i)) to '{}' options ('format.max_row_group_size' '3000')",
        written.display()
    );
    session().run_script(&copy).await.unwrap();
    fs::copy(written, table.path("a.parquet")).unwrap();
    let rows = vector(&(0..20_000).step_by(7).collect::<Vec<u16>>());
    let described = described("i", &base_85(&rows), None, (rows.len(), 2858));
    table.commit(1, &[table.add("a.parquet", json!({"deletionVector": described}))]);
    let sql = format!("select i % 3 as r, count(*), sum(i) from '{}' group by r order by r", table.name());
    let [host, device] = sessions();
    let expected = cells(&host, &sql).await.unwrap();
    let whole = format!("select count(*), sum(i) from '{}'", table.name());
    for memory in ["64MB", "100kB", "50kB", "1kB"] {
        cells(&device, &format!("set maar.device_memory = '{memory}'")).await.unwrap();
        assert_eq!(cells(&device, &sql).await.unwrap(), expected, "{memory}");
        assert_eq!(cells(&device, &whole).await.unwrap(), "17142,171411429", "{memory}");
    }
}

#[tokio::test]
async fn damaged_vectors_are_errors_that_name_their_file() {
    let rows = vector(&[0, 1]);
    let (bytes, at) = file(std::slice::from_ref(&rows));
    let text = base_85(&number());
    let whole = || described("u", &text, Some(at[0]), (rows.len(), 2));
    let mut flipped = bytes.clone();
    flipped[20] ^= 1;
    let inline = |rows: &[u8], count: usize| described("i", &base_85(rows), None, (rows.len(), count));
    let cases: Vec<(&str, Option<&[u8]>, Value)> = vec![
        ("checksum", Some(&flipped), whole()),
        ("ends before", Some(&bytes[..20]), whole()),
        ("not there", None, whole()),
        ("ends before", Some(&bytes), described("u", &text, Some(at[0]), (1 << 40, 2))),
        ("another one", Some(&bytes), described("u", &text, Some(at[0]), (rows.len() - 4, 2))),
        ("too short", None, described("u", "ab", Some(1), (rows.len(), 2))),
        ("base of 85", None, described("u", &"~".repeat(20), Some(1), (rows.len(), 2))),
        ("another number of rows", None, inline(&rows, 3)),
        ("magic number", None, inline(&[0; 16], 0)),
        ("shorter than it says", None, described("i", &base_85(&rows), None, (1 << 40, 2))),
        ("behind the last of its 10", None, inline(&vector(&[10]), 1)),
        ("'x', which is not known", None, described("x", "a", None, (1, 1))),
    ];
    for (cause, content, described) in cases {
        let table = table().await;
        if let Some(content) = content {
            fs::write(table.path(NAME), content).unwrap();
        }
        table.commit(1, &[table.add("a.parquet", json!({"deletionVector": described}))]);
        let found = error(&session(), &format!("select sum(i) from '{}'", table.name())).await;
        assert!(found.message().contains(cause) && found.message().starts_with("'/"), "{cause}: {found}");
        assert!(found.hint().is_some(), "{found}");
    }
}
