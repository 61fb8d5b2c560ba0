//! The command line.

use std::path::PathBuf;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use maar_flight_server::Role;
use serde::Deserialize;

use crate::mcp::McpArgs;
use crate::output::Format;
use crate::serve::ServeArgs;

const ABOUT: &str = "SQL over data lakes, on GPUs";

const EXAMPLES: &str = "\
Examples:
  maar                                                  open the shell
  maar -c \"SELECT count(*) FROM 'logs/*.parquet'\"       run a statement
  maar -f load.sql -c \"SELECT * FROM t\" --format csv    run a script, then a statement
  echo 'SELECT 1' | maar --format json                  read statements from stdin
  maar --connect grpc://localhost:31337                 the shell over a server (`maar serve`)
  maar bench tpch --scale 1                             TPC-H, made, run and checked
  maar selftest                                         whether this machine's GPU gives right answers

Exit codes: 0 done, 1 an error (the first one ends the run), 2 a wrong command line, 3 no connection, 130 interrupted.";

/// Where queries run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeviceArg {
    /// A GPU where there is one and the work is worth it, else the CPU
    #[default]
    Auto,
    /// A GPU; an error where there is none
    Cuda,
    /// The GPU's code run by the CPU: a slow test instrument
    Emulated,
    /// DataFusion on the CPU
    Cpu,
}

impl DeviceArg {
    /// As `SET maar.device` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cuda => "cuda",
            Self::Emulated => "emulated",
            Self::Cpu => "cpu",
        }
    }
}

#[derive(Debug, Parser)]
#[command(name = "maar", version, about = ABOUT, after_help = EXAMPLES, args_conflicts_with_subcommands = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Where queries run [default: auto]
    #[arg(long, value_enum, global = true, env = "MAAR_DEVICE")]
    pub(crate) device: Option<DeviceArg>,
    /// No colours (as the environment variable NO_COLOR)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// Options of running SQL.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Run these statements; may be repeated, -c and -f run in the order given
    #[arg(short = 'c', long = "command", value_name = "SQL", allow_hyphen_values = true)]
    pub(crate) commands: Vec<String>,
    /// Run the statements of a file (`-` is stdin); may be repeated
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How results are written [default: box]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Write the time of every statement to stderr
    #[arg(long)]
    pub(crate) timer: bool,
    /// A value for $1 or $name: --param 1=42, --param name=value; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE")]
    pub(crate) params: Vec<String>,
    /// Never show a long result through PAGER
    #[arg(long)]
    pub(crate) no_pager: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Options of running SQL on a server. A password is none of them: every user of the machine can read a command line.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServerArgs {
    /// Run on a server: grpc://HOST:PORT, grpc+tls://USER@HOST:PORT, or the name of a connection in config.toml
    #[arg(long, value_name = "ADDRESS|NAME")]
    pub(crate) connect: Option<String>,
    /// With grpc+tls: trust the authorities of this file (PEM) besides the system's
    #[arg(long, value_name = "FILE", requires = "connect")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// With grpc+tls: show this certificate (PEM) to a server that asks for one
    #[arg(long, value_name = "FILE", requires_all = ["connect", "tls_key"])]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Read the password from the first line of this file; else from MAAR_PASSWORD, or you are asked
    #[arg(long, value_name = "FILE", requires = "connect")]
    pub(crate) password_file: Option<PathBuf>,
    /// Let the password travel unencrypted to another machine
    #[arg(long, requires = "connect")]
    pub(crate) insecure: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the devices found, and what is missing where there is none
    Devices,
    /// Check that a device works: its primitives, then queries beside the CPU's answers
    Selftest(SelftestArgs),
    /// Serve SQL over Arrow Flight SQL
    Serve(Box<ServeArgs>),
    /// Give a language model tools to read with: a server of the Model Context Protocol on stdin and stdout
    Mcp(Box<McpArgs>),
    /// Write the line of a user for `serve --users`; the password is read from stdin
    User {
        /// The user's name
        name: String,
        /// What the user may do: reader (queries only), writer (also changes tables and files) or admin (also the server itself)
        #[arg(long, default_value_t = Role::Writer)]
        role: Role,
    },
    /// Run a benchmark
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// TPC-H: makes the data, runs the 22 queries cold and hot, checks the answers
    Tpch(TpchArgs),
    /// TPC-DS: has DuckDB's extension make the data and the 99 queries, runs them cold and hot, checks the answers
    Tpcds(TpcdsArgs),
    /// The device alone: memory, gathers, atomics, launches, compiling, copies to and from it
    Kernels(KernelsArgs),
}

