//! What of a finished plan runs where, and why not on the device.
//!
//! The reasons are found anew by the functions that placed the plan: they are pure, and operators that DataFusion
//! added or rebuilt since are judged like the rest.

use std::sync::Arc;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

use super::lower::{Kind, Operator, fields_of, file_scan, is_movement, label, lower, recognise};
use super::nodes::NoDevice;
use super::policy::{Policy, policy};
use super::{DeviceNodes, Reason};
use crate::ir::Node;
use crate::options::MaarOptions;

/// Where an operator runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    Device,
    /// Answered while planning, from statistics or constants: nothing is read.
    Metadata,
    /// Only carries rows between other operators: no work that a device could do.
    Movement,
    Host {
        reason: String,
    },
}

/// One operator of a plan and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorPlacement {
    /// The operator as [`label`] writes it.
    pub operator: String,
    pub place: Placement,
}

const NOTHING_TO_COMPUTE: &str = "nothing to compute on the device: rows are only read";
const SORTED_FOR_THE_HOST: &str = "sorted for an operator that runs on the host";
/// Leaves that read nothing.
const CONSTANT_LEAVES: &[&str] = &["PlaceholderRowExec", "EmptyExec"];
/// Operators that describe or time a plan instead of computing.
const WRAPPERS: &[&str] = &["AnalyzeExec", "ExplainExec"];

/// Every operator of a finished plan, parents first, those inside device nodes included, under the options it was
/// planned with. `nodes`: those of the open device, if one was opened.
pub fn placements(
    plan: &Arc<dyn ExecutionPlan>,
    nodes: Option<&dyn DeviceNodes>,
    options: &MaarOptions,
) -> Vec<OperatorPlacement> {
    match policy(plan, options, nodes.is_some()) {
        Policy::Place => placements_given(plan, nodes.unwrap_or(&NoDevice), None),
        Policy::Host(reason) => placements_given(plan, nodes.unwrap_or(&NoDevice), Some(&reason)),
    }
}

/// As [`placements`], for a policy already decided.
///
/// `host_only`: why the whole query stayed on the host, where a [`Policy`] said so.
pub fn placements_given(
    plan: &Arc<dyn ExecutionPlan>,
    nodes: &dyn DeviceNodes,
    host_only: Option<&Reason>,
) -> Vec<OperatorPlacement> {
    let mut walk = Walk { nodes, host_only, found: vec![] };
    walk.visit(plan, None);
    walk.found
}

/// The message for a query that must run on the device and does not, naming the first operator at fault.
pub fn require_device_error(placements: &[OperatorPlacement]) -> Option<String> {
    placements.iter().find_map(|operator| match &operator.place {
        Placement::Host { reason } => Some(format!(
            "maar.require_device is set, but an operator would run on the host ({}): {reason}. Rewrite that part of \
             the query, or allow the host with SET maar.require_device = false",
            operator.operator
        )),
        Placement::Device | Placement::Metadata | Placement::Movement => None,
    })
}

/// Whether no leaf of the plan reads anything.
pub(crate) fn reads_nothing(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let children = plan.children();
    match children.is_empty() {
        true => CONSTANT_LEAVES.contains(&plan.name()),
        false => children.into_iter().all(reads_nothing),
    }
}

struct Walk<'a> {
    nodes: &'a dyn DeviceNodes,
    host_only: Option<&'a Reason>,
    found: Vec<OperatorPlacement>,
}

