// Bodies of the micro-benchmarks: the access patterns that the engine's kernels are made of, each alone.
//
// Templates only: `bench/kernels.rs` instantiates one entry point a measurement. Every kernel computes something that
// the host checks, so that no compiler drops the loads and no kernel that does nothing looks fast.

struct SumParams { const u8* values; u64 tiles; i64* sums; };
struct CopyParams { const u8* from; u8* to; u64 tiles; };
struct GatherParams { const u32* table; u64 entries; u64 gathers; i64* sums; };
struct AtomicParams { u8* table; u64 addresses; u64 operations; };
struct SharedParams { u64* total; u64 addresses; u64 operations; };
struct GroupParams { u8* groups; u64 group_count; u64 rows; };
struct PrivateParams { const u8* groups; const i32* values; u64 group_count; u64 tiles; u64* totals; };
struct EmptyParams { u64 nothing; };

MAAR_FN u64 bench_thread() { return static_cast<u64>(m_bid()) * m_bdim() + m_tid(); }
MAAR_FN u64 bench_threads() { return static_cast<u64>(m_gdim()) * m_bdim(); }

// A pseudo-random place below `places` (at most 2^32) for the n-th access, in about ten instructions.
MAAR_FN u64 bench_place(u64 n, u64 places) {
  u32 h = static_cast<u32>(n) * 0x9e3779b1u;
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  h ^= h >> 16;
  return static_cast<u64>(h) * places >> 32;
}

// Tiles of 2048 rows, 8 consecutive rows a thread, as pipelines read them. Column c begins `tiles` tiles after c - 1.
// All columns are loaded before the first is used. One sum a thread.
template <typename T, u32 COLUMNS>
MAAR_FN void bench_sum(const SumParams& p) {
  const T* values = reinterpret_cast<const T*>(p.values);
  i64 sum = 0;
  for (u64 tile = m_bid(); tile < p.tiles; tile += m_gdim()) {
    T rows[COLUMNS][8];
#pragma unroll
    for (u32 c = 0; c < COLUMNS; c++) m_load8(rows[c], values + (c * p.tiles + tile) * 2048 + m_tid() * 8);
#pragma unroll
    for (u32 c = 0; c < COLUMNS; c++) {
#pragma unroll
      for (u32 i = 0; i < 8; i++) sum += static_cast<i64>(rows[c][i]);
    }
  }
  p.sums[bench_thread()] = sum;
}

// Tiles of 16 KiB, four 16-byte loads in flight a thread.
MAAR_FN void bench_copy(const CopyParams& p) {
  for (u64 tile = m_bid(); tile < p.tiles; tile += m_gdim()) {
    const u64 at = tile * 16384 + m_tid() * 16;
    m_vec16 words[4];
#pragma unroll
    for (u32 i = 0; i < 4; i++) words[i] = m_ld16(p.from + at + i * 4096);
#pragma unroll
    for (u32 i = 0; i < 4; i++) *reinterpret_cast<m_vec16*>(p.to + at + i * 4096) = words[i];
  }
}

// Random reads of 4 bytes, eight in flight a thread. `gathers` is a multiple of 8.
MAAR_FN void bench_gather(const GatherParams& p) {
  i64 sum = 0;
  for (u64 first = bench_thread() * 8; first < p.gathers; first += bench_threads() * 8) {
    u32 found[8];
#pragma unroll
    for (u32 i = 0; i < 8; i++) found[i] = m_ldg(p.table + bench_place(first + i, p.entries));
#pragma unroll
    for (u32 i = 0; i < 8; i++) sum += found[i];
  }
  p.sums[bench_thread()] = sum;
}

// Adds 1 to random places of a table in global memory. The old value is not wanted: a reduction, not a fetch.
template <typename T>
MAAR_FN void bench_atomic(const AtomicParams& p) {
  T* table = reinterpret_cast<T*>(p.table);
  for (u64 n = bench_thread(); n < p.operations; n += bench_threads()) {
    m_atomic_add(table + bench_place(n, p.addresses), static_cast<T>(1));
  }
}

// The same on a table in each block's shared memory. The block's share of the total is added at the end, once a block.
template <typename T>
MAAR_FN void bench_shared_atomic(const SharedParams& p) {
  T* table = reinterpret_cast<T*>(m_smem());
  for (u64 place = m_tid(); place < p.addresses; place += m_bdim()) table[place] = 0;
  m_block_sync();
  for (u64 n = bench_thread(); n < p.operations; n += bench_threads()) {
    m_atomic_add(table + bench_place(n, p.addresses), static_cast<T>(1));
  }
  m_block_sync();
  i64 mine = 0;
  for (u64 place = m_tid(); place < p.addresses; place += m_bdim()) mine += static_cast<i64>(table[place]);
  block_publish<SumI64>(mine, p.total, m_smem());
}

// Random group numbers for the next one.
MAAR_FN void bench_groups(const GroupParams& p) {
  for (u64 row = bench_thread(); row < p.rows; row += bench_threads()) {
    p.groups[row] = static_cast<u8>(bench_place(row, p.group_count));
  }
}

// A grouped sum in each thread's own share of shared memory: the engine's own form for few groups.
MAAR_FN void bench_private(const PrivateParams& p) {
  PrivateStates<SumI64> states(m_smem(), p.group_count);
  for (u64 tile = m_bid(); tile < p.tiles; tile += m_gdim()) {
    const u64 row = tile * 2048 + m_tid() * 8;
    u8 groups[8];
    i32 values[8];
    m_load8(groups, p.groups + row);
    m_load8(values, p.values + row);
#pragma unroll
    for (u32 i = 0; i < 8; i++) states.merge(groups[i], values[i]);
  }
  m_block_sync();
  states.publish<SumI64>(p.group_count, p.totals);
}
