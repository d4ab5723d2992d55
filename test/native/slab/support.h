#pragma once
// Making heaps in tests, and how long the long tests run.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>

#include "slab/slab.h"

namespace freestone::slab {

inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kGiB = uint64_t{1} << 30;

inline base::Ref<Space> make_space(uint64_t bytes = 4 * kGiB) {
  auto space = Space::make(bytes);
  REQUIRE(space.ok());
  return space.take();
}

inline base::Ref<Heap> make_heap(const base::Ref<Space>& space, const Config& config = {}) {
  auto heap = Heap::make(config, space);
  REQUIRE(heap.ok());
  return heap.take();
}

inline uint8_t* get(Heap& heap, size_t size) {
  const auto block = heap.alloc(size);
  REQUIRE(block.ok());
  return static_cast<uint8_t*>(block.value());
}

/// Steps of a long test: as many as asked, a tenth under a sanitizer, times FREESTONE_TEST_LENGTH.
inline uint64_t steps(uint64_t count) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  count /= 10;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  count /= 10;
#endif
#endif
  const char* const length = std::getenv("FREESTONE_TEST_LENGTH");
  const double factor = length == nullptr ? 1 : std::atof(length);
  return static_cast<uint64_t>(static_cast<double>(count) * (factor > 0 ? factor : 1));
}

}  // namespace freestone::slab
