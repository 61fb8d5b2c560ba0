//! Operators that the parser's generic grammar has not: `a ** b` is `power(a, b)`, `s GLOB 'a*'` a regular expression, and DIV
//! is read so that it can be refused by its name (`forms`).

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value};
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
    Div,
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
        (Token::Word(Word { keyword: Keyword::DIV, quote_style: None, .. }), _) => Some(Operator::Div),
        _ => None,
    }
}

/// How tightly the next operator binds.
pub(super) fn precedence(parser: &Parser) -> Option<u8> {
    Some(match next(parser)? {
        Operator::Power => POWER,
        Operator::Glob => GenericDialect.prec_value(Precedence::Like),
        Operator::Div => GenericDialect.prec_value(Precedence::MulDivModOp),
    })
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
        Operator::Glob => {
            let Expr::Value(value) = &right else { return None };
            let Value::SingleQuotedString(pattern) = &value.value else { return None };
            call("regexp_like($1, $2)", Expr::value(Value::SingleQuotedString(expression_of(pattern))))
        }
        Operator::Div => {
            let (left, right) = (Box::new(left.clone()), Box::new(right));
            Some(Expr::BinaryOp { left, op: BinaryOperator::MyIntegerDivide, right })
        }
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
