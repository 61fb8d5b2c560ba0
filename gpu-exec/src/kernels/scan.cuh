// An exclusive scan of any length in three launches: the sums of chunks, the sums' own scan by one block, then the place
// of each value. `at(i)` is value i of `count`, a T; the sum of a chunk fits a T, that of all fits 64 bits. Launched with
// whole blocks and a T a warp of shared memory (`operators/prefix_sums.rs`).

#define kScanChunk 2048u

// The first launch, over chunks: their sums.
template <class T, class At>
MAAR_FN void scan_sums(u64 count, u64* sums, At at) {
  for (u64 chunk = m_bid(); chunk * kScanChunk < count; chunk += m_gdim()) {
    T mine = 0;
    for (u32 i = 0; i < 8; i++) {
      const u64 number = chunk * kScanChunk + m_tid() * 8 + i;
      if (number < count) mine += at(number);
    }
    T total;
    block_exclusive_scan(mine, &total);
    if (m_tid() == 0) sums[chunk] = total;
  }
}

// The second, of one block: each sum becomes that of the chunks before it. Returns the sum of all.
template <class T>
MAAR_FN u64 scan_bases(u64 count, u64* sums) {
  const u64 chunks = (count + kScanChunk - 1) / kScanChunk;
  u64 base = 0;
  for (u64 first = 0; first < chunks; first += m_bdim()) {
    const u64 chunk = first + m_tid();
    T total;
    const T before = block_exclusive_scan(chunk < chunks ? static_cast<T>(sums[chunk]) : T(0), &total);
    if (chunk < chunks) sums[chunk] = base + before;
    base += total;
  }
  return base;
}

// The third, over chunks: `put(i, place)` is called with the sum of the values before each.
template <class T, class At, class Put>
MAAR_FN void scan_places(u64 count, const u64* sums, At at, Put put) {
  for (u64 chunk = m_bid(); chunk * kScanChunk < count; chunk += m_gdim()) {
    T values[8];
    T mine = 0;
    for (u32 i = 0; i < 8; i++) {
      const u64 number = chunk * kScanChunk + m_tid() * 8 + i;
      values[i] = number < count ? at(number) : T(0);
      mine += values[i];
    }
    T total;
    u64 place = sums[chunk] + block_exclusive_scan(mine, &total);
    for (u32 i = 0; i < 8; i++) {
      const u64 number = chunk * kScanChunk + m_tid() * 8 + i;
      if (number < count) put(number, place);
      place += values[i];
    }
  }
}
