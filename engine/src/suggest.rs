//! Did you mean: the tables of the catalog that a wrong name may have stood for.

use datafusion::execution::SessionState;

use crate::error::{Error, nearest};

/// `error` with a hint, if it is about a table that is not there and one with a similar name is.
pub(crate) fn with_table_hint(state: &SessionState, error: Error) -> Error {
    let Some(missing) = error.missing_table() else { return error };
    if std::path::Path::new(missing).exists() {
        let hint = format!("a path is written in single quotes: '{missing}'");
        return error.with_hint(hint);
    }
    let bare = missing.rsplit('.').next().unwrap_or(missing);
    let names = table_names(state);
    let candidates: Vec<&str> = names.iter().map(String::as_str).collect();
    match nearest(bare, &candidates).map(str::to_string) {
        Some(near) => error.with_hint(format!("did you mean {near}?")),
        None => error,
    }
}

/// The tables of the default schema: those that a bare name reaches.
fn table_names(state: &SessionState) -> Vec<String> {
    let defaults = &state.config_options().catalog;
    let catalog = state.catalog_list().catalog(&defaults.default_catalog);
    let schema = catalog.and_then(|catalog| catalog.schema(&defaults.default_schema));
    schema.map(|schema| schema.table_names()).unwrap_or_default()
}
