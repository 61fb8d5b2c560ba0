//! NVRTC: CUDA C++ to a cubin, on any machine that has the library; no GPU is needed.
//!
//! Bound by hand, because the library is to be found in more places than the loader knows, and cubins are wanted.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;

use libloading::Library;

use super::super::backend::CodeImage;
use super::super::{DeviceError, DeviceResult, KernelRequest};
use super::{nvrtc_search, ptxas_log};
use crate::kernels;

type Program = *mut c_void;
const SUCCESS: c_int = 0;
const COMPILATION: c_int = 6;

/// The same for every source. `--fmad=false`: floats equal the host's. `-default-device`: functions need no annotation.
const OPTIONS: &[&str] =
    &["-std=c++17", "--device-int128", "--fmad=false", "-default-device", "--ptxas-options=-v", "-w"];

/// Options that only newer versions know. NVRTC's own cache would answer without the assembler's log.
const NEWER_OPTIONS: &[((i32, i32), &str)] = &[((12, 8), "--minimal"), ((12, 9), "--no-cache")];

const REMEDY: &str = "Install the CUDA toolkit, or `pip install nvidia-cuda-nvrtc`, or set MAAR_NVRTC to libnvrtc.so";

/// Declares the functions of the library and how they are looked up.
macro_rules! functions {
    ($($field:ident = $symbol:literal : fn($($arg:ty),*);)*) => {
        struct Functions {
            $($field: unsafe extern "C" fn($($arg),*) -> c_int,)*
        }
        impl Functions {
            fn of(library: &Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of nvrtc.h, unchanged since CUDA 11.2.
                unsafe { Ok(Self { $($field: *library.get($symbol)?,)* }) }
            }
        }
    };
}

functions! {
    version = b"nvrtcVersion": fn(*mut c_int, *mut c_int);
    arch_count = b"nvrtcGetNumSupportedArchs": fn(*mut c_int);
    archs = b"nvrtcGetSupportedArchs": fn(*mut c_int);
    create = b"nvrtcCreateProgram": fn(*mut Program, *const c_char, *const c_char, c_int, *const *const c_char, *const *const c_char);
    destroy = b"nvrtcDestroyProgram": fn(*mut Program);
    compile = b"nvrtcCompileProgram": fn(Program, c_int, *const *const c_char);
    log_size = b"nvrtcGetProgramLogSize": fn(Program, *mut usize);
    log = b"nvrtcGetProgramLog": fn(Program, *mut c_char);
    cubin_size = b"nvrtcGetCUBINSize": fn(Program, *mut usize);
    cubin = b"nvrtcGetCUBIN": fn(Program, *mut c_char);
}

/// A loaded NVRTC. It stays loaded to the end of the process: it may have threads of its own.
pub(crate) struct Nvrtc {
    functions: Functions,
    path: PathBuf,
    version: (i32, i32),
    /// Compute capabilities it makes code for, ascending.
    archs: Vec<u32>,
}

