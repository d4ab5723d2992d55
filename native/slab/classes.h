#pragma once
// The size classes: the one table that lookup, geometry, documentation and tests derive from.
//   threads: constants and pure functions.    memory: none.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace freestone::slab {

inline constexpr uint32_t kClasses = 44;
/// The largest unit. What is larger is a large block.
inline constexpr uint32_t kMaxUnit = 128 * 1024;

/// Segments are made of slots: what the directory has an entry for.
inline constexpr uint32_t kSlotShift = 16;
inline constexpr uint32_t kSlotBytes = 1U << kSlotShift;
/// Segments are 2^0 to 2^4 slots long: 64 KiB to 1 MiB.
inline constexpr uint32_t kSegmentOrders = 5;
/// A segment holds at least this many units.
inline constexpr uint32_t kMinUnits = 8;
/// A slab's bitmaps are this many words, so that one of them and what the owner keeps about it share a cache line.
inline constexpr uint32_t kSlabWords = 4;
inline constexpr uint32_t kSlabUnits = kSlabWords * 64;
/// The most slabs that a segment has: 8192 units of 8 bytes.
inline constexpr uint32_t kMaxSlabs = kSlotBytes / 8 / kSlabUnits;

/// Everything that follows from a class.
struct ClassInfo {
  /// Bytes of a unit.
  uint32_t size = 0;
  /// Units of a segment.
  uint32_t units = 0;
  /// 2^40 / size, rounded up: a multiplication and a shift divide any offset in a segment exactly.
  uint64_t reciprocal = 0;
  /// Bytes of a segment less one; segments are aligned to their size.
  uint32_t segment_mask = 0;
  /// Segments are 2^order slots.
  uint8_t segment_order = 0;
  uint8_t slabs = 0;

  [[nodiscard]] constexpr uint32_t segment_bytes() const noexcept { return segment_mask + 1; }
};

/// Shift that goes with `ClassInfo::reciprocal`. Offsets have 20 bits and sizes 17: 40 is above their sum, so it is
/// exact.
inline constexpr uint32_t kReciprocalShift = 40;

namespace detail {

/// 8, 16, 24, 32, 48, 64, 80, 96, 112, 128; four steps a doubling to 16 KiB; two to 128 KiB.
constexpr std::array<uint32_t, kClasses> make_sizes() noexcept {
  std::array<uint32_t, kClasses> sizes{8, 16, 24, 32, 48, 64, 80, 96, 112, 128};
  uint32_t count = 10;
  for (uint32_t from = 128; from < 16 * 1024; from *= 2) {
    for (uint32_t step = 1; step <= 4; ++step) sizes[count++] = from + from / 4 * step;
  }
  for (uint32_t from = 16 * 1024; from < kMaxUnit; from *= 2) {
    for (uint32_t step = 1; step <= 2; ++step) sizes[count++] = from + from / 2 * step;
  }
  return sizes;
}

constexpr std::array<ClassInfo, kClasses> make_classes() noexcept {
  std::array<ClassInfo, kClasses> classes{};
  const auto sizes = make_sizes();
  for (uint32_t i = 0; i < kClasses; ++i) {
    ClassInfo& info = classes[i];
    info.size = sizes[i];
    uint32_t bytes = kSlotBytes;
    while (bytes / info.size < kMinUnits) {
      bytes *= 2;
      ++info.segment_order;
    }
    info.units = bytes / info.size;
    info.reciprocal = ((uint64_t{1} << kReciprocalShift) + info.size - 1) / info.size;
    info.segment_mask = bytes - 1;
    info.slabs = static_cast<uint8_t>((info.units + kSlabUnits - 1) / kSlabUnits);
  }
  return classes;
}

/// Up to here the class comes from a table by the size in eights.
inline constexpr uint32_t kTableBytes = 1024;

constexpr std::array<uint8_t, kTableBytes / 8 + 1> make_lookup() noexcept {
  std::array<uint8_t, kTableBytes / 8 + 1> lookup{};
  const auto sizes = make_sizes();
  uint8_t index = 0;
  for (uint32_t i = 0; i < lookup.size(); ++i) {
    while (sizes[index] < i * 8) ++index;
    lookup[i] = index;
  }
  return lookup;
}

inline constexpr auto kLookup = make_lookup();

/// By the size in sixteens, for units at multiples of 16.
constexpr std::array<uint8_t, kTableBytes / 16 + 1> make_wide_lookup() noexcept {
  std::array<uint8_t, kTableBytes / 16 + 1> lookup{};
  for (uint32_t i = 0; i < lookup.size(); ++i) lookup[i] = kLookup[i == 0 ? 2 : i * 2];
  return lookup;
}

inline constexpr auto kWideLookup = make_wide_lookup();

}  // namespace detail

