//! The right answers of the 22 queries at the scales 0.01, 0.1 and 1: row counts and a fingerprint a column, made
//! once with another engine (`answers/make.py`). They check what a comparison with DataFusion cannot: DataFusion.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::compare::{Cell, Rows, near, order_rows};

const FILE: &str = include_str!("answers/answers.tsv");

/// What is kept of one column.
#[derive(Clone, Debug, PartialEq)]
enum Fingerprint {
    /// SHA-256 (first 16 hexadecimal digits) of the exact values, a line each, rows sorted.
    Hash(String),
    /// Sum of the floats.
    Sum(f64),
}

/// The kept answer of one query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    rows: usize,
    columns: Vec<Fingerprint>,
}

/// The kept answers of `scale` by query; none for other scales.
pub(crate) fn kept(scale: f64) -> BTreeMap<u8, Answer> {
    let mut found: BTreeMap<u8, Answer> = BTreeMap::new();
    for line in FILE.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [line_scale, query, rows, _column, kind, value] = fields[..] else { continue };
        let (Ok(line_scale), Ok(query), Ok(rows)) = (line_scale.parse::<f64>(), query.parse(), rows.parse()) else {
            continue;
        };
        if line_scale != scale {
            continue;
        }
        let fingerprint = match (kind, value.parse()) {
            ("sum", Ok(sum)) => Fingerprint::Sum(sum),
            _ => Fingerprint::Hash(value.to_owned()),
        };
        found.entry(query).or_insert(Answer { rows, columns: Vec::new() }).columns.push(fingerprint);
    }
    found
}

impl Answer {
    /// `Ok` where `rows` are this answer, else the first difference in words.
    pub(crate) fn check(&self, mut rows: Rows) -> Result<(), String> {
        if rows.len() != self.rows {
            return Err(format!("{} rows instead of the {} of the kept answer", rows.len(), self.rows));
        }
        rows.sort_by(|a, b| order_rows(a, b));
        for (at, kept) in self.columns.iter().enumerate() {
            let cells: Vec<&Cell> = rows.iter().filter_map(|row| row.get(at)).collect();
            let same = match kept {
                Fingerprint::Hash(hash) => *hash == column_hash(&cells),
                Fingerprint::Sum(sum) => near(*sum, column_sum(&cells)),
            };
            if !same {
                return Err(format!("column {} differs from the kept answer", at + 1));
            }
        }
        Ok(())
    }
}

fn column_hash(cells: &[&Cell]) -> String {
    let mut hash = Sha256::new();
    for cell in cells {
        match cell {
            Cell::Null => hash.update(b"\\N"),
            Cell::Exact(text) => hash.update(text.as_bytes()),
            Cell::Float(value) => hash.update(value.to_string().as_bytes()),
        }
        hash.update(b"\n");
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn column_sum(cells: &[&Cell]) -> f64 {
    let value = |cell: &&Cell| match cell {
        Cell::Float(value) => *value,
        Cell::Exact(text) => text.parse().unwrap_or(f64::NAN),
        Cell::Null => 0.0,
    };
    cells.iter().map(value).sum()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_query_has_a_kept_answer_at_three_scales() {
        for scale in [0.01, 0.1, 1.0] {
            assert_eq!(kept(scale).len(), 22, "{scale}");
        }
        assert!(kept(3.0).is_empty());
    }

    #[test]
    fn a_changed_value_or_row_is_found() {
        let exact = |text: &str| Cell::Exact(text.to_owned());
        let rows = vec![vec![exact("b"), Cell::Float(1.0)], vec![exact("a"), Cell::Null]];
        let hash = column_hash(&[&exact("a"), &exact("b")]);
        let answer = Answer { rows: 2, columns: vec![Fingerprint::Hash(hash), Fingerprint::Sum(1.0)] };
        answer.check(rows.clone()).unwrap();
        assert!(answer.check(rows[..1].to_vec()).is_err());
        assert!(answer.check(vec![rows[0].clone(), vec![exact("c"), Cell::Null]]).is_err());
        assert!(answer.check(vec![rows[1].clone(), vec![exact("b"), Cell::Float(1.1)]]).is_err());
    }
}
