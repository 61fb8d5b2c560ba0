//! The device source of the checks.

use super::super::SyncMode;
use super::harness::Kernel;

pub(super) const INDICES: Kernel = Kernel {
    entry: "indices",
    sync: SyncMode::None,
    source: r#"
struct Params { u64* out; };
MAAR_KERNEL(indices, Params, p) {
  u64* mine = p.out + ((u64)m_bid() * m_bdim() + m_tid()) * 6;
  mine[0] = m_tid();
  mine[1] = m_bid();
  mine[2] = m_bdim();
  mine[3] = m_gdim();
  mine[4] = m_lane();
  mine[5] = m_warp();
}
"#,
};

pub(super) const SUM: Kernel = Kernel {
    entry: "sum",
    sync: SyncMode::Warp,
    source: r#"
struct Params { const i32* values; i64* total; u64 rows; };
MAAR_KERNEL(sum, Params, p) {
  i64 sum = 0;
  u64 stride = (u64)m_gdim() * m_bdim();
  for (u64 row = (u64)m_bid() * m_bdim() + m_tid(); row < p.rows; row += stride) sum += m_ldg(p.values + row);
  for (u32 n = 16; n > 0; n /= 2) sum += m_shfl_xor(sum, n);
  if (m_lane() == 0) m_atomic_add(p.total, sum);
}
"#,
};

pub(super) const VOTES: Kernel = Kernel {
    entry: "votes",
    sync: SyncMode::Warp,
    source: r#"
struct Params { const u32* flags; u32* ballots; u32* any; u32* all; };
MAAR_KERNEL(votes, Params, p) {
  u32 row = m_bid() * m_bdim() + m_tid();
  bool flag = p.flags[row] != 0;
  u32 ballot = m_ballot(flag);
  bool any = m_any(flag), all = m_all(flag);
  m_warp_sync();
  if (m_lane() == 0) {
    p.ballots[row / 32] = ballot;
    p.any[row / 32] = any ? 1 : 0;
    p.all[row / 32] = all ? 1 : 0;
  }
}
"#,
};

pub(super) const SHUFFLES: Kernel = Kernel {
    entry: "shuffles_of_all_types",
    sync: SyncMode::Warp,
    source: r#"
struct Params { const i128* values; i128* out; };
template <class T> MAAR_FN void shuffles(T mine, u32 lane, i128* out) {
  out[0 * 32 + lane] = (i128)m_shfl(mine, 7);
  out[1 * 32 + lane] = (i128)m_shfl(mine, lane + 5);
  out[2 * 32 + lane] = (i128)m_shfl_up(mine, 3);
  out[3 * 32 + lane] = (i128)m_shfl_down(mine, 4);
  out[4 * 32 + lane] = (i128)m_shfl_xor(mine, 9);
}
MAAR_KERNEL(shuffles_of_all_types, Params, p) {
  u32 lane = m_lane();
  i128 value = p.values[lane];
  shuffles<i32>((i32)value, lane, p.out + 0 * 160);
  shuffles<u32>((u32)value, lane, p.out + 1 * 160);
  shuffles<i64>((i64)value, lane, p.out + 2 * 160);
  shuffles<u64>((u64)value, lane, p.out + 3 * 160);
  shuffles<i128>(value, lane, p.out + 4 * 160);
  shuffles<f32>((f32)(i32)(value & 0xffff), lane, p.out + 5 * 160);
  shuffles<f64>((f64)(i32)(value & 0xffffff), lane, p.out + 6 * 160);
}
"#,
};

pub(super) const BLOCK_SUM: Kernel = Kernel {
    entry: "block_sum",
    sync: SyncMode::Block,
    source: r#"
struct Params { const i64* values; i64* sums; };
MAAR_KERNEL(block_sum, Params, p) {
  i64* partial = (i64*)m_smem();
  i64 sum = p.values[m_bid() * m_bdim() + m_tid()];
  for (u32 n = 16; n > 0; n /= 2) sum += m_shfl_down(sum, n);
  if (m_lane() == 0) partial[m_warp()] = sum;
  m_block_sync();
  if (m_warp() == 0) {
    i64 rest = m_lane() < m_bdim() / 32 ? partial[m_lane()] : 0;
    for (u32 n = 16; n > 0; n /= 2) rest += m_shfl_xor(rest, n);
    if (m_lane() == 0) p.sums[m_bid()] = rest;
  }
}
"#,
};

pub(super) const REVERSE: Kernel = Kernel {
    entry: "reverse",
    sync: SyncMode::Block,
    source: r#"
struct Params { u32* out; u64 words; };
MAAR_KERNEL(reverse, Params, p) {
  u32* shared = (u32*)m_smem();
  for (u32 i = m_tid(); i < p.words; i += m_bdim()) shared[i] = i + m_bid();
  m_block_sync();
  for (u32 i = m_tid(); i < p.words; i += m_bdim()) p.out[m_bid() * p.words + i] = shared[p.words - 1 - i];
}
"#,
};