/// Options of `maar selftest`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SelftestArgs {
    /// Only checks whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
    /// Only this check and those after it: a device that a check has broken works again in a new process
    #[arg(long, value_name = "NAME")]
    pub(crate) from: Option<String>,
    /// Also write the outcomes as one JSON object
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Options of `maar bench kernels`.
#[derive(Clone, Debug, Args)]
pub(crate) struct KernelsArgs {
    /// Sizes that take seconds, for a test: the numbers mean little. The emulated device takes them anyway
    #[arg(long)]
    pub(crate) quick: bool,
    /// Also write the measurements as one JSON object
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Options of `maar bench tpch`.
#[derive(Clone, Debug, Args)]
pub(crate) struct TpchArgs {
    #[command(flatten)]
    pub(crate) run: BenchArgs,
    /// The queries to run
    #[arg(long, value_name = "1,6", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=22))]
    pub(crate) queries: Vec<u8>,
}

/// Options of `maar bench tpcds`.
#[derive(Clone, Debug, Args)]
pub(crate) struct TpcdsArgs {
    #[command(flatten)]
    pub(crate) run: BenchArgs,
    /// The queries to run
    #[arg(long, value_name = "1,6", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(crate) queries: Vec<u8>,
    /// A Python that has the packages duckdb and duckdb-extension-tpcds; not needed where the data is there
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub(crate) python: PathBuf,
}

/// Options of both.
#[derive(Clone, Debug, Args)]
pub(crate) struct BenchArgs {
    /// Scale factor: 1 is about 1 GB of raw data
    #[arg(long, default_value_t = 1.0)]
    pub(crate) scale: f64,
    /// Check the answers (always done; the option says so in scripts)
    #[arg(long)]
    pub(crate) check: bool,
    /// Also write the measurements as one JSON object
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Where the data is kept, a folder a scale [default: maar/tpch or maar/tpcds in the cache folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Hot runs a query; the median is reported
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: u32,
}

/// One `-c` or `-f`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Command(String),
    File(PathBuf),
}

/// Reads the command line; clap writes help and usage errors itself and ends the process (0 or 2).
pub(crate) fn parse() -> (Cli, Vec<Input>) {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let inputs = inputs(&matches);
    if cli.command.is_some() && (!inputs.is_empty() || cli.run.server.connect.is_some()) {
        let text = "-c, -f and --connect do not go with a subcommand";
        Cli::command().error(clap::error::ErrorKind::ArgumentConflict, text).exit();
    }
    (cli, inputs)
}

/// `-c` and `-f` in the order of the command line.
fn inputs(matches: &ArgMatches) -> Vec<Input> {
    let mut placed: Vec<(usize, Input)> = Vec::new();
    let indices = |id: &str| matches.indices_of(id).into_iter().flatten().collect::<Vec<_>>();
    if let Some(values) = matches.get_many::<String>("commands") {
        placed.extend(indices("commands").into_iter().zip(values.cloned().map(Input::Command)));
    }
    if let Some(values) = matches.get_many::<PathBuf>("files") {
        placed.extend(indices("files").into_iter().zip(values.cloned().map(Input::File)));
    }
    placed.sort_by_key(|(index, _)| *index);
    placed.into_iter().map(|(_, input)| input).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn commands_and_files_keep_their_order() {
        let line = ["maar", "-f", "a.sql", "-c", "select 1", "--timer", "-f", "b.sql", "-cselect 2"];
        let matches = Cli::command().try_get_matches_from(line).unwrap();
        let command = |text: &str| Input::Command(text.to_owned());
        let file = |text: &str| Input::File(text.into());
        assert_eq!(inputs(&matches), [file("a.sql"), command("select 1"), file("b.sql"), command("select 2")]);
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
