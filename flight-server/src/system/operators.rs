//! `maar.system.operators`: the operators of the queries in `maar.system.queries`, with where each ran and what it did, as the pages of
//! the dashboard draw them: parents first. A change, and a query that has not begun to run, have none.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::prelude::SessionConfig;
use serde_json::Value;

use super::viewer::Viewer;

/// What is kept of an operator under this name.
#[derive(Clone, Copy)]
enum Kept {
    Text(&'static str),
    Count(&'static str),
    Time(&'static str),
    /// The sum of this over its pipelines.
    TimeOfPipelines(&'static str),
}

/// The columns behind the query and the number.
const KEPT: &[(&str, Kept)] = &[
    ("depth", Kept::Count("depth")),
    ("operator", Kept::Text("operator")),
    ("place", Kept::Text("place")),
    ("reason", Kept::Text("reason")),
    ("rows", Kept::Count("rows")),
    ("bytes", Kept::Count("bytes")),
    ("spilled_bytes", Kept::Count("spilled_bytes")),
    ("ms", Kept::Time("ms")),
    ("floor_ms", Kept::Time("floor_ms")),
    ("load_ms", Kept::Time("load_ms")),
    ("kernel_ms", Kept::TimeOfPipelines("kernel_ms")),
    ("compile_ms", Kept::TimeOfPipelines("compile_ms")),
];

/// An operator: of which query it is, the how manieth, and what is kept of it.
type Operator = (String, u64, Value);

pub(super) fn schema() -> Schema {
    let first = [("query_id", DataType::Utf8), ("number", DataType::UInt64)];
    let others = KEPT.iter().map(|(name, kept)| (*name, kept.data_type()));
    let fields = first.into_iter().chain(others).map(|(name, data_type)| Field::new(name, data_type, true));
    Schema::new(fields.collect::<Vec<_>>())
}

pub(super) fn rows(config: &SessionConfig, schema: SchemaRef) -> Result<RecordBatch> {
    let viewer = Viewer::of(config)?;
    let mut operators: Vec<Operator> = Vec::new();
    for query in viewer.server()?.registry.all().into_iter().filter(|query| viewer.sees(query)) {
        let Some(Ok(mut details)) = query.details().map(|text| serde_json::from_str::<Value>(&text)) else { continue };
        let Value::Array(nodes) = details["nodes"].take() else { continue };
        operators.extend((0..).zip(nodes).map(|(number, node)| (query.id.clone(), number, node)));
    }
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(operators.iter().map(|(query, ..)| Some(query.as_str())).collect::<StringArray>()),
        Arc::new(operators.iter().map(|(_, number, _)| Some(*number)).collect::<UInt64Array>()),
    ];
    columns.extend(KEPT.iter().map(|(_, kept)| kept.column(&operators)));
    Ok(RecordBatch::try_new(schema, columns)?)
}

impl Kept {
    fn data_type(self) -> DataType {
        match self {
            Self::Text(_) => DataType::Utf8,
            Self::Count(_) => DataType::UInt64,
            Self::Time(_) | Self::TimeOfPipelines(_) => DataType::Float64,
        }
    }

    fn column(self, operators: &[Operator]) -> ArrayRef {
        let nodes = operators.iter().map(|(.., node)| node);
        match self {
            Self::Text(name) => Arc::new(nodes.map(|node| node[name].as_str()).collect::<StringArray>()),
            Self::Count(name) => Arc::new(nodes.map(|node| node[name].as_u64()).collect::<UInt64Array>()),
            Self::Time(name) => Arc::new(nodes.map(|node| node[name].as_f64()).collect::<Float64Array>()),
            Self::TimeOfPipelines(name) => {
                Arc::new(nodes.map(|node| sum(&node["pipelines"], name)).collect::<Float64Array>())
            }
        }
    }
}

/// `None` of what is not the device's: it has no pipelines.
fn sum(pipelines: &Value, name: &str) -> Option<f64> {
    let pipelines = pipelines.as_array().filter(|pipelines| !pipelines.is_empty())?;
    Some(pipelines.iter().filter_map(|pipeline| pipeline[name].as_f64()).sum())
}
