#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "support.h"

namespace freestone::slab {

namespace {

constexpr unsigned kThreads = 4;

/// Where threads leave blocks for each other: the first byte says how long one is, so that its mark can be checked.
struct Exchange {
  std::atomic<uint8_t*> places[64] = {};
};

size_t random_size(std::mt19937_64& random) {
  return random() % 50 == 0 ? 130000 + random() % 200000 : 1 + random() % 2000;
}

}  // namespace

TEST_CASE("four threads allocate, and free what the others allocated") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  Exchange exchange;
  std::atomic<uint64_t> failures{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      const uint64_t count = steps(200000);
      for (uint64_t i = 0; i < count; ++i) {
        const size_t size = random_size(random);
        const auto block = heap->alloc(size);
        if (!block.ok()) {
          failures.fetch_add(1);
          continue;
        }
        auto* bytes = static_cast<uint8_t*>(block.value());
        std::memset(bytes, static_cast<int>(t), std::min<size_t>(size, 32));
        // Release and acquire: a block is handed over with its content.
        uint8_t* const other = exchange.places[random() % 64].exchange(bytes, std::memory_order_acq_rel);
        if (other == nullptr) continue;
        if (other[0] >= kThreads || !heap->free(other).ok()) failures.fetch_add(1);
        if (i % 20000 == 19999) (void)heap->trim();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures.load() == 0);
  for (auto& place : exchange.places) {
    if (uint8_t* const left = place.load()) CHECK(heap->free(left).ok());
  }
  (void)heap->trim();
  CHECK(heap->validate().ok());
  CHECK(heap->stats().allocated == 0);
  CHECK(heap->stats().committed == 0);
  CHECK(heap->stats().local.remote_frees > 0);
}

TEST_CASE("of several threads that free one block, one succeeds") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  const uint64_t rounds = steps(2000);
  std::vector<uint8_t*> blocks(64);
  std::atomic<uint64_t> freed{0};
  std::atomic<uint64_t> round{0};
  std::atomic<unsigned> done{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (uint64_t mine = 1; mine <= rounds; ++mine) {
        while (round.load(std::memory_order_acquire) < mine) std::this_thread::yield();
        for (uint8_t* const block : blocks) {
          if (heap->free(block).ok()) freed.fetch_add(1);
        }
        done.fetch_add(1, std::memory_order_acq_rel);
      }
    });
  }
  for (uint64_t mine = 1; mine <= rounds; ++mine) {
    for (uint8_t*& block : blocks) block = get(*heap, mine % 8 == 0 ? 150000 : 700);
    round.store(mine, std::memory_order_release);
    while (done.load(std::memory_order_acquire) < mine * kThreads) std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(freed.load() == rounds * blocks.size());
  CHECK(heap->validate().ok());
}

TEST_CASE("a heap is closed while other threads free into it: each free succeeds or is refused") {
  const auto space = make_space();
  const uint64_t rounds = steps(100);
  for (uint64_t round = 0; round < rounds; ++round) {
    const auto heap = make_heap(space);
    std::vector<std::vector<uint8_t*>> blocks(kThreads);
    for (auto& list : blocks) {
      for (int i = 0; i < 500; ++i) list.push_back(get(*heap, i % 50 == 0 ? 200000 : 64 + static_cast<size_t>(i)));
    }
    std::atomic<bool> begin{false};
    std::atomic<uint64_t> odd{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        while (!begin.load(std::memory_order_acquire)) std::this_thread::yield();
        for (uint8_t* const block : blocks[t]) {
          const base::Status status = heap->free(block);
          if (!status.ok() && status.code() != base::Code::kClosed && status.code() != base::Code::kInvalidAddress) {
            odd.fetch_add(1);
          }
        }
      });
    }
    begin.store(true, std::memory_order_release);
    if (round % 2 == 0) std::this_thread::yield();
    heap->close();
    for (std::thread& thread : threads) thread.join();
    CHECK(odd.load() == 0);
    CHECK(heap->stats().committed == 0);
  }
  const auto after = make_heap(space);
  CHECK(after->validate().ok());
}

TEST_CASE("local heaps without locks: what one thread allocates another frees, and the owner takes it over") {
  const auto space = make_space();
  const auto heap = make_heap(space);
  constexpr size_t kPlaces = 256;
  std::vector<std::atomic<void*>> ring(kPlaces);
  const uint64_t count = steps(400000);
  std::atomic<uint64_t> refused{0};
  std::thread consumer([&] {
    LocalHeap* const local = heap->acquire_local();
    for (uint64_t i = 0; i < count; ++i) {
      void* block = nullptr;
      while ((block = ring[i % kPlaces].exchange(nullptr, std::memory_order_acq_rel)) == nullptr) {
        std::this_thread::yield();
      }
      if (local->free(block) != Freed::kDone) refused.fetch_add(1);
    }
    heap->release_local(local);
  });
  LocalHeap* const local = heap->acquire_local();
  for (uint64_t i = 0; i < count; ++i) {
    void* const block = local->alloc(class_of(16 + i % 500));
    REQUIRE(block != nullptr);
    *static_cast<uint64_t*>(block) = i;
    while (ring[i % kPlaces].load(std::memory_order_relaxed) != nullptr) std::this_thread::yield();
    ring[i % kPlaces].store(block, std::memory_order_release);
  }
  consumer.join();
  local->trim();
  CHECK(refused.load() == 0);
  CHECK(local->validate().ok());
  heap->release_local(local);
  CHECK(heap->stats().local.remote_batches > 0);
}

}  // namespace freestone::slab
