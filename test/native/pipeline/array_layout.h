#pragma once
// Where the elements of arrays of several dimensions lie.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace freestone::pipeline {

using Numbers = std::vector<uint64_t>;
using Strides = std::vector<int64_t>;

/// Strides of an array of `extents`, slowest first, with `gap` bytes after each row of each dimension.
inline Strides strides_of(const Numbers& extents, uint64_t element_size, uint64_t gap = 0) {
  Strides strides(extents.size());
  uint64_t stride = element_size;
  for (size_t i = extents.size(); i-- > 0;) {
    strides[i] = static_cast<int64_t>(stride);
    stride = stride * extents[i] + gap;
  }
  return strides;
}

/// How many bytes all elements lie within.
inline uint64_t bytes_of(const Numbers& extents, const Strides& strides, uint64_t element_size) {
  uint64_t end = element_size;
  for (size_t i = 0; i < extents.size(); ++i) end += (extents[i] - 1) * static_cast<uint64_t>(std::abs(strides[i]));
  return end;
}

/// Walks some dimensions backwards. @param backwards one bit a dimension
/// @return how far the first element is behind the first byte of all then
inline uint64_t turn_round(const Numbers& extents, Strides& strides, uint64_t backwards) {
  uint64_t first = 0;
  for (size_t i = 0; i < extents.size(); ++i) {
    if ((backwards >> i & 1) == 0) continue;
    first += (extents[i] - 1) * static_cast<uint64_t>(strides[i]);
    strides[i] = -strides[i];
  }
  return first;
}

}  // namespace freestone::pipeline
