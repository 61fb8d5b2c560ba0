//! The options of `maar mcp`.

use std::path::PathBuf;

use clap::Args;

use crate::args::ServerArgs;

/// Options of `maar mcp`.
#[derive(Clone, Debug, Args)]
pub(crate) struct McpArgs {
    /// Run the statements of a file first: the tables and views that can be queried
    #[arg(long, value_name = "FILE", conflicts_with = "connect")]
    pub(crate) init: Option<PathBuf>,
    /// A file or folder that queries may name; may be repeated. Without one: none, only the tables that there are
    #[arg(long, value_name = "PATH", conflicts_with = "connect")]
    pub(crate) allow_path: Vec<PathBuf>,
    /// What URLs that queries may name begin with, such as s3://bucket/folder; may be repeated
    #[arg(long, value_name = "URL", conflicts_with = "connect")]
    pub(crate) allow_url: Vec<String>,
    /// The most rows that a query gives
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = rows)]
    pub(crate) max_rows: usize,
    /// How long a query may run before it is cancelled
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

fn rows(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}
