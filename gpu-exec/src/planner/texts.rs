//! Which text columns need no dictionary: those that the plan only carries to its output and tests.
//!
//! Grouping, joining, ordering and every function that only the host knows compare or map codes, which a dictionary
//! gives. A column that is merely put out, asked whether it is NULL, or compared with constants can be text as it lies
//! in the file. Not here: whether it then is ([`crate::scan`] asks the files).

use std::collections::BTreeSet;

use crate::ir::{
    AggregateCall, AggregateFunction, Expr, ExprKind, Field, JoinColumn, JoinKind, JoinSide, Node, Type, WindowCall,
};

/// A leaf of a plan, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Leaf {
    Scan(usize),
    Input(usize),
}

/// For a column of a node, the column of a leaf whose text it is unchanged.
type Origin = Option<(Leaf, usize)>;

/// The text columns of a plan's leaves that need no dictionary, by their position in what the leaf puts out.
#[derive(Debug, Default)]
pub struct RawTexts {
    raw: BTreeSet<(Leaf, usize)>,
    /// Those of them that a join hands on or looks at: a build may refer to their texts when the rows they came with are gone.
    joined: BTreeSet<(Leaf, usize)>,
}

impl RawTexts {
    /// Those of a plan.
    pub fn of(root: &Node) -> Self {
        let mut uses = Uses::default();
        uses.columns(root);
        let raw: BTreeSet<_> = uses.seen.difference(&uses.coded).copied().collect();
        Self { joined: uses.joined.intersection(&raw).copied().collect(), raw }
    }

    /// Positions in the output of a scan.
    pub fn of_scan(&self, scan: usize) -> BTreeSet<usize> {
        self.of_leaf(Leaf::Scan(scan))
    }

    /// Those of a scan that nothing refers to once a wave of it is gone.
    pub fn of_waves(&self, scan: usize) -> BTreeSet<usize> {
        let mut own = self.of_scan(scan);
        own.retain(|column| !self.joined.contains(&(Leaf::Scan(scan), *column)));
        own
    }

    /// Positions in the output of a host input.
    pub fn of_input(&self, input: usize) -> BTreeSet<usize> {
        self.of_leaf(Leaf::Input(input))
    }

    fn of_leaf(&self, leaf: Leaf) -> BTreeSet<usize> {
        self.raw.iter().filter(|(of, _)| *of == leaf).map(|(_, column)| *column).collect()
    }
}

#[derive(Default)]
struct Uses {
    /// All text columns of the leaves.
    seen: BTreeSet<(Leaf, usize)>,
    /// Those that need a dictionary.
    coded: BTreeSet<(Leaf, usize)>,
    /// Those that go through a join.
    joined: BTreeSet<(Leaf, usize)>,
}

impl Uses {
    /// Visits a node and all below it; says what its columns are.
    fn columns(&mut self, node: &Node) -> Vec<Origin> {
        match node {
            Node::Scan { scan, fields } => self.leaf(Leaf::Scan(*scan), fields),
            Node::Input { child, fields, .. } => self.leaf(Leaf::Input(*child), fields),
            Node::Filter { input, predicate } => {
                let columns = self.columns(input);
                self.read(predicate, &columns);
                columns
            }
            Node::Project { input, exprs, .. } => {
                let columns = self.columns(input);
                exprs.iter().map(|expr| self.carried(expr, &columns)).collect()
            }
            Node::Join { kind, left, right, on, residual, output, .. } => {
                let (left, right) = (self.columns(left), self.columns(right));
                for (one, other) in on {
                    self.read(one, &left);
                    self.read(other, &right);
                }
                if let Some(residual) = residual {
                    let columns = [left.as_slice(), right.as_slice()].concat();
                    self.read(residual, &columns);
                    self.joined.extend(columns.into_iter().flatten());
                }
                let column = |side, index: usize| if side == JoinSide::Left { left[index] } else { right[index] };
                let kept = |kept: &JoinColumn| match kept {
                    JoinColumn::Of { side, index } => column(*side, *index),
                    JoinColumn::Mark => None,
                };
                let output: Vec<Origin> = output.iter().map(kept).collect();
                match kind {
                    // Its rows are those of a union.
                    JoinKind::Full => self.coded.extend(output.iter().flatten()),
                    _ => self.joined.extend(output.iter().flatten()),
                }
                output
            }
            // What is text without a dictionary in one input need not be in another.
            Node::Union { inputs, fields } => {
                for input in inputs {
                    let columns = self.columns(input);
                    self.coded.extend(columns.into_iter().flatten());
                }
                vec![None; fields.len()]
            }
            Node::Aggregate { input, keys, calls, fields, .. } => {
                let columns = self.columns(input);
                keys.iter().for_each(|key| self.read(key, &columns));
                calls.iter().for_each(|call| self.aggregated(call, &columns));
                vec![None; fields.len()]
            }
            // Rows wait for all of their partition: what they refer to may be gone by then.
            Node::Window { input, partition_by, order_by, calls, fields } => {
                let columns = self.columns(input);
                self.coded.extend(columns.iter().copied().flatten());
                let keys = partition_by.iter().chain(order_by.iter().map(|key| &key.expr));
                keys.chain(calls.iter().flat_map(WindowCall::expressions)).for_each(|expr| self.read(expr, &columns));
                vec![None; fields.len()]
            }
            Node::Sort { input, keys } => {
                let columns = self.columns(input);
                keys.iter().for_each(|key| self.read(&key.expr, &columns));
                columns
            }
            Node::Limit { input, .. } => self.columns(input),
        }
    }

    fn aggregated(&mut self, call: &AggregateCall, columns: &[Origin]) {
        call.filter.iter().for_each(|filter| self.read(filter, columns));
        match &call.argument {
            // Counting asks for NULLs only.
            Some(argument) if call.function == AggregateFunction::Count && !call.distinct => {
                self.carried(argument, columns);
            }
            Some(argument) => self.read(argument, columns),
            None => {}
        }
    }

    fn leaf(&mut self, leaf: Leaf, fields: &[Field]) -> Vec<Origin> {
        let origin = |(place, field): (usize, &Field)| (field.ty == Type::Text).then_some((leaf, place));
        let origins: Vec<Origin> = fields.iter().enumerate().map(origin).collect();
        self.seen.extend(origins.iter().flatten());
        origins
    }

    /// An expression whose value, where it is a column, is only handed on.
    fn carried(&mut self, expr: &Expr, columns: &[Origin]) -> Origin {
        if let ExprKind::Column(index) = expr.kind {
            return columns.get(index).copied().flatten();
        }
        self.read(expr, columns);
        None
    }

    /// An expression that computes with what it reads.
    fn read(&mut self, expr: &Expr, columns: &[Origin]) {
        match &expr.kind {
            ExprKind::Column(index) => self.coded.extend(columns.get(*index).copied().flatten()),
            ExprKind::IsNull(input)
            | ExprKind::TextTest { input, .. }
            | ExprKind::TextLength { input, .. }
            | ExprKind::DictionaryMap { input, direct: Some(_), .. } => {
                self.carried(input, columns);
            }
            _ => expr.children().into_iter().for_each(|child| self.read(child, columns)),
        }
    }
}
