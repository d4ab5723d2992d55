#pragma once
// What one CPU has of one area: the blocks it is filling, whole runs it keeps, and its share of the counts.
//   threads: any; a thread uses the slot of the CPU it runs on, and may be moved away in the middle, so everything here
//   bears being used by several at once.    memory: zero when new.
#include <atomic>
#include <bit>
#include <cstdint>

#include "base/base.h"
#include "frames/types.h"
#include "os/os.h"

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

/// A lent block serves runs of similar size: lane k those of 2^k to 2^(k+1) - 1 frames, the last all from 128 on. What
/// a freed run leaves is then what the next one needs, and long holes are not filled with single frames while there is
/// other room.
inline constexpr uint32_t kLanes = 8;
[[nodiscard]] constexpr uint32_t lane_of(uint32_t frames) noexcept {
  const auto order = static_cast<uint32_t>(std::bit_width(frames)) - 1;
  return order < kLanes ? order : kLanes - 1;
}

/// Runs that were allocated and freed, and their frames. Those of one frame are counted apart: one addition does.
struct RunCounts {
  std::atomic<uint64_t> taken_ones{0};
  std::atomic<uint64_t> taken_runs{0};
  std::atomic<uint64_t> taken_frames{0};
  std::atomic<uint64_t> returned_ones{0};
  std::atomic<uint64_t> returned_runs{0};
  std::atomic<uint64_t> returned_frames{0};
};

class Hybrid;

struct alignas(128) CpuSlot {
  /// A block that allocations of this lane try first, by index plus 1. Whoever exchanges it for another becomes the
  /// owner of the old one. It is where to look and not a right: others may claim frames of it.
  struct Lane {
    std::atomic<uint32_t> block{0};
    /// Where the last search ended.
    std::atomic<uint32_t> word{0};
  };
  Lane lanes[kLanes];

  /// The CPU that alone adds to `own`, by `os::add_on_cpu`. What that refuses is added to `others`.
  alignas(64) uint32_t cpu = 0;
  /// Whose slot this is.
  Hybrid* area = nullptr;
  RunCounts own;
  alignas(64) RunCounts others;
  /// Frames that may be allocated here, and that were freed here: see `Account`. In zones with watermarks only.
  std::atomic<int64_t> credit{0};
  std::atomic<int64_t> refunds{0};

  alignas(64) KeptRuns kept;

  /// Relaxed, here and below: the numbers order nothing.
  void count(std::atomic<uint64_t> RunCounts::*which, uint64_t value) noexcept {
    if (os::add_on_cpu(cpu, own.*which, value)) [[likely]]
      return;
    (others.*which).fetch_add(value, std::memory_order_relaxed);
  }
  [[nodiscard]] uint64_t counted(std::atomic<uint64_t> RunCounts::*which) const noexcept {
    return (own.*which).load(std::memory_order_relaxed) + (others.*which).load(std::memory_order_relaxed);
  }
};

}  // namespace freestone::frames
