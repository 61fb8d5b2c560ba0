//! PIVOT: its parts, the queries of the values that it has columns for, and the SELECT that it is.

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::sql::sqlparser::tokenizer::{Span, TokenWithSpan};

use super::rest_of;
use crate::dialect::pivoted::{COMPUTED, OVER_ROWS};
use crate::dialect::quoted;
use crate::dialect::tokens::{
    Tokens, bracketed, cut, deeper, error_at, is_word, name_of, parts, split_at_commas, tokens_of,
};
use crate::error::{ErrorKind, Result};

/// Columns that PIVOT makes at most.
const VALUES_MAX: usize = 1_000;

/// The parts of PIVOT.
pub(crate) struct Pivot {
    before: Tokens,
    after: Tokens,
    /// The queries that WITH names around it.
    with: Tokens,
    span: Span,
    source: Tokens,
    keys: Vec<Key>,
    aggregates: Vec<Tokens>,
    groups: Option<Tokens>,
    /// ORDER BY and LIMIT.
    rest: Tokens,
}

/// What PIVOT makes columns of.
struct Key {
    expr: Tokens,
    /// The values that the statement lists, and their names.
    listed: Option<Vec<(Tokens, String)>>,
}

/// A value that is to have a column.
pub(crate) struct Value {
    name: String,
    /// Whether the key is compared as a string: what is neither a string nor an integer has no literal that is sure to be it.
    as_string: bool,
    is_number: bool,
}

pub(super) fn pivot(first: &TokenWithSpan, rest: &[TokenWithSpan]) -> Result<Pivot> {
    let (source, [on, using, group, order, limit]) = parts(rest, ["on", "using", "group", "order", "limit"]);
    let Some(on) = on.filter(|_| !source.is_empty()) else {
        return Err(error_at(first.span, ErrorKind::Syntax, "PIVOT wants ON")
            .with_hint("write PIVOT t ON x USING sum(v) GROUP BY g"));
    };
    let keys = split_at_commas(&on).iter().map(|key| Key::of(key, first.span)).collect::<Result<_>>()?;
    let aggregates =
        using.map(|using| split_at_commas(&using)).unwrap_or_else(|| vec![tokens_of("count(*)", first.span)]);
    let groups = group.map(|group| group.into_iter().filter(|token| !is_word(token, "by")).collect());
    let rest = rest_of(order, limit, first.span);
    let (before, after, with) = Default::default();
    Ok(Pivot { before, after, with, span: first.span, source, keys, aggregates, groups, rest })
}

/// Whether it is a call and nothing else.
fn is_call(aggregate: &[TokenWithSpan]) -> bool {
    let [_, arguments @ ..] = aggregate else { return false };
    // One pair of brackets from end to end.
    let mut depth = 0;
    let closes = |token: &&TokenWithSpan| {
        depth = deeper(depth, &token.token);
        depth == 0
    };
    bracketed(arguments).is_some() && arguments.iter().filter(closes).count() == 1
}

impl Key {
    fn of(key: &[TokenWithSpan], span: Span) -> Result<Self> {
        let (expr, listed) = cut(key, "in");
        let Some(listed) = listed else { return Ok(Self { expr, listed: None }) };
        let Some(inside) = bracketed(&listed) else {
            return Err(error_at(span, ErrorKind::Syntax, "IN wants values in brackets"));
        };
        let named = split_at_commas(inside).into_iter().map(|value| {
            let (value, alias) = cut(&value, "as");
            let name = alias.as_ref().unwrap_or(&value).iter().map(name_of).collect();
            (value, name)
        });
        Ok(Self { expr, listed: Some(named.collect()) })
    }

    /// The values with their names, `found` where the statement lists none, and what they are compared with.
    fn values(&self, found: &[Value], span: Span) -> (Tokens, Vec<(Tokens, String)>) {
        if let Some(listed) = &self.listed {
            return (self.expr.clone(), listed.clone());
        }
        let mut expr = self.expr.clone();
        if found.iter().any(|value| value.as_string) {
            expr = [tokens_of("cast(", span), expr, tokens_of(" as varchar)", span)].concat();
        }
        (expr, found.iter().map(|value| (tokens_of(&value.sql(), span), value.name.clone())).collect())
    }
}

impl Pivot {
    /// In its place in a statement.
    pub(super) fn within(self, before: Tokens, after: Tokens, with: Tokens) -> Self {
        Self { before, after, with, ..self }
    }

    /// For each key whose values the statement does not list, the query of its values: each with its name.
    pub(crate) fn questions(&self) -> Vec<Option<Tokens>> {
        let question = |key: &Key| {
            let mut query = self.with.clone();
            query.extend(tokens_of("select key, cast(key as varchar) from (select distinct ", self.span));
            query.extend_from_slice(&key.expr);
            query.extend(tokens_of(" as key from ", self.span));
            query.extend_from_slice(&self.source);
            let limit = VALUES_MAX + 1;
            let end = format!(") as maar_keys where key is not null order by key limit {limit}");
            query.extend(tokens_of(&end, self.span));
            query
        };
        self.keys.iter().map(|key| key.listed.is_none().then(|| question(key))).collect()
    }

