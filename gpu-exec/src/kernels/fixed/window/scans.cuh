// Columns of window functions beside rows that were sorted: partition by partition, and within each in the order of the
// window. One entry point; `step` says which of its parts runs (`operators/windows` launches them); it is in
// `columns.cu`, frames are in `frames.cuh`.
//
// Heads of partitions and of peers are where sorted words differ. All else are scans, forwards or backwards: a row's
// partition begins at the last head before it, a sum over a frame that begins with the partition is the scan's value at the
// frame's end. A scan takes three launches: the totals of chunks, the totals' own scan by one block, then each row's value. A
// segmented scan pairs each value with whether a partition begins in it, and joins pairs (Blelloch, Prefix sums and their
// applications, CMU-CS-90-190, section 1.5).
//
// Launched with blocks of 256 threads, and as much shared memory as `kWindowShared`.

struct Params {
  u64 step;
  u64 rows;
  const u32* order;   // where the rows lie in what was written out; null: as they are
  const u64* words;   // by which they were sorted: of all written rows the first word, then the second, ...
  u64 stride;
  u64 word_count;
  const u64* masks;   // of each word the bits of the partition's keys
  u8* heads;          // a byte a row
  const u8* data;     // a written column
  const u8* valid;    // a byte a row, or null
  u64 width;
  u64 scan;           // how values are joined, whether backwards (from bit 8 on), of what (from bit 16 on)
  u64* totals;        // four words a chunk
  u8* out;
  u32* bits;          // which rows have a value
  const i64* starts;  // of each row its partition and its peers: the first, and the one behind the last
  const i64* ends;
  const i64* peer_starts;
  const i64* peer_ends;
  const u8* states;   // what a scan has made
  u64 make;
  u64 frame;          // the frame's edges: see kFrameOfPeers
  i64 start;
  i64 end;
  u64 number;
};

#define kWindowChunk 2048u
#define kPartitionHead 1u
#define kPeerHead 2u

MAAR_FN u64 window_source(const Params& p, u64 row) { return p.order == nullptr ? row : p.order[row]; }
MAAR_FN u64 window_first() { return static_cast<u64>(m_bid()) * m_bdim() + m_tid(); }
MAAR_FN u64 window_step() { return static_cast<u64>(m_gdim()) * m_bdim(); }

// ---- Heads ----------------------------------------------------------------------------------------------------------

MAAR_FN void window_heads(const Params& p) {
  MAAR_ROLLED for (u64 row = window_first(); row < p.rows; row += window_step()) {
    u64 peers = row == 0 ? 1 : 0, partition = peers;
    if (row > 0 && p.order != nullptr) {
      const u64 here = p.order[row], before = p.order[row - 1];
      MAAR_ROLLED for (u64 w = 0; w < p.word_count; w++) {
        const u64 differ = p.words[w * p.stride + here] ^ p.words[w * p.stride + before];
        peers |= differ;
        partition |= differ & p.masks[w];
      }
    }
    p.heads[row] = static_cast<u8>((partition != 0 ? kPartitionHead : 0u) | (peers != 0 ? kPeerHead : 0u));
  }
}

// Whether a partition, or peers, end with a row.
MAAR_FN bool window_ends(const Params& p, u64 row, u32 head) {
  return row + 1 == p.rows || (p.heads[row + 1] & head) != 0;
}

// ---- Scans ----------------------------------------------------------------------------------------------------------

// An integer of a written column.
MAAR_FN i128 window_integer(const Params& p, u64 at) {
  if (p.width == 1) return reinterpret_cast<const i8*>(p.data)[at];
  if (p.width == 2) return reinterpret_cast<const i16*>(p.data)[at];
  if (p.width == 4) return reinterpret_cast<const i32*>(p.data)[at];
  if (p.width == 8) return reinterpret_cast<const i64*>(p.data)[at];
  return reinterpret_cast<const i128*>(p.data)[at];
}

template <class Integer>
struct WindowIntegers {
  typedef Integer T;
  static __device__ T load(const Params& p, u64 at) { return static_cast<T>(window_integer(p, at)); }
};

