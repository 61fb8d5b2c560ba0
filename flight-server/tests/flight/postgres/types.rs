//! Every type of ours as it is sent, as text and in binary.

use super::client::{Client, client};

/// An expression, the type that it is sent as, its text, and its bytes in hexadecimal.
const VALUES: &[(&str, u32, &str, &str)] = &[
    ("true", 16, "t", "01"),
    ("arrow_cast(-5, 'Int8')", 21, "-5", "fffb"),
    ("arrow_cast(200, 'UInt8')", 21, "200", "00c8"),
    ("arrow_cast(-5, 'Int16')", 21, "-5", "fffb"),
    ("arrow_cast(60000, 'UInt16')", 23, "60000", "0000ea60"),
    ("arrow_cast(7, 'Int32')", 23, "7", "00000007"),
    ("arrow_cast(4000000000, 'UInt32')", 20, "4000000000", "00000000ee6b2800"),
    ("9007199254740993", 20, "9007199254740993", "0020000000000001"),
    (
        "arrow_cast('18446744073709551615', 'UInt64')",
        1700,
        "18446744073709551615",
        "000500040000000007341a5802e103bb064f",
    ),
    ("arrow_cast(1.5, 'Float32')", 700, "1.5", "3fc00000"),
    ("arrow_cast(1.5, 'Float16')", 700, "1.5", "3fc00000"),
    ("0.1::double", 701, "0.1", "3fb999999999999a"),
    ("'NaN'::double", 701, "NaN", "7ff8000000000000"),
    ("'-inf'::double", 701, "-Infinity", "fff0000000000000"),
    ("123.45::decimal(10, 2)", 1700, "123.45", "0002000000000002007b1194"),
    ("-0.05::decimal(38, 10)", 1700, "-0.0500000000", "0001ffff4000000a01f4"),
    (
        "'12345678901234567890123456789012345678'::decimal(38, 0)",
        1700,
        "12345678901234567890123456789012345678",
        "000a000900000000000c0d801ed204d2162e23340d801ed204d2162e",
    ),
    ("'ü'", 25, "ü", "c3bc"),
    ("''", 25, "", ""),
    ("x'00ff'", 17, "\\x00ff", "00ff"),
    ("date '2000-01-02'", 1082, "2000-01-02", "00000001"),
    ("time '12:34:56.5'", 1083, "12:34:56.5", "0000000a8be1bd20"),
    (
        "arrow_cast('2000-01-01T00:00:00.000001', 'Timestamp(Microsecond, None)')",
        1114,
        "2000-01-01 00:00:00.000001",
        "0000000000000001",
    ),
    (
        "arrow_cast('1999-12-31T23:59:59.999999999', 'Timestamp(Nanosecond, None)')",
        1114,
        "1999-12-31 23:59:59.999999",
        "ffffffffffffffff",
    ),
    ("arrow_cast('2000-01-01T00:00:01', 'Timestamp(Second, None)')", 1114, "2000-01-01 00:00:01", "00000000000f4240"),
    (
        "arrow_cast('2000-01-01T00:00:00Z', 'Timestamp(Microsecond, Some(\"+00:00\"))')",
        1184,
        "2000-01-01 00:00:00+00",
        "0000000000000000",
    ),
    ("interval '1 month 2 days 3 seconds'", 1186, "1 mon 2 days 00:00:03", "00000000002dc6c00000000200000001"),
    ("null", 25, "NULL", ""),
    ("[1, null, 3]", 1016, "{1,NULL,3}", "00000001000000010000001400000003000000010000000800000000000000"),
    ("['a', 'b c', '', 'null']", 1009, "{a,\"b c\",\"\",\"null\"}", "00000001000000000000001900000004"),
    ("arrow_cast([1.5], 'LargeList(Float64)')", 1022, "{1.5}", "0000000100000000000002bd0000000100000001000000083ff8"),
    ("[[1], [2, 3]]", 114, "[[1],[2,3]]", "5b5b315d2c5b322c335d5d"),
    ("struct(1 as a, 'x' as b)", 114, "{\"a\":1,\"b\":\"x\"}", "7b2261223a31"),
    ("map {'k': 1}", 114, "{\"k\":1}", "7b226b223a317d"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_sent_exactly() {
    let mut client = client().await;
    for (sql, oid, text, hex) in VALUES {
        let answer = client.query(&format!("select {sql} as v")).await;
        assert!(answer.errors.is_empty(), "{sql}: {answer:?}");
        assert_eq!((answer.columns[0].1, answer.text().as_str()), (*oid, *text), "{sql}");
        let bytes = binary(&mut client, sql).await;
        let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(written.starts_with(hex) && written.is_empty() == hex.is_empty(), "{sql}: {written}");
    }
}

async fn binary(client: &mut Client, sql: &str) -> Vec<u8> {
    client.parse("", &format!("select {sql} as v"), &[]).await;
    client.bind("", "", &[], (0, 1)).await;
    client.execute("", 0).await;
    let answer = client.sync().await;
    assert!(answer.errors.is_empty(), "{sql}: {answer:?}");
    answer.rows[0][0].clone().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_as_they_were_sent() {
    let mut client = client().await;
    for (oid, text) in [
        (16, "t"),
        (21, "-7"),
        (20, "9007199254740993"),
        (701, "Infinity"),
        (1700, "-123456789012345678901234567890.12345678"),
        (25, "it's"),
        (17, "\\x00ff"),
        (1082, "2020-02-29"),
        (1083, "23:59:59.999999"),
        (1114, "2020-02-29 12:00:00.5"),
        (1184, "2020-02-29 12:00:00+00"),
        (1007, "{1,NULL,3}"),
        (1009, "{a,\"b c\"}"),
    ] {
        client.parse("", "select $1", &[oid]).await;
        client.bind("", "", &[Some(text.as_bytes())], (0, 1)).await;
        client.execute("", 0).await;
        let sent = client.sync().await;
        assert!(sent.errors.is_empty(), "{oid} {text}: {sent:?}");
        let bytes = sent.rows[0][0].clone().unwrap();
        client.bind("", "", &[Some(&bytes)], (1, 0)).await;
        client.execute("", 0).await;
        let back = client.sync().await;
        assert_eq!(back.text(), text, "{oid}: {back:?}");
    }
}
