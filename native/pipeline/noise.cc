#include "pipeline/noise.h"

#include <cstring>

namespace freestone::pipeline {

using base::ConstBytes;

namespace {

constexpr size_t kPiece = 8192;
/// How far back deflate copies from.
constexpr size_t kWindow = 32'768;
constexpr unsigned kTableBits = 13;

/// The chi-squared statistic of 256 equally likely values is 255 on average and beyond this once in 100,000 pieces. At
/// this, what a code of bits could save is a thousandth.
constexpr uint64_t kMostUneven = 360;
/// Four bytes that were there before. Noise has one in sixteen pieces, and one saves hardly anything.
constexpr unsigned kMostRepeats = 2;

bool is_even(const uint8_t* piece) noexcept {
  // Four tables, so that equal neighbours do not wait for each other.
  uint32_t counts[4][256] = {};
  for (size_t i = 0; i < kPiece; i += 4) {
    for (size_t k = 0; k < 4; ++k) ++counts[k][piece[i + k]];
  }
  uint64_t squares = 0;
  for (size_t value = 0; value < 256; ++value) {
    const uint64_t count = counts[0][value] + counts[1][value] + counts[2][value] + counts[3][value];
    squares += count * count;
  }
  constexpr uint64_t kExpected = kPiece / 256;
  return squares <= kPiece * kExpected + kMostUneven * kExpected;
}

}  // namespace

size_t noise_at_start(ConstBytes data) noexcept {
  // Where four bytes were last seen, plus one.
  uint32_t table[size_t{1} << kTableBits] = {};
  size_t noise = 0;
  while (data.size() - noise >= kPiece + 3 && is_even(data.data() + noise)) {
    unsigned repeats = 0;
    for (size_t i = noise; i < noise + kPiece; ++i) {
      uint32_t bytes;
      std::memcpy(&bytes, data.data() + i, sizeof bytes);
      uint32_t& entry = table[bytes * 2654435761u >> (32 - kTableBits)];
      const size_t found = entry;
      entry = static_cast<uint32_t>(i + 1);
      if (found == 0 || i + 1 - found > kWindow) continue;
      uint32_t before;
      std::memcpy(&before, data.data() + found - 1, sizeof before);
      if (before == bytes && ++repeats > kMostRepeats) return noise;
    }
    noise += kPiece;
  }
  return noise;
}

}  // namespace freestone::pipeline
