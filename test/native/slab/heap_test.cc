#include "slab/heap.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "support.h"

namespace freestone::slab {

namespace {

/// A size as programs ask for them: mostly small, some large.
size_t random_size(std::mt19937_64& random) {
  const uint64_t kind = random() % 100;
  if (kind < 60) return 1 + random() % 512;
  if (kind < 85) return 1 + random() % 8192;
  if (kind < 98) return 1 + random() % kMaxUnit;
  return kMaxUnit + 1 + random() % (2 * kMiB);
}

struct Block {
  size_t size;
  uint8_t mark;
};

/// Whether the first and last bytes of a block are its mark.
bool is_marked(const uint8_t* address, const Block& block) {
  const size_t checked = std::min<size_t>(block.size, 64);
  for (size_t i = 0; i < checked; ++i) {
    if (address[i] != block.mark || address[block.size - 1 - i] != block.mark) return false;
  }
  return true;
}

void mark(uint8_t* address, const Block& block) {
  const size_t marked = std::min<size_t>(block.size, 64);
  std::memset(address, block.mark, marked);
  std::memset(address + block.size - marked, block.mark, marked);
}

/// Random steps against a map of what is live: no two blocks meet, contents stay, sizes and alignments hold.
void compare_with_model(const Config& config, uint64_t seed, uint64_t count) {
  const auto space = make_space();
  const auto heap = make_heap(space, config);
  std::mt19937_64 random(seed);
  std::map<uint8_t*, Block> live;
  const auto insert = [&](void* pointer, size_t size) {
    auto* const address = static_cast<uint8_t*>(pointer);
    const auto after = live.lower_bound(address);
    if (after != live.end()) REQUIRE(address + size <= after->first);
    if (after != live.begin()) REQUIRE(std::prev(after)->first + std::prev(after)->second.size <= address);
    const Block block{size, static_cast<uint8_t>(random())};
    mark(address, block);
    live[address] = block;
  };
  const auto any = [&] {
    auto found = live.lower_bound(live.begin()->first + random() % (live.rbegin()->first - live.begin()->first + 1));
    return found == live.end() ? live.begin() : found;
  };
  for (uint64_t step = 0; step < count; ++step) {
    const uint64_t kind = random() % 100;
    if (live.empty() || kind < 45) {
      const size_t size = random_size(random);
      if (kind < 5) {
        const size_t alignment = size_t{1} << (random() % 21);
        const auto block = heap->alloc_aligned(size, alignment);
        REQUIRE(block.ok());
        REQUIRE(reinterpret_cast<uintptr_t>(block.value()) % alignment == 0);
        insert(block.value(), size);
      } else if (kind < 10) {
        const auto block = heap->calloc(size);
        REQUIRE(block.ok());
        const auto* const bytes = static_cast<const uint8_t*>(block.value());
        REQUIRE(std::all_of(bytes, bytes + size, [](uint8_t byte) { return byte == 0; }));
        insert(block.value(), size);
      } else {
        const auto block = heap->alloc(size);
        REQUIRE(block.ok());
        insert(block.value(), size);
      }
    } else if (kind < 55) {
      const auto found = any();
      const auto [address, block] = *found;
      const size_t size = random_size(random);
      const auto moved = heap->realloc(address, size);
      REQUIRE(moved.ok());
      live.erase(found);
      const Block rest{std::min<size_t>({size, block.size, 64}), block.mark};
      const auto* const bytes = static_cast<const uint8_t*>(moved.value());
      REQUIRE(std::all_of(bytes, bytes + rest.size, [&](uint8_t byte) { return byte == rest.mark; }));
      insert(moved.value(), size);
    } else {
      const auto found = any();
      REQUIRE(is_marked(found->first, found->second));
      REQUIRE(heap->usable_size(found->first).value() >= found->second.size);
      REQUIRE(heap->free(found->first).ok());
      live.erase(found);
    }
    if (step % 256 == 0) REQUIRE(heap->validate().ok());
    if (step % 1000 == 999) (void)heap->trim();
    if (step % 5000 == 4999) {
      heap->free_all();
      live.clear();
    }
  }
  struct Met {
    const std::map<uint8_t*, Block>* live;
    size_t count = 0;
    size_t strangers = 0;
  } met{&live};
  heap->walk(
      [](void* context, uint8_t* address, uint64_t) noexcept {
        auto& seen = *static_cast<Met*>(context);
        ++seen.count;
        seen.strangers += seen.live->count(address) == 0 ? 1 : 0;
      },
      &met);
  CHECK(met.count == live.size());
  CHECK(met.strangers == 0);
  for (const auto& [address, block] : live) REQUIRE(heap->free(address).ok());
  CHECK(heap->validate().ok());
  (void)heap->trim();
  const Stats stats = heap->stats();
  CHECK(stats.allocated == 0);
  CHECK(stats.committed == 0);
}

}  // namespace

TEST_CASE("a heap agrees with a map of what is live, step by step") {
  for (uint64_t seed = 1; seed <= 3; ++seed) compare_with_model({}, seed, steps(20000));
}

TEST_CASE("a heap for one thread agrees with the same map") {
  compare_with_model({.thread_safe = false, .dedicated = true}, 11, steps(20000));
}

TEST_CASE("a heap in debug mode agrees with the same map") { compare_with_model({.debug = true}, 21, steps(10000)); }

TEST_CASE("blocks of every class lie inside segments, apart, and at multiples of what their size allows") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  for (const ClassInfo& info : kClassTable) {
    std::vector<uint8_t*> blocks;
    // One more than a segment holds.
    for (uint32_t i = 0; i <= info.units; ++i) {
      blocks.push_back(get(*heap, info.size));
      REQUIRE(reinterpret_cast<uintptr_t>(blocks.back()) % (info.size & (0 - info.size)) == 0);
      REQUIRE(heap->usable_size(blocks.back()).value() == info.size);
    }
    std::sort(blocks.begin(), blocks.end());
    for (size_t i = 1; i < blocks.size(); ++i) REQUIRE(blocks[i] - blocks[i - 1] >= info.size);
    CHECK(heap->stats().classes[class_of(info.size)].segments == 2);
    CHECK(heap->stats().classes[class_of(info.size)].units == blocks.size());
    for (uint8_t* const block : blocks) REQUIRE(heap->free(block).ok());
    CHECK(heap->validate().ok());
  }
}

