// Runs of a join build with duplicate keys: counts of each slot become offsets (the three launches of scan.cuh), then
// every row takes a place in its slot's run.

struct Params {
  u64 slots;
  u64 rows;         // address of the number of rows stored
  u32* counts;      // a slot; used up by the last kernel
  u32* offsets;     // slots + 1
  u64* sums;        // one a chunk of 2048 slots
  const u32* slot_of;
  u32* permutation;
  u64 capacity;     // rows that found a place
};

MAAR_KERNEL(maar_run_sums, Params, p) {
  scan_sums<u32>(p.slots, p.sums, [&](u64 slot) { return p.counts[slot]; });
}

MAAR_KERNEL(maar_run_bases, Params, p) {
  const u64 all = scan_bases<u32>(p.slots, p.sums);
  if (m_tid() == 0) p.offsets[p.slots] = static_cast<u32>(all);
}

MAAR_KERNEL(maar_run_offsets, Params, p) {
  scan_places<u32>(p.slots, p.sums, [&](u64 slot) { return p.counts[slot]; },
                   [&](u64 slot, u64 place) { p.offsets[slot] = static_cast<u32>(place); });
}

MAAR_KERNEL(maar_run_fill, Params, p) {
  const u64 rows = m_min(*reinterpret_cast<const u64*>(p.rows), p.capacity);
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < rows; row += static_cast<u64>(m_gdim()) * m_bdim()) {
    const u32 slot = p.slot_of[row];
    const u32 left = m_atomic_add(p.counts + slot, 0xffffffffu);
    p.permutation[p.offsets[slot] + left - 1] = static_cast<u32>(row);
  }
}
