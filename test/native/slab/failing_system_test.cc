// Every call of the system below fails once, at each place in turn: what was asked for fails with a code, nothing has
// changed, and the next call succeeds.
#include <vector>

#include "frames/system.h"
#include "support.h"

namespace freestone::slab {

namespace {

/// Counts down to the call that fails; -1: none does.
int64_t calls_left = -1;
bool fails_for_ever = false;

bool fails() noexcept {
  if (calls_left < 0) return false;
  if (calls_left > 0) {
    --calls_left;
    return false;
  }
  if (!fails_for_ever) calls_left = -1;
  return true;
}

const base::Status kNoMemory(base::Code::kOutOfMemory, "a system without memory");

base::Result<uint8_t*> reserve(size_t size, size_t alignment) noexcept {
  if (fails()) return kNoMemory;
  return os::reserve(size, alignment);
}
base::Status commit(uint8_t* address, size_t size) noexcept { return fails() ? kNoMemory : os::commit(address, size); }
base::Status decommit(uint8_t* address, size_t size) noexcept {
  return fails() ? kNoMemory : os::decommit(address, size);
}
base::Status purge(uint8_t* address, size_t size) noexcept { return fails() ? kNoMemory : os::purge(address, size); }

const frames::System kFramesSystem{.reserve = reserve, .commit = commit, .decommit = decommit, .purge = purge};
const System kSystem{.reserve = reserve, .commit = commit, .purge = purge};

base::Result<base::Ref<Space>> make_failing_space() {
  frames::Config config;
  config.size = 256 * kMiB;
  auto frames = frames::FrameAllocator::make(config, kFramesSystem);
  if (!frames.ok()) return frames.status();
  return Space::make(frames.take(), kSystem);
}

struct Failing {
  explicit Failing(int64_t after, bool for_ever = false) {
    calls_left = after;
    fails_for_ever = for_ever;
  }
  ~Failing() {
    calls_left = -1;
    fails_for_ever = false;
  }
};

}  // namespace

TEST_CASE("a space that cannot be made says so at whichever call fails") {
  uint64_t failures = 0;
  for (int64_t after = 0; after < 20; ++after) {
    const Failing failing(after);
    const auto space = make_failing_space();
    if (!space.ok()) {
      ++failures;
      CHECK(space.status().code() == base::Code::kOutOfMemory);
    }
  }
  CHECK(failures >= 4);
}

TEST_CASE("whichever call of the system fails, the request fails or succeeds whole and the heap stays valid") {
  uint64_t failures = 0;
  for (int64_t after = 0; after < 60; ++after) {
    auto space = make_failing_space();
    REQUIRE(space.ok());
    const auto heap = make_heap(space.value());
    std::vector<void*> live;
    {
      const Failing failing(after);
      for (int i = 0; i < 400; ++i) {
        const size_t size = i % 10 == 0 ? 200000 : i % 3 == 0 ? 8 : 100000;
        const uint64_t before = heap->stats().allocated;
        const auto block = heap->calloc(size);
        if (block.ok()) {
          const auto* const bytes = static_cast<const uint8_t*>(block.value());
          REQUIRE(bytes[0] == 0);
          REQUIRE(bytes[size - 1] == 0);
          static_cast<uint8_t*>(block.value())[0] = 1;
          static_cast<uint8_t*>(block.value())[size - 1] = 1;
          live.push_back(block.value());
        } else {
          ++failures;
          REQUIRE(block.status().code() == base::Code::kOutOfMemory);
          REQUIRE(heap->stats().allocated == before);
        }
        if (i % 40 == 39) {
          for (size_t k = 0; k < live.size() / 2; ++k) REQUIRE(heap->free(live[k]).ok());
          live.erase(live.begin(), live.begin() + static_cast<ptrdiff_t>(live.size() / 2));
          (void)heap->trim();
          REQUIRE(heap->validate().ok());
        }
      }
    }
    for (void* const block : live) REQUIRE(heap->free(block).ok());
    REQUIRE(heap->alloc(100).ok());
    REQUIRE(heap->validate().ok());
  }
  CHECK(failures > 0);
}

TEST_CASE("a system that gives nothing any more: all requests fail, frees and trim do not, and later all is well") {
  auto space = make_failing_space();
  REQUIRE(space.ok());
  const auto heap = make_heap(space.value());
  std::vector<void*> live;
  for (int i = 0; i < 100; ++i) live.push_back(get(*heap, 100000));
  {
    const Failing failing(0, true);
    const auto other = Heap::make({}, space.value());
    if (other.ok()) CHECK(other.value()->alloc(8).status().code() == base::Code::kOutOfMemory);
    for (void* const block : live) REQUIRE(heap->free(block).ok());
    CHECK(heap->trim() == 0);
    CHECK(heap->validate().ok());
  }
  CHECK(heap->trim() > 0);
  CHECK(heap->alloc(8).ok());
}

TEST_CASE("a region that is full gives out-of-memory, and room again after a free") {
  auto space = Space::make(64 * kMiB);
  REQUIRE(space.ok());
  const auto heap = make_heap(space.value());
  std::vector<void*> live;
  for (;;) {
    const auto block = heap->alloc(live.size() % 7 == 0 ? 300000 : 5000);
    if (!block.ok()) {
      CHECK(block.status().code() == base::Code::kOutOfMemory);
      break;
    }
    live.push_back(block.value());
  }
  CHECK(live.size() > 500);
  CHECK(heap->validate().ok());
  for (void* const block : live) CHECK(heap->free(block).ok());
  CHECK(heap->alloc(300000).ok());
  CHECK(heap->validate().ok());
}

}  // namespace freestone::slab
