//! What a table asks of who reads it. What is not known here is refused by its name: a reader that does not know a feature would
//! give wrong rows.

use super::super::place::Place;
use super::actions::{Metadata, Protocol};
use crate::error::{Error, ErrorKind, Result};

/// From this version on, features are named.
const NAMED_FEATURES: u32 = 3;

/// Features that are honoured.
const KNOWN: [&str; 9] = [
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    // Columns of that type are refused; some writers say so of tables without any.
    "variantType",
    "variantType-preview",
    // It binds who takes files away.
    "vacuumProtocolCheck",
];

/// How columns are found in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnMapping {
    /// By the names that they have in SQL.
    None,
    /// By names of their own.
    Name,
    /// By the numbers of fields.
    Id,
}

/// # Errors
/// [`ErrorKind::Unsupported`] for a version or a feature that is not known.
pub(super) fn check(place: &Place, protocol: &Protocol) -> Result<()> {
    let refused = |what: String| {
        let message = format!("the Delta table '{}' needs {what}, which is not supported", place.written());
        let hint = format!("rewrite the table without it; features that are read are {}", KNOWN.join(", "));
        Error::new(ErrorKind::Unsupported, message).with_hint(hint)
    };
    if protocol.min_reader_version > NAMED_FEATURES {
        return Err(refused(format!("version {} of the protocol for readers", protocol.min_reader_version)));
    }
    let features = protocol.reader_features.iter().flatten().filter(|_| protocol.min_reader_version == NAMED_FEATURES);
    match features.into_iter().find(|feature| !KNOWN.contains(&feature.as_str())) {
        Some(feature) => Err(refused(format!("the feature {feature}"))),
        None => Ok(()),
    }
}

/// # Errors
/// [`ErrorKind::Unsupported`] for a way that is not known.
pub(super) fn column_mapping(place: &Place, protocol: &Protocol, metadata: &Metadata) -> Result<ColumnMapping> {
    let named = || protocol.reader_features.iter().flatten().any(|feature| feature == "columnMapping");
    let is_on = match protocol.min_reader_version {
        NAMED_FEATURES => named(),
        version => version == 2,
    };
    let mode = metadata.option("delta.columnMapping.mode").filter(|_| is_on).unwrap_or("none");
    match mode {
        "none" => Ok(ColumnMapping::None),
        "name" => Ok(ColumnMapping::Name),
        "id" => Ok(ColumnMapping::Id),
        other => {
            let message =
                format!("the Delta table '{}' maps columns by '{other}', which is not known", place.written());
            Err(Error::new(ErrorKind::Unsupported, message).with_hint("delta.columnMapping.mode is none, name or id"))
        }
    }
}
