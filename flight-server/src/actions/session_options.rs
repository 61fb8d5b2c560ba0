//! SetSessionOptions and GetSessionOptions: what SET and SHOW do, for drivers. `catalog` and `schema` are what unqualified
//! names are looked up in; the others are called as in SHOW ALL.

use std::collections::HashMap;

use arrow_flight::Action;
use maar_engine::{Error, Session, is_of_the_process};
use tonic::{Request, Status};

use super::body;
use crate::sessions::Sessions;

/// Names that the protocol's drivers use, and what they stand for.
const ALIASES: &[(&str, &str)] =
    &[("catalog", "datafusion.catalog.default_catalog"), ("schema", "datafusion.catalog.default_schema")];

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    session_options: HashMap<String, SessionOptionValue>,
}

/// An option that is to be as it was at the start has no value.
#[derive(Clone, PartialEq, prost::Message)]
struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    option_value: Option<OptionValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Float(f64),
    #[prost(message, tag = "5")]
    List(StringListValue),
}

#[derive(Clone, PartialEq, prost::Message)]
struct StringListValue {
    #[prost(string, repeated, tag = "1")]
    values: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    errors: HashMap<String, OptionError>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct OptionError {
    #[prost(enumeration = "Refusal", tag = "1")]
    value: i32,
}

/// SetSessionOptionsResult.ErrorValue
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum Refusal {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    session_options: HashMap<String, SessionOptionValue>,
}

/// Sets each option by itself: what is refused is in the answer, and does not keep the others from being set.
///
/// # Errors
/// INVALID_ARGUMENT for a body that is not the message, and those of finding the session.
pub(super) async fn set(sessions: &Sessions, request: &Request<Action>) -> Result<SetSessionOptionsResult, Status> {
    let wanted: SetSessionOptionsRequest = body(request.get_ref())?;
    let session = sessions.of(request)?;
    let mut errors = HashMap::new();
    for (name, value) in wanted.session_options {
        let watched = session.begin(&shown(&name, value.option_value.as_ref()))?;
        match set_one(&session.engine, sessions.base(), &name, value.option_value).await {
            Ok(()) => {
                if is_of_the_process(&name) {
                    session.common.follow(&session.engine);
                }
                watched.finish();
            }
            Err(refusal) => {
                watched.fail(&Status::invalid_argument(format!("the option was not set: {refusal:?}")));
                errors.insert(name, OptionError { value: refusal.into() });
            }
        }
    }
    Ok(SetSessionOptionsResult { errors })
}

/// The options of the session; those that it would begin with where the client has none: a look makes no session.
///
/// # Errors
/// UNAUTHENTICATED for a token of no session.
pub(super) fn get(sessions: &Sessions, request: &Request<Action>) -> Result<GetSessionOptionsResult, Status> {
    let session = sessions.peek(request)?;
    let all = values(session.as_ref().map_or(sessions.base(), |session| &session.engine));
    let aliases = ALIASES.iter().filter_map(|(alias, name)| Some(((*alias).to_owned(), all.get(*name)?.clone())));
    let option = |(name, value)| (name, SessionOptionValue { option_value: Some(OptionValue::Text(value)) });
    Ok(GetSessionOptionsResult { session_options: aliases.chain(all.clone()).map(option).collect() })
}

async fn set_one(session: &Session, base: &Session, name: &str, value: Option<OptionValue>) -> Result<(), Refusal> {
    let full = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, full)| *full);
    if !values(base).contains_key(full) && !has_option(session, full) {
        return Err(Refusal::InvalidName);
    }
    let value = match value.as_ref().map(written) {
        Some(value) => Some(value),
        None => values(base).get(full).cloned(),
    };
    let sql = match value {
        Some(value) if !is_there(session, name, &value) => return Err(Refusal::InvalidValue),
        Some(value) => format!("SET {full} = '{}'", value.replace('\'', "''")),
        None => format!("RESET {full}"),
    };
    let set = async { Box::pin(session.sql(&sql)).await?.collect().await };
    set.await.map(|_| ()).map_err(|_: Error| Refusal::InvalidValue)
}

/// Whether a catalog or a schema of this name exists; a driver that asks for another is told now, not by its first query.
fn is_there(session: &Session, name: &str, value: &str) -> bool {
    let state = session.context().state();
    let catalogs = state.catalog_list();
    match name {
        "catalog" => catalogs.catalog(value).is_some(),
        "schema" => {
            let default = &state.config_options().catalog.default_catalog;
            catalogs.catalog(default).is_some_and(|catalog| catalog.schema(value).is_some())
        }
        _ => true,
    }
}

/// The statement that does the same.
fn shown(name: &str, value: Option<&OptionValue>) -> String {
    match value {
        Some(value) => format!("SET {name} = '{}'", written(value).replace('\'', "''")),
        None => format!("RESET {name}"),
    }
}

fn written(value: &OptionValue) -> String {
    match value {
        OptionValue::Text(text) => text.clone(),
        OptionValue::Flag(flag) => flag.to_string(),
        OptionValue::Integer(number) => number.to_string(),
        OptionValue::Float(number) => number.to_string(),
        OptionValue::List(list) => list.values.join(","),
    }
}

/// Every option that has a value.
fn values(session: &Session) -> HashMap<String, String> {
    let entries = session.context().state().config_options().entries().into_iter();
    entries.filter_map(|entry| Some((entry.key, entry.value?))).collect()
}

fn has_option(session: &Session, name: &str) -> bool {
    session.context().state().config_options().entries().iter().any(|entry| entry.key == name)
}
