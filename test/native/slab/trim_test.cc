// What trim gives back between live units: pages that no live one touches, counted by the system below.
#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "frames/system.h"
#include "support.h"

namespace freestone::slab {

namespace {

struct Purged {
  uint8_t* address;
  size_t size;
};
std::vector<Purged> purged;
bool refuses = false;

base::Status purge(uint8_t* address, size_t size) noexcept {
  if (refuses) return base::Status(base::Code::kSystem, "locked pages");
  purged.push_back({address, size});
  return os::purge(address, size);
}

const System kCounting{.purge = purge};

base::Ref<Space> make_counting_space() {
  purged.clear();
  frames::Config config;
  config.size = 256 * kMiB;
  config.huge_pages = frames::HugePages::kNever;
  auto frames = frames::FrameAllocator::make(config);
  REQUIRE(frames.ok());
  auto space = Space::make(frames.take(), kCounting);
  REQUIRE(space.ok());
  return space.take();
}

uint64_t purged_bytes() {
  uint64_t sum = 0;
  for (const Purged& each : purged) sum += each.size;
  return sum;
}

/// Bytes of the pages that some block touches.
uint64_t touched_bytes(const std::vector<uint8_t*>& blocks, size_t size) {
  const uintptr_t page = os::page_size();
  std::vector<uintptr_t> pages;
  for (const uint8_t* const block : blocks) {
    const auto start = reinterpret_cast<uintptr_t>(block);
    for (uintptr_t at = start / page; at <= (start + size - 1) / page; ++at) pages.push_back(at);
  }
  std::sort(pages.begin(), pages.end());
  return static_cast<uint64_t>(std::unique(pages.begin(), pages.end()) - pages.begin()) * page;
}

#ifdef __linux__
uint64_t resident_bytes(const std::vector<uint8_t*>& segments, uint32_t segment_bytes) {
  uint64_t pages = 0;
  std::vector<unsigned char> states(segment_bytes / os::page_size());
  for (uint8_t* const segment : segments) {
    REQUIRE(mincore(segment, segment_bytes, states.data()) == 0);
    pages +=
        static_cast<uint64_t>(std::count_if(states.begin(), states.end(), [](auto each) { return (each & 1) != 0; }));
  }
  return pages * os::page_size();
}
#endif

}  // namespace

TEST_CASE("trim gives back every page that no live unit touches, for every class, and nothing of a live one") {
  std::mt19937_64 random(17);
  for (const ClassInfo& info : kClassTable) {
    const auto space = make_counting_space();
    const auto heap = make_heap(space);
    const uint32_t segments = 4;
    std::vector<uint8_t*> blocks;
    for (uint32_t i = 0; i < info.units * segments; ++i) {
      blocks.push_back(get(*heap, info.size));
      std::memset(blocks.back(), 0xA5, info.size);
    }
    std::vector<uint8_t*> starts;
    for (uint8_t* const block : blocks) {
      starts.push_back(reinterpret_cast<uint8_t*>(reinterpret_cast<uintptr_t>(block) & ~uintptr_t{info.segment_mask}));
    }
    std::sort(starts.begin(), starts.end());
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    // One unit of each segment, and a few more of the small ones.
    std::vector<uint8_t*> live;
    std::shuffle(blocks.begin(), blocks.end(), random);
    const size_t kept = std::max<size_t>(segments, blocks.size() / 200);
    for (uint8_t* const block : blocks) {
      const auto* const start =
          reinterpret_cast<uint8_t*>(reinterpret_cast<uintptr_t>(block) & ~uintptr_t{info.segment_mask});
      const bool first = std::none_of(live.begin(), live.end(), [&](const uint8_t* each) {
        return each >= start && each < start + info.segment_bytes();
      });
      if (first || live.size() + segments < kept) {
        live.push_back(block);
      } else {
        REQUIRE(heap->free(block).ok());
      }
    }
    const uint64_t held = heap->stats().held;
    REQUIRE(held == uint64_t{segments} * info.segment_bytes());
    const uint64_t returned = heap->trim();
    const uint64_t left = touched_bytes(live, info.size);
    CHECK(returned == purged_bytes());
    CHECK(returned == held - left);
    for (const Purged& each : purged) {
      for (const uint8_t* const block : live) {
        REQUIRE((block + info.size <= each.address || block >= each.address + each.size));
      }
    }
    CHECK(heap->stats().held == held);
    CHECK(heap->stats().committed == left);
    CHECK(heap->stats().classes[class_of(info.size)].committed == left);
    CHECK(heap->validate().ok());
#ifdef __linux__
    CHECK(resident_bytes(starts, info.segment_bytes()) == left);
#endif
    for (const uint8_t* const block : live) {
      REQUIRE(std::all_of(block, block + info.size, [](uint8_t byte) { return byte == 0xA5; }));
    }
    // A second one finds nothing new.
    CHECK(heap->trim() == 0);
    CHECK(heap->stats().committed == left);
    // What is used again counts again, and is whole.
    for (size_t i = live.size(); i < blocks.size(); ++i) {
      const auto block = heap->calloc(info.size);
      REQUIRE(block.ok());
      auto* const bytes = static_cast<uint8_t*>(block.value());
      REQUIRE(std::all_of(bytes, bytes + info.size, [](uint8_t byte) { return byte == 0; }));
      std::memset(bytes, 0x5A, info.size);
    }
    // All but the pages behind the last unit.
    CHECK(heap->stats().committed == touched_bytes(blocks, info.size));
    CHECK(heap->validate().ok());
    for (const uint8_t* const block : live) {
      REQUIRE(std::all_of(block, block + info.size, [](uint8_t byte) { return byte == 0xA5; }));
    }
    heap->free_all();
    CHECK(heap->stats().committed == 0);
    CHECK(heap->stats().local.purged_bytes == 0);
  }
}

TEST_CASE("segments end with pages that went back, and pages that the system keeps stay counted") {
  const auto space = make_counting_space();
  const auto heap = make_heap(space);
  std::vector<uint8_t*> blocks;
  for (int i = 0; i < 2000; ++i) blocks.push_back(get(*heap, 1024));
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i % 64 != 0) REQUIRE(heap->free(blocks[i]).ok());
  }
  const uint64_t held = heap->stats().held;
  refuses = true;
  CHECK(heap->trim() == 0);
  CHECK(heap->stats().committed == held);
  refuses = false;
  CHECK(heap->trim() > 0);
  CHECK(heap->stats().committed < held / 8);
  for (size_t i = 0; i < blocks.size(); i += 64) REQUIRE(heap->free(blocks[i]).ok());
  (void)heap->trim();
  CHECK(heap->stats().held == 0);
  CHECK(heap->stats().committed == 0);
  CHECK(heap->stats().local.purged_bytes == 0);
  CHECK(heap->validate().ok());
}

TEST_CASE("a limit counts what the heap holds, whether or not its pages went back") {
  const auto space = make_counting_space();
  const auto heap = make_heap(space, {.limit = 128 << 10});
  std::vector<uint8_t*> blocks;
  for (int i = 0; i < 128; ++i) blocks.push_back(get(*heap, 1024));
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i % 64 != 0) REQUIRE(heap->free(blocks[i]).ok());
  }
  CHECK(heap->trim() > 0);
  // Another class needs a segment of its own.
  CHECK(heap->alloc(64).status().code() == base::Code::kLimitExceeded);
  for (int i = 0; i < 126; ++i) (void)get(*heap, 1024);
  CHECK(heap->alloc(1024).status().code() == base::Code::kLimitExceeded);
}

}  // namespace freestone::slab
