#pragma once
// Fletcher's checksum as libhdf5 has it: over 16-bit words that are read big-endian whatever the machine.
//   threads: pure functions.    memory: none.
#include <cstdint>

#include "base/base.h"

namespace freestone::pipeline {

/// The checksum's size in a chunk, after the data.
inline constexpr size_t kFletcher32Size = 4;

/// The checksum of `data`; an odd last byte counts as a word's high byte.
[[nodiscard]] uint32_t fletcher32(base::ConstBytes data) noexcept;

/// Whether `stored` is the checksum of `data`, also as little-endian machines wrote it before libhdf5 1.6.3.
[[nodiscard]] bool fletcher32_matches(base::ConstBytes data, uint32_t stored) noexcept;

}  // namespace freestone::pipeline