impl Walk<'_> {
    /// `finished_above`: the reason of the final aggregate whose partial one may come next.
    fn visit(&mut self, plan: &Arc<dyn ExecutionPlan>, finished_above: Option<&Reason>) {
        let mut finished = None;
        if let Some(lowered) = self.nodes.lowered(plan.as_ref()) {
            let place = match self.nodes.refusal(plan.as_ref()) {
                Some(reason) => Placement::Host { reason: format!("went back to the host: {reason}") },
                None => Placement::Device,
            };
            let inside = lowered.operators.iter().cloned();
            self.found.extend(inside.map(|operator| OperatorPlacement { operator, place: place.clone() }));
        } else {
            let place = if reads_nothing(plan) || WRAPPERS.contains(&plan.name()) {
                Placement::Metadata
            } else if is_movement(plan) {
                finished = finished_above.cloned();
                Placement::Movement
            } else {
                let partial = aggregate_mode(plan) == Some(AggregateMode::Partial);
                let reason = finished_above.filter(|_| partial).cloned().unwrap_or_else(|| self.host_reason(plan));
                let finishes =
                    matches!(aggregate_mode(plan), Some(AggregateMode::Final | AggregateMode::FinalPartitioned));
                finished = finishes.then(|| reason.clone());
                Placement::Host { reason: reason.to_string() }
            };
            self.found.push(OperatorPlacement { operator: label(plan), place });
        }
        for child in plan.children() {
            self.visit(child, finished.as_ref());
        }
    }

    fn host_reason(&self, plan: &Arc<dyn ExecutionPlan>) -> Reason {
        if let Some(reason) = self.host_only {
            return reason.clone();
        }
        if let Some(merge) = plan.downcast_ref::<SortPreservingMergeExec>() {
            return self.reason_of_input(merge.input());
        }
        let operator = match recognise(plan) {
            Ok(operator) => operator,
            Err(reason) => return reason,
        };
        if let Kind::Scan = operator.kind {
            return match self.nodes.check_scan(&whole_files(plan)) {
                Ok(_) => Reason::new(NOTHING_TO_COMPUTE),
                Err(reason) => Reason::new(reason),
            };
        }
        if let Err(reason) = build_alone(&operator) {
            return reason;
        }
        if let (Kind::Sort(sort), Ok(_)) = (&operator.kind, lower(plan, self.nodes))
            && sort.fetch().is_none()
        {
            return Reason::new(SORTED_FOR_THE_HOST);
        }
        if let Kind::Union = operator.kind {
            return self.reason_of_inputs(&operator);
        }
        match operator.inputs.first() {
            Some(input) if !operator.is_breaker() => self.reason_of_input(input),
            _ => match lower(plan, self.nodes) {
                Ok(_) => Reason::new("formed by the host's planner after placement"),
                Err(reason) => reason,
            },
        }
    }

    /// Why an operator of several inputs stands on the host that needs all of them on the device.
    fn reason_of_inputs(&self, operator: &Operator<'_>) -> Reason {
        let is_on_host = |input: &Arc<dyn ExecutionPlan>| {
            self.nodes.lowered(input.as_ref()).is_none() && lower(input, self.nodes).is_err()
        };
        let is_cut = |input: &Arc<dyn ExecutionPlan>| {
            self.nodes.lowered(input.as_ref()).is_some_and(|found| is_cut(&found.root))
        };
        match operator.inputs.iter().find(|input| is_on_host(input)) {
            Some(input) => self.reason_of_input(input),
            None if operator.inputs.iter().any(|input| is_cut(input)) => {
                Reason::new("one of its inputs is cut by a LIMIT or sorted")
            }
            None => Reason::new(NOTHING_TO_COMPUTE),
        }
    }

    /// Why an operator that could run on the device stands on the host: because of what is below it.
    fn reason_of_input(&self, input: &Arc<dyn ExecutionPlan>) -> Reason {
        if self.nodes.lowered(input.as_ref()).is_some() {
            return Reason::new("added by the host's planner after placement");
        }
        if let (true, [only]) = (is_movement(input), input.children().as_slice()) {
            return self.reason_of_input(only);
        }
        let below = self.host_reason(input).to_string();
        let already_said = below == NOTHING_TO_COMPUTE || below.starts_with("its input");
        Reason::new(if already_said { below } else { format!("its input runs on the host: {below}") })
    }
}

/// Whether a device plan puts out some of its rows, or all in an order: such rows are a plan of their own.
fn is_cut(root: &Node) -> bool {
    match root {
        Node::Limit { .. } | Node::Sort { .. } => true,
        Node::Project { input, .. } => is_cut(input),
        _ => false,
    }
}

/// The operator judged by itself, on inputs taken for granted.
fn build_alone(operator: &Operator<'_>) -> Result<Node, Reason> {
    let input = |plan: &&Arc<dyn ExecutionPlan>| {
        let schema = plan.schema();
        let fields = fields_of(&schema)?;
        Ok(Node::Input { child: 0, schema, fields })
    };
    let inputs = operator.inputs.iter().map(input).collect::<Result<Vec<_>, Reason>>()?;
    operator.build(inputs)
}

fn aggregate_mode(plan: &Arc<dyn ExecutionPlan>) -> Option<AggregateMode> {
    plan.downcast_ref::<AggregateExec>().map(|aggregate| *aggregate.mode())
}

/// The scan as it was when plans are placed: whole files, each once. The host splits them into ranges later.
fn whole_files(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let Some(config) = file_scan(plan) else {
        return Arc::clone(plan);
    };
    let whole = |file: &PartitionedFile| {
        let first = file.range.as_ref().is_none_or(|range| range.start == 0);
        first.then(|| PartitionedFile { range: None, ..file.clone() })
    };
    let mut config = config.clone();
    config.file_groups = config
        .file_groups
        .iter()
        .map(|group| FileGroup::new(group.files().iter().filter_map(whole).collect()))
        .collect();
    config.limit = None;
    DataSourceExec::from_data_source(config)
}
