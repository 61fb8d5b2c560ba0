//! What only the emulated device finds: each kernel here is wrong in one way, and the error says which.
#![allow(clippy::unwrap_used, clippy::panic, unsafe_code, reason = "tests")]

use std::sync::Arc;

use maar_gpu_exec::device::{
    DeviceBuffer, DeviceChoice, DeviceError, DeviceHandle, DeviceOptions, KernelRequest, Launch, Stream, SyncMode,
};
use tempfile::TempDir;

struct Fixture {
    device: Arc<DeviceHandle>,
    _dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::with(DeviceOptions::default())
    }

    /// A device whose buffers lie apart, between pages that fault.
    fn fenced() -> Self {
        Self::with(DeviceOptions { separate_buffers: true, ..DeviceOptions::default() })
    }

    fn with(options: DeviceOptions) -> Self {
        let dir = TempDir::new().unwrap();
        let options = DeviceOptions { memory_bytes: Some(16 << 20), cache_dir: Some(dir.path().to_owned()), ..options };
        Self { device: DeviceHandle::open(DeviceChoice::Emulated, &options).unwrap(), _dir: dir }
    }

    /// Runs `body` with a buffer of `bytes` bytes as `p.out`, 64 threads, 100 bytes of shared memory.
    fn run(&self, sync: SyncMode, bytes: usize, body: &str) -> (Result<(), DeviceError>, DeviceBuffer) {
        let source = format!("struct Params {{ u8* out; }};\nMAAR_KERNEL(faulty, Params, p) {{\n{body}\n}}\n");
        let request = KernelRequest { entry: "faulty".into(), source: source.into(), sync };
        let kernel = self.device.kernels(&[request]).unwrap().remove(0);
        let out = self.device.alloc("the output", bytes).unwrap();
        let stream = self.device.stream().unwrap();
        let launch = Launch { blocks: 3, threads: 64, shared_bytes: 100 };
        // SAFETY: `out` outlives the launch, which is over when the call returns on the emulated device.
        let outcome = unsafe { stream.launch(&kernel, launch, &[out.ptr().0]) };
        (outcome.and_then(|()| stream.synchronize()), out)
    }

    #[track_caller]
    fn fails(&self, sync: SyncMode, body: &str, wanted: &[&str]) {
        let (outcome, _out) = self.run(sync, 1000, body);
        let Err(DeviceError::Fault { call, message }) = outcome else { panic!("no fault but {outcome:?}") };
        assert!(call.contains("kernel `faulty`"), "the call is `{call}`");
        for part in wanted {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

#[test]
fn divergent_synchronisation_names_both_places() {
    let fixture = Fixture::new();
    let cases: &[(SyncMode, &str, &[&str])] = &[
        (
            SyncMode::Block,
            "if (m_tid() < 32) m_block_sync();\nelse m_block_sync();",
            &["divergent block barriers", "faulty.cu:3", "faulty.cu:4"],
        ),
        (SyncMode::Block, "if (m_tid() != 5) m_block_sync();", &["ended", "block barrier at faulty.cu:3"]),
        (
            SyncMode::Warp,
            "if (m_lane() < 7) m_warp_sync();\nelse p.out[m_tid()] = m_any(true);",
            &["divergent warp operations", "faulty.cu:3", "faulty.cu:4"],
        ),
        (SyncMode::Warp, "if (m_tid() == 40) return;\nm_ballot(true);", &["ended", "faulty.cu:4"]),
        (
            SyncMode::Block,
            "if (m_tid() == 3 || m_tid() > 31) m_block_sync();\nm_shfl(1u, 0);",
            &["thread 3 waits at the block barrier at faulty.cu:3", "waits at the warp operation at faulty.cu:4"],
        ),
    ];
    for (sync, body, wanted) in cases {
        fixture.fails(*sync, body, wanted);
    }
}

#[test]
fn wrong_declarations_are_found() {
    let fixture = Fixture::new();
    fixture.fails(SyncMode::None, "m_warp_sync();", &["declared SyncMode::None", "warp operation at faulty.cu:3"]);
    fixture.fails(SyncMode::None, "m_block_sync();", &["declared SyncMode::None", "block barrier at faulty.cu:3"]);
    fixture.fails(SyncMode::Warp, "m_block_sync();", &["declared SyncMode::Warp", "block barrier at faulty.cu:3"]);
}

#[test]
fn writes_outside_a_buffer_name_it() {
    let fixture = Fixture::new();
    let body = "if (m_tid() == 0 && m_bid() == 0) p.out[1000] = 1;";
    fixture.fails(SyncMode::None, body, &["1 bytes past the end of `the output` (1000 bytes)"]);
    let body = "if (m_tid() == 0 && m_bid() == 0) p.out[-3] = 1;";
    fixture.fails(SyncMode::None, body, &["3 bytes before the start of `the output`"]);
    // Inside it nothing is wrong, and an old fault is not reported again.
    let (outcome, _out) = fixture.run(SyncMode::None, 1000, "p.out[999] = 1;");
    outcome.unwrap();
}

#[test]
fn writes_outside_shared_memory_are_found() {
    let fixture = Fixture::new();
    fixture.fails(SyncMode::None, "m_smem()[100] = 1;", &["1 bytes past the end of its 100 bytes of shared memory"]);
    fixture.fails(SyncMode::Block, "m_smem()[-2] = 1;\nm_block_sync();", &["2 bytes before the start"]);
}

#[test]
fn shared_memory_and_buffers_start_poisoned() {
    let fixture = Fixture::new();
    let body = "if (m_bid() == 2 && m_tid() < 32) p.out[m_tid()] = m_smem()[m_tid()];\nm_smem()[m_tid()] = 0;";
    let (outcome, out) = fixture.run(SyncMode::None, 64, body);
    outcome.unwrap();
    let mut bytes = [0; 64];
    fixture.device.stream().unwrap().download(&out, 0, &mut bytes).unwrap();
    assert_eq!(bytes, [0xA5; 64]);
}

#[test]
fn faults_of_the_processor_are_errors() {
    let fixture = Fixture::new();
    fixture.fails(SyncMode::None, "*(volatile u32*)64 = 1;", &["access to address 0x40, which is not device memory"]);
    fixture.fails(SyncMode::Block, "m_block_sync();\n*(volatile u32*)m_shfl(8ull, 0) = 1;", &["address 0x8"]);
    let deep = "u8 big[200000];\nfor (u32 i = 0; i < 200000; i++) ((volatile u8*)big)[199999 - i] = 1;";
    fixture.fails(SyncMode::Warp, deep, &["stack overflow of a thread"]);
    if cfg!(target_arch = "x86_64") {
        fixture.fails(SyncMode::None, "p.out[0] = (u8)(7 / (i32)(m_tid() - m_lane()));", &["division by zero"]);
    }
    // The device is usable afterwards.
    fixture.run(SyncMode::Block, 10, "m_block_sync();").0.unwrap();
}

#[test]
fn misaligned_accesses_are_found() {
    let fixture = Fixture::new();
    fixture.fails(SyncMode::None, "u32 v[8]; m_load8(v, (const u32*)(p.out + 8));", &["not aligned to 16 bytes"]);
    fixture.fails(SyncMode::None, "u8 v[8]; m_load8(v, p.out + 4);", &["not aligned to 8 bytes"]);
    fixture.fails(SyncMode::None, "m_atomic_add((u64*)(p.out + 4), (u64)1);", &["not aligned to 8", "faulty.cu:3"]);
    fixture.fails(SyncMode::None, "m_ldg((const u16*)(p.out + 1));", &["not aligned to 2 bytes, at faulty.cu:3"]);
}

#[test]
fn parameters_of_the_wrong_size_are_refused() {
    let fixture = Fixture::new();
    let source = "struct Params { u64 a, b; };\nMAAR_KERNEL(two, Params, p) { (void)p; }\n";
    let request = KernelRequest { entry: "two".into(), source: source.into(), sync: SyncMode::None };
    let kernel = fixture.device.kernels(&[request]).unwrap().remove(0);
    let launch = Launch { blocks: 1, threads: 32, shared_bytes: 0 };
    // SAFETY: the kernel uses no memory.
    let outcome = unsafe { fixture.device.stream().unwrap().launch(&kernel, launch, &[1]) };
    assert_eq!(outcome.unwrap_err().to_string(), "launch of `two`: 8 parameter bytes given, 16 taken");
}

#[test]
fn reads_outside_a_separate_buffer_fault() {
    let fixture = Fixture::fenced();
    // 1000 bytes occupy 1024: what is left of a granule is a zone, where only writes are seen.
    fixture.fails(SyncMode::None, "p.out[0] = ((volatile u8*)p.out)[1024];", &["which is not device memory"]);
    fixture.fails(SyncMode::None, "p.out[0] = ((volatile u8*)p.out)[-4097];", &["which is not device memory"]);
    fixture.fails(SyncMode::None, "p.out[1000] = 1;", &["1 bytes past the end of `the output`"]);
    fixture.run(SyncMode::None, 1000, "p.out[999] = p.out[0];").0.unwrap();
    assert_eq!(fixture.device.memory().used_bytes, 0, "buffers are given back");
}

/// A kernel that writes the first word of its buffer, launched and not waited for.
fn launched(fixture: &Fixture, stream: &Stream, out: &DeviceBuffer) {
    let source = "struct Params { u64* out; };\nMAAR_KERNEL(late, Params, p) { if (m_tid() == 0) p.out[0] = 7; }\n";
    let request = KernelRequest { entry: "late".into(), source: source.into(), sync: SyncMode::None };
    let kernel = fixture.device.kernels(&[request]).unwrap().remove(0);
    // SAFETY: this is what the test is about: the emulated device finds that the buffer is gone.
    unsafe { stream.launch(&kernel, Launch { blocks: 1, threads: 32, shared_bytes: 0 }, &[out.ptr().0]).unwrap() };
}

#[test]
fn a_buffer_given_back_before_its_launch_has_run_is_found() {
    let fixture = Fixture::fenced();
    let stream = fixture.device.stream().unwrap();
    let out = fixture.device.alloc("the output", 64).unwrap();
    launched(&fixture, &stream, &out);
    drop(out);
    let message = stream.synchronize().unwrap_err().to_string();
    assert!(message.contains("kernel `late`") && message.contains("which is not device memory"), "{message}");
    // The same with the wait in its place.
    let out = fixture.device.alloc("the output", 64).unwrap();
    launched(&fixture, &stream, &out);
    stream.synchronize().unwrap();
}

#[test]
fn buffers_wait_for_their_copies_and_fills() {
    let fixture = Fixture::new();
    let streams = [fixture.device.stream().unwrap(), fixture.device.stream().unwrap()];
    let first = fixture.device.alloc("first", 1024).unwrap();
    let place = first.ptr();
    streams[0].fill(&first, 0, 1024, 1).unwrap();
    drop(first);
    // The same memory, now another's: the fill that was queued before must not come after.
    let second = fixture.device.alloc("second", 1024).unwrap();
    assert_eq!(second.ptr(), place);
    streams[1].upload(&second, 0, &[2; 1024]).unwrap();
    streams[1].synchronize().unwrap();
    streams[0].synchronize().unwrap();
    let mut found = [0; 1024];
    streams[1].download(&second, 0, &mut found).unwrap();
    assert_eq!(found, [2; 1024]);
}

#[test]
fn work_is_not_done_before_it_is_waited_for() {
    let fixture = Fixture::new();
    let streams = [fixture.device.stream().unwrap(), fixture.device.stream().unwrap()];
    let buffer = fixture.device.alloc("buffer", 64).unwrap();
    let (before, after) = (streams[0].time_mark().unwrap(), streams[0].time_mark().unwrap());
    streams[0].upload(&buffer, 0, &[9; 64]).unwrap();
    assert!(before.elapsed_ms(&after).unwrap_err().to_string().contains("was not waited for"));
    // Another stream does not see it, as another stream of a GPU may not.
    let mut found = [0; 64];
    streams[1].download(&buffer, 0, &mut found).unwrap();
    assert_eq!(found, [0xA5; 64]);
    streams[0].synchronize().unwrap();
    streams[1].download(&buffer, 0, &mut found).unwrap();
    assert_eq!(found, [9; 64]);
    assert!(before.elapsed_ms(&after).unwrap() >= 0.0);
}
