//! The parts that the tests need and cargo does not bring: a C++ compiler, Python packages in a folder of ours, Java
//! with drivers and a Hadoop for it (`maven`), a browser, and psql.
//!
//! What is there already is used and nothing is fetched. What cannot be had is reported with its remedy; whether that
//! is an error is for the caller to say (`CI=true`: it is).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::maven::{self, JDBC, POSTGRES_JDBC};
use crate::{Failure, command, root};

const REQUIREMENTS: &str = include_str!("../requirements.txt");
/// Written into the virtual environment when it is complete; equal text means there is nothing to do.
const STAMP: &str = "maar-requirements.txt";

/// What the tests will be given.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// `c++` or what CXX names: the emulated device compiles with it.
    pub(crate) compiler: Option<PathBuf>,
    /// The Python that has DuckDB, pyarrow and ADBC.
    pub(crate) python: Option<PathBuf>,
    /// The NVRTC shared library.
    pub(crate) nvrtc: Option<PathBuf>,
    /// The JDBC driver for Flight SQL; the `java` that runs it is on PATH then.
    pub(crate) jdbc: Option<PathBuf>,
    /// That for PostgreSQL.
    pub(crate) postgres_jdbc: Option<PathBuf>,
    /// Hadoop's jars: a cluster of HDFS and its client.
    pub(crate) hadoop: Option<PathBuf>,
    /// A Chromium, which drives the dashboard.
    pub(crate) browser: Option<PathBuf>,
    /// PostgreSQL's shell.
    pub(crate) psql: Option<PathBuf>,
    /// What is missing, each line with its cause and remedy.
    pub(crate) missing: Vec<String>,
}

impl Parts {
    /// Finds each part, and fetches those that are absent where that is possible.
    pub(crate) fn ensure() -> Self {
        let mut parts = Self::default();
        match compiler() {
            Ok(path) => parts.compiler = Some(path),
            Err(cause) => parts.missing.push(format!("C++ compiler (the emulated device): {cause}")),
        }
        match virtual_environment() {
            Ok(folder) => {
                parts.python = Some(folder.join("bin/python"));
                parts.nvrtc = find_nvrtc(&folder);
            }
            Err(cause) => parts.missing.push(format!("Python packages (the DuckDB oracle, the ADBC driver): {cause}")),
        }
        for (artifact, part) in [(JDBC, &mut parts.jdbc), (POSTGRES_JDBC, &mut parts.postgres_jdbc)] {
            match maven::driver(&artifact, apt_install) {
                Ok(driver) => *part = Some(driver),
                Err(cause) => {
                    parts.missing.push(format!("JDBC driver {} (the drivers step): {cause}", artifact.name));
                }
            }
        }
        match maven::hadoop(apt_install) {
            Ok(folder) => parts.hadoop = Some(folder),
            Err(cause) => parts.missing.push(format!("Hadoop (a cluster of HDFS, the tpch step): {cause}")),
        }
        match browser() {
            Ok(path) => parts.browser = Some(path),
            Err(cause) => parts.missing.push(format!("Chromium (the dashboard in a browser): {cause}")),
        }
        match psql() {
            Ok(path) => parts.psql = Some(path),
            Err(cause) => parts.missing.push(format!("psql (PostgreSQL's protocol): {cause}")),
        }
        if let Some(named) = std::env::var_os("MAAR_NVRTC") {
            parts.nvrtc = Some(named.into());
        }
        if parts.nvrtc.is_none() {
            parts.missing.push(
                "NVRTC (device code for real GPUs): install the Python package nvidia-cuda-nvrtc or set MAAR_NVRTC"
                    .into(),
            );
        }
        parts
    }

    /// The environment variables that hand the parts to the tests.
    pub(crate) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let mut variables = Vec::new();
        if let Some(nvrtc) = &self.nvrtc {
            variables.push(("MAAR_NVRTC", nvrtc.clone()));
        }
        if let Some(python) = &self.python {
            variables.push(("MAAR_TEST_PYTHON", python.clone()));
        }
        if let Some(jdbc) = &self.jdbc {
            variables.push(("MAAR_TEST_JDBC", jdbc.clone()));
        }
        if let Some(jdbc) = &self.postgres_jdbc {
            variables.push(("MAAR_TEST_POSTGRES_JDBC", jdbc.clone()));
        }
        if let Some(hadoop) = &self.hadoop {
            variables.push(("MAAR_TEST_HADOOP", hadoop.clone()));
        }
        if let Some(browser) = &self.browser {
            variables.push(("MAAR_TEST_BROWSER", browser.clone()));
        }
        if let Some(psql) = &self.psql {
            variables.push(("MAAR_TEST_PSQL", psql.clone()));
        }
        variables
    }
}

