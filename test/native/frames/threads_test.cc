// Several threads in one allocator.
#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "frames/support.h"

using namespace freestone;
using namespace freestone::frames;
using base::Code;

namespace {

struct Live {
  FrameId frame;
  uint32_t frames;
};

/// Writes `id` into each frame of a run; the first and the last word of it.
void stamp(const FrameAllocator& allocator, const Live& run, uint64_t id) {
  for (uint32_t i = 0; i < run.frames; ++i) {
    auto* const words = reinterpret_cast<uint64_t*>(allocator.address_of(FrameId{index_of(run.frame) + i}));
    words[0] = id;
    words[allocator.frame_size() / 8 - 1] = id;
  }
}

bool stamped(const FrameAllocator& allocator, const Live& run, uint64_t id) {
  for (uint32_t i = 0; i < run.frames; ++i) {
    const auto* const words = reinterpret_cast<const uint64_t*>(allocator.address_of(FrameId{index_of(run.frame) + i}));
    if (words[0] != id || words[allocator.frame_size() / 8 - 1] != id) return false;
  }
  return true;
}

uint32_t random_size(std::mt19937_64& random) {
  const uint64_t kind = random() % 100;
  if (kind < 60) return 1;
  if (kind < 80) return 2 + static_cast<uint32_t>(random() % 30);
  if (kind < 92) return 33 + static_cast<uint32_t>(random() % 478);
  return kind < 97 ? 512 : 513 + static_cast<uint32_t>(random() % 1500);
}

/// Traffic of one thread; the number of faults that it saw.
uint64_t work(FrameAllocator& allocator, uint64_t id, uint64_t count, size_t most) {
  std::mt19937_64 random(id);
  std::vector<Live> live;
  uint64_t faults = 0;
  const auto release = [&](size_t index) {
    const Live run = live[index];
    if (!stamped(allocator, run, id)) ++faults;
    if (!allocator.free(run.frame, run.frames).ok()) ++faults;
    live[index] = live.back();
    live.pop_back();
  };
  for (uint64_t step = 0; step < count; ++step) {
    if (live.size() < most && (live.empty() || random() % 2 == 0)) {
      Request request;
      request.exact = random() % 2 == 0;
      const uint32_t frames = random_size(random);
      const auto frame = allocator.allocate(frames, request);
      if (!frame.ok()) {
        if (frame.status().code() != Code::kOutOfMemory) ++faults;
        continue;
      }
      live.push_back({frame.value(), frames});
      stamp(allocator, live.back(), id);
    } else if (!live.empty()) {
      const size_t index = random() % live.size();
      // Misuse of what is this thread's own is refused whatever the others do.
      const Live run = live[index];
      if (run.frames > 1) {
        if (allocator.free(FrameId{index_of(run.frame) + 1}, run.frames - 1).ok()) ++faults;
        if (allocator.free(run.frame, run.frames - 1).ok()) ++faults;
      }
      if (run.frames < kMaxRunFrames && allocator.free(run.frame, run.frames + 1).ok()) ++faults;
      if (run.frames < kBlockFrames && random() % 4 == 0) {
        const auto to = 1 + static_cast<uint32_t>(random() % (kBlockFrames - 1));
        if (allocator.resize(run.frame, run.frames, to).ok()) {
          if (!stamped(allocator, {run.frame, std::min(to, run.frames)}, id)) ++faults;
          live[index].frames = to;
          stamp(allocator, live[index], id);
          continue;
        }
      }
      release(index);
    }
    if (step % 4096 == 4095) allocator.drain();
  }
  while (!live.empty()) release(0);
  return faults;
}

void run_threads(const Config& config, uint64_t count, size_t most) {
  const auto allocator = make_allocator(config);
  const uint64_t total = allocator->stats().value().free_frames;
  std::atomic<uint64_t> faults{0};
  std::vector<std::thread> threads;
  for (uint64_t id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] { faults += work(*allocator, id, count, most); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(faults == 0);
  CHECK(allocator->stats().value().free_frames == total);
  CHECK(allocator->validate().ok());
  allocator->drain();
  CHECK(allocator->validate().ok());
}

}  // namespace

TEST_CASE("four threads never get a frame that another one has") {
  Config config;
  config.size = 128 * kMiB + 300 * 4096;
  run_threads(config, steps(60000), 200);
}

TEST_CASE("four threads fight for the last frames") {
  Config config;
  config.size = 6 * kMiB + 100 * 4096;
  run_threads(config, steps(60000), 300);
}

TEST_CASE("four threads share one set of blocks when there are no caches") {
  Config config;
  config.size = 32 * kMiB;
  config.cpu_cache = 0;
  run_threads(config, steps(40000), 100);
}

TEST_CASE("four threads stay above a watermark") {
  ZoneConfig zone;
  zone.size = 32 * kMiB;
  zone.watermarks = {.min = 500, .low = 1000, .high = 2000};
  Config config;
  config.zones = {&zone, 1};
  run_threads(config, steps(40000), 400);
}

TEST_CASE("of threads that free the same run one succeeds") {
  const auto allocator = make_allocator(64 * kMiB);
  for (const uint32_t frames : {1U, 5U, 100U, 512U}) {
    std::vector<FrameId> runs;
    for (uint64_t i = 0; i < steps(frames == 512 ? 20 : 100); ++i) {
      const auto run = allocator->allocate(frames);
      REQUIRE(run.ok());
      runs.push_back(run.value());
    }
    std::atomic<uint64_t> freed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (const FrameId run : runs) freed += allocator->free(run, frames).ok() ? 1 : 0;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(freed == runs.size());
  }
  CHECK(allocator->validate().ok());
}

TEST_CASE("frames may be freed by another thread than the one that took them") {
  const auto allocator = make_allocator(64 * kMiB);
  std::vector<std::atomic<uint64_t>> ring(256);
  for (auto& slot : ring) slot = UINT64_MAX;
  const uint64_t count = steps(300000);
  std::atomic<uint64_t> faults{0};
  std::thread taker([&] {
    for (uint64_t i = 0; i < count; ++i) {
      auto& slot = ring[i % ring.size()];
      while (slot.load(std::memory_order_acquire) != UINT64_MAX) std::this_thread::yield();
      const auto frame = allocator->allocate(1);
      if (!frame.ok()) ++faults;
      slot.store(index_of(frame.value()), std::memory_order_release);
    }
  });
  for (uint64_t i = 0; i < count; ++i) {
    auto& slot = ring[i % ring.size()];
    uint64_t frame;
    while ((frame = slot.load(std::memory_order_acquire)) == UINT64_MAX) std::this_thread::yield();
    if (!allocator->free(FrameId{frame}, 1).ok()) ++faults;
    slot.store(UINT64_MAX, std::memory_order_release);
  }
  taker.join();
  CHECK(faults == 0);
  CHECK(allocator->validate().ok());
  CHECK(allocator->stats().value().free_frames == allocator->stats().value().total_frames);
}
