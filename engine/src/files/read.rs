//! The tables of readers (`read_parquet(['a', 'b'], filename = true)`): the files of several paths as one table. A file that
//! two paths name is read twice, as the statement says so.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::functions::core::expr_fn::nullif;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, lit};
use object_store::ObjectMeta;

use super::declared_types::Told;
use super::formats;
use super::location::Location;
use super::open::{columns_of, list_all, name_of};
use super::partition_columns::{self, HiveFolders};
use super::table::{FileTable, Members};
use crate::error::{Error, ErrorKind, Result};

/// What a reader is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    /// As STORED AS names it.
    pub(crate) format: &'static str,
    pub(crate) paths: Vec<String>,
    /// Under DataFusion's names.
    pub(crate) options: HashMap<String, String>,
    /// The column that says which file a row is from.
    pub(crate) filename: Option<String>,
    /// What `key=value` folders are.
    pub(crate) folders: HiveFolders,
    pub(crate) told: Told,
    /// Texts of CSV files that stand for NULL, besides the empty one.
    pub(crate) nulls: Vec<String>,
}

/// The table that `asked` is.
///
/// # Errors
/// When a path gives no files, or the files do not make one table.
pub(crate) async fn read(state: &SessionState, asked: &Reading) -> Result<Arc<dyn TableProvider>> {
    let mut options = asked.options.clone();
    for (name, value) in of_names(asked)? {
        options.entry((*name).to_string()).or_insert_with(|| (*value).to_string());
    }
    if !asked.nulls.is_empty() {
        let texts: Vec<String> = asked.nulls.iter().map(|text| regex::escape(text)).collect();
        options.insert("format.null_regex".to_string(), format!("^({})?$", texts.join("|")));
    }
    let format = formats::named(state, asked.format, &options)?;
    if let Some(refused) = asked.paths.iter().find_map(|path| formats::refused(path)) {
        return Err(refused);
    }
    let locations = asked.paths.iter().map(|text| Location::parse(state.config(), text)).collect::<Result<Vec<_>>>()?;
    // A file that is named is read whatever it is called; of a folder only what looks like one.
    let is_folder = locations.iter().any(|location| !location.is_one_file() && !location.is_pattern());
    let members = formats::of_format(asked.format).filter(|_| is_folder).map_or(Members::All, Members::Of);
    let (lake, mut found) = list_all(state, &locations).await?;
    found.iter_mut().for_each(|files| files.retain(|file| members.has(name_of(file))));
    let files: Vec<ObjectMeta> = found.iter().flatten().cloned().collect();
    let schema = columns_of(state, &format, &lake, &files).await?;
    let schema = asked.told.over(state, schema, asked.format == "csv")?;
    let partitions = partition_columns::of_locations(&locations, &found, &schema, asked.folders)?;
    if let Some(name) = &asked.filename
        && (schema.column_with_name(name).is_some() || partitions.iter().any(|column| column.name() == name))
    {
        return Err(Error::new(ErrorKind::Invalid, format!("the files have a column {name} of their own"))
            .with_hint("name the other one: filename = 'file'"));
    }
    let read_as = if asked.nulls.is_empty() { Arc::clone(&schema) } else { all_text(&schema) };
    let table = FileTable::new(locations, members, format, read_as, partitions).found_in(files);
    let table = table.of_reader(asked.filename.as_deref());
    match asked.nulls.is_empty() {
        true => Ok(Arc::new(table)),
        false => with_nulls(table, &schema, &asked.nulls),
    }
}

/// What the names of the files say (`.tsv`), which holds where nothing else is said.
///
/// # Errors
/// [`ErrorKind::Invalid`] where they do not agree, and nothing else is said.
fn of_names(asked: &Reading) -> Result<&'static [(&'static str, &'static str)]> {
    let mut first: Option<(&str, &'static [(&str, &str)])> = None;
    for path in &asked.paths {
        let known = formats::of_name(path).filter(|known| known.name() == asked.format);
        let options = known.map_or(&[][..], formats::Known::options);
        match first {
            None => first = Some((path.as_str(), options)),
            Some((_, of_first)) if of_first == options => {}
            Some(_) if asked.options.contains_key("format.delimiter") => {}
            Some((other, _)) => {
                let message = format!("the values of '{other}' and '{path}' are not separated alike");
                return Err(Error::new(ErrorKind::Invalid, message)
                    .with_hint("say what separates them all: delim = ';', or read them one by one, and UNION them"));
            }
        }
    }
    Ok(first.map(|(_, options)| options).unwrap_or_default())
}

fn all_text(schema: &Schema) -> SchemaRef {
    let text = |field: &FieldRef| field.as_ref().clone().with_data_type(DataType::Utf8).with_nullable(true);
    Arc::new(Schema::new(schema.fields().iter().map(text).collect::<Vec<Field>>()))
}

/// `table`, whose columns are read as texts, with the types of `schema` and NULL for each of `nulls`: the host's reader of CSV
/// knows no other word for NULL than the empty one.
fn with_nulls(table: FileTable, schema: &Schema, nulls: &[String]) -> Result<Arc<dyn TableProvider>> {
    const NAME: &str = "files";
    let whole = table.schema();
    let columns = whole.fields().iter().map(|field| {
        let column = Expr::Column(Column::new(Some(NAME), field.name()));
        match schema.field_with_name(field.name()) {
            Ok(typed) => {
                let value = nulls.iter().fold(column, |value, text| nullif(value, lit(text.as_str())));
                cast(value, typed.data_type().clone()).alias(field.name())
            }
            Err(_) => column,
        }
    });
    let columns: Vec<Expr> = columns.collect();
    let plan = LogicalPlanBuilder::scan(NAME, provider_as_source(Arc::new(table)), None)?.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
