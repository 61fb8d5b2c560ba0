//! `table.cuh`, keys of several words: slots with a state, keys that differ in one word only, full tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, Result, SEEDS, ensure, random, same, shape};
use crate::table::EMPTY;

macro_rules! kernels {
    ($words:literal, $insert:literal, $find:literal) => {
        [
            Kernel {
                entry: $insert,
                sync: SyncMode::None,
                source: concat!(
                    "struct Params { const u64* rows; u64 count; u32* states; u64* words; u64 mask; u64* slots; const u64* error; };\n",
                    "MAAR_KERNEL(",
                    $insert,
                    ", Params, p) {\n",
                    "  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();\n",
                    "  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.count; row += step) {\n",
                    "    u64 key[",
                    $words,
                    "];\n",
                    "    for (u32 w = 0; w < ",
                    $words,
                    "; w++) key[w] = p.rows[row * ",
                    $words,
                    " + w];\n",
                    "    p.slots[row] = slot_insert_wide(p.states, p.words, p.mask, key, p.error);\n",
                    "  }\n}\n"
                ),
            },
            Kernel {
                entry: $find,
                sync: SyncMode::None,
                source: concat!(
                    "struct Params { const u64* rows; u64 count; u32* states; u64* words; u64 mask; u64* slots; const u64* error; };\n",
                    "MAAR_KERNEL(",
                    $find,
                    ", Params, p) {\n",
                    "  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();\n",
                    "  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.count; row += step) {\n",
                    "    u64 key[",
                    $words,
                    "];\n",
                    "    for (u32 w = 0; w < ",
                    $words,
                    "; w++) key[w] = p.rows[row * ",
                    $words,
                    " + w];\n",
                    "    p.slots[row] = slot_find_wide(p.states, p.words, p.mask, key);\n",
                    "  }\n}\n"
                ),
            },
        ]
    };
}

/// Keys of so many words, and the kernels that insert and find them.
const WIDTHS: [(usize, [Kernel; 2]); 3] = [
    (1, kernels!("1", "check_insert_wide1", "check_find_wide1")),
    (2, kernels!("2", "check_insert_wide2", "check_find_wide2")),
    (5, kernels!("5", "check_insert_wide5", "check_find_wide5")),
];

type Key = Vec<u64>;

/// What became of the keys inserted.
struct Outcome {
    inserted: Vec<u64>,
    found: Vec<u64>,
    /// The keys of the slots that are ready.
    table: BTreeMap<u64, Key>,
}

fn insert_and_find(
    bench: &Bench<'_>,
    (words, [insert, find]): &(usize, [Kernel; 2]),
    rows: &[Key],
    sought: &[Key],
    slots: u64,
) -> Result<Outcome> {
    let states = bench.filled::<u32>(slots as usize, 0)?;
    let (table, error) = (bench.filled::<u64>(slots as usize * words, 0xff)?, bench.filled::<u64>(2, 0)?);
    let pass = |kernel, rows: &[Key]| -> Result<Vec<u64>> {
        let (input, out) = (bench.up(&rows.concat())?, bench.filled::<u64>(rows.len(), 0)?);
        let memory = [&states, &table].map(|buffer| buffer.ptr().0);
        let params = [input.ptr().0, rows.len() as u64, memory[0], memory[1], slots - 1, out.ptr().0, error.ptr().0];
        bench.run(kernel, shape(4, 64, 0), &params)?;
        Ok(bench.down(&out)?)
    };
    let (inserted, found) = (pass(insert, rows)?, pass(find, sought)?);
    let stored: Vec<u64> = bench.down(&table)?;
    let mut table = BTreeMap::new();
    for (slot, state) in bench.down::<u32>(&states)?.into_iter().enumerate() {
        ensure(state == 0 || state == 2, || format!("slot {slot} was left in state {state}"))?;
        if state == 2 {
            table.insert(slot as u64, (0..*words).map(|word| stored[word * slots as usize + slot]).collect());
        }
    }
    Ok(Outcome { inserted, found, table })
}

/// Keys that differ in their first word only, in their last only, and drawn ones; every word may have any value.
fn key_sets(words: usize, rows: usize, seed: u64) -> Vec<Vec<Key>> {
    let mut random = random(seed);
    let domain = (rows as u64 / 3).max(1);
    let single = |at: usize, value: u64| -> Key {
        let mut key = vec![u64::MAX; words];
        key[at] = value;
        key
    };
    vec![
        vec![vec![u64::MAX; words]; rows],
        (0..rows).map(|_| single(0, random.random_range(0..domain))).collect(),
        (0..rows).map(|_| single(words - 1, random.random_range(0..domain) << 40)).collect(),
        (0..rows).map(|_| (0..words).map(|_| random.random_range(0..3)).collect()).collect(),
        (0..rows).map(|_| (0..words).map(|_| random.random()).collect()).collect(),
    ]
}

pub(crate) fn slots(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for width in &WIDTHS {
        for rows in [0, 1, 31, 33, 257, 2049] {
            let slots = (rows as u64 * 2).next_power_of_two().max(64);
            for (set, keys) in key_sets(width.0, rows, SEEDS[rows % 3]).into_iter().enumerate() {
                let what = |part: &str| format!("{rows} keys of {} words, set {set}: {part}", width.0);
                let absent: Vec<Key> =
                    (0..50).map(|i| vec![i + 77; width.0]).filter(|key| !keys.contains(key)).collect();
                let sought = [keys.as_slice(), &absent].concat();
                let outcome = insert_and_find(&bench, width, &keys, &sought, slots)?;
                let slot_of: BTreeMap<&Key, u64> = keys.iter().zip(outcome.inserted.iter().copied()).collect();
                let first: Vec<u64> = keys.iter().map(|key| slot_of[key]).collect();
                same(&what("one slot a key"), &outcome.inserted, &first)?;
                let table: BTreeMap<u64, Key> = slot_of.iter().map(|(key, slot)| (*slot, (*key).clone())).collect();
                ensure(outcome.table == table, || what("the table holds other keys"))?;
                let want: Vec<u64> = first.into_iter().chain(absent.iter().map(|_| EMPTY)).collect();
                same(&what("slots found"), &outcome.found, &want)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn full(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let width = &WIDTHS[1];
    for slots in [1_u64, 32, 64] {
        for keys in [slots, slots + 1, slots * 3 + 5] {
            let what = format!("{keys} wide keys in {slots} slots");
            let rows: Vec<Key> = (0..keys * 4).map(|row| vec![row % keys, row % keys % 2]).collect();
            let outcome = insert_and_find(&bench, width, &rows, &rows, slots)?;
            same(&what, &outcome.found, &outcome.inserted)?;
            for (row, slot) in rows.iter().zip(&outcome.inserted) {
                let held = *slot == EMPTY || outcome.table.get(slot) == Some(row);
                ensure(held, || format!("{what}: slot {slot} does not hold key {row:?}"))?;
            }
            let placed: BTreeSet<&Key> = outcome.table.values().collect();
            same(&what, &[placed.len() as u64], &[slots.min(keys)])?;
        }
    }
    Ok(())
}
