// Patterns of use that make naive free lists slow, with bounds on the nodes of the indexes that each call goes through.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "filespace/filespace.h"

using namespace freestone;
using filespace::Config;
using filespace::FileSpace;
using filespace::Kind;
using filespace::Strategy;

namespace {

base::Ref<FileSpace> make(const Config& config) {
  auto space = FileSpace::make(config);
  REQUIRE(space.ok());
  return space.take();
}

/// Nodes gone through by each of `count` calls, on average.
template <typename Work>
double visits_of(const FileSpace& space, uint64_t count, const Work& work) {
  const uint64_t before = space.stats().visits;
  work();
  return static_cast<double>(space.stats().visits - before) / static_cast<double>(count);
}

/// A look-up goes down a tree of 20 children a node or more; a call makes a few, and changes go up again.
double bound(uint64_t sections) { return 30 + 16 * std::log2(static_cast<double>(sections)) / std::log2(20.0); }

constexpr Strategy kReusing[] = {Strategy::kFirstFit, Strategy::kBestFit, Strategy::kWorstFit};

}  // namespace

TEST_CASE("a comb of equal holes is refilled, and asked for what no hole has, in O(log n)") {
  for (const Strategy strategy : kReusing) {
    const auto space = make({.strategy = strategy});
    constexpr uint64_t kTeeth = 100'000;
    for (uint64_t i = 0; i < 2 * kTeeth; ++i) REQUIRE(space->allocate(16).ok());
    CHECK(visits_of(*space, kTeeth, [&] {
            for (uint64_t i = 0; i < kTeeth; ++i) REQUIRE(space->free(i * 32, 16).ok());
            REQUIRE(space->commit().ok());
          }) < bound(2 * kTeeth));
    REQUIRE(space->stats().holes == kTeeth);
    // Too large for every hole; and at an alignment that no hole has.
    CHECK(visits_of(*space, 1000, [&] {
            for (int i = 0; i < 1000; ++i) REQUIRE(space->allocate(17).value() >= 2 * kTeeth * 16);
          }) < bound(2 * kTeeth));
    CHECK(visits_of(*space, 1000, [&] {
            for (int i = 0; i < 1000; ++i) REQUIRE(space->allocate(16, uint64_t{1} << 40).ok());
          }) < 64 * bound(2 * kTeeth));
    CHECK(visits_of(*space, kTeeth / 2, [&] {
            for (uint64_t i = 0; i < kTeeth / 2; ++i) REQUIRE(space->allocate(9 + i % 8).ok());
          }) < bound(2 * kTeeth));
    CHECK(space->validate().ok());
  }
}

TEST_CASE("holes that grow from the front, and requests that grow past all of them, take O(log n)") {
  for (const Strategy strategy : kReusing) {
    const auto space = make({.strategy = strategy});
    constexpr uint64_t kCount = 30'000;
    std::vector<filespace::Block> holes;
    for (uint64_t size = 1; size <= kCount; ++size) {
      holes.push_back({space->allocate(size).value(), size});
      REQUIRE(space->allocate(1).ok());
    }
    for (const auto& hole : holes) REQUIRE(space->free(hole.offset, hole.size).ok());
    REQUIRE(space->commit().ok());
    CHECK(visits_of(*space, kCount / 2, [&] {
            // First fit has to pass all smaller ones, which lie in front.
            for (uint64_t size = kCount; size > kCount / 2; --size) REQUIRE(space->allocate(size).ok());
          }) < bound(2 * kCount));
    CHECK(space->validate().ok());
  }
}

