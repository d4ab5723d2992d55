// One block's bitmap against a naive array of frames.
#include "frames/bitmap.h"

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "frames/support.h"

using namespace freestone::frames;

namespace {

/// 0 is free, otherwise the number of the run that has the frame.
struct NaiveBlock {
  uint32_t owner[kBlockFrames] = {};

  [[nodiscard]] bool open(uint32_t first, uint32_t frames) const {
    return std::all_of(owner + first, owner + first + frames, [](uint32_t run) { return run == 0; });
  }
  [[nodiscard]] uint32_t first_fit(uint32_t frames, uint32_t alignment) const {
    for (uint32_t first = 0; first + frames <= kBlockFrames; first += alignment) {
      if (open(first, frames)) return first;
    }
    return kNoPosition;
  }
  [[nodiscard]] uint32_t around(uint32_t at) const {
    if (owner[at] != 0) return 0;
    uint32_t first = at, end = at + 1;
    while (first > 0 && owner[first - 1] == 0) --first;
    while (end < kBlockFrames && owner[end] == 0) ++end;
    return end - first;
  }
  [[nodiscard]] uint32_t longest() const {
    uint32_t most = 0;
    for (uint32_t at = 0; at < kBlockFrames; ++at) most = std::max(most, around(at));
    return most;
  }
};

}  // namespace

TEST_CASE("a block's bitmap gives and takes runs as an array of frames does") {
  BlockBits bits{};
  NaiveBlock naive;
  std::vector<std::pair<uint32_t, uint32_t>> runs;
  std::mt19937_64 random(11);
  uint32_t next = 1;
  for (uint64_t step = 0; step < steps(200000); ++step) {
    const auto length = [&] { return 1 + static_cast<uint32_t>(random() % (random() % 4 == 0 ? 511 : 40)); };
    if (random() % 2 == 0) {
      const uint32_t frames = length();
      const uint32_t alignment = random() % 3 == 0 ? 1U << (random() % 10) : 1;
      const uint32_t position = bits.claim(frames, alignment, static_cast<uint32_t>(random() % kBlockWords));
      if (position == kNoPosition) {
        REQUIRE(naive.first_fit(frames, alignment) == kNoPosition);
        continue;
      }
      REQUIRE(position % alignment == 0);
      REQUIRE(position + frames <= kBlockFrames);
      REQUIRE(naive.open(position, frames));
      std::fill_n(naive.owner + position, frames, next++);
      runs.emplace_back(position, frames);
      REQUIRE(bits.is_run(position, frames));
      REQUIRE(bits.run_at(position) == frames);
    } else if (!runs.empty()) {
      const size_t index = random() % runs.size();
      const auto [position, frames] = runs[index];
      // Neither an inner frame nor another length.
      if (frames > 1) {
        REQUIRE_FALSE(bits.release(position + 1, frames - 1));
        REQUIRE_FALSE(bits.release(position, frames - 1));
      }
      if (position + frames < kBlockFrames) REQUIRE_FALSE(bits.release(position, frames + 1));
      REQUIRE(bits.release(position, frames));
      REQUIRE_FALSE(bits.release(position, frames));
      std::fill_n(naive.owner + position, frames, 0U);
      runs[index] = runs.back();
      runs.pop_back();
      REQUIRE(bits.free_around(position) == naive.around(position));
    }
    if (step % 64 == 0) {
      const auto free_frames = static_cast<uint32_t>(std::count(naive.owner, naive.owner + kBlockFrames, 0U));
      REQUIRE(bits.free_count() == free_frames);
      REQUIRE(bits.used_count() == kBlockFrames - free_frames);
      REQUIRE(bits.any_free() == (free_frames != 0));
      REQUIRE(bits.all_used() == (free_frames == 0));
      REQUIRE(FreeMap(bits).longest() == naive.longest());
      const uint32_t frames = length();
      REQUIRE(bits.fits(frames, 1) == (naive.first_fit(frames, 1) != kNoPosition));
      const auto at = static_cast<uint32_t>(random() % kBlockFrames);
      if (naive.around(at) != 0) {
        REQUIRE(bits.most_class(at, bits.free_mask(at / kWordFrames)) >= class_of(naive.around(at)));
      }
    }
  }
}

TEST_CASE("a frame of a block has one owner at a time, whoever claims with whom") {
  BlockBits bits{};
  std::atomic<uint32_t> owner[kBlockFrames] = {};
  std::atomic<uint64_t> faults{0};
  std::vector<std::thread> threads;
  for (uint32_t id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937_64 random(id);
      std::vector<std::pair<uint32_t, uint32_t>> runs;
      for (uint64_t step = 0; step < steps(100000); ++step) {
        if (runs.size() < 6 && random() % 2 == 0) {
          // Whole words often: their ends meet the beginnings of what others are just freeing.
          const auto frames = static_cast<uint32_t>(random() % 2 == 0 ? 32 * (1 + random() % 3) : 1 + random() % 90);
          const uint32_t position = bits.claim(frames, 1, static_cast<uint32_t>(random() % kBlockWords));
          if (position == kNoPosition) continue;
          for (uint32_t i = position; i < position + frames; ++i) {
            if (owner[i].exchange(id, std::memory_order_relaxed) != 0) ++faults;
          }
          runs.emplace_back(position, frames);
        } else if (!runs.empty()) {
          const auto [position, frames] = runs.back();
          runs.pop_back();
          for (uint32_t i = position; i < position + frames; ++i) {
            if (owner[i].exchange(0, std::memory_order_relaxed) != id) ++faults;
          }
          if (!bits.release(position, frames)) ++faults;
        }
      }
      for (const auto& [position, frames] : runs) {
        for (uint32_t i = position; i < position + frames; ++i) owner[i].store(0, std::memory_order_relaxed);
        if (!bits.release(position, frames)) ++faults;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(faults.load() == 0);
  CHECK(bits.free_count() == kBlockFrames);
  CHECK(FreeMap(bits).longest() == kBlockFrames);
}

TEST_CASE("a block that is held gives nothing, and is held only while it is free altogether") {
  BlockBits bits{};
  const uint32_t position = bits.claim(3, 1, 0);
  CHECK_FALSE(bits.hold_all());
  REQUIRE(bits.release(position, 3));
  REQUIRE(bits.hold_all());
  CHECK(bits.was_held());
  CHECK(bits.claim(1, 1, 0) == kNoPosition);
  CHECK_FALSE(bits.release(0, 1));
  bits.open(100, false);
  CHECK(bits.is_run(0, 100));
  CHECK(bits.free_count() == kBlockFrames - 100);
}

TEST_CASE("a longer free run is never in a lower class") {
  for (uint32_t length = 1; length <= kBlockFrames; ++length) {
    CAPTURE(length);
    CHECK(class_of(length) < kListClasses);
    CHECK(shortest_of(class_of(length)) <= length);
    if (class_of(length) + 1 < kListClasses) CHECK(shortest_of(class_of(length) + 1) > length);
  }
}
