#include <algorithm>
#include <random>
#include <vector>

#include "support.h"

namespace freestone::slab {

TEST_CASE("a million bad frees are refused and nothing changes") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  std::mt19937_64 random(5);
  std::vector<uint8_t*> live, dead;
  std::vector<size_t> sizes;
  for (int i = 0; i < 4000; ++i) {
    const size_t size = 1 + random() % (i % 40 == 0 ? 300000 : 3000);
    live.push_back(get(*heap, size));
    sizes.push_back(size);
  }
  // Every other one is freed.
  for (size_t i = 0; i < live.size(); i += 2) {
    dead.push_back(live[i]);
    REQUIRE(heap->free(live[i]).ok());
  }
  const uint64_t allocated = heap->stats().allocated;
  uint8_t on_stack[64];
  const uint64_t count = steps(1000000);
  uint64_t accepted = 0;
  for (uint64_t i = 0; i < count; ++i) {
    void* bad = nullptr;
    const size_t at = (random() % (live.size() / 2)) * 2 + 1;
    switch (random() % 6) {
      case 0:
        bad = dead[random() % dead.size()];
        break;
      case 1:
        bad = live[at] + 1 + random() % std::max<size_t>(1, std::min<size_t>(sizes[at], 7));
        break;
      case 2:
        bad = on_stack + random() % sizeof(on_stack);
        break;
      case 3:
        bad = reinterpret_cast<void*>(random());
        break;
      case 4:
        bad = space->directory().base() + random() % (4 * kGiB);
        break;
      default:
        bad = reinterpret_cast<void*>(random() % 4096);
        break;
    }
    // A random address may by chance be a live block's.
    if (std::find(live.begin(), live.end(), bad) != live.end() &&
        std::find(dead.begin(), dead.end(), bad) == dead.end()) {
      continue;
    }
    accepted += heap->free(bad).ok() ? 1 : 0;
  }
  CHECK(accepted == 0);
  CHECK(heap->stats().allocated == allocated);
  CHECK(heap->validate().ok());
  for (size_t i = 1; i < live.size(); i += 2) CHECK(heap->free(live[i]).ok());
}

TEST_CASE("the bytes behind the last unit of a segment are no unit") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  for (const ClassInfo& info : kClassTable) {
    if (uint64_t{info.units} * info.size == info.segment_bytes()) continue;
    uint8_t* const block = get(*heap, info.size);
    const auto start = reinterpret_cast<uintptr_t>(block) & ~uintptr_t{info.segment_mask};
    auto* const behind = reinterpret_cast<uint8_t*>(start) + uint64_t{info.units} * info.size;
    CHECK(heap->free(behind).code() == base::Code::kInvalidAddress);
    CHECK(heap->free(block).ok());
  }
}

TEST_CASE("arguments that no request may have are refused") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  CHECK(heap->alloc(0).status().code() == base::Code::kInvalidSize);
  CHECK(heap->calloc(0).status().code() == base::Code::kInvalidSize);
  for (const size_t alignment : {size_t{0}, size_t{3}, size_t{48}, size_t{1} << 33}) {
    CHECK(heap->alloc_aligned(8, alignment).status().code() == base::Code::kInvalidAlignment);
  }
  CHECK(heap->realloc(nullptr, 8).status().code() == base::Code::kInvalidAddress);
  CHECK(heap->free(nullptr).code() == base::Code::kInvalidAddress);
}

TEST_CASE("debug mode tells of a write behind a block, of one after its end, and of who holds what") {
  const auto space = make_space();
  const auto heap = make_heap(space, {.debug = true});
  const auto block = heap->alloc(100, 77);
  REQUIRE(block.ok());
  auto* const bytes = static_cast<uint8_t*>(block.value());
  CHECK(bytes[50] == Debug::kFreshByte);
  CHECK(heap->usable_size(bytes).value() == 100);
  DebugBlock seen;
  heap->debug()->walk([&](const DebugBlock& each) { seen = each; });
  CHECK(seen.site == 77);
  CHECK(seen.size == 100);

  bytes[100] = 1;
  CHECK(heap->validate().code() == base::Code::kOverlap);
  CHECK(heap->free(bytes).code() == base::Code::kOverlap);
  CHECK(heap->owns(bytes));
  bytes[100] = Debug::kRedByte;
  CHECK(heap->free(bytes).ok());
  CHECK(heap->free(bytes).code() == base::Code::kInvalidAddress);
  CHECK(bytes[50] == Debug::kFreedByte);

  // Its reuse is put off.
  for (int i = 0; i < 100; ++i) CHECK(heap->alloc(100).value() != bytes);
  bytes[3] = 9;
  CHECK(heap->validate().code() == base::Code::kOverlap);
  (void)heap->trim();
  CHECK(heap->debug()->counts().late_writes == 1);
  CHECK(heap->debug()->counts().overruns == 1);
  CHECK(heap->debug()->counts().blocks == 100);
}

}  // namespace freestone::slab
