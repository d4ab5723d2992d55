#include "frames/compaction.h"

#include <bit>
#include <cstring>

namespace freestone::frames {

void Mover::run(Compaction& result) noexcept {
  // Lanes hold blocks that could be emptied.
  area_.drain();
  base::Array<Candidate> candidates;
  for (BlockIndex block = area_.seek(area_.first()); block < area_.end(); block = area_.seek(block + 1)) {
    if (area_.standing(block).state != BlockState::kListed || !all_movable(block)) continue;
    // Without memory for all of them, those that fit.
    if (!candidates.push({block, area_.bits(block).used_count()})) break;
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) noexcept {
    return a.used != b.used ? a.used < b.used : a.block < b.block;
  });
  for (const Candidate& candidate : candidates) {
    const Standing now = area_.standing(candidate.block);
    // Room was made of it for another one's runs, or it was emptied meanwhile.
    if (now.state != BlockState::kListed || !area_.acquire(candidate.block, now)) continue;
    const uint64_t before = area_.counts.returned.load(std::memory_order_relaxed);
    const bool emptied = empty(candidate.block, result);
    area_.settle(candidate.block);
    if (emptied && area_.counts.returned.load(std::memory_order_relaxed) != before) ++result.freed_blocks;
    // What does not find room now will not do so for fuller blocks, but shorter runs may.
  }
  area_.drain();
}

bool Mover::all_movable(BlockIndex block) const noexcept {
  const uint64_t base = uint64_t{block} * kBlockFrames;
  const BlockBits& bits = area_.bits(block);
  // The end of a run of the block before.
  if ((bits.used_mask(0) & 1) != 0 && (bits.start_mask(0) & 1) == 0) return false;
  for (uint32_t word = 0; word < kBlockWords; ++word) {
    for (uint32_t starts = bits.start_mask(word); starts != 0; starts &= starts - 1) {
      const uint64_t frame = base + word * kWordFrames + static_cast<uint32_t>(std::countr_zero(starts));
      if (tags_.movers[frame].load(std::memory_order_relaxed) == 0) return false;
    }
  }
  return true;
}

bool Mover::empty(BlockIndex block, Compaction& result) noexcept {
  bool emptied = true;
  for (uint32_t word = 0; word < kBlockWords && emptied; ++word) {
    for (uint32_t starts = area_.bits(block).start_mask(word); starts != 0 && emptied; starts &= starts - 1) {
      const uint32_t position = word * kWordFrames + static_cast<uint32_t>(std::countr_zero(starts));
      const uint32_t frames = area_.bits(block).run_at(position);
      if (frames != 0) emptied = move_run(uint64_t{block} * kBlockFrames + position, frames, result);
    }
  }
  return emptied;
}

bool Mover::move_run(uint64_t from, uint32_t frames, Compaction& result) noexcept {
  // One that is gone needs no moving.
  if (!area_.pin(from, frames)) return true;
  const uint64_t mover = tags_.movers[from].load(std::memory_order_relaxed);
  uint64_t to = 0;
  if (mover == 0 || !area_.claim_anywhere(area_.slot_here(), frames, 1, Hybrid::Effort::kAll, to)) {
    area_.unpin(from, frames);
    return false;
  }
  const uint32_t shift = area_.parts().region->frame_shift();
  uint8_t* const base = area_.parts().region->base();
  std::memcpy(base + (to << shift), base + (from << shift), uint64_t{frames} << shift);
  tags_.movers[to].store(mover, std::memory_order_relaxed);
  if (tags_.sites != nullptr) {
    tags_.sites[to].store(tags_.sites[from].load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  const bool taken = move_(context_, mover, FrameId{from}, FrameId{to}, frames);
  // The claim was not charged, and the free that follows is not credited: the run is one before and after.
  const uint64_t gone = taken ? from : to;
  if (taken || area_.pin(to, frames)) {
    tags_.movers[gone].store(0, std::memory_order_relaxed);
    area_.bits(static_cast<BlockIndex>(gone / kBlockFrames))
        .release_pinned(static_cast<uint32_t>(gone % kBlockFrames), frames);
    area_.settle_freed(static_cast<BlockIndex>(gone / kBlockFrames), static_cast<uint32_t>(gone % kBlockFrames),
                       frames);
  }
  if (!taken) {
    area_.unpin(from, frames);
    return false;
  }
  ++result.moved_runs;
  result.moved_frames += frames;
  return true;
}

}  // namespace freestone::frames
