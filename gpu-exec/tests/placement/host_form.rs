//! Device expressions turned back into host ones, so that the host can say whether both mean the same.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalMonthDayNano, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::functions::datetime::{date_part, date_trunc};
use datafusion::functions::math::{ceil, floor, round, trunc};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNullExpr, Literal, NegativeExpr, NotExpr, TryCastExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::scalar::ScalarValue;
use maar_gpu_exec::ir::{ArithmeticOp, BitOp, CompareOp, Expr, ExprKind, HostFunction, Rounding, Type};
use maar_gpu_exec::planner::describe_expr;

type HostExpr = Arc<dyn PhysicalExpr>;

/// The host's form of a device expression over the same schema.
pub(crate) fn host_form(expr: &Expr, schema: &Schema) -> HostExpr {
    let sub = |expr: &Expr| host_form(expr, schema);
    let binary = |left: HostExpr, op, right| -> HostExpr { Arc::new(BinaryExpr::new(left, op, right)) };
    match &expr.kind {
        ExprKind::Column(index) => {
            let column: HostExpr = Arc::new(Column::new(schema.field(*index).name(), *index));
            // Texts of all encodings compare on the device.
            if expr.ty == Type::Text { Arc::new(CastExpr::new(column, DataType::Utf8, None)) } else { column }
        }
        ExprKind::Literal(value) => Arc::new(Literal::new(value.clone())),
        ExprKind::Deferred(function) => Arc::clone(&function.expr),
        ExprKind::Arithmetic { op, left, right } => binary(sub(left), arithmetic(*op), sub(right)),
        ExprKind::Bits { op, left, right } => binary(sub(left), bits(*op), sub(right)),
        ExprKind::Round { rounding, places, input } => {
            let places = places.map(|places| match rounding {
                Rounding::Nearest => ScalarValue::from(places),
                _ => ScalarValue::from(i64::from(places)),
            });
            let places = places.map(|places| Arc::new(Literal::new(places)) as HostExpr);
            let args: Vec<HostExpr> = std::iter::once(sub(input)).chain(places).collect();
            let function = match rounding {
                Rounding::Nearest => round(),
                Rounding::TowardsZero => trunc(),
                Rounding::Floor => floor(),
                Rounding::Ceil => ceil(),
            };
            Arc::new(ScalarFunctionExpr::try_new(function, args, schema, Arc::default()).unwrap())
        }
        // The same value to SQL.
        ExprKind::Canonical { input, .. } => sub(input),
        ExprKind::Negate(input) => Arc::new(NegativeExpr::new(sub(input))),
        ExprKind::Compare { op, left, right } => binary(sub(left), compare(*op), sub(right)),
        ExprKind::And(left, right) => binary(sub(left), Operator::And, sub(right)),
        ExprKind::Or(left, right) => binary(sub(left), Operator::Or, sub(right)),
        ExprKind::Not(input) => Arc::new(NotExpr::new(sub(input))),
        ExprKind::IsNull(input) => Arc::new(IsNullExpr::new(sub(input))),
        ExprKind::Case { branches, otherwise } => {
            let branches = branches.iter().map(|(when, then)| (sub(when), sub(then))).collect();
            Arc::new(CaseExpr::try_new(None, branches, otherwise.as_ref().map(|value| sub(value))).unwrap())
        }
        ExprKind::Cast { input, try_cast: false } => Arc::new(CastExpr::new(sub(input), host_type(expr.ty), None)),
        ExprKind::Cast { input, try_cast: true } => Arc::new(TryCastExpr::new(sub(input), host_type(expr.ty))),
        ExprKind::InList { input, values, has_null, negated } => {
            in_list(sub(input), values, *has_null, *negated, schema)
        }
        ExprKind::DatePart { .. } => part(expr, schema),
        ExprKind::DateTrunc { unit, input } => {
            let args: Vec<HostExpr> = vec![Arc::new(Literal::new(ScalarValue::from(unit.name()))), sub(input)];
            Arc::new(ScalarFunctionExpr::try_new(date_trunc(), args, schema, Arc::default()).unwrap())
        }
        ExprKind::AddInterval { input, months, days, nanoseconds } => {
            let interval = IntervalMonthDayNano::new(*months, *days, *nanoseconds);
            let interval = Literal::new(ScalarValue::IntervalMonthDayNano(Some(interval)));
            binary(sub(input), Operator::Plus, Arc::new(interval))
        }
        ExprKind::DictionaryMap { input, function, .. } => mapped(sub(input), function),
        ExprKind::TextTest { .. } | ExprKind::TextLength { .. } => panic!("only direct forms hold these"),
    }
}

