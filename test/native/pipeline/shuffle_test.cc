#include "pipeline/shuffle.h"

#include <doctest/doctest.h>

#include <vector>

#include "random_bytes.h"

using namespace freestone;

namespace {

/// HDF5's definition, byte by byte.
std::vector<uint8_t> naive_shuffle(const std::vector<uint8_t>& data, size_t size) {
  std::vector<uint8_t> out = data;
  const size_t count = data.size() / size;
  for (size_t i = 0; i < count; ++i) {
    for (size_t byte = 0; byte < size; ++byte) out[byte * count + i] = data[i * size + byte];
  }
  return out;
}

}  // namespace

TEST_CASE("bytes are ordered as libhdf5 orders them") {
  // h5py: 16 bytes of pattern() as four-byte integers in one chunk.
  const std::vector<uint8_t> expected{0x03, 0x1f, 0x3b, 0x57, 0x0a, 0x26, 0x42, 0x5e,
                                      0x11, 0x2d, 0x49, 0x65, 0x18, 0x34, 0x50, 0x6c};
  const auto data = pattern(16);
  std::vector<uint8_t> out(16);
  pipeline::shuffle(data, 4, out);
  CHECK(out == expected);
}

TEST_CASE("any element size and length shuffles as defined and back") {
  for (const size_t size : {1, 2, 3, 4, 5, 7, 8, 12, 16, 100, 5000}) {
    for (const size_t length : {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 100, 1023, 8191, 8192, 8193, 70'001}) {
      const auto data = random_bytes(length, static_cast<uint32_t>(length * 31 + size));
      std::vector<uint8_t> shuffled(length), back(length);
      pipeline::shuffle(data, size, shuffled);
      REQUIRE(shuffled == naive_shuffle(data, size));
      pipeline::unshuffle(shuffled, size, back);
      REQUIRE(back == data);
    }
  }
}
