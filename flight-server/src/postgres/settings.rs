//! The parameters of a session that PostgreSQL's clients set, ask for, and are told of: a table. Most can have one value here, which is
//! what most clients want; another is refused by name. Options of the engine are not among them (SET and SHOW reach these as well).

use std::collections::HashMap;
use std::time::Duration;

use super::fault::Fault;

/// The version that is claimed, which decides what tools dare to ask for.
pub(super) const VERSION: &str = concat!("16.4 (Maar ", env!("CARGO_PKG_VERSION"), ")");

/// Which values a parameter can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The one that it has.
    Fixed,
    Any,
    /// A whole number between these.
    Whole(i64, i64),
    OneOf(&'static [&'static str]),
    /// One that begins with ISO: dates are written so.
    DateStyle,
    /// UTF-8, by one of its names.
    Encoding,
    /// Also what the engine takes times of no zone for.
    Zone,
    /// The first schema of these that exists is where names are looked up.
    Path,
    /// A number of milliseconds, or one with a unit.
    Time,
}

struct Setting {
    name: &'static str,
    initial: &'static str,
    rule: Rule,
    /// Whether clients are told when they connect, and when it changes.
    is_reported: bool,
}

const fn setting(name: &'static str, initial: &'static str, rule: Rule, is_reported: bool) -> Setting {
    Setting { name, initial, rule, is_reported }
}

const LEVELS: Rule =
    Rule::OneOf(&["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"]);
const ON_OFF: Rule = Rule::OneOf(&["on", "off"]);

const SETTINGS: &[Setting] = &[
    setting("server_version", VERSION, Rule::Fixed, true),
    setting("server_version_num", "160004", Rule::Fixed, false),
    setting("server_encoding", "UTF8", Rule::Fixed, true),
    setting("client_encoding", "UTF8", Rule::Encoding, true),
    setting("application_name", "", Rule::Any, true),
    setting("is_superuser", "off", Rule::Fixed, true),
    setting("session_authorization", "", Rule::Fixed, true),
    setting("DateStyle", "ISO, MDY", Rule::DateStyle, true),
    setting("IntervalStyle", "postgres", Rule::Fixed, true),
    setting("TimeZone", "UTC", Rule::Zone, true),
    setting("integer_datetimes", "on", Rule::Fixed, true),
    setting("standard_conforming_strings", "on", Rule::Fixed, true),
    setting("default_transaction_read_only", "off", ON_OFF, true),
    setting("in_hot_standby", "off", Rule::Fixed, true),
    setting("scram_iterations", "4096", Rule::Fixed, false),
    setting("search_path", "\"$user\", public", Rule::Path, false),
    setting("extra_float_digits", "1", Rule::Whole(-15, 3), false),
    setting("bytea_output", "hex", Rule::Fixed, false),
    setting("statement_timeout", "0", Rule::Time, false),
    setting("lock_timeout", "0", Rule::Time, false),
    setting("idle_in_transaction_session_timeout", "0", Rule::Fixed, false),
    setting("client_min_messages", "notice", LEVELS, false),
    setting("transaction_isolation", "read committed", Rule::Any, false),
    setting("default_transaction_isolation", "read committed", Rule::Any, false),
    setting("transaction_read_only", "off", Rule::Fixed, false),
    setting("max_identifier_length", "63", Rule::Fixed, false),
    setting("max_index_keys", "32", Rule::Fixed, false),
    setting("escape_string_warning", "on", ON_OFF, false),
    setting("backslash_quote", "safe_encoding", Rule::Any, false),
    setting("row_security", "on", Rule::Any, false),
    setting("xmloption", "content", Rule::Any, false),
    setting("jit", "off", ON_OFF, false),
    setting("geqo", "on", ON_OFF, false),
    setting("synchronous_commit", "on", Rule::Any, false),
    setting("lc_collate", "C", Rule::Fixed, false),
    setting("lc_ctype", "C", Rule::Fixed, false),
    setting("lc_messages", "C", Rule::Any, false),
    setting("lc_monetary", "C", Rule::Any, false),
    setting("lc_numeric", "C", Rule::Any, false),
    setting("lc_time", "C", Rule::Any, false),
];

