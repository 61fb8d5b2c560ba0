//! A function of the host's that is right within what nanoseconds hold, with something of ours around it for other times.
//! Not here: what that is ([`super::date_trunc`], [`super::date_bin`]).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, cast,
};
use datafusion::optimizer::Analyzer;

/// One function, whose second argument is a time.
#[derive(Debug)]
pub(super) struct Wrapping {
    pub(super) function: &'static str,
    /// Of the rule, in EXPLAIN VERBOSE.
    pub(super) rule: &'static str,
    /// Whether times of this type need it.
    pub(super) applies: fn(&DataType) -> bool,
    /// Calls the host's function.
    pub(super) call: fn(&ScalarUDF, ScalarFunctionArgs) -> Result<ColumnarValue>,
}

/// One a function.
impl PartialEq for Wrapping {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl Eq for Wrapping {}

impl Hash for Wrapping {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}

/// Whether times of a type reach farther than nanoseconds.
pub(super) fn reaches_far(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(unit, _) if *unit != TimeUnit::Nanosecond)
}

impl Wrapping {
    pub(super) fn install(&'static self, builder: &mut SessionStateBuilder) {
        builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(Rule(self)));
    }
}

#[derive(Debug)]
struct Rule(&'static Wrapping);

impl FunctionRewrite for Rule {
    fn name(&self) -> &str {
        self.0.rule
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(call) = &mut expr else { return Ok(Transformed::no(expr)) };
        let is_ours = call.func.name() == self.0.function && call.func.inner().downcast_ref::<Wrapped>().is_none();
        let Some(time) = call.args.get_mut(1).filter(|_| is_ours) else { return Ok(Transformed::no(expr)) };
        let data_type = time.get_type(schema).unwrap_or(DataType::Null);
        if data_type == DataType::Date32 {
            // The host takes nanoseconds, which hold few dates.
            *time = cast(std::mem::take(time), DataType::Timestamp(TimeUnit::Microsecond, None));
        } else if !(self.0.applies)(&data_type) {
            return Ok(Transformed::no(expr));
        }
        call.func = Arc::new(ScalarUDF::from(Wrapped { wrapping: self.0, host: Arc::clone(&call.func) }));
        Ok(Transformed::yes(expr))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Wrapped {
    wrapping: &'static Wrapping,
    host: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Wrapped {
    fn name(&self) -> &str {
        self.wrapping.function
    }

    fn signature(&self) -> &Signature {
        self.host.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.host.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.host.return_field_from_args(args)
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        self.host.output_ordering(input)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.wrapping.call)(&self.host, args)
    }
}