pub(super) const LOOK_BACK: Kernel = Kernel {
    entry: "look_back",
    sync: SyncMode::Block,
    source: r#"
struct Params { u32* ticket; u64* flags; u64* totals; u64 tiles; };
// Tile t publishes the sum of 1..t+1 once it has seen tile t-1's, by value and by flag.
MAAR_KERNEL(look_back, Params, p) {
  u32* shared = (u32*)m_smem();
  for (;;) {
    if (m_tid() == 0) shared[0] = m_atomic_add(p.ticket, 1u);
    m_block_sync();
    u32 tile = shared[0];
    m_block_sync();
    if (tile >= p.tiles) return;
    if (m_tid() == 0) {
      u64 before = 0;
      if (tile > 0) {
        while (m_load_acquire(p.flags + tile - 1) == 0) m_spin();
        before = p.totals[tile - 1];
      }
      p.totals[tile] = before + tile + 1;
      m_fence();
      m_store_release(p.flags + tile, (u64)1);
    }
  }
}
"#,
};

pub(super) const BITS: Kernel = Kernel {
    entry: "bits",
    sync: SyncMode::None,
    source: r#"
struct Params { const u64* values; u64* out; };
MAAR_KERNEL(bits, Params, p) {
  u64 x = p.values[m_tid()];
  u64* mine = p.out + m_tid() * 10;
  mine[0] = m_popc((u32)x);
  mine[1] = m_popcll(x);
  mine[2] = m_ffs((u32)x);
  mine[3] = m_clz((u32)x);
  mine[4] = m_clzll(x);
  mine[5] = m_mulhi_u64(x, 0x9E3779B97F4A7C15ull);
  mine[6] = m_min(x, (u64)1000);
  mine[7] = m_max(x, (u64)1000);
  mine[8] = m_bitcast<u64>(m_bitcast<f64>(x));
  mine[9] = m_unlikely(x == 0) ? 1 : 0;
}
"#,
};

pub(super) const WIDE: Kernel = Kernel {
    entry: "wide",
    sync: SyncMode::None,
    source: r#"
struct Params { const i128* a; const i128* b; i128* out; };
MAAR_KERNEL(wide, Params, p) {
  u32 i = m_tid();
  i128 a = m_ldg(p.a + i), b = p.b[i];
  i128* mine = p.out + i * 6;
  mine[0] = a + b;
  mine[1] = a - b;
  mine[2] = a * b;
  mine[3] = b == 0 ? (i128)0 : a / b;
  mine[4] = b == 0 ? (i128)0 : a % b;
  mine[5] = a < b ? 1 : 0;
}
"#,
};

pub(super) const FLOATS: Kernel = Kernel {
    entry: "floats",
    sync: SyncMode::None,
    source: r#"
struct Params { const f64* a; const f64* b; f64* out; };
MAAR_KERNEL(floats, Params, p) {
  f64 a = p.a[m_tid()], b = p.b[m_tid()];
  f64* mine = p.out + m_tid() * 9;
  mine[0] = m_fmod(a, b);
  mine[1] = m_sqrt(m_fabs(a));
  mine[2] = m_floor(a);
  mine[3] = m_ceil(a);
  mine[4] = m_trunc(a);
  mine[5] = m_round(a);
  mine[6] = m_fabs(a);
  mine[7] = a * b + a;
  mine[8] = a / b;
}
"#,
};

pub(super) const LOADS: Kernel = Kernel {
    entry: "loads",
    sync: SyncMode::None,
    source: r#"
struct Params {
  const i8* a; const u8* b; const i16* c; const u16* d; const i32* e; const u32* f;
  const i64* g; const u64* h; const i128* i; const f32* j; const f64* k; i64* out; const void* vec;
};
template <class T> MAAR_FN i64 weigh(const T* p) {
  T values[8];
  m_load8(values, p + 8 * m_tid());
  i64 sum = 0;
  for (u32 i = 0; i < 8; i++) sum += (i64)values[i] * (i + 1);
  return sum;
}
MAAR_KERNEL(loads, Params, p) {
  i64* mine = p.out + 12 * m_tid();
  mine[0] = weigh(p.a);
  mine[1] = weigh(p.b);
  mine[2] = weigh(p.c);
  mine[3] = weigh(p.d);
  mine[4] = weigh(p.e);
  mine[5] = weigh(p.f);
  mine[6] = weigh(p.g);
  mine[7] = weigh(p.h);
  mine[8] = weigh(p.i);
  mine[9] = weigh(p.j);
  mine[10] = weigh(p.k);
  m_vec16 raw = m_ld16((const u8*)p.vec + 16 * m_tid());
  mine[11] = raw.w[0] + raw.w[1] + raw.w[2] + raw.w[3];
}
"#,
};

pub(super) const PARAMETERS: Kernel = Kernel {
    entry: "parameters",
    sync: SyncMode::None,
    source: r#"
struct Params { u64* out; u64 words[511]; };
MAAR_KERNEL(parameters, Params, p) {
  for (u32 i = m_tid(); i < 511; i += m_bdim()) p.out[i] = p.words[i];
}
"#,
};

