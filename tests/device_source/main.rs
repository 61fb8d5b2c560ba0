//! The gate for device source: what the emulated device compiled during the other tests, NVRTC compiles for real GPUs,
//! without spills and within the registers that the occupancy of our kernels is planned for.
//!
//! The sources are those that `cargo xtask test` records; run alone, this test has nothing to look at and says so. They are
//! thousands, and each takes a compilation an architecture: a run compiles each for two that it has not passed on yet, an older
//! and a newer one, taken by its content so that all four come up alike. The next run goes on with the others.
//! `MAAR_TEST_ARCHITECTURES=all` compiles for all four at once.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod memory;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use maar_gpu_exec::device::{DeviceError, KernelRequest, SyncMode, nvrtc_check, without_comments};
use maar_tests::session::Place;
use maar_tests::skip;
use memory::Memory;

/// The folder of the recorded sources.
const FOLDER: &str = "MAAR_TEST_DEVICE_SOURCE";
/// Turing, Ampere, Hopper, Blackwell.
const ARCHITECTURES: [u32; 4] = [75, 80, 90, 100];
/// Which of them a source is compiled for first, and which next.
const TURNS: [[u32; 2]; 2] = [[75, 100], [80, 90]];
/// `all`: for every architecture in one run.
const WANTED: &str = "MAAR_TEST_ARCHITECTURES";
/// 256 threads a block, two blocks a multiprocessor.
const REGISTERS_MAX: u32 = 128;
/// Where the source after the library begins: the last `#line 1 "ENTRY.cu"` of a source.
const MARK: &str = "#line 1 \"";
/// Entry points of tests that break rules on purpose.
const NOT_OURS: [&str; 2] = ["test_", "wrong"];

#[test]
fn all_device_source_compiles_for_every_gpu() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        eprintln!("device_source: {FOLDER} is not set; run `cargo xtask test`");
        return;
    };
    let sources = recorded(Path::new(&folder));
    if sources.is_empty() {
        assert!(Place::Emulated.missing().is_some(), "the emulated device ran and compiled nothing");
        skip::skipped("device", "device_source", "no device source was compiled by the other tests");
        return;
    }
    let mut memory = Memory::beside(Path::new(&folder), &library(Path::new(&folder)));
    let is_all = std::env::var_os(WANTED).is_some_and(|wanted| wanted == "all");
    let turns: Vec<Vec<u32>> = sources.iter().map(|recorded| turn(&recorded.request.source, &memory, is_all)).collect();
    let mut refused = Vec::new();
    for architecture in ARCHITECTURES {
        let here = sources.iter().zip(&turns).filter(|(_, turn)| turn.contains(&architecture));
        let here: Vec<&Recorded> = here.map(|(recorded, _)| recorded).collect();
        eprintln!("device_source: {} of {} sources for sm_{architecture}", here.len(), sources.len());
        match check(&here, architecture) {
            Ok(found) => {
                if found.is_empty() {
                    memory.add(architecture, here.iter().map(|recorded| &*recorded.request.source)).unwrap();
                }
                refused.extend(found);
            }
            Err(reason) => {
                eprintln!("device_source: skipped: {reason}");
                skip::skipped("nvrtc", "device_source", &reason);
                return;
            }
        }
    }
    assert!(refused.is_empty(), "{} refusals:\n{}", refused.len(), refused.join("\n"));
}

/// The architectures that a source is compiled for in this run.
fn turn(source: &str, memory: &Memory, is_all: bool) -> Vec<u32> {
    let left = |turn: &[u32]| -> Vec<u32> {
        turn.iter().copied().filter(|architecture| !memory.has(*architecture, source)).collect()
    };
    if is_all {
        return left(&ARCHITECTURES);
    }
    let [mut first, mut next] = TURNS;
    if memory::digest(&source) % 2 == 1 {
        std::mem::swap(&mut first, &mut next);
    }
    let first = left(&first);
    if first.is_empty() { left(&next) } else { first }
}

/// What stands before every source: the library, and what compiles it.
fn library(folder: &Path) -> (String, Option<std::ffi::OsString>) {
    let file = fs::read_dir(folder).unwrap().next().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let header = file.as_deref().and_then(|file| file.rfind(MARK).map(|end| file[..end].to_owned()));
    (header.unwrap_or_default(), std::env::var_os("MAAR_NVRTC"))
}

/// A recorded source.
struct Recorded {
    request: KernelRequest,
    /// Where it was found.
    path: PathBuf,
}

impl Recorded {
    /// Whether it can stand beside others: of one that has several kernels, not all can be given names of their own.
    fn has_one_kernel(&self) -> bool {
        self.request.source.matches("MAAR_KERNEL(").count() == 1
    }

    /// What it is called where something is wrong with it.
    fn title(&self, architecture: u32) -> String {
        let lines = self.request.source.lines().count();
        format!("{} for sm_{architecture} ({lines} lines, {})", self.request.entry, self.path.display())
    }
}

/// So many sources are one for the compiler, which reads the library once for all of them.
const SOURCES_A_UNIT: usize = 24;

