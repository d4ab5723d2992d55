#include "base/bits.h"

#include <doctest/doctest.h>

using namespace freestone::base;

TEST_CASE("powers of two are the numbers with one bit") {
  CHECK_FALSE(is_power_of_two(0));
  CHECK(is_power_of_two(1));
  CHECK(is_power_of_two(uint64_t{1} << 63));
  CHECK_FALSE(is_power_of_two(6));
  CHECK_FALSE(is_power_of_two(UINT64_MAX));
}

TEST_CASE("swapping bytes reverses them, and twice gives the word back") {
  CHECK(byte_swap(uint8_t{0xAB}) == 0xAB);
  CHECK(byte_swap(uint16_t{0x1234}) == 0x3412);
  CHECK(byte_swap(uint32_t{0x12345678}) == 0x78563412);
  CHECK(byte_swap(uint64_t{0x0123456789ABCDEF}) == 0xEFCDAB8967452301);
  CHECK(byte_swap(byte_swap(uint64_t{0xF00D})) == 0xF00D);
}

TEST_CASE("little-endian words are the least significant byte first, at any address") {
  uint8_t bytes[6] = {};
  store_little_endian32(bytes + 1, 0xA1B2C3D4);
  CHECK(bytes[1] == 0xD4);
  CHECK(bytes[4] == 0xA1);
  CHECK(load_little_endian32(bytes + 1) == 0xA1B2C3D4);
}