TEST_CASE("two heaps of one space are apart: what one allocated, the other refuses and keeps") {
  const auto space = make_space();
  const auto one = make_heap(space);
  auto other = make_heap(space);
  for (const size_t size : {size_t{64}, size_t{4096}, size_t{kMiB}}) {
    uint8_t* const block = get(*one, size);
    CHECK(other->free(block).code() == base::Code::kInvalidAddress);
    CHECK_FALSE(other->owns(block));
    CHECK(one->owns(block));
    std::memset(block, 7, size);
    std::vector<uint8_t*> others;
    for (int i = 0; i < 100; ++i) {
      others.push_back(get(*other, size));
      std::memset(others.back(), 9, size);
    }
    other->free_all();
    CHECK(std::all_of(block, block + size, [](uint8_t byte) { return byte == 7; }));
    CHECK(one->free(block).ok());
  }
  other->close();
  CHECK(other->alloc(8).status().code() == base::Code::kClosed);
  CHECK(other->alloc(kMiB).status().code() == base::Code::kClosed);
  CHECK(one->alloc(8).ok());
}

TEST_CASE("a segment that one heap emptied serves another") {
  const auto space = make_space();
  const auto one = make_heap(space);
  const auto other = make_heap(space);
  std::vector<uint8_t*> blocks;
  for (int i = 0; i < 10000; ++i) blocks.push_back(get(*one, 1000));
  const uint64_t arenas = one->stats().space.arenas;
  for (uint8_t* const block : blocks) CHECK(one->free(block).ok());
  (void)one->trim();
  for (int i = 0; i < 10000; ++i) (void)get(*other, 1000);
  CHECK(other->stats().space.arenas == arenas);
}

TEST_CASE("the memory of what was freed goes back to the system and comes again as zero") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  std::vector<uint8_t*> blocks;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 2000; ++i) {
      blocks.push_back(get(*heap, 8192));
      std::memset(blocks.back(), 0xAB, 8192);
    }
    for (uint8_t* const block : blocks) REQUIRE(heap->free(block).ok());
    blocks.clear();
    (void)heap->trim();
    CHECK(heap->stats().committed == 0);
    CHECK(heap->stats().space.cached_bytes == 0);
    CHECK(heap->validate().ok());
    uint8_t* const block = get(*heap, 8192);
    CHECK(std::all_of(block, block + 8192, [](uint8_t byte) { return byte == 0; }));
    CHECK(heap->free(block).ok());
  }
}

