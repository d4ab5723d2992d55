// The buddy lists against a naive array of blocks.
#include "frames/buddy.h"

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "frames/support.h"

using namespace freestone::frames;

namespace {

struct Piece {
  BlockIndex block;
  Order order;
  [[nodiscard]] uint32_t blocks() const { return 1U << (order - kBlockOrder); }
};

}  // namespace

TEST_CASE("buddy lists give aligned runs that do not overlap, from any range, and merge them all again") {
  // Ranges that neither begin nor end where a large run does.
  for (const auto& [first, end] : {std::pair<BlockIndex, BlockIndex>{0, 2048}, {3, 4099}, {5, 6}, {100, 1777}}) {
    CAPTURE(first);
    std::vector<BlockRecord> records(end);
    Buddy buddy;
    buddy.init(records.data(), first, end);
    std::vector<bool> used(end);
    std::vector<Piece> runs;
    std::mt19937_64 random(end);
    for (uint64_t step = 0; step < steps(50000); ++step) {
      if (random() % 2 == 0) {
        const auto order = kBlockOrder + static_cast<Order>(random() % (kMaxOrder - kBlockOrder + 1));
        const BlockIndex block = buddy.allocate(order);
        if (block == kNoBlock) continue;
        const Piece run{block, order};
        REQUIRE(block % run.blocks() == 0);
        REQUIRE(block >= first);
        REQUIRE(block + run.blocks() <= end);
        for (BlockIndex i = block; i < block + run.blocks(); ++i) {
          REQUIRE_FALSE(used[i]);
          used[i] = true;
        }
        runs.push_back(run);
      } else if (!runs.empty()) {
        const size_t index = random() % runs.size();
        const Piece run = runs[index];
        std::fill_n(used.begin() + run.block, run.blocks(), false);
        // As one, or in pieces of any length.
        const auto head = static_cast<uint32_t>(random() % run.blocks());
        if (random() % 2 == 0 || head == 0) {
          buddy.release(run.block, run.order);
        } else {
          buddy.release_range(run.block + head, run.blocks() - head);
          buddy.release_range(run.block, head);
        }
        runs[index] = runs.back();
        runs.pop_back();
      }
      if (step % 512 == 0) {
        REQUIRE(buddy.validate());
        REQUIRE(buddy.free_blocks() == static_cast<uint64_t>(std::count(used.begin() + first, used.end(), false)));
      }
    }
    for (const Piece& run : runs) buddy.release(run.block, run.order);
    CHECK(buddy.validate());
    CHECK(buddy.free_blocks() == end - first);
  }
}

TEST_CASE("an allocation that fails has seen no run that was free all the time") {
  // One run of four blocks goes back and forth in halves; one block is always free.
  std::vector<BlockRecord> records(8);
  Buddy buddy;
  buddy.init(records.data(), 0, 8);
  std::atomic<uint64_t> faults{0};
  std::vector<std::thread> threads;
  for (uint32_t id = 0; id < 4; ++id) {
    threads.emplace_back([&] {
      for (uint64_t step = 0; step < steps(100000); ++step) {
        // Four threads with one or two blocks each of eight: there is always a block for everyone.
        const BlockIndex one = buddy.allocate(kBlockOrder);
        if (one == kNoBlock) {
          ++faults;
          continue;
        }
        const BlockIndex two = buddy.allocate(kBlockOrder);
        if (two == kNoBlock) ++faults;
        buddy.release(one, kBlockOrder);
        if (two != kNoBlock) buddy.release(two, kBlockOrder);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(faults.load() == 0);
  CHECK(buddy.validate());
  CHECK(buddy.free_blocks() == 8);
}
