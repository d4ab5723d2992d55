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

/// `((offset / 16) * inverse) >> kInverseShift` is `offset / block_size` for every offset in a span: offset / 16 is
/// below 2^15 and the error of the inverse, times that, below 2^31.
inline constexpr uint32_t kInverseShift = 31;
[[nodiscard]] constexpr uint32_t inverse_of(SizeClass size_class) noexcept {
  const uint64_t units = block_size_of(size_class) / 16;
  return static_cast<uint32_t>(((uint64_t{1} << kInverseShift) + units - 1) / units);
}

}  // namespace freestone::pool
