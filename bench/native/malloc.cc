// One case of bench/slab.mjs with whatever malloc the process has: the peers are loaded before it.
//   malloc <case> <threads> <operations>     prints nanoseconds of wall time for each pair of malloc and free
//   malloc resident 1 <operations>           prints live bytes at the peak, what is resident then and after
//                                            malloc_trim; live bytes after most ended, resident then and after
//                                            malloc_trim, and bytes of the pages that a live block touches, which no
//                                            malloc can give back; resident after all ended and malloc_trim. What is
//                                            resident is less what was so before
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

/// So that the compiler leaves no pair out.
void* volatile sink;

uint64_t next(uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

/// A block of `size`, and back.
template <size_t kSize>
void pairs(uint64_t count, uint64_t) {
  for (uint64_t i = 0; i < count; ++i) {
    void* const block = std::malloc(kSize);
    *static_cast<char*>(block) = 1;
    sink = block;
    std::free(block);
  }
}

/// A hundred blocks, then back in order.
template <size_t kSize>
void batches(uint64_t count, uint64_t) {
  void* blocks[100];
  for (uint64_t i = 0; i < count; i += 100) {
    for (void*& block : blocks) {
      block = std::malloc(kSize);
      *static_cast<char*>(block) = 1;
    }
    for (void* const block : blocks) std::free(block);
  }
}

/// Ten thousand live blocks of 1 to `kMost` bytes, one of which is replaced at each step.
template <size_t kMost>
void churn(uint64_t count, uint64_t seed) {
  std::vector<void*> live(10000, nullptr);
  uint64_t state = seed * 0x9E3779B97F4A7C15 + 1;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t random = next(state);
    void*& place = live[random % live.size()];
    std::free(place);
    place = std::malloc(1 + (random >> 32) % kMost);
    *static_cast<char*>(place) = 1;
  }
  for (void* const block : live) std::free(block);
}

/// Sixteen live blocks of 256 KiB to 4 MiB, one replaced at each step; every page of it is touched once in 64 times.
void large(uint64_t count, uint64_t seed) {
  std::vector<void*> live(16, nullptr);
  uint64_t state = seed * 0x9E3779B97F4A7C15 + 1;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t random = next(state);
    void*& place = live[random % live.size()];
    std::free(place);
    place = std::malloc((size_t{256} << 10) << (random >> 32) % 5);
    *static_cast<char*>(place) = 1;
  }
  for (void* const block : live) std::free(block);
}

struct Case {
  const char* name;
  void (*run)(uint64_t count, uint64_t seed);
};

constexpr Case kCases[] = {
    {"pair64", pairs<64>},        {"pair1024", pairs<1024>}, {"pair8192", pairs<8192>},  {"batch64", batches<64>},
    {"batch8192", batches<8192>}, {"churn1k", churn<1024>},  {"churn64k", churn<65536>}, {"large", large}};

uint64_t resident() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  unsigned long long size = 0, pages = 0;
  if (file == nullptr || std::fscanf(file, "%llu %llu", &size, &pages) != 2) std::exit(3);
  std::fclose(file);
  return pages * 4096;
}

/// Four hundred thousand blocks of up to 1 KiB, replaced at random; then nine of ten are freed.
void measure_resident(uint64_t count) {
  std::vector<void*> live(400000, nullptr);
  std::vector<uint32_t> sizes(live.size(), 0);
  const uint64_t before = resident();
  uint64_t state = 88172645463325252;
  uint64_t bytes = 0, peak = 0, at_peak = 0;
  const auto set = [&](size_t at, uint32_t size) {
    std::free(live[at]);
    live[at] = size == 0 ? nullptr : std::malloc(size);
    if (size != 0) std::memset(live[at], 1, size);
    bytes += size - uint64_t{sizes[at]};
    sizes[at] = size;
  };
  for (size_t i = 0; i < live.size(); ++i) set(i, 1 + static_cast<uint32_t>(next(state) % 1024));
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t random = next(state);
    set(random % live.size(), 1 + static_cast<uint32_t>((random >> 32) % 1024));
  }
  peak = bytes;
  at_peak = resident() - before;
  // Not part of the C library's peers' promise, so looked up.
  using Trim = int (*)(size_t);
  const auto trim = reinterpret_cast<Trim>(dlsym(RTLD_DEFAULT, "malloc_trim"));
  const auto after_trim = [&] {
    if (trim != nullptr) trim(0);
    return resident() - before;
  };
  const uint64_t at_peak_trimmed = after_trim();
  // Their places are random by now, so what is left is spread over all memory.
  for (size_t i = 0; i < live.size() * 9 / 10; ++i) set(i, 0);
  const uint64_t rest = bytes;
  const uint64_t at_end = resident() - before;
  const uint64_t trimmed = after_trim();
  std::vector<uintptr_t> pages;
  for (size_t i = 0; i < live.size(); ++i) {
    const auto start = reinterpret_cast<uintptr_t>(live[i]);
    if (start == 0) continue;
    for (uintptr_t page = start >> 12; page <= (start + sizes[i] - 1) >> 12; ++page) pages.push_back(page);
  }
  std::sort(pages.begin(), pages.end());
  const uint64_t touched = static_cast<uint64_t>(std::unique(pages.begin(), pages.end()) - pages.begin()) << 12;
  pages = {};
  for (size_t i = 0; i < live.size(); ++i) set(i, 0);
  for (const uint64_t value : {peak, at_peak, at_peak_trimmed, rest, at_end, trimmed, touched}) {
    std::printf("%llu ", static_cast<unsigned long long>(value));
  }
  std::printf("%lld\n", static_cast<long long>(after_trim()));
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 4) return 2;
  const auto threads = static_cast<unsigned>(std::atoi(arguments[2]));
  const auto count = static_cast<uint64_t>(std::atoll(arguments[3]));
  if (std::strcmp(arguments[1], "resident") == 0) {
    measure_resident(count);
    return 0;
  }
  for (const Case& each : kCases) {
    if (std::strcmp(each.name, arguments[1]) != 0) continue;
    each.run(count / 10 + 100, 99);
    std::atomic<unsigned> ready{0};
    std::vector<double> times(threads);
    std::vector<std::thread> workers;
    for (unsigned t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        each.run(count / 10 + 100, t);
        ready.fetch_add(1);
        while (ready.load() < threads) std::this_thread::yield();
        timespec begin, end;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
        each.run(count, t + 1);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        times[t] =
            (static_cast<double>(end.tv_sec - begin.tv_sec) * 1e9 + static_cast<double>(end.tv_nsec - begin.tv_nsec)) /
            static_cast<double>(count);
      });
    }
    for (std::thread& worker : workers) worker.join();
    double sum = 0;
    for (const double time : times) sum += time;
    std::printf("%.2f\n", sum / threads);
    return 0;
  }
  return 2;
}
