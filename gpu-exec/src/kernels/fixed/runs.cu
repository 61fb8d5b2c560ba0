// Runs of a join build with duplicate keys: counts of each slot become offsets (exclusive scan), then every row takes
// a place in its slot's run. Three launches for the scan: sums of chunks, the sums' own scan by one block, offsets.

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
  for (u64 chunk = m_bid(); chunk * 2048 < p.slots; chunk += m_gdim()) {
    u32 mine = 0;
    for (u32 i = 0; i < 8; i++) {
      const u64 slot = chunk * 2048 + m_tid() * 8 + i;
      if (slot < p.slots) mine += p.counts[slot];
    }
    u32 total;
    block_exclusive_scan(mine, &total);
    if (m_tid() == 0) p.sums[chunk] = total;
  }
}

MAAR_KERNEL(maar_run_bases, Params, p) {
  const u64 chunks = (p.slots + 2047) / 2048;
  u64 base = 0;
  for (u64 first = 0; first < chunks; first += m_bdim()) {
    const u64 chunk = first + m_tid();
    const u32 mine = chunk < chunks ? static_cast<u32>(p.sums[chunk]) : 0;
    u32 total;
    const u32 before = block_exclusive_scan(mine, &total);
    if (chunk < chunks) p.sums[chunk] = base + before;
    base += total;
  }
  if (m_tid() == 0) p.offsets[p.slots] = static_cast<u32>(base);
}

MAAR_KERNEL(maar_run_offsets, Params, p) {
  for (u64 chunk = m_bid(); chunk * 2048 < p.slots; chunk += m_gdim()) {
    u32 counts[8];
    u32 mine = 0;
    for (u32 i = 0; i < 8; i++) {
      const u64 slot = chunk * 2048 + m_tid() * 8 + i;
      counts[i] = slot < p.slots ? p.counts[slot] : 0;
      mine += counts[i];
    }
    u32 total;
    u32 at = static_cast<u32>(p.sums[chunk]) + block_exclusive_scan(mine, &total);
    for (u32 i = 0; i < 8; i++) {
      const u64 slot = chunk * 2048 + m_tid() * 8 + i;
      if (slot < p.slots) p.offsets[slot] = at;
      at += counts[i];
    }
  }
}

MAAR_KERNEL(maar_run_fill, Params, p) {
  const u64 rows = m_min(*reinterpret_cast<const u64*>(p.rows), p.capacity);
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < rows; row += static_cast<u64>(m_gdim()) * m_bdim()) {
    const u32 slot = p.slot_of[row];
    const u32 left = m_atomic_add(p.counts + slot, 0xffffffffu);
    p.permutation[p.offsets[slot] + left - 1] = static_cast<u32>(row);
  }
}
