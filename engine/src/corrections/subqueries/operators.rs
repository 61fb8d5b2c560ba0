//! How each operator of a correlated plan carries the keys of the domain: the rules behind [`super::dependent::attach`].

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{ExprSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, Expr, ExprFunctionExt, FetchType, Filter, Join, JoinType, Limit, LogicalPlan,
    LogicalPlanBuilder, Operator, Projection, SkipType, SortExpr, Values, Window, binary_expr, lit, when,
};

use super::dependent::{Attached, Domain, attach as attach_input};
use super::joins::{Names, join, named};

pub(super) fn attach(plan: LogicalPlan, domain: &Domain, names: &Names) -> Result<Attached> {
    let input_of = |input: Arc<LogicalPlan>| attach_input(Arc::unwrap_or_clone(input), domain, names);
    match plan {
        LogicalPlan::Projection(projection) => {
            let input = input_of(projection.input)?;
            let columns = resolved(projection.expr, domain, &input.keys)?;
            input.narrowed(columns)
        }
        LogicalPlan::Filter(filter) => {
            let input = input_of(filter.input)?;
            let predicate = domain.resolve(filter.predicate, &input.keys)?;
            let plan = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input.plan))?);
            Ok(Attached { plan, keys: input.keys })
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let columns = alias.input.schema().columns().into_iter().zip(alias.schema.columns());
            let renamed = columns.map(|(old, new)| Expr::Column(old).alias_qualified(new.relation, new.name)).collect();
            input_of(alias.input)?.narrowed(renamed)
        }
        LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate, domain, names),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
            let input = input_of(input)?.narrowed(columns)?;
            let plan = LogicalPlanBuilder::from(input.plan).distinct()?.build()?;
            Ok(Attached { plan, keys: input.keys })
        }
        LogicalPlan::Distinct(Distinct::On(distinct)) => of_distinct_on(distinct, domain, names),
        // Without a limit the order of a subquery's rows means nothing.
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => input_of(sort.input),
        LogicalPlan::Limit(limit) => of_limit(limit, domain, names),
        LogicalPlan::Join(join) => of_join(join, domain, names),
        LogicalPlan::Union(union) => of_union(&union.inputs, union.schema.columns(), domain, names),
        LogicalPlan::Values(values) => of_union(&rows_of(&values)?, values.schema.columns(), domain, names),
        // LATERAL, or a function in FROM, that looks further out than its own query.
        LogicalPlan::Subquery(subquery) => input_of(subquery.subquery),
        LogicalPlan::Window(window) => of_window(window, domain, names),
        LogicalPlan::Unnest(unnest) => {
            let input = input_of(Arc::clone(&unnest.input))?;
            let node = LogicalPlan::Unnest(unnest);
            let plan = node.with_new_exprs(node.expressions(), vec![input.plan])?;
            Ok(Attached { plan, keys: input.keys })
        }
        other => datafusion::common::not_impl_err!(
            "a subquery that takes values from the outer query inside {} is not supported",
            kind(&other)
        ),
    }
}

fn kind(plan: &LogicalPlan) -> &'static str {
    match plan {
        LogicalPlan::RecursiveQuery(_) => "WITH RECURSIVE",
        _ => "this clause",
    }
}

/// `exprs` over the keys, under the names that they had.
fn resolved(exprs: Vec<Expr>, domain: &Domain, keys: &[String]) -> Result<Vec<Expr>> {
    let preserver = NamePreserver::new_for_projection();
    let resolve = |expr: Expr| {
        if !domain.is_in(&expr) {
            return Ok(expr);
        }
        let name = preserver.save(&expr);
        Ok(name.restore(domain.resolve(expr, keys)?))
    };
    exprs.into_iter().map(resolve).collect()
}

fn of_aggregate(aggregate: Aggregate, domain: &Domain, names: &Names) -> Result<Attached> {
    let outputs = aggregate.schema.columns();
    let input = attach_input(Arc::unwrap_or_clone(aggregate.input), domain, names)?;
    let aggregates = resolved(aggregate.aggr_expr.clone(), domain, &input.keys)?;
    let mut groups = resolved(aggregate.group_expr.clone(), domain, &input.keys)?;
    groups.extend(input.key_columns());
    let grouped = LogicalPlanBuilder::from(input.plan).aggregate(groups, aggregates)?;
    if !aggregate.group_expr.is_empty() {
        let columns = outputs.into_iter().map(Expr::Column).collect();
        return Attached { plan: grouped.build()?, keys: input.keys }.narrowed(columns);
    }

    // Without GROUP BY there is one row even where the input has none: count is 0 there.
    let flag = names.next("found");
    let mut columns: Vec<Expr> = grouped.schema().columns().into_iter().map(Expr::Column).collect();
    columns.push(lit(true).alias(&flag));
    let all = domain.relation(names)?;
    let keys = all.key_columns().into_iter().zip(input.keys.iter().map(|key| named(key))).collect();
    let plan = join(all.plan, grouped.project(columns)?.build()?, keys, None, JoinType::Left)?;
    let values = outputs.into_iter().zip(&aggregate.aggr_expr).map(|(column, expr)| {
        let value = Expr::Column(column.clone());
        Ok(match value_of_nothing(expr, &plan, &column)? {
            Some(value_of_nothing) if !value_of_nothing.is_null() => {
                let value = when(named(&flag).is_null(), lit(value_of_nothing)).otherwise(value)?;
                value.alias_qualified(column.relation, column.name)
            }
            _ => value,
        })
    });
    let values = values.collect::<Result<Vec<_>>>()?;
    Attached { plan, keys: all.keys }.narrowed(values)
}

