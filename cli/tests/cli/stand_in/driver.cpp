// A stand-in for NVIDIA's driver: the functions that Maar calls, over the host's memory. A stream is a thread that does
// its work late and in order; kernels are libraries for the host (nvrtc.cpp) and run on fibers. It finds calls without a
// current context, wrong launch shapes, memory and objects that are not given back, and can break like a GPU does:
// STAND_IN_FAULT_AT=n makes the n-th launch fault, after which every call fails.
#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "fibers.hpp"

using fibers::u64;
using fibers::u8;

enum Code { kFine = 0, kInvalid = 1, kOutOfMemory = 2, kNoDevice = 101, kBadImage = 200, kNotFound = 500, kNotReady = 600, kIllegalAddress = 700 };

constexpr size_t kMemoryBytes = size_t(4) << 30;
constexpr unsigned kSharedBytes = 232448;

// Never destroyed: threads may still wait for them when the process ends.
static std::mutex& lock = *new std::mutex;
static std::condition_variable& changed = *new std::condition_variable;
static std::map<u64, size_t>& memory = *new std::map<u64, size_t>;
static size_t used = 0;
static std::atomic<int> host_blocks, events, streams, modules, launches, broken;
static thread_local void* current = nullptr;

struct Stream {
  std::deque<std::pair<u64, std::function<void()>>> queue;
  u64 queued = 0, done = 0;
  bool ends = false;
  std::thread thread;
};
struct Event { u64 number = 0; Stream* stream = nullptr; double ms = 0; };
struct Function { fibers::Entry entry; u64 params_bytes; bool shared_set = false; };

static void work(Stream* stream) {
  std::unique_lock<std::mutex> held(lock);
  for (;;) {
    changed.wait(held, [&] { return stream->ends || !stream->queue.empty(); });
    if (stream->queue.empty()) return;
    auto [number, task] = stream->queue.front();
    stream->queue.pop_front();
    held.unlock();
    usleep(rand() % 50);
    if (broken == 0) task();
    held.lock();
    stream->done = number;
    changed.notify_all();
  }
}

static u64 push(void* handle, std::function<void()> task) {
  Stream* stream = static_cast<Stream*>(handle);
  std::lock_guard<std::mutex> held(lock);
  stream->queue.push_back({++stream->queued, std::move(task)});
  changed.notify_all();
  return stream->queued;
}

static void wait(Stream* stream, u64 number) {
  std::unique_lock<std::mutex> held(lock);
  changed.wait(held, [&] { return stream->done >= number; });
}

static double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

#define IN_CONTEXT                                                              \
  if (current == nullptr) {                                                     \
    std::fprintf(stderr, "stand-in: %s without a current context\n", __func__); \
    std::abort();                                                               \
  }                                                                             \
  if (broken != 0) return broken

extern "C" {

int cuInit(unsigned) { return kFine; }
int cuDriverGetVersion(int* version) { return *version = 13000, kFine; }
int cuDeviceGetCount(int* count) { return *count = 1, kFine; }
int cuDeviceGet(int* device, int ordinal) { return *device = 0, ordinal == 0 ? kFine : kNoDevice; }
int cuDeviceGetName(char* name, int bytes, int) { return std::snprintf(name, bytes, "Stand-in GPU"), kFine; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = kMemoryBytes, kFine; }

int cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 75: *value = 9; break;             // compute capability, major
    case 16: *value = 4; break;             // multiprocessors
    case 97: *value = kSharedBytes; break;  // shared memory a block, opted in
    default: *value = 0;
  }
  return kFine;
}

