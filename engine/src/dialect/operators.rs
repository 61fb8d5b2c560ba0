//! Operators that the parser's generic grammar has not: `a ** b` is `power(a, b)`, `s GLOB 'a*'` a regular expression, `s ^@ t`
//! is `starts_with(s, t)`, and `a DIV b` is what `//` is of integers. Arrows of JSON bind more tightly than sums, products and
//! comparisons, and a sign than all of them.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, Word};

use super::grammar::expression;
use super::templates::filled;

/// More than that of a product, less than that of a cast.
const POWER: u8 = 45;

enum Operator {
    Power,
    Glob,
    StartsWith,
    Div,
    /// `->` and `->>` of JSON.
    Arrow(BinaryOperator),
}

/// The operator that comes next, if it is one of these.
fn next(parser: &Parser) -> Option<Operator> {
    let (token, behind) = (parser.peek_token_ref(), parser.peek_nth_token_ref(1));
    match (&token.token, &behind.token) {
        (Token::Mul, Token::Mul) if token.span.end == behind.span.start => Some(Operator::Power),
        // Before a string alone: `a glob` is a column with a name.
        (Token::Word(Word { value, quote_style: None, .. }), Token::SingleQuotedString(_))
            if value.eq_ignore_ascii_case("glob") =>
        {
            Some(Operator::Glob)
        }
        (Token::Arrow, _) => Some(Operator::Arrow(BinaryOperator::Arrow)),
        (Token::LongArrow, _) => Some(Operator::Arrow(BinaryOperator::LongArrow)),
        (Token::CaretAt, _) => Some(Operator::StartsWith),
        (Token::Word(Word { keyword: Keyword::DIV, quote_style: None, .. }), _) => Some(Operator::Div),
        _ => None,
    }
}

/// How tightly the next operator binds.
pub(super) fn precedence(parser: &Parser) -> Option<u8> {
    Some(match next(parser)? {
        Operator::Power | Operator::Arrow(_) => POWER,
        Operator::Glob | Operator::StartsWith => GenericDialect.prec_value(Precedence::Like),
        Operator::Div => GenericDialect.prec_value(Precedence::MulDivModOp),
    })
}

/// A negative value, if a minus comes next: `-2 ** 2` is 4.
pub(super) fn prefix(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    if !parser.consume_token(&Token::Minus) {
        return None;
    }
    let negated = parser.parse_subexpr(POWER);
    Some(negated.map(|negated| Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(negated) }))
}

/// The operation that begins with `left`.
pub(super) fn infix(parser: &mut Parser, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
    let operator = next(parser)?;
    parser.next_token();
    if let Operator::Power = operator {
        parser.next_token();
    }
    let right = match parser.parse_subexpr(precedence) {
        Ok(right) => right,
        Err(error) => return Some(Err(error)),
    };
    let call = |template, right| expression(template).map(|template| filled(&template, &[left.clone(), right]));
    match operator {
        Operator::Power => call("power($1, $2)", right),
        Operator::StartsWith => call("starts_with($1, $2)", right),
        Operator::Glob => {
            let Expr::Value(value) = &right else { return None };
            let Value::SingleQuotedString(pattern) = &value.value else { return None };
            call("regexp_like($1, $2)", Expr::value(Value::SingleQuotedString(expression_of(pattern))))
        }
        Operator::Div => {
            let (left, right) = (Box::new(left.clone()), Box::new(right));
            Some(Expr::BinaryOp { left, op: BinaryOperator::MyIntegerDivide, right })
        }
        Operator::Arrow(op) => Some(Expr::BinaryOp { left: Box::new(left.clone()), op, right: Box::new(right) }),
    }
    .map(Ok)
}

/// The regular expression that a pattern of GLOB is: `*`, `?`, `[a-z]`, `[!a]`, and a backslash before one that is meant.
fn expression_of(pattern: &str) -> String {
    let mut written = String::from("^(?s:");
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        match character {
            '*' => written.push_str(".*"),
            '?' => written.push('.'),
            '\\' => written.push_str(&regex::escape(&rest.next().unwrap_or('\\').to_string())),
            '[' => match rest.as_str().split_once(']') {
                Some((inside, behind)) if !inside.is_empty() => {
                    let (sign, letters) = match inside.strip_prefix('!') {
                        Some(letters) => ("^", letters),
                        None => ("", inside),
                    };
                    // What a class of regular expressions gives a meaning of its own.
                    let letters = letters.replace('\\', "\\\\").replace('[', "\\[").replace('^', "\\^");
                    let letters = letters.replace('&', "\\&").replace('~', "\\~");
                    written.push_str(&format!("[{sign}{letters}]"));
                    rest = behind.chars();
                }
                _ => written.push_str("\\["),
            },
            other => written.push_str(&regex::escape(&other.to_string())),
        }
    }
    written.push_str(")$");
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_glob_are_expressions() {
        for (pattern, expected) in [
            ("a*", "^(?s:a.*)$"),
            ("?.x", "^(?s:.\\.x)$"),
            ("[a-c][!x]", "^(?s:[a-c][^x])$"),
            ("\\*[", "^(?s:\\*\\[)$"),
            ("[^&]", "^(?s:[\\^\\&])$"),
        ] {
            assert_eq!(expression_of(pattern), expected, "{pattern}");
        }
    }
}
