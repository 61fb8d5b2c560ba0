//! The grammar of queries: projections, some with window functions, and aggregates, with and without groups, over one table or a join.

use std::fmt;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use maar_tests::random::{Column, Grammar, Table, Tables};

use crate::window;

/// One SELECT, in its parts.
#[derive(Clone)]
pub(crate) struct Query {
    select: Vec<String>,
    from: String,
    filter: Option<String>,
    groups: Vec<String>,
    sets: Sets,
    having: Option<String>,
    limit: Option<Limit>,
    distinct: bool,
}

/// By which of its keys a query groups.
#[derive(Clone, Copy)]
enum Sets {
    All,
    Rollup,
    Cube,
    /// By each of them alone, twice by the first, and by none.
    Each,
}

/// ORDER BY every column, and how many rows of that.
#[derive(Clone, Copy)]
struct Limit {
    rows: usize,
    skip: usize,
    descending: bool,
}

impl Query {
    pub(crate) fn random(tables: &Tables, random: &mut StdRng) -> Self {
        let [large, small, other] = &tables.tables;
        let both = Grammar::host(vec![large, small]);
        let mut exists = None;
        let pairs = pairs_of(large, small);
        let united = large.with_columns(pairs.iter().map(|(left, _)| (*left).clone()).collect());
        let (from, joined) = match random.random_range(0..20) {
            0..=3 => ("t".to_owned(), vec![large]),
            4 | 5 => ("t JOIN u ON t.tk = u.uk".to_owned(), vec![large, small]),
            6 => (format!("t JOIN u ON t.tk = u.uk AND {}", both.comparison(random)), vec![large, small]),
            7 => ("t JOIN u ON t.tk = u.uk JOIN v ON t.tk = v.vk".to_owned(), vec![large, small, other]),
            8 => (second_key(large, small, random), vec![large, small]),
            9 | 10 => {
                let kind = ["LEFT", "RIGHT", "FULL"][random.random_range(0..3)];
                let besides =
                    if random.random_bool(0.5) { format!(" AND {}", both.comparison(random)) } else { String::new() };
                (format!("t {kind} JOIN u ON t.tk = u.uk{besides}"), vec![large, small])
            }
            11 => nulls_equal(large, small, random),
            12 | 13 => without_keys(small, other, random),
            14 => {
                exists = Some(exists_in(small, &both, random));
                ("t".to_owned(), vec![large])
            }
            15 => (twice(large, random), vec![large]),
            16 => (full_joins(random), vec![large, small, other]),
            17 if !pairs.is_empty() => (union_of(&pairs, random), vec![&united]),
            _ => {
                let kind = ["SEMI", "ANTI"][random.random_range(0..2)];
                let besides =
                    if random.random_bool(0.5) { format!(" AND {}", both.comparison(random)) } else { String::new() };
                match random.random_bool(0.5) {
                    true => (format!("t LEFT {kind} JOIN u ON t.tk = u.uk{besides}"), vec![large]),
                    false => (format!("t RIGHT {kind} JOIN u ON t.tk = u.uk{besides}"), vec![small]),
                }
            }
        };
        let grammar = Grammar::host(joined.clone());
        let filter = random.random_bool(0.7).then(|| grammar.condition(3, random));
        let filter = match (filter, exists) {
            // Beside another condition it is a mark; alone it is a semi join.
            (Some(filter), Some(exists)) => Some(format!("({filter}) OR {exists}")),
            (filter, exists) => filter.or(exists),
        };
        if random.random_bool(0.4) {
            projection(&grammar, &joined, from, filter, random)
        } else {
            aggregation(&grammar, from, filter, random)
        }
    }