TEST_CASE("arenas double after each batch, up to the largest shift") {
  const Growth growth{.initial = 4 * kMiB, .batch = 2, .max_shift = 2};
  CHECK(growth.bytes_of(0) == 4 * kMiB);
  CHECK(growth.bytes_of(1) == 4 * kMiB);
  CHECK(growth.bytes_of(2) == 8 * kMiB);
  CHECK(growth.bytes_of(4) == 16 * kMiB);
  CHECK(growth.bytes_of(100) == 16 * kMiB);
  const auto space = make_space();
  const auto heap = make_heap(space, {.growth = growth});
  uint64_t arenas = 0;
  uint64_t at = 0;
  while (arenas < 6) {
    (void)get(*heap, kMaxUnit);
    const Space::Counts counts = space->counts();
    if (counts.arenas == arenas) continue;
    arenas = counts.arenas;
    const uint64_t expected[] = {4, 8, 16, 24, 40, 56};
    CHECK(counts.arena_bytes == expected[at++] * kMiB);
  }
  for (const Growth& bad : {Growth{.initial = 3 * kMiB}, Growth{.initial = 2 * kMiB}, Growth{.initial = 512 * kMiB},
                            Growth{.batch = 0}, Growth{.initial = 128 * kMiB, .max_shift = 2}}) {
    CHECK_FALSE(Heap::make({.growth = bad}, space).ok());
  }
}

TEST_CASE("dedicated arenas are nobody else's until their heap is gone") {
  const auto space = make_space();
  const auto shared = make_heap(space);
  (void)get(*shared, 64);
  {
    const auto heap = make_heap(space, {.dedicated = true});
    (void)get(*heap, 64);
    CHECK(space->counts().arenas == 2);
    // More than an arena: it must be a third one, not the other heap's.
    for (int i = 0; i < 40; ++i) (void)get(*shared, kMaxUnit);
    CHECK(space->counts().arenas == 3);
    CHECK(heap->validate().ok());
  }
  for (int i = 0; i < 24; ++i) (void)get(*shared, kMaxUnit);
  CHECK(space->counts().arenas == 3);
  CHECK(shared->validate().ok());
}

TEST_CASE("large blocks: sizes, alignments, the list, the cache and its reuse") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  for (const size_t size : {size_t{kMaxUnit + 1}, size_t{200000}, size_t{kMiB}, size_t{5 * kMiB}, size_t{40 * kMiB}}) {
    uint8_t* const block = get(*heap, size);
    CHECK(heap->usable_size(block).value() >= size);
    CHECK(heap->stats().large.blocks == 1);
    block[0] = 1;
    block[size - 1] = 1;
    CHECK(heap->free(block).ok());
    CHECK(heap->free(block).code() == base::Code::kInvalidAddress);
    CHECK(heap->stats().large.blocks == 0);
    const uint64_t hits = heap->stats().large.cache_hits;
    const auto again = heap->calloc(size);
    REQUIRE(again.ok());
    const auto* const bytes = static_cast<const uint8_t*>(again.value());
    CHECK(std::all_of(bytes, bytes + size, [](uint8_t byte) { return byte == 0; }));
    CHECK((heap->stats().large.cache_hits == hits + 1) == (size <= 32 * kMiB));
    CHECK(heap->free(again.value()).ok());
  }
  for (size_t alignment = 4096; alignment <= 64 * kMiB; alignment *= 4) {
    const auto block = heap->alloc_aligned(300000, alignment);
    REQUIRE(block.ok());
    CHECK(reinterpret_cast<uintptr_t>(block.value()) % alignment == 0);
    CHECK(heap->free(block.value()).ok());
  }
  CHECK(heap->stats().large.cached_bytes <= LargeBlocks::kMaxKeptBytes);
  (void)heap->trim();
  CHECK(heap->stats().large.cached_bytes == 0);
  CHECK(heap->stats().committed == 0);
  CHECK(heap->alloc(8 * kGiB).status().code() == base::Code::kOutOfMemory);
  CHECK(heap->alloc(SIZE_MAX).status().code() == base::Code::kOutOfMemory);
}

