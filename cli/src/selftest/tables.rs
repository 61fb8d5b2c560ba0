//! The tables of the self-test, as SQL that DataFusion writes to Parquet files: small, and awkward on purpose.
//!
//! The files of `facts` differ in width, dictionary and validity, have row groups that end inside a tile, and one of
//! them holds less than a warp's rows; `nothing` has no row at all.

use std::path::Path;

/// One table: its files.
pub(super) struct Table {
    pub(super) name: &'static str,
    files: &'static [File],
}

/// One file: rows of `select` with the placeholders put in.
struct File {
    select: &'static str,
    /// `$from` and `$to`: the numbers `i` of its rows, both inclusive.
    rows: (u32, u32),
    /// `$prefix` of its words.
    prefix: &'static str,
    /// `$none`: where its nullable columns are NULL.
    none: &'static str,
}

const FACTS: &str = "SELECT CAST(i AS BIGINT) AS id, CAST(i / 4 AS BIGINT) AS parent, i * 1000003 AS sparse, \
    CAST(i % 200 - 100 AS TINYINT) AS i8, CAST((i * 7919) % 60000 - 30000 AS SMALLINT) AS i16, \
    CAST((i * 245497) % 4000000000 - 2000000000 AS INT) AS i32, (i - 6000) * 1000003000003 AS i64, \
    arrow_cast(i % 256, 'UInt8') AS u8, arrow_cast(i * 5 % 65536, 'UInt16') AS u16, \
    arrow_cast(i * 300007 % 4294967296, 'UInt32') AS u32, \
    CAST(CAST(i % 97 AS REAL) / 97 AS REAL) AS f32, CAST(i * 7919 % 10007 AS DOUBLE) / 10007 - 0.5 AS f64, \
    CAST(CAST((i * 7919) % 100000 AS DECIMAL(12,2)) / 100 AS DECIMAL(9,2)) AS d9, \
    CAST(CAST(i AS DECIMAL(12,0)) * 12345.6789 AS DECIMAL(18,4)) AS d18, \
    CAST(CAST(i * 1000000007 AS DECIMAL(30,0)) * 1234567890123 AS DECIMAL(38,5)) AS d38, \
    arrow_cast(CAST(8035 + i % 2500 AS INT), 'Date32') AS day, \
    arrow_cast(i * 86400123, 'Timestamp(Millisecond, None)') AS at_ms, \
    arrow_cast(i * 3600000001, 'Timestamp(Microsecond, None)') AS at_us, \
    i % 3 = 0 AS flag, CASE WHEN $none THEN NULL ELSE i % 5 = 0 END AS maybe_flag, \
    CASE WHEN $none THEN NULL ELSE CAST(i % 23 AS INT) END AS maybe, \
    CASE WHEN $none THEN NULL ELSE CAST(i % 1000 AS DECIMAL(10,2)) END AS maybe_d, \
    CASE i % 3 WHEN 0 THEN 'A' WHEN 1 THEN 'N' ELSE 'R' END AS kind, \
    CASE WHEN $none THEN NULL ELSE concat('$prefix', CAST(i % 40 AS VARCHAR), CASE WHEN i % 2 = 0 THEN ' box' ELSE '' END) END AS word, \
    concat('row ', CAST(i AS VARCHAR), ' of the facts') AS own \
    FROM (SELECT value AS i FROM generate_series($from, $to))";

const DIMS: &str = "SELECT CAST(i AS BIGINT) AS id, i * 4000012 AS sparse, \
    CASE i % 5 WHEN 0 THEN 'red' WHEN 1 THEN 'N' ELSE 'blue' END AS kind, arrow_cast(CAST(8035 + i % 900 AS INT), 'Date32') AS since, \
    CAST(i % 13 AS DECIMAL(15,2)) AS weight, concat('$prefix', CAST(i AS VARCHAR)) AS code, \
    CAST(CAST(i * 4 * 1000000007 AS DECIMAL(30,0)) * 1234567890123 AS DECIMAL(38,5)) AS wide \
    FROM (SELECT value AS i FROM generate_series($from, $to))";

const PAIRS: &str = "SELECT CAST(i % 700 AS INT) AS parent, CAST(i % 700 AS BIGINT) * 1000003 AS sparse, \
    CAST(CAST(i % 700 * 1000000007 AS DECIMAL(30,0)) * 1234567890123 AS DECIMAL(38,5)) AS wide, \
    CASE WHEN $none THEN NULL ELSE CAST(i % 23 AS INT) END AS maybe, CAST(i AS BIGINT) AS amount, \
    concat('$prefix', CAST(i % 40 AS VARCHAR)) AS word \
    FROM (SELECT value AS i FROM generate_series($from, $to))";

/// The tables. Rows of a group come last in the COPY statement: 3000, so that tiles of 2048 do not divide it.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "facts",
        files: &[
            File { select: FACTS, rows: (0, 5999), prefix: "ab", none: "i % 7 = 0" },
            File { select: FACTS, rows: (6000, 6030), prefix: "c", none: "true" },
            File { select: FACTS, rows: (6031, 12_999), prefix: "ä", none: "false" },
        ],
    },
    Table { name: "dims", files: &[File { select: DIMS, rows: (0, 2999), prefix: "code ", none: "false" }] },
    Table {
        name: "pairs",
        files: &[
            File { select: PAIRS, rows: (0, 1200), prefix: "ab", none: "i % 11 = 0" },
            File { select: PAIRS, rows: (1201, 2099), prefix: "ä", none: "false" },
        ],
    },
    Table {
        name: "nothing",
        files: &[File { select: "SELECT * FROM (#) WHERE id < 0", rows: (0, 0), prefix: "", none: "false" }],
    },
];

impl Table {
    /// Statements that write the table's files below `folder`.
    pub(super) fn write(&self, folder: &Path) -> Vec<String> {
        let copy = |(number, file): (usize, &File)| {
            let path = quoted(&folder.join(self.name).join(format!("part-{number}.parquet")));
            let select = file.select.replace('#', FACTS).replace("$prefix", file.prefix).replace("$none", file.none);
            let select = select.replace("$from", &file.rows.0.to_string()).replace("$to", &file.rows.1.to_string());
            format!("COPY ({select}) TO {path} STORED AS PARQUET OPTIONS ('format.max_row_group_size' 3000)")
        };
        self.files.iter().enumerate().map(copy).collect()
    }

    /// The statement that names them.
    pub(super) fn create(&self, folder: &Path) -> String {
        let path = format!("{}/", folder.join(self.name).display());
        format!("CREATE EXTERNAL TABLE {} STORED AS PARQUET LOCATION {}", self.name, quoted(Path::new(&path)))
    }
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}
