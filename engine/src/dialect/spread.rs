//! PIVOT and UNPIVOT as statements, as in DuckDB: `PIVOT t ON x USING sum(v) GROUP BY g` and
//! `UNPIVOT t ON a, b INTO NAME n VALUE v`. They are written out as the SELECTs that they are, token by token, so that errors
//! point at what the user wrote. The values that PIVOT has columns for are asked of the table, where the statement does not
//! list them. PIVOT and UNPIVOT in FROM are in `names/pivot`.

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Word};

use super::grammar::Grammar;
use super::quoted;
use crate::error::{Error, ErrorKind, Position, Result};

/// Columns that PIVOT makes at most.
pub(crate) const VALUES_MAX: usize = 1_000;

type Tokens = Vec<TokenWithSpan>;

/// A statement that is to be written out.
pub(crate) enum Spread {
    Pivot(Pivot),
    /// Written out already.
    Unpivot(Tokens),
}

/// The parts of PIVOT.
pub(crate) struct Pivot {
    /// WITH and its queries, where there are some.
    with: Tokens,
    span: Span,
    source: Tokens,
    key: Tokens,
    /// The values that the statement lists, with their brackets.
    listed: Option<Tokens>,
    aggregates: Vec<Tokens>,
    groups: Option<Tokens>,
    /// ORDER BY and LIMIT.
    rest: Tokens,
}

/// A value that is to have a column.
pub(crate) struct Value {
    pub(crate) text: String,
    /// Whether the key is compared as a text: what is neither a text nor an integer has no literal that is sure to be it.
    pub(crate) as_text: bool,
    pub(crate) is_number: bool,
}

/// The statement, if it is one of these.
///
/// # Errors
/// [`ErrorKind::Syntax`] or [`ErrorKind::Unsupported`] for a PIVOT or UNPIVOT that cannot be written out.
pub(crate) fn spread(tokens: &[TokenWithSpan]) -> Result<Option<Spread>> {
    let begins = |token: &TokenWithSpan| is_any(token, &PIVOTS) || is_any(token, &UNPIVOTS);
    if !tokens.iter().any(begins) {
        return Ok(None);
    }
    let visible: Tokens = tokens.iter().filter(|token| !is_space(token)).cloned().collect();
    let mut depth = 0;
    let at = visible.iter().position(|token| {
        depth = deeper(depth, &token.token);
        depth == 0 && begins(token)
    });
    // The queries that WITH names may come first; PIVOT in FROM comes behind a SELECT.
    let Some(at) = at.filter(|at| *at == 0 || is_word(&visible[0], "with")) else { return Ok(None) };
    let (with, statement) = visible.split_at(at);
    let Some((first, rest)) = statement.split_first() else { return Ok(None) };
    let has_begun = ["select", "from"].iter().any(|word| cut(Some(with.to_vec()), word).1.is_some());
    if has_begun {
        return Ok(None);
    }
    Ok(Some(match is_any(first, &PIVOTS) {
        true => Spread::Pivot(Pivot { with: with.to_vec(), ..pivot(first, rest)? }),
        false => Spread::Unpivot([with.to_vec(), unpivot(first, rest)?].concat()),
    }))
}

const PIVOTS: [&str; 2] = ["pivot", "pivot_wider"];
const UNPIVOTS: [&str; 2] = ["unpivot", "pivot_longer"];