struct WindowSumI64 : WindowIntegers<i64> {
  static __device__ T identity() { return 0; }
  static __device__ T join(T a, T b) { return static_cast<i64>(static_cast<u64>(a) + static_cast<u64>(b)); }
};
struct WindowSumI128 : WindowIntegers<i128> {
  static __device__ T identity() { return 0; }
  static __device__ T join(T a, T b) { return static_cast<i128>(static_cast<u128>(a) + static_cast<u128>(b)); }
};
struct WindowSumF64 {
  typedef f64 T;
  static __device__ T load(const Params& p, u64 at) { return reinterpret_cast<const f64*>(p.data)[at]; }
  static __device__ T identity() { return 0; }
  static __device__ T join(T a, T b) { return a + b; }
};
struct WindowMinI64 : WindowIntegers<i64> {
  static __device__ T identity() { return 0x7fffffffffffffffll; }
  static __device__ T join(T a, T b) { return m_min(a, b); }
};
struct WindowMaxI64 : WindowIntegers<i64> {
  static __device__ T identity() { return -0x7fffffffffffffffll - 1; }
  static __device__ T join(T a, T b) { return m_max(a, b); }
};

struct WindowMinI128 : WindowIntegers<i128> {
  static __device__ T identity() { return static_cast<i128>(~static_cast<u128>(0) >> 1); }
  static __device__ T join(T a, T b) { return m_min(a, b); }
};
struct WindowMaxI128 : WindowIntegers<i128> {
  static __device__ T identity() { return static_cast<i128>(static_cast<u128>(1) << 127); }
  static __device__ T join(T a, T b) { return m_max(a, b); }
};

// A value, and whether a partition begins in what it was made of: then nothing before it counts.
template <class Op>
struct WindowItem {
  typename Op::T value;
  bool begins;

  static __device__ WindowItem nothing() { return {Op::identity(), false}; }
  __device__ WindowItem then(const WindowItem& next) const {
    return next.begins ? next : WindowItem{Op::join(value, next.value), begins};
  }
};

template <class Op>
MAAR_FN WindowItem<Op> window_up(const WindowItem<Op>& item, u32 lanes) {
  return {m_shfl_up(item.value, lanes), m_shfl_up(static_cast<u32>(item.begins), lanes) != 0};
}

// What the threads before this one hold; `total` is what all hold. Every thread of the block calls it.
template <class Op>
MAAR_FN WindowItem<Op> window_before(const WindowItem<Op>& mine, WindowItem<Op>* total) {
  typedef WindowItem<Op> Item;
  Item* warps = reinterpret_cast<Item*>(m_smem());
  Item end = mine;
  MAAR_ROLLED for (u32 step = 1; step < 32; step *= 2) {
    const Item other = window_up(end, step);
    if (m_lane() >= step) end = other.then(end);
  }
  m_block_sync();
  if (m_lane() == 31) warps[m_warp()] = end;
  m_block_sync();
  Item before = Item::nothing(), all = Item::nothing();
  MAAR_ROLLED for (u32 w = 0; w < m_bdim() / 32; w++) {
    if (w < m_warp()) before = before.then(warps[w]);
    all = all.then(warps[w]);
  }
  const Item within = window_up(end, 1);
  *total = all;
  return m_lane() == 0 ? before : before.then(within);
}

enum WindowScanOf { kOfColumn, kOfRows, kOfPartitionStarts, kOfPartitionEnds, kOfPeerStarts, kOfPeerEnds, kOfPeers };

