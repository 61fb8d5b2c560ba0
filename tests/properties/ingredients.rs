//! What the places of a property are filled with.

use maar_tests::random::{Column, Grammar, Kind, Table, literal};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::property::Over;
use crate::world::World;

const FROMS: [(&str, usize); 7] = [
    ("t", 1),
    ("t", 1),
    ("t", 1),
    ("t JOIN u ON t.tk = u.uk", 2),
    ("t LEFT JOIN u ON t.tk = u.uk", 2),
    ("t FULL JOIN u ON t.tk = u.uk", 2),
    ("t RIGHT JOIN u ON t.tk = u.uk", 2),
];
const ORDERS: [&str; 6] = ["", "DESC", "NULLS FIRST", "NULLS LAST", "DESC NULLS LAST", "DESC NULLS FIRST"];
const COMPARISONS: [&str; 8] = ["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"];

/// The tables of one pair, and the column that it is about.
pub(crate) struct Scope<'a> {
    grammar: Grammar<'a>,
    from: &'static str,
    column: Column,
    /// A column of `u` that can be compared with it.
    partner: String,
    inner: &'a Table,
    spare: &'a Table,
    depth: usize,
}

impl<'a> Scope<'a> {
    pub(crate) fn random(world: &'a World, over: Over, is_simple: bool, random: &mut StdRng) -> Self {
        let [t, u, v] = &world.tables.tables;
        let (from, count) = match over {
            Over::Any => FROMS[random.random_range(0..FROMS.len())],
            Over::One => ("t", 1),
            Over::Two => ("t JOIN u ON t.tk = u.uk", 2),
        };
        let tables: Vec<&Table> = [t, u].into_iter().take(count).collect();
        let mut grammar = Grammar::all(tables);
        if is_simple {
            grammar = grammar.simple();
        }
        let key = Column::key(t);
        let mut column = grammar.any_column(random).cloned().unwrap_or_else(|| key.clone());
        let mut partner = u.of_kind(column.kind).choose(random).map(|partner| partner.name.clone());
        // The extremes of two types have no common type.
        if over == Over::One && (partner.is_none() || column.kind == Kind::Extreme) {
            (column, partner) = (key, None);
        }
        let partner = partner.unwrap_or_else(|| "uk".to_owned());
        let depth = if is_simple { 0 } else { random.random_range(0..3) };
        Self { grammar, from, column, partner, inner: u, spare: v, depth }
    }

    /// The ingredient of that name.
    pub(crate) fn draw(&mut self, name: &str, random: &mut StdRng) -> String {
        match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "from" => self.from.to_owned(),
            "c" => self.columns(random),
            "x" => self.column.name.clone(),
            "y" => self.partner.clone(),
            "k" => self.key(random),
            "p" | "q" | "r" => bracketed(self.grammar.condition(self.depth, random)),
            "s" => {
                let grammar = Grammar { subqueries: Some(self.spare), ..self.grammar.clone() };
                bracketed(grammar.condition(self.depth, random))
            }
            "pu" => {
                bracketed(Grammar { tables: vec![self.inner], ..self.grammar.clone() }.condition(self.depth, random))
            }
            "e" | "f" | "g" => bracketed(self.grammar.value(&self.column, self.depth, random)),
            "l" | "m" => literal(self.column.kind, random),
            "i" => bracketed(self.grammar.integer(self.depth, random)),
            "n" => bracketed(self.grammar.exact(self.depth, random)),
            "d" => bracketed(self.grammar.number(self.depth, random)),
            "t" => bracketed(self.grammar.chosen_text(self.depth, random)),
            "w" => literal(Kind::Text, random),
            "j" if random.random_bool(0.7) => "t.tk = u.uk".to_owned(),
            "j" => format!("t.tk = u.uk AND {}", bracketed(self.grammar.condition(0, random))),
            "outer" => ["LEFT", "RIGHT", "FULL"][random.random_range(0..3)].to_owned(),
            "order" => ORDERS[random.random_range(0..ORDERS.len())].to_owned(),
            "compare" => COMPARISONS[random.random_range(0..COMPARISONS.len())].to_owned(),
            other => format!("(no ingredient {other})"),
        }
    }

    /// A few columns, each once.
    fn columns(&self, random: &mut StdRng) -> String {
        let mut names = vec!["tk".to_owned()];
        for _ in 0..random.random_range(0..3) {
            let Some(column) = self.grammar.any_column(random) else { break };
            if !names.contains(&column.name) {
                names.push(column.name.clone());
            }
        }
        names.join(", ")
    }

    fn key(&self, random: &mut StdRng) -> String {
        let Some(column) = self.grammar.any_column(random) else { return "tk".to_owned() };
        if random.random_bool(0.6) { column.name.clone() } else { bracketed(self.grammar.value(column, 1, random)) }
    }
}

fn bracketed(text: String) -> String {
    format!("({text})")
}
