//! The device library, algorithm by algorithm: small kernels call `kernels/*.cuh`, plain Rust says what is right.
//!
//! Each check is a function over an open device that returns an error instead of panicking, so that it can run on any
//! device; here that is the emulated one, under schedules of several seeds (`MAAR_TEST_DEVICE=cuda` takes the first
//! GPU). Not here: primitives of the `m_*` layer (`device::selftest`), generated source, whole queries.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod accumulate;
mod arithmetic;
mod calendar;
mod compact;
mod floats;
mod harness;
mod means;
mod pick;
mod private;
mod recode;
mod runs;
#[path = "../../../tests/src/skip.rs"]
mod skip;
mod sort;
mod spread;
mod table;
mod text;
mod tile;
mod wide;

use std::sync::Arc;

use harness::CheckResult;
use maar_gpu_exec::device::{DeviceChoice, DeviceError, DeviceHandle, DeviceOptions};
use tempfile::TempDir;

/// Schedules of the emulated device: threads in order, then shuffled.
const SCHEDULES: [Option<u64>; 3] = [None, Some(1), Some(0xBEEF)];

/// `None` where the device cannot run here: `test` is then listed as skipped.
fn open(test: &str, cache: &TempDir, seed: Option<u64>) -> Option<Arc<DeviceHandle>> {
    let (choice, part) = match std::env::var("MAAR_TEST_DEVICE").as_deref() {
        Ok("cuda") => (DeviceChoice::Cuda { ordinal: 0 }, "gpu"),
        _ => (DeviceChoice::Emulated, "compiler"),
    };
    let cache_dir = std::env::var_os("MAAR_TEST_CACHE").map_or(cache.path().to_owned(), Into::into);
    let options = DeviceOptions {
        memory_bytes: Some(256 << 20),
        cache_dir: Some(cache_dir),
        emulator_seed: seed,
        // Side by side in order, apart from each other where threads are shuffled.
        separate_buffers: seed.is_some(),
        ..DeviceOptions::default()
    };
    match DeviceHandle::open(choice, &options) {
        Ok(device) => Some(device),
        Err(error @ DeviceError::Unavailable { .. }) => {
            skip::skipped(part, &format!("kernels {test}"), &error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Runs a check under every schedule. Code is compiled once and found on disk by the later ones.
fn everywhere(name: &str, check: fn(&Arc<DeviceHandle>) -> CheckResult) {
    let cache = TempDir::new().unwrap();
    for seed in SCHEDULES {
        let Some(device) = open(name, &cache, seed) else { return };
        if let Err(error) = check(&device) {
            panic!("`{name}` with schedule {seed:?}: {error}");
        }
        assert_eq!(device.memory().used_bytes, 0, "`{name}` has kept a buffer");
    }
}

macro_rules! checks {
    ($($name:ident: $check:path;)*) => {$(
        #[test]
        fn $name() {
            everywhere(stringify!($name), $check);
        }
    )*};
}

checks! {
    tiles_cover_every_row_once: tile::rows;
    tiles_of_many_segments_find_theirs: tile::many_segments;
    warps_compact_their_rows_in_order: compact::queues;
    warps_reserve_one_place_a_live_lane: compact::places;
    packed_keys_find_their_slots: table::slots;
    full_tables_say_so: table::full;
    wide_keys_find_their_slots: wide::slots;
    full_tables_of_wide_keys_say_so: wide::full;
    blocks_publish_every_kind: accumulate::kinds;
    blocks_publish_several_states_in_a_row: accumulate::one_buffer;
    threads_that_meet_lose_no_extreme: accumulate::contention;
    spreads_are_exact: spread::spreads;
    threads_keep_states_of_few_groups: private::kinds;
    threads_keep_several_states_of_few_groups: private::several;
    checked_arithmetic_is_exact: arithmetic::checked;
    division_truncates_rounds_and_floors: arithmetic::division;
    shifts_stay_within_their_type: arithmetic::shifts;
    error_words_collect_bits_and_the_first_row: arithmetic::errors;
    means_of_long_sums_are_exact: means::means;
    floats_order_totally: floats::order;
    floats_become_integers_and_back: floats::conversions;
    days_have_their_dates: calendar::dates;
    months_are_added: calendar::months;
    runs_hold_the_rows_of_their_slots: runs::runs;
    codes_are_translated: recode::codes;
    rows_are_picked: pick::rows;
    keys_of_every_type_are_laid_into_words: sort::keys;
    many_rows_are_sorted: sort::many;
    patterns_match_as_the_host_has_it: text::patterns;
    texts_compare_bytewise: text::comparisons;
    references_become_texts: text::gathered;
}
