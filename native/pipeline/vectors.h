#pragma once
// Vectors of bytes as GCC and Clang have them for every processor: SSE2 on x86-64, NEON on arm64, and wider ones where
// a function asks for them. Empty for compilers without them; who includes this then has scalar code only.
//   threads: pure functions.    memory: none.
#include <cstdint>
#include <cstring>

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__))
#define FREESTONE_VECTORS 1

namespace freestone::pipeline {

using Bytes16 = uint8_t __attribute__((vector_size(16)));

[[gnu::always_inline]] inline Bytes16 load16(const uint8_t* from) noexcept {
  Bytes16 vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

[[gnu::always_inline]] inline void store16(uint8_t* to, Bytes16 vector) noexcept {
  std::memcpy(to, &vector, sizeof vector);
}

/// The bytes of both lower halves in turn.
[[gnu::always_inline]] inline Bytes16 zip_low(Bytes16 a, Bytes16 b) noexcept {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/// The bytes of both upper halves in turn.
[[gnu::always_inline]] inline Bytes16 zip_high(Bytes16 a, Bytes16 b) noexcept {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/// Takes `Count` vectors as one row of bytes and puts the bytes of its two halves in turn.
template <int Count>
[[gnu::always_inline]] inline void zip_halves(Bytes16 (&row)[Count]) noexcept {
  Bytes16 zipped[Count];
  for (int i = 0; i < Count / 2; ++i) {
    zipped[2 * i] = zip_low(row[i], row[i + Count / 2]);
    zipped[2 * i + 1] = zip_high(row[i], row[i + Count / 2]);
  }
  for (int i = 0; i < Count; ++i) row[i] = zipped[i];
}

}  // namespace freestone::pipeline
#endif
