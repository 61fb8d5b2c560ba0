//! What a tool answers: rows as JSON, within bounds. Rows are arrays, as models read the names of columns once only.

use std::io;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use crate::json::{JsonCells, json_options, string as json_string};

/// Bytes of the rows of an answer: what a model can read.
const BYTES_MAX: usize = 1 << 20;

/// The rows of an answer, as far as they fit.
pub struct Rows {
    schema: SchemaRef,
    /// How many more fit.
    left: usize,
    count: usize,
    json: Vec<u8>,
    /// Whether there are more than fit.
    is_cut: bool,
}

impl Rows {
    /// Takes rows of these columns, `most` at most.
    pub fn new(schema: SchemaRef, most: usize) -> Self {
        Self { schema, left: most, count: 0, json: Vec::new(), is_cut: false }
    }

    /// Adds rows, as many as fit.
    ///
    /// # Errors
    /// For a value that cannot be written.
    pub fn add(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let options = json_options();
        let mut cells = JsonCells::new(&self.schema, batch, &options)?;
        for row in 0..batch.num_rows() {
            let before = self.json.len();
            if self.left > 0 {
                self.json.extend_from_slice(if before == 0 { b"[" } else { b",\n[" });
                for column in 0..batch.num_columns() {
                    if column > 0 {
                        self.json.push(b',');
                    }
                    cells.write(column, row, &mut self.json);
                }
                self.json.push(b']');
            }
            if self.left == 0 || self.json.len() > BYTES_MAX {
                self.json.truncate(before);
                self.is_cut = true;
                return Ok(());
            }
            (self.left, self.count) = (self.left - 1, self.count + 1);
        }
        Ok(())
    }

    /// Whether there are more than fit: no further ones are taken.
    pub fn is_full(&self) -> bool {
        self.is_cut
    }

    /// All of it as JSON.
    pub fn finish(self) -> String {
        let mut json = b"{\"columns\":[".to_vec();
        for (at, field) in self.schema.fields().iter().enumerate() {
            json.extend_from_slice(if at == 0 { b"{\"name\":" } else { b",{\"name\":" });
            json_string(field.name(), &mut json);
            json.extend_from_slice(b",\"type\":");
            json_string(&field.data_type().to_string(), &mut json);
            json.push(b'}');
        }
        json.extend_from_slice(b"],\n\"rows\":[");
        json.extend_from_slice(&self.json);
        json.extend_from_slice(format!("],\n\"row_count\":{},\"has_more\":{}}}", self.count, self.is_cut).as_bytes());
        String::from_utf8_lossy(&json).into_owned()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use serde_json::{Value, json};

    use super::*;

    fn batch(texts: &[Option<&str>]) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..texts.len() as i64));
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        RecordBatch::try_from_iter_with_nullable([("n", numbers, false), ("a \"t\"", texts, true)]).unwrap()
    }

    fn told(most: usize, batches: &[RecordBatch]) -> Value {
        let mut rows = Rows::new(batches[0].schema(), most);
        batches.iter().for_each(|batch| rows.add(batch).unwrap());
        serde_json::from_str(&rows.finish()).unwrap()
    }

    #[test]
    fn rows_are_arrays_and_their_number_has_a_bound() {
        let batches = [batch(&[Some("x\n"), None])];
        let all = told(2, &batches);
        assert_eq!(all["columns"], json!([{ "name": "n", "type": "Int64" }, { "name": "a \"t\"", "type": "Utf8" }]));
        assert_eq!((&all["rows"], &all["has_more"]), (&json!([[0, "x\n"], [1, null]]), &json!(false)));
        let some = told(1, &batches);
        assert_eq!((&some["rows"], &some["has_more"]), (&json!([[0, "x\n"]]), &json!(true)));
        let none = told(5, &[batch(&[])]);
        assert_eq!((&none["rows"], &none["row_count"], &none["has_more"]), (&json!([]), &json!(0), &json!(false)));
    }

    #[test]
    fn a_row_that_nobody_can_read_is_left_out() {
        let long = "x".repeat(BYTES_MAX);
        let told = told(5, &[batch(&[Some("a"), Some(&long), Some("b")])]);
        assert_eq!(
            (&told["rows"], &told["row_count"], &told["has_more"]),
            (&json!([[0, "a"]]), &json!(1), &json!(true))
        );
    }
}
