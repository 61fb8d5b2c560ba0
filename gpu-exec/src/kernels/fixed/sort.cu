// Rows in an order: their keys become words whose order as unsigned numbers is the rows', and row numbers are sorted by
// these words. One entry point; `step` says which of its parts runs (`operators/sort.rs` launches them).
//
// A stable radix sort from the last bit to the first, eight bits a pass: each tile of 2048 rows counts its digits, the
// scan of scan.cuh makes places of the counts, and every row goes to its place with the row number it came with. Only
// bits that differ between rows are passed over. A pass reads a word twice and a row number once, and writes both: 32
// bytes a row, and 1 for the counts. Few rows are sorted by one block, all passes in one launch.
//
// Launched with blocks of 256 threads, and as much shared memory as `sort_shared_word` ends at.

// A column of the result, or a half of one: in how many bits its values lie, and how.
struct SortKey {
  const u8* data;
  const u8* valid;  // a byte a row, or null
  u64 low, high;    // the least value
  u64 form;         // bytes of a value, bits it takes (from bit 8 on), what it is and how it is taken (from bit 16 on)
};

#define kSortFloat 1u
#define kSortDescending 2u
#define kSortNullBit 4u
#define kSortNullsFirst 8u

#define kSortKeys 16u
#define kSortTile 2048u
#define kSortDigits 256u
// Rows that one block sorts.
#define kSortFew 4096u

struct Params {
  u64 step;
  const u64* count;  // where it stands how many rows there are
  u64 capacity;      // rows there is room for
  u64* words;        // of all rows the first word, then the second, ...
  u64 word_count;
  u64 word;          // the one that this step is about
  u64 shift;         // the lowest bit of a digit
  u64 last_digit;    // rows of higher ones are left out
  u64 key_count;
  const u64* from;   // words in the order so far, and the rows' numbers
  const u32* from_order;
  u64* to;
  u32* to_order;
  u32* counts;       // of each digit, one a tile
  u64* sums;         // one a chunk of 2048 of them
  u64* found;        // for the host: of each word the bits that differ, or of each digit where its rows begin
  u32* result;       // the rows' numbers, sorted
  SortKey keys[kSortKeys];
};

MAAR_FN u64 sort_rows(const Params& p) { return m_min(*p.count, p.capacity); }
MAAR_FN u64 sort_tiles(u64 rows) { return (rows + kSortTile - 1) / kSortTile; }

// ---- Words ----------------------------------------------------------------------------------------------------------

// The order of a float as an unsigned number: NaN is one value above all others, the two zeros are one.
MAAR_FN u64 sort_float(const SortKey& key, u64 row, u32 width) {
  if (width == 8) return static_cast<u64>(float_rank(reinterpret_cast<const f64*>(key.data)[row])) ^ (1ull << 63);
  const f32 value = reinterpret_cast<const f32*>(key.data)[row];
  if (value != value) return 0xffc00000u;
  if (value == 0) return 0x80000000u;
  const u32 bits = m_bitcast<u32>(value);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

MAAR_FN u128 sort_integer(const SortKey& key, u64 row, u32 width) {
  u128 value;
  if (width == 1)
    value = key.data[row];
  else if (width == 2)
    value = reinterpret_cast<const u16*>(key.data)[row];
  else if (width == 4)
    value = reinterpret_cast<const u32*>(key.data)[row];
  else if (width == 8)
    value = reinterpret_cast<const u64*>(key.data)[row];
  else
    value = reinterpret_cast<const u128*>(key.data)[row];
  return value - (static_cast<u128>(key.high) << 64 | key.low);
}

// Bits are laid from the last word's lowest upwards.
struct SortBits {
  u64* words;
  u64 stride;
  u64 at;  // words that are left, this one included
  u64 word;
  u32 filled;

  __device__ void put(u64 value, u32 bits) {
    if (bits == 0) return;
    word |= value << filled;
    if (filled + bits >= 64) {
      words[--at * stride] = word;
      const u32 taken = 64 - filled;
      word = taken < 64 ? value >> taken : 0;
      filled = filled + bits - 64;
    } else {
      filled += bits;
    }
  }
};

MAAR_FN void sort_words(const Params& p) {
  const u64 rows = sort_rows(p), step = static_cast<u64>(m_gdim()) * m_bdim();
  MAAR_ROLLED for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < rows; row += step) {
    // `word` counts the words up to the last that these keys fill.
    SortBits out = {p.words + row, p.capacity, p.word, 0, 0};
    MAAR_ROLLED for (u64 k = p.key_count; k-- > 0;) {
      const SortKey& key = p.keys[k];
      const u32 width = key.form & 255, bits = key.form >> 8 & 255, how = static_cast<u32>(key.form >> 16);
      const bool valid = key.valid == nullptr || key.valid[row] != 0;
      u128 value = 0;
      if (valid && bits > 0) {
        const u128 mask = ~static_cast<u128>(0) >> (128 - bits);
        value = (how & kSortFloat ? static_cast<u128>(sort_float(key, row, width)) : sort_integer(key, row, width)) & mask;
        if (how & kSortDescending) value = mask - value;
      }
      MAAR_ROLLED for (u32 left = bits; left > 0; left -= m_min(left, 64u)) {
        out.put(static_cast<u64>(value), m_min(left, 64u));
        value >>= 64;
      }
      if (how & kSortNullBit) out.put(valid == ((how & kSortNullsFirst) != 0) ? 1 : 0, 1);
    }
    if (out.filled > 0) out.words[--out.at * out.stride] = out.word;
    p.to_order[row] = static_cast<u32>(row);
  }
}

