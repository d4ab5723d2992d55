// The blocks that are lent to the bitmap.
#include <bit>

#include "frames/hybrid.h"

namespace freestone::frames {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

/// Blocks of a class that are tried before a whole block is opened, when the class does not promise that a run fits.
constexpr uint32_t kProbes = 4;

constexpr uint32_t floor_log2(uint32_t value) noexcept { return static_cast<uint32_t>(std::bit_width(value)) - 1; }
constexpr uint32_t ceil_log2(uint32_t value) noexcept { return static_cast<uint32_t>(std::bit_width(value - 1)); }

}  // namespace

Outcome Hybrid::claim(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept {
  const uint32_t lane_index = lane_of(frames);
  CpuSlot::Lane& lane = slot.lanes[lane_index];
  // Acquire: pairs with `install`, after which the block is lent.
  const uint32_t held = lane.block.load(std::memory_order_acquire);
  if (held != 0) [[likely]] {
    const BlockIndex block = held - 1;
    const uint32_t from = lane.word.load(kRelaxed);
    uint32_t word = from;
    bool filled = false;
    uint32_t position;
    if (frames == 1 && alignment == 1) {
      position = bits(block).claim_one(word, filled);
    } else {
      position = bits(block).claim(frames, alignment, word);
      word = position / kWordFrames % kBlockWords;
      filled = position != kNoPosition && bits(block).free_mask(word) == 0;
    }
    if (position != kNoPosition) [[likely]] {
      if (word != from) lane.word.store(word, kRelaxed);
      frame = uint64_t{block} * kBlockFrames + position;
      if (filled) leave_if_full(slot, lane_index, block);
      return Outcome::kDone;
    }
  }
  return claim_elsewhere(slot, frames, alignment, frame);
}

Outcome Hybrid::claim_elsewhere(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept {
  if (claim_listed(slot, frames, alignment, false, frame)) return Outcome::kDone;
  // The request is charged already: nothing was left before it.
  if (account_.used() > account_.total()) return Outcome::kNoRoom;
  if (claim_fresh(slot, frames, alignment, frame) == Outcome::kDone) return Outcome::kDone;
  // Nothing is left that is easy to find. What other CPUs keep comes back, and every listed block is looked at.
  drain();
  if (claim_listed(slot, frames, alignment, true, frame)) return Outcome::kDone;
  const Outcome outcome = claim_fresh(slot, frames, alignment, frame);
  if (outcome == Outcome::kDone) return outcome;
  // Others may have taken blocks since then and hold them with room.
  return steal(frames, alignment, frame) ? Outcome::kDone : outcome;
}

bool Hybrid::claim_listed(CpuSlot& slot, uint32_t frames, uint32_t alignment, bool thorough, uint64_t& frame) noexcept {
  // A free run this long holds an aligned one wherever it begins.
  const uint32_t surely = ceil_log2(frames + alignment - 1);
  const uint32_t possibly = floor_log2(frames);
  // The tightest first, so that long runs stay.
  for (uint32_t free_class = surely; free_class < kListClasses; ++free_class) {
    if (claim_in(slot, frames, alignment, free_class, thorough, frame)) return true;
  }
  for (uint32_t free_class = std::min(surely, kListClasses); free_class-- > possibly;) {
    if (claim_in(slot, frames, alignment, free_class, thorough, frame)) return true;
  }
  return false;
}

bool Hybrid::claim_in(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint32_t free_class, bool thorough,
                      uint64_t& frame) noexcept {
  const Summary& list = lists_[free_class];
  const auto next = [&](uint32_t from) noexcept { return thorough ? list.sweep(from) : list.find(from); };
  uint32_t probes = 0;
  for (uint32_t at = next(0); at != kNoBlock; at = next(at + 1)) {
    const BlockIndex block = first() + at;
    if (!acquire(block, free_class)) continue;
    const uint32_t position = bits(block).claim(frames, alignment, 0);
    if (position != kNoPosition) {
      const uint32_t lane = lane_of(frames);
      frame = uint64_t{block} * kBlockFrames + position;
      install(slot, lane, block, position / kWordFrames);
      if (bits(block).free_mask(position / kWordFrames) == 0) leave_if_full(slot, lane, block);
      return true;
    }
    settle(block);
    if (!thorough && ++probes == kProbes) return false;
  }
  return false;
}

Outcome Hybrid::claim_fresh(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept {
  for (;;) {
    BlockIndex block = kNoBlock;
    const Outcome outcome = lend(slot, block);
    if (outcome != Outcome::kDone) return outcome;
    const uint32_t position = bits(block).claim(frames, alignment, 0);
    if (position != kNoPosition) {
      frame = uint64_t{block} * kBlockFrames + position;
      install(slot, lane_of(frames), block, position / kWordFrames);
      return Outcome::kDone;
    }
    // Threads that had it in their lane before it was given back have got in first.
    settle(block);
  }
}

bool Hybrid::steal(uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept {
  for (CpuSlot& slot : parts_.slots) {
    for (CpuSlot::Lane& lane : slot.lanes) {
      const uint32_t held = lane.block.load(std::memory_order_acquire);
      if (held == 0) continue;
      const uint32_t position = bits(held - 1).claim(frames, alignment, 0);
      if (position == kNoPosition) continue;
      frame = uint64_t{held - 1} * kBlockFrames + position;
      return true;
    }
  }
  return false;
}

bool Hybrid::acquire(BlockIndex block, uint32_t free_class) noexcept {
  uint8_t listed = Standing{BlockState::kListed, free_class}.byte();
  constexpr uint8_t kOwned = Standing{BlockState::kOwned, 0}.byte();
  // Sequentially consistent: see hybrid.h.
  if (!state(block).compare_exchange_strong(listed, kOwned, std::memory_order_seq_cst)) {
    withdraw(block, free_class);
    return false;
  }
  lists_[free_class].erase(block - first());
  return true;
}

void Hybrid::withdraw(BlockIndex block, uint32_t free_class) noexcept {
  lists_[free_class].erase(block - first());
  // It may have been listed just now, and its bit erased.
  if (state(block).load(std::memory_order_seq_cst) == Standing{BlockState::kListed, free_class}.byte()) {
    list(block, free_class);
  }
}

void Hybrid::install(CpuSlot& slot, uint32_t lane, BlockIndex block, uint32_t word) noexcept {
  slot.lanes[lane].word.store(word, kRelaxed);
  // Release: whoever claims by this lane sees the block lent. Acquire: the old block is now this thread's.
  const uint32_t old = slot.lanes[lane].block.exchange(block + 1, std::memory_order_acq_rel);
  if (old != 0) settle(old - 1);
}

void Hybrid::leave_if_full(CpuSlot& slot, uint32_t lane, BlockIndex block) noexcept {
  if (bits(block).any_free()) return;
  uint32_t held = block + 1;
  if (slot.lanes[lane].block.compare_exchange_strong(held, 0, std::memory_order_acq_rel, kRelaxed)) settle(block);
}

void Hybrid::settle(BlockIndex block) noexcept {
  constexpr uint8_t kOwned = Standing{BlockState::kOwned, 0}.byte();
  for (;;) {
    const int longest = bits(block).longest_class();
    if (longest < 0) {
      const bool promoted = bits(block).all_used();
      if (promoted) counts.promotions.fetch_add(1, kRelaxed);
      uint8_t full = Standing{promoted ? BlockState::kPromoted : BlockState::kFull, 0}.byte();
      state(block).store(full, std::memory_order_seq_cst);
      if (!bits(block).any_free()) return;
      // Freed in between, by someone who may have seen an owner: then this thread has to see to it.
      if (!state(block).compare_exchange_strong(full, kOwned, std::memory_order_seq_cst)) return;
      if (promoted) counts.demotions.fetch_add(1, kRelaxed);
      continue;
    }
    const auto free_class = static_cast<uint32_t>(longest);
    if (free_class == kBlockOrder) {
      if (!bits(block).hold_all()) continue;
      // Release: whoever gets the block next sees its frames held.
      state(block).store(Standing{}.byte(), std::memory_order_release);
      counts.returned.fetch_add(1, kRelaxed);
      give_run(slot_here(), block, kBlockOrder);
      return;
    }
    uint8_t listed = Standing{BlockState::kListed, free_class}.byte();
    state(block).store(listed, std::memory_order_seq_cst);
    list(block, free_class);
    if (bits(block).longest_class() <= longest) return;
    if (!state(block).compare_exchange_strong(listed, kOwned, std::memory_order_seq_cst)) return;
    lists_[free_class].erase(block - first());
  }
}

void Hybrid::after_free(BlockIndex block, uint32_t position) noexcept {
  for (;;) {
    uint8_t byte = state(block).load(std::memory_order_seq_cst);
    const Standing now = Standing::of(byte);
    if (now.state == BlockState::kNotLent || now.state == BlockState::kOwned) return;
    const uint32_t length = bits(block).free_around(position);
    // Somebody has it already, and will see to the rest when freeing it.
    if (length == 0) return;
    const uint32_t free_class = floor_log2(length);
    if (now.state == BlockState::kListed && free_class <= now.free_class) return;
    if (free_class == kBlockOrder) {
      if (!state(block).compare_exchange_strong(byte, Standing{BlockState::kOwned, 0}.byte(),
                                                std::memory_order_seq_cst)) {
        continue;
      }
      if (now.state == BlockState::kListed) withdraw(block, now.free_class);
      if (now.state == BlockState::kPromoted) counts.demotions.fetch_add(1, kRelaxed);
      settle(block);
      return;
    }
    if (!state(block).compare_exchange_strong(byte, Standing{BlockState::kListed, free_class}.byte(),
                                              std::memory_order_seq_cst)) {
      continue;
    }
    list(block, free_class);
    if (now.state == BlockState::kListed) withdraw(block, now.free_class);
    if (now.state == BlockState::kPromoted) counts.demotions.fetch_add(1, kRelaxed);
    return;
  }
}

bool Hybrid::free_small(BlockIndex block, uint32_t position, uint32_t frames, std::atomic<uint64_t>* mover) noexcept {
  if (position + frames > kBlockFrames) return false;
  if (mover != nullptr && mover->load(kRelaxed) != 0) [[unlikely]] {
    // Cleared while the run is nobody's, so that the frame's next owner does not find it or lose its own.
    if (!bits(block).pin(position, frames)) return false;
    mover->store(0, kRelaxed);
    bits(block).release_pinned(position, frames);
  } else if (!bits(block).release(position, frames)) {
    return false;
  }
  freed(block, position, frames);
  return true;
}

void Hybrid::freed(BlockIndex block, uint32_t position, uint32_t frames) noexcept {
  CpuSlot& slot = slot_here();
  account_.credit(slot, frames, 1);
  // Sequentially consistent: see hybrid.h.
  if (Standing::of(state(block).load(std::memory_order_seq_cst)).state != BlockState::kOwned) {
    after_free(block, position);
  } else if (CpuSlot::Lane& lane = slot.lanes[lane_of(frames)]; lane.block.load(kRelaxed) == block + 1) {
    // The next one is found at once, and is still in the processor's cache.
    lane.word.store(position / kWordFrames, kRelaxed);
  }
}

}  // namespace freestone::frames