/// Those that say something else of each session.
const OF_A_SESSION: &[&str] = &["is_superuser", "session_authorization", "transaction_read_only"];

/// Those that are always the same, with their values.
pub(super) fn fixed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let fixed = SETTINGS.iter().filter(|setting| setting.rule == Rule::Fixed && !OF_A_SESSION.contains(&setting.name));
    fixed.map(|setting| (setting.name, setting.initial))
}

/// The name as it is written here, if it is one of these.
pub(super) fn known(name: &str) -> Option<&'static str> {
    find(name).map(|setting| setting.name)
}

fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
}

/// The parameters of a session.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    now: HashMap<&'static str, String>,
    /// What RESET gives back: as the client began.
    began: HashMap<&'static str, String>,
}

/// A value that may be set, once what it means to the engine was done.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) is_reported: bool,
    pub(super) engine: Engine,
}

/// What a value means to the engine.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Nothing,
    /// The zone of times without one.
    Zone(String),
    /// The schemas to look in, in their order.
    Schemas(Vec<String>),
}

impl Settings {
    pub(super) fn new(user: &str, is_administrator: bool) -> Self {
        let mut now: HashMap<_, _> =
            SETTINGS.iter().map(|setting| (setting.name, setting.initial.to_owned())).collect();
        now.insert("session_authorization", user.to_owned());
        now.insert("is_superuser", if is_administrator { "on" } else { "off" }.to_owned());
        Self { began: now.clone(), now }
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.now.get(name).map_or("", String::as_str)
    }

    /// Those that clients are told of.
    pub(super) fn reported(&self) -> impl Iterator<Item = (&'static str, &str)> {
        SETTINGS.iter().filter(|setting| setting.is_reported).map(|setting| (setting.name, self.get(setting.name)))
    }

    /// What setting a parameter would do; `None` for the value that it began with.
    ///
    /// # Errors
    /// For a value that it cannot have.
    pub(super) fn change(&self, name: &str, value: Option<&str>) -> Result<Change, Fault> {
        let setting = find(name).ok_or_else(|| Fault::error("42704", format!("there is no parameter {name}")))?;
        let value = value.unwrap_or_else(|| self.began.get(setting.name).map_or(setting.initial, String::as_str));
        let (value, engine) = setting.judged(value.trim(), self.get(setting.name))?;
        Ok(Change { name: setting.name, value, is_reported: setting.is_reported, engine })
    }

    pub(super) fn apply(&mut self, change: Change) {
        self.now.insert(change.name, change.value);
    }

    /// RESET goes back to how it is now.
    pub(super) fn begins(&mut self) {
        self.began = self.now.clone();
    }

    /// All as it began.
    pub(super) fn as_begun(&self) -> Self {
        Self { now: self.began.clone(), began: self.began.clone() }
    }

    /// Those that are not as they began.
    pub(super) fn changed(&self) -> Vec<&'static str> {
        let is_other = |setting: &&Setting| self.now.get(setting.name) != self.began.get(setting.name);
        SETTINGS.iter().filter(is_other).map(|setting| setting.name).collect()
    }

    /// How long a statement may take.
    pub(super) fn statement_timeout(&self) -> Option<Duration> {
        millis(self.get("statement_timeout")).filter(|millis| *millis > 0).map(Duration::from_millis)
    }
}