fn pivot(first: &TokenWithSpan, rest: &[TokenWithSpan]) -> Result<Pivot> {
    const USAGE: &str = "write PIVOT t ON x USING sum(v) GROUP BY g";
    let (source, [on, using, group, order, limit]) = parts(rest, ["on", "using", "group", "order", "limit"]);
    let Some(on) = on.filter(|_| !source.is_empty()) else { return Err(wrong(first, "PIVOT wants ON", USAGE)) };
    if split_at_commas(&on).len() > 1 {
        let hint = "one expression may join them: ON a || '_' || b";
        return Err(at(first, ErrorKind::Unsupported, "PIVOT over several columns is not supported").with_hint(hint));
    }
    let (key, listed) = cut(Some(on), "in");
    let aggregates = using.map(|using| split_at_commas(&using)).unwrap_or_else(|| vec![sql("count(*)", first.span)]);
    let groups = group.map(|group| group.into_iter().filter(|token| !is_word(token, "by")).collect());
    let rest = rest_of(order, limit, first.span);
    Ok(Pivot {
        with: Vec::new(),
        span: first.span,
        source,
        key: key.unwrap_or_default(),
        listed,
        aggregates,
        groups,
        rest,
    })
}

impl Pivot {
    /// Whether the statement lists its values.
    pub(crate) fn is_listed(&self) -> bool {
        self.listed.is_some()
    }

    /// The query of the values: each with its text.
    pub(crate) fn values(&self) -> Tokens {
        let mut query = self.with.clone();
        query.extend(sql("select key, cast(key as varchar) from (select distinct ", self.span));
        query.extend_from_slice(&self.key);
        query.extend(sql(" as key from ", self.span));
        query.extend_from_slice(&self.source);
        let limit = VALUES_MAX + 1;
        query.extend(sql(&format!(") as maar_keys where key is not null order by key limit {limit}"), self.span));
        query
    }

    /// The SELECT, with a column for each of `values`, or of those that the statement lists.
    ///
    /// # Errors
    /// When there are no values, or too many.
    pub(crate) fn written_out(&self, values: &[Value]) -> Result<Tokens> {
        if self.listed.is_none() && (values.is_empty() || values.len() > VALUES_MAX) {
            let message = match values.len() {
                0 => "PIVOT finds no value to make a column of".to_string(),
                _ => format!("PIVOT finds more than {VALUES_MAX} values to make columns of"),
            };
            return Err(Error::new(ErrorKind::Invalid, message)
                .or_at(position(self.span))
                .with_hint("list the values: ON x IN ('a', 'b')"));
        }
        let select = match &self.groups {
            Some(groups) => self.grouped(groups, values)?,
            None => self.in_from(values),
        };
        Ok([self.with.as_slice(), &select, &self.rest].concat())
    }

    /// Every column that is not used is a group: PIVOT in FROM.
    fn in_from(&self, values: &[Value]) -> Tokens {
        let mut written = sql("select * from ", self.span);
        written.extend_from_slice(&self.source);
        written.extend(sql(" pivot (", self.span));
        for (place, aggregate) in self.aggregates.iter().enumerate() {
            written.extend(if place > 0 { sql(",", self.span) } else { Vec::new() });
            written.extend_from_slice(aggregate);
        }
        written.extend(sql(" for ", self.span));
        written.extend(self.key_of(values));
        written.extend(sql(" in ", self.span));
        written.extend(self.listed.clone().unwrap_or_else(|| {
            let list: Vec<String> =
                values.iter().map(|value| format!("{} as {}", value.sql(), quoted(&value.text))).collect();
            sql(&format!("({})", list.join(", ")), self.span)
        }));
        written.extend(sql(") ", self.span));
        written
    }

    /// The aggregates under the groups that the statement names, each with a FILTER for each value.
    fn grouped(&self, groups: &Tokens, values: &[Value]) -> Result<Tokens> {
        let mut written = sql("select ", self.span);
        written.extend_from_slice(groups);
        for (value, name) in self.values_and_names(values)? {
            for aggregate in &self.aggregates {
                let (call, alias) = cut(Some(aggregate.clone()), "as");
                let call = call.unwrap_or_default();
                let name = match alias.as_deref() {
                    Some([alias]) => format!("{name}_{}", text_of(alias)),
                    Some(_) => return Err(at_span(self.span, ErrorKind::Syntax, "AS wants one name")),
                    None if self.aggregates.len() > 1 => {
                        format!("{name}_{}", call.iter().map(|token| token.token.to_string()).collect::<String>())
                    }
                    None => name.clone(),
                };
                written.extend(sql(", ", self.span));
                written.extend(call);
                written.extend(sql(" filter (where ", self.span));
                written.extend(self.key_of(values));
                written.extend(sql(" = ", self.span));
                written.extend(value.clone());
                written.extend(sql(&format!(") as {}", quoted(&name)), self.span));
            }
        }
        written.extend(sql(" from ", self.span));
        written.extend_from_slice(&self.source);
        written.extend(sql(" group by ", self.span));
        written.extend_from_slice(groups);
        Ok(written)
    }

