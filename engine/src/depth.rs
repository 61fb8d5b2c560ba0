//! How deep a statement's tree may become, from its tokens alone. Not here: brackets inside each other, which the parser
//! counts itself (`script.rs`).

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, ErrorKind, Result};
use crate::script::position;

/// Links in one chain. A chain becomes a tree as deep as it is long, which the planner walks, copies and drops recursively, and
/// names level by level, in time that grows with the square of the length: a sum of 1,000 terms plans in seconds in a debug
/// build, one of 3,000 in a minute. `tests/session/depth.rs` runs each kind at its limit on threads of 2 MiB.
const OPERATORS_MAX: usize = 1_000;
const CONDITIONS_MAX: usize = 2_000;
const RELATIONS_MAX: usize = 1_000;

/// Refuses, before anything recursive sees it, a statement whose tree would be too deep to walk.
pub(crate) fn check_depth(tokens: &[TokenWithSpan]) -> Result<()> {
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
    use crate::{ErrorKind, split};

    #[test]
    fn long_chains_are_refused_and_long_lists_are_not() {
        let chain = format!("select 1{}", " + 1".repeat(20_000));
        assert_eq!(split(&chain).unwrap()[0].parse().unwrap_err().kind(), ErrorKind::Unsupported);
        let list = format!("select x in (1{})", ", 1".repeat(20_000));
        assert!(split(&list).unwrap()[0].parse().is_ok());
    }
}
