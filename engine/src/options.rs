//! Options when they are set: values that DataFusion takes as they come and stumbles over later, options and values that concern the
//! whole process, which a client's session does not set, and RESET, which gives an option the value that the session began with: DataFusion
//! knows its own defaults only, and some of those are faults that Maar turns off.

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::{SetVariable, Statement};
use datafusion::prelude::SessionConfig;

use crate::device::bytes_of;
use crate::error::{Error, ErrorKind, Result};

const TIME_ZONE: &str = "datafusion.execution.time_zone";

/// Options that say what all sessions share: the memory of the devices, where a catalog finds its tables, and DataFusion's runtime
/// (memory, spilling, caches).
const OF_THE_PROCESS: &[&str] =
    &["maar.device_memory", "maar.resident_memory", "datafusion.catalog.location", "datafusion.catalog.format"];
const OF_THE_RUNTIME: &str = "datafusion.runtime.";
/// How those of them end that are sizes.
const SIZES: &[&str] = &["_limit", "_size"];

/// Values that a client does not give an option of its own session: an instrument of tests, which starts compilers
/// and keeps whole cores busy.
const KEPT_FROM_CLIENTS: &[(&str, &str)] = &[("maar.device", "emulated")];

/// The most that a client gives an option of its own session, unless the session began with more. Memory is taken by these numbers
/// that no pool counts (buffers of a whole batch, channels between all pairs of partitions, plans), and a process that gets none ends.
const MOST_OF_CLIENTS: &[(&str, u64)] = &[
    ("datafusion.execution.target_partitions", 256),
    ("datafusion.execution.batch_size", 1 << 20),
    ("maar.plan_cache", 1024),
];

/// DataFusion sets the options of all dynamic filters with this one, and so those of aggregates, which lose rows.
const DYNAMIC_FILTERS: &str = "datafusion.optimizer.enable_dynamic_filter_pushdown";
const EACH_DYNAMIC_FILTER: &[&str] = &[
    "datafusion.optimizer.enable_topk_dynamic_filter_pushdown",
    "datafusion.optimizer.enable_join_dynamic_filter_pushdown",
    AGGREGATE_DYNAMIC_FILTERS,
];
const AGGREGATE_DYNAMIC_FILTERS: &str = "datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown";

/// The options that a session began with.
struct AsBegun(Arc<ConfigOptions>);

/// RESET goes back to the options as they are now.
pub(crate) fn remember(config: &mut SessionConfig) {
    let begun = AsBegun(Arc::clone(config.options()));
    config.set_extension(Arc::new(begun));
}

/// Marks the options of a client's session.
struct OfAClient;

/// From here on the options of the process cannot be set.
pub(crate) fn guard_those_of_the_process(config: &mut SessionConfig) {
    config.set_extension(Arc::new(OfAClient));
}

/// Whether the session is a client's of a server.
pub(crate) fn is_of_a_client(config: &SessionConfig) -> bool {
    config.get_extension::<OfAClient>().is_some()
}

/// # Errors
/// [`ErrorKind::Forbidden`] when `statement` sets what the session must not, [`ErrorKind::Invalid`] for what the option cannot take.
pub(crate) fn check_set(config: &SessionConfig, statement: &Statement) -> Result<()> {
    match statement {
        Statement::SetVariable(set) => {
            check_right(config, &set.variable)?;
            check_value(config, &set.variable, &set.value)?;
            check(&set.variable, &set.value)
        }
        Statement::ResetVariable(reset) => check_right(config, &reset.variable),
        _ => Ok(()),
    }
}

/// The SETs that are made instead of `statement`, in their order; none where DataFusion does what it says.
pub(crate) fn written_out(config: &SessionConfig, statement: &Statement) -> Vec<Statement> {
    let set =
        |variable: &str, value: String| Statement::SetVariable(SetVariable { variable: variable.to_string(), value });
    match statement {
        Statement::SetVariable(asked) if asked.variable.eq_ignore_ascii_case(DYNAMIC_FILTERS) => {
            let Some(of_aggregates) = value_in(config.options(), AGGREGATE_DYNAMIC_FILTERS) else { return Vec::new() };
            vec![set(DYNAMIC_FILTERS, asked.value.clone()), set(AGGREGATE_DYNAMIC_FILTERS, of_aggregates)]
        }
        Statement::SetVariable(asked) => {
            let size = size_of_the_runtime(&asked.variable, &asked.value);
            size.map(|size| set(&asked.variable, size)).into_iter().collect()
        }
        Statement::ResetVariable(reset) => {
            let Some(begun) = config.get_extension::<AsBegun>() else { return Vec::new() };
            let name = reset.variable.to_lowercase();
            let also = if name == DYNAMIC_FILTERS { EACH_DYNAMIC_FILTER } else { &[] };
            let names = std::iter::once(name.as_str()).chain(also.iter().copied());
            let known: Vec<_> = names.filter_map(|name| Some(set(name, value_in(&begun.0, name)?))).collect();
            // The options of Maar that there are not: SET says which there are.
            if known.is_empty() && name.starts_with("maar.") { vec![set(&name, String::new())] } else { known }
        }
        _ => Vec::new(),
    }
}

