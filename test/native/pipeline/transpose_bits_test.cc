#include "pipeline/transpose_bits.h"

#include <doctest/doctest.h>

#include <vector>

#include "random_bytes.h"

using namespace freestone;

namespace {

/// Bitshuffle's definition, bit by bit.
std::vector<uint8_t> naive_transpose(const std::vector<uint8_t>& data, size_t size) {
  std::vector<uint8_t> out(data.size());
  const size_t count = data.size() / size;
  for (size_t i = 0; i < count; ++i) {
    for (size_t bit = 0; bit < size * 8; ++bit) {
      const int value = data[i * size + bit / 8] >> bit % 8 & 1;
      const size_t place = bit * count + i;
      out[place / 8] = static_cast<uint8_t>(out[place / 8] | value << place % 8);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("bits of any elements are transposed as defined and back") {
  for (const size_t size : {1, 2, 3, 4, 5, 7, 8, 12, 16, 100}) {
    for (const size_t eights : {1, 2, 3, 4, 5, 16, 17, 33, 128, 131}) {
      const auto data = random_bytes(size * eights * 8, static_cast<uint32_t>(size * 1000 + eights));
      std::vector<uint8_t> between(data.size()), bits(data.size()), back(data.size());
      pipeline::transpose_bits(data, size, between, bits);
      REQUIRE(bits == naive_transpose(data, size));
      pipeline::untranspose_bits(bits, size, between, back);
      REQUIRE(back == data);
    }
  }
}

TEST_CASE("wider vectors transpose squares as narrow ones do") {
  for (const size_t count : {1, 2, 3, 4, 5, 7, 8, 9, 100, 1023}) {
    auto plain = random_bytes(count * 8, static_cast<uint32_t>(count));
    auto wide = plain;
    const auto before = plain;
    pipeline::transpose_squares_plain(plain);
    if (pipeline::transpose_squares_avx2(wide)) REQUIRE(wide == plain);
    pipeline::transpose_squares_plain(plain);
    REQUIRE(plain == before);
  }
}
