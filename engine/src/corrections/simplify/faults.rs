//! The nodes that DataFusion's simplifier gets wrong, and that are sealed while it works. One row a rule:
//!
//! | rule of the host | why the node is sealed |
//! |---|---|
//! | `CAST(x AS t) = literal` to `x = literal` | the cast drops, merges or refuses values |
//! | `CASE` of booleans, or of literals that are compared, to AND and OR | a later branch fails where an earlier one is taken |
//! | `(g AND r) OR (h AND r)` to `r AND (g OR h)` | `r` may fail where neither guard holds |
//! | `x IN (..) AND x IN (..)` to the common values, and its kin | no value in common is false, and NULL for a NULL `x` |
//! | `x ^ x` to 0; `-x & x` to 0; `-(x & y)` to `-x \| -y` | NULL; and `-` is not the complement |
//! | `log(b, 1)`, `log(b, b)`, `log(b, power(b, x))`, `power(b, log(b, x))` | wrong for a base or value that has no logarithm |
//! | `date_trunc` of a constant | before 1970 it is cut off towards 1970; a column is not |
//! | `x % 1` to 0 | not of decimals |
//! | `x ~ '.*'` to `x IS NOT NULL` | it is NULL for a NULL |
//! | `x ~ 'a\\b'` to LIKE | the backslash would escape there |
//! | `random() BETWEEN a AND b` to two comparisons | it is drawn twice |
//! | a cast of a constant that fails ends planning | it may stand in a branch that is never taken |

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::conditional_expressions::CaseBuilder;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF};

use super::super::plans::{as_cast, is_cast};
use super::casts::{is_unwrapped, keeps_values};
use super::risk::can_fail;
use super::sealed::{seal, seal_whole};

/// Functions that are sealed or written out, and those that may not be computed twice.
const CONCERNED_FUNCTIONS: &[&str] = &["coalesce", "date_trunc", "log", "nvl", "power", "random", "uuid"];

/// Whether any node of `expr` may have to be sealed: cheap, and true too often.
pub(super) fn concerns(expr: &Expr) -> bool {
    let concerned = |e: &Expr| match e {
        Expr::Cast(cast) => is_unwrapped(cast.field.data_type()),
        Expr::TryCast(cast) => is_unwrapped(cast.field.data_type()),
        Expr::Case(_) | Expr::InList(_) => true,
        Expr::ScalarFunction(function) => {
            let name = function.func.name();
            CONCERNED_FUNCTIONS.contains(&name) || is_cast(function)
        }
        Expr::BinaryExpr(binary) => {
            matches!(binary.op, Operator::Or | Operator::Modulo) || is_bitwise(binary.op) || is_regex(binary.op)
        }
        _ => false,
    };
    expr.exists(|e| Ok(concerned(e))).unwrap_or(true)
}

/// `expr`, over rows of `schema`, with a seal on every node that the simplifier gets wrong.
pub(super) fn seal_faults(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let lazy = is_lazy(&expr);
    expr.transform_up(|e| {
        let e = as_cast(e, schema)?;
        if needs_seal(&e, schema, lazy) {
            return Ok(Transformed::yes(seal(e)?));
        }
        match e {
            Expr::ScalarFunction(f)
                if is_coalesce(&f.func) && f.args.len() > 2 && f.args.iter().any(|a| can_fail(a, schema)) =>
            {
                Ok(Transformed::yes(seal(first_that_is_known(f.args)?)?))
            }
            Expr::BinaryExpr(binary) if meets_badly(&binary, schema) => {
                let left = Box::new(seal_whole(*binary.left));
                Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(left, binary.op, binary.right))))
            }
            other => Ok(Transformed::no(other)),
        }
    })
}

fn needs_seal(expr: &Expr, schema: &DFSchema, lazy: bool) -> bool {
    match expr {
        Expr::Cast(cast) if lazy && !expr.any_column_refs() && constant_fails(&cast.expr, cast.field.data_type()) => {
            true
        }
        Expr::Cast(cast) => loses_values(&cast.expr, cast.field.data_type(), schema),
        Expr::TryCast(cast) => loses_values(&cast.expr, cast.field.data_type(), schema),
        Expr::Case(case) => {
            let decided = case.when_then_expr.iter().any(|(when, _)| matches!(when.as_ref(), Expr::Literal(..)));
            let compared = case.when_then_expr.iter().all(|(_, then)| then.as_literal().is_some());
            case.expr.is_none()
                && !decided
                && (compared || expr.get_type(schema).is_ok_and(|t| t == DataType::Boolean))
                && can_fail(expr, schema)
        }
        Expr::BinaryExpr(binary) if is_bitwise(binary.op) => true,
        Expr::BinaryExpr(binary) if binary.op == Operator::Modulo => {
            binary.left.get_type(schema).is_ok_and(|t| t.is_decimal())
        }
        Expr::BinaryExpr(binary) if is_regex(binary.op) => {
            let pattern = uncast(&binary.right).as_literal().and_then(|value| value.try_as_str().flatten());
            pattern.is_some_and(|pattern| pattern == ".*" || pattern.contains('\\'))
        }
        Expr::Between(between) => between.expr.is_volatile(),
        Expr::ScalarFunction(function) => match function.func.name() {
            "log" | "power" => expr.any_column_refs(),
            "date_trunc" => !expr.any_column_refs(),
            _ => false,
        },
        _ => false,
    }
}

