// The m_* layer: the types and primitives all device source is written with, so that one source runs on both devices.
//
// Part 1 holds for both devices. Part 2 is the GPU's layer: thin wrappers over intrinsics and a little inline PTX; the
// emulated device has the same names in shim.h. No standard headers: they would be nine tenths of the compile time.
//
// Warp operations take the full mask and need warp-uniform control flow: all 32 lanes of a warp call the same one.
// m_block_sync needs all threads of the block. The emulated device turns a breach into an error naming both lines.

// ---- Part 1: both devices -------------------------------------------------------------------------------------------

#ifndef MAAR_EMULATED
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
#define MAAR_FN static __device__ __forceinline__
// For what runs once a block, or is long: a call costs nothing there, and a hundred copies of it take a minute to compile.
#define MAAR_CALLED static __device__ __noinline__
#define m_copy_bytes memcpy
// In front of a loop that runs once a block, or whose body is long: copies of the body gain nothing and take a third of
// the compile time.
#define MAAR_ROLLED _Pragma("unroll 1")
#endif

// Threads of a block: launches ask for this many or fewer, always a multiple of 32.
#define MAAR_BLOCK_THREADS 256
// Blocks that must fit on a multiprocessor together: caps registers at 128 a thread.
#ifndef MAAR_MIN_BLOCKS
#define MAAR_MIN_BLOCKS 2
#endif

template <class T> MAAR_FN constexpr T m_min(T a, T b) { return b < a ? b : a; }
template <class T> MAAR_FN constexpr T m_max(T a, T b) { return a < b ? b : a; }

// The bytes of `from` read as a To of the same size.
template <class To, class From> MAAR_FN To m_bitcast(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "m_bitcast needs types of one size");
  To to;
  m_copy_bytes(&to, &from, sizeof(To));
  return to;
}

#define m_unlikely(condition) __builtin_expect(!!(condition), 0)

// ---- Part 2: the GPU's layer ----------------------------------------------------------------------------------------

#ifndef MAAR_EMULATED

// An entry point. PARAMS is a struct of 8-byte words, passed by value; P its name inside the body that follows.
#define MAAR_KERNEL(NAME, PARAMS, P)                                                                            \
  static_assert(sizeof(PARAMS) % 8 == 0 && sizeof(PARAMS) <= 4096, "a kernel's parameters are 8-byte words, 4 KB at most"); \
  extern "C" __global__ void __launch_bounds__(MAAR_BLOCK_THREADS, MAAR_MIN_BLOCKS) NAME(const __grid_constant__ PARAMS P)

// Sixteen bytes as one register quadruple: what m_ld16 returns.
struct alignas(16) m_vec16 { u32 w[4]; };

#define MAAR_ALL_LANES 0xffffffffu

MAAR_FN u32 m_tid() { return threadIdx.x; }
MAAR_FN u32 m_bid() { return blockIdx.x; }
MAAR_FN u32 m_bdim() { return blockDim.x; }
MAAR_FN u32 m_gdim() { return gridDim.x; }
MAAR_FN u32 m_lane() { return threadIdx.x & 31u; }
MAAR_FN u32 m_warp() { return threadIdx.x >> 5; }

// The block's one shared buffer, 16-byte aligned; its size is the launch's.
MAAR_FN u8* m_smem() {
  extern __shared__ __align__(16) unsigned char maar_shared_bytes[];
  return maar_shared_bytes;
}

MAAR_FN void m_block_sync() { __syncthreads(); }
MAAR_FN void m_warp_sync() { __syncwarp(MAAR_ALL_LANES); }
MAAR_FN u32 m_ballot(bool predicate) { return __ballot_sync(MAAR_ALL_LANES, predicate); }
MAAR_FN bool m_any(bool predicate) { return __any_sync(MAAR_ALL_LANES, predicate) != 0; }
MAAR_FN bool m_all(bool predicate) { return __all_sync(MAAR_ALL_LANES, predicate) != 0; }

