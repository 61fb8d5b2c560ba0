// From references to texts: how long each is, where each lies in the result (exclusive scan), then their bytes.
// Three launches for the scan: sums of chunks, the sums' own scan by one block, offsets.

struct Params {
  u64 rows;
  const i64* references;
  const u8* valid;  // a byte a row, or null where every row is valid
  u64* sums;        // one a chunk of 2048 rows
  i64* offsets;     // rows + 1
  u8* out;          // the texts of these rows
};

MAAR_FN u64 length_at(const Params& p, u64 row) {
  if (row >= p.rows || (p.valid != nullptr && p.valid[row] == 0)) return 0;
  return text_of(p.references[row]).length;
}

MAAR_KERNEL(maar_text_sums, Params, p) {
  for (u64 chunk = m_bid(); chunk * 2048 < p.rows; chunk += m_gdim()) {
    u64 mine = 0;
    for (u32 i = 0; i < 8; i++) mine += length_at(p, chunk * 2048 + m_tid() * 8 + i);
    u64 total;
    block_exclusive_scan(mine, &total);
    if (m_tid() == 0) p.sums[chunk] = total;
  }
}

MAAR_KERNEL(maar_text_bases, Params, p) {
  const u64 chunks = (p.rows + 2047) / 2048;
  u64 base = 0;
  for (u64 first = 0; first < chunks; first += m_bdim()) {
    const u64 chunk = first + m_tid();
    u64 total;
    const u64 before = block_exclusive_scan(chunk < chunks ? p.sums[chunk] : 0, &total);
    if (chunk < chunks) p.sums[chunk] = base + before;
    base += total;
  }
  if (m_tid() == 0) p.offsets[p.rows] = static_cast<i64>(base);
}

MAAR_KERNEL(maar_text_offsets, Params, p) {
  for (u64 chunk = m_bid(); chunk * 2048 < p.rows; chunk += m_gdim()) {
    u64 lengths[8];
    u64 mine = 0;
    for (u32 i = 0; i < 8; i++) {
      lengths[i] = length_at(p, chunk * 2048 + m_tid() * 8 + i);
      mine += lengths[i];
    }
    u64 total;
    u64 at = p.sums[chunk] + block_exclusive_scan(mine, &total);
    for (u32 i = 0; i < 8; i++) {
      const u64 row = chunk * 2048 + m_tid() * 8 + i;
      if (row < p.rows) p.offsets[row] = static_cast<i64>(at);
      at += lengths[i];
    }
  }
}

// Eight lanes a text, so that what is written together lies together. Offsets count from that of the first row.
MAAR_KERNEL(maar_text_gather, Params, p) {
  const u64 first = static_cast<u64>(p.offsets[0]);
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim() / 8;
  for (u64 row = (static_cast<u64>(m_bid()) * m_bdim() + m_tid()) / 8; row < p.rows; row += step) {
    const u64 begin = static_cast<u64>(p.offsets[row]) - first, end = static_cast<u64>(p.offsets[row + 1]) - first;
    if (begin == end) continue;  // a NULL's reference need not lead anywhere
    const u8* from = text_of(p.references[row]).bytes;
    for (u64 at = begin + (m_tid() & 7); at < end; at += 8) p.out[at] = m_ldg(from + (at - begin));
  }
}