    /// The same query with one part less, for each part: what a failure is made small with.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut push = |query: Self| all.push(query);
        let parts = [self.filter.is_some(), self.having.is_some(), self.limit.is_some(), self.distinct];
        for (part, is_there) in parts.into_iter().enumerate() {
            let mut query = self.clone();
            match part {
                0 => query.filter = None,
                1 => query.having = None,
                2 => query.limit = None,
                _ => query.distinct = false,
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

fn projection(
    grammar: &Grammar<'_>,
    tables: &[&Table],
    from: String,
    filter: Option<String>,
    random: &mut StdRng,
) -> Query {
    let count = random.random_range(1..5);
    let windows = if random.random_ratio(1, 3) { random.random_range(1..3) } else { 0 };
    let mut select = Vec::new();
    let mut is_counted = false;
    for _ in 0..windows {
        let (call, counts_rows) = window::call(grammar, tables, random);
        if !(counts_rows && is_counted) {
            select.push(call);
        }
        is_counted |= counts_rows;
    }
    let columns = (0..count).map(|_| match random.random_range(0..5) {
        0 if random.random_bool(0.3) => grammar.chosen_text(2, random),
        0 => grammar.condition(2, random),
        1 | 2 => grammar.any_column(random).map_or_else(|| "1".to_owned(), |column| column.name.clone()),
        _ => grammar.number(2, random),
    });
    select.extend(columns);
    let limit = random.random_bool(0.4).then(|| limit(random));
    Query {
        select,
        from,
        filter,
        groups: Vec::new(),
        sets: Sets::All,
        having: None,
        limit,
        distinct: random.random_ratio(1, 8),
    }
}

fn limit(random: &mut StdRng) -> Limit {
    Limit {
        rows: [0, 1, 10, 1000][random.random_range(0..4)],
        skip: [0, 0, 0, 1, 33, 500][random.random_range(0..6)],
        descending: random.random_bool(0.3),
    }
}

/// Joins on two columns, of which the second may be anything that both have.
fn second_key(large: &Table, small: &Table, random: &mut StdRng) -> String {
    let on = "t JOIN u ON t.tk = u.uk";
    match all_pairs(large, small).choose(random) {
        Some((left, right)) => format!("{on} AND {} = {}", left.name, right.name),
        None => on.to_owned(),
    }
}

fn all_pairs<'a>(large: &'a Table, small: &'a Table) -> Vec<(&'a Column, &'a Column)> {
    let of_kind = |left: &'a Column| small.of_kind(left.kind).into_iter().map(move |right| (left, right));
    large.columns.iter().flat_map(of_kind).collect()
}

/// Columns of `t`, each with one of `u` that has the same meaning.
fn pairs_of<'a>(large: &'a Table, small: &'a Table) -> Vec<(&'a Column, &'a Column)> {
    let mut pairs = all_pairs(large, small);
    pairs.dedup_by_key(|(left, _)| &left.name);
    pairs
}

/// Some rows of `t`, and some of them again.
fn twice(large: &Table, random: &mut StdRng) -> String {
    let grammar = Grammar::host(vec![large]);
    let mut some = || format!("SELECT * FROM t WHERE {}", grammar.condition(1, random));
    format!("({} UNION ALL {}) AS t", some(), some())
}

/// Rows of `t` and `u`, as far as they have columns in common.
fn union_of(pairs: &[(&Column, &Column)], random: &mut StdRng) -> String {
    let left: Vec<&str> = pairs.iter().map(|(left, _)| left.name.as_str()).collect();
    let right: Vec<String> = pairs.iter().map(|(left, right)| format!("{} AS {}", right.name, left.name)).collect();
    let large = format!("SELECT {} FROM t WHERE tk IS NOT NULL", left.join(", "));
    let small = format!("SELECT {} FROM u WHERE uk > 3", right.join(", "));
    let all = if random.random_ratio(1, 6) { "" } else { " ALL" };
    format!("({large} UNION{all} {small}) AS t")
}

/// Joins that keep rows of `t`, on keys whose NULLs are equal.
fn nulls_equal<'a>(large: &'a Table, small: &'a Table, random: &mut StdRng) -> (String, Vec<&'a Table>) {
    let (kind, joined) = match random.random_range(0..3) {
        0 => ("FULL", vec![large, small]),
        1 => ("LEFT SEMI", vec![large]),
        _ => ("LEFT ANTI", vec![large]),
    };
    (format!("t {kind} JOIN u ON t.tk IS NOT DISTINCT FROM u.uk"), joined)
}

/// A full join with another join above it or on either side.
fn full_joins(random: &mut StdRng) -> String {
    let kind = ["FULL", "FULL", "LEFT", "INNER"][random.random_range(0..4)];
    match random.random_range(0..3) {
        0 => format!("t FULL JOIN u ON t.tk = u.uk {kind} JOIN v ON t.tk = v.vk"),
        1 => format!("u FULL JOIN v ON u.uk = v.vk {kind} JOIN t ON coalesce(u.uk, v.vk) = t.tk"),
        _ => format!("t {kind} JOIN (u FULL JOIN v ON u.uk = v.vk) ON t.tk = u.uk"),
    }
}

/// Joins of the small tables on no equality, or on nothing.
fn without_keys<'a>(small: &'a Table, other: &'a Table, random: &mut StdRng) -> (String, Vec<&'a Table>) {
    let condition = Grammar::host(vec![small, other]).comparison(random);
    let (kind, joined) = match random.random_range(0..9) {
        0 => return ("u CROSS JOIN v".to_owned(), vec![small, other]),
        8 => ("FULL", vec![small, other]),
        1 | 2 => ("INNER", vec![small, other]),
        3 => ("LEFT", vec![small, other]),
        4 => ("RIGHT", vec![small, other]),
        5 => ("LEFT SEMI", vec![small]),
        6 => ("LEFT ANTI", vec![small]),
        _ => ("RIGHT ANTI", vec![other]),
    };
    (format!("u {kind} JOIN v ON {condition}"), joined)
}