/// What an aggregate gives for no rows.
fn value_of_nothing(
    expr: &Expr,
    plan: &LogicalPlan,
    column: &datafusion::common::Column,
) -> Result<Option<ScalarValue>> {
    let Expr::AggregateFunction(aggregate) = expr.clone().unalias() else { return Ok(None) };
    let field = plan.schema().field_from_column(column)?;
    Ok(Some(aggregate.func.default_value(field.data_type())?))
}

fn of_distinct_on(distinct: DistinctOn, domain: &Domain, names: &Names) -> Result<Attached> {
    let input = attach_input(Arc::unwrap_or_clone(distinct.input), domain, names)?;
    let with_keys = |exprs: Vec<Expr>| -> Result<Vec<Expr>> {
        Ok(input.key_columns().into_iter().chain(resolved(exprs, domain, &input.keys)?).collect())
    };
    let order = distinct.sort_expr.map(|order| -> Result<Vec<SortExpr>> {
        let by_keys = input.key_columns().into_iter().map(|key| key.sort(true, true));
        let rest = order.into_iter().map(|sort| Ok(SortExpr { expr: domain.resolve(sort.expr, &input.keys)?, ..sort }));
        by_keys.map(Ok).chain(rest).collect()
    });
    let plan = LogicalPlanBuilder::from(input.plan.clone())
        .distinct_on(with_keys(distinct.on_expr)?, with_keys(distinct.select_expr)?, order.transpose()?)?
        .build()?;
    Ok(Attached { plan, keys: input.keys })
}

/// The first rows of each key's, by number.
fn of_limit(limit: Limit, domain: &Domain, names: &Names) -> Result<Attached> {
    let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?) else {
        return datafusion::common::not_impl_err!("LIMIT in a correlated subquery takes a number only");
    };
    let input = match Arc::unwrap_or_clone(Arc::clone(&limit.input)) {
        // The order of the rows is made below the columns and the name that are given to them.
        LogicalPlan::Projection(projection) => {
            let below = LogicalPlan::Limit(Limit { input: projection.input, ..limit });
            let above = Projection::try_new_with_schema(projection.expr, Arc::new(below), projection.schema)?;
            return attach_input(LogicalPlan::Projection(above), domain, names);
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let below = LogicalPlan::Limit(Limit { input: alias.input, ..limit });
            let above = LogicalPlanBuilder::from(below).alias(alias.alias)?.build()?;
            return attach_input(above, domain, names);
        }
        other => other,
    };
    let (order, input) = match input {
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => (sort.expr, Arc::unwrap_or_clone(sort.input)),
        other => (Vec::new(), other),
    };
    let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
    let input = attach_input(input, domain, names)?;
    let order = order.into_iter().map(|sort| Ok(SortExpr { expr: domain.resolve(sort.expr, &input.keys)?, ..sort }));
    let order = order.collect::<Result<Vec<_>>>()?;
    let mut numbering = row_number().partition_by(input.key_columns());
    if !order.is_empty() {
        numbering = numbering.order_by(order);
    }
    let name = names.next("number");
    let numbered = LogicalPlanBuilder::from(input.plan).window(vec![numbering.build()?.alias(&name)])?;
    let bound = |rows: usize| lit(u64::try_from(rows).unwrap_or(u64::MAX));
    let mut bounds = vec![named(&name).gt(bound(skip))];
    bounds.extend(fetch.map(|fetch| named(&name).lt_eq(bound(skip.saturating_add(fetch)))));
    let kept = conjunction(bounds).map_or(Ok(numbered.clone()), |bounds| numbered.filter(bounds))?;
    Attached { plan: kept.build()?, keys: input.keys }.narrowed(columns)
}

