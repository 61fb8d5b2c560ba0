// The m_* layer of the emulated device: the names of prelude.cuh's second part, for the host's C++ compiler.
//
// A thread of a block is a fiber. At the top of every fiber's stack slot lies its MaarLane, so that the current thread
// is found from the stack pointer alone. What needs other threads (barriers, warp operations) calls the scheduler in
// device/emulated through MaarLane::calls, with the place in the text for its messages.
// MaarLane, MaarWarp and MaarCalls are mirrored by device/emulated/lane.rs.

#define MAAR_EMULATED 1
#define MAAR_FN static inline
#define MAAR_CALLED static
#define MAAR_ROLLED
#define m_copy_bytes __builtin_memcpy
#define __device__
#define __forceinline__

typedef signed char i8;
typedef unsigned char u8;
typedef short i16;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef __int128 i128;
typedef unsigned __int128 u128;
typedef float f32;
typedef double f64;

struct MaarCalls;
struct MaarLane {
  u32 tid, bid, bdim, gdim;
  u8* smem;
  const MaarCalls* calls;
  void* block;
  u32 fuzz;
};
// What the lanes of a warp gave to one warp operation.
struct MaarWarp {
  u64 slot[32][2];
  u32 ballot;
};
struct MaarSite {
  const char* file;
  u32 line;
};
struct MaarCalls {
  void (*block_sync)(MaarLane*, MaarSite);
  const MaarWarp* (*warp_op)(MaarLane*, u64 lo, u64 hi, u32 predicate, MaarSite);
  void (*spin)(MaarLane*, MaarSite);
  void (*yield_point)(MaarLane*);
  void (*misaligned)(MaarLane*, const void* address, u32 alignment, MaarSite);
};

#define maar_rare(condition) __builtin_expect(!!(condition), 0)
#define MAAR_STACK_SLOT 131072ull
#define MAAR_LANE_BYTES 64ull
// As last parameters: the caller's place. (Compilers take it from the call only where the builtins stand alone.)
#define MAAR_HERE const char *maar_file = __builtin_FILE(), u32 maar_line = __builtin_LINE()
#define MAAR_SITE (MaarSite{maar_file, maar_line})

MAAR_FN MaarLane* maar_lane() {
  u64 sp;
#if defined(__x86_64__)
  __asm__("mov %%rsp, %0" : "=r"(sp));
#else
  __asm__("mov %0, sp" : "=r"(sp));
#endif
  return (MaarLane*)((sp | (MAAR_STACK_SLOT - 1)) + 1 - MAAR_LANE_BYTES);
}