impl Setting {
    fn judged(&self, value: &str, now: &str) -> Result<(String, Engine), Fault> {
        let wrong = |rule: &str| Fault::error("22023", format!("{} cannot be '{value}': {rule}", self.name));
        let own = value.to_owned();
        Ok(match self.rule {
            Rule::Any => (own, Engine::Nothing),
            Rule::Fixed if value.eq_ignore_ascii_case(now) => (now.to_owned(), Engine::Nothing),
            Rule::Fixed => return Err(wrong(&format!("it is '{now}' here"))),
            Rule::Whole(least, most) => match value.parse::<i64>() {
                Ok(number) if (least..=most).contains(&number) => (number.to_string(), Engine::Nothing),
                _ => return Err(wrong(&format!("it is a number from {least} to {most}"))),
            },
            Rule::OneOf(words) => {
                let value = flag(value).filter(|_| self.rule == ON_OFF).unwrap_or(value);
                match words.iter().find(|word| word.eq_ignore_ascii_case(value)) {
                    Some(word) => ((*word).to_owned(), Engine::Nothing),
                    None => return Err(wrong(&format!("it is one of {}", words.join(", ")))),
                }
            }
            Rule::DateStyle => match value.split(',').next().unwrap_or_default().trim().eq_ignore_ascii_case("iso") {
                true => (own, Engine::Nothing),
                // An order alone says how input is read, which is ISO's here.
                false if matches!(value.to_ascii_lowercase().as_str(), "mdy" | "dmy" | "ymd") => {
                    (format!("ISO, {}", value.to_ascii_uppercase()), Engine::Nothing)
                }
                false => return Err(wrong("dates are written as ISO 8601 has them")),
            },
            Rule::Encoding => match value.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
                "utf8" | "unicode" => ("UTF8".to_owned(), Engine::Nothing),
                _ => return Err(Fault { code: "0A000", ..wrong("text is UTF-8") }),
            },
            Rule::Zone => (own.clone(), Engine::Zone(zone(&own))),
            Rule::Path => (own, Engine::Schemas(schemas(value))),
            Rule::Time => {
                let millis = millis(value)
                    .ok_or_else(|| wrong("it is a number of milliseconds, or one with ms, s, min or h"))?;
                (written(millis), Engine::Nothing)
            }
        })
    }
}

fn flag(value: &str) -> Option<&'static str> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" | "t" => Some("on"),
        "off" | "false" | "no" | "0" | "f" => Some("off"),
        _ => None,
    }
}

/// As the engine calls it.
fn zone(value: &str) -> String {
    match value.to_ascii_uppercase().as_str() {
        "UTC" | "GMT" | "Z" | "ETC/UTC" | "ETC/GMT" => "+00:00".to_owned(),
        _ => value.to_owned(),
    }
}

/// The names of a path, but those that are looked in anyway.
fn schemas(value: &str) -> Vec<String> {
    let names = value.split(',').map(|name| name.trim().trim_matches('"').to_owned());
    names.filter(|name| !name.is_empty() && name != "$user" && name != "pg_catalog").collect()
}

fn millis(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let factor = match value[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    value[..digits].parse::<u64>().ok()?.checked_mul(factor)
}

fn written(millis: u64) -> String {
    match millis {
        0 => "0".to_owned(),
        _ if millis.is_multiple_of(60_000) => format!("{}min", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_or_refused_by_name() {
        let settings = Settings::new("ada", false);
        for (name, value, kept) in [
            ("datestyle", "ISO", "ISO"),
            ("client_encoding", "utf-8", "UTF8"),
            ("statement_timeout", "90000", "90s"),
            ("STATEMENT_TIMEOUT", "2min", "2min"),
            ("standard_conforming_strings", "on", "on"),
            ("extra_float_digits", "3", "3"),
            ("escape_string_warning", "false", "off"),
        ] {
            assert_eq!(settings.change(name, Some(value)).unwrap().value, kept, "{name}");
        }
        for (name, value) in [
            ("datestyle", "German"),
            ("client_encoding", "LATIN1"),
            ("standard_conforming_strings", "off"),
            ("bytea_output", "escape"),
            ("statement_timeout", "soon"),
            ("extra_float_digits", "99"),
            ("server_version", "9.0"),
        ] {
            let fault = settings.change(name, Some(value)).unwrap_err();
            assert!(fault.message.contains(value), "{fault:?}");
        }
        let path = settings.change("search_path", Some("\"$user\", a, pg_catalog,b")).unwrap();
        assert_eq!(path.engine, Engine::Schemas(vec!["a".to_owned(), "b".to_owned()]));
    }
}
