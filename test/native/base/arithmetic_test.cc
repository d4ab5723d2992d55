#include "base/arithmetic.h"

#include <doctest/doctest.h>

#include <random>

using namespace freestone::base;

TEST_CASE("a sum is given up to 2^63 - 1 and not beyond") {
  CHECK(checked_add(2, 3) == 5);
  CHECK(checked_add(kMaxAddress, 0) == kMaxAddress);
  CHECK(checked_add(kMaxAddress - 5, 5) == kMaxAddress);
  CHECK_FALSE(checked_add(kMaxAddress, 1));
  CHECK_FALSE(checked_add(UINT64_MAX, 1));
  CHECK_FALSE(checked_add(1, UINT64_MAX));
  CHECK_FALSE(checked_add(kMaxAddress + 1, 0));
}

TEST_CASE("a product is given up to 2^63 - 1 and not beyond") {
  CHECK(checked_multiply(0, UINT64_MAX) == 0);
  CHECK(checked_multiply(UINT64_MAX, 0) == 0);
  CHECK(checked_multiply(kMaxAddress, 1) == kMaxAddress);
  CHECK(checked_multiply(uint64_t{1} << 31, uint64_t{1} << 31) == uint64_t{1} << 62);
  CHECK_FALSE(checked_multiply(uint64_t{1} << 32, uint64_t{1} << 31));
  CHECK_FALSE(checked_multiply(kMaxAddress, 2));
  CHECK_FALSE(checked_multiply(1, UINT64_MAX));
}

TEST_CASE("sums and products agree with 128-bit arithmetic") {
  std::mt19937_64 engine(1);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t a = engine() >> engine() % 64;
    const uint64_t b = engine() >> engine() % 64;
    __extension__ using Wide = unsigned __int128;
    const Wide sum = Wide{a} + b;
    const Wide product = Wide{a} * b;
    const auto expect = [](Wide wide) {
      return wide <= kMaxAddress ? std::optional(static_cast<uint64_t>(wide)) : std::nullopt;
    };
    CHECK(checked_add(a, b) == expect(sum));
    CHECK(checked_multiply(a, b) == expect(product));
  }
}

TEST_CASE("aligning goes up to the next multiple, stays on one, and does not wrap") {
  CHECK(align_up(0, 4096) == 0);
  CHECK(align_up(1, 4096) == 4096);
  CHECK(align_up(4096, 4096) == 4096);
  CHECK(align_up(12345, 1) == 12345);
  CHECK(align_up(kMaxAddress, 1) == kMaxAddress);
  CHECK_FALSE(align_up(kMaxAddress, 2));
  CHECK(align_up(1, uint64_t{1} << 62) == uint64_t{1} << 62);
  CHECK_FALSE(align_up((uint64_t{1} << 62) + 1, uint64_t{1} << 62));
  CHECK_FALSE(align_up(1, uint64_t{1} << 63));
}
