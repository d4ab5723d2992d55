#pragma once
// Counts of values in buckets that grow with the value, for percentiles of times.
//   threads: any may record and read at once; a reader sees each count as of some moment.    memory: 7.6 KiB, none
//   besides.
#include <atomic>
#include <bit>
#include <cstdint>

namespace freestone::base {

/// Sixteen buckets a doubling: a value is known to 1/16 of itself, and below 32 exactly.
class Histogram {
 public:
  static constexpr uint32_t kStepBits = 4;
  static constexpr uint32_t kSteps = 1U << kStepBits;
  /// Values from 2^63 on do not occur; the last bucket takes all that are larger than it begins with.
  static constexpr uint32_t kBuckets = (64 - kStepBits) * kSteps;

  /// The bucket that `value` falls into.
  [[nodiscard]] static constexpr uint32_t bucket_of(uint64_t value) noexcept {
    if (value < kSteps) return static_cast<uint32_t>(value);
    const auto exponent = static_cast<uint32_t>(std::bit_width(value)) - 1;
    const auto step = static_cast<uint32_t>(value >> (exponent - kStepBits)) & (kSteps - 1);
    return (exponent - kStepBits + 1) * kSteps + step;
  }

  /// The smallest value of a bucket.
  [[nodiscard]] static constexpr uint64_t lowest_of(uint32_t bucket) noexcept {
    if (bucket < 2 * kSteps) return bucket;
    const uint32_t exponent = bucket / kSteps + kStepBits - 1;
    return uint64_t{kSteps + bucket % kSteps} << (exponent - kStepBits);
  }

  /// Adds one value. Relaxed: counts order nothing else.
  void record(uint64_t value) noexcept {
    counts_[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
    uint64_t most = max_.load(std::memory_order_relaxed);
    while (value > most && !max_.compare_exchange_weak(most, value, std::memory_order_relaxed)) {
    }
  }

  /// How many values fell into `bucket`.
  [[nodiscard]] uint64_t count(uint32_t bucket) const noexcept {
    return counts_[bucket].load(std::memory_order_relaxed);
  }

  [[nodiscard]] uint64_t total() const noexcept {
    uint64_t sum = 0;
    for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) sum += count(bucket);
    return sum;
  }

  /// The largest value; 0 when there is none.
  [[nodiscard]] uint64_t max() const noexcept { return max_.load(std::memory_order_relaxed); }

  /// The smallest value of the bucket in which the share `quantile` (0 to 1) of all values is reached; 0 when there are
  /// none.
  [[nodiscard]] uint64_t quantile(double share) const noexcept {
    const uint64_t all = total();
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(all));
    uint64_t seen = 0;
    for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += count(bucket);
      if (seen != 0 && seen >= wanted) return lowest_of(bucket);
    }
    return 0;
  }

  void clear() noexcept {
    for (auto& bucket : counts_) bucket.store(0, std::memory_order_relaxed);
    max_.store(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<uint64_t> counts_[kBuckets] = {};
  std::atomic<uint64_t> max_{0};
};

}  // namespace freestone::base
