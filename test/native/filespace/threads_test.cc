#include <doctest/doctest.h>

#include <random>
#include <thread>
#include <vector>

#include "filespace/filespace.h"

using namespace freestone;
using filespace::Block;
using filespace::FileSpace;
using filespace::Kind;
using filespace::Strategy;

TEST_CASE("eight threads allocate, free and commit at once, and every block is one thread's") {
  for (const Strategy strategy : {Strategy::kEndOfFile, Strategy::kFirstFit, Strategy::kBestFit, Strategy::kWorstFit}) {
    auto made =
        FileSpace::make({.initial_offset = 96, .strategy = strategy, .metadata_block = 2048, .small_data_block = 2048});
    REQUIRE(made.ok());
    const auto space = made.take();
    std::vector<std::thread> threads;
    std::vector<std::vector<Block>> held(8);
    std::vector<int> failures(8);
    for (uint32_t id = 0; id < 8; ++id) {
      threads.emplace_back([&, id] {
        std::mt19937 engine(id);
        auto& mine = held[id];
        for (int step = 0; step < 1500; ++step) {
          if (engine() % 3 != 0 || mine.empty()) {
            const uint64_t size = 1 + engine() % 3000;
            const auto offset = space->allocate(size, 1, static_cast<Kind>(engine() % 3));
            if (!offset.ok())
              ++failures[id];
            else
              mine.push_back({offset.value(), size});
          } else {
            std::swap(mine[engine() % mine.size()], mine.back());
            if (!space->is_allocated(mine.back().offset, mine.back().size)) ++failures[id];
            if (!space->free(mine.back().offset, mine.back().size).ok()) ++failures[id];
            mine.pop_back();
          }
          if (step % 100 == 0 && !space->commit().ok()) ++failures[id];
          if (step % 500 == 0 && !space->validate_no_overlaps().ok()) ++failures[id];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::vector<Block> all;
    for (uint32_t id = 0; id < 8; ++id) {
      CHECK(failures[id] == 0);
      all.insert(all.end(), held[id].begin(), held[id].end());
    }
    CHECK(filespace::validate_no_overlaps(all).ok());
    CHECK(space->validate().ok());
    CHECK(space->blocks().value().size() == all.size());
  }
}