TEST_CASE("calloc is zero over frames of a file, which keeps what was written") {
  frames::ZoneConfig zone;
  zone.kind = frames::ZoneKind::kDevice;
  zone.size = 64 * kMiB;
  frames::Config config;
  config.zones = {&zone, 1};
  auto frames = frames::FrameAllocator::make(config);
  REQUIRE(frames.ok());
  auto space = Space::make(frames.take());
  REQUIRE(space.ok());
  const auto heap = make_heap(space.value());
  for (const size_t size : {size_t{1000}, size_t{100000}, size_t{2 * kMiB}}) {
    for (int round = 0; round < 2; ++round) {
      const auto block = heap->calloc(size);
      REQUIRE(block.ok());
      auto* const bytes = static_cast<uint8_t*>(block.value());
      CHECK(std::all_of(bytes, bytes + size, [](uint8_t byte) { return byte == 0; }));
      std::memset(bytes, 0xEE, size);
      CHECK(heap->free(bytes).ok());
      (void)heap->trim();
    }
  }
}

TEST_CASE(
    "a heap keeps a few empty segments, arenas a few free slots, and the rest goes back without being asked for") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  std::vector<uint8_t*> blocks;
  for (int i = 0; i < 64000; ++i) blocks.push_back(get(*heap, 1024));
  for (uint8_t* const block : blocks) std::memset(block, 1, 1024);
  CHECK(heap->stats().committed > 60 * kMiB);
  for (uint8_t* const block : blocks) REQUIRE(heap->free(block).ok());
  CHECK(heap->stats().classes[class_of(1024)].segments <= 3);
  CHECK(heap->stats().committed <= 3 * 64 * 1024);
  CHECK(heap->stats().space.cached_bytes <= 16 * kMiB);
  CHECK(heap->stats().space.cached_bytes > 0);
  CHECK(heap->validate().ok());
}

TEST_CASE("a limit refuses what would go beyond it, and nothing has changed then") {
  const auto space = make_space();
  const auto heap = make_heap(space, {.limit = 2 * kMiB});
  std::vector<uint8_t*> blocks;
  for (;;) {
    const auto block = heap->alloc(100000);
    if (!block.ok()) {
      CHECK(block.status().code() == base::Code::kLimitExceeded);
      break;
    }
    blocks.push_back(static_cast<uint8_t*>(block.value()));
  }
  // Two segments of eight units of 128 KiB.
  CHECK(blocks.size() == 16);
  CHECK(heap->alloc(3 * kMiB).status().code() == base::Code::kLimitExceeded);
  CHECK(heap->stats().committed <= 2 * kMiB);
  CHECK(heap->stats().refused == 2);
  for (uint8_t* const block : blocks) CHECK(heap->free(block).ok());
  // What the empty segments hold is given up for what is asked for now.
  CHECK(heap->alloc(16).ok());
  (void)heap->trim();
  CHECK(heap->alloc(kMiB).ok());
}

TEST_CASE("a heap at its limit has room for whatever was freed, of every class") {
  for (const ClassInfo& info : kClassTable) {
    const auto space = make_space();
    const auto heap = make_heap(space, {.limit = 2 * uint64_t{info.segment_bytes()}});
    std::vector<uint8_t*> blocks;
    for (uint32_t i = 0; i < 2 * info.units; ++i) blocks.push_back(get(*heap, info.size));
    REQUIRE_FALSE(heap->alloc(info.size).ok());
    for (size_t i = 0; i < blocks.size(); i += 7) {
      // One that the heap has not made worth a look yet.
      REQUIRE(heap->free(blocks[i]).ok());
      REQUIRE(get(*heap, info.size) == blocks[i]);
      REQUIRE_FALSE(heap->alloc(info.size).ok());
    }
    CHECK(heap->validate().ok());
  }
}

TEST_CASE("many blocks at once are all or none") {
  const auto space = make_space();
  const auto heap = make_heap(space, {.limit = 4 * kMiB});
  std::vector<void*> blocks(1000);
  CHECK(heap->alloc_many(1024, blocks).ok());
  CHECK(heap->stats().classes[class_of(1024)].units == 1000);
  CHECK(heap->free_many(blocks) == 1000);
  CHECK(heap->free_many(blocks) == 0);
  blocks.resize(10000);
  CHECK(heap->alloc_many(1024, blocks).code() == base::Code::kLimitExceeded);
  CHECK(heap->stats().allocated == 0);
  CHECK(heap->validate().ok());
}

}  // namespace freestone::slab
