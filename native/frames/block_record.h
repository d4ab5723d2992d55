#pragma once
// What is known of a block beside its bitmap, and who may change it when.
//   threads: as the fields say.    memory: 16 bytes a block; all zeros is a block that was never used.
#include <atomic>
#include <bit>
#include <cstdint>

#include "frames/types.h"

namespace freestone::frames {

/// Who has a block. In the low bits of `BlockRecord::state`.
enum class BlockState : uint8_t {
  /// Not the bitmap: free in the buddy lists or kept by a CPU, or part of a large run, or never used.
  kNotLent = 0,
  /// Lent to the bitmap, and one thread or one CPU's lane has it: nobody else changes the state.
  kOwned = 1,
  /// Lent; in the summary of the class in the high bits, for anyone to take.
  kListed = 2,
  /// Lent; no frame was free when the state was set. The first free lists it.
  kFull = 3,
  /// As `kFull`, and its 512 frames were all in runs: it counts as promoted.
  kPromoted = 4,
};

/// Classes of the length of a free run: one for each below 8, four for each power of two from there, one from 128 on;
/// the last is a block that is free altogether, which goes back to the buddy lists. A request for a length within a
/// class has to look into its blocks, one for a class's first length has not: so narrow is good. But a block that fills
/// or empties frame by frame passes through all of them, and a free beside a long run has to measure it: so few is
/// good, and one for all long runs.
inline constexpr uint32_t kLongOrder = 8;
inline constexpr uint32_t kLongClass = 7 + (kLongOrder - 3) * 4;
inline constexpr uint32_t kListClasses = kLongClass + 2;
[[nodiscard]] constexpr uint32_t class_of(uint32_t length) noexcept {
  if (length < 8) return length - 1;
  const auto exponent = static_cast<uint32_t>(std::bit_width(length)) - 1;
  if (exponent >= kLongOrder) return kLongClass + (exponent == kBlockOrder);
  return 7 + (exponent - 3) * 4 + (length >> (exponent - 2) & 3);
}
/// The smallest length in a class.
[[nodiscard]] constexpr uint32_t shortest_of(uint32_t free_class) noexcept {
  if (free_class < 7) return free_class + 1;
  if (free_class > kLongClass) return kBlockFrames;
  return (4 + (free_class - 7) % 4) << ((free_class - 7) / 4 + 1);
}
static_assert(class_of(1U << kLongOrder) == kLongClass && shortest_of(kLongClass) == 1U << kLongOrder);
static_assert(class_of(kBlockFrames) == kListClasses - 1 && shortest_of(kListClasses - 1) == kBlockFrames);

/// A state with the lane that a lent block serves, and the class of a listed one's longest free run.
struct Standing {
  BlockState state = BlockState::kNotLent;
  uint32_t lane = 0;
  uint32_t free_class = 0;

  [[nodiscard]] static constexpr Standing of(uint16_t bits) noexcept {
    return {static_cast<BlockState>(bits & 7), static_cast<uint32_t>(bits >> 3 & 7), static_cast<uint32_t>(bits >> 6)};
  }
  [[nodiscard]] constexpr uint16_t bits() const noexcept {
    return static_cast<uint16_t>(static_cast<uint32_t>(state) | lane << 3 | free_class << 6);
  }
};

struct BlockRecord {
  /// Neighbours in the free list, by block index plus 1; 0 is none. Guarded by the list's lock.
  uint32_t next;
  uint32_t previous;
  /// At the first block of a live run from the buddy lists: `kRun*` and the frames asked for; else 0. Set by who
  /// allocated, before the frame is known to anybody; the compare-and-swap to 0 decides who frees it.
  std::atomic<uint32_t> run;
  /// A `Standing`. Sequentially consistent where the bitmap is looked at after it, or before: see `Hybrid`.
  std::atomic<uint16_t> state;
  /// Of a block that starts a free run in a list: its order. Else 0. Written under that order's lock, read under the
  /// same one for its value to mean anything.
  std::atomic<uint8_t> free_order;
};
static_assert(sizeof(BlockRecord) == 16);

/// In `BlockRecord::run`: the run has exactly the frames that were asked for, not the power of two above.
inline constexpr uint32_t kRunExact = 1U << 31;
/// The run is about to be freed by a thread that has made sure of it; no other may.
inline constexpr uint32_t kRunPinned = 1U << 30;
/// The frames asked for, or more than any run has when it is pinned.
inline constexpr uint32_t kRunFrames = kRunExact - 1;

}  // namespace freestone::frames
