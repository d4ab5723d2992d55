#pragma once
// What is known of a block beside its bitmap, and who may change it when.
//   threads: as the fields say.    memory: 16 bytes a block; all zeros is a block that was never used.
#include <atomic>
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

/// A state with the class of a listed block: its longest free run had 2^k to 2^(k+1) - 1 frames.
struct Standing {
  BlockState state = BlockState::kNotLent;
  uint32_t free_class = 0;

  [[nodiscard]] static constexpr Standing of(uint8_t byte) noexcept {
    return {static_cast<BlockState>(byte & 7), static_cast<uint32_t>(byte >> 4)};
  }
  [[nodiscard]] constexpr uint8_t byte() const noexcept {
    return static_cast<uint8_t>(static_cast<uint8_t>(state) | free_class << 4);
  }
};

/// The largest class of a listed block; one that is free altogether goes back to the buddy lists.
inline constexpr uint32_t kListClasses = kBlockOrder + 1;

struct BlockRecord {
  /// Neighbours in the free list, by block index plus 1; 0 is none. Guarded by the list's lock.
  uint32_t next;
  uint32_t previous;
  /// At the first block of a live run from the buddy lists: `kRun*` and the frames asked for; else 0. Set by who
  /// allocated, before the frame is known to anybody; the compare-and-swap to 0 decides who frees it.
  std::atomic<uint32_t> run;
  /// A `Standing`. Sequentially consistent where the bitmap is looked at after it, or before: see `Hybrid`.
  std::atomic<uint8_t> state;
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
