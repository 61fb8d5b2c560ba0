//! What SQL means here, where DataFusion's planner would take it for something else: rewrites of the parsed statement,
//! one file each, before anything is planned.
//!
//! Not here: splitting scripts and parsing (`script`), and corrections of plans (`corrections`).

mod bitwise_not;
mod casts;
mod clauses;
mod collations;
mod comprehensions;
mod copied_files;
mod copy;
mod declared_keys;
mod delete_alias;
mod distinct_from;
mod empty_groups;
mod far_times;
mod fetch_first;
mod forms;
mod from_first;
mod functions;
mod grammar;
mod group_keys;
mod having;
mod intervals;
mod lambda_lists;
mod lateral;
mod like_escape;
mod list_literals;
mod listed_subqueries;
mod names;
mod operators;
mod own_units;
mod pivoted;
mod quoted_paths;
mod readers;
mod refused;
mod row_values;
mod samples;
mod semi_join;
mod show;
mod slices;
mod spellings;
mod spread;
mod statements;
mod summarize;
mod tables;
mod templates;
mod temporary;
mod time_zone;
mod tokens;
mod truncate;
mod using;
mod walk;
mod with_rollup;

pub(crate) use comprehensions::comprehended;
pub(crate) use copy::in_our_words;
pub(crate) use from_first::with_selects;
pub(crate) use functions::{instead_of, written_names};
pub(crate) use grammar::Grammar;
pub(crate) use like_escape::NO_ESCAPE;
pub(crate) use refused::check_option;
pub(crate) use spellings::respelled;
pub(crate) use spread::{Pivot, Spread, Value, spread};
pub(crate) use summarize::{summarized, summary};

use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Ident;
use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;

use crate::error::Result;
use names::Resolver;
use tables::Tables;

/// A statement as DataFusion is to plan it.
pub(crate) struct Rewritten {
    pub(crate) statement: Statement,
    /// What the columns of its result are called, where that is not what the planner calls them.
    pub(crate) names: Option<Vec<String>>,
    /// Names in it that are paths, though they do not look so.
    pub(crate) paths: Vec<String>,
    /// Whether it makes a TEMP table or view.
    pub(crate) is_temporary: bool,
}

/// The statement that DataFusion is to plan for `statement`, whose tokens are `tokens`. From then on `state` remembers the
/// tables that were looked up.
///
/// # Errors
/// Of kind Syntax, Invalid or Unsupported, for what must not be taken for something else.
pub(crate) async fn rewrite(
    state: &mut SessionState,
    mut statement: Statement,
    tokens: &[TokenWithSpan],
) -> Result<Rewritten> {
    copied_files::say(&mut statement)?;
    refused::check(&statement)?;
    statements::check(&statement)?;
    with_rollup::write_out(&mut statement);
    forms::check(&statement)?;
    clauses::check(&statement)?;
    let mut statement = show::tables(statement);
    time_zone::respell(&mut statement);
    declared_keys::forget(&mut statement);
    let is_temporary = temporary::take(&mut statement);
    truncate::as_delete(&mut statement);
    delete_alias::resolve(&mut statement);
    fetch_first::as_limit(&mut statement);
    empty_groups::leave_out(&mut statement);
    // First: what binds wrongly is a tree that the others would keep.
    distinct_from::mend(&mut statement);
    collations::leave_out(&mut statement)?;
    like_escape::rewrite(&mut statement);
    semi_join::write_out(&mut statement);
    samples::write_out(&mut statement)?;
    slices::write_out(&mut statement);
    intervals::write_out(&mut statement);
    lateral::write_out(&mut statement);
    listed_subqueries::write_out(&mut statement);
    functions::write_out(state, &mut statement)?;
    state.register_udf(casts::function())?;
    let mut read = readers::replace(state, &mut statement).await?;
    let opened = quoted_paths::open(state, &statement, tokens).await?;
    let paths = opened.iter().map(|(name, _)| name.clone()).collect();
    read.extend(opened);
    let tables = Tables::of(state, &statement, read).await?;
    let names = Resolver::new(&tables, state.aggregate_functions(), tokens).statement(&mut statement)?;
    // Once more: UNPIVOT has become a query with VALUES.
    listed_subqueries::write_out(&mut statement);
    pivoted::write_out(state, &mut statement)?;
    lambda_lists::write_out(&mut statement);
    using::write_out(state, &mut statement).await;
    having::write_out(&mut statement);
    bitwise_not::write_out(&mut statement);
    list_literals::write_out(&mut statement);
    row_values::write_out(&mut statement);
    far_times::rewrite(&mut statement);
    own_units::write_out(state, &mut statement)?;
    time_zone::keep_apart(&mut statement);
    group_keys::hide(&mut statement);
    Ok(Rewritten { statement, names, paths, is_temporary })
}

/// `name` as an identifier of SQL.
fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}
