//! Differences and sums of dates, whose unit is an argument: `date_diff('day', a, b)`, `datediff(day, a, b)`,
//! `date_add(d, INTERVAL 1 DAY)`, `dateadd(day, 1, d)`, and Spark's `datediff(b, a)`, `date_add(d, n)` in days.

use datafusion::sql::sqlparser::ast::{Expr, Value};

use crate::dialect::grammar::expression;
use crate::dialect::templates::filled;
use crate::error::{Error, ErrorKind, Result};

pub(super) const NAMES: [&str; 8] =
    ["date_diff", "datediff", "timestampdiff", "date_sub", "datesub", "date_add", "dateadd", "timestampadd"];

/// Whether a call of that name is written out here.
pub(super) fn is_one(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The call written out; `None` where the number of arguments is not one that it has.
///
/// # Errors
/// When the unit is none.
pub(super) fn written_out(name: &str, arguments: &[Expr]) -> Result<Option<Expr>> {
    let template = match (name, arguments) {
        ("date_diff" | "datediff" | "timestampdiff", [unit, _, _]) => boundaries(&unit_of(name, unit)?),
        ("date_diff" | "datediff", [_, _]) => {
            "cast(cast(cast($1 as date) as int) - cast(cast($2 as date) as int) as bigint)".to_string()
        }
        ("date_sub" | "datesub", [unit, _, _]) => whole_units(name, &unit_of(name, unit)?)?,
        ("date_add" | "dateadd" | "timestampadd", [unit, _, _]) => {
            format!("$3 + cast(cast($2 as varchar) || ' {}' as interval)", unit_of(name, unit)?)
        }
        ("date_add", [_, length]) if is_interval(length) => "$1 + $2".to_string(),
        ("date_sub", [_, length]) if is_interval(length) => "$1 - $2".to_string(),
        ("date_add", [_, _]) => "cast(cast(cast($1 as date) as int) + cast($2 as int) as date)".to_string(),
        ("date_sub", [_, _]) => "cast(cast(cast($1 as date) as int) - cast($2 as int) as date)".to_string(),
        _ => return Ok(None),
    };
    Ok(expression(&template).map(|template| filled(&template, arguments)))
}

fn is_interval(expr: &Expr) -> bool {
    match expr {
        Expr::Interval(_) => true,
        Expr::Nested(inner) => is_interval(inner),
        Expr::Cast { data_type, .. } => data_type.to_string().to_ascii_uppercase().starts_with("INTERVAL"),
        _ => false,
    }
}

/// How often a new unit begins between the second argument and the third.
fn boundaries(unit: &str) -> String {
    let calendar =
        |count: &str| format!("cast(({}) - ({}) as bigint)", count.replace('#', "$3"), count.replace('#', "$2"));
    match unit {
        "year" => calendar("extract(year from cast(# as timestamp))"),
        "quarter" => calendar(
            "extract(year from cast(# as timestamp)) * 4 + extract(quarter from cast(# as timestamp))",
        ),
        "month" => calendar(
            "extract(year from cast(# as timestamp)) * 12 + extract(month from cast(# as timestamp))",
        ),
        // Weeks begin on Mondays.
        "week" => "(cast(cast(date_trunc('week', cast($3 as timestamp)) as date) as int) - cast(cast(date_trunc('week', cast($2 as timestamp)) as date) as int)) / 7".to_string(),
        "day" => "cast(cast(cast($3 as date) as int) - cast(cast($2 as date) as int) as bigint)".to_string(),
        "hour" => format!("{} / 3600", elapsed(unit, "Second")),
        "minute" => format!("{} / 60", elapsed(unit, "Second")),
        "second" => elapsed(unit, "Second"),
        "millisecond" => elapsed(unit, "Millisecond"),
        _ => elapsed(unit, "Microsecond"),
    }
}

/// The time from where a unit of the second argument began to where one of the third did, in units of Arrow's. Times with a zone
/// differ by what has passed, not by what clocks show.
fn elapsed(unit: &str, arrow: &str) -> String {
    format!("cast(arrow_cast(date_trunc('{unit}', $3) - date_trunc('{unit}', $2), 'Duration({arrow})') as bigint)")
}

/// How many whole units lie between the second argument and the third.
fn whole_units(name: &str, unit: &str) -> Result<String> {
    let microseconds: i64 = match unit {
        "week" => 7 * 86_400_000_000,
        "day" => 86_400_000_000,
        "hour" => 3_600_000_000,
        "minute" => 60_000_000,
        "second" => 1_000_000,
        "millisecond" => 1_000,
        "microsecond" => 1,
        _ => {
            let message = format!("{name} counts no whole units of '{unit}'");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint(format!("date_diff('{unit}', a, b) counts how often a new {unit} begins")));
        }
    };
    Ok(format!("{} / {microseconds}", elapsed("microsecond", "Microsecond")))
}

/// The unit that an argument names: a string or a bare word.
fn unit_of(name: &str, argument: &Expr) -> Result<String> {
    let written = match argument {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    let lower = written.to_ascii_lowercase();
    let singular = lower.strip_suffix('s').unwrap_or(&lower);
    let unit = match singular {
        "y" | "yr" | "yyyy" | "yy" => "year",
        "mon" | "mm" => "month",
        "d" | "dd" => "day",
        "w" | "wk" => "week",
        "h" | "hr" | "hh" => "hour",
        "min" | "mi" | "minute" => "minute",
        "sec" | "" => "second",
        "millisecond" | "m" | "msec" => "millisecond",
        "microsecond" | "u" | "usec" => "microsecond",
        other => other,
    };
    const UNITS: [&str; 9] = ["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"];
    if UNITS.contains(&unit) || unit == "microsecond" {
        return Ok(unit.to_string());
    }
    Err(Error::new(ErrorKind::Invalid, format!("{name}: '{written}' is no unit of time"))
        .with_hint(format!("the units are {}, microsecond", UNITS.join(", "))))
}
