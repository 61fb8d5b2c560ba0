//! Expressions one by one: what each becomes, and that it still means what the host means.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::scalar::ScalarValue;
use maar_gpu_exec::ir::Field;
use maar_gpu_exec::planner::{describe_expr, translate};

use crate::fixture::Fixture;
use crate::host_form::host_form;

/// Rows of the table of every type, and the means to make expressions over it.
struct Bench {
    fixture: Fixture,
    schema: DFSchema,
    batch: RecordBatch,
    fields: Vec<Field>,
}

impl Bench {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let frame = fixture.context.table("t").await.unwrap();
        let schema = frame.schema().clone();
        let batches = frame.collect().await.unwrap();
        let batch = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
        let name = |field: &Arc<arrow::datatypes::Field>| Field {
            name: field.name().clone(),
            ty: maar_gpu_exec::ir::Type::Bool,
            nullable: true,
        };
        let fields = batch.schema().fields().iter().map(name).collect();
        Self { fixture, schema, batch, fields }
    }

    fn host(&self, sql: &str) -> Result<Arc<dyn PhysicalExpr>> {
        let state = self.fixture.context.state();
        let logical = state.create_logical_expr(sql, &self.schema)?;
        let info = SimplifyContext::builder().with_schema(Arc::new(self.schema.clone())).with_current_time().build();
        let simplifier = ExprSimplifier::new(info);
        let logical = simplifier.simplify(simplifier.coerce(logical, &self.schema)?)?;
        state.create_physical_expr(logical, &self.schema)
    }

    /// The device's form in words, checked against the host on every row, or the reason.
    fn check(&self, sql: &str) -> String {
        let host = match self.host(sql) {
            Ok(host) => host,
            Err(error) => return format!("INVALID {}", error.strip_backtrace().lines().next().unwrap_or_default()),
        };
        let device = match translate(&host, self.batch.schema_ref()) {
            Ok(device) => device,
            Err(reason) => return format!("HOST {reason}"),
        };
        let back = host_form(&device, self.batch.schema_ref());
        let text = describe_expr(&device, &self.fields);
        let (expected, found) = match (self.values(&host), self.values(&back)) {
            (Ok(expected), Ok(found)) => (expected, found),
            (Err(_), Err(_)) => return text + "  (fails on these rows)",
            (expected, found) => panic!("{sql}: the host gives {expected:?}, the device's form {found:?}"),
        };
        let found = cast(&found, expected.data_type()).unwrap();
        for row in 0..expected.len() {
            let at = |array: &ArrayRef| ScalarValue::try_from_array(array, row).unwrap();
            assert_eq!(at(&found), at(&expected), "{sql}, row {row}");
            assert!(device.nullable || found.is_valid(row), "{sql} is NULL in row {row} and said not to be");
        }
        text
    }

    fn values(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<ArrayRef> {
        expr.evaluate(&self.batch)?.into_array(self.batch.num_rows())
    }

    fn check_all(&self, cases: &[&str]) -> String {
        cases.iter().map(|sql| format!("{sql}\n    {}\n", self.check(sql))).collect()
    }
}

#[tokio::test]
async fn arithmetic() {
    let cases = [
        "i + 1",
        "i - k",
        "tiny * 2",
        "k / 2",
        "k % 2",
        "f * 2",
        "f % 2",
        "f4 + 1",
        "d + 1",
        "d * d",
        "d - 0.5",
        "d / 3",
        "d % 3",
        "wide * 2",
        "-i",
        "-d",
        "-f",
        "abs(i)",
        "abs(d)",
        "abs(f)",
        "abs(f4)",
        "abs(u)",
        "nullif(i, 1)",
        "nullif(d, 2.5)",
        "coalesce(i, k)",
        "sin(f)",
        "round(d, 1)",
        "round(d)",
        "round(d, -1)",
        "round(i, -1)",
        "round(f, 2)",
        "round(f4)",
        "round(f, 400)",
        "round(f, k)",
        "round(d, null)",
        "trunc(d, 1)",
        "trunc(f)",
        "floor(f4)",
        "ceil(d)",
        "floor(i)",
        "power(i, 2)",
        "k | 1",
        "i & k",
        "tiny << 3",
        "u >> 2",
        "list",
    ];
    insta::assert_snapshot!(Bench::new().await.check_all(&cases));
}

