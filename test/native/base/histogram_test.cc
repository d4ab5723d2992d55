#include "base/histogram.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using freestone::base::Histogram;

TEST_CASE("every value falls into the bucket that begins at or below it and ends above it") {
  for (uint64_t value = 0; value < 100000; value = value < 2000 ? value + 1 : value + 97) {
    const uint32_t bucket = Histogram::bucket_of(value);
    REQUIRE(bucket < Histogram::kBuckets);
    REQUIRE(Histogram::lowest_of(bucket) <= value);
    REQUIRE(Histogram::lowest_of(bucket + 1) > value);
  }
  for (uint32_t shift = 17; shift < 63; ++shift) {
    const uint64_t value = (uint64_t{1} << shift) + 12345;
    const uint64_t lowest = Histogram::lowest_of(Histogram::bucket_of(value));
    CHECK(lowest <= value);
    CHECK(value - lowest <= value / 16);
  }
}

TEST_CASE("a histogram tells shares to a sixteenth, and the largest exactly") {
  Histogram histogram;
  CHECK(histogram.quantile(0.5) == 0);
  for (uint64_t value = 1; value <= 1000; ++value) histogram.record(value);
  CHECK(histogram.total() == 1000);
  CHECK(histogram.max() == 1000);
  CHECK(histogram.quantile(0.5) <= 500);
  CHECK(histogram.quantile(0.5) >= 468);
  CHECK(histogram.quantile(0.99) >= 928);
  histogram.clear();
  CHECK(histogram.total() == 0);
  CHECK(histogram.max() == 0);
}

TEST_CASE("no value is lost that threads record at once") {
  Histogram histogram;
  std::vector<std::thread> threads;
  for (uint64_t id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] {
      for (int i = 0; i < 10000; ++i) histogram.record(id);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (uint32_t id = 1; id <= 4; ++id) CHECK(histogram.count(id) == 10000);
  CHECK(histogram.max() == 4);
}
