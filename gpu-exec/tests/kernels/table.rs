//! `table.cuh`, keys of one packed word: every key has one slot, and only it; a full table ends the search.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, Result, SEEDS, SIZES, ensure, random, same, shape};

/// The slot of no key, and an empty slot.
pub(crate) const EMPTY: u64 = u64::MAX;
/// Packing stops here.
const KEY_LIMIT: u64 = 1 << 63;

const INSERT: Kernel = Kernel {
    entry: "check_slot_insert",
    sync: SyncMode::None,
    source: r#"
struct Params { const u64* rows; u64 count; u64* keys; u64 mask; u64* slots; const u64* error; };
MAAR_KERNEL(check_slot_insert, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.count; row += step)
    p.slots[row] = slot_insert(p.keys, p.mask, p.rows[row], p.error);
}
"#,
};

const FIND: Kernel = Kernel {
    entry: "check_slot_find",
    sync: SyncMode::None,
    source: r#"
struct Params { const u64* rows; u64 count; const u64* keys; u64 mask; u64* slots; const u64* error; };
MAAR_KERNEL(check_slot_find, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.count; row += step)
    p.slots[row] = slot_find(p.keys, p.mask, p.rows[row]);
}
"#,
};

/// What became of the keys inserted: the slot of each row, the table, and the slots found for keys sought.
struct Outcome {
    inserted: Vec<u64>,
    table: Vec<u64>,
    found: Vec<u64>,
}

fn insert_and_find(bench: &Bench<'_>, rows: &[u64], sought: &[u64], slots: u64) -> Result<Outcome> {
    let (keys, error) = (bench.filled::<u64>(slots as usize, 0xff)?, bench.filled::<u64>(2, 0)?);
    let pass = |kernel, rows: &[u64]| -> Result<Vec<u64>> {
        let (input, out) = (bench.up(rows)?, bench.filled::<u64>(rows.len(), 0)?);
        let params = [input.ptr().0, rows.len() as u64, keys.ptr().0, slots - 1, out.ptr().0, error.ptr().0];
        bench.run(kernel, shape(4, 64, 0), &params)?;
        Ok(bench.down(&out)?)
    };
    let (inserted, found) = (pass(&INSERT, rows)?, pass(&FIND, sought)?);
    Ok(Outcome { inserted, table: bench.down(&keys)?, found })
}

/// Rows of a table: few or many distinct keys, dense, spread, or all in one chain of slots.
fn key_sets(rows: usize, slots: u64, seed: u64) -> Vec<Vec<u64>> {
    let mut random = random(seed);
    let domain = (rows as u64 / 3).max(1);
    let chained: Vec<u64> = (0..).filter(|key| hash_word(*key) & (slots - 1) == slots - 1).take(8).collect();
    vec![
        vec![KEY_LIMIT - 1; rows],
        (0..rows as u64).collect(),
        (0..rows).map(|_| random.random_range(0..domain)).collect(),
        (0..rows).map(|_| random.random_range(0..domain) * 0x1_0000_0001 % KEY_LIMIT).collect(),
        (0..rows).map(|_| random.random_range(0..KEY_LIMIT)).collect(),
        (0..rows).map(|_| chained[random.random_range(0..chained.len())]).collect(),
    ]
}

/// `hash_word` of table.cuh, said again.
fn hash_word(key: u64) -> u64 {
    let folded = |x: u64| x ^ (x >> 32);
    let mixed = |x: u64| folded(x).wrapping_mul(0xd6e8_feb8_6659_fd93);
    folded(mixed(mixed(key)))
}

pub(crate) fn slots(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for rows in SIZES {
        let slots = (rows as u64 * 2).next_power_of_two().max(64);
        for (set, keys) in key_sets(rows, slots, SEEDS[rows % 3]).into_iter().enumerate() {
            let what = |part: &str| format!("{rows} keys of set {set}: {part}");
            let absent: Vec<u64> = (0..100).map(|i| KEY_LIMIT - 2 - i).filter(|key| !keys.contains(key)).collect();
            let sought: Vec<u64> = keys.iter().chain(&absent).copied().collect();
            let outcome = insert_and_find(&bench, &keys, &sought, slots)?;
            let slot_of: BTreeMap<u64, u64> = keys.iter().copied().zip(outcome.inserted.iter().copied()).collect();
            let first: Vec<u64> = keys.iter().map(|key| slot_of[key]).collect();
            same(&what("one slot a key"), &outcome.inserted, &first)?;
            let mut table = vec![EMPTY; slots as usize];
            slot_of.iter().for_each(|(key, slot)| table[*slot as usize] = *key);
            same(&what("the table"), &outcome.table, &table)?;
            let want: Vec<u64> = first.into_iter().chain(absent.iter().map(|_| EMPTY)).collect();
            same(&what("slots found"), &outcome.found, &want)?;
        }
    }
    Ok(())
}

/// More keys than slots: so many as there are slots get one, each its own, the others are told that there is none.
pub(crate) fn full(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for slots in [1_u64, 2, 32, 64, 256] {
        for keys in [slots, slots + 1, slots * 3 + 5] {
            let rows: Vec<u64> = (0..keys * 4).map(|row| row % keys * 7_919).collect();
            let outcome = insert_and_find(&bench, &rows, &rows, slots)?;
            let what = format!("{keys} keys in {slots} slots");
            same(&what, &outcome.found, &outcome.inserted)?;
            let placed: BTreeMap<u64, u64> = rows.iter().copied().zip(outcome.inserted.iter().copied()).collect();
            for (row, slot) in rows.iter().zip(&outcome.inserted) {
                ensure(placed[row] == *slot, || format!("{what}: key {row} has two answers"))?;
                let held = *slot == EMPTY || outcome.table.get(*slot as usize) == Some(row);
                ensure(held, || format!("{what}: slot {slot} does not hold key {row}"))?;
            }
            let taken: BTreeSet<u64> = placed.into_values().filter(|slot| *slot != EMPTY).collect();
            same(&what, &[taken.len() as u64], &[slots.min(keys)])?;
        }
    }
    Ok(())
}
