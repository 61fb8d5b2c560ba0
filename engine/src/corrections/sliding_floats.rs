//! Fault: a window that slides takes values out of its sums by subtracting them. What has left stays behind: after an
//! infinity every later sum is NaN, after 1e308 small values are gone, and a variance becomes negative and its root NaN.
//!
//! Correction: nothing is subtracted. The values of a window wait in two stacks: one whose partial results shrink as values
//! leave, one whose result grows as they come; together they are the window. Test:
//! `tests/sqllogictest/slt/expressions/sliding.slt`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue, not_impl_err};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr::WindowFunctionDefinition;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, ExprSchemable, ReversedUDAF, Signature,
};
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(SlideWithoutSubtracting));
}

/// What is asked of the floats in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asked {
    Sum,
    Mean,
    Variance { sample: bool, root: bool },
}

impl Asked {
    fn of(function: &AggregateUDF, floats: bool) -> Option<Self> {
        let variance = |sample, root| Some(Asked::Variance { sample, root });
        match function.name() {
            "sum" if floats => Some(Asked::Sum),
            "avg" if floats => Some(Asked::Mean),
            "var" | "var_samp" => variance(true, false),
            "var_pop" => variance(false, false),
            "stddev" | "stddev_samp" => variance(true, true),
            "stddev_pop" => variance(false, true),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct SlideWithoutSubtracting;

impl FunctionRewrite for SlideWithoutSubtracting {
    fn name(&self) -> &str {
        "maar_sliding_floats"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::WindowFunction(mut window) = expr else { return Ok(Transformed::no(expr)) };
        let asked = match (&window.fun, window.params.args.as_slice()) {
            (WindowFunctionDefinition::AggregateUDF(function), [argument])
                if !window.params.distinct && !function.inner().is::<SlidingFloats>() =>
            {
                let floats = argument.get_type(schema)?.is_floating();
                Asked::of(function, floats).map(|asked| (Arc::clone(function), asked))
            }
            _ => None,
        };
        let Some((original, asked)) = asked else { return Ok(Transformed::no(Expr::WindowFunction(window))) };
        let sliding = AggregateUDF::from(SlidingFloats { original, asked });
        window.fun = WindowFunctionDefinition::AggregateUDF(Arc::new(sliding));
        Ok(Transformed::yes(Expr::WindowFunction(window)))
    }
}

/// DataFusion's function, but for windows that slide.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SlidingFloats {
    original: Arc<AggregateUDF>,
    asked: Asked,
}

impl AggregateUDFImpl for SlidingFloats {
    fn name(&self) -> &str {
        self.original.name()
    }

    fn signature(&self) -> &Signature {
        self.original.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.original.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.original.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.original.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.original.accumulator(args)
    }

    fn create_sliding_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Window { asked: self.asked, leaving: vec![], coming: vec![], come: Moments::default() }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.original.reverse_udf()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.original.documentation()
    }
}

/// Of some values: how many, their sum, their mean and the squares of their distances from it, added up.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: f64,
    sum: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn one(value: f64) -> Self {
        Self { count: 1.0, sum: value, mean: value, squares: 0.0 }
    }

    fn and(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        if other.count == 0.0 {
            return self;
        }
        let count = self.count + other.count;
        let apart = other.mean - self.mean;
        Self {
            count,
            sum: self.sum + other.sum,
            mean: self.mean + apart * other.count / count,
            squares: self.squares + other.squares + apart * apart * self.count * other.count / count,
        }
    }
}

/// The values of a window, in the order in which they leave.
#[derive(Debug)]
struct Window {
    asked: Asked,
    /// The next to leave is last; each holds itself and those that leave after it.
    leaving: Vec<Moments>,
    /// Values that came since, and all of them together.
    coming: Vec<f64>,
    come: Moments,
}

impl Accumulator for Window {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0].as_primitive::<Float64Type>().iter().flatten() {
            self.coming.push(value);
            self.come = self.come.and(Moments::one(value));
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for _ in values[0].as_primitive::<Float64Type>().iter().flatten() {
            if self.leaving.is_empty() {
                let mut after = Moments::default();
                for value in self.coming.drain(..).rev() {
                    after = Moments::one(value).and(after);
                    self.leaving.push(after);
                }
                self.come = Moments::default();
            }
            self.leaving.pop();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let all = self.leaving.last().copied().unwrap_or_default().and(self.come);
        let some = all.count > 0.0;
        Ok(ScalarValue::Float64(match self.asked {
            Asked::Sum => some.then_some(all.sum),
            Asked::Mean => some.then(|| all.sum / all.count),
            Asked::Variance { sample, root } => {
                let of = if sample { all.count - 1.0 } else { all.count };
                let variance = (of > 0.0).then(|| all.squares / of);
                if root { variance.map(f64::sqrt) } else { variance }
            }
        }))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        not_impl_err!("a window that slides has no partial result")
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        not_impl_err!("a window that slides has no partial result")
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.leaving.capacity() * size_of::<Moments>() + self.coming.capacity() * size_of::<f64>()
    }
}
