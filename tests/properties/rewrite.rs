//! Changes of expressions as parsed: columns become constants, literals become columns, and a failing expression becomes
//! smaller. An expression that does not parse stays as it is.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, UnaryOperator, Value, VisitMut, VisitorMut, visit_expressions_mut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

fn parse(text: &str) -> Option<Expr> {
    Parser::new(&GenericDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}

/// `text` with these values, as SQL, for its columns.
pub(crate) fn with_constants(text: &str, values: &BTreeMap<String, String>) -> String {
    let Some(mut parsed) = parse(text) else { return text.to_owned() };
    let _: ControlFlow<()> = visit_expressions_mut(&mut parsed, |found| {
        if let Expr::Identifier(name) = found
            && let Some(value) = values.get(&name.value).and_then(|value| parse(value))
        {
            *found = value;
        }
        ControlFlow::Continue(())
    });
    parsed.to_string()
}

/// Literals that have become columns of the table `literals`.
#[derive(Default)]
pub(crate) struct Lifted {
    /// `None` before the first expression.
    columns: Option<Vec<String>>,
}

impl Lifted {
    /// `text` with columns for its literals.
    pub(crate) fn lift(&mut self, text: &str) -> String {
        let columns = self.columns.get_or_insert_default();
        let Some(mut parsed) = parse(text) else { return text.to_owned() };
        let _ = VisitMut::visit(&mut parsed, &mut Lift { columns, fixed: 0 });
        parsed.to_string()
    }

    /// What makes the table; `None` where nothing was to be lifted.
    pub(crate) fn statement(&self) -> Option<String> {
        let column = |(index, text): (usize, &String)| format!("{text} AS l{index}");
        let columns: Vec<String> = self.columns.as_ref()?.iter().enumerate().map(column).collect();
        // A table has a column.
        let columns = if columns.is_empty() { "1 AS l0".to_owned() } else { columns.join(", ") };
        Some(format!("CREATE OR REPLACE TABLE literals AS SELECT {columns}"))
    }
}

struct Lift<'a> {
    columns: &'a mut Vec<String>,
    /// How many expressions around this one want literals inside.
    fixed: usize,
}

/// Functions that want a literal argument.
const WANT_LITERALS: [&str; 3] = ["date_trunc", "arrow_cast", "date_part"];

impl VisitorMut for Lift<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, found: &mut Expr) -> ControlFlow<()> {
        if is_literal(found) && self.fixed == 0 {
            let column = format!("l{}", self.columns.len());
            self.columns.push(found.to_string());
            *found = Expr::Identifier(Ident::new(column));
        }
        self.fixed += usize::from(wants_literals(found));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, found: &mut Expr) -> ControlFlow<()> {
        self.fixed -= usize::from(wants_literals(found));
        ControlFlow::Continue(())
    }
}

fn wants_literals(found: &Expr) -> bool {
    match found {
        Expr::Function(call) => WANT_LITERALS.contains(&call.name.to_string().as_str()),
        Expr::Interval(_) => true,
        _ => false,
    }
}

/// A literal with its type.
fn is_literal(found: &Expr) -> bool {
    match found {
        Expr::Value(value) => !matches!(value.value, Value::Null),
        Expr::TypedString(_) => true,
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => matches!(expr.as_ref(), Expr::Value(_)),
        Expr::Cast { expr, .. } => matches!(expr.as_ref(), Expr::Value(_)),
        Expr::Function(call) => call.name.to_string() == "arrow_cast",
        _ => false,
    }
}

/// Smaller expressions that `text` has inside, each in the place of what it was a part of; the largest steps first. What is
/// in brackets stays so.
pub(crate) fn smaller(text: &str) -> Vec<String> {
    match parse(text) {
        Some(Expr::Nested(inside)) => parts_of(&inside).into_iter().map(|smaller| format!("({smaller})")).collect(),
        Some(parsed) => parts_of(&parsed),
        None => Vec::new(),
    }
}

fn parts_of(parsed: &Expr) -> Vec<String> {
    let text = parsed.to_string();
    let mut parts = Parts::default();
    let _ = VisitMut::visit(&mut parsed.clone(), &mut parts);
    let mut candidates: Vec<String> = Vec::new();
    for (index, whole) in parts.found.iter().enumerate() {
        let inside = parts.found[index + 1..].iter().take_while(|part| part.depth > whole.depth);
        let children = inside.filter(|part| part.depth == whole.depth + 1).map(|part| part.text.as_str());
        for replacement in children.chain(["NULL", "true"]) {
            candidates.extend(replaced(parsed, index, replacement));
        }
    }
    // A division that has lost its CASE fails for another reason.
    let cases = |text: &str| text.matches("CASE").count();
    let is_bare = |candidate: &str| candidate.contains(" / ") && cases(candidate) < cases(&text);
    candidates.retain(|candidate| candidate.len() < text.len() && !is_bare(candidate));
    candidates.sort_by_key(String::len);
    candidates.dedup();
    candidates
}

/// All expressions inside of one, in the order of a visit.
#[derive(Default)]
struct Parts {
    found: Vec<Part>,
    depth: usize,
}

struct Part {
    depth: usize,
    text: String,
}

impl VisitorMut for Parts {
    type Break = ();

    fn pre_visit_expr(&mut self, found: &mut Expr) -> ControlFlow<()> {
        self.found.push(Part { depth: self.depth, text: found.to_string() });
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

/// The expression with another one in the place of the part at `index`.
fn replaced(parsed: &Expr, index: usize, replacement: &str) -> Option<String> {
    let mut copy = parsed.clone();
    let mut replace = Replace { at: index, with: parse(replacement)? };
    let _ = VisitMut::visit(&mut copy, &mut replace);
    Some(copy.to_string())
}

struct Replace {
    at: usize,
    with: Expr,
}

impl VisitorMut for Replace {
    type Break = ();

    fn pre_visit_expr(&mut self, found: &mut Expr) -> ControlFlow<()> {
        if self.at == 0 {
            *found = self.with.clone();
            return ControlFlow::Break(());
        }
        self.at -= 1;
        ControlFlow::Continue(())
    }
}
