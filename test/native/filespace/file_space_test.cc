#include "filespace/file_space.h"

#include <doctest/doctest.h>

#include <random>
#include <thread>
#include <vector>

using namespace freestone;
using base::Code;
using filespace::Block;
using filespace::FileSpace;

namespace {

base::Ref<FileSpace> make(uint64_t initial, uint64_t limit = base::kMaxAddress) {
  auto space = FileSpace::make({.initial_offset = initial, .limit = limit});
  REQUIRE(space.ok());
  return space.take();
}

}  // namespace

TEST_CASE("blocks follow each other from the initial offset on") {
  const auto space = make(48);
  CHECK(space->end_of_file() == 48);
  CHECK(space->allocate(100).value() == 48);
  CHECK(space->allocate(1).value() == 148);
  CHECK(space->allocate(7).value() == 149);
  CHECK(space->end_of_file() == 156);
  const auto blocks = space->blocks();
  REQUIRE(blocks.ok());
  REQUIRE(blocks.value().size() == 3);
  CHECK(blocks.value()[0] == Block{48, 100});
  CHECK(blocks.value()[2] == Block{149, 7});
  CHECK(space->validate_no_overlaps().ok());
}

TEST_CASE("an aligned block starts at a multiple, and what is skipped is not allocated") {
  const auto space = make(1);
  CHECK(space->allocate(1, 8).value() == 8);
  CHECK(space->allocate(1, 4096).value() == 4096);
  CHECK(space->allocate(4095, 1).value() == 4097);
  CHECK(space->allocate(1, 4096).value() == 8192);
  CHECK(space->is_allocated(8, 1));
  CHECK_FALSE(space->is_allocated(9, 4087));
  CHECK(space->is_allocated(9, 4088));
}

TEST_CASE("what cannot be allocated is refused and changes nothing") {
  const auto space = make(10, 1000);
  CHECK(space->allocate(0).status().code() == Code::kInvalidSize);
  CHECK(space->allocate(UINT64_MAX).status().code() == Code::kInvalidSize);
  CHECK(space->allocate(1, 0).status().code() == Code::kInvalidAlignment);
  CHECK(space->allocate(1, 3).status().code() == Code::kInvalidAlignment);
  CHECK(space->allocate(991).status().code() == Code::kLimitExceeded);
  CHECK(space->allocate(1, 1024).status().code() == Code::kLimitExceeded);
  CHECK(space->allocate(1, uint64_t{1} << 63).status().code() == Code::kLimitExceeded);
  CHECK(space->end_of_file() == 10);
  CHECK(space->blocks().value().empty());
  CHECK(space->allocate(990).value() == 10);
  CHECK(space->allocate(1).status().code() == Code::kLimitExceeded);
  CHECK(space->end_of_file() == 1000);
}

TEST_CASE("limits are checked when a space is made") {
  CHECK(FileSpace::make({.initial_offset = 1, .limit = 0}).status().code() == Code::kInvalidArgument);
  CHECK(FileSpace::make({.initial_offset = 0, .limit = base::kMaxAddress + 1}).status().code() ==
        Code::kInvalidArgument);
  CHECK(FileSpace::make({.initial_offset = UINT64_MAX, .limit = UINT64_MAX}).status().code() == Code::kInvalidArgument);
  CHECK(FileSpace::make({.initial_offset = 0, .limit = 0}).ok());
  CHECK(FileSpace::make({.initial_offset = base::kMaxAddress, .limit = base::kMaxAddress}).ok());
}

TEST_CASE("sizes up to 2^62 are allocated, and no sum wraps") {
  const auto space = make(0);
  const uint64_t huge = uint64_t{1} << 62;
  CHECK(space->allocate(huge).value() == 0);
  CHECK(space->allocate(huge).status().code() == Code::kLimitExceeded);
  CHECK(space->allocate(huge - 1).value() == huge);
  CHECK(space->end_of_file() == base::kMaxAddress);
  CHECK(space->allocate(1).status().code() == Code::kLimitExceeded);
  CHECK(space->allocate(base::kMaxAddress).status().code() == Code::kLimitExceeded);
  CHECK(space->allocate(1, 2).status().code() == Code::kLimitExceeded);
  CHECK(space->validate_no_overlaps().ok());
  CHECK(space->is_allocated(base::kMaxAddress - 1, UINT64_MAX));
  CHECK_FALSE(space->is_allocated(base::kMaxAddress, UINT64_MAX));
}

TEST_CASE("whether a range is allocated agrees with looking at every block") {
  const auto space = make(100);
  std::mt19937 engine(5);
  for (int i = 0; i < 300; ++i) REQUIRE(space->allocate(1 + engine() % 20, uint64_t{1} << engine() % 6).ok());
  const auto copied = space->blocks();
  REQUIRE(copied.ok());
  for (int i = 0; i < 5000; ++i) {
    const Block range{engine() % (space->end_of_file() + 50), engine() % 30};
    bool expected = false;
    for (const Block& block : copied.value().span()) expected = expected || overlap(block, range);
    CHECK(space->is_allocated(range.offset, range.size) == expected);
  }
}

TEST_CASE("nothing is allocated in an empty space, and an empty range never is") {
  const auto space = make(0);
  CHECK_FALSE(space->is_allocated(0, UINT64_MAX));
  REQUIRE(space->allocate(100).ok());
  CHECK_FALSE(space->is_allocated(50, 0));
}

TEST_CASE("ten thousand small allocations are all remembered in 32 bytes each or less") {
  const auto space = make(0);
  for (uint64_t i = 0; i < 10'000; ++i) REQUIRE(space->allocate(3).value() == i * 3);
  const auto blocks = space->blocks();
  REQUIRE(blocks.ok());
  CHECK(blocks.value().size() == 10'000);
  CHECK(space->validate_no_overlaps().ok());
  // The list grows by half of 16 bytes a block; see the tests of base::Array.
  CHECK(sizeof(Block) * 3 / 2 <= 32);
}

TEST_CASE("eight threads at once get blocks that do not overlap and add up") {
  const auto space = make(512);
  constexpr int kEach = 3000;
  std::vector<std::thread> threads;
  std::vector<std::vector<Block>> got(8);
  for (uint32_t id = 0; id < 8; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937 engine(id);
      for (int i = 0; i < kEach; ++i) {
        const uint64_t size = 1 + engine() % 5000;
        const auto offset = space->allocate(size);
        if (offset.ok()) got[id].push_back({offset.value(), size});
        (void)space->is_allocated(engine() % 100'000, 10);
        if (i % 500 == 0) (void)space->validate_no_overlaps();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Block> all;
  uint64_t total = 0;
  for (const auto& blocks : got) {
    REQUIRE(blocks.size() == kEach);
    for (const Block& block : blocks) {
      all.push_back(block);
      total += block.size;
    }
  }
  CHECK(filespace::validate_no_overlaps(all).ok());
  CHECK(space->validate_no_overlaps().ok());
  CHECK(space->end_of_file() == 512 + total);
  CHECK(space->blocks().value().size() == 8 * kEach);
}