fn in_list(input: HostExpr, values: &[ScalarValue], has_null: bool, negated: bool, schema: &Schema) -> HostExpr {
    let ty = input.data_type(schema).unwrap();
    let mut list: Vec<HostExpr> = values.iter().map(|v| Arc::new(Literal::new(v.clone())) as HostExpr).collect();
    if has_null {
        list.push(Arc::new(Literal::new(ScalarValue::try_from(&ty).unwrap())));
    }
    Arc::new(InListExpr::try_new(input, list, negated, schema).unwrap())
}

fn part(expr: &Expr, schema: &Schema) -> HostExpr {
    let ExprKind::DatePart { input, .. } = &expr.kind else { panic!("a date part") };
    let text = describe_expr(expr, &[]);
    let name = text.split('(').next().unwrap();
    let args: Vec<HostExpr> = vec![Arc::new(Literal::new(ScalarValue::from(name))), host_form(input, schema)];
    let options = Arc::new(ConfigOptions::new());
    Arc::new(ScalarFunctionExpr::try_new(date_part(), args, schema, options).unwrap())
}

/// The function with the column in place of its text argument.
fn mapped(input: HostExpr, function: &HostFunction) -> HostExpr {
    let text: HostExpr = Arc::new(CastExpr::new(input, DataType::Utf8, None));
    let replace = |node: HostExpr| {
        let is_column = node.is::<Column>();
        Ok(if is_column { Transformed::yes(Arc::clone(&text)) } else { Transformed::no(node) })
    };
    Arc::clone(&function.expr).transform_up(replace).data().unwrap()
}

fn host_type(ty: Type) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int { bytes: 1, signed: true } => DataType::Int8,
        Type::Int { bytes: 2, signed: true } => DataType::Int16,
        Type::Int { bytes: 4, signed: true } => DataType::Int32,
        Type::Int { signed: true, .. } => DataType::Int64,
        Type::Int { bytes: 1, .. } => DataType::UInt8,
        Type::Int { bytes: 2, .. } => DataType::UInt16,
        Type::Int { bytes: 4, .. } => DataType::UInt32,
        Type::Int { .. } => DataType::UInt64,
        Type::Float { bytes: 4 } => DataType::Float32,
        Type::Float { .. } => DataType::Float64,
        Type::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
        Type::WideDecimal { precision, scale } => DataType::Decimal256(precision, scale),
        Type::Date => DataType::Date32,
        Type::Timestamp { unit } => DataType::Timestamp(unit, None),
        Type::Text => DataType::Utf8,
    }
}

fn arithmetic(op: ArithmeticOp) -> Operator {
    match op {
        ArithmeticOp::Add => Operator::Plus,
        ArithmeticOp::Subtract => Operator::Minus,
        ArithmeticOp::Multiply => Operator::Multiply,
        ArithmeticOp::Divide => Operator::Divide,
        ArithmeticOp::Modulo => Operator::Modulo,
    }
}

fn bits(op: BitOp) -> Operator {
    match op {
        BitOp::And => Operator::BitwiseAnd,
        BitOp::Or => Operator::BitwiseOr,
        BitOp::Xor => Operator::BitwiseXor,
        BitOp::ShiftLeft => Operator::BitwiseShiftLeft,
        BitOp::ShiftRight => Operator::BitwiseShiftRight,
    }
}

fn compare(op: CompareOp) -> Operator {
    match op {
        CompareOp::Equal => Operator::Eq,
        CompareOp::NotEqual => Operator::NotEq,
        CompareOp::Less => Operator::Lt,
        CompareOp::LessOrEqual => Operator::LtEq,
        CompareOp::Greater => Operator::Gt,
        CompareOp::GreaterOrEqual => Operator::GtEq,
        CompareOp::Distinct => Operator::IsDistinctFrom,
        CompareOp::NotDistinct => Operator::IsNotDistinctFrom,
    }
}
