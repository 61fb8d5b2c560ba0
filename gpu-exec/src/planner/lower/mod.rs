//! A host subtree becomes a device plan: one tree of nodes, its scans, and the host inputs it uploads.
//!
//! [`operator`] recognises what a host operator is, this module walks the tree. A breaker (aggregate, join, window) may stand
//! on a host input, which is uploaded; everything else needs its input on the device: it must keep the order its
//! input has, and uploading rows to filter them does not pay. Not here: which subtrees are taken ([`super::rule`]).

mod aggregate;
mod join;
mod label;
mod operator;
mod sort;
mod window;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::expression::device_type;
use super::nodes::ScannedRows;
use super::{DeviceNodes, Reason};
use crate::ir::{Expr, ExprKind, Field, Node, Type};

pub(crate) use label::file_scan;
pub use label::label;
pub use operator::carried;
pub(crate) use operator::{Kind, Operator, is_movement, is_order_required, recognise};

/// What a placed subtree means, and what it stands on.
#[derive(Clone, Debug)]
pub struct Lowered {
    pub root: Node,
    /// The subtree's file scans; [`Node::Scan`] refers to them by position.
    pub scans: Vec<Arc<dyn ExecutionPlan>>,
    /// Host plans whose output is uploaded; [`Node::Input`] refers to them by position.
    pub inputs: Vec<Arc<dyn ExecutionPlan>>,
    /// The subtree's output, exactly as the host declares it.
    pub schema: SchemaRef,
    /// Labels of the host operators that the subtree replaces, parents first.
    pub operators: Vec<String>,
    /// By what its rows are sorted, over its output; empty where they are not.
    pub ordering: Vec<PhysicalSortExpr>,
    /// Whether that order is the one that the query asks for.
    pub is_order_required: bool,
}

/// Lowers a host subtree whole.
///
/// # Errors
/// The reason its topmost operator cannot be placed.
pub fn lower(plan: &Arc<dyn ExecutionPlan>, nodes: &dyn DeviceNodes) -> Result<Lowered, Reason> {
    let mut lowering = Lowering { nodes, scans: vec![], inputs: vec![], operators: vec![] };
    let root = lowering.node(plan)?;
    let Lowering { scans, inputs, operators, .. } = lowering;
    let is_sorted = sort::is_sorted(&root);
    let ordering = if is_sorted { sort::ordering(plan) } else { vec![] };
    let is_order_required = is_sorted && sort::holds_required_order(plan);
    Ok(Lowered { root, scans, inputs, schema: plan.schema(), operators, ordering, is_order_required })
}

impl Lowered {
    /// What a node that runs it may state of its rows.
    pub fn equivalences(&self) -> EquivalenceProperties {
        let ordering = LexOrdering::new(self.ordering.iter().cloned());
        EquivalenceProperties::new_with_orderings(Arc::clone(&self.schema), ordering)
    }

    /// Whether the device has something to compute: a filter, an aggregate, a join, a window, a sort, or an expression.
    /// Rows that are only read, renamed or cut are faster left on the host; also those of which a few are wanted in an
    /// order, as the host reads no more of a file than may hold them.
    pub fn computes(&self) -> bool {
        computes(&self.root, false)
    }
}

/// `is_cut`: whether only some of the node's rows are wanted.
fn computes(node: &Node, is_cut: bool) -> bool {
    match node {
        Node::Scan { .. } | Node::Input { .. } => false,
        // Rows that are deleted are left out on the host as well.
        Node::Filter { input, .. } if is_with_left(input) => false,
        Node::Filter { .. } | Node::Join { .. } | Node::Aggregate { .. } | Node::Window { .. } => true,
        Node::Union { inputs, .. } => inputs.iter().any(|input| computes(input, is_cut)),
        Node::Sort { input, .. } => !is_cut || computes(input, is_cut),
        Node::Limit { input, fetch, .. } => computes(input, is_cut || fetch.is_some()),
        Node::Project { input, exprs, .. } => {
            exprs.iter().any(|expr| !matches!(expr.kind, ExprKind::Column(_))) || computes(input, is_cut)
        }
    }
}

/// The column of a scan that says which rows are left.
const LEFT: &str = "left rows";

fn is_with_left(node: &Node) -> bool {
    matches!(node, Node::Scan { fields, .. } if fields.last().is_some_and(|field| field.name == LEFT))
}