fn is_coalesce(function: &ScalarUDF) -> bool {
    matches!(function.name(), "coalesce" | "nvl")
}

/// COALESCE as the CASE that it is.
fn first_that_is_known(mut args: Vec<Expr>) -> Result<Expr> {
    let last = args.pop().map(Box::new);
    let whens = args.iter().map(|arg| arg.clone().is_not_null()).collect();
    CaseBuilder::new(None, whens, args, last).end()
}

fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => uncast(&cast.expr),
        other => other,
    }
}

fn is_bitwise(op: Operator) -> bool {
    matches!(op, Operator::BitwiseAnd | Operator::BitwiseOr | Operator::BitwiseXor)
}

fn is_regex(op: Operator) -> bool {
    use Operator as O;
    matches!(op, O::RegexMatch | O::RegexIMatch | O::RegexNotMatch | O::RegexNotIMatch)
}

fn loses_values(inner: &Expr, to: &DataType, schema: &DFSchema) -> bool {
    // A type that is not known yet cannot be looked through either.
    inner.get_type(schema).is_ok_and(|from| is_unwrapped(&from) && is_unwrapped(to) && !keeps_values(&from, to))
}

/// Whether parts of `expr` are computed for some rows only.
fn is_lazy(expr: &Expr) -> bool {
    expr.exists(|e| {
        Ok(match e {
            Expr::Case(_) => true,
            Expr::BinaryExpr(binary) => matches!(binary.op, Operator::And | Operator::Or),
            Expr::ScalarFunction(function) => function.func.short_circuits(),
            Expr::AggregateFunction(function) => function.params.filter.is_some(),
            _ => false,
        })
    })
    .unwrap_or(true)
}

fn constant_fails(inner: &Expr, to: &DataType) -> bool {
    match inner {
        Expr::Literal(value, _) => value.cast_to(to).is_err(),
        _ => true,
    }
}

/// Whether the two sides of an AND or OR are merged in a way that forgets NULL or a guard.
fn meets_badly(binary: &BinaryExpr, schema: &DFSchema) -> bool {
    let (left, right) = (binary.left.as_ref(), binary.right.as_ref());
    match binary.op {
        Operator::And => lists_meet(left, right, |one, other| !one.negated || !other.negated),
        Operator::Or => {
            lists_meet(left, right, |one, other| one.negated || other.negated) || shares_risk(left, right, schema)
        }
        _ => false,
    }
}

/// Whether both are conjunctions, and have one in common that can fail: it would be pulled in front of the others.
fn shares_risk(left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    let is_conjunction = |e: &Expr| matches!(e, Expr::BinaryExpr(binary) if binary.op == Operator::And);
    if !is_conjunction(left) || !is_conjunction(right) {
        return false;
    }
    let on_the_left = split_conjunction(left);
    split_conjunction(right).into_iter().any(|e| on_the_left.contains(&e) && can_fail(e, schema))
}

/// An IN list, or a chain of equalities that becomes one: what it tests, without casts, which the simplifier may look through (a list
/// with a NULL casts a dictionary that another does not), and whether it is negated once NOT is pushed down to it.
struct List<'a> {
    tested: &'a Expr,
    negated: bool,
}

fn lists_meet(left: &Expr, right: &Expr, badly: impl Fn(&List<'_>, &List<'_>) -> bool) -> bool {
    let (mut lists, mut others) = (Vec::new(), Vec::new());
    lists_of(left, Chain { negated: false, of_equalities: false }, &mut lists);
    if lists.is_empty() {
        return false;
    }
    lists_of(right, Chain { negated: false, of_equalities: false }, &mut others);
    lists.iter().any(|one| others.iter().any(|other| one.tested == other.tested && badly(one, other)))
}

/// Where a walk through a condition stands.
#[derive(Clone, Copy)]
struct Chain {
    negated: bool,
    of_equalities: bool,
}

fn lists_of<'a>(expr: &'a Expr, chain: Chain, found: &mut Vec<List<'a>>) {
    match expr {
        Expr::InList(list) => {
            found.push(List { tested: uncast(&list.expr), negated: list.negated != chain.negated });
        }
        Expr::Not(inner) => lists_of(inner, Chain { negated: !chain.negated, ..chain }, found),
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => {
            let joins = binary.op == Operator::Or || chain.negated;
            let chain = Chain { of_equalities: chain.of_equalities || joins, ..chain };
            lists_of(&binary.left, chain, found);
            lists_of(&binary.right, chain, found);
        }
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::Eq | Operator::NotEq) && chain.of_equalities => {
            let negated = (binary.op == Operator::NotEq) != chain.negated;
            let sides = [&binary.left, &binary.right].into_iter().map(|side| uncast(side));
            let columns = sides.filter(|side| matches!(side, Expr::Column(_)));
            found.extend(columns.map(|tested| List { tested, negated }));
        }
        _ => {}
    }
}
