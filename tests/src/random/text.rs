//! The grammar of texts: functions of a column, and what several columns and constants may give.

use rand::Rng;
use rand::rngs::StdRng;

use super::expression::{Grammar, literal};
use super::table::{Column, Kind};

pub(super) const PATTERNS: [&str; 18] = [
    "a%",
    "%c",
    "%b%",
    "a_c",
    "%",
    "",
    "a\\%c",
    "%longer%bytes",
    "%\\_%",
    "_%_",
    "%%",
    "___",
    "日_語",
    "żó%",
    "%語",
    "% %b_t_s",
    "A%",
    "a\\\\c",
];
/// Functions of one text that give a text.
const TEXT_FUNCTIONS: [&str; 10] = [
    "upper({})",
    "lower({})",
    "substr({}, 2, 3)",
    "concat({}, '!')",
    "reverse({})",
    "replace({}, 'a', 'żź')",
    "left({}, 2)",
    "right({}, 2)",
    "btrim({})",
    "nullif({}, 'abc')",
];
/// Functions of one text that give an integer.
pub(super) const LENGTHS: [&str; 4] = ["length({})", "octet_length({})", "strpos({}, 'c')", "ascii({})"];

impl Grammar<'_> {
    /// A text that several columns and constants may give.
    pub fn chosen_text(&self, depth: usize, random: &mut StdRng) -> String {
        let Some(column) = self.column(Kind::Text, random) else { return literal(Kind::Text, random) };
        if depth == 0 || random.random_ratio(1, 4) {
            return match random.random_range(0..6) {
                0 => literal(Kind::Text, random),
                1 => "NULL".to_owned(),
                _ => self.text(column, random),
            };
        }
        let one = |random: &mut StdRng| self.chosen_text(depth - 1, random);
        match random.random_range(0..5) {
            0 => format!("CASE WHEN {} THEN {} END", self.comparison(random), one(random)),
            1 | 2 => format!("CASE WHEN {} THEN {} ELSE {} END", self.comparison(random), one(random), one(random)),
            3 => format!("coalesce({}, {}, {})", column.name, one(random), literal(Kind::Text, random)),
            _ => {
                let (first, second) = (literal(Kind::Text, random), literal(Kind::Text, random));
                format!(
                    "CASE {} WHEN {first} THEN {} WHEN {second} THEN {} ELSE {} END",
                    column.name,
                    one(random),
                    one(random),
                    one(random)
                )
            }
        }
    }

    /// A text made of this column, often the column itself.
    pub(super) fn text(&self, column: &Column, random: &mut StdRng) -> String {
        let index = random.random_range(0..2 * TEXT_FUNCTIONS.len());
        TEXT_FUNCTIONS.get(index).map_or_else(|| column.name.clone(), |call| call.replace("{}", &column.name))
    }
}
