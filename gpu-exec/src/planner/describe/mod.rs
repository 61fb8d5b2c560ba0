//! Device plans in words: one line a node, for EXPLAIN and for tests.
//!
//! Types are written where they are made (casts, arithmetic, aggregates); a `?` after a type says that NULL is allowed.

mod window;

use std::fmt::Write;

use crate::ir::{
    AggregateCall, AggregateFunction, Expr, ExprKind, Field, GroupingSet, JoinColumn, JoinKind, JoinSide, Node,
    SortKey, Type,
};

use super::reason::quote;

/// The tree, two spaces a level, no final line break.
pub fn describe(node: &Node) -> String {
    let mut text = String::new();
    write_node(&mut text, node, 0);
    text.truncate(text.trim_end().len());
    text
}

/// An expression over an input with these columns.
pub fn describe_expr(expr: &Expr, input: &[Field]) -> String {
    let column = |index: usize| input.get(index).map_or_else(|| format!("#{index}"), |field| field.name.clone());
    let sub = |expr: &Expr| describe_expr(expr, input);
    let marked = |text: String| format!("{text}:{}", describe_type(expr.ty));
    match &expr.kind {
        ExprKind::Column(index) => column(*index),
        ExprKind::Literal(value) => format!("{value}:{}", describe_type(expr.ty)),
        ExprKind::Deferred(function) => marked(format!("deferred[{}]", quote(function.expr.as_ref()))),
        ExprKind::Arithmetic { op, left, right } => marked(format!("({} {} {})", sub(left), op.sign(), sub(right))),
        ExprKind::Bits { op, left, right } => marked(format!("({} {} {})", sub(left), op.sign(), sub(right))),
        ExprKind::Round { rounding, places, input } => {
            let places = places.map(|places| format!(", {places}")).unwrap_or_default();
            marked(format!("{}({}{places})", rounding.name(), sub(input)))
        }
        ExprKind::Canonical { zeros, input } => {
            format!("{}({})", if *zeros { "one_zero_and_nan" } else { "one_nan" }, sub(input))
        }
        ExprKind::Negate(input) => format!("-{}", sub(input)),
        ExprKind::Compare { op, left, right } => format!("({} {} {})", sub(left), op.sign(), sub(right)),
        ExprKind::And(left, right) => format!("({} AND {})", sub(left), sub(right)),
        ExprKind::Or(left, right) => format!("({} OR {})", sub(left), sub(right)),
        ExprKind::Not(input) => format!("NOT {}", sub(input)),
        ExprKind::IsNull(input) => format!("({} IS NULL)", sub(input)),
        ExprKind::Case { branches, otherwise } => {
            let mut text = String::from("CASE");
            for (condition, value) in branches {
                text += &format!(" WHEN {} THEN {}", sub(condition), sub(value));
            }
            let otherwise = otherwise.as_ref().map(|value| format!(" ELSE {}", sub(value))).unwrap_or_default();
            text + &otherwise + " END"
        }
        ExprKind::Cast { input, try_cast } => {
            format!("{}({} AS {})", if *try_cast { "TRY_CAST" } else { "CAST" }, sub(input), describe_type(expr.ty))
        }
        ExprKind::InList { input, values, has_null, negated } => {
            let mut items: Vec<_> = values.iter().map(ToString::to_string).collect();
            items.extend(has_null.then(|| "NULL".to_owned()));
            format!("({} {}IN [{}])", sub(input), if *negated { "NOT " } else { "" }, items.join(", "))
        }
        ExprKind::DateTrunc { unit, input } => format!("date_trunc({}, {})", unit.name(), sub(input)),
        ExprKind::DatePart { part, input } => format!("{}({})", part.name(), sub(input)),
        ExprKind::AddInterval { input, months, days, nanoseconds } => {
            format!("({} + interval[{months} mon {days} d {nanoseconds} ns])", sub(input))
        }
        ExprKind::DictionaryMap { input, function, .. } => {
            marked(format!("map({}, {})", sub(input), quote(function.expr.as_ref())))
        }
        ExprKind::TextTest { input, test } => format!("({} {test:?})", sub(input)),
        ExprKind::TextLength { input, unit } => marked(format!("length({}, {unit:?})", sub(input))),
    }
}

