//! Fault: a text with an exponent is no decimal to DataFusion 55.2 (arrow 59.3): `CAST('1e2' AS DECIMAL(10, 2))` fails, and
//! TRY_CAST gives NULL, though it is a double. An error names `Decimal128(38, 10)`, whatever the decimal is.
//!
//! Correction: it is 100.00, as in DuckDB and PostgreSQL; texts are read with the exponent written out where the host
//! cannot read them. Test: `tests/sqllogictest/slt/types/texts_as_decimals.slt`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options, is_null};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TryCast, Volatility,
};
use datafusion::optimizer::Analyzer;

/// No decimal has more digits, before the point or behind it.
const DIGITS_MAX: i64 = 100;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(Exponents));
}

#[derive(Debug)]
struct Exponents;

impl FunctionRewrite for Exponents {
    fn name(&self) -> &str {
        "maar_texts_as_decimals"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let (text, to, is_try) = match &expr {
            Expr::Cast(cast) => (&cast.expr, cast.field.data_type(), false),
            Expr::TryCast(cast) => (&cast.expr, cast.field.data_type(), true),
            _ => return Ok(Transformed::no(expr)),
        };
        if !to.is_decimal() || !text.get_type(schema).is_ok_and(|from| from.is_string()) {
            return Ok(Transformed::no(expr));
        }
        let read = DecimalOfText { to: to.clone(), is_try, signature: Signature::any(1, Volatility::Immutable) };
        Ok(Transformed::yes(ScalarUDF::from(read).call(vec![text.as_ref().clone()])))
    }
}

/// The cast of a text to a decimal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DecimalOfText {
    to: DataType,
    is_try: bool,
    signature: Signature,
}

impl ScalarUDFImpl for DecimalOfText {
    fn name(&self) -> &str {
        "maar_decimal_of_text"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let (inner, to) = (Box::new(args[0].clone()), self.to.clone());
        Ok(match self.is_try {
            false => Expr::Cast(Cast::new(inner, to)).to_string(),
            true => Expr::TryCast(TryCast::new(inner, to)).to_string(),
        })
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = self.is_try || args.arg_fields[0].is_nullable();
        Ok(Arc::new(Field::new(self.name(), self.to.clone(), nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &args.args[0] {
            ColumnarValue::Array(texts) => Ok(ColumnarValue::Array(self.read(texts)?)),
            ColumnarValue::Scalar(text) => {
                let decimals = self.read(&text.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&decimals, 0)?))
            }
        }
    }
}

impl DecimalOfText {
    fn read(&self, texts: &ArrayRef) -> Result<ArrayRef> {
        let lenient = CastOptions { safe: true, ..CastOptions::default() };
        let read = cast_with_options(texts, &self.to, &lenient)?;
        if read.null_count() == texts.logical_null_count() {
            return Ok(read);
        }
        let unread = is_null(&read)?;
        let plain = cast(texts, &DataType::Utf8)?;
        let plain: StringArray = plain.as_string::<i32>().iter().map(|text| written_out(text?)).collect();
        let found = zip(&unread, &cast_with_options(&plain, &self.to, &lenient)?, &read)?;
        if !self.is_try && found.null_count() > texts.logical_null_count() {
            let texts = cast(texts, &DataType::Utf8)?;
            let is_wrong = |row: &usize| found.is_null(*row) && texts.is_valid(*row);
            let wrong = (0..texts.len()).find(is_wrong).map_or("", |row| texts.as_string::<i32>().value(row));
            return exec_err!("Cannot cast string '{wrong}' to value of {} type", self.to);
        }
        Ok(found)
    }
}

/// A number with an exponent, without it. None where there is none, or no decimal has so many digits.
fn written_out(text: &str) -> Option<String> {
    let (digits, exponent) = text.trim().split_once(['e', 'E'])?;
    let exponent: i64 = exponent.parse().ok()?;
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let skipped = all.len() - all.trim_start_matches('0').len();
    let all = &all[skipped..];
    let point = i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(skipped).ok()?)?.checked_add(exponent)?;
    if all.is_empty() || point < -DIGITS_MAX {
        return Some("0".to_string());
    }
    if point > DIGITS_MAX {
        return None;
    }
    Some(match usize::try_from(point) {
        Err(_) => format!("{sign}0.{}{all}", "0".repeat(usize::try_from(-point).ok()?)),
        Ok(point) if point >= all.len() => format!("{sign}{all}{}", "0".repeat(point - all.len())),
        Ok(point) => format!("{sign}{}.{}", &all[..point], &all[point..]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_written_out() {
        let cases = [
            ("1e2", Some("100")),
            (" -1.5E+1 ", Some("-15")),
            ("+12.345e1", Some("123.45")),
            ("1.5e-3", Some("0.0015")),
            ("0.001e3", Some("1")),
            ("0.001e2", Some(".1")),
            ("0e99999", Some("0")),
            ("1e-99999", Some("0")),
            ("1e99999", None),
            ("1e9223372036854775807", None),
            ("1e", None),
            ("e1", None),
            ("1.2.3e1", None),
            ("12", None),
            ("--1e1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(written_out(text).as_deref(), expected, "{text}");
        }
    }
}
