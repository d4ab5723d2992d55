#pragma once
// Powers of two and byte order.
//   threads: pure functions.    memory: none; nothing here needs aligned pointers.
#include <bit>
#include <cstdint>

namespace freestone::base {

/// Exactly one bit set.
[[nodiscard]] constexpr bool is_power_of_two(uint64_t value) noexcept {
  // Not std::has_single_bit, which calls a function where the processor may lack a population count.
  return value != 0 && (value & (value - 1)) == 0;
}

/// The bytes of `word` in the opposite order. Compilers make one instruction of it.
template <typename Word>
[[nodiscard]] constexpr Word byte_swap(Word word) noexcept {
  Word swapped = 0;
  for (unsigned i = 0; i < sizeof(Word); ++i) {
    swapped = static_cast<Word>(swapped << 8) | static_cast<Word>(word & 0xFF);
    word = static_cast<Word>(word >> 8);
  }
  return swapped;
}

/// Four bytes, the least significant first, as a number.
[[nodiscard]] inline uint32_t load_little_endian32(const uint8_t* bytes) noexcept {
  return uint32_t{bytes[0]} | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24;
}

/// `value` as four bytes, the least significant first.
inline void store_little_endian32(uint8_t* bytes, uint32_t value) noexcept {
  bytes[0] = static_cast<uint8_t>(value);
  bytes[1] = static_cast<uint8_t>(value >> 8);
  bytes[2] = static_cast<uint8_t>(value >> 16);
  bytes[3] = static_cast<uint8_t>(value >> 24);
}

/// `value` as eight bytes, the least significant first.
inline void store_little_endian64(uint8_t* bytes, uint64_t value) noexcept {
  store_little_endian32(bytes, static_cast<uint32_t>(value));
  store_little_endian32(bytes + 4, static_cast<uint32_t>(value >> 32));
}

/// Four bytes, the most significant first, as a number.
[[nodiscard]] inline uint32_t load_big_endian32(const uint8_t* bytes) noexcept {
  return byte_swap(load_little_endian32(bytes));
}

/// `value` as four bytes, the most significant first.
inline void store_big_endian32(uint8_t* bytes, uint32_t value) noexcept {
  store_little_endian32(bytes, byte_swap(value));
}

/// Eight bytes, the most significant first, as a number.
[[nodiscard]] inline uint64_t load_big_endian64(const uint8_t* bytes) noexcept {
  return uint64_t{load_big_endian32(bytes)} << 32 | load_big_endian32(bytes + 4);
}

/// `value` as eight bytes, the most significant first.
inline void store_big_endian64(uint8_t* bytes, uint64_t value) noexcept {
  store_big_endian32(bytes, static_cast<uint32_t>(value >> 32));
  store_big_endian32(bytes + 4, static_cast<uint32_t>(value));
}

}  // namespace freestone::base
