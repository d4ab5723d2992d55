#pragma once
// How often each byte occurs.
//   threads: any.    memory: 4 KiB of stack.
#include <cstddef>
#include <cstdint>

#include "base/base.h"

namespace freestone::pipeline {

/// Adds up the bytes of `data`, at most 2^32 - 1 of them.
inline void count_bytes(base::ConstBytes data, uint32_t (&counts)[256]) noexcept {
  // Four tables, so that equal neighbours do not wait for each other.
  uint32_t parts[4][256] = {};
  size_t i = 0;
  for (; i + 4 <= data.size(); i += 4) {
    for (size_t k = 0; k < 4; ++k) ++parts[k][data[i + k]];
  }
  for (; i < data.size(); ++i) ++parts[0][data[i]];
  for (size_t value = 0; value < 256; ++value) {
    counts[value] = parts[0][value] + parts[1][value] + parts[2][value] + parts[3][value];
  }
}

}  // namespace freestone::pipeline
