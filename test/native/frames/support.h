#pragma once
// Making allocators in tests, and how long the long ones run.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>

#include "frames/frames.h"
#include "frames/system.h"

namespace freestone::frames {

inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kGiB = uint64_t{1} << 30;

inline base::Ref<FrameAllocator> make_allocator(const Config& config) {
  auto allocator = FrameAllocator::make(config);
  REQUIRE(allocator.ok());
  return allocator.take();
}

inline base::Ref<FrameAllocator> make_allocator(uint64_t size) {
  Config config;
  config.size = size;
  return make_allocator(config);
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

/// What every test of misuse or failure compares before and after.
struct Counts {
  uint64_t free_frames, allocations, frees, cached_frames, committed_bytes;
  friend bool operator==(const Counts&, const Counts&) = default;
};
inline Counts counts_of(const FrameAllocator& allocator) {
  const auto stats = allocator.stats();
  REQUIRE(stats.ok());
  const Stats& s = stats.value();
  return {s.free_frames, s.allocations, s.frees, s.cached_frames, s.committed_bytes};
}

}  // namespace freestone::frames
