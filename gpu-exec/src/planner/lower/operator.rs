//! What a host operator is to the device, and the node it becomes once its inputs are nodes.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::output_requirements::OutputRequirementExec;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::aggregate::Aggregation;
use super::join::HostJoin;
use super::window::HostWindow;
use super::{fields_of, label, sort};
use crate::ir::{Expr, Node, Type};
use crate::planner::expression::translate;
use crate::planner::{Reason, support};

/// A host operator the device may have a form for.
pub(crate) enum Kind<'a> {
    Scan,
    Filter(&'a FilterExec),
    Project(&'a ProjectionExec),
    /// At most `fetch` rows after `skip`.
    Limit {
        skip: u64,
        fetch: Option<u64>,
    },
    /// Moves rows about on the host: nothing on the device, where there is one partition.
    Pass,
    /// The host's note that the order below is the query's.
    RequiredOrder,
    Sort(&'a SortExec),
    Aggregate(Aggregation<'a>),
    Join(HostJoin<'a>),
    Window(HostWindow<'a>),
    Union,
}

/// One operator with its inputs. `fetch` limits hidden inside operators are nodes of their own on the device.
pub(crate) struct Operator<'a> {
    pub(crate) plan: &'a Arc<dyn ExecutionPlan>,
    pub(crate) kind: Kind<'a>,
    pub(crate) inputs: Vec<&'a Arc<dyn ExecutionPlan>>,
}

/// Recognises one host operator, or says why it stays on the host. Looks at no expression and no input.
pub(crate) fn recognise(plan: &Arc<dyn ExecutionPlan>) -> Result<Operator<'_>, Reason> {
    let operator = |kind, inputs| Ok(Operator { plan, kind, inputs });
    if plan.is::<DataSourceExec>() {
        return operator(Kind::Scan, vec![]);
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let aggregation = Aggregation::of(aggregate)?;
        let input = aggregation.input();
        return operator(Kind::Aggregate(aggregation), vec![input]);
    }
    if let Some(join) = HostJoin::of(plan) {
        support::require_operator(join.name())?;
        let inputs = vec![join.left, join.right];
        return operator(Kind::Join(join), inputs);
    }
    if is_order_required(plan) {
        return operator(Kind::RequiredOrder, plan.children());
    }
    support::require_operator(plan.name())?;
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        return operator(Kind::Sort(sort), vec![sort.input()]);
    }
    if let Some(window) = HostWindow::of(plan) {
        let input = window.input;
        return operator(Kind::Window(window), vec![input]);
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        return operator(Kind::Filter(filter), vec![filter.input()]);
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        return operator(Kind::Project(projection), vec![projection.input()]);
    }
    if let Some(limit) = plan.downcast_ref::<GlobalLimitExec>() {
        require_unordered(limit.required_ordering().is_some())?;
        let kind = Kind::Limit { skip: limit.skip() as u64, fetch: limit.fetch().map(|rows| rows as u64) };
        return operator(kind, vec![limit.input()]);
    }
    if let Some(limit) = plan.downcast_ref::<LocalLimitExec>() {
        require_unordered(limit.required_ordering().is_some())?;
        return operator(Kind::Limit { skip: 0, fetch: Some(limit.fetch() as u64) }, vec![limit.input()]);
    }
    if let Some(repartition) = plan.downcast_ref::<RepartitionExec>() {
        require_unordered(repartition.preserve_order())?;
        return operator(Kind::Pass, vec![repartition.input()]);
    }
    if plan.is::<UnionExec>() || plan.is::<InterleaveExec>() {
        return operator(Kind::Union, plan.children());
    }
    if plan.name() == "CoalesceBatchesExec" {
        return operator(Kind::Pass, plan.children());
    }
    if let Some(coalesce) = plan.downcast_ref::<CoalescePartitionsExec>() {
        return operator(Kind::Pass, vec![coalesce.input()]);
    }
    Err(Reason::new(format!("{} has no device form", plan.name())))
}

/// Operators that only carry rows, or wait for others to.
const MOVEMENT: &[&str] = &[
    "BufferExec",
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "OutputRequirementExec",
    "RepartitionExec",
    "ScalarSubqueryExec",
];

/// Whether an operator computes nothing and drops no row.
pub(crate) fn is_movement(plan: &Arc<dyn ExecutionPlan>) -> bool {
    MOVEMENT.contains(&plan.name()) && plan.fetch().is_none()
}

/// Whether this is the host's note, taken away once a query is planned, that the order below is the one it asks for.
pub(crate) fn is_order_required(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let note = plan.downcast_ref::<OutputRequirementExec>();
    note.is_some_and(|note| note.required_input_ordering().iter().any(Option::is_some))
}

/// The operator whose rows a plan only carries; itself where it does more.
pub fn carried(plan: &Arc<dyn ExecutionPlan>) -> &Arc<dyn ExecutionPlan> {
    match plan.children().as_slice() {
        [only] if is_movement(plan) || plan.downcast_ref().is_some_and(only_columns) => carried(only),
        _ => plan,
    }
}

fn only_columns(projection: &ProjectionExec) -> bool {
    projection.expr().iter().all(|item| item.expr.is::<Column>())
}

fn require_unordered(ordered: bool) -> Result<(), Reason> {
    if ordered { Err(Reason::new("rows whose order matters stay on the host")) } else { Ok(()) }
}

impl Operator<'_> {
    /// Whether a host input may be uploaded to it: its output owes nothing to the order of its input.
    pub(crate) fn is_breaker(&self) -> bool {
        matches!(self.kind, Kind::Aggregate(_) | Kind::Join(_) | Kind::Window(_))
    }

    /// Whether it gives the same rows above a limit as below it.
    pub(crate) fn passes_limit(&self) -> bool {
        match self.kind {
            Kind::Limit { .. } | Kind::Pass | Kind::RequiredOrder => true,
            Kind::Project(projection) => only_columns(projection),
            Kind::Scan
            | Kind::Filter(_)
            | Kind::Sort(_)
            | Kind::Aggregate(_)
            | Kind::Join(_)
            | Kind::Window(_)
            | Kind::Union => false,
        }
    }

    /// Whether it keeps the order of its input, on the device too.
    pub(crate) fn keeps_order(&self) -> bool {
        matches!(self.kind, Kind::Limit { .. } | Kind::Pass | Kind::RequiredOrder | Kind::Project(_))
    }

    /// Labels of the host operators it stands for, parents first.
    pub(crate) fn labels(&self) -> Vec<String> {
        match &self.kind {
            Kind::Aggregate(aggregation) => aggregation.labels(self.plan),
            Kind::RequiredOrder => vec![],
            _ => vec![label(self.plan)],
        }
    }

    /// The node, given those of the inputs; a scan is not built here.
    pub(crate) fn build(&self, mut inputs: Vec<Node>) -> Result<Node, Reason> {
        if let Kind::Union = self.kind {
            return build_union(inputs, &self.plan.schema());
        }
        let last = inputs.pop().ok_or_else(|| Reason::new(format!("{} has no input", self.plan.name())))?;
        let node = match &self.kind {
            Kind::Scan | Kind::Pass | Kind::Union => last,
            Kind::RequiredOrder if sort::is_sorted(&last) => last,
            Kind::RequiredOrder => return Err(Reason::new("rows whose order matters stay on the host")),
            Kind::Sort(sort) => sort::build(sort, last)?,
            Kind::Filter(filter) => build_filter(filter, last)?,
            Kind::Project(projection) => build_projection(projection, last)?,
            Kind::Limit { skip, fetch } => {
                return Ok(limit(last, *skip, *fetch));
            }
            Kind::Aggregate(aggregation) => aggregation.build(&self.plan.schema(), last)?,
            Kind::Window(window) => window.build(&self.plan.schema(), last)?,
            Kind::Join(join) => {
                let left = inputs.pop().ok_or_else(|| Reason::new("a join has two inputs"))?;
                join.build(&self.plan.schema(), left, last)?
            }
        };
        Ok(match self.plan.fetch() {
            Some(rows) => limit(node, 0, Some(rows as u64)),
            None => node,
        })
    }
}

/// A limit above a node; one limit above another is one.
pub(super) fn limit(input: Node, skip: u64, fetch: Option<u64>) -> Node {
    match input {
        Node::Limit { input, skip: skip_below, fetch: fetch_below } => {
            let left = fetch_below.map(|rows| rows.saturating_sub(skip));
            let fetch = [fetch, left].into_iter().flatten().min();
            Node::Limit { input, skip: skip_below.saturating_add(skip), fetch }
        }
        other => Node::Limit { input: Box::new(other), skip, fetch },
    }
}

fn build_filter(filter: &FilterExec, input: Node) -> Result<Node, Reason> {
    let schema = filter.input().schema();
    let predicate = translate(filter.predicate(), &schema)?;
    if predicate.ty != Type::Bool {
        return Err(Reason::at(filter.predicate().as_ref(), "a filter needs a boolean"));
    }
    let filtered = Node::Filter { input: Box::new(input), predicate };
    let Some(kept) = filter.projection() else {
        return Ok(filtered);
    };
    let fields = fields_of(&filter.schema())?;
    let exprs = kept.iter().zip(&fields).map(|(index, field)| Expr::column(*index, field.ty, field.nullable)).collect();
    Ok(Node::Project { input: Box::new(filtered), exprs, fields })
}

fn build_union(inputs: Vec<Node>, schema: &Schema) -> Result<Node, Reason> {
    let fields = fields_of(schema)?;
    let is_alike = |input: &Node| input.fields().iter().map(|field| field.ty).eq(fields.iter().map(|field| field.ty));
    if !inputs.iter().all(is_alike) {
        return Err(Reason::new("a union of columns of several types has no device form"));
    }
    Ok(Node::Union { inputs, fields })
}

fn build_projection(projection: &ProjectionExec, input: Node) -> Result<Node, Reason> {
    let schema = projection.input().schema();
    let translate = |expr: &Arc<dyn PhysicalExpr>| translate(expr, &schema);
    let exprs = projection.expr().iter().map(|item| translate(&item.expr)).collect::<Result<Vec<_>, _>>()?;
    let fields = fields_of(&projection.schema())?;
    Ok(match input {
        // Columns are chosen below the limit: see `passes_limit`.
        Node::Limit { input, skip, fetch } => limit(Node::Project { input, exprs, fields }, skip, fetch),
        other => Node::Project { input: Box::new(other), exprs, fields },
    })
}
