//! The host's C++ compiler, which makes a shared library of device source.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::backend::CodeImage;
use super::super::disk_cache::digest;
use super::super::{DeviceError, DeviceResult, KernelRequest, KernelResources};
use crate::kernels;

/// Wrapping integers, no contraction of `a * b + c`, no type-based aliasing: what the GPU's compiler is told or does.
const OPTIONS: &[&str] = &[
    "-O1",
    "-std=c++17",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-exceptions",
    "-fno-rtti",
    "-ffp-contract=off",
    "-fwrapv",
    "-fno-strict-aliasing",
    "-Wl,-Bsymbolic",
    "-w",
];

/// Tried in order where `CXX` is not set.
const PROGRAMS: &[&str] = &["c++", "g++", "clang++"];

/// Characters of a compiler's messages that are worth keeping.
const LOG_MAX: usize = 8_000;

#[derive(Clone, Debug)]
pub(crate) struct HostCompiler {
    program: PathBuf,
    pub(crate) version: String,
    identity: String,
}

impl HostCompiler {
    /// Finds the compiler: `CXX`, or the first of the usual names that answers.
    pub(crate) fn find() -> DeviceResult<Self> {
        let candidates: Vec<PathBuf> = match env::var_os("CXX").filter(|v| !v.is_empty()) {
            Some(program) => vec![program.into()],
            None => PROGRAMS.iter().map(PathBuf::from).collect(),
        };
        for program in &candidates {
            if let Some(version) = version_of(program) {
                let identity = identity(program, &version);
                return Ok(Self { program: program.clone(), version, identity });
            }
        }
        let tried: Vec<String> = candidates.iter().map(|p| p.display().to_string()).collect();
        Err(DeviceError::unavailable(
            format!("the emulated device needs a C++ compiler; {} cannot be run", tried.join(", ")),
            "Install g++ or clang++, or set CXX to one",
        ))
    }

    /// Version and place, for people.
    pub(crate) fn describe(&self) -> String {
        format!("{} ({})", self.version, self.program.display())
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Compiles one request; `scratch` is a path nobody else uses, and nothing is left there.
    pub(super) fn compile(&self, request: &KernelRequest, scratch: &Path) -> DeviceResult<CodeImage> {
        let source = scratch.with_extension("cpp");
        let library = scratch.with_extension("so");
        let outcome = self.compile_files(request, &source, &library);
        for file in [&source, &library] {
            // Best effort: the library is missing where compiling failed.
            let _ = fs::remove_file(file);
        }
        outcome.map(|bytes| CodeImage { bytes, resources: KernelResources::default() })
    }

    fn compile_files(&self, request: &KernelRequest, source: &Path, library: &Path) -> DeviceResult<Vec<u8>> {
        let failed = |what: &str, e: std::io::Error| {
            DeviceError::unavailable(format!("{what}: {e}"), "Check the C++ compiler and the cache folder")
        };
        fs::write(source, translation_unit(request))
            .map_err(|e| failed(&format!("{} cannot be written", source.display()), e))?;
        let output = Command::new(&self.program)
            .args(OPTIONS)
            .arg("-o")
            .arg(library)
            .arg(source)
            .output()
            .map_err(|e| failed(&format!("{} cannot be run", self.program.display()), e))?;
        if !output.status.success() {
            let log: String = String::from_utf8_lossy(&output.stderr).chars().take(LOG_MAX).collect();
            return Err(DeviceError::Compile { entry: request.entry.clone(), log });
        }
        fs::read(library).map_err(|e| failed(&format!("{} cannot be read", library.display()), e))
    }
}

fn translation_unit(request: &KernelRequest) -> String {
    let (shim_name, shim) = kernels::SHIM;
    let own = kernels::located(&format!("{}.cu", request.entry), &request.source);
    format!("{}{}{own}", kernels::located(shim_name, shim), kernels::header())
}

fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

fn identity(program: &Path, version: &str) -> String {
    let library = digest(&[kernels::SHIM.1.as_bytes(), kernels::header().as_bytes()]);
    format!("emulated {} {} {version} {} {library}", env::consts::ARCH, program.display(), OPTIONS.join(" "))
}