/// Whether `u` has a row for one of `t`.
fn exists_in(small: &Table, both: &Grammar<'_>, random: &mut StdRng) -> String {
    let not = if random.random_bool(0.3) { "NOT " } else { "" };
    let condition = match random.random_range(0..3) {
        0 => format!(" AND {}", both.comparison(random)),
        1 => format!(" AND {}", Grammar::host(vec![small]).comparison(random)),
        _ => String::new(),
    };
    format!("{not}EXISTS (SELECT 1 FROM u WHERE t.tk = u.uk{condition})")
}

fn aggregation(grammar: &Grammar<'_>, from: String, filter: Option<String>, random: &mut StdRng) -> Query {
    let mut groups: Vec<String> = Vec::new();
    let most = if random.random_ratio(1, 6) { 9 } else { 4 };
    for _ in 0..random.random_range(0..most) {
        let key = match grammar.any_column(random) {
            // Equal floats may come from different sums: as keys they are stored values only, and these are.
            Some(column) if random.random_bool(0.7) => column.name.clone(),
            Some(column) => grammar.key(column, random),
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
    let sets = match random.random_range(0..20) {
        0 => Sets::Rollup,
        1 if groups.len() < 4 => Sets::Cube,
        2 => Sets::Each,
        _ => Sets::All,
    };
    Query { select, from, filter, groups, sets, having, limit: None, distinct: false }
}

fn aggregate(grammar: &Grammar<'_>, random: &mut StdRng) -> String {
    let number = grammar.number(1, random);
    let column = grammar.any_column(random).map_or_else(|| "1".to_owned(), |column| column.name.clone());
    let text = match random.random_range(0..10) {
        0 => "count(*)".to_owned(),
        1 => format!("count({column})"),
        2 => format!("min({column})"),
        3 => format!("max({column})"),
        4 | 5 => format!("sum({number})"),
        6 => format!("avg({number})"),
        9 => {
            let function = ["stddev", "stddev_pop", "var_samp", "var_pop"][random.random_range(0..4)];
            format!("{function}({})", grammar.integer(1, random))
        }
        7 if random.random_bool(0.6) => match random.random_range(0..4) {
            0 => format!("sum(DISTINCT {})", grammar.integer(1, random)),
            1 => format!("avg(DISTINCT {})", grammar.integer(1, random)),
            _ => format!("count(DISTINCT {column})"),
        },
        7 => format!("{}({})", ["min", "max", "count"][random.random_range(0..3)], grammar.chosen_text(2, random)),
        _ => format!("sum(CASE WHEN {} THEN 1 ELSE 0 END)", grammar.condition(1, random)),
    };
    let is_variance = text.starts_with("stddev") || text.starts_with("var");
    let text = if random.random_ratio(1, 10) {
        format!("{text} FILTER (WHERE {})", grammar.condition(1, random))
    } else {
        text
    };
    // Of equal values the host, which adds up floats, may find a tiny variance in place of none.
    if is_variance { format!("round({text}, 8)") } else { text }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<String> = self.select.iter().enumerate().map(|(i, text)| format!("{text} AS c{i}")).collect();
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        write!(f, "SELECT {distinct}{} FROM {}", named.join(", "), self.from)?;
        if let Some(filter) = &self.filter {
            write!(f, " WHERE {filter}")?;
        }
        if !self.groups.is_empty() {
            let keys = self.groups.join(", ");
            match self.sets {
                Sets::All => write!(f, " GROUP BY {keys}")?,
                Sets::Rollup => write!(f, " GROUP BY ROLLUP ({keys})")?,
                Sets::Cube => write!(f, " GROUP BY CUBE ({keys})")?,
                Sets::Each => {
                    let alone: Vec<String> = self.groups.iter().map(|key| format!("({key})")).collect();
                    write!(f, " GROUP BY GROUPING SETS (({}), {}, ())", self.groups[0], alone.join(", "))?;
                }
            }
        }
        if let Some(having) = &self.having {
            write!(f, " HAVING {having}")?;
        }
        if let Some(limit) = self.limit {
            let direction = if limit.descending { " DESC NULLS LAST" } else { "" };
            let order: Vec<String> = (1..=self.select.len()).map(|at| format!("{at}{direction}")).collect();
            write!(f, " ORDER BY {} LIMIT {}", order.join(", "), limit.rows)?;
            if limit.skip > 0 {
                write!(f, " OFFSET {}", limit.skip)?;
            }
        }
        Ok(())
    }
}
