//! CREATE SECRET, DROP SECRET and `maar_secrets()`: what the stores of a process are opened with. Sessions of a server share
//! them, so only an administrator's may name one. No value is ever given back.
//!
//! Not here: which secret a path has, and what its options mean (`maar-stores`).

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{SecretOption, Statement as SqlStatement};
use maar_stores::{Kind, Secret, Stores, is_option};

use crate::error::{Error, ErrorKind, Result};
use crate::files::stores::{of, refused};
use crate::options;

/// What is done to the secrets.
#[derive(Clone)]
pub(crate) enum SecretCommand {
    Create { secret: Box<Secret>, replaces: bool, or_stays: bool },
    Drop { name: String, if_exists: bool },
}

impl SecretCommand {
    /// What `statement` does; `None` of every other statement.
    ///
    /// # Errors
    /// For a type, an option or a scope that there is not, and for what keeps secrets on a disk.
    pub(crate) fn of(statement: &Statement) -> Result<Option<Self>> {
        let statement = match statement {
            Statement::Statement(statement) => statement.as_ref(),
            Statement::Explain(explain) if Self::of(&explain.statement)?.is_some() => {
                return Err(Error::new(ErrorKind::Unsupported, "there is nothing to explain about a secret"));
            }
            _ => return Ok(None),
        };
        Ok(match statement {
            SqlStatement::CreateSecret {
                or_replace,
                temporary,
                if_not_exists,
                name,
                storage_specifier,
                secret_type,
                options,
            } => {
                check_storage(*temporary == Some(false) || storage_specifier.is_some())?;
                let kind = Kind::of_name(&secret_type.value).ok_or_else(|| {
                    let message = format!("there is no type of secrets {}", secret_type.value);
                    Error::new(ErrorKind::Invalid, message).with_hint("the types are s3, gcs, azure, http and hdfs")
                })?;
                let name = name.as_ref().map_or_else(|| format!("__default_{kind}"), |name| name.value.clone());
                let secret = Box::new(secret(kind, &name, options)?);
                Some(Self::Create { secret, replaces: *or_replace, or_stays: *if_not_exists })
            }
            SqlStatement::DropSecret { if_exists, temporary, name, storage_specifier } => {
                check_storage(*temporary == Some(false) || storage_specifier.is_some())?;
                Some(Self::Drop { name: name.value.clone(), if_exists: *if_exists })
            }
            _ => None,
        })
    }

    /// Does it.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] in a session of a client.
    pub(crate) fn run(self, config: &SessionConfig) -> Result<()> {
        check_right(config)?;
        let stores = of(config)?;
        match self {
            Self::Create { secret, replaces, or_stays } => {
                stores.create(*secret, replaces, or_stays).map_err(refused)?;
            }
            Self::Drop { name, if_exists } => stores.forget(&name, if_exists).map_err(refused)?,
        }
        Ok(())
    }
}

fn check_storage(is_kept: bool) -> Result<()> {
    if is_kept {
        return Err(Error::new(ErrorKind::Unsupported, "secrets are not kept on a disk")
            .with_hint("leave PERSISTENT and IN out, and create the secret in a script: maar -f secrets.sql"));
    }
    Ok(())
}

fn secret(kind: Kind, name: &str, options: &[SecretOption]) -> Result<Secret> {
    let key = |option: &SecretOption| option.key.value.to_uppercase();
    for (at, option) in options.iter().enumerate() {
        if options[..at].iter().any(|first| key(first) == key(option)) {
            return Err(Error::new(ErrorKind::Invalid, format!("the secret is given {} twice", key(option))));
        }
    }
    let (scopes, options): (Vec<_>, Vec<_>) =
        options.iter().partition(|option| option.key.value.eq_ignore_ascii_case("scope"));
    let scope = scopes.last().map(|scope| scope.value.value.as_str());
    let options: Vec<_> = options.into_iter().map(|o| (o.key.value.clone(), o.value.value.clone())).collect();
    Secret::new(kind, name, scope, &options).map_err(refused)
}

