#pragma once
// What one CPU has of one area: the blocks it is filling, whole runs it keeps, and its share of the counts.
//   threads: any; a thread uses the slot of the CPU it runs on, and may be moved away in the middle, so everything here
//   bears being used by several at once.    memory: zero when new.
#include <atomic>
#include <cstdint>

#include "base/base.h"
#include "frames/types.h"

namespace freestone::frames {

/// Whole runs, a small stack for each order: so that orders from 9 on cost neither a walk through the lists' locks nor
/// a line shared with other CPUs. Filled from the lists in fours, and when full emptied by half.
class KeptRuns {
 public:
  static constexpr uint32_t kOrderCount = kMaxOrder - kBlockOrder + 1;
  static constexpr uint32_t kDepth = 8;

  /// The runs of `order` that fit a cache of `blocks` blocks: eight at most, one at least, none for a cache of none.
  [[nodiscard]] static constexpr uint32_t depth(Order order, uint32_t blocks) noexcept {
    if (blocks == 0) return 0;
    const uint32_t fit = blocks >> (order - kBlockOrder);
    return fit < 1 ? 1 : fit > kDepth ? kDepth : fit;
  }

  /// Callers hold it, for everything but `blocks`. They try it, and go to the lists when another thread has it: its
  /// holder may have been suspended.
  base::SpinLock lock;

  [[nodiscard]] uint32_t count(Order order) const noexcept { return counts_[order - kBlockOrder]; }
  void push(Order order, BlockIndex run) noexcept {
    const uint32_t row = order - kBlockOrder;
    runs_[row][counts_[row]++] = run;
    add(1U << row);
  }
  [[nodiscard]] BlockIndex pop(Order order) noexcept {
    const uint32_t row = order - kBlockOrder;
    if (counts_[row] == 0) return kNoBlock;
    add(0U - (1U << row));
    return runs_[row][--counts_[row]];
  }
  /// Whether a run that starts at `run` is kept; its order is set then.
  [[nodiscard]] bool contains(BlockIndex run, Order& order) const noexcept {
    for (uint32_t row = 0; row < kOrderCount; ++row) {
      for (uint32_t i = 0; i < counts_[row]; ++i) {
        if (runs_[row][i] != run) continue;
        order = row + kBlockOrder;
        return true;
      }
    }
    return false;
  }
  /// Blocks of all runs. Without the lock: as of some moment.
  [[nodiscard]] uint32_t blocks() const noexcept { return blocks_.load(std::memory_order_relaxed); }

 private:
  void add(uint32_t blocks) noexcept {
    blocks_.store(blocks_.load(std::memory_order_relaxed) + blocks, std::memory_order_relaxed);
  }

  std::atomic<uint32_t> blocks_{0};
  uint8_t counts_[kOrderCount] = {};
  BlockIndex runs_[kOrderCount][kDepth] = {};
};

/// Runs of similar size share a block: single frames, those of a word, and the rest.
inline constexpr uint32_t kLanes = 3;
[[nodiscard]] constexpr uint32_t lane_of(uint32_t frames) noexcept { return frames == 1 ? 0 : frames <= 32 ? 1 : 2; }

struct alignas(128) CpuSlot {
  /// Each a credit of frames in the high half, signed, and a count of runs in the low half. See `Account`.
  std::atomic<uint64_t> taken{0};
  std::atomic<uint64_t> returned{0};
  /// A block that allocations of this lane try first, by index plus 1. Whoever exchanges it for another becomes the
  /// owner of the old one. It is where to look and not a right: others may claim frames of it.
  struct Lane {
    std::atomic<uint32_t> block{0};
    /// Where the last search ended.
    std::atomic<uint32_t> word{0};
  };
  Lane lanes[kLanes];

  alignas(64) KeptRuns kept;
};

}  // namespace freestone::frames