/// What rows are sorted by, over an input with these columns.
pub fn describe_keys(keys: &[SortKey], input: &[Field]) -> String {
    let key = |key: &SortKey| {
        let direction = if key.descending { " DESC" } else { "" };
        // Where SQL has NULLs by itself: largest.
        let nulls = match (key.nulls_first, key.descending) {
            (true, false) => " NULLS FIRST",
            (false, true) => " NULLS LAST",
            _ => "",
        };
        format!("{}{direction}{nulls}", describe_expr(&key.expr, input))
    };
    keys.iter().map(key).collect::<Vec<_>>().join(", ")
}

/// A short name of a type.
pub fn describe_type(ty: Type) -> String {
    match ty {
        Type::Bool => "bool".into(),
        Type::Int { bytes, signed } => format!("{}{}", if signed { 'i' } else { 'u' }, u32::from(bytes) * 8),
        Type::Float { bytes } => format!("f{}", u32::from(bytes) * 8),
        Type::Decimal { precision, scale } | Type::WideDecimal { precision, scale } => {
            format!("dec({precision},{scale})")
        }
        Type::Date => "date".into(),
        Type::Timestamp { unit } => format!("ts({unit:?})").to_lowercase(),
        Type::Text => "text".into(),
    }
}

fn write_node(text: &mut String, node: &Node, depth: usize) {
    let (line, inputs): (String, Vec<&Node>) = match node {
        Node::Scan { scan, fields } => (format!("scan {scan} [{}]", describe_fields(fields)), vec![]),
        Node::Input { child, fields, .. } => (format!("input {child} [{}]", describe_fields(fields)), vec![]),
        Node::Filter { input, predicate } => {
            (format!("filter {}", describe_expr(predicate, input.fields())), vec![input])
        }
        Node::Project { input, exprs, fields } => {
            (format!("project [{}]", named(exprs, fields, input.fields())), vec![input])
        }
        Node::Join { kind, left, right, on, nulls_equal, residual, output, .. } => {
            let equal = if *nulls_equal { "IS NOT DISTINCT FROM" } else { "=" };
            (describe_join(*kind, (left, right), (on, equal), residual.as_ref(), output), vec![left, right])
        }
        Node::Union { inputs, fields } => (format!("union [{}]", describe_fields(fields)), inputs.iter().collect()),
        Node::Aggregate { input, keys, sets, calls, fields } => {
            let (key_fields, call_fields) = fields.split_at(keys.len().min(fields.len()));
            let call_fields = &call_fields[usize::from(!sets.is_empty()).min(call_fields.len())..];
            let calls: Vec<_> =
                calls.iter().zip(call_fields).map(|(call, field)| describe_call(call, field, input.fields())).collect();
            let keys = named(keys, key_fields, input.fields());
            let sets = describe_sets(sets);
            (format!("aggregate keys=[{keys}]{sets} calls=[{}]", calls.join(", ")), vec![input])
        }
        Node::Window { input, partition_by, order_by, calls, fields } => {
            let columns = input.fields();
            let keys = partition_by.iter().map(|key| describe_expr(key, columns)).collect::<Vec<_>>().join(", ");
            let order = describe_keys(order_by, columns);
            let made = fields.get(columns.len()..).unwrap_or_default();
            let calls: Vec<_> =
                calls.iter().zip(made).map(|(call, field)| window::describe(call, field, columns)).collect();
            (format!("window keys=[{keys}] order=[{order}] calls=[{}]", calls.join(", ")), vec![input])
        }
        Node::Sort { input, keys } => (format!("sort [{}]", describe_keys(keys, input.fields())), vec![input]),
        Node::Limit { input, skip, fetch } => {
            let fetch = fetch.map_or_else(|| "all".to_owned(), |rows| rows.to_string());
            (format!("limit skip={skip} fetch={fetch}"), vec![input])
        }
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{:1$}{line}", "", depth * 2);
    for input in inputs {
        write_node(text, input, depth + 1);
    }
}

/// The positions of the keys in each set.
fn describe_sets(sets: &[GroupingSet]) -> String {
    let set = |set: &GroupingSet| {
        let keys = set.has.iter().enumerate().filter(|(_, has)| **has).map(|(key, _)| key.to_string());
        format!("({})", keys.collect::<Vec<_>>().join(" "))
    };
    let sets: Vec<_> = sets.iter().map(set).collect();
    if sets.is_empty() { String::new() } else { format!(" sets=[{}]", sets.join(", ")) }
}

fn describe_join(
    kind: JoinKind,
    sides: (&Node, &Node),
    (on, equal): (&[(Expr, Expr)], &str),
    residual: Option<&Expr>,
    output: &[JoinColumn],
) -> String {
    let (left, right) = (sides.0.fields(), sides.1.fields());
    let keys: Vec<_> =
        on.iter().map(|(a, b)| format!("{} {equal} {}", describe_expr(a, left), describe_expr(b, right))).collect();
    let joined: Vec<Field> = left.iter().chain(right).cloned().collect();
    let residual = residual.map(|expr| format!(" residual={}", describe_expr(expr, &joined))).unwrap_or_default();
    let kept: Vec<_> = output
        .iter()
        .map(|column| match column {
            JoinColumn::Of { side: JoinSide::Left, index } => format!("l{index}"),
            JoinColumn::Of { side: JoinSide::Right, index } => format!("r{index}"),
            JoinColumn::Mark => "mark".to_owned(),
        })
        .collect();
    let kind = match kind {
        JoinKind::Inner => "join".to_owned(),
        JoinKind::Semi { kept } => format!("{} semi join", side_name(kept)),
        JoinKind::Anti { kept } => format!("{} anti join", side_name(kept)),
        JoinKind::NotIn { kept } => format!("{} anti join heeding NULLs", side_name(kept)),
        JoinKind::Outer { kept } => format!("{} join", side_name(kept)),
        JoinKind::Full => "full join".to_owned(),
        JoinKind::Mark { kept } => format!("{} mark join", side_name(kept)),
    };
    format!("{kind} on [{}]{residual} output=[{}]", keys.join(", "), kept.join(", "))
}

fn side_name(side: JoinSide) -> &'static str {
    if side == JoinSide::Left { "left" } else { "right" }
}

