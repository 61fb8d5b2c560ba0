//! Cutting a plan at its breakers: each join build and each aggregation ends a pipeline, the root emits.

use super::groups::UniqueProbe;
use super::join::JoinParts;
use super::scope::{Column, OpenPipeline};
use super::sort::{self, ResolvedKey};
use super::{BuildPlan, GroupPlan, Limits, OutputColumn, QueryPlan, Shapes, Stage, StageSource};
use crate::error::{Error, Result};
use crate::ir::{BuildId, EmitColumn, Expr, Fragments, IntWidth, Node, PayloadShape, Pipeline, Sink, Type, Value};

/// A plan under construction.
pub(super) struct PipelineBuilder<'a> {
    shapes: &'a Shapes,
    pub(super) limits: Limits,
    pub(super) stages: Vec<Stage>,
    pub(super) builds: Vec<BuildPlan>,
    pub(super) groups: Vec<GroupPlan>,
    pub(super) unique_probes: Vec<UniqueProbe>,
    pub(super) distinct: Vec<(StageSource, usize)>,
    /// Of the sort at the root, once it was opened.
    sorted_by: Vec<ResolvedKey>,
}

impl<'a> PipelineBuilder<'a> {
    pub(super) fn new(shapes: &'a Shapes, limits: Limits) -> Self {
        Self {
            shapes,
            limits,
            stages: vec![],
            builds: vec![],
            groups: vec![],
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
        let open = self.open(root)?;
        let mut output = Vec::new();
        let mut columns = Vec::new();
        for column in &open.columns {
            let shape = output_shape(column, &open);
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
        let keys = &self.sorted_by;
        let sort = (!keys.is_empty()).then(|| sort::plan(&open, keys, &mut columns, &mut output));
        self.close(open, Sink::Emit { columns }, None, None);
        super::prune::prune_payload(&mut self.stages, &mut self.builds, &mut self.groups);
        super::fit::fit_builds(&mut self.builds, &self.groups, self.limits);
        super::parts::part_states(&mut self.stages, &mut self.builds, &mut self.groups, self.limits);
        super::fragments::annotate(&mut self.stages, root);
        let rows = super::spill::write_out(&mut self.stages, (&self.builds, &self.groups), self.limits);
        Ok(QueryPlan {
            stages: self.stages,
            builds: self.builds,
            groups: self.groups,
            rows,
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

    /// The open pipeline whose rows are the node's output.
    fn open(&mut self, node: &Node) -> Result<OpenPipeline> {
        match node {
            Node::Scan { scan, .. } => Ok(OpenPipeline::table(StageSource::Scan(*scan), &self.shapes.scans[*scan])),
            Node::Input { child, .. } => {
                Ok(OpenPipeline::table(StageSource::Input(*child), &self.shapes.inputs[*child]))
            }
            Node::Filter { input, predicate } => {
                let mut open = self.open(input)?;
                let predicate = open.resolve_value(predicate)?;
                open.filter(predicate);
                Ok(open)
            }
            Node::Project { input, exprs, .. } => {
                let mut open = self.open(input)?;
                let columns = exprs.iter().map(|expr| project(&mut open, expr)).collect::<Result<Vec<_>>>()?;
                open.columns = columns;
                Ok(open)
            }
            Node::Join { kind, left, right, on, nulls_equal, residual, output, .. } => {
                let (left, right) = (self.open(left)?, self.open(right)?);
                let (nulls_equal, residual) = (*nulls_equal, residual.as_ref());
                self.join(left, right, &JoinParts { kind: *kind, on, nulls_equal, residual, output })
            }
            Node::Aggregate { input, keys, calls, .. } => {
                let open = self.open(input)?;
                self.aggregate(open, keys, calls)
            }
            Node::Sort { input, keys } => {
                let mut open = self.open(input)?;
                self.sorted_by = sort::resolve(&mut open, keys)?;
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