/// A size as DataFusion's runtime takes it, where it was given as every other option takes one: `1GB`, `512 MiB`, `1048576`.
fn size_of_the_runtime(option: &str, value: &str) -> Option<String> {
    let name = option.to_lowercase();
    let is_size = name.starts_with(OF_THE_RUNTIME) && SIZES.iter().any(|end| name.ends_with(end));
    let is_known = value.trim() == "0" || value.ends_with(['K', 'M', 'G']);
    let bytes = bytes_of(value).filter(|_| is_size && !is_known)?;
    // Its smallest unit.
    Some(format!("{}K", bytes as f64 / 1024.0))
}

fn value_in(options: &ConfigOptions, name: &str) -> Option<String> {
    options.entries().into_iter().find(|entry| entry.key == name)?.value
}

/// Sets the options of the process to what they are in `theirs`.
pub(crate) fn follow(config: &mut SessionConfig, theirs: &ConfigOptions) {
    for name in OF_THE_PROCESS {
        if let Some(value) = value_in(theirs, name) {
            // As it was taken there, so here.
            let _ = config.options_mut().set(name, &value);
        }
    }
}

/// Whether an option says what all sessions of a process share: only an administrator of a server sets it.
pub fn is_of_the_process(option: &str) -> bool {
    let name = option.to_lowercase();
    OF_THE_PROCESS.contains(&name.as_str()) || name.starts_with(OF_THE_RUNTIME)
}

fn check_right(config: &SessionConfig, option: &str) -> Result<()> {
    if is_of_the_process(option) && config.get_extension::<OfAClient>().is_some() {
        let message =
            format!("{} is an option of the whole server, which this session cannot set", option.to_lowercase());
        return Err(Error::new(ErrorKind::Forbidden, message)
            .with_hint("a user with the role admin sets it, or who starts the server: maar serve --set NAME=VALUE"));
    }
    Ok(())
}

/// # Errors
/// [`ErrorKind::Forbidden`] for a value that concerns more than the client who sets it.
fn check_value(config: &SessionConfig, option: &str, value: &str) -> Result<()> {
    if config.get_extension::<OfAClient>().is_none() {
        return Ok(());
    }
    let (name, value) = (option.to_lowercase(), value.trim().to_lowercase());
    let begun = config.get_extension::<AsBegun>().and_then(|begun| value_in(&begun.0, &name));
    if begun.as_ref() == Some(&value) {
        return Ok(());
    }
    let refused = |why: &str| {
        let message = format!("{name} cannot be '{value}' in a session of a client: {why}");
        Err(Error::new(ErrorKind::Forbidden, message)
            .with_hint("a user with the role admin may set it, or who starts the server: maar serve --set NAME=VALUE"))
    };
    if KEPT_FROM_CLIENTS.contains(&(name.as_str(), value.as_str())) {
        return refused("it takes the server's processors from everyone");
    }
    let Some((_, most)) = MOST_OF_CLIENTS.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let most = begun.and_then(|begun| begun.parse().ok()).map_or(*most, |begun: u64| begun.max(*most));
    match value.parse::<u128>() {
        Ok(number) if number > u128::from(most) => refused(&format!("{most} is the most")),
        _ => Ok(()),
    }
}

/// # Errors
/// [`ErrorKind::Invalid`] for a value that the option cannot take.
pub(crate) fn check(option: &str, value: &str) -> Result<()> {
    if !option.eq_ignore_ascii_case(TIME_ZONE) || value.parse::<Tz>().is_ok() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("{TIME_ZONE} cannot be '{value}': there is no such time zone"))
        .with_hint("write a name such as 'Europe/Berlin' or 'UTC', or an offset such as '+02:00'"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn zones_are_names_or_offsets() {
        for zone in ["UTC", "Europe/Berlin", "+02:00", "-0330", "+00"] {
            check(TIME_ZONE, zone).unwrap();
        }
        for zone in ["Mars/X", "", "LOCAL"] {
            assert_eq!(check(TIME_ZONE, zone).unwrap_err().kind(), ErrorKind::Invalid);
        }
        check("datafusion.execution.batch_size", "Mars/X").unwrap();
    }
}
