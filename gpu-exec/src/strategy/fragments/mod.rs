//! What a pipeline does in SQL, for who reads its source: columns by their names, `$n` for literals, never a value.
//!
//! Read off the pipelines once they are cut, so that nobody on the way carries SQL along. What SQL does not know of (a
//! change of units, codes of another dictionary) is left out. Not here: what becomes of it (comments of the source, in
//! `codegen`), nor anything that a result depends on.

mod reader;
mod words;

use std::collections::HashMap;

use self::reader::Reader;
pub(super) use self::words::of_function;
use self::words::{finished, list, name, plain_name, shortened};
use super::{Stage, StageSource};
use crate::ir::{Fragments, Node, Origin, Probe, Sink, Step};

/// Gives every pipeline of a plan its fragments.
pub(super) fn annotate(stages: &mut [Stage], root: &Node) {
    let mut known = Known::default();
    known.add_sources(root);
    for stage in stages {
        let names = known.registers(stage);
        let reader = Reader { names: &names, lookups: &stage.lookups };
        let steps = stage.pipeline.steps.iter().map(|step| match step {
            Step::Filter(predicate) => format!("WHERE {}", words::bare(&reader.sql(predicate))),
            Step::Probe(probe) => known.join(&reader, probe),
        });
        let steps: Vec<String> = steps.collect();
        let mut fragments = Fragments { steps, ..Fragments::default() };
        match &stage.pipeline.sink {
            Sink::Build(sink) => {
                let payload = reader.all(sink.payload.iter().map(|(value, _)| value));
                let build = Build { keys: reader.all(&sink.keys), payload };
                fragments.sink = format!("JOIN BUILD ON {}", list(&build.keys));
                known.builds.insert(sink.build.0, build);
            }
            Sink::Aggregate { keys, accumulators, .. } => {
                fragments.calls = accumulators.iter().map(|call| reader.call(call)).collect();
                let groups = Groups { keys: reader.all(keys), calls: fragments.calls.clone() };
                if !groups.keys.is_empty() {
                    fragments.sink = format!("GROUP BY {}", list(&groups.keys));
                }
                stage.groups.map(|number| known.groups.insert(number, groups));
            }
            Sink::Emit { columns } => {
                let outputs = reader.all(columns.iter().map(|column| &column.value));
                fragments.sink = format!("SELECT {}", list(&outputs));
            }
        }
        fragments.lines().for_each(|line| *line = finished(line));
        stage.pipeline.fragments = fragments;
    }
}

/// What earlier stages left, in SQL.
#[derive(Default)]
struct Known {
    scans: HashMap<usize, Vec<String>>,
    inputs: HashMap<usize, Vec<String>>,
    builds: HashMap<usize, Build>,
    groups: HashMap<usize, Groups>,
}

struct Build {
    keys: Vec<String>,
    payload: Vec<String>,
}

struct Groups {
    keys: Vec<String>,
    calls: Vec<String>,
}

impl Known {
    fn add_sources(&mut self, node: &Node) {
        match node {
            Node::Scan { scan, fields } => {
                self.scans.insert(*scan, fields.iter().map(|field| name(&field.name)).collect());
            }
            // A host operator names what it computes by its expression, literals and all.
            Node::Input { child, fields, .. } => {
                let name = |(number, field): (usize, &crate::ir::Field)| {
                    plain_name(&field.name).unwrap_or_else(|| format!("column{number}"))
                };
                self.inputs.insert(*child, fields.iter().enumerate().map(name).collect());
            }
            Node::Join { left, right, .. } => {
                self.add_sources(left);
                self.add_sources(right);
            }
            Node::Union { inputs, .. } => inputs.iter().for_each(|input| self.add_sources(input)),
            Node::Filter { input, .. }
            | Node::Project { input, .. }
            | Node::Aggregate { input, .. }
            | Node::Window { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. } => self.add_sources(input),
        }
    }

    /// Every register of a stage. One that is computed reads only those before it; each is cut off where it is long, or
    /// what is made of what is made of it would have no end.
    fn registers(&self, stage: &Stage) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(stage.pipeline.registers.len());
        for register in &stage.pipeline.registers {
            let name = match &register.origin {
                Origin::Column(column) => match stage.source {
                    StageSource::Scan(scan) => of(self.scans.get(&scan), *column),
                    StageSource::Input(input) => of(self.inputs.get(&input), *column),
                    StageSource::Groups(_) | StageSource::Rows(_) => None,
                },
                Origin::Payload { probe, column } => {
                    let build = stage.probes.get(*probe).and_then(|build| self.builds.get(&build.0));
                    of(build.map(|build| &build.payload), *column)
                }
                Origin::Mark { .. } => Some("mark".to_owned()),
                Origin::GroupKey(part) => of(self.source_groups(stage).map(|groups| &groups.keys), *part),
                Origin::Accumulator(call) => of(self.source_groups(stage).map(|groups| &groups.calls), *call),
                Origin::Computed(value) => Some(Reader { names: &names, lookups: &stage.lookups }.sql(value)),
            };
            names.push(name.map_or_else(|| "?".to_owned(), |name| shortened(&name)));
        }
        names
    }

    fn source_groups(&self, stage: &Stage) -> Option<&Groups> {
        match stage.source {
            StageSource::Groups(number) => self.groups.get(&number),
            StageSource::Scan(_) | StageSource::Input(_) | StageSource::Rows(_) => None,
        }
    }

    fn join(&self, reader: &Reader<'_>, probe: &Probe) -> String {
        let build = self.builds.get(&probe.build.0).map(|build| build.keys.as_slice()).unwrap_or_default();
        if probe.keys.is_empty() {
            return "CROSS JOIN".to_owned();
        }
        let pairs = reader.all(&probe.keys).into_iter().zip(build).map(|(own, built)| format!("{own} = {built}"));
        format!("JOIN ON {}", pairs.collect::<Vec<_>>().join(" AND "))
    }
}

fn of(names: Option<&Vec<String>>, number: usize) -> Option<String> {
    names?.get(number).cloned()
}
