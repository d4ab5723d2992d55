#include "pipeline/scratch.h"

#include <doctest/doctest.h>

#include <cstring>

using freestone::pipeline::Scratch;

TEST_CASE("two buffers take turns, so that the last result survives the next call") {
  Scratch scratch;
  uint8_t* const first = scratch.next(100);
  uint8_t* const second = scratch.next(100);
  REQUIRE(first != nullptr);
  REQUIRE(second != nullptr);
  CHECK(first != second);
  CHECK(scratch.next(50) == first);
  CHECK(scratch.next(100) == second);
}

TEST_CASE("growing keeps the last result") {
  Scratch scratch;
  std::memcpy(scratch.next(4), "abcd", 4);
  CHECK(std::memcmp(scratch.grow(1 << 20), "abcd", 4) == 0);
}

TEST_CASE("memory that is not there is a null pointer, and large buffers can be given back") {
  volatile size_t too_much = SIZE_MAX / 2;
  Scratch scratch;
  CHECK(scratch.next(too_much) == nullptr);
  REQUIRE(scratch.next(1000) != nullptr);
  scratch.shrink(10);
  CHECK(scratch.next(1000) != nullptr);
}