/// The lists that grow while a tree is walked.
struct Lowering<'a> {
    nodes: &'a dyn DeviceNodes,
    scans: Vec<Arc<dyn ExecutionPlan>>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    operators: Vec<String>,
}

impl Lowering<'_> {
    fn node(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Result<Node, Reason> {
        let operator = recognise(plan)?;
        if let Kind::Sort(sort) = operator.kind
            && sort.preserve_partitioning()
        {
            return Err(Reason::new("each of several partitions is sorted by itself"));
        }
        self.operators.extend(operator.labels());
        let mut inputs = Vec::with_capacity(operator.inputs.len());
        for input in &operator.inputs {
            inputs.push(self.input_of(&operator, input)?);
        }
        if let Kind::Scan = operator.kind {
            return self.scan(plan);
        }
        operator.build(inputs)
    }

    /// The input on the device, or uploaded where the operator allows it.
    fn input_of(&mut self, operator: &Operator<'_>, input: &Arc<dyn ExecutionPlan>) -> Result<Node, Reason> {
        let before = (self.scans.len(), self.inputs.len(), self.operators.len());
        match self.node(input).and_then(|node| require_root(operator, node)) {
            Ok(node) => Ok(node),
            Err(reason) if operator.is_breaker() => {
                self.scans.truncate(before.0);
                self.inputs.truncate(before.1);
                self.operators.truncate(before.2);
                self.upload(input).map_err(|refused| Reason::new(format!("{refused}; its input stays there: {reason}")))
            }
            Err(reason) => Err(reason),
        }
    }

    fn scan(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Result<Node, Reason> {
        let rows = self.nodes.check_scan(plan).map_err(Reason::new)?;
        let mut fields = stored_fields_of(&plan.schema())?;
        self.scans.push(Arc::clone(plan));
        let scan = self.scans.len() - 1;
        if rows == ScannedRows::All {
            return Ok(Node::Scan { scan, fields });
        }
        let columns = fields.clone();
        let exprs = columns.iter().enumerate();
        let exprs = exprs.map(|(at, field)| Expr::column(at, field.ty, field.nullable)).collect();
        let predicate = Expr::column(fields.len(), Type::Bool, false);
        fields.push(Field { name: LEFT.to_string(), ty: Type::Bool, nullable: false });
        let left = Node::Filter { input: Box::new(Node::Scan { scan, fields }), predicate };
        Ok(Node::Project { input: Box::new(left), exprs, fields: columns })
    }

    fn upload(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Result<Node, Reason> {
        if plan.boundedness().is_unbounded() {
            return Err(Reason::new("an unbounded input cannot be uploaded"));
        }
        let schema = plan.schema();
        let fields = stored_fields_of(&schema)?;
        self.inputs.push(Arc::clone(plan));
        Ok(Node::Input { child: self.inputs.len() - 1, schema, fields })
    }
}

/// A device plan is cut and sorted at its root only: what computes on such rows is a plan of its own, over that one's output.
fn require_root(operator: &Operator<'_>, input: Node) -> Result<Node, Reason> {
    match input {
        Node::Limit { .. } if !operator.passes_limit() => Err(Reason::new("its input is cut by a LIMIT")),
        sorted if sort::is_sorted(&sorted) && !operator.keeps_order() => Err(Reason::new("its input is sorted")),
        other => Ok(other),
    }
}

/// The same of rows that are held as columns, not computed as they are put out.
pub(crate) fn stored_fields_of(schema: &Schema) -> Result<Vec<Field>, Reason> {
    let fields = fields_of(schema)?;
    match fields.iter().find(|field| matches!(field.ty, Type::WideDecimal { .. })) {
        None => Ok(fields),
        Some(wide) => Err(Reason::new(format!(
            "column {} is a decimal of more than 38 digits, which has no device form",
            wide.name
        ))),
    }
}

/// A schema as the device sees it.
pub(crate) fn fields_of(schema: &Schema) -> Result<Vec<Field>, Reason> {
    let field = |field: &Arc<arrow::datatypes::Field>| {
        let ty = device_type(field.data_type()).ok_or_else(|| {
            Reason::new(format!("column {} has type {}, which has no device form", field.name(), field.data_type()))
        })?;
        Ok(Field { name: field.name().clone(), ty, nullable: field.is_nullable() })
    };
    schema.fields().iter().map(field).collect()
}