// What a row adds to a scan.
template <class Op>
MAAR_FN WindowItem<Op> window_item(const Params& p, u64 row) {
  typedef typename Op::T T;
  const bool backwards = (p.scan >> 8 & 1) != 0;
  const u32 heads = p.heads[row];
  const bool begins = backwards ? window_ends(p, row, kPartitionHead) : (heads & kPartitionHead) != 0;
  const T here = static_cast<T>(static_cast<i64>(row)), behind = static_cast<T>(static_cast<i64>(row) + 1);
  const T none = Op::identity();
  switch (p.scan >> 16) {
    case kOfColumn: {
      const u64 at = window_source(p, row);
      return {p.valid == nullptr || p.valid[at] != 0 ? Op::load(p, at) : none, begins};
    }
    case kOfRows: return {static_cast<T>(1), begins};
    case kOfPartitionStarts: return {(heads & kPartitionHead) != 0 ? here : none, false};
    case kOfPeerStarts: return {(heads & kPeerHead) != 0 ? here : none, false};
    case kOfPartitionEnds: return {window_ends(p, row, kPartitionHead) ? behind : none, false};
    case kOfPeerEnds: return {window_ends(p, row, kPeerHead) ? behind : none, false};
    default: return {static_cast<T>((heads & kPeerHead) != 0 ? 1 : 0), begins};
  }
}

// The row that comes at a place of the scan.
MAAR_FN u64 window_row(const Params& p, u64 place) { return (p.scan >> 8 & 1) != 0 ? p.rows - 1 - place : place; }

template <class Op>
MAAR_FN WindowItem<Op> window_mine(const Params& p, u64 chunk) {
  WindowItem<Op> mine = WindowItem<Op>::nothing();
  MAAR_ROLLED for (u32 i = 0; i < 8; i++) {
    const u64 place = chunk * kWindowChunk + m_tid() * 8 + i;
    if (place < p.rows) mine = mine.then(window_item<Op>(p, window_row(p, place)));
  }
  return mine;
}

template <class Op>
MAAR_FN void window_put(u64* at, const WindowItem<Op>& item) {
  m_copy_bytes(at, &item.value, sizeof(item.value));
  at[2] = item.begins ? 1 : 0;
}

template <class Op>
MAAR_FN WindowItem<Op> window_got(const u64* at) {
  WindowItem<Op> item = WindowItem<Op>::nothing();
  m_copy_bytes(&item.value, at, sizeof(item.value));
  item.begins = at[2] != 0;
  return item;
}

template <class Op>
MAAR_FN void window_scan(const Params& p, u64 phase) {
  typedef WindowItem<Op> Item;
  const u64 chunks = (p.rows + kWindowChunk - 1) / kWindowChunk;
  if (phase == 1) {
    Item base = Item::nothing();
    MAAR_ROLLED for (u64 first = 0; first < chunks; first += m_bdim()) {
      const u64 chunk = first + m_tid();
      Item total;
      const Item own = chunk < chunks ? window_got<Op>(p.totals + chunk * 4) : Item::nothing();
      const Item before = window_before(own, &total);
      if (chunk < chunks) window_put(p.totals + chunk * 4, base.then(before));
      base = base.then(total);
    }
    return;
  }
  MAAR_ROLLED for (u64 chunk = m_bid(); chunk < chunks; chunk += m_gdim()) {
    const Item mine = window_mine<Op>(p, chunk);
    Item total;
    const Item before = window_before(mine, &total);
    if (phase == 0) {
      if (m_tid() == 0) window_put(p.totals + chunk * 4, total);
      continue;
    }
    Item run = window_got<Op>(p.totals + chunk * 4).then(before);
    MAAR_ROLLED for (u32 i = 0; i < 8; i++) {
      const u64 place = chunk * kWindowChunk + m_tid() * 8 + i;
      if (place >= p.rows) break;
      const u64 row = window_row(p, place);
      run = run.then(window_item<Op>(p, row));
      reinterpret_cast<typename Op::T*>(p.out)[row] = run.value;
    }
  }
}

MAAR_FN void window_scan_any(const Params& p, u64 phase) {
  switch (p.scan & 255) {
    case 0: window_scan<WindowSumI64>(p, phase); break;
    case 1: window_scan<WindowSumI128>(p, phase); break;
    case 2: window_scan<WindowSumF64>(p, phase); break;
    case 3: window_scan<WindowMinI64>(p, phase); break;
    case 4: window_scan<WindowMaxI64>(p, phase); break;
    case 5: window_scan<WindowMinI128>(p, phase); break;
    default: window_scan<WindowMaxI128>(p, phase);
  }
}
