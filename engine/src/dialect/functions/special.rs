//! Functions whose arguments alone do not say what they are: they hang on names, on the session or on a literal.

use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    Value,
};

use super::is_adorned;
use crate::dialect::grammar::expression;
use crate::dialect::templates::filled;
use crate::dialect::tokens::error_at;
use crate::error::{ErrorKind, Result};

pub(super) const NAMES: [&str; 5] = ["struct_pack", "current_database", "current_schema", "time_bucket", "strftime"];

/// The call written out, if it is one of these.
pub(super) fn written_out(state: &SessionState, name: &str, function: &Function) -> Option<Expr> {
    let defaults = &state.config_options().catalog;
    let string = |text: &str| Some(Expr::value(Value::SingleQuotedString(text.to_string())));
    let arguments = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        _ => return None,
    };
    match (name, arguments) {
        ("current_database", []) => string(&defaults.default_catalog),
        ("current_schema", []) => string(&defaults.default_schema),
        ("struct_pack", fields) => struct_of(fields),
        (
            "time_bucket",
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(width)), FunctionArg::Unnamed(FunctionArgExpr::Expr(time))],
        ) => time_bucket(width, time),
        (
            "strftime",
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(first)), FunctionArg::Unnamed(FunctionArgExpr::Expr(second))],
        ) => strftime(first, second),
        _ => None,
    }
}

/// `mode() WITHIN GROUP (ORDER BY x)` is `mode(x)`: which way the order goes does not matter.
pub(super) fn mode(name: &str, function: &Function) -> Option<Expr> {
    let [order] = function.within_group.as_slice() else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    if name != "mode" || !list.args.is_empty() {
        return None;
    }
    let mut call = function.clone();
    call.within_group.clear();
    if let FunctionArguments::List(list) = &mut call.args {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(order.expr.clone())));
    }
    Some(Expr::Function(call))
}

/// `quantile_cont(x, [0.25, 0.5])` is a list of the quantiles.
pub(super) fn quantiles(name: &str, function: &Function) -> Option<Expr> {
    const ONE: [(&str, &str); 5] = [
        ("quantile_cont", "percentile_cont"),
        ("percentile_cont", "percentile_cont"),
        ("quantile", "percentile_cont"),
        ("approx_quantile", "approx_percentile_cont"),
        ("percentile", "percentile_cont"),
    ];
    let (_, one) = ONE.iter().find(|(own, _)| *own == name).filter(|_| !is_adorned(function))?;
    let FunctionArguments::List(list) = &function.args else { return None };
    let [
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Array(asked))),
    ] = list.args.as_slice()
    else {
        return None;
    };
    let each = (0..asked.elem.len()).map(|at| format!("{one}(${}) within group (order by $1)", at + 2));
    let template = format!("case when count($1) > 0 then [{}] end", each.collect::<Vec<_>>().join(", "));
    let arguments: Vec<Expr> = std::iter::once(value.clone()).chain(asked.elem.iter().cloned()).collect();
    Some(filled(&expression(&template)?, &arguments))
}

/// `to_char(t, 'YYYY-MM-DD')` and `date_format(t, 'yyyy-MM-dd')` would be those letters for every time.
///
/// # Errors
/// Of kind Invalid, for a template of letters without a code.
pub(super) fn check_template(name: &str, function: &Function) -> Result<()> {
    let FunctionArguments::List(list) = &function.args else { return Ok(()) };
    let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(template)))] = list.args.as_slice() else {
        return Ok(());
    };
    let Value::SingleQuotedString(letters) = &template.value else { return Ok(()) };
    let is_template = ["to_char", "date_format"].contains(&name);
    if !is_template || letters.contains('%') || !letters.contains(|c: char| c.is_ascii_alphabetic()) {
        return Ok(());
    }
    let error =
        error_at(template.span, ErrorKind::Invalid, format!("{name} takes the codes of C, and '{letters}' has none"));
    Err(error.with_hint("write '%Y-%m-%d %H:%M:%S'"))
}

/// `age(t)` is that of today's midnight.
pub(super) fn age(name: &str, function: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    if name != "age" {
        return None;
    }
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(time))] = list.args.as_slice() else { return None };
    let template = expression("age(current_date(), $1)")?;
    Some(filled(&template, std::slice::from_ref(time)))
}

/// `strftime('%Y', t)`, as SQLite has it, with its arguments the other way round.
fn strftime(first: &Expr, second: &Expr) -> Option<Expr> {
    let is_format = |expr: &Expr| matches!(expr, Expr::Value(value) if value.to_string().contains('%'));
    let (time, format) = if is_format(first) && !is_format(second) { (second, first) } else { (first, second) };
    let template = expression("to_char($1, $2)")?;
    Some(filled(&template, &[time.clone(), format.clone()]))
}

/// `struct_pack(a := 1)` is `named_struct('a', 1)`.
fn struct_of(fields: &[FunctionArg]) -> Option<Expr> {
    let mut args = Vec::with_capacity(fields.len() * 2);
    for field in fields {
        let FunctionArg::Named { name, arg, .. } = field else { return None };
        let name = FunctionArgExpr::Expr(Expr::value(Value::SingleQuotedString(name.value.clone())));
        args.extend([FunctionArg::Unnamed(name), FunctionArg::Unnamed(arg.clone())]);
    }
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Some(Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("named_struct")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }))
}

/// Buckets of months begin with a month, all others on a Monday, as in DuckDB; `date_bin` starts both at 1970.
fn time_bucket(width: &Expr, time: &Expr) -> Option<Expr> {
    let text = width.to_string().to_ascii_lowercase();
    let is_of_months = ["mon", "quarter", "year", "decade", "centur", "millen"].iter().any(|unit| text.contains(unit));
    let origin = if is_of_months { "2000-01-01" } else { "2000-01-03" };
    let template = expression(&format!("date_bin($1, $2, timestamp '{origin}')"))?;
    Some(filled(&template, &[width.clone(), time.clone()]))
}

/// `convert(x, type)` as the cast that it is; `None` where it says more than that.
pub(super) fn cast(convert: &Expr) -> Option<Expr> {
    let Expr::Convert { is_try, expr, data_type: Some(data_type), charset: None, styles, .. } = convert else {
        return None;
    };
    styles.is_empty().then(|| Expr::Cast {
        kind: if *is_try { CastKind::TryCast } else { CastKind::Cast },
        expr: expr.clone(),
        data_type: data_type.clone(),
        array: false,
        format: None,
    })
}
