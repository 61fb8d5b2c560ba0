//! Types of columns, as Parquet files are read into them, and nested values whose fields are called otherwise in files.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayData, RecordBatch, make_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;

/// A list of `element`s.
pub(super) fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", element, true)))
}

/// A map of `key`s to `value`s.
pub(super) fn map(key: DataType, value: DataType) -> DataType {
    let entries = vec![Field::new("key", key, false), Field::new("value", value, true)];
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entries.into()), false)), false)
}

/// A nested value with other names of its fields: a type that is the same but for them.
#[derive(Debug, Clone, Eq)]
pub(super) struct Renamed {
    value: Arc<dyn PhysicalExpr>,
    data_type: DataType,
}

impl Renamed {
    pub(super) fn new(value: Arc<dyn PhysicalExpr>, data_type: DataType) -> Self {
        Self { value, data_type }
    }
}

impl PartialEq for Renamed {
    fn eq(&self, other: &Self) -> bool {
        self.value.eq(&other.value) && self.data_type == other.data_type
    }
}

impl Hash for Renamed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
        self.data_type.hash(state);
    }
}

impl fmt::Display for Renamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "renamed({})", self.value)
    }
}

impl PhysicalExpr for Renamed {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.value.nullable(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let values = self.value.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(ColumnarValue::Array(make_array(renamed(values.to_data(), &self.data_type)?)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.value]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let Some(value) = children.pop() else { return Ok(self) };
        Ok(Arc::new(Self::new(value, self.data_type.clone())))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt_sql(f)
    }
}

fn renamed(values: ArrayData, data_type: &DataType) -> Result<ArrayData> {
    let inner: Vec<&DataType> = match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::List(field) | DataType::Map(field, _) => vec![field.data_type()],
        _ => Vec::new(),
    };
    let children = values.child_data().iter().zip(inner);
    let children = children.map(|(child, inner)| renamed(child.clone(), inner)).collect::<Result<Vec<_>>>()?;
    Ok(values.into_builder().data_type(data_type.clone()).child_data(children).build()?)
}