// Shuffles move 4-byte words: a value of 8 or 16 bytes is two or four of them. Lanes are counted modulo 32; a lane
// whose source is outside the warp (up, down) gets its own value back.
struct m_shuffle_index { u32 src; u32 operator()(u32 word) const { return __shfl_sync(MAAR_ALL_LANES, word, (int)src); } };
struct m_shuffle_up { u32 n; u32 operator()(u32 word) const { return __shfl_up_sync(MAAR_ALL_LANES, word, n); } };
struct m_shuffle_down { u32 n; u32 operator()(u32 word) const { return __shfl_down_sync(MAAR_ALL_LANES, word, n); } };
struct m_shuffle_xor { u32 n; u32 operator()(u32 word) const { return __shfl_xor_sync(MAAR_ALL_LANES, word, (int)n); } };

template <u32 N> struct m_words { u32 w[N]; };

template <class T, class Move> MAAR_FN T m_shuffle_words(T value, const Move& move) {
  static_assert(sizeof(T) % 4 == 0 && sizeof(T) <= 16, "shuffles move values of 4, 8 or 16 bytes");
  typedef m_words<sizeof(T) / 4> words;
  words moved = m_bitcast<words>(value);
#pragma unroll
  for (u32 i = 0; i < sizeof(T) / 4; i++) moved.w[i] = move(moved.w[i]);
  return m_bitcast<T>(moved);
}
template <class T> MAAR_FN T m_shfl(T value, u32 src) { return m_shuffle_words(value, m_shuffle_index{src}); }
template <class T> MAAR_FN T m_shfl_up(T value, u32 n) { return m_shuffle_words(value, m_shuffle_up{n}); }
template <class T> MAAR_FN T m_shfl_down(T value, u32 n) { return m_shuffle_words(value, m_shuffle_down{n}); }
template <class T> MAAR_FN T m_shfl_xor(T value, u32 n) { return m_shuffle_words(value, m_shuffle_xor{n}); }

// Bit counts. m_ffs counts from 1 and is 0 of 0; m_clz of 0 is the width.
MAAR_FN u32 m_popc(u32 x) { return (u32)__popc(x); }
MAAR_FN u32 m_popcll(u64 x) { return (u32)__popcll(x); }
MAAR_FN u32 m_ffs(u32 x) { return (u32)__ffs((int)x); }
MAAR_FN u32 m_clz(u32 x) { return (u32)__clz((int)x); }
MAAR_FN u32 m_clzll(u64 x) { return (u32)__clzll((i64)x); }
MAAR_FN u64 m_mulhi_u64(u64 a, u64 b) { return __umul64hi(a, b); }

// Floats, as IEEE 754 has them: exact on both devices. m_round rounds half away from zero.
MAAR_FN f64 m_fmod(f64 a, f64 b) { return fmod(a, b); }
MAAR_FN f64 m_sqrt(f64 x) { return sqrt(x); }
MAAR_FN f64 m_floor(f64 x) { return floor(x); }
MAAR_FN f64 m_ceil(f64 x) { return ceil(x); }
MAAR_FN f64 m_trunc(f64 x) { return trunc(x); }
MAAR_FN f64 m_round(f64 x) { return round(x); }
MAAR_FN f64 m_fabs(f64 x) { return fabs(x); }

