//! The grammar of queries: projections and aggregates, with and without groups, over one table or a join.

use std::fmt;

use rand::Rng;
use rand::rngs::StdRng;

use crate::expression::Grammar;
use crate::table::{Kind, Tables};

/// One SELECT, in its parts.
#[derive(Clone)]
pub(crate) struct Query {
    select: Vec<String>,
    from: String,
    filter: Option<String>,
    groups: Vec<String>,
    having: Option<String>,
    limit: Option<usize>,
}

impl Query {
    pub(crate) fn random(tables: &Tables, random: &mut StdRng) -> Self {
        let [large, small] = &tables.tables;
        let (from, joined) = match random.random_range(0..6) {
            0..=2 => ("t".to_owned(), vec![large]),
            3 | 4 => ("t JOIN u ON t.tk = u.uk".to_owned(), vec![large, small]),
            _ => {
                let kind = ["LEFT", "RIGHT", "FULL"][random.random_range(0..3)];
                (format!("t {kind} JOIN u ON t.tk = u.uk"), vec![large, small])
            }
        };
        let grammar = Grammar { tables: joined };
        let filter = random.random_bool(0.7).then(|| grammar.condition(3, random));
        if random.random_bool(0.4) {
            projection(&grammar, from, filter, random)
        } else {
            aggregation(&grammar, from, filter, random)
        }
    }

    /// The same query with one part less, for each part: what a failure is made small with.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut push = |query: Self| all.push(query);
        for (part, is_there) in [(0, self.filter.is_some()), (1, self.having.is_some()), (2, self.limit.is_some())] {
            let mut query = self.clone();
            match part {
                0 => query.filter = None,
                1 => query.having = None,
                _ => query.limit = None,
            }
            if is_there {
                push(query);
            }
        }
        // The group keys come first among the columns.
        for index in 0..self.select.len() {
            let mut query = self.clone();
            query.select.remove(index);
            if index < query.groups.len() {
                query.groups.remove(index);
            }
            if !query.select.is_empty() {
                push(query);
            }
        }
        all
    }

    /// Whether ORDER BY covers every column of the output.
    pub(crate) fn is_ordered(&self) -> bool {
        self.limit.is_some()
    }
}

fn projection(grammar: &Grammar<'_>, from: String, filter: Option<String>, random: &mut StdRng) -> Query {
    let count = random.random_range(1..5);
    let select = (0..count).map(|_| match random.random_range(0..5) {
        0 => grammar.condition(2, random),
        1 | 2 => grammar.any_column(random).map_or_else(|| "1".to_owned(), |column| column.name.clone()),
        _ => grammar.number(2, random),
    });
    let select = select.collect();
    let limit = random.random_bool(0.4).then(|| [0, 1, 10, 1000][random.random_range(0..4)]);
    Query { select, from, filter, groups: Vec::new(), having: None, limit }
}

fn aggregation(grammar: &Grammar<'_>, from: String, filter: Option<String>, random: &mut StdRng) -> Query {
    let mut groups: Vec<String> = Vec::new();
    for _ in 0..random.random_range(0..4) {
        let key = match grammar.any_column(random) {
            // Equal floats may come from different sums: as keys they are stored values only, and these are.
            Some(column) if random.random_bool(0.8) || column.kind != Kind::Integer => column.name.clone(),
            Some(column) => format!("(CAST({} AS BIGINT) % 5)", column.name),
            None => continue,
        };
        if !groups.contains(&key) {
            groups.push(key);
        }
    }
    let mut select = groups.clone();
    select.extend((0..random.random_range(1..5)).map(|_| aggregate(grammar, random)));
    let having =
        (!groups.is_empty() && random.random_ratio(1, 5)).then(|| format!("count(*) > {}", random.random_range(0..20)));
    Query { select, from, filter, groups, having, limit: None }
}

fn aggregate(grammar: &Grammar<'_>, random: &mut StdRng) -> String {
    let number = grammar.number(1, random);
    let column = grammar.any_column(random).map_or_else(|| "1".to_owned(), |column| column.name.clone());
    let text = match random.random_range(0..9) {
        0 => "count(*)".to_owned(),
        1 => format!("count({column})"),
        2 => format!("min({column})"),
        3 => format!("max({column})"),
        4 | 5 => format!("sum({number})"),
        6 => format!("avg({number})"),
        7 => format!("count(DISTINCT {column})"),
        _ => format!("sum(CASE WHEN {} THEN 1 ELSE 0 END)", grammar.condition(1, random)),
    };
    if random.random_ratio(1, 10) { format!("{text} FILTER (WHERE {})", grammar.condition(1, random)) } else { text }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<String> = self.select.iter().enumerate().map(|(i, text)| format!("{text} AS c{i}")).collect();
        write!(f, "SELECT {} FROM {}", named.join(", "), self.from)?;
        if let Some(filter) = &self.filter {
            write!(f, " WHERE {filter}")?;
        }
        if !self.groups.is_empty() {
            write!(f, " GROUP BY {}", self.groups.join(", "))?;
        }
        if let Some(having) = &self.having {
            write!(f, " HAVING {having}")?;
        }
        if let Some(limit) = self.limit {
            let order: Vec<String> = (1..=self.select.len()).map(|position| position.to_string()).collect();
            write!(f, " ORDER BY {} LIMIT {limit}", order.join(", "))?;
        }
        Ok(())
    }
}