    /// The statement with a SELECT in the place of PIVOT: a column for each of the values of its keys, and for each combination
    /// of them. `values` answers [`Self::questions`].
    ///
    /// # Errors
    /// When there are no values, or too many.
    pub(crate) fn written_out(&self, values: &[Vec<Value>]) -> Result<Tokens> {
        let keys = self.keys.iter().zip(values).map(|(key, found)| key.values(found, self.span));
        let (exprs, values): (Vec<Tokens>, Vec<Vec<(Tokens, String)>>) = keys.unzip();
        let count = values.iter().fold(1usize, |count, values| count.saturating_mul(values.len()));
        if count == 0 || count > VALUES_MAX {
            let message = match count {
                0 => "PIVOT finds no value to make a column of".to_string(),
                _ => format!("PIVOT finds more than {VALUES_MAX} values to make columns of"),
            };
            return Err(
                error_at(self.span, ErrorKind::Invalid, message).with_hint("list the values: ON x IN ('a', 'b')")
            );
        }
        let mut combinations: Vec<(Vec<Tokens>, String)> = vec![(Vec::new(), String::new())];
        for values in &values {
            let longer = combinations.iter().flat_map(|(before, name)| {
                values.iter().map(move |(value, own)| {
                    let name = if before.is_empty() { own.clone() } else { format!("{name}_{own}") };
                    ([before.as_slice(), std::slice::from_ref(value)].concat(), name)
                })
            });
            combinations = longer.collect();
        }
        let select = match &self.groups {
            Some(groups) => self.grouped(groups, &exprs, &combinations)?,
            None => self.in_from(&exprs, &combinations),
        };
        Ok([self.before.as_slice(), &select, &self.rest, &self.after].concat())
    }

    /// Every column that is not used is a group: PIVOT in FROM.
    fn in_from(&self, keys: &[Tokens], combinations: &[(Vec<Tokens>, String)]) -> Tokens {
        let mut written = tokens_of("select * from ", self.span);
        written.extend_from_slice(&self.source);
        written.extend(tokens_of(" pivot (", self.span));
        let aggregates: Vec<Tokens> = self.aggregates.iter().map(|aggregate| self.as_call(aggregate)).collect();
        written.extend(self.joined(&aggregates, ","));
        written.extend(tokens_of(" for ", self.span));
        written.extend(self.tuple(keys));
        written.extend(tokens_of(" in (", self.span));
        for (place, (values, name)) in combinations.iter().enumerate() {
            written.extend(if place > 0 { tokens_of(",", self.span) } else { Vec::new() });
            written.extend(self.tuple(values));
            written.extend(tokens_of(&format!(" as {}", quoted(name)), self.span));
        }
        written.extend(tokens_of(")) ", self.span));
        written
    }

    /// What is computed of aggregates as a call, which alone the parser takes in FROM.
    fn as_call(&self, aggregate: &[TokenWithSpan]) -> Tokens {
        let (computed, alias) = cut(aggregate, "as");
        if is_call(&computed) {
            return aggregate.to_vec();
        }
        let name = alias.map(|alias| [tokens_of(" as ", self.span), alias].concat()).unwrap_or_default();
        let call = [tokens_of(&format!("{COMPUTED}("), self.span), computed, tokens_of(")", self.span)].concat();
        [call, name].concat()
    }

    /// The aggregates under the groups that the statement names, each over the rows of each combination.
    fn grouped(&self, groups: &Tokens, keys: &[Tokens], combinations: &[(Vec<Tokens>, String)]) -> Result<Tokens> {
        let mut written = tokens_of("select ", self.span);
        written.extend_from_slice(groups);
        for (values, name) in combinations {
            let tests = keys.iter().zip(values);
            let tests: Vec<Tokens> =
                tests.map(|(key, value)| [key.clone(), tokens_of(" = ", self.span), value.clone()].concat()).collect();
            let test = self.joined(&tests, " and ");
            for aggregate in &self.aggregates {
                let (call, alias) = cut(aggregate, "as");
                let name = match alias.as_deref() {
                    Some([alias]) => format!("{name}_{}", name_of(alias)),
                    Some(_) => return Err(error_at(self.span, ErrorKind::Syntax, "AS wants one name")),
                    None if self.aggregates.len() > 1 => {
                        format!("{name}_{}", call.iter().map(|token| token.token.to_string()).collect::<String>())
                    }
                    None => name.clone(),
                };
                written.extend(tokens_of(&format!(", {OVER_ROWS}("), self.span));
                written.extend(call);
                written.extend(tokens_of(", ", self.span));
                written.extend(test.clone());
                written.extend(tokens_of(&format!(") as {}", quoted(&name)), self.span));
            }
        }
        written.extend(tokens_of(" from ", self.span));
        written.extend_from_slice(&self.source);
        written.extend(tokens_of(" group by ", self.span));
        written.extend_from_slice(groups);
        Ok(written)
    }

    fn joined(&self, items: &[Tokens], by: &str) -> Tokens {
        let by = tokens_of(by, self.span);
        items.iter().map(Vec::as_slice).collect::<Vec<_>>().join(by.as_slice())
    }

    /// One item as it is, several in brackets.
    fn tuple(&self, items: &[Tokens]) -> Tokens {
        match items {
            [one] => one.clone(),
            several => {
                let list = self.joined(several, ",");
                [tokens_of("(", self.span), list, tokens_of(")", self.span)].concat()
            }
        }
    }
}

impl Value {
    /// Those of the rows that answer one of [`Pivot::questions`].
    pub(crate) fn all(batch: &RecordBatch) -> Vec<Self> {
        let data_type = batch.column(0).data_type();
        let is_number = data_type.is_integer();
        let as_string = !(is_number || data_type.is_string());
        let Ok(names) = ArrayFormatter::try_new(batch.column(1), &FormatOptions::new()) else { return Vec::new() };
        let value = |row| Self { name: names.value(row).to_string(), as_string, is_number };
        (0..batch.num_rows()).map(value).collect()
    }

    fn sql(&self) -> String {
        match self.is_number {
            true => self.name.clone(),
            false => format!("'{}'", self.name.replace('\'', "''")),
        }
    }
}
