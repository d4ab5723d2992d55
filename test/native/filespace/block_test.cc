#include "filespace/block.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace freestone;
using base::Code;
using filespace::Block;

TEST_CASE("blocks overlap when they share a byte") {
  CHECK(overlap(Block{0, 10}, Block{9, 1}));
  CHECK(overlap(Block{5, 1}, Block{0, 10}));
  CHECK(overlap(Block{3, 4}, Block{3, 4}));
  CHECK_FALSE(overlap(Block{0, 10}, Block{10, 10}));
  CHECK_FALSE(overlap(Block{10, 10}, Block{0, 10}));
  CHECK_FALSE(overlap(Block{0, 1}, Block{5, 1}));
}

TEST_CASE("an empty block overlaps nothing, not even inside another") {
  CHECK_FALSE(overlap(Block{5, 0}, Block{0, 10}));
  CHECK_FALSE(overlap(Block{0, 10}, Block{5, 0}));
  CHECK_FALSE(overlap(Block{5, 0}, Block{5, 0}));
}

TEST_CASE("a block's end does not wrap") {
  CHECK(end_of(Block{base::kMaxAddress, 5}) == base::kMaxAddress);
  CHECK(end_of(Block{UINT64_MAX, UINT64_MAX}) == base::kMaxAddress);
  CHECK(overlap(Block{10, UINT64_MAX}, Block{1000, 1}));
}

TEST_CASE("overlaps are found in whatever order the blocks come") {
  CHECK(filespace::validate_no_overlaps({}).ok());
  const std::vector<Block> apart{{100, 50}, {0, 10}, {10, 90}, {150, 0}, {120, 0}};
  CHECK(filespace::validate_no_overlaps(apart).ok());
  std::vector<Block> meeting = apart;
  meeting.push_back({149, 1});
  CHECK(filespace::validate_no_overlaps(meeting).code() == Code::kOverlap);
  const std::vector<Block> around{{0, 1000}, {10, 5}, {500, 5}};
  CHECK(filespace::validate_no_overlaps(around).code() == Code::kOverlap);
  const std::vector<Block> twice{{7, 3}, {7, 3}};
  CHECK(filespace::validate_no_overlaps(twice).code() == Code::kOverlap);
  const std::vector<Block> endless{{base::kMaxAddress, 1}};
  CHECK(filespace::validate_no_overlaps(endless).code() == Code::kInvalidArgument);
}

TEST_CASE("the check agrees with comparing every pair") {
  std::mt19937 engine(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Block> blocks(engine() % 8);
    for (Block& block : blocks) block = {engine() % 60, engine() % 8};
    bool meet = false;
    for (size_t i = 0; i < blocks.size(); ++i) {
      for (size_t j = 0; j < i; ++j) meet = meet || overlap(blocks[i], blocks[j]);
    }
    CHECK(filespace::validate_no_overlaps(blocks).code() == (meet ? Code::kOverlap : Code::kOk));
  }
}
