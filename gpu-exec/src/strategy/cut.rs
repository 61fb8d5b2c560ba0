//! Cutting a plan at its breakers: each join build, aggregation and window ends a pipeline, or several where unions are below; the
//! root emits.

use super::branches::{Branches, alike};
use super::groups::UniqueProbe;
use super::join::JoinParts;
use super::scope::{Column, OpenPipeline};
use super::sort::{self, ResolvedKey};
use super::{BuildPlan, GroupPlan, Limits, OutputColumn, QueryPlan, RowsPlan, Shapes, SortPlan, Stage, StageSource};
use crate::error::{Error, Result};
use crate::ir::{
    BuildId, EmitColumn, Expr, Fragments, IntWidth, JoinKind, Node, PayloadShape, Pipeline, Sink, Type, Value,
};

/// A plan under construction.
pub(super) struct PipelineBuilder<'a> {
    shapes: &'a Shapes,
    pub(super) limits: Limits,
    pub(super) stages: Vec<Stage>,
    pub(super) builds: Vec<BuildPlan>,
    pub(super) groups: Vec<GroupPlan>,
    /// Rows that are written out for windows.
    pub(super) rows: Vec<RowsPlan>,
    pub(super) unique_probes: Vec<UniqueProbe>,
    pub(super) distinct: Vec<(StageSource, usize)>,
    /// Of the sort at the root, once it was opened: its keys in each branch.
    sorted_by: Vec<Vec<ResolvedKey>>,
}

impl<'a> PipelineBuilder<'a> {
    pub(super) fn new(shapes: &'a Shapes, limits: Limits) -> Self {
        Self {
            shapes,
            limits,
            stages: vec![],
            builds: vec![],
            groups: vec![],
            rows: vec![],
            unique_probes: vec![],
            distinct: vec![],
            sorted_by: vec![],
        }
    }

    pub(super) fn plan(mut self, root: &Node) -> Result<QueryPlan> {
        let (root, skip, fetch) = match root {
            Node::Limit { input, skip, fetch } => (&**input, *skip, *fetch),
            other => (other, 0, None),
        };
        let (output, sort) = self.emit_root(root)?;
        super::prune::prune_payload(&mut self.stages, &mut self.builds, &mut self.groups, &mut self.rows);
        super::fit::fit_builds(&mut self.builds, &self.groups, self.limits);
        super::parts::part_states(&mut self.stages, &mut self.builds, &mut self.groups, self.limits);
        super::fragments::annotate(&mut self.stages, root);
        super::spill::write_out(&mut self.stages, (&self.builds, &self.groups), &mut self.rows, self.limits);
        Ok(QueryPlan {
            stages: self.stages,
            builds: self.builds,
            groups: self.groups,
            rows: self.rows,
            output,
            distinct: self.distinct,
            skip,
            fetch,
            parts: self.limits.parts,
            cuts: self.limits.cuts,
            first: None,
            sort,
        })
    }

    /// Ends the pipelines of the root: its rows leave. What is put out, and in which order.
    fn emit_root(&mut self, root: &Node) -> Result<(Vec<OutputColumn>, Option<SortPlan>)> {
        let open = self.open(root)?.into_vec();
        let mut keys = std::mem::take(&mut self.sorted_by).into_iter();
        let mut made = Vec::with_capacity(open.len());
        for open in open {
            let (mut columns, mut output) = emitted(&open);
            let keys = keys.next().unwrap_or_default();
            let sort = (!keys.is_empty()).then(|| sort::plan(&open, &keys, &mut columns, &mut output));
            self.close(open, Sink::Emit { columns }, None, None);
            made.push((output, sort));
        }
        let forms = made.iter().map(|(output, sort)| {
            let shapes: Vec<PayloadShape> = output.iter().map(|column| column.shape).collect();
            (shapes, sort.as_ref().map(|sort| sort.pieces.clone()))
        });
        alike(forms)?;
        made.into_iter().next().ok_or_else(|| Error::internal("a plan without a pipeline"))
    }