// ---- Digits ---------------------------------------------------------------------------------------------------------

// Shared memory: what a scan takes, a count a digit and warp, a count a digit, and a word.
MAAR_FN u32* sort_counts() { return reinterpret_cast<u32*>(m_smem() + 128); }
MAAR_FN u32* sort_bases() { return sort_counts() + 8 * kSortDigits; }
MAAR_FN u64* sort_shared_word() { return reinterpret_cast<u64*>(m_smem() + 128 + 9 * kSortDigits * 4); }

MAAR_FN u32 sort_digit(u64 word, u64 shift) { return static_cast<u32>(word >> shift) & 255; }

// Which bits of a word differ from the first row's: of all rows, from the order so far.
MAAR_FN u64 sort_differences(const u64* words, u64 rows) {
  const u64 first = words[0];
  u64 differ = 0;
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  MAAR_ROLLED for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < rows; row += step) differ |= words[row] ^ first;
  MAAR_ROLLED for (u32 lane = 16; lane > 0; lane /= 2) differ |= m_shfl_xor(differ, lane);
  return differ;
}

// Which lanes have this lane's digit.
MAAR_CALLED u32 sort_alike(u32 digit, bool exists) {
  u32 alike = m_ballot(exists);
  MAAR_ROLLED for (u32 bit = 0; bit < 8; bit++) {
    const bool is_set = (digit >> bit & 1) != 0;
    const u32 set = m_ballot(is_set);
    alike &= is_set ? set : ~set;
  }
  return alike;
}

// The rows of a tile by warps, 32 a step: `each(row, place)` of each, with what stands at its digit in `mine` and how many
// of the step's rows before it have that digit; then that is as much more as have it.
template <class Each>
MAAR_FN void sort_steps(const u64* words, u64 first, u64 rows, u64 shift, u32* mine, Each each) {
  MAAR_ROLLED for (u32 i = 0; i < 8; i++) {
    const u64 row = first + m_warp() * 256 + i * 32 + m_lane();
    const bool exists = row < rows;
    const u64 word = exists ? words[row] : 0;
    const u32 digit = sort_digit(word, shift);
    const u32 alike = sort_alike(digit, exists);
    const u32 before = m_popc(alike & ((1u << m_lane()) - 1));
    const u32 place = mine[digit] + before;
    m_warp_sync();
    if (exists && before == 0) mine[digit] += m_popc(alike);
    m_warp_sync();
    if (exists) each(row, word, place);
  }
}

// Every row of a tile to its place. `base(digit)` is that of the tile's first row with a digit; it may read how many rows
// of each warp have it.
template <class Base>
MAAR_FN void sort_scatter(const u64* from, const u32* from_order, u64* to, u32* to_order, u64 first, u64 rows, u64 shift,
                          u64 last_digit, Base base) {
  u32* counts = sort_counts();
  u32* mine = counts + m_warp() * kSortDigits;
  MAAR_ROLLED for (u32 i = m_tid(); i < 8 * kSortDigits; i += m_bdim()) counts[i] = 0;
  m_block_sync();
  sort_steps(from, first, rows, shift, mine, [](u64, u64, u32) {});
  m_block_sync();
  u32 at = base(m_tid());
  MAAR_ROLLED for (u32 warp = 0; warp < 8; warp++) {
    const u32 here = counts[warp * kSortDigits + m_tid()];
    counts[warp * kSortDigits + m_tid()] = at;
    at += here;
  }
  m_block_sync();
  sort_steps(from, first, rows, shift, mine, [&](u64 row, u64 word, u32 place) {
    if (sort_digit(word, shift) > last_digit) return;
    to[place] = word;
    to_order[place] = from_order[row];
  });
  m_block_sync();
}

// ---- Many rows: a launch a step -------------------------------------------------------------------------------------

MAAR_FN void sort_count(const Params& p) {
  const u64 rows = sort_rows(p), tiles = sort_tiles(rows);
  u32* counts = sort_bases();
  MAAR_ROLLED for (u64 tile = m_bid(); tile < tiles; tile += m_gdim()) {
    MAAR_ROLLED for (u32 digit = m_tid(); digit < kSortDigits; digit += m_bdim()) counts[digit] = 0;
    m_block_sync();
    MAAR_ROLLED for (u32 i = 0; i < kSortTile; i += m_bdim()) {
      const u64 row = tile * kSortTile + i + m_tid();
      if (row < rows) m_atomic_add(counts + sort_digit(p.from[row], p.shift), 1u);
    }
    m_block_sync();
    MAAR_ROLLED for (u32 digit = m_tid(); digit < kSortDigits; digit += m_bdim()) p.counts[digit * tiles + tile] = counts[digit];
    m_block_sync();
  }
}

