#pragma once
// Blocks of a deflate stream (RFC 1951) that need no search: bytes as they are, bytes by their frequency alone, and one
// byte again and again.
//   threads: one at a time.    memory: the caller's.
#include <cstddef>
#include <span>

#include "base/base.h"

namespace freestone::pipeline {

/// Writes such blocks one after the other; none is the last of its stream.
class DeflateBlocks {
 public:
  /// @param into holds `bound` bytes of what is written
  explicit DeflateBlocks(base::Bytes into) noexcept : begin_(into.data()), at_(into.data()) {}

  /// The most that blocks of `size` bytes take, if each has at least 8 KiB, and `finish`.
  [[nodiscard]] static constexpr size_t bound(size_t size) noexcept { return size + 16 * (size / 8192 + 2); }

  /// RFC 1951, 3.2.4.
  void put_stored(base::ConstBytes data) noexcept;
  /// A code of their own for the bytes, 3.2.7, if that makes them smaller.
  /// @param data at most 2^24 bytes
  void put_literals(base::ConstBytes data) noexcept;
  /// @param size at least 1
  void put_constant(uint8_t value, size_t size) noexcept;
  /// Ends with a whole byte. How many have been written.
  [[nodiscard]] size_t finish() noexcept;

 private:
  /// @param count at most 56
  void put(uint64_t bits, unsigned count) noexcept;
  /// Those of all codes in a block, none of which is longer than 3 bits.
  void put_lengths(std::span<const uint8_t> lengths) noexcept;
  void align() noexcept;

  uint8_t* begin_;
  uint8_t* at_;
  /// Fewer than 8, the first in the lowest.
  uint64_t bits_ = 0;
  unsigned count_ = 0;
};

}  // namespace freestone::pipeline
