//! `maar_single_row(list)`: the only value of a list, NULL of none; a second value is the user's error.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(SingleRow::new())));

/// The only value of the list that `list` gives.
pub(super) fn only(list: Expr) -> Expr {
    FUNCTION.call(vec![list])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SingleRow {
    signature: Signature,
}

impl SingleRow {
    fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SingleRow {
    fn name(&self) -> &str {
        "maar_single_row"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::List(item)] => Ok(item.data_type().clone()),
            _ => datafusion::common::internal_err!("{} takes a list", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let lists = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(only_values(&lists)?))
    }
}

fn only_values(lists: &ArrayRef) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let mut places = Vec::with_capacity(lists.len());
    for (row, ends) in lists.offsets().windows(2).enumerate() {
        let length = if lists.is_null(row) { 0 } else { ends[1] - ends[0] };
        places.push(match length {
            0 => None,
            1 => u64::try_from(ends[0]).ok(),
            _ => return datafusion::common::exec_err!("a subquery that stands for one value gave more than one row"),
        });
    }
    Ok(take(lists.values(), &UInt64Array::from(places), None)?)
}
