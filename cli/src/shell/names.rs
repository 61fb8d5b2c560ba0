//! Names of the catalog for completion: tables, their columns, functions. Not how a line is completed with them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;

use crate::backend::Backend;
use crate::engine::Engine;
use crate::lex::{self, Kind};

/// What the catalog holds, read again after statements that may change it.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Columns by table.
    pub(super) tables: BTreeMap<String, Vec<String>>,
    pub(super) functions: BTreeSet<String>,
}

impl Names {
    pub(super) async fn load(backend: &Backend) -> Self {
        match backend {
            Backend::Local(engine) => Self::of(engine).await,
            Backend::Remote(_) => Self::asked(backend).await,
        }
    }

    /// By SQL: a server shows no more than that. What it does not say is not completed.
    async fn asked(backend: &Backend) -> Self {
        let mut names = Self::default();
        for row in texts::<3>(backend, COLUMNS).await {
            let [schema, table, column] = row;
            names.tables.entry(qualified(&schema, &table)).or_default().push(quoted_if_needed(&column));
        }
        names.functions.extend(texts::<1>(backend, FUNCTIONS).await.into_iter().flatten());
        names
    }

    async fn of(engine: &Engine) -> Self {
        let mut names = Self::default();
        let context = engine.context();
        for catalog_name in context.catalog_names() {
            let Some(catalog) = context.catalog(&catalog_name) else { continue };
            for schema_name in catalog.schema_names() {
                let Some(schema) = catalog.schema(&schema_name) else { continue };
                for table in schema.table_names() {
                    let mut columns = Vec::new();
                    if let Ok(Some(provider)) = schema.table(&table).await {
                        columns.extend(provider.schema().fields().iter().map(|field| quoted_if_needed(field.name())));
                    }
                    names.tables.insert(qualified(&schema_name, &table), columns);
                }
            }
        }
        let state = context.state();
        names.functions.extend(
            state
                .scalar_functions()
                .keys()
                .chain(state.aggregate_functions().keys())
                .chain(state.window_functions().keys())
                .cloned(),
        );
        names
    }
}

impl Names {
    /// Columns of the tables that `text` names; of all tables of the user's where it names none.
    pub(super) fn columns_in<'a>(&'a self, text: &str) -> impl Iterator<Item = &'a String> {
        let words: BTreeSet<String> = lex::tokens(text)
            .filter(|token| matches!(token.kind, Kind::Word | Kind::QuotedName))
            .map(|token| match token.kind {
                Kind::Word => text[token.range].to_lowercase(),
                _ => text[token.range].to_owned(),
            })
            .collect();
        let named = move |table: &str| words.contains(table.strip_prefix("information_schema.").unwrap_or(table));
        let any = self.tables.keys().any(|table| named(table));
        let kept = move |table: &str| if any { named(table) } else { !table.starts_with("information_schema.") };
        self.tables.iter().filter(move |(table, _)| kept(table)).flat_map(|(_, columns)| columns)
    }
}

const COLUMNS: &str = "SELECT table_schema, table_name, column_name FROM information_schema.columns";

const FUNCTIONS: &str = "SELECT DISTINCT routine_name FROM information_schema.routines";

/// The first columns of a query's rows as texts; no rows where it fails.
async fn texts<const N: usize>(backend: &Backend, sql: &str) -> Vec<[String; N]> {
    let batches = backend.rows(sql).await.unwrap_or_default();
    let rows = batches.iter().flat_map(|batch| {
        let text = |column: usize, row: usize| {
            let texts = batch.columns().get(column).and_then(|column| column.as_string_opt::<i32>());
            texts.map(|texts| texts.value(row).to_owned()).unwrap_or_default()
        };
        (0..batch.num_rows()).map(move |row| std::array::from_fn(|column| text(column, row)))
    });
    rows.collect()
}

/// A table as it is named in FROM.
fn qualified(schema: &str, table: &str) -> String {
    match schema {
        "information_schema" => format!("information_schema.{table}"),
        _ => quoted_if_needed(table),
    }
}

/// A name as it must be typed: quoted where folding to lower case or a sign would lose it.
fn quoted_if_needed(name: &str) -> String {
    let plain = name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