pub(super) const ATOMICS: Kernel = Kernel {
    entry: "atomics",
    sync: SyncMode::None,
    source: r#"
struct Params {
  u32* add32; u64* add64; i32* addi32; i64* addi64; f32* addf32; f64* addf64;
  u32* bounds32; u64* bounds64; i32* boundsi32; i64* boundsi64; u32* bits32; u64* bits64; u32* seen;
};
MAAR_KERNEL(atomics, Params, p) {
  u32 row = m_bid() * m_bdim() + m_tid();
  i64 centred = (i64)row - 500;
  u32 place = m_atomic_add(p.add32, 1u);
  p.seen[place] = 1;
  m_atomic_add(p.add64, (u64)row << 32);
  m_atomic_add(p.addi32, (i32)-1);
  m_atomic_add(p.addi64, centred);
  m_atomic_add(p.addf32, 0.5f);
  m_atomic_add(p.addf64, 0.25);
  m_atomic_min(p.bounds32, row);
  m_atomic_max(p.bounds32 + 1, row);
  m_atomic_min(p.bounds64, (u64)row << 33);
  m_atomic_max(p.bounds64 + 1, (u64)row << 33);
  m_atomic_min(p.boundsi32, (i32)centred);
  m_atomic_max(p.boundsi32 + 1, (i32)centred);
  m_atomic_min(p.boundsi64, centred << 33);
  m_atomic_max(p.boundsi64 + 1, centred << 33);
  m_atomic_or(p.bits32, 1u << (row % 32));
  m_atomic_and(p.bits32 + 1, ~(1u << (row % 31)));
  m_atomic_or(p.bits64, (u64)1 << (row % 64));
  m_atomic_and(p.bits64 + 1, ~((u64)1 << (row % 63)));
}
"#,
};

pub(super) const SHARED_ATOMICS: Kernel = Kernel {
    entry: "shared_atomics",
    sync: SyncMode::Block,
    source: r#"
struct Params { u64* counts; u64 groups; };
MAAR_KERNEL(shared_atomics, Params, p) {
  u64* shared = (u64*)m_smem();
  for (u32 g = m_tid(); g < p.groups; g += m_bdim()) shared[g] = 0;
  m_block_sync();
  m_atomic_add(shared + m_tid() % p.groups, (u64)m_tid());
  m_block_sync();
  for (u32 g = m_tid(); g < p.groups; g += m_bdim()) m_atomic_add(p.counts + g, shared[g]);
}
"#,
};

pub(super) const SWAPS: Kernel = Kernel {
    entry: "swaps",
    sync: SyncMode::None,
    source: r#"
struct Params { u64* slots; u64 capacity; u32* winners; u32* last; u64* last64; u32* small; };
// Every thread inserts row / 2 into an open-addressing table: half of them find it there.
MAAR_KERNEL(swaps, Params, p) {
  u32 row = m_bid() * m_bdim() + m_tid();
  u64 key = row / 2 + 1;
  for (u64 at = key * 7 % p.capacity;; at = (at + 1) % p.capacity) {
    u64 old = m_atomic_cas(p.slots + at, (u64)0, key);
    if (old == 0) m_atomic_add(p.winners, 1u);
    if (old == 0 || old == key) break;
  }
  u32 before = m_atomic_exch(p.last, row + 1);
  if (before == row + 1) m_atomic_add(p.winners, 1000000u);
  m_atomic_exch(p.last64, (u64)row + 1);
  m_atomic_cas(p.small, 0u, row + 1);
}
"#,
};

pub(super) const CONTENTION: Kernel = Kernel {
    entry: "contention",
    sync: SyncMode::None,
    source: r#"
struct Params {
  u64 rows; u64 distinct; u64 mask;
  u64* keys; u32* states; u64* words; u64* error; u64* counts; u64* sums;
};
MAAR_KERNEL(contention, Params, p) {
  for (u64 row = (u64)m_bid() * m_bdim() + m_tid(); row < p.rows; row += (u64)m_gdim() * m_bdim()) {
    const u64 key = row % p.distinct;
    const u64 slot = slot_insert(p.keys, p.mask, key, p.error);
    if (slot == kEmptyKey) report_error(p.error, kErrorCapacity, row);
    else SumI64::publish(p.counts + slot, 1);
    const u64 wide[2] = {key, ~key};
    const u64 place = slot_insert_wide(p.states, p.words, p.mask, wide, p.error);
    if (place == kEmptyKey) report_error(p.error, kErrorCapacity, row);
    else SumI128::publish(p.sums + place * 2, ((i128)row << 50) - 1);
  }
}
"#,
};

/// All of them.
pub(super) const KERNELS: &[Kernel] = &[
    INDICES,
    SUM,
    VOTES,
    SHUFFLES,
    BLOCK_SUM,
    REVERSE,
    LOOK_BACK,
    BITS,
    WIDE,
    FLOATS,
    LOADS,
    PARAMETERS,
    ATOMICS,
    SHARED_ATOMICS,
    SWAPS,
    CONTENTION,
];