/// What a free asks about a slot, by the kind in its entry (directory.h): 0 is no segment, 1 to 44 a segment of the
/// class before, the rest none. One lookup and one comparison tell a unit from everything else.
struct KindInfo {
  uint64_t reciprocal = 0;
  uint32_t segment_mask = 0;
  uint32_t size = 0;
  /// Where the last unit of a segment ends; 0 for what is no segment, so that no offset is below.
  uint32_t end = 0;
};

namespace detail {

constexpr std::array<KindInfo, 256> make_kinds() noexcept {
  std::array<KindInfo, 256> kinds{};
  const auto classes = make_classes();
  for (uint32_t i = 0; i < kClasses; ++i) {
    const ClassInfo& info = classes[i];
    kinds[i + 1] = {info.reciprocal, info.segment_mask, info.size, info.units * info.size};
  }
  return kinds;
}

}  // namespace detail

inline constexpr std::array<KindInfo, 256> kKindTable = detail::make_kinds();

/// By class, ascending.
inline constexpr std::array<ClassInfo, kClasses> kClassTable = detail::make_classes();

/// The smallest class whose units hold `size` bytes. @param size 0 (as 1) to `kMaxUnit`
[[nodiscard]] constexpr uint32_t class_of(size_t size) noexcept {
  if (size <= detail::kTableBytes) return detail::kLookup[(size + 7) / 8];
  const auto last = static_cast<uint32_t>(size) - 1;
  const auto exponent = static_cast<uint32_t>(std::bit_width(last)) - 1;
  if (size <= 16 * 1024) return 10 + (exponent - 7) * 4 + (last >> (exponent - 2) & 3);
  return 38 + (exponent - 14) * 2 + (last >> (exponent - 1) & 1);
}

/// The smallest class whose units hold `size` bytes and begin at multiples of 16. @param size 0 (as 1) to `kMaxUnit`
[[nodiscard]] constexpr uint32_t wide_class_of(size_t size) noexcept {
  if (size <= detail::kTableBytes) [[likely]]
    return detail::kWideLookup[(size + 15) / 16];
  // From 128 bytes on, every class is at multiples of 16.
  return class_of(size);
}

/// The smallest class whose units hold `size` bytes and begin at multiples of `alignment`; `kClasses` when there is
/// none.
/// @param size 0 to `kMaxUnit` @param alignment a power of two
[[nodiscard]] constexpr uint32_t aligned_class_of(size_t size, size_t alignment) noexcept {
  uint32_t index = class_of(size < alignment && alignment <= kMaxUnit ? alignment : size);
  while (index < kClasses && (kClassTable[index].size & (alignment - 1)) != 0) ++index;
  return index;
}

static_assert(kClassTable[kClasses - 1].size == kMaxUnit);
static_assert(wide_class_of(0) == 1 && wide_class_of(17) == 3 && wide_class_of(129) == 10);
static_assert(class_of(1) == 0 && class_of(128) == 9 && class_of(129) == 10 && class_of(16385) == 38);
static_assert(kClassTable[kClasses - 1].segment_order == kSegmentOrders - 1);

}  // namespace freestone::slab