fn describe_fields(fields: &[Field]) -> String {
    fields.iter().map(describe_field).collect::<Vec<_>>().join(", ")
}

fn describe_field(field: &Field) -> String {
    format!("{}:{}{}", field.name, describe_type(field.ty), if field.nullable { "?" } else { "" })
}

/// Expressions with the names they get, where they get new ones.
fn named(exprs: &[Expr], fields: &[Field], input: &[Field]) -> String {
    let item = |(expr, field): (&Expr, &Field)| {
        let text = describe_expr(expr, input);
        if text == field.name { text } else { format!("{text} AS {}", field.name) }
    };
    exprs.iter().zip(fields).map(item).collect::<Vec<_>>().join(", ")
}

fn describe_call(call: &AggregateCall, field: &Field, input: &[Field]) -> String {
    let function = match call.function {
        AggregateFunction::Count => "count",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Avg => "avg",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
        AggregateFunction::Variance { sample: true, root: false } => "var",
        AggregateFunction::Variance { sample: false, root: false } => "var_pop",
        AggregateFunction::Variance { sample: true, root: true } => "stddev",
        AggregateFunction::Variance { sample: false, root: true } => "stddev_pop",
    };
    let argument = call.argument.as_ref().map_or_else(|| "*".to_owned(), |expr| describe_expr(expr, input));
    let filter = call.filter.as_ref().map(|expr| format!(" FILTER {}", describe_expr(expr, input))).unwrap_or_default();
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    format!(
        "{function}({distinct}{argument}){filter}:{}{}",
        describe_type(call.ty),
        if field.nullable { "?" } else { "" }
    )
}
