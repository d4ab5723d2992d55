#pragma once
// Sizes of blocks: steps of 16 bytes to 1 KiB, then eight steps a doubling to 64 KiB, which wastes an eighth at most.
//   threads: pure functions.    memory: none.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace freestone::pool {

/// Spans begin at multiples of this and are as long as a multiple of it; the span table has an entry for each.
inline constexpr uint32_t kGranuleShift = 16;
inline constexpr uint32_t kGranule = 1U << kGranuleShift;

/// A size class by its position.
using SizeClass = uint32_t;
inline constexpr SizeClass kSizeClasses = 64 + 6 * 8;
/// Not a class: the span is one large block.
inline constexpr SizeClass kLarge = kSizeClasses;

/// The largest size that has a class. Larger blocks have a span each.
inline constexpr size_t kMaxClassSize = 64 << 10;

/// @param size 1 to `kMaxClassSize`
[[nodiscard]] constexpr SizeClass class_of(size_t size) noexcept {
  const auto last = static_cast<uint32_t>(size - 1);
  if (last < 1024) return last >> 4;
  const auto doubling = static_cast<uint32_t>(std::bit_width(last)) - 1;
  return 64 + (doubling - 10) * 8 + ((last >> (doubling - 3)) & 7);
}

/// Bytes of the blocks of a class.
[[nodiscard]] constexpr uint32_t block_size_of(SizeClass size_class) noexcept {
  if (size_class < 64) return (size_class + 1) * 16;
  const uint32_t step = size_class - 64;
  return (step % 8 + 9) << (step / 8 + 7);
}

/// Spans have one of these lengths: two to this power granules.
using SpanKind = uint32_t;
inline constexpr SpanKind kSpanKinds = 4;
[[nodiscard]] constexpr size_t span_bytes_of(SpanKind kind) noexcept { return size_t{kGranule} << kind; }

/// The shortest span with 16 blocks, up to the longest.
[[nodiscard]] constexpr SpanKind kind_of(SizeClass size_class) noexcept {
  SpanKind kind = 0;
  while (kind + 1 < kSpanKinds && span_bytes_of(kind) / 16 < block_size_of(size_class)) ++kind;
  return kind;
}

/// Blocks of a span of this class.
[[nodiscard]] constexpr uint32_t blocks_of(SizeClass size_class) noexcept {
  return static_cast<uint32_t>(span_bytes_of(kind_of(size_class)) / block_size_of(size_class));
}
inline constexpr uint32_t kMaxBlocks = kGranule / 16;

/// Blocks of a class that a heap keeps to hand out next: 64 KiB of them, 8 to 32.
[[nodiscard]] constexpr uint32_t stack_depth_of(SizeClass size_class) noexcept {
  return std::clamp<uint32_t>(kGranule / block_size_of(size_class), 8, 32);
}
/// Those of all classes.
inline constexpr uint32_t kStackEntries = [] {
  uint32_t sum = 0;
  for (SizeClass i = 0; i < kSizeClasses; ++i) sum += stack_depth_of(i);
  return sum;
}();

/// Division of an offset by a block size, exact or refused, by one multiplication. With `inverse` the inverse of the
/// size's odd part modulo 2^64 and `shift` its factors of two, `rotr(offset * inverse, shift)` is the quotient of a
/// multiple of the size; and any other number, a negative one included, comes out above 2^64 / size, for the multiples
/// already have all the results below it. So a result below the number of blocks proves that it is a block's offset.
struct Divisor {
  uint64_t inverse = 0;
  uint32_t shift = 0;

  [[nodiscard]] constexpr uint64_t quotient(uint64_t offset) const noexcept {
    return std::rotr(offset * inverse, static_cast<int>(shift));
  }
};
[[nodiscard]] constexpr Divisor divisor_of(uint32_t size) noexcept {
  const auto shift = static_cast<uint32_t>(std::countr_zero(size));
  const uint64_t odd = size >> shift;
  // Newton's way: three bits are right at first, and twice as many with each step.
  uint64_t inverse = odd;
  for (int step = 0; step < 5; ++step) inverse *= 2 - odd * inverse;
  return {.inverse = inverse, .shift = shift};
}

}  // namespace freestone::pool
