//! Fault: `LIKE ... ESCAPE '!'` with any character but the backslash is "not supported" (DataFusion 55.2), and `ESCAPE ''`, by
//! which no character escapes, is refused.
//!
//! Correction: the pattern is rewritten to the one with backslashes that means the same, at once where it is a constant and
//! row by row where it is not. Test: `tests/sqllogictest/slt/strings/like_escape.slt`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr::{Like, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::Analyzer;

use crate::dialect::NO_ESCAPE;
use crate::error::{Error, ErrorKind};

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(WithBackslashes));
}

#[derive(Debug)]
struct WithBackslashes;

impl FunctionRewrite for WithBackslashes {
    fn name(&self) -> &str {
        "maar_like_escape"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::Like(Like { negated, expr, pattern, escape_char: Some(escape), case_insensitive })
                if escape != '\\' =>
            {
                let pattern = Box::new(with_backslashes(*pattern, escape)?);
                Ok(Transformed::yes(Expr::Like(Like { negated, expr, pattern, escape_char: None, case_insensitive })))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn with_backslashes(pattern: Expr, escape: char) -> Result<Expr> {
    if let Expr::Literal(value, metadata) = &pattern
        && let Some(text) = value.try_as_str()
    {
        let text = text.map(|text| translated(text, escape)).transpose()?;
        return Ok(Expr::Literal(ScalarValue::Utf8(text), metadata.clone()));
    }
    let function = ScalarUDF::from(LikePattern { escape, signature: Signature::any(1, Volatility::Immutable) });
    let text = Expr::Cast(Cast::new(Box::new(pattern), DataType::Utf8));
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![text])))
}

/// `pattern`, in which `escape` escapes, with backslashes in its place.
fn translated(pattern: &str, escape: char) -> Result<String> {
    let mut new = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        let literal = match c {
            _ if c == escape && escape != NO_ESCAPE => match rest.next() {
                Some(escaped) => Some(escaped),
                None => {
                    let message = format!("the LIKE pattern '{pattern}' ends with its escape character");
                    let hint = format!("write the character twice to mean it: '{pattern}{escape}'");
                    return Err(Error::new(ErrorKind::Invalid, message).with_hint(hint).into());
                }
            },
            '\\' => Some(c),
            _ => None,
        };
        if let Some('%' | '_' | '\\') = literal {
            new.push('\\');
        }
        new.push(literal.unwrap_or(c));
    }
    Ok(new)
}

/// The translation of patterns that are not known before rows are read.
#[derive(Debug, PartialEq, Eq, Hash)]
struct LikePattern {
    escape: char,
    signature: Signature,
}

impl ScalarUDFImpl for LikePattern {
    fn name(&self) -> &str {
        "like_pattern"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let patterns = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(patterns) = patterns.first() else {
            return datafusion::common::internal_err!("like_pattern has no pattern");
        };
        let translated = patterns.as_string::<i32>().iter().map(|text| text.map(|text| translated(text, self.escape)));
        let translated = translated.map(Option::transpose).collect::<Result<StringArray>>()?;
        debug_assert_eq!(translated.len(), patterns.len());
        Ok(ColumnarValue::Array(Arc::new(translated)))
    }
}
