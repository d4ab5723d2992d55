#pragma once
// What the benchmarks of the cores share, and what there is.
//   threads: the main one, except `pin_to` and the clocks.    memory: plain values.
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace freestone::bench {

struct Options {
  /// A tenth of the operations: quick, and not for reports.
  bool small = false;
  /// Parts of the benchmark; none: all of them.
  std::span<char* const> parts;

  [[nodiscard]] bool wants(const char* part) const {
    return parts.empty() ||
           std::any_of(parts.begin(), parts.end(), [&](const char* one) { return std::strcmp(one, part) == 0; });
  }
};

/// float64, int32.
void codec(const Options& options);
/// reserve, growth, sizes or one of 4 64 512 1024 8192, batches, churn.
void frames(const Options& options);
/// calls, memory, churn.
void filespace(const Options& options);
/// malloc, to measure that of the process instead of a pool; then churn1k, churn64k, pair64, batch8k, handed1k,
/// resident1k, resident64k.
void pool(const Options& options);
/// arena, pool, malloc, obstack, monotonic, bump, reset.
void arena(const Options& options);

/// Nanoseconds of this thread's own time: another thread's work changes them little.
inline double cpu_now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// Nanoseconds.
inline double wall_now() {
  return static_cast<double>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Keeps the calling thread on one CPU.
inline void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu % std::max(1U, std::thread::hardware_concurrency()), &set);
  (void)sched_setaffinity(0, sizeof(set), &set);
}

}  // namespace freestone::bench