    /// What the values are compared with.
    fn key_of(&self, values: &[Value]) -> Tokens {
        let mut key = self.key.clone();
        if self.listed.is_none() && values.iter().any(|value| value.as_text) {
            key = [sql("cast(", self.span), key, sql(" as varchar)", self.span)].concat();
        }
        key
    }

    fn values_and_names(&self, values: &[Value]) -> Result<Vec<(Tokens, String)>> {
        let Some(listed) = &self.listed else {
            return Ok(values.iter().map(|value| (sql(&value.sql(), self.span), value.text.clone())).collect());
        };
        let [open, inside @ .., close] = listed.as_slice() else {
            return Err(at_span(self.span, ErrorKind::Syntax, "IN wants values in brackets"));
        };
        if open.token != Token::LParen || close.token != Token::RParen {
            return Err(at_span(self.span, ErrorKind::Syntax, "IN wants values in brackets"));
        }
        let named = split_at_commas(inside).into_iter().map(|value| {
            let (value, alias) = cut(Some(value), "as");
            let value = value.unwrap_or_default();
            let name = alias.as_ref().unwrap_or(&value).iter().map(text_of).collect();
            (value, name)
        });
        Ok(named.collect())
    }
}

impl Value {
    /// Those of the rows of [`Pivot::values`].
    pub(crate) fn all(batch: &RecordBatch) -> Vec<Self> {
        let data_type = batch.column(0).data_type();
        let is_number = data_type.is_integer();
        let as_text = !(is_number || data_type.is_string());
        let texts = ArrayFormatter::try_new(batch.column(1), &FormatOptions::new());
        let Ok(texts) = texts else { return Vec::new() };
        (0..batch.num_rows()).map(|row| Self { text: texts.value(row).to_string(), as_text, is_number }).collect()
    }

    fn sql(&self) -> String {
        match self.is_number {
            true => self.text.clone(),
            false => format!("'{}'", self.text.replace('\'', "''")),
        }
    }
}

fn unpivot(first: &TokenWithSpan, rest: &[TokenWithSpan]) -> Result<Tokens> {
    const USAGE: &str = "write UNPIVOT t ON a, b INTO NAME n VALUE v";
    let (source, [on, into, order, limit]) = parts(rest, ["on", "into", "order", "limit"]);
    let Some(columns) = on.filter(|_| !source.is_empty()) else { return Err(wrong(first, "UNPIVOT wants ON", USAGE)) };
    if columns.iter().any(|token| token.token == Token::Mul || is_word(token, "columns")) {
        let hint = "name the columns, one by one";
        return Err(at(first, ErrorKind::Unsupported, "UNPIVOT ON of a star is not supported").with_hint(hint));
    }
    let (name, value) = match into.as_deref() {
        None => (sql("name", first.span), sql("value", first.span)),
        Some([label, name, values, value]) if is_word(label, "name") && is_word(values, "value") => {
            (vec![name.clone()], vec![value.clone()])
        }
        Some(_) => return Err(wrong(first, "INTO wants NAME and VALUE, a column each", USAGE)),
    };
    let mut written = sql("select * from ", first.span);
    written.extend(source);
    written.extend(sql(" unpivot (", first.span));
    written.extend(value);
    written.extend(sql(" for ", first.span));
    written.extend(name);
    written.extend(sql(" in (", first.span));
    written.extend(columns);
    written.extend(sql(")) ", first.span));
    written.extend(rest_of(order, limit, first.span));
    Ok(written)
}

