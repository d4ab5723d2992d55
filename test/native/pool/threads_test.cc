#include <atomic>
#include <latch>
#include <mutex>

#include "pool/support.h"

namespace freestone::pool {

using base::Code;

TEST_CASE("blocks that other threads free come back to their heap in a sweep") {
  MappedSource source;
  const auto pool = make_pool(source);
  std::vector<void*> blocks;
  for (int i = 0; i < 10'000; ++i) blocks.push_back(get(pool, 64));
  uint64_t refused = 0;
  std::thread([&] {
    for (void* const block : blocks) refused += pool->free(block).ok() ? 0 : 1;
    for (void* const block : blocks) refused += pool->free(block).ok() ? 0 : 1;
  }).join();
  CHECK(refused == blocks.size());
  CHECK(pool->stats().live_blocks == 0);
  const uint64_t committed = pool->stats().committed;
  for (int i = 0; i < 10'000; ++i) (void)get(pool, 64);
  CHECK(pool->stats().committed == committed);
  CHECK(pool->stats().cross_thread_frees == 10'000);
  CHECK(pool->validate().ok());
}

TEST_CASE("four threads that free each other's blocks never meet in one") {
  MappedSource source;
  {
    const auto pool = make_pool(source);
    struct Block {
      uint64_t* at;
      size_t words;
      uint64_t stamp;
    };
    std::mutex mutex;
    std::vector<Block> shared;
    std::atomic<uint64_t> damaged{0};
    // A thread that came after another one's end would take over its heap.
    std::latch all_have_heaps(4);
    const auto work = [&](uint64_t seed) {
      std::mt19937_64 random(seed);
      damaged += pool->free(get(pool, 16)).ok() ? 0 : 1;
      all_have_heaps.arrive_and_wait();
      for (uint64_t i = 0; i < steps(60'000); ++i) {
        const size_t words = 1 + random() % (i % 100 == 0 ? 12'000 : 150);
        const auto made = pool->allocate(words * 8);
        if (!made.ok()) continue;
        const Block mine{static_cast<uint64_t*>(made.value()), words, random()};
        mine.at[0] = mine.stamp;
        mine.at[words - 1] = mine.stamp;
        Block other = mine;
        {
          const std::lock_guard guard(mutex);
          if (shared.size() < 500) {
            shared.push_back(mine);
            continue;
          }
          std::swap(other, shared[random() % shared.size()]);
        }
        damaged += other.at[0] == other.stamp && other.at[other.words - 1] == other.stamp ? 0 : 1;
        damaged += pool->free(other.at).ok() ? 0 : 1;
      }
    };
    std::vector<std::thread> threads;
    for (uint64_t seed = 1; seed <= 4; ++seed) threads.emplace_back(work, seed);
    for (std::thread& thread : threads) thread.join();
    CHECK(damaged == 0);
    CHECK(pool->stats().live_blocks == shared.size());
    for (const Block& block : shared) CHECK(pool->free(block.at).ok());
    CHECK(pool->stats().live_blocks == 0);
    (void)pool->trim();
    CHECK(pool->validate().ok());
    CHECK(pool->stats().abandoned_heaps == 4);
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("a block that one thread resizes while another frees it is freed once") {
  MappedSource source;
  const auto pool = make_pool(source);
  for (int round = 0; round < 200; ++round) {
    void* const block = get(pool, 400'000);
    std::latch go(2);
    bool freed = false;
    std::thread other([&] {
      go.arrive_and_wait();
      freed = pool->free(block).ok();
    });
    go.arrive_and_wait();
    const auto resized = pool->resize(block, round % 2 == 0 ? 100'000 : 800'000);
    other.join();
    // Refused while it was being resized, or freed before or after.
    CHECK((resized.code() != Code::kInvalidAddress || freed));
    if (!freed) CHECK(pool->free(block).ok());
    CHECK_FALSE(pool->free(block).ok());
  }
  CHECK(pool->stats().live_blocks == 0);
  CHECK(source.live_bytes() == 0);
  CHECK(pool->validate().ok());
}

TEST_CASE("a resize that comes too late changes no block but its own") {
  MappedSource source;
  const auto pool = make_pool(source);
  std::atomic<void*> resized{nullptr};
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done.load()) (void)pool->resize(resized.load(), 100'000);
  });
  uint64_t changed = 0;
  for (uint64_t round = 0; round < steps(20'000); ++round) {
    void* const block = get(pool, 400'000);
    resized = block;
    while (!pool->free(block).ok()) {
    }
    // At least as large as the first, so that it does not fit into what that leaves when something is beside it.
    void* const next = get(pool, 400'000 + round % 7 * 70'000);
    if (next != block && pool->usable_size(next).value() < 400'000) ++changed;
    while (!pool->free(next).ok()) {
    }
  }
  done = true;
  other.join();
  CHECK(changed == 0);
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("of threads that free one foreign block at once, one succeeds") {
  MappedSource source;
  const auto pool = make_pool(source);
  for (int round = 0; round < 200; ++round) {
    void* const block = get(pool, round % 2 == 0 ? 48 : 200'000);
    std::atomic<int> freed{0};
    std::atomic<bool> go{false};
    const auto work = [&] {
      while (!go.load()) {
      }
      freed += pool->free(block).ok() ? 1 : 0;
    };
    std::thread first(work);
    std::thread second(work);
    go = true;
    first.join();
    second.join();
    REQUIRE(freed == 1);
  }
}

TEST_CASE("the heap of a thread that ended serves the next one") {
  MappedSource source;
  const auto pool = make_pool(source);
  for (int i = 0; i < 20; ++i) {
    std::thread([&] {
      const auto block = pool->allocate(100);
      CHECK(pool->free(block.value()).ok());
    }).join();
  }
  CHECK(pool->stats().heaps == 1);
  CHECK(pool->stats().abandoned_heaps == 1);
}

TEST_CASE("threads outlive pools, and pools outlive threads") {
  MappedSource source;
  for (int i = 0; i < 50; ++i) {
    auto pool = make_pool(source);
    (void)get(pool, 100);
    std::thread([held = pool] { (void)held->allocate(5000); }).join();
    pool = {};
    CHECK(source.live_bytes() == 0);
  }
}

TEST_CASE("everything may be freed at once while other threads allocate and free") {
  MappedSource source;
  {
    const auto pool = make_pool(source);
    std::atomic<bool> stop{false};
    std::latch under_way(3);
    const auto work = [&](uint64_t seed) {
      std::mt19937_64 random(seed);
      void* blocks[64] = {};
      blocks[0] = pool->allocate(16).value();
      under_way.arrive_and_wait();
      while (!stop.load()) {
        void*& block = blocks[random() % 64];
        if (block != nullptr) (void)pool->free(block);
        const auto made = pool->allocate(1 + random() % 70'000);
        block = made.ok() ? made.value() : nullptr;
      }
    };
    std::thread first(work, 1);
    std::thread second(work, 2);
    under_way.arrive_and_wait();
    for (uint64_t i = 0; i < steps(2000); ++i) {
      pool->free_all();
      std::this_thread::yield();
    }
    stop = true;
    first.join();
    second.join();
    pool->free_all();
    CHECK(pool->stats().live_blocks == 0);
    CHECK(pool->validate().ok());
    CHECK(pool->trim() > 0);
    CHECK(source.live_bytes() == 0);
  }
}

}  // namespace freestone::pool
