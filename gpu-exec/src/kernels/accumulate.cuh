// Aggregate state: one operation a kind, in three places: a thread's register, a thread's own column of shared
// memory, and global memory shared by all. Integers are exact in any order. A kind is a type with
//   State       what it holds (i64, i128 or f64)
//   kWords      words of 8 bytes that a state takes in global memory
//   identity()  the state of no row
//   merge(a, b) the state of both
//   publish(p, s) merges a state into global memory, atomically

struct SumI64 {
  using State = i64;
  static constexpr u32 kWords = 1;
  static __device__ State identity() { return 0; }
  static __device__ State merge(State a, State b) { return a + b; }
  static __device__ void publish(u64* p, State s) {
    if (s != 0) m_atomic_add(reinterpret_cast<i64*>(p), s);
  }
};

// Two words a group: low, high. The carry travels with the high word's addition.
struct SumI128 {
  using State = i128;
  static constexpr u32 kWords = 2;
  static __device__ State identity() { return 0; }
  static __device__ State merge(State a, State b) { return static_cast<i128>(static_cast<u128>(a) + static_cast<u128>(b)); }
  static __device__ void publish(u64* p, State s) {
    const u64 low = static_cast<u64>(s);
    const u64 before = m_atomic_add(p, low);
    const u64 high = static_cast<u64>(static_cast<u128>(s) >> 64) + (before + low < low ? 1 : 0);
    if (high != 0) m_atomic_add(p + 1, high);
  }
};

struct SumF64 {
  using State = f64;
  static constexpr u32 kWords = 1;
  static __device__ State identity() { return 0.0; }
  static __device__ State merge(State a, State b) { return a + b; }
  static __device__ void publish(u64* p, State s) { m_atomic_add(reinterpret_cast<f64*>(p), s); }
};

struct MinI64 {
  using State = i64;
  static constexpr u32 kWords = 1;
  static __device__ State identity() { return kI64Max; }
  static __device__ State merge(State a, State b) { return m_min(a, b); }
  static __device__ void publish(u64* p, State s) { m_atomic_min(reinterpret_cast<i64*>(p), s); }
};

struct MaxI64 {
  using State = i64;
  static constexpr u32 kWords = 1;
  static __device__ State identity() { return kI64Min; }
  static __device__ State merge(State a, State b) { return m_max(a, b); }
  static __device__ void publish(u64* p, State s) { m_atomic_max(reinterpret_cast<i64*>(p), s); }
};

// Three words a group: low, high, and a lock, 0 where nobody has it. 128 bits are more than an atomic takes.
// Most rows need no lock. Who changes a state writes the low word first, and states move one way only: so a high word and
// the low word that is read after it either are of one state, or a later state goes further than their pair says. What the
// pair rules out is ruled out. The loop's body holds all that is done under the lock, as lanes of a warp wait for each other.
template <bool IS_MAX>
struct ExtremeI128 {
  using State = i128;
  static constexpr u32 kWords = 3;
  static __device__ State identity() { return make_i128(IS_MAX ? kI64Min : kI64Max, IS_MAX ? 0 : ~0ull); }
  static __device__ State merge(State a, State b) { return IS_MAX ? m_max(a, b) : m_min(a, b); }
  static __device__ void publish(u64* p, State s) {
    for (bool done = false; !done;) {
      const i64 seen_high = static_cast<i64>(m_load_acquire(p + 1));
      const State seen = make_i128(seen_high, m_load_relaxed(p));
      if (merge(seen, s) == seen) {
        done = true;
      } else if (m_atomic_cas(p + 2, 0ull, 1ull) == 0) {
        m_fence();
        const State known = make_i128(static_cast<i64>(m_load_relaxed(p + 1)), m_load_relaxed(p));
        if (merge(known, s) != known) {
          m_store_release(p, static_cast<u64>(s));
          m_store_release(p + 1, static_cast<u64>(s >> 64));
        }
        m_fence();
        m_atomic_exch(p + 2, 0ull);
        done = true;
      } else {
        m_spin();
      }
    }
  }
};
using MinI128 = ExtremeI128<false>;
using MaxI128 = ExtremeI128<true>;

MAAR_FN i128 read_i128(const u64* p) { return make_i128(static_cast<i64>(p[1]), p[0]); }

// Merges a register state over the block and publishes it once. All threads call it; `shared` holds 32 states.
template <typename Kind>
MAAR_CALLED void block_publish(typename Kind::State state, u64* p, u8* shared) {
  using State = typename Kind::State;
  State* warps = reinterpret_cast<State*>(shared);
  MAAR_ROLLED for (u32 step = 16; step > 0; step /= 2) state = Kind::merge(state, m_shfl_xor(state, step));
  m_block_sync();
  if (m_lane() == 0) warps[m_warp()] = state;
  m_block_sync();
  if (m_tid() == 0) {
    MAAR_ROLLED for (u32 w = 1; w < m_bdim() / 32; w++) state = Kind::merge(state, warps[w]);
    Kind::publish(p, state);
  }
}

// Publishes what the threads of a block keep for each group: a warp takes every (threads / 32)th group.
template <typename State, typename Global>
MAAR_CALLED void publish_states(const State* states, u64 groups, u64* p) {
  const u32 warps = m_bdim() / 32;
  const u64 words = Global::kWords;
  MAAR_ROLLED for (u64 g = m_warp(); g < (groups + warps - 1) / warps * warps; g += warps) {
    typename Global::State sum = Global::identity();
    if (g < groups) {
      MAAR_ROLLED for (u32 t = m_lane(); t < m_bdim(); t += 32) sum = Global::merge(sum, states[g * m_bdim() + t]);
    }
    MAAR_ROLLED for (u32 step = 16; step > 0; step /= 2) sum = Global::merge(sum, m_shfl_xor(sum, step));
    if (g < groups && m_lane() == 0) Global::publish(p + g * words, sum);
  }
}

// Private states: group g of thread t at shared[g * threads + t], so that no two threads meet and lanes of a warp
// touch consecutive words.
template <typename Kind>
struct PrivateStates {
  using State = typename Kind::State;
  State* states;
  __device__ PrivateStates(u8* shared, u64 groups) : states(reinterpret_cast<State*>(shared)) {
    MAAR_ROLLED for (u64 g = 0; g < groups; g++) states[g * m_bdim() + m_tid()] = Kind::identity();
  }
  __device__ void merge(u64 group, State s) {
    State& mine = states[static_cast<u32>(group) * m_bdim() + m_tid()];
    mine = Kind::merge(mine, s);
  }
  // After a block barrier.
  template <typename Global>
  __device__ void publish(u64 groups, u64* p) const {
    publish_states<State, Global>(states, groups, p);
  }
};
