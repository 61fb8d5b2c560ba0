//! Rewrites the expressions of one physical operator. DataFusion can visit an operator's expressions but not replace them,
//! so this is a table of the operators that have any; [`Rewritten::Opaque`] is every other one.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, PiecewiseMergeJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::sorts::sort::SortExec;

type Expr = Arc<dyn PhysicalExpr>;
type Plan = Arc<dyn ExecutionPlan>;

/// Rewrites one expression, given the schema of the rows it is evaluated on.
pub(crate) type ExprRewrite<'a> = &'a dyn Fn(Expr, &SchemaRef) -> Result<Transformed<Expr>>;

/// The same, given what the expression is to its operator.
pub(crate) type SiteRewrite<'a> = &'a dyn Fn(Expr, &SchemaRef, Site<'_>) -> Result<Transformed<Expr>>;

/// What an expression is to its operator.
#[derive(Clone, Copy)]
pub(crate) enum Site<'a> {
    /// A value or a condition.
    Value,
    /// What rows are sorted, grouped or joined by.
    Key,
    /// An argument of an aggregate function.
    Argument(&'a AggregateFunctionExpr),
}

/// What became of an operator.
pub(crate) enum Rewritten {
    /// It had nothing to rewrite.
    Same,
    Changed(Plan),
    /// It is of a kind that is not in the table.
    Opaque,
}

/// Rewrites every expression of the operator `plan`, not those of its children.
pub(crate) fn rewrite_operator(plan: &Plan, rewrite: ExprRewrite<'_>) -> Result<Rewritten> {
    rewrite_sites(plan, &|expr, schema, _| rewrite(expr, schema))
}

/// The same with a rewrite that depends on what an expression is for.
pub(crate) fn rewrite_sites(plan: &Plan, rewrite: SiteRewrite<'_>) -> Result<Rewritten> {
    let one = plan.as_ref();
    let changed = if let Some(projection) = one.downcast_ref::<ProjectionExec>() {
        project(projection, rewrite)?
    } else if let Some(filter) = one.downcast_ref::<FilterExec>() {
        filter_rows(filter, rewrite)?
    } else if let Some(aggregate) = one.downcast_ref::<AggregateExec>() {
        aggregate_rows(aggregate, rewrite)?
    } else if let Some(sort) = one.downcast_ref::<SortExec>() {
        sort_rows(sort, rewrite)?
    } else if let Some(join) = one.downcast_ref::<HashJoinExec>() {
        hash_join(join, rewrite)?
    } else if let Some(join) = one.downcast_ref::<NestedLoopJoinExec>() {
        nested_loop_join(join, rewrite)?
    } else if let Some(join) = one.downcast_ref::<SortMergeJoinExec>() {
        sort_merge_join(join, rewrite)?
    } else if let Some(join) = one.downcast_ref::<PiecewiseMergeJoinExec>() {
        piecewise_merge_join(join, rewrite)?
    } else {
        return Ok(Rewritten::Opaque);
    };
    Ok(changed.map_or(Rewritten::Same, Rewritten::Changed))
}

/// Whether any expression of the operator itself matches `wanted`.
pub(crate) fn any_expression(plan: &Plan, wanted: &dyn Fn(&Expr) -> Result<bool>) -> Result<bool> {
    let mut found = false;
    plan.apply_expressions(&mut |expr| {
        found = found || wanted(expr)?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Applies `rewrite` and remembers whether anything changed.
struct Rewriter<'a> {
    rewrite: SiteRewrite<'a>,
    schema: SchemaRef,
    changed: bool,
}

impl<'a> Rewriter<'a> {
    fn new(rewrite: SiteRewrite<'a>, schema: SchemaRef) -> Self {
        Self { rewrite, schema, changed: false }
    }

    fn apply(&mut self, expr: &Expr, site: Site<'_>) -> Result<Expr> {
        let rewritten = (self.rewrite)(Arc::clone(expr), &self.schema, site)?;
        self.changed |= rewritten.transformed;
        Ok(rewritten.data)
    }

    fn apply_all(&mut self, exprs: &[Expr], site: Site<'_>) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.apply(expr, site)).collect()
    }

    fn finish(self, plan: impl FnOnce() -> Result<Plan>) -> Result<Option<Plan>> {
        if self.changed { plan().map(Some) } else { Ok(None) }
    }
}

fn project(exec: &ProjectionExec, rewrite: SiteRewrite<'_>) -> Result<Option<Plan>> {
    let mut rewriter = Rewriter::new(rewrite, exec.input().schema());
    let mut exprs = Vec::with_capacity(exec.expr().len());
    for projected in exec.expr() {
        exprs.push(ProjectionExpr {
            expr: rewriter.apply(&projected.expr, Site::Value)?,
            alias: projected.alias.clone(),
        });
    }
    let (input, schema) = (Arc::clone(exec.input()), exec.schema());
    rewriter.finish(|| Ok(Arc::new(ProjectionExec::try_new_with_schema_metadata(exprs, input, &schema)?)))
}

fn filter_rows(exec: &FilterExec, rewrite: SiteRewrite<'_>) -> Result<Option<Plan>> {
    let mut rewriter = Rewriter::new(rewrite, exec.input().schema());
    let predicate = rewriter.apply(exec.predicate(), Site::Value)?;
    rewriter.finish(|| Ok(Arc::new(FilterExecBuilder::from(exec).with_predicate(predicate).build()?)))
}

fn sort_rows(exec: &SortExec, rewrite: SiteRewrite<'_>) -> Result<Option<Plan>> {
    let mut rewriter = Rewriter::new(rewrite, exec.input().schema());
    let mut keys = Vec::new();
    for key in exec.expr() {
        keys.push(PhysicalSortExpr { expr: rewriter.apply(&key.expr, Site::Key)?, options: key.options });
    }
    let Some(keys) = LexOrdering::new(keys) else { return Ok(None) };
    rewriter.finish(|| {
        let sort =
            SortExec::new(keys, Arc::clone(exec.input())).with_preserve_partitioning(exec.preserve_partitioning());
        Ok(Arc::new(sort.with_fetch(exec.fetch())))
    })
}

fn aggregate_rows(exec: &AggregateExec, rewrite: SiteRewrite<'_>) -> Result<Option<Plan>> {
    // Group keys and filters see the operator's input; arguments always see the rows of the first phase.
    let mut on_input = Rewriter::new(rewrite, exec.input().schema());
    // The second phase groups by what the first made of the keys.
    let site = match exec.mode() {
        AggregateMode::Partial | AggregateMode::Single | AggregateMode::SinglePartitioned => Site::Key,
        AggregateMode::Final | AggregateMode::FinalPartitioned | AggregateMode::PartialReduce => Site::Value,
    };
    let mut group = Vec::new();
    for (expr, name) in exec.group_expr().expr() {
        group.push((on_input.apply(expr, site)?, name.clone()));
    }
    let mut arguments = Rewriter::new(rewrite, exec.input_schema());
    let mut filters = Vec::new();
    for filter in exec.filter_expr() {
        filters.push(filter.as_ref().map(|filter| arguments.apply(filter, Site::Value)).transpose()?);
    }
    let mut functions = Vec::new();
    for function in exec.aggr_expr() {
        functions.push(aggregate_function(function, &mut arguments)?);
    }
    if !on_input.changed && !arguments.changed {
        return Ok(None);
    }
    let old = exec.group_expr();
    let keys = PhysicalGroupBy::new(group, old.null_expr().to_vec(), old.groups().to_vec(), old.has_grouping_set());
    let input = Arc::clone(exec.input());
    let new = AggregateExec::try_new(*exec.mode(), keys, functions, filters, input, exec.input_schema())?;
    Ok(Some(Arc::new(new.with_limit_options(exec.limit_options()))))
}

fn aggregate_function(
    function: &Arc<AggregateFunctionExpr>,
    rewriter: &mut Rewriter<'_>,
) -> Result<Arc<AggregateFunctionExpr>> {
    let all = function.all_expressions();
    let mut own = Rewriter::new(rewriter.rewrite, Arc::clone(&rewriter.schema));
    let (arguments, ordering) =
        (own.apply_all(&all.args, Site::Argument(function))?, own.apply_all(&all.order_by_exprs, Site::Key)?);
    if !own.changed {
        return Ok(Arc::clone(function));
    }
    rewriter.changed = true;
    match function.with_new_expressions(arguments, ordering) {
        Some(new) => Ok(Arc::new(new)),
        None => {
            datafusion::common::not_impl_err!("the arguments of {} cannot be checked for overflow", function.name())
        }
    }
}

fn join_filter(filter: Option<&JoinFilter>, rewrite: SiteRewrite<'_>) -> Result<(Option<JoinFilter>, bool)> {
    let Some(filter) = filter else { return Ok((None, false)) };
    let mut rewriter = Rewriter::new(rewrite, Arc::clone(filter.schema()));
    let expression = rewriter.apply(filter.expression(), Site::Value)?;
    let new = JoinFilter::new(expression, filter.column_indices().to_vec(), Arc::clone(filter.schema()));
    Ok((Some(new), rewriter.changed))
}

type JoinKeys = Vec<(Expr, Expr)>;

fn join_keys(keys: &[(Expr, Expr)], left: &Plan, right: &Plan, rewrite: SiteRewrite<'_>) -> Result<(JoinKeys, bool)> {
    let mut on_left = Rewriter::new(rewrite, left.schema());
    let mut on_right = Rewriter::new(rewrite, right.schema());
    let mut new = Vec::with_capacity(keys.len());
    for (left, right) in keys {
        new.push((on_left.apply(left, Site::Key)?, on_right.apply(right, Site::Key)?));
    }
    Ok((new, on_left.changed || on_right.changed))
}

fn hash_join(exec: &HashJoinExec, rewrite: SiteRewrite<'_>) -> Result<Option<Plan>> {
    let (filter, filter_changed) = join_filter(exec.filter(), rewrite)?;
    let (keys, keys_changed) = join_keys(exec.on(), exec.left(), exec.right(), rewrite)?;
    if !filter_changed && !keys_changed {
        return Ok(None);
    }
    exec.builder().with_filter(filter).with_on(keys).recompute_properties().build_exec().map(Some)
}

fn nested_loop_join(exec: &NestedLoopJoinExec, rewrite: SiteRewrite<'_>) -> Result<Option<Plan>> {
    let (filter, changed) = join_filter(exec.filter(), rewrite)?;
    if !changed {
        return Ok(None);
    }
    let projection = exec.projection().as_ref().map(|columns| columns.to_vec());
    let (left, right) = (Arc::clone(exec.left()), Arc::clone(exec.right()));
    Ok(Some(Arc::new(NestedLoopJoinExec::try_new(left, right, filter, exec.join_type(), projection)?)))
}

fn piecewise_merge_join(exec: &PiecewiseMergeJoinExec, rewrite: SiteRewrite<'_>) -> Result<Option<Plan>> {
    let mut on_buffered = Rewriter::new(rewrite, exec.buffered().schema());
    let mut on_streamed = Rewriter::new(rewrite, exec.streamed().schema());
    let on = (on_buffered.apply(&exec.on.0, Site::Key)?, on_streamed.apply(&exec.on.1, Site::Key)?);
    if !on_buffered.changed && !on_streamed.changed {
        return Ok(None);
    }
    let (buffered, streamed) = (Arc::clone(exec.buffered()), Arc::clone(exec.streamed()));
    let partitions = exec.properties().output_partitioning().partition_count();
    let join = PiecewiseMergeJoinExec::try_new(buffered, streamed, on, exec.operator, exec.join_type(), partitions)?;
    Ok(Some(Arc::new(join)))
}

fn sort_merge_join(exec: &SortMergeJoinExec, rewrite: SiteRewrite<'_>) -> Result<Option<Plan>> {
    let (filter, filter_changed) = join_filter(exec.filter().as_ref(), rewrite)?;
    let (keys, keys_changed) = join_keys(exec.on(), exec.left(), exec.right(), rewrite)?;
    if !filter_changed && !keys_changed {
        return Ok(None);
    }
    Ok(Some(Arc::new(SortMergeJoinExec::try_new(
        Arc::clone(exec.left()),
        Arc::clone(exec.right()),
        keys,
        filter,
        exec.join_type(),
        exec.sort_options().to_vec(),
        exec.null_equality(),
    )?)))
}
