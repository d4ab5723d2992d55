// core_bench pool: general allocation, in nanoseconds of the measuring threads' own time, each case once.
//   core_bench pool [small] [malloc] [case]...     malloc: malloc and free of this process, so that another allocator
//   can
//                                                  be put in their place by LD_PRELOAD
// Prints a line for each case: its name, threads, nanoseconds for a block's allocation and free. `resident1k` and
// `resident64k`, each in a process of its own, print MiB.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>

#include "bench.h"
#include "pool/pool.h"

namespace freestone::bench {

namespace {

using pool::FrameSource;

/// What is measured: two functions, called the same way for every allocator.
struct Subject {
  void* (*allocate)(size_t size);
  void (*free)(void* block);
};

pool::Pool* measured_pool = nullptr;

base::Ref<frames::FrameAllocator> make_frames() {
  frames::Config config;
  config.huge_pages = frames::HugePages::kNever;
  // As much address space as there is: under valgrind little.
  for (config.size = uint64_t{64} << 30;; config.size /= 2) {
    auto made = frames::FrameAllocator::make(config);
    if (made.ok()) return made.take();
    if (config.size < (uint64_t{1} << 30)) std::abort();
  }
}

struct Random {
  uint64_t state;
  uint32_t next() {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<uint32_t>(state >> 33);
  }
};

uint64_t scale = 1;

/// `live` blocks of random sizes, of which one at a time is replaced.
double churn(const Subject& subject, unsigned thread, uint32_t largest) {
  const uint32_t live = largest > 4096 ? 2'000 : 20'000;
  const uint64_t operations = 4'000'000 / scale / (largest > 4096 ? 4 : 1);
  std::vector<void*> blocks(live);
  Random random{thread + 1};
  for (void*& block : blocks) block = subject.allocate(1 + random.next() % largest);
  const double start = cpu_now();
  for (uint64_t i = 0; i < operations; ++i) {
    void*& block = blocks[random.next() % live];
    subject.free(block);
    block = subject.allocate(1 + random.next() % largest);
    *static_cast<volatile char*>(block) = 1;
  }
  const double time = cpu_now() - start;
  for (void* const block : blocks) subject.free(block);
  return time / static_cast<double>(operations);
}

double pairs(const Subject& subject, unsigned, uint32_t size) {
  const uint64_t operations = 20'000'000 / scale;
  const double start = cpu_now();
  for (uint64_t i = 0; i < operations; ++i) {
    void* const block = subject.allocate(size);
    *static_cast<volatile char*>(block) = 1;
    subject.free(block);
  }
  return (cpu_now() - start) / static_cast<double>(operations);
}

/// 1,000 blocks, then all of them back.
double batches(const Subject& subject, unsigned, uint32_t size) {
  const uint64_t rounds = 1'000 / scale;
  std::vector<void*> blocks(1'000);
  const double start = cpu_now();
  for (uint64_t i = 0; i < rounds; ++i) {
    for (void*& block : blocks) {
      block = subject.allocate(size);
      *static_cast<volatile char*>(block) = 1;
    }
    for (void* const block : blocks) subject.free(block);
  }
  return (cpu_now() - start) / static_cast<double>(rounds * blocks.size());
}

double on_threads(unsigned count, const std::function<double(unsigned)>& work) {
  std::vector<double> times(count);
  std::vector<std::thread> threads;
  std::atomic<unsigned> ready{0};
  for (unsigned i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      pin_to(i);
      ++ready;
      while (ready < count) std::this_thread::yield();
      times[i] = work(i);
    });
  }
  double sum = 0;
  for (unsigned i = 0; i < count; ++i) {
    threads[i].join();
    sum += times[i];
  }
  return sum / count;
}

/// One thread allocates, the other frees; the time of both for a block.
double handed_over(const Subject& subject, uint32_t size) {
  constexpr uint32_t kSlots = 1024;
  const auto ring = std::make_unique<std::atomic<void*>[]>(kSlots);
  const uint64_t operations = 2'000'000 / scale;
  const auto produce = [&] {
    double time = 0;
    std::vector<void*> blocks(256);
    for (uint64_t done = 0; done < operations; done += blocks.size()) {
      const double start = cpu_now();
      for (void*& block : blocks) {
        block = subject.allocate(size);
        *static_cast<volatile char*>(block) = 1;
      }
      time += cpu_now() - start;
      for (size_t i = 0; i < blocks.size(); ++i) {
        auto& slot = ring[(done + i) % kSlots];
        while (slot.load(std::memory_order_acquire) != nullptr) std::this_thread::yield();
        slot.store(blocks[i], std::memory_order_release);
      }
    }
    return time / static_cast<double>(operations);
  };
  const auto consume = [&] {
    double time = 0;
    std::vector<void*> blocks(256);
    for (uint64_t done = 0; done < operations; done += blocks.size()) {
      for (size_t i = 0; i < blocks.size(); ++i) {
        auto& slot = ring[(done + i) % kSlots];
        while ((blocks[i] = slot.load(std::memory_order_acquire)) == nullptr) std::this_thread::yield();
        slot.store(nullptr, std::memory_order_release);
      }
      const double start = cpu_now();
      for (void* const block : blocks) subject.free(block);
      time += cpu_now() - start;
    }
    return time / static_cast<double>(operations);
  };
  return 2 * on_threads(2, [&](unsigned thread) { return thread == 0 ? produce() : consume(); });
}

double resident_mib() {
  long pages = 0;
  long ignored = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%ld %ld", &ignored, &pages) != 2) std::abort();
  std::fclose(file);
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

/// Prints the MiB of live blocks after a churn of one thread, what became resident by then, and what is left of that
/// when all is freed and the thread has ended.
void resident(const Subject& subject, uint32_t largest) {
  const uint32_t live = largest > 4096 ? 2'000 : 100'000;
  std::vector<void*> blocks(live);
  std::vector<uint32_t> sizes(live);
  const double before = resident_mib();
  double live_mib = 0;
  double at_peak = 0;
  std::thread([&] {
    Random random{1};
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < 20 * uint64_t{live}; ++i) {
      const size_t at = i < live ? i : random.next() % live;
      if (blocks[at] != nullptr) subject.free(blocks[at]);
      bytes -= sizes[at];
      sizes[at] = 1 + random.next() % largest;
      blocks[at] = subject.allocate(sizes[at]);
      std::memset(blocks[at], 1, sizes[at]);
      bytes += sizes[at];
    }
    live_mib = static_cast<double>(bytes) / (1 << 20);
    at_peak = resident_mib() - before;
    for (void* const block : blocks) subject.free(block);
  }).join();
  std::printf("%.1f %.1f %.1f\n", live_mib, at_peak, resident_mib() - before);
}

struct Case {
  const char* name;
  double (*work)(const Subject& subject, unsigned thread, uint32_t size);
  uint32_t size;
};
constexpr Case kCases[] = {
    {"churn1k", churn, 1024}, {"churn64k", churn, 65'536}, {"pair64", pairs, 64}, {"batch8k", batches, 8192}};

}  // namespace

void pool(const Options& options) {
  scale = options.small ? 10 : 1;
  const bool system = !options.parts.empty() && options.wants("malloc");
  // Without `malloc` the parts are cases alone.
  const Options cases{.small = options.small, .parts = options.parts.subspan(system ? 1 : 0)};
  std::unique_ptr<FrameSource> source;
  base::Ref<pool::Pool> pool;
  Subject subject{.allocate = std::malloc, .free = std::free};
  if (!system) {
    source = std::make_unique<FrameSource>(make_frames());
    pool = pool::Pool::make({.source = source.get()}).take();
    measured_pool = pool.get();
    subject.allocate = [](size_t size) { return measured_pool->allocate(size).value(); };
    subject.free = [](void* block) {
      if (!measured_pool->free(block).ok()) std::abort();
    };
  }
  for (const Case& each : kCases) {
    if (!cases.wants(each.name)) continue;
    for (unsigned threads = 1; threads <= 2; ++threads) {
      const auto once = [&] {
        return on_threads(threads, [&](unsigned thread) { return each.work(subject, thread, each.size); });
      };
      // Memory that was never touched costs the system more than the allocator.
      (void)once();
      const double time = once();
      std::printf("%s %u %.2f\n", each.name, threads, time);
    }
  }
  if (cases.wants("handed1k")) {
    (void)handed_over(subject, 1024);
    std::printf("handed1k 2 %.2f\n", handed_over(subject, 1024));
  }
  if (!cases.parts.empty() && cases.wants("resident1k")) resident(subject, 1024);
  if (!cases.parts.empty() && cases.wants("resident64k")) resident(subject, 65'536);
}

}  // namespace freestone::bench