int cuDevicePrimaryCtxRetain(void** context, int) { return *context = &used, kFine; }
int cuDevicePrimaryCtxRelease_v2(int) {
  std::lock_guard<std::mutex> held(lock);
  const bool clean = memory.empty() && host_blocks == 0 && events == 0 && streams == 0 && modules == 0;
  if (!clean && broken == 0)
    std::fprintf(stderr, "stand-in: kept %zu allocations, %d host blocks, %d events, %d streams, %d modules\n", memory.size(),
                 host_blocks.load(), events.load(), streams.load(), modules.load());
  return kFine;
}
int cuCtxSetCurrent(void* context) { return current = context, kFine; }
int cuCtxSynchronize() { IN_CONTEXT; return kFine; }

int cuMemGetInfo_v2(size_t* free, size_t* total) {
  IN_CONTEXT;
  std::lock_guard<std::mutex> held(lock);
  return *total = kMemoryBytes, *free = kMemoryBytes - used, kFine;
}
int cuMemAlloc_v2(u64* address, size_t bytes) {
  IN_CONTEXT;
  std::lock_guard<std::mutex> held(lock);
  if (used + bytes > kMemoryBytes) return kOutOfMemory;
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return kOutOfMemory;
  *address = reinterpret_cast<u64>(mapped);
  memory[*address] = bytes;
  used += bytes;
  return kFine;
}
int cuMemFree_v2(u64 address) {
  IN_CONTEXT;
  std::lock_guard<std::mutex> held(lock);
  auto found = memory.find(address);
  if (found == memory.end()) return kInvalid;
  munmap(reinterpret_cast<void*>(address), found->second);
  used -= found->second;
  memory.erase(found);
  return kFine;
}
int cuMemHostAlloc(void** block, size_t bytes, unsigned) { IN_CONTEXT; return *block = std::malloc(bytes), host_blocks++, kFine; }
int cuMemFreeHost(void* block) { IN_CONTEXT; return std::free(block), host_blocks--, kFine; }

int cuStreamCreate(void** handle, unsigned) {
  IN_CONTEXT;
  Stream* stream = new Stream;
  stream->thread = std::thread(work, stream);
  return *handle = stream, streams++, kFine;
}
int cuStreamDestroy_v2(void* handle) {
  IN_CONTEXT;
  Stream* stream = static_cast<Stream*>(handle);
  {
    std::lock_guard<std::mutex> held(lock);
    if (!stream->queue.empty()) std::fprintf(stderr, "stand-in: a stream with work in it was destroyed\n");
    stream->ends = true;
    changed.notify_all();
  }
  stream->thread.join();
  // Not freed: events that were recorded in it may still be asked about.
  return streams--, kFine;
}
int cuStreamSynchronize(void* handle) {
  IN_CONTEXT;
  Stream* stream = static_cast<Stream*>(handle);
  u64 queued;
  {
    std::lock_guard<std::mutex> held(lock);
    queued = stream->queued;
  }
  wait(stream, queued);
  return broken;
}

int cuEventCreate(void** handle, unsigned) { IN_CONTEXT; return *handle = new Event, events++, kFine; }
// Not freed: a record of it may still be queued, as the driver allows.
int cuEventDestroy_v2(void*) { IN_CONTEXT; return events--, kFine; }
int cuEventRecord(void* handle, void* stream) {
  IN_CONTEXT;
  Event* event = static_cast<Event*>(handle);
  event->number = push(stream, [event] { event->ms = now_ms(); });
  return event->stream = static_cast<Stream*>(stream), kFine;
}
int cuEventSynchronize(void* handle) {
  IN_CONTEXT;
  Event* event = static_cast<Event*>(handle);
  if (event->stream != nullptr) wait(event->stream, event->number);
  return broken;
}
int cuEventQuery(void* handle) {
  IN_CONTEXT;
  Event* event = static_cast<Event*>(handle);
  std::lock_guard<std::mutex> held(lock);
  return event->stream == nullptr || event->stream->done >= event->number ? kFine : kNotReady;
}
int cuEventElapsedTime(float* ms, void* from, void* to) {
  IN_CONTEXT;
  return *ms = float(static_cast<Event*>(to)->ms - static_cast<Event*>(from)->ms), kFine;
}

