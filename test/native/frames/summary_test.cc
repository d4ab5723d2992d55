// The set of blocks in which one is found in a few steps.
#include "frames/summary.h"

#include <random>
#include <set>
#include <thread>
#include <vector>

#include "frames/support.h"

using namespace freestone::frames;

namespace {

struct Made {
  explicit Made(uint32_t blocks) : words(Summary::words_for(blocks)) { summary.init(words.data(), blocks); }
  std::vector<std::atomic<uint64_t>> words;
  Summary summary;
};

}  // namespace

TEST_CASE("a summary finds what a set has") {
  for (const uint32_t blocks : {1U, 63U, 64U, 65U, 4096U, 4097U, 300000U}) {
    CAPTURE(blocks);
    Made made(blocks);
    std::set<uint32_t> model;
    std::mt19937_64 random(blocks);
    for (uint64_t step = 0; step < steps(20000); ++step) {
      const auto block = static_cast<uint32_t>(random() % blocks);
      if (random() % 2 == 0) {
        made.summary.insert(block);
        model.insert(block);
      } else {
        made.summary.erase(block);
        model.erase(block);
      }
      REQUIRE(made.summary.contains(block) == (model.count(block) != 0));
      const auto from = static_cast<uint32_t>(random() % blocks);
      const auto found = model.lower_bound(from);
      const uint32_t expected = found == model.end() ? kNoBlock : *found;
      REQUIRE(made.summary.find(from) == expected);
      if (step % 256 == 0) REQUIRE(made.summary.sweep(from) == expected);
    }
  }
}

TEST_CASE("no block is lost when threads insert and erase its neighbours") {
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kEach = 64;
  Made made(kThreads * kEach);
  std::vector<std::thread> threads;
  for (uint32_t id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937_64 random(id);
      for (uint64_t step = 0; step < steps(200000); ++step) {
        // Interleaved, so that every word and every bit above is everybody's.
        const auto block = static_cast<uint32_t>(random() % kEach) * kThreads + id;
        made.summary.insert(block);
        if (step % 8 != 0) made.summary.erase(block);
      }
      for (uint32_t i = 0; i < kEach; ++i) made.summary.erase(i * kThreads + id);
      made.summary.insert(id * kThreads * 7 + id);
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint32_t at = 0;
  for (uint32_t id = 0; id < kThreads; ++id) {
    REQUIRE(made.summary.find(at) == id * kThreads * 7 + id);
    at = id * kThreads * 7 + id + 1;
  }
  CHECK(made.summary.find(at) == kNoBlock);
}
