#include "base/array.h"

#include <doctest/doctest.h>

using freestone::base::Array;

TEST_CASE("an array keeps what is pushed while it grows") {
  Array<uint64_t> array;
  for (uint64_t i = 0; i < 10000; ++i) REQUIRE(array.push(i * 3));
  REQUIRE(array.size() == 10000);
  for (uint64_t i = 0; i < 10000; ++i) REQUIRE(array[i] == i * 3);
}

TEST_CASE("an array grows by half, so that little is wasted") {
  Array<uint64_t> array;
  for (uint64_t i = 0; i < 100000; ++i) {
    REQUIRE(array.push(i));
    REQUIRE(array.capacity() <= array.size() * 3 / 2 + 16);
  }
}

TEST_CASE("an element of the array itself can be pushed while it grows") {
  Array<uint64_t> array;
  REQUIRE(array.push(42));
  for (int i = 0; i < 1000; ++i) REQUIRE(array.push(array[0]));
  CHECK(array[1000] == 42);
}

TEST_CASE("room that no memory has is refused, and the content stays") {
  Array<uint64_t> array;
  REQUIRE(array.push(7));
  CHECK_FALSE(array.reserve(SIZE_MAX));
  CHECK_FALSE(array.reserve(SIZE_MAX / 8));
  REQUIRE(array.size() == 1);
  CHECK(array[0] == 7);
}

TEST_CASE("moving empties the source and assigning copies") {
  Array<int> source;
  REQUIRE(source.push(1));
  REQUIRE(source.push(2));
  Array<int> copy;
  REQUIRE(copy.assign(source.span()));
  Array<int> target(std::move(source));
  CHECK(source.empty());  // NOLINT: that is what is tested
  REQUIRE(target.size() == 2);
  CHECK(target[1] == 2);
  target = std::move(copy);
  CHECK(target.size() == 2);
  REQUIRE(target.assign({}));
  CHECK(target.empty());
}
