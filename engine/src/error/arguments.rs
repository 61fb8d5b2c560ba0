//! Arguments that no function takes: DataFusion lists every signature that it tried, each with an error of its own.

use super::classify::between;
use super::types::in_sql;
use super::{Error, ErrorKind};

/// Candidates that are shown.
const LISTED_MAX: usize = 6;

/// The error that `message` is about, if it is about a call whose arguments do not fit.
pub(super) fn misfit(message: &str) -> Option<Error> {
    let untyped = between(message, "Function '", "' failed to match any signature");
    let call = between(message, "argument types '", "'");
    let given = between(message, "but received ", " (DataType");
    let text = match (untyped, call, given) {
        (_, Some(call), _) if untyped.is_some() || message.contains("No function matches") => {
            format!("no function takes these arguments: {}", in_sql(call))
        }
        (Some(name), None, Some(given)) => format!("the function '{name}' does not take these arguments, of {given}"),
        (Some(name), None, None) => format!("the function '{name}' does not take these arguments"),
        _ => return None,
    };
    let mut found = Error::new(ErrorKind::Invalid, text);
    found.hint = message.split_once("Candidate functions:").map(|(_, candidates)| {
        // The function alone knows which arguments it takes.
        if candidates.contains("UserDefined") {
            return "cast the arguments to types that go together".to_string();
        }
        let all: Vec<&str> = candidates.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let mut seen = std::collections::HashSet::new();
        let all: Vec<&str> = all.into_iter().filter(|candidate| seen.insert(*candidate)).collect();
        let more = if all.len() > LISTED_MAX { ", ..." } else { "" };
        format!("there is {}{more}", all[..all.len().min(LISTED_MAX)].join(", "))
    });
    Some(found)
}