#define MAAR_ENTRY __attribute__((visibility("default")))
#define MAAR_KERNEL(NAME, PARAMS, P)                                                                            \
  static_assert(sizeof(PARAMS) % 8 == 0 && sizeof(PARAMS) <= 4096, "a kernel's parameters are 8-byte words, 4 KB at most"); \
  static void NAME##_body(const PARAMS& P);                                                                     \
  extern "C" { MAAR_ENTRY extern const u64 NAME##_params_bytes; const u64 NAME##_params_bytes = sizeof(PARAMS); } \
  extern "C" MAAR_ENTRY void NAME(const void* maar_params) { NAME##_body(*(const PARAMS*)maar_params); }        \
  static void NAME##_body(const PARAMS& P)

MAAR_FN u32 m_tid() { return maar_lane()->tid; }
MAAR_FN u32 m_bid() { return maar_lane()->bid; }
MAAR_FN u32 m_bdim() { return maar_lane()->bdim; }
MAAR_FN u32 m_gdim() { return maar_lane()->gdim; }
MAAR_FN u32 m_lane() { return maar_lane()->tid & 31u; }
MAAR_FN u32 m_warp() { return maar_lane()->tid >> 5; }
MAAR_FN u8* m_smem() { return maar_lane()->smem; }

MAAR_FN void m_block_sync(MAAR_HERE) {
  MaarLane* lane = maar_lane();
  lane->calls->block_sync(lane, MAAR_SITE);
}
MAAR_FN const MaarWarp* maar_warp_op(u64 lo, u64 hi, bool predicate, MaarSite here) {
  MaarLane* lane = maar_lane();
  return lane->calls->warp_op(lane, lo, hi, predicate ? 1u : 0u, here);
}
MAAR_FN void m_warp_sync(MAAR_HERE) { maar_warp_op(0, 0, false, MAAR_SITE); }
MAAR_FN u32 m_ballot(bool predicate, MAAR_HERE) { return maar_warp_op(0, 0, predicate, MAAR_SITE)->ballot; }
MAAR_FN bool m_any(bool predicate, MAAR_HERE) { return maar_warp_op(0, 0, predicate, MAAR_SITE)->ballot != 0; }
MAAR_FN bool m_all(bool predicate, MAAR_HERE) { return maar_warp_op(0, 0, predicate, MAAR_SITE)->ballot == 0xffffffffu; }

// All lanes give their value; this lane reads that of lane `src`, or its own where `src` is outside the warp.
template <class T> MAAR_FN T maar_exchange(T value, u32 src, MaarSite here) {
  static_assert(sizeof(T) % 4 == 0 && sizeof(T) <= 16, "shuffles move values of 4, 8 or 16 bytes");
  u64 words[2] = {0, 0};
  __builtin_memcpy(words, &value, sizeof(T));
  const MaarWarp* warp = maar_warp_op(words[0], words[1], false, here);
  if (src < 32) __builtin_memcpy(&value, warp->slot[src], sizeof(T));
  return value;
}
template <class T> MAAR_FN T m_shfl(T value, u32 src, MAAR_HERE) { return maar_exchange(value, src & 31u, MAAR_SITE); }
template <class T> MAAR_FN T m_shfl_up(T value, u32 n, MAAR_HERE) { return maar_exchange(value, m_lane() - n, MAAR_SITE); }
template <class T> MAAR_FN T m_shfl_down(T value, u32 n, MAAR_HERE) { return maar_exchange(value, m_lane() + n, MAAR_SITE); }
template <class T> MAAR_FN T m_shfl_xor(T value, u32 n, MAAR_HERE) { return maar_exchange(value, m_lane() ^ n, MAAR_SITE); }

MAAR_FN u32 m_popc(u32 x) { return (u32)__builtin_popcount(x); }
MAAR_FN u32 m_popcll(u64 x) { return (u32)__builtin_popcountll(x); }
MAAR_FN u32 m_ffs(u32 x) { return (u32)__builtin_ffs((int)x); }
MAAR_FN u32 m_clz(u32 x) { return x == 0 ? 32u : (u32)__builtin_clz(x); }
MAAR_FN u32 m_clzll(u64 x) { return x == 0 ? 64u : (u32)__builtin_clzll(x); }
MAAR_FN u64 m_mulhi_u64(u64 a, u64 b) { return (u64)(((u128)a * b) >> 64); }

MAAR_FN f64 m_fmod(f64 a, f64 b) { return __builtin_fmod(a, b); }
MAAR_FN f64 m_sqrt(f64 x) { return __builtin_sqrt(x); }
MAAR_FN f64 m_floor(f64 x) { return __builtin_floor(x); }
MAAR_FN f64 m_ceil(f64 x) { return __builtin_ceil(x); }
MAAR_FN f64 m_trunc(f64 x) { return __builtin_trunc(x); }
MAAR_FN f64 m_round(f64 x) { return __builtin_round(x); }
MAAR_FN f64 m_fabs(f64 x) { return __builtin_fabs(x); }

// An atomic is where another thread may come first: under a seed the scheduler may switch here.
template <class T> MAAR_FN void maar_atomic_point(T* p, MaarSite here) {
  MaarLane* lane = maar_lane();
  if (maar_rare((u64)p % sizeof(T) != 0)) lane->calls->misaligned(lane, p, sizeof(T), here);
  if (maar_rare(lane->fuzz != 0)) lane->calls->yield_point(lane);
}
// The old value of *p, replaced by what `next` makes of it.
template <class T, class Next> MAAR_FN T maar_atomic(T* p, MaarSite here, const Next& next) {
  maar_atomic_point(p, here);
  T old, replacement;
  __atomic_load(p, &old, __ATOMIC_RELAXED);
  do {
    replacement = next(old);
  } while (!__atomic_compare_exchange(p, &old, &replacement, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old;
}
MAAR_FN u32 m_atomic_add(u32* p, u32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u32 old) { return old + v; }); }
MAAR_FN u64 m_atomic_add(u64* p, u64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u64 old) { return old + v; }); }
MAAR_FN i32 m_atomic_add(i32* p, i32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](i32 old) { return (i32)((u32)old + (u32)v); }); }
MAAR_FN i64 m_atomic_add(i64* p, i64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](i64 old) { return (i64)((u64)old + (u64)v); }); }
MAAR_FN f32 m_atomic_add(f32* p, f32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](f32 old) { return old + v; }); }
MAAR_FN f64 m_atomic_add(f64* p, f64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](f64 old) { return old + v; }); }
MAAR_FN u32 m_atomic_min(u32* p, u32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u32 old) { return v < old ? v : old; }); }
MAAR_FN u64 m_atomic_min(u64* p, u64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u64 old) { return v < old ? v : old; }); }
MAAR_FN i32 m_atomic_min(i32* p, i32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](i32 old) { return v < old ? v : old; }); }
MAAR_FN i64 m_atomic_min(i64* p, i64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](i64 old) { return v < old ? v : old; }); }
MAAR_FN u32 m_atomic_max(u32* p, u32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u32 old) { return old < v ? v : old; }); }
MAAR_FN u64 m_atomic_max(u64* p, u64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u64 old) { return old < v ? v : old; }); }
MAAR_FN i32 m_atomic_max(i32* p, i32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](i32 old) { return old < v ? v : old; }); }
MAAR_FN i64 m_atomic_max(i64* p, i64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](i64 old) { return old < v ? v : old; }); }
MAAR_FN u32 m_atomic_or(u32* p, u32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u32 old) { return old | v; }); }
MAAR_FN u64 m_atomic_or(u64* p, u64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u64 old) { return old | v; }); }
MAAR_FN u32 m_atomic_and(u32* p, u32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u32 old) { return old & v; }); }
MAAR_FN u64 m_atomic_and(u64* p, u64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u64 old) { return old & v; }); }
MAAR_FN u32 m_atomic_exch(u32* p, u32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u32 old) { return v; }); }
MAAR_FN u64 m_atomic_exch(u64* p, u64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [v](u64 old) { return v; }); }
MAAR_FN u32 m_atomic_cas(u32* p, u32 expected, u32 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [expected, v](u32 old) { return old == expected ? v : old; }); }
MAAR_FN u64 m_atomic_cas(u64* p, u64 expected, u64 v, MAAR_HERE) { return maar_atomic(p, MAAR_SITE, [expected, v](u64 old) { return old == expected ? v : old; }); }

