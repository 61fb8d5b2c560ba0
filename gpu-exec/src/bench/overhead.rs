//! What is paid besides the work: launches, waiting, compiling, and the bus to the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::KernelSource;
use super::kernels::{EMPTY, SUM_I32};
use super::launch::Word;
use super::probe::{Bench, Clock, Measurement, Probe, measurement, size_name};
use crate::device::{KernelRequest, SyncMode};
use crate::error::{Error, Result};

/// Launches of one run: fewer than a driver queues before a call of it waits.
const FULL_LAUNCHES: u64 = 500;
const QUICK_LAUNCHES: u64 = 10;
/// Compilations of one source.
const COMPILATIONS: u32 = 5;
/// Texts of the benchmark that compiles in parallel.
const PARALLEL_TEXTS: usize = 8;
/// Bytes of the copies over the bus.
const TRANSFERS: [u64; 4] = [64, 64_000, 8_000_000, 256_000_000];
const QUICK_TRANSFERS: [u64; 2] = [64, 64_000];

pub(super) fn probes(bench: &Bench) -> Vec<Probe> {
    let transfers: &[u64] = bench.scale.pick(&TRANSFERS, &QUICK_TRANSFERS);
    let mut probes = vec![
        Probe::new("launch", "empty kernels back to back", back_to_back),
        Probe::new("launch", "the call of a launch", call),
        Probe::new("launch", "an empty kernel and waiting for it", and_wait),
        Probe::new("launch", "waiting for nothing", wait),
    ];
    for bytes in transfers.iter().copied() {
        probes.push(Probe::new("host to device", size_name(bytes), move |bench| upload(bench, bytes)));
    }
    for bytes in transfers.iter().copied() {
        probes.push(Probe::new("device to host", size_name(bytes), move |bench| download(bench, bytes)));
    }
    let own = [("an empty kernel: the header alone", EMPTY.request()), ("a small kernel", SUM_I32.request())];
    for (name, request) in own {
        probes.push(Probe::new("compile", name, move |bench| compile(bench, &request)));
    }
    probes.push(Probe::new("compile", format!("{PARALLEL_TEXTS} small kernels at once"), compile_many));
    probes
}

/// Measures how long a source takes to compile.
pub(super) fn compile_probe(source: &KernelSource) -> Probe {
    let name = format!("{}, {} lines", source.name, source.source.lines().count());
    let request =
        KernelRequest { entry: source.entry.clone(), source: Arc::clone(&source.source), sync: SyncMode::Block };
    Probe::new("compile", name, move |bench| compile(bench, &request))
}

fn launches(bench: &Bench) -> u64 {
    bench.scale.pick(FULL_LAUNCHES, QUICK_LAUNCHES)
}

/// Device time: the gap between kernels of one stream is what is left when they do nothing.
fn back_to_back(bench: &Bench) -> Result<Measurement> {
    let (grid, count) = (bench.grid(&EMPTY, 1, 0)?, launches(bench));
    bench.device_time(0, count, |stream| (0..count).try_for_each(|_| grid.launch(stream, &[Word::Number(0)])))
}

/// Host time of the calls alone.
fn call(bench: &Bench) -> Result<Measurement> {
    let (grid, count) = (bench.grid(&EMPTY, 1, 0)?, launches(bench));
    let found =
        bench.host_time(0, count, |stream| (0..count).try_for_each(|_| grid.launch(stream, &[Word::Number(0)])))?;
    bench.stream.synchronize()?;
    Ok(found)
}

fn and_wait(bench: &Bench) -> Result<Measurement> {
    let (grid, count) = (bench.grid(&EMPTY, 1, 0)?, bench.scale.pick(100, 10));
    bench.host_time(0, count, |stream| {
        (0..count).try_for_each(|_| {
            grid.launch(stream, &[Word::Number(0)])?;
            Ok(stream.synchronize()?)
        })
    })
}

fn wait(bench: &Bench) -> Result<Measurement> {
    let count = bench.scale.pick(100, 10);
    bench.host_time(0, count, |stream| (0..count).try_for_each(|_| Ok(stream.synchronize()?)))
}

/// From ordinary memory through the pinned ring, as the loader uploads; until the bytes have arrived.
fn upload(bench: &Bench, bytes: u64) -> Result<Measurement> {
    let buffer = bench.filled(bytes, 0)?;
    let source = vec![1; buffer.len()];
    bench.host_time(bytes, 1, |stream| {
        stream.upload(&buffer, 0, &source)?;
        Ok(stream.synchronize()?)
    })
}

/// To ordinary memory through the pinned ring.
fn download(bench: &Bench, bytes: u64) -> Result<Measurement> {
    let buffer = bench.filled(bytes, 1)?;
    let mut target = vec![0; buffer.len()];
    let found = bench.host_time(bytes, 1, |stream| Ok(stream.download(&buffer, 0, &mut target)?))?;
    match target.iter().all(|byte| *byte == 1) {
        true => Ok(found),
        false => Err(Error::internal("the micro-benchmark `device to host` copied something else")),
    }
}

/// The compiler's own time, as the device counts it, for a source that no cache has.
fn compile(bench: &Bench, request: &KernelRequest) -> Result<Measurement> {
    let mut times = Vec::new();
    for _ in 0..COMPILATIONS {
        let compiled = bench.handle.kernels(&[fresh(request)])?;
        times.extend(compiled.iter().map(|kernel| kernel.compile.as_secs_f64() * 1e3));
    }
    Ok(measurement(0, 1, Clock::Host, times))
}

/// Until all of them are loaded: what a query of so many pipelines waits.
fn compile_many(bench: &Bench) -> Result<Measurement> {
    let mut times = Vec::new();
    for _ in 0..COMPILATIONS {
        let requests: Vec<KernelRequest> = (0..PARALLEL_TEXTS).map(|_| fresh(&SUM_I32.request())).collect();
        let started = Instant::now();
        bench.handle.kernels(&requests)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(measurement(0, 1, Clock::Host, times))
}

/// The same source under an entry point that no source has had before: every cache misses, the compiler's own too.
fn fresh(request: &KernelRequest) -> KernelRequest {
    static TURN: AtomicU64 = AtomicU64::new(0);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let entry = format!("{}_{now:x}_{turn}", request.entry);
    let source = request.source.replace(&request.entry, &entry);
    KernelRequest { source: source.into(), entry, sync: request.sync }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_texts_differ_and_keep_their_entry() {
        let (a, b) = (fresh(&EMPTY.request()), fresh(&EMPTY.request()));
        assert_ne!(a.source, b.source);
        assert!(a.source.contains(&format!("MAAR_KERNEL({}, EmptyParams, p)", a.entry)), "{}", a.source);
    }
}
