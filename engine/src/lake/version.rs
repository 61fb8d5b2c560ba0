//! Which version of a table a statement asks for.

use std::collections::HashMap;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};

/// A version of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum AsOf {
    #[default]
    Latest,
    /// Of that number.
    Number(u64),
    /// The last that was there at that time, in milliseconds since 1970 in UTC.
    Time(i64),
}

impl AsOf {
    /// What options say; they are taken out.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what is no version or no time, and for both.
    pub(crate) fn taken_from(options: &mut HashMap<String, String>) -> Result<Self> {
        let mut said = Self::Latest;
        for (option, value) in options.extract_if(|name, _| {
            let bare = name.to_ascii_lowercase();
            ["version", "timestamp"].contains(&bare.trim_start_matches("format."))
        }) {
            if said != Self::Latest {
                return Err(Error::new(ErrorKind::Invalid, "version and timestamp are both given")
                    .with_hint("one of them says which version is read"));
            }
            said = match option.to_ascii_lowercase().ends_with("version") {
                true => Self::Number(number(&value)?),
                false => Self::Time(time(&value)?),
            };
        }
        Ok(said)
    }
}

/// A time in milliseconds since 1970, as text.
pub(crate) fn shown(time: i64) -> String {
    let time = ScalarValue::TimestampMillisecond(Some(time), Some("UTC".into()));
    let shown = time.to_array().and_then(|array| Ok(array_value_to_string(&array, 0)?));
    shown.unwrap_or_default()
}

fn number(text: &str) -> Result<u64> {
    text.trim().parse().map_err(|_| {
        Error::new(ErrorKind::Invalid, format!("'{text}' is no version of a table")).with_hint("write version = 3")
    })
}

fn time(text: &str) -> Result<i64> {
    let parsed = ScalarValue::try_from_string(
        text.trim().to_string(),
        &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
    );
    match parsed {
        Ok(ScalarValue::TimestampMillisecond(Some(time), _)) => Ok(time),
        _ => Err(Error::new(ErrorKind::Invalid, format!("'{text}' is no time")).with_hint(
            "write timestamp = '2026-01-31 12:00:00', in UTC, or with an offset: '2026-01-31T12:00:00+01:00'",
        )),
    }
}