#[tokio::test]
async fn comparisons() {
    let cases = [
        "i = 1",
        "i <> k",
        "tiny < 100",
        "tiny < 1000",
        "tiny = 1000",
        "tiny <> 1000",
        "u > 5",
        "f = 1.5",
        "f4 < 1",
        "f4 = 0",
        "f4 < 0",
        "f > d",
        "d > 0.055",
        "d >= 2.5",
        "d >= 2.505",
        "d < 2.505",
        "d <= 2.505",
        "d = 2.505",
        "d <> 2.505",
        "0.055 < d",
        "-0.005 > d",
        "d < -2.995",
        "d is distinct from 2.505",
        "d is not distinct from 2.505",
        "d is not distinct from null",
        "i is distinct from k",
        "d between 0.5 and 2.555",
        "day > date '1969-12-31'",
        "day = ts",
        "ts >= timestamp '1970-01-01 00:00:00'",
        "b = true",
        "b",
        "not b",
        "b is true",
        "b is not true",
        "b is unknown",
        "i > 0 and d > 1",
        "i > 0 or d > 1",
        "i is null",
        "d is not null",
        "list is null",
    ];
    insta::assert_snapshot!(Bench::new().await.check_all(&cases));
}

#[tokio::test]
async fn sets() {
    let cases = [
        "i in (1, 2)",
        "i in (1, 2, 3, 4, 5)",
        "i not in (1, 2, 3, 4, 5)",
        "i not in (1, 2, 3, 4, null)",
        "i in (1, 2, 3, 4, null)",
        "d in (1, 2.5, 2.505, 7)",
        "d in (1.001, 2.002, 3.003, 4.004)",
        "d not in (1.001, 2.002, 3.003, 4.004)",
        "d in (1.001, 2.002, 3.003, null)",
        "tiny in (1, 500, 600, 700)",
        "f in (1.5, 2, 3, 4)",
        "f not in (1.5, 2, 3, 4)",
        "f4 in (0, 1, 2, 3)",
        "f4 not in (0, 1, 2, null)",
        "i in (k, 1, 2, 3)",
        "day in (date '1970-01-01', date '1969-12-31', date '2000-01-01', date '2001-01-01')",
        "s in ('abc', 'b', 'c', 'd')",
        "s not in ('abc', 'b', 'c', null)",
        "s in (s2, 'a')",
    ];
    insta::assert_snapshot!(Bench::new().await.check_all(&cases));
}

#[tokio::test]
async fn conditionals() {
    let cases = [
        "case when i > 0 then d end",
        "case when i > 0 then d else 0 end",
        "case when b then 1 when i < 0 then 2 end",
        "case i when 1 then 10 when null then 20 else 30 end",
        "case when null then 1 else 2 end",
        "case s when 'abc' then k when '' then 0 end",
        "case s when 'abc' then 1 else 2 end",
        "case when s is null then 1 else 0 end",
        "case when b then s else s2 end",
        "case when b then 'x' else 'y' end",
        "case when i > 0 then null else i end",
        "coalesce(d, 0)",
        "coalesce(s, 'none')",
        "coalesce(length(s), 0)",
    ];
    insta::assert_snapshot!(Bench::new().await.check_all(&cases));
}

