// Page frames: what they cost, in nanoseconds of a thread's own time.
#include <bit>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "bench.h"
#include "frames/frames.h"

using namespace freestone::frames;

namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
using namespace freestone::bench;

uint64_t scale = 1;

freestone::base::Ref<FrameAllocator> make(uint64_t size) {
  Config config;
  config.size = size;
  config.huge_pages = HugePages::kNever;
  auto made = FrameAllocator::make(config);
  if (!made.ok()) {
    std::fprintf(stderr, "no allocator of %llu bytes: %s\n", static_cast<unsigned long long>(size),
                 made.status().operation());
    std::exit(1);
  }
  return made.take();
}

struct Times {
  double get = 0;
  double put = 0;
  double random_put = 0;
  double pair = 0;
};

/// One thread's part: get `count`, put them in order; get again, put in random order; then pairs.
Times measure(FrameAllocator& allocator, uint32_t frames, size_t count, uint64_t seed) {
  std::vector<FrameId> runs(count);
  Times times;
  const auto get_all = [&] {
    for (FrameId& run : runs) {
      const auto got = allocator.allocate(frames);
      if (!got.ok()) {
        std::fprintf(stderr, "out of memory\n");
        std::exit(1);
      }
      run = got.value();
    }
  };
  const auto put_all = [&] {
    for (const FrameId run : runs) {
      if (!allocator.free(run, frames).ok()) std::exit(2);
    }
  };
  const auto n = static_cast<double>(count);
  double start = cpu_now();
  get_all();
  times.get = (cpu_now() - start) / n;
  start = cpu_now();
  put_all();
  times.put = (cpu_now() - start) / n;
  get_all();
  std::shuffle(runs.begin(), runs.end(), std::mt19937_64(seed));
  start = cpu_now();
  put_all();
  times.random_put = (cpu_now() - start) / n;
  start = cpu_now();
  for (size_t i = 0; i < count; ++i) {
    const auto got = allocator.allocate(frames);
    if (!got.ok() || !allocator.free(got.value(), frames).ok()) std::exit(3);
  }
  times.pair = (cpu_now() - start) / n;
  return times;
}

void throughput(uint64_t region, uint32_t frames, unsigned threads) {
  std::vector<double> get, put, random_put, pair;
  for (int round = 0; round < 5; ++round) {
    const auto allocator = make(region);
    // Three quarters of 4 GiB, whatever the region: growth is in what is reserved.
    const size_t count = 786432 / std::bit_ceil(frames) / threads / (frames == 1 ? scale : 1);
    std::vector<Times> times(threads);
    // Once to touch the metadata and once to measure.
    for (int pass = 0; pass < 2; ++pass) {
      std::atomic<unsigned> ready{0};
      std::vector<std::thread> workers;
      for (unsigned t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
          pin_to(t);
          ready.fetch_add(1);
          while (ready.load() < threads) std::this_thread::yield();
          const size_t repeats = frames == 1 ? 1 : 200 / scale;
          Times sum;
          for (size_t i = 0; i < repeats; ++i) {
            const Times one = measure(*allocator, frames, count, i + t);
            sum.get += one.get;
            sum.put += one.put;
            sum.random_put += one.random_put;
            sum.pair += one.pair;
          }
          const auto n = static_cast<double>(repeats);
          times[t] = {sum.get / n, sum.put / n, sum.random_put / n, sum.pair / n};
        });
      }
      for (std::thread& worker : workers) worker.join();
    }
    Times mean;
    for (const Times& one : times) {
      mean.get += one.get / threads;
      mean.put += one.put / threads;
      mean.random_put += one.random_put / threads;
      mean.pair += one.pair / threads;
    }
    get.push_back(mean.get);
    put.push_back(mean.put);
    random_put.push_back(mean.random_put);
    pair.push_back(mean.pair);
  }
  std::printf("%5llu GiB  %4u frames  %u thread%s  get %6.1f  put %6.1f  random put %6.1f  get+put %6.1f\n",
              static_cast<unsigned long long>(region / kGiB), frames, threads, threads == 1 ? " " : "s", median(get),
              median(put), median(random_put), median(pair));
}

void batches() {
  std::vector<double> times;
  for (int round = 0; round < 5; ++round) {
    const auto allocator = make(4 * kGiB);
    std::vector<FrameId> runs(64);
    const size_t count = 200000 / scale;
    const double start = cpu_now();
    for (size_t i = 0; i < count; ++i) {
      if (!allocator->allocate_batch(1, runs).ok() || !allocator->free_batch(runs, 1).ok()) std::exit(4);
    }
    times.push_back((cpu_now() - start) / static_cast<double>(count * 64));
  }
  std::printf("batches of 64 single frames: %.1f ns a frame, got and put\n", median(times));
}

/// What a server asks for: mostly single frames and small runs, some of 64 KiB to 1 MiB, few large ones.
uint32_t server_size(std::mt19937_64& random) {
  const uint64_t kind = random() % 1000;
  if (kind < 600) return 1;
  if (kind < 850) return 2 + static_cast<uint32_t>(random() % 15);
  if (kind < 970) return 16 + static_cast<uint32_t>(random() % 48);
  if (kind < 999) return 64 + static_cast<uint32_t>(random() % 192);
  return 512;
}

struct Churn {
  explicit Churn(FrameAllocator& frames) : allocator(frames) {}

  FrameAllocator& allocator;
  std::mt19937_64 random{7};
  std::vector<std::pair<FrameId, uint32_t>> live;
  uint64_t used = 0;
  uint64_t refused = 0;