MAAR_FN u32 m_load_acquire(const u32* p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
MAAR_FN u64 m_load_acquire(const u64* p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
MAAR_FN u64 m_load_relaxed(const u64* p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
MAAR_FN void m_store_release(u32* p, u32 v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
MAAR_FN void m_store_release(u64* p, u64 v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
MAAR_FN void m_fence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
MAAR_FN void m_spin(MAAR_HERE) {
  MaarLane* lane = maar_lane();
  lane->calls->spin(lane, MAAR_SITE);
}

// x86 would load from any address, a GPU traps: so alignment is checked here.
MAAR_FN void maar_check_aligned(const void* p, u32 alignment, MaarSite here) {
  if (maar_rare((u64)p % alignment != 0)) {
    MaarLane* lane = maar_lane();
    lane->calls->misaligned(lane, p, alignment, here);
  }
}
template <class T> MAAR_FN T m_ldg(const T* p, MAAR_HERE) {
  maar_check_aligned(p, alignof(T), MAAR_SITE);
  return *p;
}
template <class T> MAAR_FN const T* m_opaque(const T* p) { return p; }
MAAR_FN u64 m_ld8(const void* p, MAAR_HERE) {
  maar_check_aligned(p, 8, MAAR_SITE);
  return *(const u64*)p;
}
struct alignas(16) m_vec16 {
  u32 w[4];
};
MAAR_FN m_vec16 m_ld16(const void* p, MAAR_HERE) {
  maar_check_aligned(p, 16, MAAR_SITE);
  return *(const m_vec16*)p;
}
