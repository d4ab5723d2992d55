#pragma once
// Where a box of elements lies in two n-dimensional arrays, checked, and in as few dimensions as it can be said.
//   threads: pure.    memory: none.
#include <cstdint>
#include <span>

#include "base/base.h"

namespace freestone::pipeline {

/// HDF5 has at most 32 dimensions.
inline constexpr size_t kMostDimensions = 32;

/// Where a box of elements lies in an array. Strides and offset are bytes, one stride a dimension, the slowest first;
/// along one that is negative the array is walked backwards.
struct BoxPlace {
  /// Of the first element.
  uint64_t offset = 0;
  std::span<const int64_t> strides;
};

/// `count` steps through two arrays at once. Strides are bytes.
struct Dimension {
  uint64_t count = 1;
  int64_t target_stride = 0;
  int64_t source_stride = 0;

  /// How far the walk goes in the source, and in the target.
  [[nodiscard]] int64_t source_span() const noexcept { return static_cast<int64_t>(count) * source_stride; }
  [[nodiscard]] int64_t target_span() const noexcept { return static_cast<int64_t>(count) * target_stride; }
};

/// The dimensions of a box, the slowest first.
class Dimensions {
 public:
  /// Leaves out dimensions of one element, and makes one of two neighbours wherever the outer goes on where the inner
  /// ends in both arrays. `kInvalidArgument` for more than 32 dimensions, for strides that are not one per dimension,
  /// and when the box leaves either array or has more bytes than `target_size`, since it would then write some of them
  /// twice; `kInvalidSize` for elements of 0 bytes.
  [[nodiscard]] static base::Result<Dimensions> make(uint64_t target_size, const BoxPlace& target,
                                                     uint64_t target_element, uint64_t source_size,
                                                     const BoxPlace& source, uint64_t source_element,
                                                     std::span<const uint64_t> counts) noexcept;

  /// Whether the box has no elements. It has no dimensions either then.
  [[nodiscard]] bool empty() const noexcept { return elements_ == 0; }
  [[nodiscard]] uint64_t elements() const noexcept { return elements_; }
  [[nodiscard]] std::span<const Dimension> all() const noexcept { return {list_, size_}; }
  [[nodiscard]] std::span<Dimension> all() noexcept { return {list_, size_}; }

 private:
  Dimension list_[kMostDimensions];
  size_t size_ = 0;
  uint64_t elements_ = 0;
};

/// Calls `row(to, from)` for each position in all of `outer`, the last fastest; false as soon as one gives false.
template <typename Row>
bool walk(uint8_t* to, const uint8_t* from, std::span<const Dimension> outer, Row row) noexcept {
  uint64_t position[kMostDimensions] = {};
  for (;;) {
    if (!row(to, from)) return false;
    size_t i = outer.size();
    for (; i > 0; --i) {
      const Dimension& dimension = outer[i - 1];
      to += dimension.target_stride;
      from += dimension.source_stride;
      if (++position[i - 1] < dimension.count) break;
      to -= dimension.target_span();
      from -= dimension.source_span();
      position[i - 1] = 0;
    }
    if (i == 0) return true;
  }
}

}  // namespace freestone::pipeline
