// core_bench arena: small objects that end together, in nanoseconds of the thread's own time for an object, each case
// once. Every subject makes 10,000 objects of 32 bytes, writes one byte of each, and ends them all; `reset` is for
// 1,000 chunks.
#include "arena/arena.h"

#include <obstack.h>

#include <cstdio>
#include <cstdlib>
#include <memory_resource>

#include "bench.h"

#define obstack_chunk_alloc std::malloc
#define obstack_chunk_free std::free

namespace freestone::bench {

namespace {

constexpr size_t kSize = 32;
constexpr uint32_t kObjects = 10'000;

void touch(void* object) { *static_cast<volatile char*>(object) = 1; }

/// `round` makes and ends the objects.
template <typename Round>
void report(const Options& options, const char* name, Round&& round) {
  const uint32_t rounds = options.small ? 200 : 2'000;
  for (uint32_t i = 0; i < 20; ++i) round();
  const double start = cpu_now();
  for (uint32_t i = 0; i < rounds; ++i) round();
  std::printf("%s 1 %.2f\n", name, (cpu_now() - start) / rounds / kObjects);
}

void* get(void* block) {
  if (block == nullptr) std::abort();
  return block;
}

/// A pointer and a limit over chunks of 64 KiB from malloc, which stay: what an arena cannot be faster than.
struct BareBump {
  std::vector<uint8_t*> chunks;
  size_t at = 0;
  uint8_t* cursor = nullptr;
  uint8_t* limit = nullptr;

  ~BareBump() {
    for (uint8_t* const chunk : chunks) std::free(chunk);
  }
  void* allocate(size_t size) {
    if (static_cast<size_t>(limit - cursor) < size) {
      if (at == chunks.size()) chunks.push_back(static_cast<uint8_t*>(std::malloc(64 << 10)));
      cursor = chunks[at++];
      limit = cursor + (64 << 10);
    }
    uint8_t* const block = cursor;
    cursor += size;
    return block;
  }
  void reset() {
    at = 0;
    cursor = limit = nullptr;
  }
};

}  // namespace

void arena(const Options& options) {
  std::vector<void*> objects(kObjects);
  pool::MappedSource source;
  const auto pool = pool::Pool::make({.source = &source}).take();
  pool::PoolSource chunks(pool);
  if (options.wants("arena")) {
    arena::Arena arena;
    if (!arena.init({.source = &chunks}).ok()) std::abort();
    report(options, "arena", [&] {
      for (uint32_t i = 0; i < kObjects; ++i) touch(get(arena.allocate(kSize)));
      arena.reset();
    });
  }
  if (options.wants("pool")) {
    report(options, "pool", [&] {
      for (void*& object : objects) touch(object = pool->allocate(kSize).value());
      for (void* const object : objects) {
        if (!pool->free(object).ok()) std::abort();
      }
    });
  }
  if (options.wants("malloc")) {
    report(options, "malloc", [&] {
      for (void*& object : objects) touch(object = get(std::malloc(kSize)));
      for (void* const object : objects) std::free(object);
    });
  }
  if (options.wants("bump")) {
    BareBump bump;
    report(options, "bump", [&] {
      for (uint32_t i = 0; i < kObjects; ++i) touch(get(bump.allocate(kSize)));
      bump.reset();
    });
  }
  if (options.wants("obstack")) {
    obstack stack;
    obstack_init(&stack);
    obstack_alignment_mask(&stack) = 15;
    obstack_chunk_size(&stack) = 64 << 10;
    void* const first = obstack_alloc(&stack, 1);
    report(options, "obstack", [&] {
      void* const start = obstack_alloc(&stack, 1);
      for (uint32_t i = 0; i < kObjects; ++i) touch(obstack_alloc(&stack, kSize));
      obstack_free(&stack, start);
    });
    obstack_free(&stack, first);
  }
  if (options.wants("monotonic")) {
    std::vector<uint8_t> buffer(2 * kObjects * kSize);
    std::pmr::monotonic_buffer_resource resource(buffer.data(), buffer.size());
    report(options, "monotonic", [&] {
      for (uint32_t i = 0; i < kObjects; ++i) touch(resource.allocate(kSize, 16));
      resource.release();
    });
  }
  if (options.wants("reset")) {
    arena::Arena arena;
    if (!arena.init({.source = &chunks}).ok()) std::abort();
    double time = 0;
    const uint32_t rounds = options.small ? 10 : 100;
    for (uint32_t round = 0; round < rounds; ++round) {
      while (arena.place().chunk == nullptr || arena.total_used() < 992 * (uint64_t{64} << 10)) {
        touch(get(arena.allocate(16 << 10)));
        if (arena.chunk_count() == 1'000) break;
      }
      if (round == 0 && arena.chunk_count() != 1'000) std::abort();
      const double start = wall_now();
      arena.reset();
      time += wall_now() - start;
    }
    std::printf("reset 1 %.2f\n", time / rounds);
  }
}

}  // namespace freestone::bench
