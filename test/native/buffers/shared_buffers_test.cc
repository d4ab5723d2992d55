// Blocks that members hand to each other through their words alone, as JavaScript does.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "../slab/support.h"
#include "buffers/buffers.h"

namespace freestone::buffers {

using base::Code;
using slab::kMiB;
using slab::steps;

namespace {

/// What JavaScript brings: the memory and the words.
class Lent {
 public:
  explicit Lent(uint64_t bytes) : bytes_(bytes), words_(bytes / kLeastBlock) {
    memory_ = os::reserve(bytes, 2 * kMiB).take();
    REQUIRE(os::commit(memory_, bytes).ok());
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() { (void)os::release(memory_, bytes_); }

  [[nodiscard]] base::Ref<SharedBuffers> make(uint64_t limit) {
    auto made = SharedBuffers::make({memory_, bytes_}, words_, limit);
    REQUIRE(made.ok());
    return made.take();
  }
  [[nodiscard]] std::atomic<uint32_t>& word(uint64_t offset) { return words_[offset / kLeastBlock]; }
  [[nodiscard]] BlockWord read(uint64_t offset) { return BlockWord::unpack(word(offset).load()); }
  void set(uint64_t offset, BlockState state) {
    BlockWord now = read(offset);
    now.state = state;
    word(offset).store(now.pack());
  }
  [[nodiscard]] uint8_t* at(uint64_t offset) { return memory_ + offset; }

 private:
  uint64_t bytes_;
  uint8_t* memory_;
  std::vector<std::atomic<uint32_t>> words_;
};

}  // namespace

TEST_CASE("a word keeps all its parts") {
  const BlockWord word{.state = BlockState::kTransit, .size_class = 127, .member = 511, .generation = 0x3FFF};
  const BlockWord back = BlockWord::unpack(word.pack());
  CHECK(back.state == word.state);
  CHECK(back.size_class == word.size_class);
  CHECK(back.member == word.member);
  CHECK(back.generation == word.generation);
}

TEST_CASE("blocks are a member's until it drains them, and zero when they must be") {
  Lent lent(64 * kMiB);
  const auto buffers = lent.make(32 * kMiB);
  const uint32_t member = buffers->join().take();
  uint64_t offsets[8];
  for (const uint64_t size : {uint64_t{64}, uint64_t{65536}}) {
    REQUIRE(buffers->refill(member, 5, size, true, offsets).ok());
    CHECK(buffers->stats().bytes == 8 * size);
    for (const uint64_t offset : offsets) {
      CHECK(lent.read(offset).state == BlockState::kCached);
      CHECK(lent.read(offset).member == member);
      CHECK(lent.read(offset).size_class == 5);
      CHECK(std::all_of(lent.at(offset), lent.at(offset) + size, [](uint8_t byte) { return byte == 0; }));
      std::memset(lent.at(offset), 0xFF, size);
    }
    CHECK(buffers->validate().ok());
    CHECK(buffers->drain(member + 1, offsets) == 0);
    lent.set(offsets[0], BlockState::kHeld);
    CHECK(buffers->drain(member, offsets) == 7);
    CHECK(buffers->drain(member, offsets) == 0);
    lent.set(offsets[0], BlockState::kCached);
    CHECK(buffers->drain(member, {offsets, 1}) == 1);
    CHECK(buffers->stats().blocks == 0);
    CHECK(buffers->stats().bytes == 0);
  }
  REQUIRE(buffers->refill(member, 60, 4 * kMiB, true, {offsets, 1}).ok());
  std::memset(lent.at(offsets[0]), 1, 4 * kMiB);
  CHECK(buffers->drain(member, {offsets, 1}) == 1);
  REQUIRE(buffers->refill(member, 60, 4 * kMiB, true, {offsets, 1}).ok());
  CHECK(lent.at(offsets[0])[4 * kMiB - 1] == 0);
  CHECK(buffers->validate().ok());
}

TEST_CASE("a refill that is refused changes nothing") {
  Lent lent(64 * kMiB);
  const auto buffers = lent.make(1 * kMiB);
  const uint32_t member = buffers->join().take();
  uint64_t offsets[16];
  CHECK(buffers->refill(member, 0, 65536 * 2, false, {offsets, 9}).code() == Code::kLimitExceeded);
  CHECK(buffers->refill(member, 0, 2 * kMiB, false, {offsets, 1}).code() == Code::kLimitExceeded);
  CHECK(buffers->refill(member, 0, 2 * kMiB, false, {offsets, 2}).code() == Code::kInvalidSize);
  CHECK(buffers->refill(member, 0, UINT64_MAX - 63, false, {offsets, 1}).code() == Code::kLimitExceeded);
  CHECK(buffers->refill(member, 0, 32, false, {offsets, 1}).code() == Code::kInvalidSize);
  CHECK(buffers->refill(member, 128, 64, false, {offsets, 1}).code() == Code::kInvalidArgument);
  CHECK(buffers->refill(0, 0, 64, false, {offsets, 1}).code() == Code::kInvalidArgument);
  CHECK(buffers->refill(member, 0, 64, false, {offsets, 0}).code() == Code::kInvalidArgument);
  CHECK(buffers->stats().bytes == 0);
  CHECK(buffers->refill(member, 0, 65536 * 2, false, {offsets, 8}).ok());
  CHECK(buffers->refill(member, 0, 64, false, {offsets, 1}).code() == Code::kLimitExceeded);
}

TEST_CASE("who leaves gives back what it held and kept, and not what is in transit") {
  Lent lent(64 * kMiB);
  const auto buffers = lent.make(32 * kMiB);
  const uint32_t stays = buffers->join().take();
  const uint32_t goes = buffers->join().take();
  CHECK(stays != goes);
  uint64_t kept[4];
  uint64_t offsets[200];
  uint64_t more[256];
  REQUIRE(buffers->refill(stays, 1, 128, false, kept).ok());
  REQUIRE(buffers->refill(goes, 1, 128, false, offsets).ok());
  REQUIRE(buffers->refill(goes, 1, 4096, false, more).ok());
  for (uint32_t i = 0; i < 100; ++i) lent.set(offsets[i], BlockState::kHeld);
  lent.set(offsets[0], BlockState::kTransit);
  const auto recovered = buffers->leave(goes);
  CHECK(recovered.held_blocks == 99);
  CHECK(recovered.held_bytes == 99 * 128);
  CHECK(recovered.cached_blocks == 356);
  CHECK(buffers->stats().blocks == 5);
  CHECK(buffers->stats().transit_blocks == 1);
  CHECK(buffers->stats().lost_blocks == 99);
  CHECK(buffers->stats().members == 1);
  CHECK(buffers->reclaim() == 1);
  CHECK(buffers->reclaim() == 0);
  CHECK(buffers->drain(stays, kept) == 4);
  CHECK(buffers->stats().bytes == 0);
  CHECK(buffers->validate().ok());
}

TEST_CASE("words that were scribbled on free nothing that is not there") {
  Lent lent(64 * kMiB);
  const auto buffers = lent.make(32 * kMiB);
  const uint32_t member = buffers->join().take();
  uint64_t offsets[16];
  REQUIRE(buffers->refill(member, 1, 1024, false, offsets).ok());
  std::mt19937_64 random(1);
  const uint32_t mine = lent.word(offsets[0]).load();
  for (uint64_t i = 0; i < steps(1000000); ++i) {
    // Also what is free, inside a block, in no segment and beyond the end.
    uint64_t offset = random() % (65 * kMiB);
    if (offset % 2 == 0) offset &= ~uint64_t{63};
    if (offset < 64 * kMiB) lent.word(offset).store(mine);
    const bool real = std::find(std::begin(offsets), std::end(offsets), offset) != std::end(offsets);
    if (!real) CHECK(buffers->drain(member, {&offset, 1}) == 0);
  }
  for (const uint64_t offset : offsets) lent.word(offset).store(mine);
  CHECK(buffers->drain(member, offsets) == 16);
  CHECK(buffers->validate().ok());
}

TEST_CASE("each token is taken once, and who takes it sees what was written before") {
  Lent lent(64 * kMiB);
  const auto buffers = lent.make(32 * kMiB);
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kPlaces = 32;
  // Tokens lie here: offset and generation, 0 for none.
  std::atomic<uint64_t> places[kPlaces] = {};
  std::atomic<uint64_t> taken{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      const uint32_t member = buffers->join().take();
      for (uint64_t i = 0; i < steps(100000); ++i) {
        std::atomic<uint64_t>& place = places[random() % kPlaces];
        if (random() % 2 == 0) {
          uint64_t offset = 0;
          if (!buffers->refill(member, 3, 256, false, {&offset, 1}).ok()) continue;
          lent.set(offset, BlockState::kHeld);
          std::memset(lent.at(offset), static_cast<int>(offset >> 8), 256);
          BlockWord word = lent.read(offset);
          word.state = BlockState::kTransit;
          word.generation = (word.generation + 1) & 0x3FFF;
          lent.word(offset).store(word.pack());
          uint64_t none = 0;
          // Twice, so that two may try for it.
          const uint64_t token = offset << 16 | word.generation << 1 | 1;
          place.compare_exchange_strong(none, token, std::memory_order_relaxed);
          none = 0;
          places[random() % kPlaces].compare_exchange_strong(none, token, std::memory_order_relaxed);
        } else {
          const uint64_t token = place.exchange(0, std::memory_order_relaxed);
          if (token == 0) continue;
          const uint64_t offset = token >> 16;
          uint32_t seen = lent.word(offset).load();
          BlockWord word = BlockWord::unpack(seen);
          if (word.state != BlockState::kTransit || word.generation != (token >> 1 & 0x3FFF)) continue;
          word.state = BlockState::kHeld;
          word.member = member;
          if (!lent.word(offset).compare_exchange_strong(seen, word.pack())) continue;
          taken.fetch_add(1, std::memory_order_relaxed);
          const auto byte = static_cast<uint8_t>(offset >> 8);
          const bool whole =
              std::all_of(lent.at(offset), lent.at(offset) + 256, [byte](uint8_t each) { return each == byte; });
          if (!whole) CHECK(whole);
          if (random() % 8 != 0) {
            lent.set(offset, BlockState::kCached);
            if (buffers->drain(member, {&offset, 1}) != 1) CHECK(false);
          }
        }
      }
      buffers->leave(member);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(taken.load() > 0);
  CHECK(buffers->stats().blocks == buffers->stats().transit_blocks);
  buffers->reclaim();
  CHECK(buffers->stats().blocks == 0);
  CHECK(buffers->stats().bytes == 0);
  CHECK(buffers->validate().ok());
}

}  // namespace freestone::buffers
