#include "pipeline/transpose_bits.h"

#include <cstring>

#include "pipeline/shuffle.h"

namespace freestone::pipeline {

using base::Bytes;
using base::ConstBytes;

namespace {

/// Swaps single bits, then squares of four, then of sixteen across the diagonal.
[[maybe_unused, gnu::always_inline]] inline uint64_t transposed(uint64_t x) noexcept {
  uint64_t t = (x ^ x >> 7) & 0x00AA00AA00AA00AA;
  x ^= t ^ t << 7;
  t = (x ^ x >> 14) & 0x0000CCCC0000CCCC;
  x ^= t ^ t << 14;
  t = (x ^ x >> 28) & 0x00000000F0F0F0F0;
  return x ^ t ^ t << 28;
}

/// Compiled for each kind of processor; the compiler makes vectors of it.
[[gnu::always_inline]] inline void transpose_all(uint8_t* data, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) {
    uint64_t word;
    std::memcpy(&word, data + 8 * i, sizeof word);
    word = transposed(word);
    std::memcpy(data + 8 * i, &word, sizeof word);
  }
}

#if defined(__GNUC__) && defined(__x86_64__)
[[gnu::target("avx2")]] void transpose_all_avx2(uint8_t* data, size_t count) noexcept { transpose_all(data, count); }
#endif

void transpose_squares(Bytes data) noexcept {
  if (!transpose_squares_avx2(data)) transpose_squares_plain(data);
}

}  // namespace

void transpose_squares_plain(Bytes data) noexcept { transpose_all(data.data(), data.size() / 8); }

#if defined(__GNUC__) && defined(__x86_64__)

bool transpose_squares_avx2(Bytes data) noexcept {
  if (!__builtin_cpu_supports("avx2")) return false;
  transpose_all_avx2(data.data(), data.size() / 8);
  return true;
}

#else

bool transpose_squares_avx2(Bytes) noexcept { return false; }

#endif

// Bytes of one place in all elements are a plane. Its eight-byte groups, transposed, have the bits of one place in a
// byte, and shuffling them by eight puts the bytes of one place together.

void transpose_bits(ConstBytes data, size_t element_size, Bytes between, Bytes into) noexcept {
  const size_t plane = data.size() / element_size;
  shuffle(data, element_size, between);
  transpose_squares(between);
  for (size_t start = 0; start < data.size(); start += plane) {
    shuffle(ConstBytes(between).subspan(start, plane), 8, into.subspan(start, plane));
  }
}

void untranspose_bits(ConstBytes data, size_t element_size, Bytes between, Bytes into) noexcept {
  const size_t plane = data.size() / element_size;
  for (size_t start = 0; start < data.size(); start += plane) {
    unshuffle(data.subspan(start, plane), 8, between.subspan(start, plane));
  }
  transpose_squares(between);
  unshuffle(between, element_size, into);
}

}  // namespace freestone::pipeline
