#pragma once
// Arithmetic on sizes and addresses that never wraps. File addresses have 63 bits, as off_t has; beyond is no value.
//   threads: pure functions.    memory: none.
#include <cstdint>
#include <optional>

namespace freestone::base {

/// The largest size or address: 2^63 - 1.
inline constexpr uint64_t kMaxAddress = (uint64_t{1} << 63) - 1;

/// a + b, or nothing when that is more than `kMaxAddress`.
[[nodiscard]] constexpr std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) noexcept {
  if (a > kMaxAddress || b > kMaxAddress - a) return std::nullopt;
  return a + b;
}

/// a * b, or nothing when that is more than `kMaxAddress`.
[[nodiscard]] constexpr std::optional<uint64_t> checked_multiply(uint64_t a, uint64_t b) noexcept {
  if (a != 0 && b > kMaxAddress / a) return std::nullopt;
  return a * b;
}

/// The smallest multiple of `alignment`, a power of two, that is not below `value`; nothing when that is more than
/// `kMaxAddress`.
[[nodiscard]] constexpr std::optional<uint64_t> align_up(uint64_t value, uint64_t alignment) noexcept {
  const auto sum = checked_add(value, alignment - 1);
  if (!sum) return std::nullopt;
  return *sum & ~(alignment - 1);
}

}  // namespace freestone::base
