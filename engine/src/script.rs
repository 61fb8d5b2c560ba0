//! Splits a script into statements without parsing them, keeping each token's place, so that `a; b; c` runs
//! `a` and `b` before a mistake in `c` is reported, and every error's line and column are the script's.

use datafusion::error::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement as SqlStatement};
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, TokenizerError};

use crate::depth::check_depth;
use crate::dialect::{Grammar, comprehended, in_our_words, respelled, summarized, with_selects};
use crate::error::{Error, ErrorKind, Position, Result, with_keyword};
use crate::placeholders::numbered;

/// Brackets, calls and subqueries inside each other. Each costs the parser a few stack frames.
const NESTING_MAX: usize = 128;

/// One statement of a script: not yet parsed.
#[derive(Debug, Clone)]
pub struct Statement {
    tokens: Vec<TokenWithSpan>,
    position: Position,
    sql: String,
}

impl Statement {
    /// Where the statement begins in its script.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The statement itself, from its first to its last token, without the semicolon.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Whether it asks for a summary of the query that [`Self::parse`] gives.
    pub(crate) fn is_summary(&self) -> bool {
        summarized(&self.tokens).is_some()
    }

    /// The same statement in other words.
    pub(crate) fn written_out(&self, tokens: Vec<TokenWithSpan>) -> Self {
        Self { tokens, position: self.position, sql: self.sql.clone() }
    }

    pub(crate) fn tokens(&self) -> &[TokenWithSpan] {
        &self.tokens
    }

    /// Refuses a statement that is too deep for whatever reads it recursively. [`Self::parse`] does so itself.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], with a position in the script.
    pub fn check_depth(&self) -> Result<()> {
        check_depth(&self.tokens)
    }