fn of_join(original: Join, domain: &Domain, names: &Names) -> Result<Attached> {
    use JoinType::{Full, Inner, Left, LeftAnti, LeftMark, LeftSemi, Right};
    let kind = original.join_type;
    let right_depends = domain.is_taken_by(&original.right);
    let on_left = match kind {
        Inner => domain.is_taken_by(&original.left) || !right_depends,
        Left | LeftSemi | LeftAnti | LeftMark | Full => true,
        _ => domain.is_taken_by(&original.left),
    };
    let on_right = right_depends || !matches!(kind, Inner | Left | LeftSemi | LeftAnti | LeftMark);
    let side = |plan: Arc<LogicalPlan>, is_attached: bool| -> Result<(LogicalPlan, Option<Vec<String>>)> {
        let plan = Arc::unwrap_or_clone(plan);
        if !is_attached {
            return Ok((plan, None));
        }
        let attached = attach_input(plan, domain, names)?;
        Ok((attached.plan, Some(attached.keys)))
    };
    let outputs: Vec<Expr> = original.schema.columns().into_iter().map(Expr::Column).collect();
    let (left, left_keys) = side(original.left, on_left)?;
    let (right, right_keys) = side(original.right, on_right)?;
    let of_right = matches!(kind, Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark);
    let keys =
        if of_right { right_keys.clone().or(left_keys.clone()) } else { left_keys.clone().or(right_keys.clone()) };
    let keys = keys.unwrap_or_default();

    let mut conditions: Vec<Expr> = original.filter.into_iter().collect();
    conditions = conditions.into_iter().map(|e| domain.resolve(e, &keys)).collect::<Result<_>>()?;
    let resolve_key = |(l, r)| Ok((domain.resolve(l, &keys)?, domain.resolve(r, &keys)?));
    let on = original.on.into_iter().map(resolve_key).collect::<Result<Vec<_>>>()?;
    let pairs: Vec<(String, String)> = left_keys.into_iter().flatten().zip(right_keys.into_iter().flatten()).collect();
    let same = |(l, r): &(String, String)| binary_expr(named(l), Operator::IsNotDistinctFrom, named(r));
    conditions.extend(pairs.iter().map(same));
    let joined = Join::try_new(
        Arc::new(left),
        Arc::new(right),
        on,
        conjunction(conditions),
        kind,
        original.join_constraint,
        original.null_equality,
        original.null_aware,
    )?;
    let joined = LogicalPlan::Join(joined);
    if kind != Full {
        return Attached { plan: joined, keys }.narrowed(outputs);
    }
    // A row of a full join has its key on either side: both are NULL only where the key is.
    let merged: Vec<String> = pairs.iter().map(|_| names.next("outer")).collect();
    let coalesced = pairs
        .iter()
        .zip(&merged)
        .map(|((l, r), name)| Ok(when(named(l).is_null(), named(r)).otherwise(named(l))?.alias(name)));
    let columns = outputs.into_iter().map(Ok).chain(coalesced).collect::<Result<Vec<_>>>()?;
    let plan = LogicalPlanBuilder::from(joined).project(columns)?.build()?;
    Ok(Attached { plan, keys: merged })
}

fn of_union(
    inputs: &[Arc<LogicalPlan>],
    outputs: Vec<datafusion::common::Column>,
    domain: &Domain,
    names: &Names,
) -> Result<Attached> {
    let mut united: Option<(LogicalPlanBuilder, Vec<String>)> = None;
    for input in inputs {
        let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
        let attached = attach_input(input.as_ref().clone(), domain, names)?.narrowed(columns)?;
        united = Some(match united {
            None => (LogicalPlanBuilder::from(attached.plan), attached.keys),
            Some((builder, keys)) => (builder.union(attached.plan)?, keys),
        });
    }
    let Some((builder, keys)) = united else {
        return datafusion::common::internal_err!("a union has inputs");
    };
    let plan = builder.build()?;
    let renamed = plan.schema().columns().into_iter().zip(outputs);
    let columns = renamed.map(|(old, new)| Expr::Column(old).alias_qualified(new.relation, new.name)).collect();
    Attached { plan, keys }.narrowed(columns)
}

/// Each row of VALUES as a relation of its own.
fn rows_of(values: &Values) -> Result<Vec<Arc<LogicalPlan>>> {
    let columns = values.schema.columns();
    let relation = |row: &Vec<Expr>| {
        let row = row.iter().zip(&columns).map(|(value, column)| value.clone().alias(&column.name));
        LogicalPlanBuilder::empty(true).project(row)?.build().map(Arc::new)
    };
    values.values.iter().map(relation).collect()
}

fn of_window(window: Window, domain: &Domain, names: &Names) -> Result<Attached> {
    let input = attach_input(Arc::unwrap_or_clone(window.input), domain, names)?;
    let preserver = NamePreserver::new_for_projection();
    let by_keys = |expr: Expr| {
        let name = preserver.save(&expr);
        let expr = domain.resolve(expr, &input.keys)?;
        let partitioned = expr.transform_up(|e| match e {
            Expr::WindowFunction(mut function) => {
                function.params.partition_by.extend(input.key_columns());
                Ok(Transformed::yes(Expr::WindowFunction(function)))
            }
            other => Ok(Transformed::no(other)),
        });
        Ok(name.restore(partitioned.data()?))
    };
    let exprs = window.window_expr.into_iter().map(by_keys).collect::<Result<Vec<_>>>()?;
    let plan = LogicalPlanBuilder::from(input.plan).window(exprs)?.build()?;
    Ok(Attached { plan, keys: input.keys })
}