#[tokio::test]
async fn casts() {
    let cases = [
        "cast(i as bigint)",
        "cast(k as smallint)",
        "try_cast(u as bigint)",
        "cast(i as double)",
        "cast(i as decimal(20, 4))",
        "cast(d as bigint)",
        "cast(d as double)",
        "cast(d as decimal(20, 4))",
        "cast(d as decimal(20, 1))",
        "try_cast(f as decimal(10, 2))",
        "try_cast(f as int)",
        "cast(b as int)",
        "cast(b as double)",
        "cast(i as boolean)",
        "cast(day as timestamp)",
        "cast(ts as date)",
        "cast(zoned as date)",
        "cast(zoned as timestamp)",
        "arrow_cast(ts, 'Timestamp(ms)')",
        "cast(i as varchar)",
        "cast(s as int)",
        "try_cast(s as int)",
        "cast(s as varchar)",
        "arrow_cast(s, 'LargeUtf8')",
        "cast(day as int)",
        "cast(cast(i as bigint) as decimal(20, 2)) > 0.505",
        "cast(cast(cast(tiny as int) as bigint) as decimal(25, 3)) <= 1.0005",
        "cast(d as decimal(30, 15)) = 2.5",
        "try_cast(d as decimal(30, 15)) < 0.3333",
        "cast(i as double) > 0.5",
        "try_cast(d as decimal(38, 30))",
        "try_cast(day as timestamp)",
        "arrow_cast(k, 'Decimal128(5, -2)')",
        "cast(cast(d as int) as bigint) = 2",
    ];
    insta::assert_snapshot!(Bench::new().await.check_all(&cases));
}

#[tokio::test]
async fn dates() {
    let cases = [
        "day + interval '1' month",
        "day - interval '3' day",
        "interval '1' year + day",
        "day + interval '1' hour",
        "ts + interval '1' month",
        "ts - interval '1 month 2 days 3 hours'",
        "ts + interval '1 nanosecond'",
        "zoned + interval '1' day",
        "day + interval '1' day * k",
        "day - date '1960-01-01'",
        "ts - ts",
        "extract(year from day)",
        "extract(quarter from day)",
        "extract(month from ts)",
        "extract(day from day)",
        "extract(dow from day)",
        "extract(doy from day)",
        "extract(hour from ts)",
        "extract(minute from ts)",
        "extract(second from ts)",
        "extract(hour from day)",
        "extract(week from day)",
        "extract(epoch from ts)",
        "extract(year from zoned)",
        "date_part('YEARS', day)",
        "date_trunc('month', ts)",
    ];
    insta::assert_snapshot!(Bench::new().await.check_all(&cases));
}

#[tokio::test]
async fn text() {
    let cases = [
        "s = 'abc'",
        "s <> 'abc'",
        "'abc' > s",
        "s >= 'b'",
        "s between 'a' and 'b'",
        "s like 'a%'",
        "s not like '%c'",
        "s ilike 'A%'",
        "s like 'a%' and s <> 'abc'",
        "s like 'a%' or i > 0",
        "s ~ 'a.c'",
        "s ~ s2",
        "s ~ s",
        "s !~* 'A'",
        "s = s2",
        "s < s2",
        "s is null",
        "s is not null",
        "s is distinct from 'abc'",
        "s is not distinct from null",
        "s || 'x'",
        "s || s2",
        "s || k",
        "upper(s)",
        "upper(s) = 'ABC'",
        "length(s)",
        "length(s) > 2",
        "length(s) + 1 > 2",
        "length(s) + i",
        "substr(s, 1, 2)",
        "substr(s, 1, 2) in ('ab', 'xy')",
        "substr(s, k, 2)",
        "left(s, 1) || right(s, 1)",
        "starts_with(s, 'a')",
        "strpos(s, 'b')",
        "trim(s)",
        "replace(s, 'a', 'b')",
        "reverse(s)",
        "split_part(s, 'b', 1)",
        "split_part(s, 'b', 0)",
        "regexp_like(s, '^a')",
        "regexp_like(s, '(')",
        "regexp_replace(s, 'a', 'b')",
        "md5(s)",
        "nullif(s, 'abc')",
        "nullif(s, 'abc') is null",
        "coalesce(s, 'none') = 'none'",
        "s",
        "'x'",
        "dict = 'p'",
        "upper(dict)",
        "dict like 'p%'",
        "s = dict",
        "lower(s) = upper(s2)",
        "concat(s, '-', s)",
        "contains(s, 'b')",
        "md5(s) = 'x'",
        "md5(s) in ('a', 'b', 'c', 'd')",
        "s is distinct from s2",
        "upper(s) < lower(s2)",
        "to_hex(i)",
        "repeat(s, 2)",
    ];
    insta::assert_snapshot!(Bench::new().await.check_all(&cases));
}