impl std::fmt::Debug for Nvrtc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nvrtc").field("path", &self.path).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Nvrtc {
    /// The first library found that loads and, where the driver's CUDA major version is known, is not newer than it: an
    /// older driver refuses newer code. The one the user names is taken as it is.
    pub(crate) fn find(driver_major: Option<i32>) -> DeviceResult<Self> {
        if let Some(path) = nvrtc_search::named_by_user() {
            return Self::load(&path).map_err(|e| {
                DeviceError::unavailable(
                    format!("MAAR_NVRTC names {}, which cannot be used: {e}", path.display()),
                    REMEDY,
                )
            });
        }
        let (mut too_new, mut unusable) = (None, None);
        for path in nvrtc_search::candidates() {
            let found = match Self::load(&path) {
                Ok(found) => found,
                // What the loader does not know by name is not there; a file that is there and does not work is told.
                Err(_) if path.is_relative() => continue,
                Err(error) => {
                    unusable.get_or_insert(format!("{} cannot be used: {error}", path.display()));
                    continue;
                }
            };
            if driver_major.is_none_or(|major| found.version.0 <= major) {
                return Ok(found);
            }
            too_new.get_or_insert(found);
        }
        Err(match (too_new, driver_major, unusable) {
            (Some(found), Some(major), _) => DeviceError::unavailable(
                format!("{} is newer than the driver, which is of CUDA {major}", found.describe()),
                format!("Update the driver, or `pip install nvidia-cuda-nvrtc-cu{major}`, or set MAAR_NVRTC"),
            ),
            (_, _, Some(unusable)) => DeviceError::unavailable(unusable, REMEDY),
            _ => DeviceError::unavailable(
                format!("NVRTC, CUDA's run-time compiler, is not found in {}", nvrtc_search::places()),
                REMEDY,
            ),
        })
    }

    fn load(path: &Path) -> Result<Self, String> {
        // The builtins first: some versions (13.0) ask the loader for them by name alone, which finds them beside the
        // library only where they are loaded already.
        let mut libraries = nvrtc_search::builtins_beside(path);
        // SAFETY: loading runs the library's initialisers, which NVRTC's are fit for.
        let library = unsafe { Library::new(path) }.map_err(|e| e.to_string())?;
        let functions = Functions::of(&library).map_err(|e| e.to_string())?;
        libraries.push(library);
        let (mut major, mut minor, mut count) = (0, 0, 0);
        // SAFETY: out-parameters as the functions want them; the array has the length the library asked for.
        let archs = unsafe {
            if (functions.version)(&raw mut major, &raw mut minor) != SUCCESS
                || (functions.arch_count)(&raw mut count) != SUCCESS
            {
                return Err("it does not tell its version".to_owned());
            }
            let mut archs: Vec<c_int> = vec![0; usize::try_from(count).unwrap_or(0)];
            if (functions.archs)(archs.as_mut_ptr()) != SUCCESS {
                return Err("it does not tell its architectures".to_owned());
            }
            archs
        };
        let archs = archs.into_iter().filter_map(|arch| u32::try_from(arch).ok()).collect();
        let found = Self { functions, path: path.to_owned(), version: (major, minor), archs };
        found.try_out()?;
        std::mem::forget(libraries);
        Ok(found)
    }

    /// Compiles next to nothing: a library that cannot even do that (its builtins are missing, most likely) is passed
    /// over for the next one, or refused with its own words, instead of failing with the first query.
    fn try_out(&self) -> Result<(), String> {
        let arch = self.archs.iter().max().ok_or("it makes code for no architecture")?;
        let program = self.program("extern \"C\" __global__ void maar_try_out() {}\n", "try_out.cu")?;
        match self.run(&program, *arch)? {
            SUCCESS => Ok(()),
            code => Err(format!("it compiles nothing (error {code}): {}", program.log().trim().trim_end_matches('.'))),
        }
    }

    /// Version and place, for people.
    pub(crate) fn describe(&self) -> String {
        format!("NVRTC {}.{} ({})", self.version.0, self.version.1, self.path.display())
    }

    /// The architecture to compile for: the device's own, or the nearest below it of the same major version, whose code
    /// it runs as well.
    pub(crate) fn architecture(&self, compute_capability: u32) -> DeviceResult<u32> {
        let fits = |arch: &&u32| **arch <= compute_capability && **arch / 10 == compute_capability / 10;
        self.archs.iter().filter(fits).max().copied().ok_or_else(|| {
            DeviceError::unavailable(
                format!("{} makes no code for sm_{compute_capability}", self.describe()),
                "Install another version: `pip install nvidia-cuda-nvrtc`, or set MAAR_NVRTC",
            )
        })
    }

    fn options(&self, arch: u32) -> Vec<String> {
        let newer = NEWER_OPTIONS.iter().filter(|(since, _)| self.version >= *since).map(|(_, option)| *option);
        let fixed = OPTIONS.iter().copied().chain(newer).map(str::to_owned);
        std::iter::once(format!("--gpu-architecture=sm_{arch}")).chain(fixed).collect()
    }

    /// All that decides the code besides the request.
    pub(super) fn identity(&self, arch: u32) -> String {
        let header = super::super::disk_cache::digest(&[kernels::header().as_bytes()]);
        format!("nvrtc {}.{} {} {header}", self.version.0, self.version.1, self.options(arch).join(" "))
    }

    /// Compiles one request for `sm_<arch>`.
    pub(crate) fn compile(&self, request: &KernelRequest, arch: u32) -> DeviceResult<CodeImage> {
        let broken = |log: String| DeviceError::Compile { entry: request.entry.clone(), log };
        let own = kernels::located(&format!("{}.cu", request.entry), &request.source);
        let program =
            self.program(&format!("#include \"maar.cuh\"\n{own}"), &format!("{}.cu", request.entry)).map_err(broken)?;
        let outcome = self.run(&program, arch).map_err(broken)?;
        let log = program.log();
        if outcome == COMPILATION {
            return Err(broken(log));
        }
        self.check("nvrtcCompileProgram", outcome).map_err(|e| broken(format!("{e}\n{log}")))?;
        Ok(CodeImage { bytes: self.cubin(&program)?, resources: ptxas_log::resources(&log) })
    }

    /// A program of this source, called `name` in messages. It may include the library's header as `maar.cuh`.
    fn program(&self, source: &str, name: &str) -> Result<OwnedProgram<'_>, String> {
        let text = |text: &str| CString::new(text).map_err(|e| e.to_string());
        let (source, name, header) = (text(source)?, text(name)?, text(kernels::header())?);
        let (headers, names) = ([header.as_ptr()], [c"maar.cuh".as_ptr()]);
        let mut handle: Program = ptr::null_mut();
        // SAFETY: all texts are NUL-terminated; the library copies them.
        let created = unsafe {
            (self.functions.create)(
                &raw mut handle,
                source.as_ptr(),
                name.as_ptr(),
                1,
                headers.as_ptr(),
                names.as_ptr(),
            )
        };
        self.check("nvrtcCreateProgram", created).map_err(|e| e.to_string())?;
        Ok(OwnedProgram { functions: &self.functions, handle })
    }

    /// Compiles a program for `sm_<arch>`; returns the library's code.
    fn run(&self, program: &OwnedProgram<'_>, arch: u32) -> Result<c_int, String> {
        let options = self.options(arch).into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
        let options = options.map_err(|e| e.to_string())?;
        let pointers: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: the program is live; as many options as pointers, NUL-terminated, that outlive the call.
        Ok(unsafe { (self.functions.compile)(program.handle, pointers.len() as c_int, pointers.as_ptr()) })
    }

    fn cubin(&self, program: &OwnedProgram<'_>) -> DeviceResult<Vec<u8>> {
        let mut size = 0;
        // SAFETY: the program has been compiled; the buffer has the size the library asked for.
        unsafe {
            self.check("nvrtcGetCUBINSize", (self.functions.cubin_size)(program.handle, &raw mut size))?;
            let mut bytes = vec![0_u8; size];
            self.check("nvrtcGetCUBIN", (self.functions.cubin)(program.handle, bytes.as_mut_ptr().cast()))?;
            Ok(bytes)
        }
    }

    fn check(&self, call: &str, code: c_int) -> DeviceResult<()> {
        if code == SUCCESS {
            Ok(())
        } else {
            Err(DeviceError::fault(call, format!("{} returned error {code}", self.describe())))
        }
    }
}

struct OwnedProgram<'a> {
    functions: &'a Functions,
    handle: Program,
}

impl OwnedProgram<'_> {
    /// What the compiler wrote; empty where it cannot be had.
    fn log(&self) -> String {
        let mut size = 0;
        // SAFETY: the program is live; the buffer has the size the library asked for, its terminator included.
        unsafe {
            if (self.functions.log_size)(self.handle, &raw mut size) != SUCCESS || size == 0 {
                return String::new();
            }
            let mut bytes = vec![0_u8; size + 1];
            if (self.functions.log)(self.handle, bytes.as_mut_ptr().cast()) != SUCCESS {
                return String::new();
            }
            CStr::from_bytes_until_nul(&bytes).map(|log| log.to_string_lossy().into_owned()).unwrap_or_default()
        }
    }
}

impl Drop for OwnedProgram<'_> {
    fn drop(&mut self) {
        // SAFETY: created once, destroyed once.
        unsafe { (self.functions.destroy)(&raw mut self.handle) };
    }
}
