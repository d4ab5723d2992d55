#include "pipeline/fletcher32.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "random_bytes.h"

using namespace freestone;

TEST_CASE("checksums are those that libhdf5 stores") {
  // h5py: the last four bytes of a chunk of pattern() with the fletcher32 filter.
  const std::pair<size_t, uint32_t> patterns[] = {{1, 0x03000300},   {2, 0x030a030a},    {3, 0x1714140a},
                                                  {4, 0x172c1422},   {5, 0x4a4e3322},    {8, 0xaaf0607c},
                                                  {719, 0xacc6d0fe}, {720, 0xad72d1aa},  {721, 0x321e84ab},
                                                  {722, 0x32d88565}, {1441, 0xc46287d7}, {100'000, 0xe6a904f7}};
  for (const auto& [size, sum] : patterns) CHECK(pipeline::fletcher32(pattern(size)) == sum);
}

TEST_CASE("checksums of all ones and all zeros are those of libhdf5, where sums overflow most") {
  const std::pair<size_t, uint32_t> ones[] = {
      {1, 0xff00ff00}, {2, 0xffffffff}, {720, 0xffffffff}, {65'537, 0xff00ff00}, {1'000'001, 0xff00ff00}};
  for (const auto& [size, sum] : ones) CHECK(pipeline::fletcher32(std::vector<uint8_t>(size, 0xFF)) == sum);
  for (const size_t size : {1, 2, 65'537}) CHECK(pipeline::fletcher32(std::vector<uint8_t>(size)) == 0);
  CHECK(pipeline::fletcher32({}) == 0);
}

TEST_CASE("one changed bit changes the checksum") {
  auto data = random_bytes(999, 1);
  const uint32_t sum = pipeline::fletcher32(data);
  for (size_t i = 0; i < data.size(); ++i) {
    data[i] ^= 4;
    CHECK_FALSE(pipeline::fletcher32_matches(data, sum));
    data[i] ^= 4;
  }
  CHECK(pipeline::fletcher32_matches(data, sum));
}

TEST_CASE("the byte order of libhdf5 before 1.6.3 is accepted") {
  CHECK(pipeline::fletcher32_matches(pattern(3), 0x14170a14));
  CHECK_FALSE(pipeline::fletcher32_matches(pattern(3), 0x140a1714));
}