TEST_CASE("allocating and freeing in turn keeps a file as short as its live blocks, in O(log n)") {
  for (const Strategy strategy : kReusing) {
    const auto space = make({.strategy = strategy, .metadata_block = 2048, .small_data_block = 2048});
    constexpr uint64_t kRounds = 20'000;
    REQUIRE(space->allocate(100'000).ok());
    const uint64_t start = space->end_of_file();
    CHECK(visits_of(*space, 3 * kRounds, [&] {
            for (uint64_t i = 0; i < kRounds; ++i) {
              const auto kind = static_cast<Kind>(i % 3);
              const uint64_t offset = space->allocate(1000 + i % 7, 1, kind).value();
              REQUIRE(space->free(offset, 1000 + i % 7).ok());
              REQUIRE(space->commit().ok());
            }
          }) < bound(100));
    CHECK(space->end_of_file() <= start + 2 * 2048 + 1100);
    CHECK(space->validate().ok());
  }
}

TEST_CASE("a part of a large block that is freed on purpose is space inside pages") {
  const auto space = make({.strategy = Strategy::kBestFit, .page_size = 512});
  REQUIRE(space->allocate(5000, 1, Kind::kRaw).value() == 0);
  REQUIRE(space->free_range(500, 100).ok());
  REQUIRE(space->commit().ok());
  CHECK(space->validate().ok());
  // In two pages, and the rest of the last one.
  CHECK(space->holes().value().size() == 3);
  CHECK(space->allocate(88, 1, Kind::kRaw).value() == 512);
  CHECK(space->allocate(12, 1, Kind::kRaw).value() == 500);
}

TEST_CASE("what a large block was extended by in its pages is free as before after a rollback") {
  const auto space = make({.strategy = Strategy::kBestFit, .page_size = 512});
  REQUIRE(space->allocate(700, 1, Kind::kRaw).ok());
  REQUIRE(space->allocate(600, 1, Kind::kRaw).value() == 1024);
  REQUIRE(space->commit().ok());
  REQUIRE(space->extend(0, 700, 800).value());
  REQUIRE(space->rollback().ok());
  CHECK(space->holes().value().size() == 2);
  CHECK(space->holes().value()[0].block == filespace::Block{700, 324});
  CHECK(space->extend(1024, 600, 2000).value());
  CHECK(space->end_of_file() == 3072);
  CHECK(space->holes().value()[1].block == filespace::Block{3024, 48});
  CHECK(space->validate().ok());
}

TEST_CASE("a block is extended into the end, the block for aggregation, a free neighbour and the rest of a page") {
  SUBCASE("the end, also past the limit that it may not pass") {
    const auto space = make({.limit = 300});
    REQUIRE(space->allocate(100).ok());
    CHECK(space->extend(0, 100, 300).value());
    CHECK_FALSE(space->extend(0, 300, 301).value());
    CHECK(space->end_of_file() == 300);
  }
  SUBCASE("the block for aggregation, and with it the end") {
    const auto space = make({.strategy = Strategy::kBestFit, .metadata_block = 1000});
    REQUIRE(space->allocate(100, 1, Kind::kMetadata).value() == 0);
    CHECK(space->extend(0, 100, 400).value());
    CHECK(space->end_of_file() == 1000);
    CHECK(space->extend(0, 400, 1500).value());
    CHECK(space->end_of_file() == 1500);
  }
  SUBCASE("a free neighbour of its own kind alone") {
    const auto space = make({.strategy = Strategy::kBestFit});
    REQUIRE(space->allocate(100, 1, Kind::kRaw).ok());
    REQUIRE(space->allocate(100, 1, Kind::kMetadata).ok());
    REQUIRE(space->allocate(100, 1, Kind::kRaw).ok());
    REQUIRE(space->free(100, 100).ok());
    REQUIRE(space->commit().ok());
    CHECK_FALSE(space->extend(0, 100, 150).value());
  }
  SUBCASE("the rest of its page and no further") {
    const auto space = make({.strategy = Strategy::kBestFit, .page_size = 512});
    REQUIRE(space->allocate(100, 1, Kind::kRaw).ok());
    CHECK_FALSE(space->extend(0, 100, 513).value());
    CHECK(space->extend(0, 100, 512).value());
  }
}
