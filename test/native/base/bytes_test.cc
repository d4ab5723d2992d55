#include "base/bytes.h"

#include <doctest/doctest.h>

#include <cstring>

using freestone::base::Buffer;

TEST_CASE("a buffer is used again while it is large enough") {
  Buffer buffer;
  REQUIRE(buffer.reserve(1000));
  const uint8_t* const data = buffer.data();
  REQUIRE(buffer.reserve(500));
  CHECK(buffer.data() == data);
  CHECK(buffer.capacity() == 1000);
}

TEST_CASE("growing keeps the content") {
  Buffer buffer;
  REQUIRE(buffer.reserve(4));
  std::memcpy(buffer.data(), "abcd", 4);
  REQUIRE(buffer.grow(1 << 20));
  CHECK(std::memcmp(buffer.data(), "abcd", 4) == 0);
}

TEST_CASE("a buffer that cannot grow keeps its content, and one that cannot be replaced is empty") {
  // Not a constant, so that the compiler does not warn of what is tested.
  volatile size_t too_much = SIZE_MAX / 2;
  Buffer buffer;
  REQUIRE(buffer.reserve(4));
  std::memcpy(buffer.data(), "abcd", 4);
  CHECK_FALSE(buffer.grow(too_much));
  CHECK(std::memcmp(buffer.data(), "abcd", 4) == 0);
  CHECK_FALSE(buffer.reserve(too_much));
  CHECK(buffer.capacity() == 0);
  CHECK(buffer.reserve(4));
}

TEST_CASE("shrinking gives back what is above the limit only") {
  Buffer buffer;
  REQUIRE(buffer.reserve(1000));
  buffer.shrink(1000);
  CHECK(buffer.capacity() == 1000);
  buffer.shrink(999);
  CHECK(buffer.capacity() == 0);
  CHECK(buffer.data() == nullptr);
}
