#include "base/bytes.h"

#include <doctest/doctest.h>

using freestone::base::Buffer;

TEST_CASE("a buffer is used again while it is large enough") {
  Buffer buffer;
  REQUIRE(buffer.reserve(1000));
  const uint8_t* const data = buffer.data();
  REQUIRE(buffer.reserve(500));
  CHECK(buffer.data() == data);
  CHECK(buffer.capacity() == 1000);
}

TEST_CASE("a buffer that cannot be replaced is empty, and can be used again") {
  // Not a constant, so that the compiler does not warn of what is tested.
  volatile size_t too_much = SIZE_MAX / 2;
  Buffer buffer;
  REQUIRE(buffer.reserve(4));
  CHECK_FALSE(buffer.reserve(too_much));
  CHECK(buffer.capacity() == 0);
  CHECK(buffer.data() == nullptr);
  CHECK(buffer.reserve(4));
}
