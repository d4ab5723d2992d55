#include "frames/hybrid.h"

#include <bit>

namespace freestone::frames {

void Hybrid::init(const Parts& parts) noexcept {
  parts_ = parts;
  slot_mask_ = static_cast<uint32_t>(parts.slots.size()) - 1;
  for (CpuSlot& slot : parts.slots) slot.area = this;
  account_.init(parts.zone, parts.slots, parts.frames);
  parts.zone->add(&account_);
  std::atomic<uint64_t>* words = parts.summary_words;
  for (auto& lane : lists_) {
    for (Summary& list : lane) {
      list.init(words, parts.blocks.count);
      words += Summary::words_for(parts.blocks.count);
    }
  }
  const auto rest = static_cast<uint32_t>(parts.frames % kBlockFrames);
  buddy_.init(parts.records, first(), end() - (rest != 0));
  if (rest != 0) {
    // The bitmap's for good: frames that do not exist are held, so the block is never free altogether.
    bits(end() - 1).hold_at(rest, kBlockFrames - rest);
    settle(end() - 1);
  }
}

Outcome Hybrid::allocate(uint32_t frames, uint32_t alignment, bool exact, bool emergency, uint64_t& frame) noexcept {
  CpuSlot& slot = slot_here();
  if (frames >= kBlockFrames || alignment > kBlockFrames) {
    return allocate_large(slot, frames, alignment, exact, emergency, frame);
  }
  if (!account_.charge(slot, frames, 1, emergency)) return Outcome::kNoRoom;
  const Outcome outcome = claim(slot, frames, alignment, frame);
  if (outcome != Outcome::kDone) [[unlikely]]
    account_.refund(slot, frames, 1);
  return outcome;
}

size_t Hybrid::allocate_ones(FrameId* into, size_t count, bool emergency) noexcept {
  CpuSlot& slot = slot_here();
  CpuSlot::Lane& lane = slot.lanes[lane_of(1)];
  size_t done = 0;
  while (done < count) {
    const uint32_t held = lane.block.load(std::memory_order_acquire);
    const auto most = static_cast<uint32_t>(std::min<size_t>(count - done, kWordFrames));
    uint32_t got = 0;
    if (held != 0 && account_.charge(slot, most, most, emergency)) {
      const BlockIndex block = held - 1;
      const uint32_t from = lane.word.load(std::memory_order_relaxed);
      for (uint32_t step = 0; step < kBlockWords && got == 0; ++step) {
        const uint32_t word = (from + step) % kBlockWords;
        uint32_t mask = bits(block).claim_ones(word, most);
        if (mask == 0) continue;
        lane.word.store(word, std::memory_order_relaxed);
        for (; mask != 0; mask &= mask - 1, ++got) {
          into[done + got] = FrameId{uint64_t{block} * kBlockFrames + word * kWordFrames +
                                     static_cast<uint32_t>(std::countr_zero(mask))};
        }
        if (bits(block).free_mask(word) == 0) leave_if_full(slot, lane_of(1), block);
      }
      if (got < most) account_.refund(slot, most - got, most - got);
    }
    done += got;
    if (got != 0) continue;
    // One by the long way, which also finds the lane a block.
    uint64_t frame = 0;
    if (allocate(1, 1, false, emergency, frame) != Outcome::kDone) break;
    into[done++] = FrameId{frame};
  }
  return done;
}

bool Hybrid::free(uint64_t frame, uint32_t frames, std::atomic<uint64_t>* movers) noexcept {
  const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
  const auto position = static_cast<uint32_t>(frame % kBlockFrames);
  std::atomic<uint64_t>* const mover = movers == nullptr ? nullptr : movers + frame;
  if (frames < kBlockFrames) return free_small(block, position, frames, mover);
  return position == 0 && free_large(block, frames, mover);
}

bool Hybrid::pin(uint64_t frame, uint32_t frames) noexcept {
  const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
  const auto position = static_cast<uint32_t>(frame % kBlockFrames);
  if (frames < kBlockFrames) return position + frames <= kBlockFrames && bits(block).pin(position, frames);
  std::atomic<uint32_t>& record = parts_.records[block].run;
  uint32_t run = record.load(std::memory_order_relaxed);
  // Acquire as in `BlockBits::pin`.
  return position == 0 && (run & kRunFrames) == frames &&
         record.compare_exchange_strong(run, run | kRunPinned, std::memory_order_acquire, std::memory_order_relaxed);
}

void Hybrid::unpin(uint64_t frame, uint32_t frames) noexcept {
  const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
  if (frames < kBlockFrames) {
    bits(block).unpin(static_cast<uint32_t>(frame % kBlockFrames));
  } else {
    parts_.records[block].run.fetch_and(~kRunPinned, std::memory_order_release);
  }
}

void Hybrid::free_pinned(uint64_t frame, uint32_t frames, std::atomic<uint64_t>* movers) noexcept {
  const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
  if (movers != nullptr) movers[frame].store(0, std::memory_order_relaxed);
  if (frames < kBlockFrames) {
    const auto position = static_cast<uint32_t>(frame % kBlockFrames);
    bits(block).release_pinned(position, frames);
    freed(block, position, frames);
  } else {
    give_large(block, parts_.records[block].run.exchange(0, std::memory_order_acq_rel) & ~kRunPinned);
  }
}

bool Hybrid::pin_ones(uint64_t first, uint32_t mask) noexcept {
  const auto word = static_cast<uint32_t>(first % kBlockFrames) / kWordFrames;
  return bits(static_cast<BlockIndex>(first / kBlockFrames)).pin_ones(word, mask);
}

void Hybrid::unpin_ones(uint64_t first, uint32_t mask) noexcept {
  const auto word = static_cast<uint32_t>(first % kBlockFrames) / kWordFrames;
  bits(static_cast<BlockIndex>(first / kBlockFrames)).unpin_ones(word, mask);
}

void Hybrid::free_pinned_ones(uint64_t first, uint32_t mask, std::atomic<uint64_t>* movers) noexcept {
  const auto block = static_cast<BlockIndex>(first / kBlockFrames);
  const auto word = static_cast<uint32_t>(first % kBlockFrames) / kWordFrames;
  const auto count = static_cast<uint32_t>(std::popcount(mask));
  for (uint32_t rest = movers == nullptr ? 0 : mask; rest != 0; rest &= rest - 1) {
    movers[first + static_cast<uint32_t>(std::countr_zero(rest))].store(0, std::memory_order_relaxed);
  }
  bits(block).release_pinned_ones(word, mask);
  account_.credit(slot_here(), count, count);
  if (Standing::of(state(block).load(std::memory_order_seq_cst)).state == BlockState::kOwned) return;
  while (mask != 0) {
    // Once for frames that lie together.
    const auto at = static_cast<uint32_t>(std::countr_zero(mask));
    const auto together = static_cast<uint32_t>(std::countr_one(mask >> at));
    after_free(block, word * kWordFrames + at);
    mask &= ~static_cast<uint32_t>(((uint64_t{1} << together) - 1) << at);
  }
}

bool Hybrid::is_run(uint64_t frame, uint32_t frames) const noexcept {
  const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
  const auto position = static_cast<uint32_t>(frame % kBlockFrames);
  if (frames < kBlockFrames) return position + frames <= kBlockFrames && bits(block).is_run(position, frames);
  return position == 0 && (parts_.records[block].run.load(std::memory_order_acquire) & kRunFrames) == frames;
}

bool Hybrid::is_used(uint64_t frame, uint32_t frames) const noexcept {
  const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
  if (lent(block)) return bits(block).is_used(static_cast<uint32_t>(frame % kBlockFrames), frames);
  const BlockIndex run = run_over(block);
  if (run == kNoBlock) return false;
  const uint32_t length = parts_.records[run].run.load(std::memory_order_acquire) & kRunFrames;
  return frame + frames <= uint64_t{run} * kBlockFrames + length;
}

void Hybrid::drain() noexcept {
  for (CpuSlot& slot : parts_.slots) {
    for (CpuSlot::Lane& lane : slot.lanes) {
      // Acquire: pairs with the release in `install`.
      const uint32_t old = lane.block.exchange(0, std::memory_order_acq_rel);
      if (old != 0) settle(old - 1);
    }
  }
  // After the lanes, whose empty blocks came here.
  for (CpuSlot& slot : parts_.slots) {
    for (Order order = kBlockOrder; order <= kMaxOrder; ++order) {
      for (;;) {
        slot.kept.lock.lock();
        const BlockIndex run = slot.kept.pop(order);
        slot.kept.lock.unlock();
        if (run == kNoBlock) break;
        buddy_.release(run, order);
      }
    }
  }
}

uint64_t Hybrid::trim() noexcept {
  drain();
  uint64_t blocks = 0;
  for (BlockIndex block = first(); block < buddy_.frontier();) {
    const Order order = parts_.records[block].free_order.load(std::memory_order_relaxed);
    const uint32_t count = order == 0 ? 1 : 1U << (order - kBlockOrder);
    // Only a hint: it counts once the run is taken.
    if (order != 0 && parts_.region->any_handed_out(block, count) && buddy_.take(block, order)) {
      blocks += parts_.region->give_back(block, count, *parts_.memory);
      buddy_.release(block, order);
    }
    block += count;
  }
  return blocks << (parts_.region->frame_shift() + kBlockOrder);
}

uint64_t Hybrid::kept_frames() const noexcept {
  uint64_t blocks = 0;
  for (const CpuSlot& slot : parts_.slots) blocks += slot.kept.blocks();
  return blocks * kBlockFrames;
}

}  // namespace freestone::frames
