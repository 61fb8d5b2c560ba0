//! Splits a script into statements without parsing them, keeping each token's place, so that `a; b; c` runs
//! `a` and `b` before a mistake in `c` is reported, and every error's line and column are the script's.

use datafusion::error::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement as SqlStatement};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::dialect::{Grammar, summarized, with_selects};
use crate::error::{Error, ErrorKind, Position, Result};

/// Brackets, calls and subqueries inside each other. Each costs the parser a few stack frames.
const NESTING_MAX: usize = 128;

/// Links in one chain. A chain becomes a tree as deep as it is long, which the planner walks, copies and drops recursively, and
/// names level by level, in time that grows with the square of the length: a sum of 1,000 terms plans in seconds in a debug
/// build, one of 3,000 in a minute. `tests/session/depth.rs` runs each kind at its limit on threads of 2 MiB.
const OPERATORS_MAX: usize = 1_000;
const CONDITIONS_MAX: usize = 2_000;
const RELATIONS_MAX: usize = 1_000;

/// One statement of a script: not yet parsed.
#[derive(Debug, Clone)]
pub struct Statement {
    tokens: Vec<TokenWithSpan>,
    position: Position,
    text: String,
}

impl Statement {
    /// Where the statement begins in its script.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The statement's own text, from its first to its last token, without the semicolon.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks for a summary of the query that [`Self::parse`] gives.
    pub(crate) fn is_summary(&self) -> bool {
        summarized(&self.tokens).is_some()
    }

    /// The same statement in other words.
    pub(crate) fn written_out(&self, tokens: Vec<TokenWithSpan>) -> Self {
        Self { tokens, position: self.position, text: self.text.clone() }
    }

    pub(crate) fn tokens(&self) -> &[TokenWithSpan] {
        &self.tokens
    }

