//! `CALL maar.system.kill_query('id')`: ends a query, one's own or, for an administrator, anyone's. It is a function, so that
//! `SELECT maar.system.kill_query(query_id) FROM maar.system.queries WHERE ...` ends several.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use maar_engine::datafusion::common::cast::as_string_array;
use maar_engine::datafusion::error::{DataFusionError, Result};
use maar_engine::datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use regex::Regex;

use super::viewer::Viewer;

/// Its whole name: functions are in no schema, so that this is one name with dots in it.
const NAME: &str = "maar.system.kill_query";

static CALL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^\s*call\s+(maar\s*\.\s*system\s*\.\s*kill_query\s*\()").ok());

/// `sql`, a CALL of the function as the SELECT that calls it.
pub(crate) fn called(sql: &str) -> Cow<'_, str> {
    match &*CALL {
        Some(call) => call.replace(sql, "SELECT $1"),
        None => Cow::Borrowed(sql),
    }
}

/// The function, for one session.
pub(super) fn function(viewer: &Arc<Viewer>) -> ScalarUDF {
    let viewer = Arc::clone(viewer);
    let run = move |arguments: &[ColumnarValue]| {
        let ids = ColumnarValue::values_to_arrays(arguments)?;
        let ids = as_string_array(&ids[0])?;
        let killed =
            ids.iter().map(|id| id.map(|id| kill(&viewer, id)).transpose()).collect::<Result<StringArray>>()?;
        Ok(ColumnarValue::Array(Arc::new(killed) as ArrayRef))
    };
    create_udf(NAME, vec![DataType::Utf8], DataType::Utf8, Volatility::Volatile, Arc::new(run))
}

/// What became of the query.
pub(crate) fn kill(viewer: &Viewer, id: &str) -> Result<&'static str> {
    let registry = Arc::clone(&viewer.server()?.registry);
    match viewer.query(id)? {
        Some(query) if registry.cancel(&query) => Ok("cancelling"),
        Some(query) => Ok(query.state().name()),
        None => Err(DataFusionError::Execution(format!(
            "there is no query '{id}' of yours; maar.system.queries lists them, and a user with the role admin ends those of others"
        ))),
    }
}