    /// The open pipelines whose rows are the node's output.
    fn open(&mut self, node: &Node) -> Result<Branches> {
        match node {
            Node::Scan { scan, .. } => {
                Ok(OpenPipeline::table(StageSource::Scan(*scan), &self.shapes.scans[*scan]).into())
            }
            Node::Input { child, .. } => {
                Ok(OpenPipeline::table(StageSource::Input(*child), &self.shapes.inputs[*child]).into())
            }
            Node::Filter { input, predicate } => {
                let mut open = self.open(input)?;
                open.each(|open| {
                    let predicate = open.resolve_value(predicate)?;
                    open.filter(predicate);
                    Ok(())
                })?;
                Ok(open)
            }
            Node::Project { input, exprs, .. } => {
                let mut open = self.open(input)?;
                open.each(|open| {
                    open.columns = exprs.iter().map(|expr| project(open, expr)).collect::<Result<Vec<_>>>()?;
                    Ok(())
                })?;
                Ok(open)
            }
            Node::Union { inputs, .. } => {
                Branches::united(inputs.iter().map(|input| self.open(input)).collect::<Result<Vec<_>>>()?)
            }
            Node::Join { kind, left, right, on, nulls_equal, residual, output, .. } => {
                let (left, right) = (self.open(left)?, self.open(right)?);
                let (nulls_equal, residual) = (*nulls_equal, residual.as_ref());
                let parts = JoinParts { kind: *kind, on, nulls_equal, residual, output };
                match kind {
                    JoinKind::NotIn { .. } => self.not_in(left, right, &parts),
                    JoinKind::Full => self.full_join(left, right, &parts),
                    _ => self.join(left, right, &parts),
                }
            }
            Node::Aggregate { input, keys, sets, calls, fields } => {
                let open = self.open(input)?;
                match fields.get(keys.len()).filter(|_| !sets.is_empty()) {
                    None => self.aggregate(open, keys, calls),
                    Some(number) => self.sets(&open, keys, (sets, number.ty), calls),
                }
            }
            Node::Window { input, partition_by, order_by, calls, .. } => {
                let open = self.open(input)?;
                self.window(open, (partition_by, order_by), calls)
            }
            Node::Sort { input, keys } => {
                let mut open = self.open(input)?;
                self.sorted_by = open.each(|open| sort::resolve(open, keys))?;
                Ok(open)
            }
            Node::Limit { .. } => Err(Error::internal("a limit below another operator reached the device")),
        }
    }

    /// Ends a pipeline with a sink.
    pub(super) fn close(&mut self, open: OpenPipeline, sink: Sink, groups: Option<usize>, build: Option<BuildId>) {
        self.stages.push(Stage {
            pipeline: Pipeline {
                source: open.source,
                registers: open.registers,
                steps: open.steps,
                sink,
                fragments: Fragments::default(),
            },
            source: open.stage_source,
            groups,
            probes: open.probes,
            build,
            rows: None,
            lookups: open.lookups,
            rows_out: open.rows,
        });
    }
}

/// What a pipeline puts out of its columns.
fn emitted(open: &OpenPipeline) -> (Vec<EmitColumn>, Vec<OutputColumn>) {
    let (mut columns, mut output) = (Vec::new(), Vec::new());
    for column in &open.columns {
        let shape = output_shape(column, open);
        columns.push(EmitColumn { value: open.read(column.register), shape });
        output.push(OutputColumn { shape, ty: column.ty, dictionary: column.dictionary.clone(), tail: None });
    }
    // Behind the columns of the host's schema, which are as many as these.
    for (number, column) in open.columns.iter().enumerate() {
        let Some((register, power)) = column.tail else { continue };
        let value = open.read(register);
        let shape = tail_shape(&value);
        output[number].tail = Some((output.len(), power));
        output.push(OutputColumn { shape, ty: Type::INT32, dictionary: None, tail: None });
        columns.push(EmitColumn { value, shape });
    }
    (columns, output)
}

pub(super) fn project(open: &mut OpenPipeline, expr: &Expr) -> Result<Column> {
    if let crate::ir::ExprKind::Column(index) = expr.kind {
        return open.columns.get(index).cloned().ok_or_else(|| Error::internal(format!("no column {index} in scope")));
    }
    let resolved = open.resolve(expr)?;
    let register = open.keep(resolved.value);
    Ok(Column { register, ty: expr.ty, dictionary: resolved.dictionary, range: None, tail: None, unique: false })
}

/// The digits that follow those of a wide decimal.
pub(super) fn tail_shape(value: &Value) -> PayloadShape {
    PayloadShape { width: IntWidth::W32, ..PayloadShape::narrow(value) }
}

/// Output columns leave at the width of their host type, so that the host takes them as they are.
pub(super) fn output_shape(column: &Column, open: &OpenPipeline) -> PayloadShape {
    let register = &open.registers[column.register];
    let width = match column.ty {
        Type::Int { bytes: 1, .. } | Type::Bool => IntWidth::W8,
        Type::Int { bytes: 2, .. } => IntWidth::W16,
        Type::Text if column.dictionary.is_none() => IntWidth::W64,
        Type::Int { bytes: 4, .. } | Type::Date | Type::Text | Type::Float { .. } => IntWidth::W32,
        Type::Int { .. } | Type::Timestamp { .. } => IntWidth::W64,
        Type::Decimal { .. } | Type::WideDecimal { .. } => IntWidth::W128,
    };
    PayloadShape { repr: register.repr, width, nullable: register.nullable }
}
