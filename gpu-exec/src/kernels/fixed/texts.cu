// From references to texts: how long each is, where each lies in the result (the three launches of scan.cuh), then their
// bytes.

struct Params {
  u64 rows;
  const i64* references;
  const u8* valid;  // a byte a row, or null where every row is valid
  u64* sums;        // one a chunk of 2048 rows
  i64* offsets;     // rows + 1
  u8* out;          // the texts of these rows
};

MAAR_FN u64 length_at(const Params& p, u64 row) {
  if (p.valid != nullptr && p.valid[row] == 0) return 0;
  return text_of(p.references[row]).length;
}

MAAR_KERNEL(maar_text_sums, Params, p) {
  scan_sums<u64>(p.rows, p.sums, [&](u64 row) { return length_at(p, row); });
}

MAAR_KERNEL(maar_text_bases, Params, p) {
  const u64 all = scan_bases<u64>(p.rows, p.sums);
  if (m_tid() == 0) p.offsets[p.rows] = static_cast<i64>(all);
}

MAAR_KERNEL(maar_text_offsets, Params, p) {
  scan_places<u64>(p.rows, p.sums, [&](u64 row) { return length_at(p, row); },
                   [&](u64 row, u64 place) { p.offsets[row] = static_cast<i64>(place); });
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