    /// Parses the statement.
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`], with a position in the script.
    pub(crate) fn parse(&self) -> Result<SqlStatement> {
        check_depth(&self.tokens)?;
        let tokens = summarized(&self.tokens).unwrap_or_else(|| self.tokens.clone());
        let mut parser = DFParserBuilder::new(with_selects(&tokens))
            .with_dialect(&Grammar)
            .with_recursion_limit(NESTING_MAX)
            .build()?;
        let end = end_of(&self.tokens);
        let parsed = parser.parse_statements().map_err(|e| Error::from(e).or_at(end))?;
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
/// [`ErrorKind::Syntax`] when the text cannot be cut into tokens: an unclosed quote or comment.
pub fn split(script: &str) -> Result<Vec<Statement>> {
    let tokens = Tokenizer::new(&Grammar, script)
        .tokenize_with_location()
        .map_err(|e| DataFusionError::from(ParserError::from(e)))?;
    let lines = LineStarts::new(script);
    let pieces = tokens.split(|token| token.token == Token::SemiColon);
    Ok(pieces.filter_map(|piece| statement(script, &lines, piece)).collect())
}

fn statement(script: &str, lines: &LineStarts, tokens: &[TokenWithSpan]) -> Option<Statement> {
    let visible = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_) | Token::EOF);
    let first = tokens.iter().find(visible)?;
    let last = tokens.iter().rev().find(visible)?;
    let start = lines.offset(script, first.span.start.line, first.span.start.column);
    let end = lines.offset(script, last.span.end.line, last.span.end.column);
    Some(Statement {
        tokens: tokens.to_vec(),
        position: position(first),
        text: script.get(start..end).unwrap_or_default().to_string(),
    })
}

fn position(token: &TokenWithSpan) -> Position {
    Position { line: token.span.start.line as usize, column: token.span.start.column as usize }
}

fn end_of(tokens: &[TokenWithSpan]) -> Option<Position> {
    let last = tokens.iter().rev().find(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF))?;
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

/// Refuses, before anything recursive sees it, a statement whose tree would be too deep to walk.
fn check_depth(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut outer: Vec<Chains> = Vec::new();
    let mut here = Chains::default();
    for token in tokens {
        match step(&token.token) {
            Step::Open => {
                // A subscript makes its chain longer; a bracket around an operand does so once and is let be.
                here.operators += usize::from(token.token == Token::LBracket);
                outer.push(std::mem::take(&mut here));
            }
            Step::Close => here = outer.pop().unwrap_or_default(),
            Step::Restart => (here.operators, here.conditions) = (0, 0),
            Step::Operator => here.operators += 1,
            Step::Condition => (here.operators, here.conditions) = (0, here.conditions + 1),
            Step::Relation => here.relations += 1,
            Step::Other => {}
        }
        here.check().map_err(|e| e.or_at(Some(position(token))))?;
    }
    Ok(())
}

/// The chains that are open at one bracket level.
#[derive(Default)]
struct Chains {
    /// Operators since the last thing that starts a new operand of a condition.
    operators: usize,
    /// ANDs and ORs since the last thing that starts a new expression.
    conditions: usize,
    /// Set operations and joins: each makes the plan one level deeper.
    relations: usize,
}

impl Chains {
    fn check(&self) -> Result<()> {
        let limits = [
            (
                self.operators,
                OPERATORS_MAX,
                "operators in one expression",
                "compute long sums from rows: a table and SUM",
            ),
            (
                self.conditions,
                CONDITIONS_MAX,
                "conditions in one chain",
                "write alternatives as IN (...), or join a table",
            ),
            (
                self.relations,
                RELATIONS_MAX,
                "joins or set operations in one query",
                "write constant rows as VALUES, or load them",
            ),
        ];
        match limits.into_iter().find(|(count, most, ..)| count > most) {
            None => Ok(()),
            Some((_, most, what, hint)) => {
                Err(Error::new(ErrorKind::Unsupported, format!("there are more than {most} {what}")).with_hint(hint))
            }
        }
    }
}

/// What a token does to the depth of the tree it becomes part of.
enum Step {
    Open,
    Close,
    /// Starts a new expression at this level.
    Restart,
    /// Makes the chain of operators one longer.
    Operator,
    /// Makes the chain of ANDs and ORs one longer, and starts a new operand.
    Condition,
    /// Makes the chain of set operations and joins one longer.
    Relation,
    Other,
}

fn step(token: &Token) -> Step {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => Step::Open,
        Token::RParen | Token::RBracket | Token::RBrace => Step::Close,
        Token::Comma => Step::Restart,
        Token::Word(word) => keyword_step(word.keyword),
        Token::Whitespace(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::Placeholder(_)
        | Token::Period
        | Token::EOF => Step::Other,
        // Every other token is punctuation that joins two expressions.
        _ => Step::Operator,
    }
}

fn keyword_step(keyword: Keyword) -> Step {
    match keyword {
        Keyword::SELECT
        | Keyword::FROM
        | Keyword::WHERE
        | Keyword::HAVING
        | Keyword::GROUP
        | Keyword::ORDER
        | Keyword::WHEN
        | Keyword::THEN
        | Keyword::ELSE => Step::Restart,
        Keyword::AND | Keyword::OR => Step::Condition,
        Keyword::NOT | Keyword::IS | Keyword::LIKE | Keyword::ILIKE | Keyword::AT | Keyword::COLLATE => Step::Operator,
        Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::JOIN => Step::Relation,
        _ => Step::Other,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<String> {
        split(script).unwrap().iter().map(|s| s.text().to_string()).collect()
    }

    #[test]
    fn semicolons_in_strings_and_comments_do_not_split() {
        let script = "select ';' ; -- a; b\n select \"x;y\" /* ; */ ;;\n";
        assert_eq!(texts(script), ["select ';'", "select \"x;y\""]);
        assert_eq!(texts(" \n;; -- nothing\n"), Vec::<String>::new());
        assert_eq!(texts("select 'ü', 1; select 2"), ["select 'ü', 1", "select 2"]);
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

    #[test]
    fn long_chains_are_refused_and_long_lists_are_not() {
        let chain = format!("select 1{}", " + 1".repeat(20_000));
        assert_eq!(split(&chain).unwrap()[0].parse().unwrap_err().kind(), ErrorKind::Unsupported);
        let list = format!("select x in (1{})", ", 1".repeat(20_000));
        assert!(split(&list).unwrap()[0].parse().is_ok());
    }
}
