// Tiles: how a pipeline walks its source. A block takes tiles of 2048 rows, a thread 8 consecutive rows of each.
// Segments (row groups) of a table are described by one table of words in device memory; a tile never crosses
// segments. Not here: what happens to a row.

// One entry of the segment table: [0] first tile, [1] rows, [2] number of its first row in the table,
// then for each column [3 + 2c] data, [4 + 2c] validity bits or 0.
template <u32 COLUMNS>
struct SegmentCursor {
  static constexpr u32 kStride = 3 + 2 * COLUMNS;
  const u64* table;
  const u64* entry;
  u64 count;
  u64 index;
  u64 segment_rows;

  __device__ SegmentCursor(const u64* table, u64 count)
      : table(table), entry(table), count(count), index(0), segment_rows(0) {}

  // Whether the segment `ahead` of this one exists and begins at or before a tile.
  __device__ bool begins(u64 ahead, u64 tile) const {
    return index + ahead < count && table[(index + ahead) * kStride] <= tile;
  }

  // Tiles are visited in ascending order by every block, so the segment only moves forward: in steps that double until
  // one is too far, then by halves. The next segment costs one comparison, any of thousands a dozen or two.
  __device__ void seek(u64 tile) {
    u64 step = 1;
    for (; begins(step, tile); step *= 2) index += step;
    for (step /= 2; step > 0; step /= 2) index += begins(step, tile) ? step : 0;
    entry = table + index * kStride;
    segment_rows = entry[1];
  }

  // Rows are numbered within the segment.
  __device__ u64 first_row(u64 tile) const { return (tile - entry[0]) * 2048; }
  __device__ u64 number(u64 row) const { return entry[2] + row; }

  // Which of the 8 rows from `row` exist.
  __device__ u32 rows8(u64 row) const {
    if (row >= segment_rows) return 0;
    const u64 left = segment_rows - row;
    return left >= 8 ? 0xffu : (1u << left) - 1;
  }

  template <typename T>
  __device__ void load8(T (&out)[8], u32 column, u64 row) const {
    m_load8(out, reinterpret_cast<const T*>(entry[3 + 2 * column]) + row);
  }

  template <typename T>
  __device__ T load(u32 column, u64 row) const {
    return m_ldg(reinterpret_cast<const T*>(entry[3 + 2 * column]) + row);
  }

  // Where the text of a row is described: a reference that outlives the row (text.cuh).
  __device__ i64 text(u32 column, u64 row) const { return static_cast<i64>(entry[3 + 2 * column] + row * 4); }

  // Validity of the 8 rows from `row`, a multiple of 8.
  __device__ u32 valid8(u32 column, u64 row) const {
    const u8* bits = reinterpret_cast<const u8*>(entry[4 + 2 * column]);
    return bits == nullptr ? 0xffu : m_ldg(bits + row / 8);
  }

  __device__ bool valid(u32 column, u64 row) const {
    const u8* bits = reinterpret_cast<const u8*>(entry[4 + 2 * column]);
    return bits == nullptr || (m_ldg(bits + row / 8) >> (row & 7) & 1);
  }
};

// What the threads before this one hold, added up; `total` is the sum of all. Every thread of the block calls it; it takes
// a value a warp of shared memory.
template <class T>
MAAR_FN T block_exclusive_scan(T value, T* total) {
  T* warps = reinterpret_cast<T*>(m_smem());
  T end = value;
  for (u32 step = 1; step < 32; step *= 2) {
    const T other = m_shfl_up(end, step);
    if (m_lane() >= step) end += other;
  }
  m_block_sync();
  if (m_lane() == 31) warps[m_warp()] = end;
  m_block_sync();
  T before = 0, sum = 0;
  MAAR_ROLLED for (u32 w = 0; w < m_bdim() / 32; w++) {
    if (w < m_warp()) before += warps[w];
    sum += warps[w];
  }
  *total = sum;
  return before + end - value;
}

// Warp queue: the rows a warp keeps of its 256, written densely so that what follows runs with full warps.
// `queue` holds 256 offsets a warp in shared memory; returns how many rows the warp kept (the same in every lane).
MAAR_FN u32 warp_compact(u32 mask, u16* queue) {
  const u32 kept = m_popc(mask);
  u32 end = kept;
  for (u32 step = 1; step < 32; step *= 2) {
    const u32 other = m_shfl_up(end, step);
    if (m_lane() >= step) end += other;
  }
  u32 at = end - kept;
  for (u32 i = 0; i < 8; i++) {
    if (mask >> i & 1) queue[at++] = static_cast<u16>(m_lane() * 8 + i);
  }
  m_warp_sync();
  return m_shfl(end, 31);
}
