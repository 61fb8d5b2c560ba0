//! Floats in the one form that the host compares them in: functions of the engine's that mean nothing to the device, which
//! compares floats as SQL does whatever their bits. Not here: where they are needed (the engine's corrections).

use std::sync::Arc;

use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

/// One NaN, and one zero: what keys are compared by.
pub const FLOAT_KEY: &str = "maar_float_key";
/// One NaN: what minimum and maximum are taken of.
pub const ONE_NAN: &str = "maar_one_nan";

/// What the device compares in place of a value that only keys, minimum or maximum are made of.
pub(super) fn compared(value: &Arc<dyn PhysicalExpr>) -> &Arc<dyn PhysicalExpr> {
    match value.downcast_ref::<ScalarFunctionExpr>() {
        Some(function) if [FLOAT_KEY, ONE_NAN].contains(&function.fun().name()) => {
            function.args().first().unwrap_or(value)
        }
        _ => value,
    }
}