/// What is wrong with the sources on one architecture; an error where NVRTC is missing.
fn check(sources: &[&Recorded], architecture: u32) -> Result<Vec<String>, String> {
    let (joint, alone): (Vec<&Recorded>, Vec<&Recorded>) =
        sources.iter().copied().partition(|recorded| recorded.has_one_kernel());
    let mut units: Vec<Vec<&Recorded>> = joint.chunks(SOURCES_A_UNIT).map(<[&Recorded]>::to_vec).collect();
    units.extend(alone.into_iter().map(|recorded| vec![recorded]));
    let refused = |units: &[Vec<&Recorded>]| refused_units(units, architecture);
    // Of a unit in which something is wrong, each source by itself.
    let suspects: Vec<Vec<&Recorded>> =
        refused(&units)?.into_iter().flat_map(|(unit, _)| units[unit].clone()).map(|recorded| vec![recorded]).collect();
    let wrong = refused(&suspects)?;
    Ok(wrong.into_iter().map(|(unit, what)| format!("{}: {what}", suspects[unit][0].title(architecture))).collect())
}

/// The units that do not compile, or not within the limits, by their positions.
fn refused_units(units: &[Vec<&Recorded>], architecture: u32) -> Result<Vec<(usize, String)>, String> {
    let requests: Vec<KernelRequest> = units.iter().map(|unit| joined(unit)).collect();
    match nvrtc_check(&requests, architecture) {
        Err(DeviceError::Unavailable { what, remedy }) => Err(format!("{what}. {remedy}")),
        // One by one, so that every unit that fails is named.
        Err(_) => {
            Ok(requests.iter().enumerate().filter_map(|(at, unit)| Some((at, refusal(unit, architecture)?))).collect())
        }
        // Of several kernels the most registers, and all spills.
        Ok(all) => {
            let within = |spills: u32, registers: u32| spills == 0 && registers <= REGISTERS_MAX;
            let wrong = all.iter().enumerate().filter(|(_, found)| !within(found.spill_bytes, found.registers));
            Ok(wrong.map(|(at, found)| (at, format!("{found:?}"))).collect())
        }
    }
}

/// Sources as one, each in a namespace of its own and with an entry point of its own name.
fn joined(unit: &[&Recorded]) -> KernelRequest {
    if let [only] = unit {
        return only.request.clone();
    }
    let own = |(at, recorded): (usize, &&Recorded)| {
        let KernelRequest { entry, source, .. } = &recorded.request;
        format!("namespace unit{at} {{\n{}\n}}\n", source.replace(entry.as_str(), &format!("unit{at}_entry")))
    };
    let source: String = unit.iter().enumerate().map(own).collect();
    KernelRequest { entry: "unit".to_owned(), source: Arc::from(source), sync: SyncMode::Block }
}

fn refusal(request: &KernelRequest, architecture: u32) -> Option<String> {
    let error = nvrtc_check(std::slice::from_ref(request), architecture).err()?;
    Some(format!("{error}\n{}", request.source))
}

/// The sources in `folder`, without the library before them. Sources that differ in nothing but comments and the name of
/// their entry point (benchmarks make names of their own, so that no cache knows them) are one.
fn recorded(folder: &Path) -> Vec<Recorded> {
    let mut sources = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "cpp") {
            continue;
        }
        let file = fs::read_to_string(&path).unwrap();
        let Some((entry, source)) = own_source(&file) else { continue };
        if !NOT_OURS.iter().any(|beginning| entry.starts_with(beginning)) {
            let request = KernelRequest { entry: entry.to_owned(), source: Arc::from(source), sync: SyncMode::Block };
            sources.entry(without_comments(source).replace(entry, "entry")).or_insert(Recorded { request, path });
        }
    }
    sources.into_values().collect()
}

/// Entry point and source behind the last mark.
fn own_source(recorded: &str) -> Option<(&str, &str)> {
    let rest = &recorded[recorded.rfind(MARK)? + MARK.len()..];
    let (name, source) = rest.split_once("\"\n")?;
    Some((name.strip_suffix(".cu")?, source))
}

#[test]
fn every_architecture_has_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let mut memory = Memory::beside(&folder.path().join("sources"), &"");
    let mut all = Vec::new();
    for _ in 0..2 {
        let turn = turn("source", &memory, false);
        assert_eq!(turn.len(), 2);
        turn.iter().for_each(|architecture| memory.add(*architecture, ["source"].into_iter()).unwrap());
        all.extend(turn);
    }
    all.sort_unstable();
    assert_eq!(all, ARCHITECTURES);
    assert!(turn("source", &memory, true).is_empty());
    assert_eq!(turn("another", &memory, true), ARCHITECTURES);
}

#[test]
fn the_source_behind_the_library_is_found() {
    let file = "#line 1 \"shim.h\"\nx\n#line 1 \"prelude.cuh\"\ny\n#line 1 \"q6_p0.cu\"\nMAAR_KERNEL(q6_p0)\n";
    assert_eq!(own_source(file), Some(("q6_p0", "MAAR_KERNEL(q6_p0)\n")));
    assert_eq!(own_source("nothing"), None);
}

#[test]
fn sources_that_share_names_are_joined() {
    let recorded = |entry: &str| {
        let source = format!("struct Params {{}};\nMAAR_KERNEL({entry}, Params, p) {{}}\n");
        let request = KernelRequest { entry: entry.into(), source: Arc::from(source), sync: SyncMode::Block };
        Recorded { request, path: PathBuf::new() }
    };
    let (one, other) = (recorded("emit"), recorded("emit"));
    assert!(one.has_one_kernel());
    let both = joined(&[&one, &other]).source;
    assert!(both.contains("namespace unit0 {") && both.contains("MAAR_KERNEL(unit1_entry, Params, p)"), "{both}");
    assert_eq!(joined(&[&one]).source, one.request.source);
}