fn browser() -> Result<PathBuf, Failure> {
    let find = || ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(command::find);
    if let Some(found) = find() {
        return Ok(found);
    }
    apt_install(&["chromium"])?;
    find().ok_or_else(|| "apt-get installed chromium and there is still none on PATH".into())
}

fn psql() -> Result<PathBuf, Failure> {
    if let Some(found) = command::find("psql") {
        return Ok(found);
    }
    apt_install(&["postgresql-client"])?;
    command::find("psql").ok_or_else(|| "apt-get installed postgresql-client and there is still no psql on PATH".into())
}

fn compiler() -> Result<PathBuf, Failure> {
    if let Some(found) = find_compiler() {
        return Ok(found);
    }
    apt_install(&["g++"])?;
    find_compiler().ok_or_else(|| "apt-get installed g++ and there is still no `c++` on PATH".into())
}

fn find_compiler() -> Option<PathBuf> {
    match std::env::var("CXX") {
        Ok(named) if named.contains('/') => Some(PathBuf::from(named)),
        Ok(named) if !named.is_empty() => command::find(&named),
        _ => command::find("c++").or_else(|| command::find("g++")).or_else(|| command::find("clang++")),
    }
}

/// Installs Debian packages as root or through a sudo that asks nothing.
fn apt_install(packages: &[&str]) -> Result<(), Failure> {
    let wanted = packages.join(" ");
    let remedy = format!("install {wanted} with your package manager");
    let apt = command::find("apt-get").ok_or_else(|| format!("not found, and there is no apt-get: {remedy}"))?;
    let is_root = command::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let prefix: Vec<String> = match (is_root, command::find("sudo")) {
        (true, _) => Vec::new(),
        (false, Some(sudo)) => vec![sudo.display().to_string(), "--non-interactive".into()],
        (false, None) => return Err(format!("not found, and neither root nor sudo is at hand: {remedy}")),
    };
    let run_apt = |arguments: &[&str]| {
        let words: Vec<String> = prefix.iter().cloned().chain([apt.display().to_string()]).collect();
        let (program, first) = words.split_first().ok_or("apt-get: empty command")?;
        let mut apt = Command::new(program);
        command::run(apt.args(first).args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let install: Vec<&str> = ["install", "--yes", "--no-install-recommends"].iter().chain(packages).copied().collect();
    // A bare image has no package lists: refresh them only when the first try fails.
    run_apt(&install)
        .or_else(|_| run_apt(&["update"]).and_then(|()| run_apt(&install)))
        .map_err(|cause| format!("{cause}; {remedy}"))
}

/// The folder of a virtual environment that holds every requirement.
fn virtual_environment() -> Result<PathBuf, Failure> {
    let folder = root::target().join("venv");
    let python = folder.join("bin/python");
    let stamp = folder.join(STAMP);
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(folder);
    }
    create_environment(&folder)?;
    let requirements = root::repository().join("xtask/requirements.txt");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"]);
    command::run(pip.arg(requirements))
        .map_err(|cause| format!("{cause}; give this machine access to a Python package index"))?;
    fs::write(&stamp, REQUIREMENTS).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(folder)
}

fn create_environment(folder: &Path) -> Result<(), Failure> {
    if command::find("python3").is_none() {
        apt_install(&["python3", "python3-venv"])?;
    }
    let create = || command::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    // Debian ships python3 without ensurepip; its venv module then fails halfway.
    if create().is_err() {
        apt_install(&["python3-venv"])?;
        create()?;
    }
    Ok(())
}

/// The newest `libnvrtc.so.N` below `<venv>/lib/python3.*/site-packages/nvidia/*/lib`.
fn find_nvrtc(environment: &Path) -> Option<PathBuf> {
    let mut found = Vec::new();
    for python in children(&environment.join("lib")) {
        for package in children(&python.join("site-packages/nvidia")) {
            found.extend(children(&package.join("lib")).into_iter().filter(|file| is_nvrtc(file)));
        }
    }
    found.sort();
    found.pop()
}

fn is_nvrtc(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let version = name.strip_prefix("libnvrtc.so.").unwrap_or_default();
    !version.is_empty() && version.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_nvrtc_from_its_neighbours() {
        assert!(is_nvrtc(Path::new("lib/libnvrtc.so.13")));
        assert!(!is_nvrtc(Path::new("lib/libnvrtc-builtins.so.13.5")));
        assert!(!is_nvrtc(Path::new("lib/libnvrtc.alt.so.13")));
    }
}
