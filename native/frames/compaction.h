#pragma once
// Emptying one area's sparse blocks by moving runs that may be moved.
//   threads: one at a time for an area; others may allocate and free meanwhile.    memory: 8 bytes a block that might
//   be emptied, while it runs.
//
// A block is taken out of its list first, so that nothing new begins in it; each run is pinned while it is moved, so
// that it cannot be freed and begun anew by another under the mover's hands. Runs move only into listed blocks: opening
// a whole block to empty another would gain nothing.
#include "frames/frame_allocator.h"
#include "frames/hybrid.h"

namespace freestone::frames {

class Mover {
 public:
  /// What goes with a frame, by frame; `sites` may be null.
  struct Tags {
    std::atomic<uint64_t>* movers = nullptr;
    std::atomic<uint64_t>* sites = nullptr;
  };
  Mover(Hybrid& area, Tags tags, FrameAllocator::Move move, void* context) noexcept
      : area_(area), tags_(tags), move_(move), context_(context) {}

  /// Adds to what `result` counts.
  void run(Compaction& result) noexcept;

 private:
  struct Candidate {
    BlockIndex block;
    uint32_t used;
  };
  [[nodiscard]] bool all_movable(BlockIndex block) const noexcept;
  /// False when a run stays.
  [[nodiscard]] bool empty(BlockIndex block, Compaction& result) noexcept;
  [[nodiscard]] bool move_run(uint64_t from, uint32_t frames, Compaction& result) noexcept;

  Hybrid& area_;
  const Tags tags_;
  const FrameAllocator::Move move_;
  void* const context_;
};

}  // namespace freestone::frames