  void put_one() {
    const size_t index = random() % live.size();
    if (!allocator.free(live[index].first, live[index].second).ok()) std::exit(5);
    used -= live[index].second;
    live[index] = live.back();
    live.pop_back();
  }
  void step(uint64_t target) {
    if (used < target || live.empty()) {
      const uint32_t frames = server_size(random);
      const auto got = allocator.allocate(frames);
      if (!got.ok()) {
        ++refused;
        if (!live.empty()) put_one();
        return;
      }
      live.emplace_back(got.value(), frames);
      used += frames;
    } else {
      put_one();
    }
  }
};

void print_fragmentation(const char* when, const Fragmentation& fragmentation) {
  std::printf("fragmentation %s, order 0 to 20:", when);
  for (const double index : fragmentation.index) std::printf(" %.2f", index);
  std::printf("\n");
}

void percentiles(const char* what, FrameAllocator& allocator, Churn& churn, uint64_t target, uint32_t large) {
  std::vector<uint32_t> small_times, large_times;
  const uint64_t count = 1000000 / scale;
  const double clock = [] {
    std::vector<double> readings;
    for (int i = 0; i < 1001; ++i) {
      const double start = wall_now();
      readings.push_back(wall_now() - start);
    }
    return median(readings);
  }();
  for (uint64_t i = 0; i < count; ++i) {
    while (churn.used > target && !churn.live.empty()) churn.put_one();
    const bool big = i % 64 == 0;
    const uint32_t frames = big ? large : std::min(server_size(churn.random), 511U);
    const double start = wall_now();
    const auto got = allocator.allocate(frames);
    const double time = std::max(0.0, wall_now() - start - clock);
    if (!got.ok()) continue;
    (big ? large_times : small_times).push_back(static_cast<uint32_t>(std::min(time, 4e9)));
    if (big) {
      (void)allocator.free(got.value(), frames);
    } else {
      churn.live.emplace_back(got.value(), frames);
      churn.used += frames;
    }
  }
  const auto print = [&](const char* name, std::vector<uint32_t>& times) {
    if (times.empty()) {
      std::printf("%s, %s: none had room\n", what, name);
      return;
    }
    std::sort(times.begin(), times.end());
    const auto at = [&](double share) {
      return times[std::min(times.size() - 1, static_cast<size_t>(share * static_cast<double>(times.size())))];
    };
    std::printf("%s, %s: p50 %u  p90 %u  p99 %u  p99.9 %u  max %u ns (%zu)\n", what, name, at(0.5), at(0.9), at(0.99),
                at(0.999), times.back(), times.size());
  };
  print("below 512 frames", small_times);
  print("512 frames", large_times);
}

void churn(uint64_t operations) {
  const auto allocator = make(4 * kGiB);
  const uint64_t total = allocator->stats().value().total_frames;
  Churn churn(*allocator);
  const uint64_t target = total * 9 / 10;
  while (churn.used < target) churn.step(target);
  percentiles("90 % full, fresh", *allocator, churn, target, 512);
  const uint64_t share = 10000000 / scale;
  double start = cpu_now();
  for (uint64_t i = 0; i < share; ++i) churn.step(target);
  std::printf("%llu server-like operations at 90 %%: %.1f ns each, random numbers included, %llu refused\n",
              static_cast<unsigned long long>(share), (cpu_now() - start) / static_cast<double>(share),
              static_cast<unsigned long long>(churn.refused));
  print_fragmentation("then", allocator->fragmentation());
  for (uint64_t i = share; i < operations; ++i) churn.step(target);
  percentiles("90 % full, after churn", *allocator, churn, target, 512);
  std::printf("after %llu operations: %s\n", static_cast<unsigned long long>(operations),
              allocator->validate().ok() ? "valid" : "NOT VALID");
}

uint64_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long long size = 0, resident = 0;
  const int got = std::fscanf(file, "%llu %llu", &size, &resident);
  std::fclose(file);
  return got == 2 ? resident * 4096 : 0;
}

void reserving() {
  std::vector<double> times;
  uint64_t most = 0;
  double share = 0;
  for (int round = 0; round < 5; ++round) {
    const uint64_t before = resident_bytes();
    const double start = wall_now();
    const auto allocator = make(1024 * kGiB);
    times.push_back((wall_now() - start) / 1e6);
    const uint64_t after = resident_bytes();
    most = std::max(most, after > before ? after - before : 0);
    share = static_cast<double>(allocator->stats().value().metadata_bytes) / static_cast<double>(1024 * kGiB);
  }
  std::printf("reserving 1 TiB: %.2f ms, %llu KiB resident, metadata %.4f %% of it when all is touched\n",
              median(times), static_cast<unsigned long long>(most / 1024), share * 100);
}

}  // namespace

void freestone::bench::frames(const Options& options) {
  scale = options.small ? 10 : 1;
  if (options.wants("reserve")) reserving();
  if (options.wants("growth")) {
    for (const uint64_t region : {4 * kGiB, 64 * kGiB, 1024 * kGiB}) {
      for (const unsigned threads : {1U, 2U}) throughput(region, 1, threads);
    }
  }
  for (const uint32_t size : {4U, 64U, 512U, 1024U, 8192U}) {
    if (!options.wants("sizes") && !options.wants(std::to_string(size).c_str())) continue;
    for (const unsigned threads : {1U, 2U}) throughput(4 * kGiB, size, threads);
  }
  if (options.wants("batches")) batches();
  if (options.wants("churn")) churn(100000000 / scale);
}