int cuMemcpyHtoDAsync_v2(u64 to, const void* from, size_t bytes, void* stream) {
  IN_CONTEXT;
  return push(stream, [=] { std::memcpy(reinterpret_cast<void*>(to), from, bytes); }), kFine;
}
int cuMemcpyDtoHAsync_v2(void* to, u64 from, size_t bytes, void* stream) {
  IN_CONTEXT;
  return push(stream, [=] { std::memcpy(to, reinterpret_cast<void*>(from), bytes); }), kFine;
}
int cuMemcpyDtoDAsync_v2(u64 to, u64 from, size_t bytes, void* stream) {
  IN_CONTEXT;
  return push(stream, [=] { std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes); }), kFine;
}
int cuMemsetD8Async(u64 to, u8 value, size_t bytes, void* stream) {
  IN_CONTEXT;
  return push(stream, [=] { std::memset(reinterpret_cast<void*>(to), value, bytes); }), kFine;
}

int cuModuleLoadData(void** module, const void* image) {
  IN_CONTEXT;
  const auto* header = static_cast<const Elf64_Ehdr*>(image);
  if (std::memcmp(image, ELFMAG, SELFMAG) != 0) return kBadImage;
  const size_t bytes = header->e_shoff + size_t(header->e_shnum) * header->e_shentsize;
  char path[] = "/tmp/maar-stand-in-XXXXXX";
  const int file = mkstemp(path);
  const bool written = file >= 0 && write(file, image, bytes) == ssize_t(bytes);
  close(file);
  *module = written ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  unlink(path);
  return *module == nullptr ? kBadImage : (modules++, kFine);
}
int cuModuleUnload(void* module) { IN_CONTEXT; return dlclose(module), modules--, kFine; }
int cuModuleGetFunction(void** function, void* module, const char* name) {
  IN_CONTEXT;
  void* entry = dlsym(module, name);
  void* bytes = dlsym(module, (std::string(name) + "_params_bytes").c_str());
  if (entry == nullptr || bytes == nullptr) return kNotFound;
  *function = new Function{reinterpret_cast<fibers::Entry>(entry), *static_cast<u64*>(bytes)};
  return kFine;
}
int cuFuncSetAttribute(void* function, int attribute, int value) {
  IN_CONTEXT;
  if (attribute != 8 || value != int(kSharedBytes)) return kInvalid;
  return static_cast<Function*>(function)->shared_set = true, kFine;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void*, int, size_t shared_bytes) {
  return *blocks = shared_bytes > kSharedBytes / 2 ? 1 : 2, kFine;
}

int cuLaunchKernel(void* handle, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned threads_y, unsigned threads_z,
                   unsigned shared_bytes, void* stream, void** params, void** extra) {
  IN_CONTEXT;
  const Function* function = static_cast<Function*>(handle);
  const bool flat = y == 1 && z == 1 && threads_y == 1 && threads_z == 1 && extra == nullptr;
  if (!flat || x == 0 || threads == 0 || threads > 256 || threads % 32 != 0) return kInvalid;
  if (shared_bytes > (function->shared_set ? kSharedBytes : 48u << 10)) return kInvalid;
  const char* fault = std::getenv("STAND_IN_FAULT_AT");
  if (fault != nullptr && ++launches == std::atoi(fault)) return push(stream, [] { broken = kIllegalAddress; }), kFine;
  const u8* block = static_cast<const u8*>(params[0]);
  std::vector<u8> copy(block, block + function->params_bytes);
  push(stream, [=, entry = function->entry] { fibers::run(entry, copy, x, threads, shared_bytes); });
  return kFine;
}

int cuGetErrorName(int code, const char** name) {
  *name = code == kIllegalAddress ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_OF_THE_STAND_IN";
  return kFine;
}
int cuGetErrorString(int, const char** text) { return *text = "said by the stand-in", kFine; }

}  // extern "C"