// ---- Few rows: one block ---------------------------------------------------------------------------------------------

MAAR_FN void sort_pass_of_few(const u64* from, const u32* from_order, u64* to, u32* to_order, u64 rows, u64 shift) {
  u32* bases = sort_bases();
  MAAR_ROLLED for (u32 digit = m_tid(); digit < kSortDigits; digit += m_bdim()) bases[digit] = 0;
  m_block_sync();
  MAAR_ROLLED for (u64 row = m_tid(); row < rows; row += m_bdim()) m_atomic_add(bases + sort_digit(from[row], shift), 1u);
  m_block_sync();
  u32 total;
  const u32 before = block_exclusive_scan(bases[m_tid()], &total);
  m_block_sync();
  bases[m_tid()] = before;
  m_block_sync();
  MAAR_ROLLED for (u64 first = 0; first < rows; first += kSortTile) {
    sort_scatter(from, from_order, to, to_order, first, rows, shift, kSortDigits, [&](u32 digit) {
      // The next tile's rows come behind those of this one.
      const u32 at = bases[digit];
      u32 here = 0;
      MAAR_ROLLED for (u32 warp = 0; warp < 8; warp++) here += sort_counts()[warp * kSortDigits + digit];
      bases[digit] = at + here;
      return at;
    });
  }
}

MAAR_FN void sort_few(const Params& p) {
  const u64 rows = sort_rows(p);
  if (rows > kSortFew) return;
  u64 *from = const_cast<u64*>(p.from), *to = p.to;
  u32 *from_order = const_cast<u32*>(p.from_order), *to_order = p.to_order;
  MAAR_ROLLED for (u64 row = m_tid(); row < rows; row += m_bdim()) from_order[row] = static_cast<u32>(row);
  MAAR_ROLLED for (u64 w = p.word_count; w-- > 0 && rows > 1;) {
    m_block_sync();
    if (m_tid() == 0) *sort_shared_word() = 0;
    MAAR_ROLLED for (u64 row = m_tid(); row < rows; row += m_bdim()) from[row] = p.words[w * p.capacity + from_order[row]];
    m_block_sync();
    const u64 differ = sort_differences(from, rows);
    if (m_lane() == 0) m_atomic_or(sort_shared_word(), differ);
    m_block_sync();
    u64 left = *sort_shared_word();
    MAAR_ROLLED while (left != 0) {
      const u64 shift = m_min(63 - m_clzll(left & (~left + 1)), 56u);
      sort_pass_of_few(from, from_order, to, to_order, rows, shift);
      left &= ~(255ull << shift);
      u64* words = from;
      from = to;
      to = words;
      u32* order = from_order;
      from_order = to_order;
      to_order = order;
    }
  }
  m_block_sync();
  MAAR_ROLLED for (u64 row = m_tid(); row < rows; row += m_bdim()) p.result[row] = from_order[row];
}

// ---- The steps ------------------------------------------------------------------------------------------------------

MAAR_KERNEL(maar_sort, Params, p) {
  const u64 cells = sort_tiles(sort_rows(p)) * kSortDigits;
  const auto count_at = [&](u64 cell) { return p.counts[cell]; };
  switch (p.step) {
    case 0: sort_words(p); break;
    case 1: sort_few(p); break;
    case 2: {
      const u64 rows = sort_rows(p);
      const u64 differ = rows > 0 ? sort_differences(p.from, rows) : 0;
      if (m_lane() == 0 && differ != 0) m_atomic_or(p.found + p.word, differ);
      break;
    }
    case 3: sort_count(p); break;
    case 4: scan_sums<u32>(cells, p.sums, count_at); break;
    case 5: scan_bases<u32>(cells, p.sums); break;
    case 6:
      scan_places<u32>(cells, p.sums, count_at, [&](u64 cell, u64 place) { p.counts[cell] = static_cast<u32>(place); });
      break;
    case 7: {
      const u64 rows = sort_rows(p), tiles = sort_tiles(rows);
      MAAR_ROLLED for (u64 tile = m_bid(); tile < tiles; tile += m_gdim()) {
        sort_scatter(p.from, p.from_order, p.to, p.to_order, tile * kSortTile, rows, p.shift, p.last_digit,
                     [&](u32 digit) { return p.counts[digit * tiles + tile]; });
      }
      break;
    }
    case 8: p.found[m_tid()] = p.counts[m_tid() * sort_tiles(sort_rows(p))]; break;
    default: {  // a word in the order so far
      const u64 rows = sort_rows(p), step = static_cast<u64>(m_gdim()) * m_bdim();
      MAAR_ROLLED for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < rows; row += step) {
        p.to[row] = p.words[p.word * p.capacity + p.from_order[row]];
      }
    }
  }
}
