//! Functions that go with `pg_catalog`: those of `datafusion-pg-catalog`, and some that say the same of everything.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_pg_catalog::pg_catalog::generate_series_arg_coercion::CoerceIntArgsToBigInt;
use datafusion_pg_catalog::pg_catalog::oid_type_planner::PgOidTypePlanner;
use datafusion_pg_catalog::pg_catalog::{
    self as pg, PgCatalogStaticTables, array_bounds_udf, format_type, has_privilege_udf, pg_get_expr_udf,
    quote_ident_udf,
};
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::execution::SessionStateBuilder;
use maar_engine::datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use maar_engine::datafusion::prelude::SessionContext;
use maar_engine::datafusion::scalar::ScalarValue;

use super::settings::VERSION;

/// Registers them on one session.
pub(super) fn install(context: &SessionContext, catalog: &str, user: &str, tables: &Arc<PgCatalogStaticTables>) {
    let theirs = [
        pg::create_current_database_udf(catalog),
        pg::create_current_schemas_udf(),
        pg::create_pg_get_partkeydef_udf(),
        pg::create_pg_relation_is_publishable_udf(),
        pg::create_pg_get_statisticsobjdef_columns_udf(),
        pg::create_pg_encoding_to_char_udf(),
        pg::create_pg_relation_size_udf(),
        pg::create_pg_total_relation_size_udf(),
        pg::create_pg_stat_get_numscans(),
        pg::create_pg_get_constraintdef(),
        pg::create_pg_get_partition_ancestors_udf(),
        format_type::create_format_type_udf(),
        pg_get_expr_udf::create_pg_get_expr_udf(),
        quote_ident_udf::create_quote_ident_udf(),
        quote_ident_udf::create_parse_ident_udf(),
        array_bounds_udf::create_array_upper_udf(),
        array_bounds_udf::create_array_lower_udf(),
    ];
    theirs.into_iter().for_each(|function| context.register_udf(function));
    for name in ["has_table_privilege", "has_schema_privilege", "has_database_privilege", "has_any_column_privilege"] {
        context.register_udf(has_privilege_udf::create_has_privilege_udf(name));
    }
    for constant in constants(user) {
        context.register_udf(ScalarUDF::new_from_impl(constant));
    }
    context.register_udtf("pg_get_keywords", Arc::clone(&tables.pg_get_keywords) as _);
    {
        // Names of types such as regclass, which are numbers.
        let state = context.state_ref();
        let mut state = state.write();
        let id = state.session_id().to_string();
        let builder = SessionStateBuilder::from(state.clone()).with_session_id(id);
        *state = builder.with_type_planner(Arc::new(PgOidTypePlanner)).build();
    }
    CoerceIntArgsToBigInt::widen(context);
}

/// Functions whose answer is always the same in a session, whatever they are asked.
fn constants(user: &str) -> Vec<Constant> {
    let no_text = || ScalarValue::Utf8(None);
    let text = |text: &str| ScalarValue::from(text);
    let flag = |flag| ScalarValue::Boolean(Some(flag));
    let number = |number| ScalarValue::Int32(Some(number));
    [
        ("version", text(&format!("PostgreSQL {VERSION}"))),
        ("session_user", text(user)),
        ("pg_get_userbyid", text(user)),
        ("pg_backend_pid", number(1)),
        ("pg_is_in_recovery", flag(false)),
        ("pg_my_temp_schema", number(0)),
        ("pg_is_other_temp_schema", flag(false)),
        ("pg_table_is_visible", flag(true)),
        ("pg_type_is_visible", flag(true)),
        ("pg_function_is_visible", flag(true)),
        ("pg_advisory_unlock_all", no_text()),
        ("obj_description", no_text()),
        ("col_description", no_text()),
        ("shobj_description", no_text()),
        ("pg_get_viewdef", no_text()),
        ("pg_get_indexdef", no_text()),
        ("pg_get_ruledef", no_text()),
        ("pg_get_triggerdef", no_text()),
        ("pg_get_functiondef", no_text()),
        ("pg_get_function_result", no_text()),
        ("pg_get_function_arguments", no_text()),
        ("pg_get_function_identity_arguments", no_text()),
        ("pg_get_serial_sequence", no_text()),
        ("pg_tablespace_location", no_text()),
        // No type of PostgreSQL is looked up by its name: drivers ask for extensions, of which there are none.
        ("to_regtype", ScalarValue::Int32(None)),
        ("pg_table_size", number(0)),
        ("pg_database_size", number(0)),
    ]
    .into_iter()
    .map(|(name, value)| Constant::new(name, value))
    .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl Constant {
    fn new(name: &'static str, value: ScalarValue) -> Self {
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        Self { name, value, signature: Signature::one_of(any, Volatility::Stable) }
    }
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}