/// ORDER BY and LIMIT again.
fn rest_of(order: Option<Tokens>, limit: Option<Tokens>, span: Span) -> Tokens {
    let again = |word: &str, behind: Option<Tokens>| behind.map(|behind| [sql(word, span), behind].concat());
    [again("order ", order), again("limit ", limit)].into_iter().flatten().flatten().collect()
}

/// What is before the first of `words`, and behind each of them up to the next; brackets are passed over.
fn parts<const N: usize>(tokens: &[TokenWithSpan], words: [&str; N]) -> (Tokens, [Option<Tokens>; N]) {
    let (mut source, mut behind) = (Vec::new(), [const { None }; N]);
    let (mut depth, mut part, mut next) = (0usize, None, 0);
    for token in tokens {
        depth = deeper(depth, &token.token);
        if depth == 0
            && let Some(found) = (next..N).find(|word| is_word(token, words[*word]))
        {
            (part, next) = (Some(found), found + 1);
            behind[found] = Some(Vec::new());
            continue;
        }
        match part.and_then(|part: usize| behind[part].as_mut()) {
            Some(tokens) => Tokens::push(tokens, token.clone()),
            None => source.push(token.clone()),
        }
    }
    (source, behind)
}

/// `tokens` before and behind the first `word` outside of brackets.
fn cut(tokens: Option<Tokens>, word: &str) -> (Option<Tokens>, Option<Tokens>) {
    let Some(mut tokens) = tokens else { return (None, None) };
    let mut depth = 0;
    let at = tokens.iter().position(|token| {
        depth = deeper(depth, &token.token);
        depth == 0 && is_word(token, word)
    });
    let behind = at.map(|at| {
        let behind = tokens.split_off(at);
        behind[1..].to_vec()
    });
    (Some(tokens), behind)
}

fn split_at_commas(tokens: &[TokenWithSpan]) -> Vec<Tokens> {
    let (mut items, mut depth) = (vec![Vec::new()], 0);
    for token in tokens {
        depth = deeper(depth, &token.token);
        match (depth, &token.token, items.last_mut()) {
            (0, Token::Comma, _) => items.push(Vec::new()),
            (_, _, Some(item)) => item.push(token.clone()),
            _ => {}
        }
    }
    items
}

fn deeper(depth: usize, token: &Token) -> usize {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => depth + 1,
        Token::RParen | Token::RBracket | Token::RBrace => depth.saturating_sub(1),
        _ => depth,
    }
}

fn is_space(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_) | Token::EOF | Token::SemiColon)
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(word))
}

fn is_any(token: &TokenWithSpan, words: &[&str]) -> bool {
    words.iter().any(|word| is_word(token, word))
}

/// A token as a name: strings and quoted words without their quotes.
fn text_of(token: &TokenWithSpan) -> String {
    match &token.token {
        Token::SingleQuotedString(text) => text.clone(),
        Token::Word(word) => word.value.clone(),
        other => other.to_string(),
    }
}

/// The tokens of `text`, all at the place of what they stand for.
fn sql(text: &str, span: Span) -> Tokens {
    let tokens = Tokenizer::new(&Grammar, text).tokenize().unwrap_or_default();
    tokens.into_iter().map(|token| TokenWithSpan { token, span }).collect()
}

fn wrong(first: &TokenWithSpan, message: &str, usage: &str) -> Error {
    at(first, ErrorKind::Syntax, message).with_hint(usage)
}

fn at(first: &TokenWithSpan, kind: ErrorKind, message: &str) -> Error {
    at_span(first.span, kind, message)
}

fn at_span(span: Span, kind: ErrorKind, message: &str) -> Error {
    Error::new(kind, message).or_at(position(span))
}

fn position(span: Span) -> Option<Position> {
    let start = span.start;
    (start.line > 0).then_some(Position { line: start.line as usize, column: start.column as usize })
}