    /// Parses the statement.
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`], with a position in the script.
    pub(crate) fn parse(&self) -> Result<SqlStatement> {
        self.check_depth()?;
        let copied = in_our_words(&self.tokens)?;
        let tokens = copied.or_else(|| summarized(&self.tokens)).unwrap_or_else(|| self.tokens.clone());
        let mut parser = DFParserBuilder::new(with_selects(comprehended(respelled(tokens))))
            .with_dialect(&Grammar)
            .with_recursion_limit(NESTING_MAX)
            .build()?;
        let end = end_of(&self.tokens);
        let parsed = parser.parse_statements().map_err(|e| with_keyword(Error::from(e).or_at(end), &self.tokens))?;
        let mut parsed = parsed.into_iter();
        match (parsed.next(), parsed.next()) {
            (Some(statement), None) => Ok(statement),
            _ => Err(Error::new(ErrorKind::Internal, "a statement was split wrongly")),
        }
    }
}

/// The statements of `script`, in order; empty ones are left out.
///
/// # Errors
/// [`ErrorKind::Syntax`] when the string cannot be cut into tokens: an unclosed quote or comment.
pub fn split(script: &str) -> Result<Vec<Statement>> {
    Script::new(script).collect()
}

/// Bytes looked at first for a semicolon; twice as many each time there is none.
const WINDOW_BYTES: usize = 256;

/// A script that is cut while it runs: an iterator over its statements, empty ones left out. It ends behind a place that
/// cannot be cut into tokens (an unclosed quote or comment), with [`ErrorKind::Syntax`].
///
/// The lines of another language between statements are for the caller to see and to step over: [`Self::start`],
/// [`Self::resume`].
#[derive(Debug)]
pub struct Script<'a> {
    script: &'a str,
    /// The first byte that is not cut yet, and its place.
    at: usize,
    place: Position,
    /// What was cut off and not asked for yet.
    next: Option<Piece>,
}

/// A statement with what precedes it and the semicolon behind it.
#[derive(Debug)]
struct Piece {
    statement: Result<Statement>,
    /// Where the statement begins.
    start: usize,
    /// Behind the semicolon.
    end: usize,
    end_place: Position,
}

impl<'a> Script<'a> {
    /// Nothing is cut off yet.
    pub fn new(script: &'a str) -> Self {
        Self { script, at: 0, place: Position { line: 1, column: 1 }, next: None }
    }

    /// The byte at which the next statement begins; `None` where nothing but blanks and comments is left.
    pub fn start(&mut self) -> Option<usize> {
        if self.next.is_none() {
            self.next = self.cut();
        }
        self.next.as_ref().map(|piece| piece.start)
    }

    /// Goes on at a byte at or behind [`Self::start`], whatever stands before it.
    pub fn resume(&mut self, at: usize) {
        self.next = None;
        for character in self.script.get(self.at..at).unwrap_or_default().chars() {
            self.place = match character {
                '\n' => Position { line: self.place.line + 1, column: 1 },
                _ => Position { column: self.place.column + 1, ..self.place },
            };
        }
        self.at = at;
    }

    /// The next piece that has a statement or cannot be cut.
    fn cut(&mut self) -> Option<Piece> {
        while self.at < self.script.len() {
            let (window, tokens, broken) = self.tokens();
            let lines = LineStarts::new(window);
            let offset = |at: Location| self.at + lines.offset(window, at.line, at.column);
            let semicolon = tokens.last().filter(|token| token.token == Token::SemiColon);
            let end = semicolon.map_or(self.script.len(), |token| offset(token.span.end));
            let end_place = semicolon.map_or(self.place, |token| self.placed(token.span.end));
            let own = &tokens[..tokens.len() - usize::from(semicolon.is_some())];
            let first = own.iter().find(|token| is_visible(token));
            let last = own.iter().rev().find(|token| is_visible(token));
            let start = first.map(|token| offset(token.span.start));
            let piece = |statement, start| Piece { statement, start, end, end_place };
            match (broken, start, last) {
                (Some(error), start, _) => {
                    let behind = own.last().map_or(self.at, |token| offset(token.span.end));
                    return Some(piece(Err(error), start.unwrap_or(behind)));
                }
                (None, Some(start), Some(last)) => {
                    let sql = self.script.get(start..offset(last.span.end)).unwrap_or_default().to_string();
                    let tokens: Vec<TokenWithSpan> = own.iter().map(|token| self.moved(token)).collect();
                    let position = tokens.iter().find(|token| is_visible(token)).map_or(self.place, position);
                    let statement = numbered(tokens).map(|tokens| Statement { tokens, position, sql });
                    return Some(piece(statement, start));
                }
                _ => (self.at, self.place) = (end, end_place),
            }
        }
        None
    }

    /// The part of the script that was looked at, its tokens up to and with the next semicolon, placed as if the script began here,
    /// and what is wrong behind them.
    ///
    /// What ends before a semicolon is a token whatever follows, so a part of the script is enough that has one. Parts
    /// that double make the work grow with the script's length and not with its square.
    fn tokens(&self) -> (&'a str, Vec<TokenWithSpan>, Option<Error>) {
        let rest = &self.script[self.at..];
        let mut bytes = WINDOW_BYTES;
        loop {
            let window = beginning(rest, bytes);
            let mut tokens = Vec::new();
            let outcome = Tokenizer::new(&Grammar, window).tokenize_with_location_into_buf(&mut tokens);
            if let Some(semicolon) = tokens.iter().position(|token| token.token == Token::SemiColon) {
                tokens.truncate(semicolon + 1);
                return (window, tokens, None);
            }
            if window.len() == rest.len() {
                return (window, tokens, outcome.err().map(|error| self.broken(error)));
            }
            bytes *= 2;
        }
    }

    fn broken(&self, error: TokenizerError) -> Error {
        let place = self.placed(error.location);
        let location = Location { line: place.line as u64, column: place.column as u64 };
        DataFusionError::from(ParserError::from(TokenizerError { location, ..error })).into()
    }

    /// Where in the script something is that is at `at` in what is left of it.
    fn placed(&self, at: Location) -> Position {
        let (line, column) = (at.line as usize, at.column as usize);
        let before = if line == 1 { self.place.column - 1 } else { 0 };
        Position { line: self.place.line + line - 1, column: before + column }
    }

    fn moved(&self, token: &TokenWithSpan) -> TokenWithSpan {
        let moved = |at: Location| {
            let place = self.placed(at);
            Location { line: place.line as u64, column: place.column as u64 }
        };
        let span = Span { start: moved(token.span.start), end: moved(token.span.end) };
        TokenWithSpan { token: token.token.clone(), span }
    }
}

impl Iterator for Script<'_> {
    type Item = Result<Statement>;

    fn next(&mut self) -> Option<Self::Item> {
        self.start()?;
        let piece = self.next.take()?;
        (self.at, self.place) = (piece.end, piece.end_place);
        Some(piece.statement)
    }
}

/// At most so many bytes of a string, in whole characters.
fn beginning(string: &str, bytes: usize) -> &str {
    if bytes >= string.len() {
        return string;
    }
    let whole = (0..=bytes).rev().find(|at| string.is_char_boundary(*at));
    &string[..whole.unwrap_or(string.len())]
}

fn is_visible(token: &TokenWithSpan) -> bool {
    !matches!(token.token, Token::Whitespace(_) | Token::EOF)
}

/// Where a token begins in its script.
pub(crate) fn position(token: &TokenWithSpan) -> Position {
    Position { line: token.span.start.line as usize, column: token.span.start.column as usize }
}

fn end_of(tokens: &[TokenWithSpan]) -> Option<Position> {
    let last = tokens.iter().rev().find(|token| is_visible(token))?;
    Some(Position { line: last.span.end.line as usize, column: last.span.end.column as usize })
}

/// Byte offset of each line's first character.
struct LineStarts(Vec<usize>);

impl LineStarts {
    fn new(script: &str) -> Self {
        let ends = script.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(ends).collect())
    }

    /// Byte offset of a 1-based line and a 1-based column in characters.
    fn offset(&self, script: &str, line: u64, column: u64) -> usize {
        let start = self.0.get((line as usize).saturating_sub(1)).copied().unwrap_or(script.len());
        let mut after = script[start..].char_indices();
        after.nth((column as usize).saturating_sub(1)).map_or(script.len(), |(at, _)| start + at)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn cut(script: &str) -> Vec<String> {
        split(script).unwrap().iter().map(|s| s.sql().to_string()).collect()
    }

    #[test]
    fn semicolons_in_strings_and_comments_do_not_split() {
        let script = "select ';' ; -- a; b\n select \"x;y\" /* ; */ ;;\n";
        assert_eq!(cut(script), ["select ';'", "select \"x;y\""]);
        assert_eq!(cut(" \n;; -- nothing\n"), Vec::<String>::new());
        assert_eq!(cut("select 'ü', 1; select 2"), ["select 'ü', 1", "select 2"]);
    }

    #[test]
    fn quotes_and_comments_of_every_kind_hide_semicolons() {
        assert_eq!(cut("/* ; /* nested */ ; */ select $$;$$; select $t$ ;$$ $t$;;").len(), 2);
        assert_eq!(cut("select 'it''s;' ; select e'\\';'"), ["select 'it''s;'", "select e'\\';'"]);
        assert_eq!(cut("select `a;b`, \"c\"\";d\"; select 1").len(), 2);
    }

    #[test]
    fn what_is_longer_than_a_window_is_cut_as_what_is_short() {
        let long = |quote: &str, end: &str| format!("select {quote}{}{end} as é;", "é;".repeat(WINDOW_BYTES));
        let script = [long("'", "'"), long("/* ", " */ 1"), long("$$", "$$"), "select\n 1; ".to_owned()].join("\n ");
        let statements = split(&script).unwrap();
        let lines: Vec<_> = statements.iter().map(|statement| statement.position()).collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!(lines[3], Position { line: 4, column: 2 });
        assert!(statements[2].sql().ends_with("$$ as é"));
    }

    #[test]
    fn a_script_runs_up_to_where_it_breaks_and_past_foreign_lines() {
        let whole = "select 1;\n\\i it's\nselect 2; -- done\nselect 'open";
        let mut script = Script::new(whole);
        assert_eq!(script.next().unwrap().unwrap().sql(), "select 1");
        assert_eq!(script.start(), Some(10));
        script.resume(18);
        let second = script.next().unwrap().unwrap();
        assert_eq!((second.sql(), second.position()), ("select 2", Position { line: 3, column: 1 }));
        assert_eq!(script.start(), whole.find("select 'open"));
        let error = script.next().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.position().map(|at| at.line)), (ErrorKind::Syntax, Some(4)), "{error}");
        assert!(script.next().is_none());
    }

    #[test]
    fn places_are_the_scripts() {
        let statements = split("select 1;\n\n  select from").unwrap();
        assert_eq!(statements[1].position(), Position { line: 3, column: 3 });
        let error = statements[1].parse().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax);
        assert_eq!(error.position().map(|p| p.line), Some(3), "{error}");
    }

    #[test]
    fn an_unclosed_quote_is_a_syntax_error_with_a_place() {
        let error = split("select 1;\nselect 'abc").unwrap_err();
        assert_eq!((error.kind(), error.position().map(|p| p.line)), (ErrorKind::Syntax, Some(2)), "{error}");
    }
}
