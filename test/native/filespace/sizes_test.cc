#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "filespace/filespace.h"

using namespace freestone;
using base::Code;
using filespace::Block;
using filespace::FileSpace;
using filespace::Strategy;

TEST_CASE("ten thousand blocks of up to 1 GB are freed and used again, by every strategy") {
  for (const Strategy strategy : {Strategy::kFirstFit, Strategy::kBestFit, Strategy::kWorstFit}) {
    auto made = FileSpace::make({.initial_offset = 48, .strategy = strategy});
    REQUIRE(made.ok());
    const auto space = made.take();
    std::mt19937_64 engine(3);
    std::vector<Block> live;
    uint64_t bytes = 0;
    for (int i = 0; i < 10'000; ++i) {
      const uint64_t size = 1 + (uint64_t{1} << engine() % 30) + engine() % 1000;
      const auto offset = space->allocate(size, uint64_t{1} << engine() % 13);
      REQUIRE(offset.ok());
      live.push_back({offset.value(), size});
      bytes += size;
      if (engine() % 2 == 0) {
        std::swap(live[engine() % live.size()], live.back());
        REQUIRE(space->free(live.back().offset, live.back().size).ok());
        bytes -= live.back().size;
        live.pop_back();
      }
      if (i % 100 == 0) REQUIRE(space->commit().ok());
    }
    REQUIRE(space->commit().ok());
    CHECK(filespace::validate_no_overlaps(live).ok());
    CHECK(space->stats().live_bytes == bytes);
    CHECK(space->validate().ok());
    for (const Block& block : live) REQUIRE(space->free(block.offset, block.size).ok());
    REQUIRE(space->commit().ok());
    CHECK(space->end_of_file() == 48);
  }
}

TEST_CASE("a hole of 2^62 bytes is freed, divided, merged again and given back") {
  auto made = FileSpace::make({.strategy = Strategy::kBestFit});
  REQUIRE(made.ok());
  const auto space = made.take();
  const uint64_t huge = uint64_t{1} << 62;
  REQUIRE(space->allocate(huge).value() == 0);
  REQUIRE(space->allocate(10).value() == huge);
  REQUIRE(space->free(0, huge).ok());
  REQUIRE(space->commit().ok());
  CHECK(space->stats().largest_hole == huge);
  CHECK(space->allocate(huge / 2, huge / 2).value() == 0);
  CHECK(space->allocate(huge / 2 + 1).value() == huge + 10);
  CHECK(space->allocate(huge).status().code() == Code::kLimitExceeded);
  CHECK(space->extend(0, huge / 2, huge).value());
  CHECK_FALSE(space->extend(0, huge, huge + 1).value());
  REQUIRE(space->free_range(1, huge - 1).ok());
  REQUIRE(space->commit().ok());
  CHECK(space->holes().value()[0].block == Block{1, huge - 1});
  CHECK(space->validate().ok());
}