// Atomics: relaxed, device scope, on global or shared memory. Each returns the old value.
MAAR_FN u32 m_atomic_add(u32* p, u32 v) { return atomicAdd(p, v); }
MAAR_FN u64 m_atomic_add(u64* p, u64 v) { return atomicAdd(p, v); }
MAAR_FN i32 m_atomic_add(i32* p, i32 v) { return atomicAdd(p, v); }
MAAR_FN i64 m_atomic_add(i64* p, i64 v) { return (i64)atomicAdd((u64*)p, (u64)v); }
MAAR_FN f32 m_atomic_add(f32* p, f32 v) { return atomicAdd(p, v); }
MAAR_FN f64 m_atomic_add(f64* p, f64 v) { return atomicAdd(p, v); }
MAAR_FN u32 m_atomic_min(u32* p, u32 v) { return atomicMin(p, v); }
MAAR_FN u64 m_atomic_min(u64* p, u64 v) { return atomicMin(p, v); }
MAAR_FN i32 m_atomic_min(i32* p, i32 v) { return atomicMin(p, v); }
MAAR_FN i64 m_atomic_min(i64* p, i64 v) { return atomicMin(p, v); }
MAAR_FN u32 m_atomic_max(u32* p, u32 v) { return atomicMax(p, v); }
MAAR_FN u64 m_atomic_max(u64* p, u64 v) { return atomicMax(p, v); }
MAAR_FN i32 m_atomic_max(i32* p, i32 v) { return atomicMax(p, v); }
MAAR_FN i64 m_atomic_max(i64* p, i64 v) { return atomicMax(p, v); }
MAAR_FN u32 m_atomic_or(u32* p, u32 v) { return atomicOr(p, v); }
MAAR_FN u64 m_atomic_or(u64* p, u64 v) { return atomicOr(p, v); }
MAAR_FN u32 m_atomic_and(u32* p, u32 v) { return atomicAnd(p, v); }
MAAR_FN u64 m_atomic_and(u64* p, u64 v) { return atomicAnd(p, v); }
MAAR_FN u32 m_atomic_cas(u32* p, u32 expected, u32 v) { return atomicCAS(p, expected, v); }
MAAR_FN u64 m_atomic_cas(u64* p, u64 expected, u64 v) { return atomicCAS(p, expected, v); }
MAAR_FN u32 m_atomic_exch(u32* p, u32 v) { return atomicExch(p, v); }
MAAR_FN u64 m_atomic_exch(u64* p, u64 v) { return atomicExch(p, v); }

// Flags between blocks: what was written before the release is seen after the acquire that reads it.
MAAR_FN u32 m_load_acquire(const u32* p) {
  u32 v;
  asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
MAAR_FN u64 m_load_acquire(const u64* p) {
  u64 v;
  asm volatile("ld.acquire.gpu.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
  return v;
}
// What some thread wrote there, now or before: for words that others change while this kernel runs.
MAAR_FN u64 m_load_relaxed(const u64* p) {
  u64 v;
  asm volatile("ld.relaxed.gpu.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
  return v;
}
MAAR_FN void m_store_release(u32* p, u32 v) { asm volatile("st.release.gpu.u32 [%0], %1;" : : "l"(p), "r"(v) : "memory"); }
MAAR_FN void m_store_release(u64* p, u64 v) { asm volatile("st.release.gpu.u64 [%0], %1;" : : "l"(p), "l"(v) : "memory"); }
MAAR_FN void m_fence() { __threadfence(); }
// Belongs in the body of every loop that waits for another thread.
MAAR_FN void m_spin() { __nanosleep(40); }

// Read-only loads: the memory is global, and no thread of the running kernel writes it.
template <class T> MAAR_FN T m_ldg(const T* p) { return __ldg(p); }
MAAR_FN i128 m_ldg(const i128* p) { return m_bitcast<i128>(__ldg((const uint4*)p)); }
MAAR_FN u128 m_ldg(const u128* p) { return m_bitcast<u128>(__ldg((const uint4*)p)); }
// Sixteen bytes, p aligned to 16.
MAAR_FN m_vec16 m_ld16(const void* p) { return m_bitcast<m_vec16>(__ldg((const uint4*)p)); }
MAAR_FN u64 m_ld8(const void* p) { return __ldg((const u64*)p); }

// The same pointer, of which the compiler knows nothing: what is read through it in a loop is read there, and not
// before the loop into registers that are too few.
template <class T> MAAR_FN const T* m_opaque(const T* p) {
  asm volatile("" : "+l"(p));
  return p;
}

#endif  // MAAR_EMULATED

// Eight consecutive values by 16-byte loads (one 8-byte load where a value is one byte). p is aligned to 8 * sizeof(T),
// or to 16 where that is more.
template <class T> MAAR_FN void m_load8(T (&out)[8], const T* p) {
  if constexpr (sizeof(T) == 1) {
    u64 raw = m_ld8(p);
    m_copy_bytes(out, &raw, 8);
  } else {
#pragma unroll
    for (u32 i = 0; i < sizeof(T) / 2; i++) {
      m_vec16 raw = m_ld16((const u8*)p + 16 * i);
      m_copy_bytes((u8*)out + 16 * i, &raw, 16);
    }
  }
}
