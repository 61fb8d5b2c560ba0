// Runs a kernel that was compiled for the host against shim.h: blocks one after another, the threads of a block as
// fibers in order. No checks: those are the emulated device's.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace fibers {

using u8 = unsigned char;
using u32 = unsigned;
using u64 = unsigned long long;

// As shim.h declares them.
struct Site { const char* file; u32 line; };
struct Lane;
struct Warp { u64 slot[32][2]; u32 ballot; };
struct Calls {
  void (*block_sync)(Lane*, Site);
  const Warp* (*warp_op)(Lane*, u64 lo, u64 hi, u32 predicate, Site);
  void (*spin)(Lane*, Site);
  void (*yield_point)(Lane*);
  void (*misaligned)(Lane*, const void* address, u32 alignment, Site);
};
struct Lane { u32 tid, bid, bdim, gdim; u8* smem; const Calls* calls; void* block; u32 fuzz; };
constexpr size_t kStackSlot = 131072, kLaneBytes = 64;

using Entry = void (*)(const void* params);

struct Fiber { ucontext_t context; bool alive = false; };
struct WarpState { Warp operations[2]; u64 turn = 0; u32 arrived = 0; };

struct Block {
  ucontext_t scheduler;
  std::vector<Fiber> fibers = std::vector<Fiber>(256);
  std::vector<WarpState> warps;
  u32 alive = 0, arrived = 0, now = 0;
  u64 turn = 0;
  Entry entry = nullptr;
  const void* params = nullptr;
  u8* stacks = nullptr;
};

inline thread_local Block* running = nullptr;

inline void yield() {
  Block* block = running;
  swapcontext(&block->fibers[block->now].context, &block->scheduler);
}

inline void block_sync(Lane*, Site) {
  Block* block = running;
  const u64 turn = block->turn;
  if (++block->arrived == block->alive) { block->arrived = 0; block->turn++; }
  while (block->turn == turn) yield();
}

inline const Warp* warp_op(Lane* lane, u64 lo, u64 hi, u32 predicate, Site) {
  WarpState& warp = running->warps[lane->tid / 32];
  const u64 turn = warp.turn;
  Warp& operation = warp.operations[turn & 1];
  const u32 at = lane->tid & 31;
  if (warp.arrived == 0) operation.ballot = 0;
  operation.slot[at][0] = lo;
  operation.slot[at][1] = hi;
  if (predicate != 0) operation.ballot |= 1u << at;
  if (++warp.arrived == 32) { warp.arrived = 0; warp.turn++; }
  while (warp.turn == turn) yield();
  return &operation;
}

inline void spin(Lane*, Site) { yield(); }
inline void yield_point(Lane*) {}
inline void misaligned(Lane*, const void* address, u32 alignment, Site site) {
  std::fprintf(stderr, "stand-in: %p is not aligned to %u at %s:%u\n", address, alignment, site.file, site.line);
  std::abort();
}
inline const Calls kCalls = {block_sync, warp_op, spin, yield_point, misaligned};

inline void trampoline() {
  Block* block = running;
  const u32 me = block->now;
  block->entry(block->params);
  block->fibers[me].alive = false;
  block->alive--;
  swapcontext(&block->fibers[me].context, &block->scheduler);
}

inline Block* own_block() {
  static thread_local Block* block = nullptr;
  if (block == nullptr) {
    block = new Block;
    // One slot more than there are threads, to begin at a multiple of a slot.
    void* memory = mmap(nullptr, kStackSlot * 257, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    block->stacks = reinterpret_cast<u8*>((reinterpret_cast<u64>(memory) + kStackSlot - 1) / kStackSlot * kStackSlot);
  }
  return block;
}

// `params` is a copy of the kernel's parameter struct.
inline void run(Entry entry, const std::vector<u8>& params, u32 blocks, u32 threads, u32 shared_bytes) {
  Block* block = running = own_block();
  block->entry = entry;
  block->params = params.data();
  std::vector<u8> shared(shared_bytes + 16);
  u8* smem = reinterpret_cast<u8*>((reinterpret_cast<u64>(shared.data()) + 15) / 16 * 16);
  for (u32 bid = 0; bid < blocks; bid++) {
    std::memset(shared.data(), 0xA5, shared.size());
    block->warps.assign(threads / 32, WarpState());
    block->alive = threads;
    block->arrived = 0;
    for (u32 tid = 0; tid < threads; tid++) {
      Fiber& fiber = block->fibers[tid];
      u8* stack = block->stacks + kStackSlot * tid;
      *reinterpret_cast<Lane*>(stack + kStackSlot - kLaneBytes) = Lane{tid, bid, threads, blocks, smem, &kCalls, block, 0};
      getcontext(&fiber.context);
      fiber.context.uc_stack.ss_sp = stack;
      fiber.context.uc_stack.ss_size = kStackSlot - 2 * kLaneBytes;
      fiber.context.uc_link = nullptr;
      fiber.alive = true;
      makecontext(&fiber.context, trampoline, 0);
    }
    while (block->alive != 0) {
      for (u32 tid = 0; tid < threads; tid++) {
        if (!block->fibers[tid].alive) continue;
        block->now = tid;
        swapcontext(&block->scheduler, &block->fibers[tid].context);
      }
    }
  }
}

}  // namespace fibers