fn check_right(config: &SessionConfig) -> Result<()> {
    if options::is_of_a_client(config) {
        return Err(Error::new(ErrorKind::Forbidden, "the secrets of a server are its administrator's")
            .with_hint("a user with the role admin creates them, or who starts the server, in a script"));
    }
    Ok(())
}

/// The table `maar_secrets()`.
///
/// # Errors
/// [`ErrorKind::Forbidden`] in a session of a client.
pub(crate) fn table(config: &SessionConfig) -> Result<Arc<dyn TableProvider>> {
    check_right(config)?;
    let secrets = of(config)?.secrets();
    let column = |value: fn(&Secret) -> String| -> ArrayRef {
        Arc::new(secrets.iter().map(|secret| Some(value(secret))).collect::<StringArray>())
    };
    let columns: [(&str, ArrayRef); 4] = [
        ("name", column(|secret| secret.name().to_string())),
        ("type", column(|secret| secret.kind().to_string())),
        ("scope", column(|secret| secret.scopes().join(", "))),
        ("options", column(Secret::shown)),
    ];
    let batch = RecordBatch::try_from_iter(columns).map_err(DataFusionError::from)?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}

/// What an option of a table that is a store's begins with.
const OF_STORES: [(&str, Kind); 8] = [
    ("s3.", Kind::S3),
    ("aws.", Kind::S3),
    ("gcs.", Kind::Gcs),
    ("gcp.", Kind::Gcs),
    ("google.", Kind::Gcs),
    ("azure.", Kind::Azure),
    ("http.", Kind::Http),
    ("hdfs.", Kind::Hdfs),
];

/// Takes the options of stores out of those of a table, and keeps them for its locations.
///
/// # Errors
/// For options that its stores do not have; [`ErrorKind::Forbidden`] in a session of a client.
pub(crate) fn take_options(
    config: &SessionConfig,
    options: &mut HashMap<String, String>,
    locations: &[String],
) -> Result<()> {
    let mut taken: HashMap<String, Vec<(String, String)>> = HashMap::new();
    options.retain(|name, value| {
        let lower = name.to_lowercase();
        let found = OF_STORES.iter().find_map(|(prefix, kind)| Some((*kind, lower.strip_prefix(prefix)?)));
        // `aws.allow_http` and `aws.aws_allow_http` are one.
        let Some((kind, option)) = found else { return true };
        let option = [option, option.trim_start_matches("aws_"), option.trim_start_matches("azure_storage_")]
            .into_iter()
            .find(|option| is_option(kind, option))
            .unwrap_or(option);
        taken.entry(kind.to_string()).or_default().push((option.to_string(), value.clone()));
        false
    });
    if taken.is_empty() {
        return Ok(());
    }
    check_right(config)?;
    let stores = of(config)?;
    for (kind, options) in &taken {
        let Some(kind) = Kind::of_name(kind) else { continue };
        if let Some((key, _)) = options.iter().find(|(key, _)| kind == Kind::Hdfs && key.starts_with("fs.")) {
            let message = format!("the setting '{key}' may have capitals in its name, which OPTIONS of a table lose");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("CREATE SECRET (TYPE hdfs, 'fs.defaultFS' 'hdfs://...') takes it as it is written"));
        }
        for location in locations {
            keep(&stores, kind, location, options)?;
        }
    }
    Ok(())
}

fn keep(stores: &Stores, kind: Kind, location: &str, options: &[(String, String)]) -> Result<()> {
    // A pattern is in the folder that it starts at.
    let fixed = location.split(['*', '?', '[', '{']).next().unwrap_or_default();
    let scope = if fixed.len() == location.len() { fixed } else { &fixed[..=fixed.rfind('/').unwrap_or(0)] };
    let secret = Secret::new(kind, "OPTIONS", Some(scope), options).map_err(refused)?;
    stores.create(secret.of_table(), true, false).map_err(refused)?;
    Ok(())
}
