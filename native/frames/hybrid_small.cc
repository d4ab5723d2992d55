// The blocks that are lent to the bitmap.
#include <bit>

#include "frames/hybrid.h"

namespace freestone::frames {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

/// Blocks of a class that are tried before a whole block is opened, when the class does not promise that a run fits.
constexpr uint32_t kProbes = 4;

}  // namespace

bool Hybrid::claim_filling(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept {
  const uint32_t lane_index = lane_of(frames);
  CpuSlot::Lane& lane = slot.lanes[lane_index];
  // Acquire: pairs with `install`, after which the block is lent.
  const uint32_t held = lane.block.load(std::memory_order_acquire);
  if (held == 0) [[unlikely]]
    return false;
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
  if (position == kNoPosition) [[unlikely]]
    return false;
  if (word != from) lane.word.store(word, kRelaxed);
  frame = uint64_t{block} * kBlockFrames + position;
  if (filled) leave_if_full(slot, lane_index, block);
  return true;
}

bool Hybrid::allocate_filling(CpuSlot& slot, uint32_t frames, uint64_t& frame) noexcept {
  if (!claim_filling(slot, frames, 1, frame)) return false;
  (void)account_.charge(slot, frames, 1, false);
  return true;
}

Outcome Hybrid::claim(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept {
  if (claim_filling(slot, frames, alignment, frame)) [[likely]]
    return Outcome::kDone;
  return claim_elsewhere(slot, frames, alignment, frame);
}

Outcome Hybrid::claim_elsewhere(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept {
  const uint32_t own = lane_of(frames);
  if (claim_listed(slot, own, own + 1, frames, alignment, Effort::kLittle, frame)) return Outcome::kDone;
  // The request is charged already: nothing was left before it.
  if (account_.used() > account_.total()) return Outcome::kNoRoom;
  if (claim_fresh(slot, frames, alignment, frame) == Outcome::kDone) return Outcome::kDone;
  if (claim_anywhere(slot, frames, alignment, Effort::kLittle, frame)) return Outcome::kDone;
  if (claim_anywhere(slot, frames, alignment, Effort::kMuch, frame)) return Outcome::kDone;
  // Nothing is left that is easy to find. What other CPUs keep comes back, and every listed block is looked at.
  drain();
  if (claim_anywhere(slot, frames, alignment, Effort::kAll, frame)) return Outcome::kDone;
  const Outcome outcome = claim_fresh(slot, frames, alignment, frame);
  if (outcome == Outcome::kDone) return outcome;
  // Others may have taken blocks since then and hold them with room.
  return steal(frames, alignment, frame) ? Outcome::kDone : outcome;
}

bool Hybrid::claim_anywhere(CpuSlot& slot, uint32_t frames, uint32_t alignment, Effort effort,
                            uint64_t& frame) noexcept {
  return claim_listed(slot, 0, kLanes, frames, alignment, effort, frame);
}

bool Hybrid::claim_listed(CpuSlot& slot, uint32_t first_lane, uint32_t end_lane, uint32_t frames, uint32_t alignment,
                          Effort effort, uint64_t& frame) noexcept {
  // A free run this long holds an aligned one wherever it begins.
  const uint32_t enough = frames + alignment - 1;
  uint32_t surely = enough > kBlockFrames ? kListClasses : class_of(enough);
  if (surely < kListClasses && shortest_of(surely) < enough) ++surely;
  // Single frames leave the blocks that hardly have any to the last: one search should serve more than one request.
  if (surely == 0) surely = 1;
  // Sequentially consistent: see `list`.
  uint64_t classes = 0;
  for (uint32_t lane = first_lane; lane < end_lane; ++lane) classes |= classes_[lane].load();
  if (effort == Effort::kAll) classes = (uint64_t{1} << kListClasses) - 1;
  const auto from = [&](uint32_t free_class) noexcept {
    return free_class < kListClasses ? classes & UINT64_MAX << free_class : 0;
  };
  const auto claimed = [&](uint32_t free_class) noexcept {
    for (uint32_t lane = first_lane; lane < end_lane; ++lane) {
      if (effort != Effort::kAll && (classes_[lane].load() >> free_class & 1) == 0) continue;
      if (claim_in(slot, lane, frames, alignment, free_class, effort, frame)) return true;
    }
    return false;
  };
  // The tightest first, so that long runs stay.
  for (uint64_t rest = from(surely); rest != 0; rest &= rest - 1) {
    if (claimed(static_cast<uint32_t>(std::countr_zero(rest)))) return true;
  }
  for (uint64_t rest = from(class_of(frames)) & ~from(surely); rest != 0;) {
    const auto free_class = static_cast<uint32_t>(std::bit_width(rest)) - 1;
    rest ^= uint64_t{1} << free_class;
    if (claimed(free_class)) return true;
  }
  return false;
}

void Hybrid::list(BlockIndex block, Standing listed) noexcept {
  list_of(listed).insert(block - first());
  // As in `Summary::insert`.
  const uint64_t bit = uint64_t{1} << listed.free_class;
  if ((classes_[listed.lane].load() & bit) == 0) classes_[listed.lane].fetch_or(bit);
}

bool Hybrid::claim_in(CpuSlot& slot, uint32_t lane, uint32_t frames, uint32_t alignment, uint32_t free_class,
                      Effort effort, uint64_t& frame) noexcept {
  const Summary& list = lists_[lane][free_class];
  const Standing listed{BlockState::kListed, lane, free_class};
  const auto next = [&](uint32_t from) noexcept { return effort == Effort::kAll ? list.sweep(from) : list.find(from); };
  uint32_t probes = 0;
  for (uint32_t at = next(0); at != kNoBlock; at = next(at + 1)) {
    const BlockIndex block = first() + at;
    // Only where it may not fit: a look costs less than taking the block and putting it back.
    const bool promised = shortest_of(free_class) >= frames + alignment - 1;
    if (!promised && !bits(block).fits(frames, alignment)) {
      if (effort == Effort::kLittle && ++probes == kProbes) return false;
      continue;
    }
    if (!acquire(block, listed)) continue;
    const uint32_t position = bits(block).claim(frames, alignment, 0);
    if (position != kNoPosition) {
      const uint32_t own = lane_of(frames);
      frame = uint64_t{block} * kBlockFrames + position;
      install(slot, own, block, position / kWordFrames);
      if (bits(block).free_mask(position / kWordFrames) == 0) leave_if_full(slot, own, block);
      return true;
    }
    // Its class promised too much.
    settle(block);
  }
  if (list.find(0) == kNoBlock) {
    // As in `Summary::erase`.
    const uint64_t bit = uint64_t{1} << free_class;
    classes_[lane].fetch_and(~bit);
    if (list.find(0) != kNoBlock) classes_[lane].fetch_or(bit);
  }
  return false;
}

Outcome Hybrid::claim_fresh(CpuSlot& slot, uint32_t frames, uint32_t alignment, uint64_t& frame) noexcept {
  const uint32_t lane = lane_of(frames);
  for (;;) {
    BlockIndex block = kNoBlock;
    const Outcome outcome = lend(slot, lane, block);
    if (outcome != Outcome::kDone) return outcome;
    const uint32_t position = bits(block).claim(frames, alignment, 0);
    if (position != kNoPosition) {
      frame = uint64_t{block} * kBlockFrames + position;
      install(slot, lane, block, position / kWordFrames);
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

bool Hybrid::acquire(BlockIndex block, Standing listed) noexcept {
  uint16_t expected = listed.bits();
  // Sequentially consistent: see hybrid.h.
  if (!state(block).compare_exchange_strong(expected, Standing{BlockState::kOwned, listed.lane}.bits(),
                                            std::memory_order_seq_cst)) {
    withdraw(block, listed);
    return false;
  }
  list_of(listed).erase(block - first());
  return true;
}

void Hybrid::withdraw(BlockIndex block, Standing listed) noexcept {
  list_of(listed).erase(block - first());
  // It may have been listed just now, and its bit erased.
  if (state(block).load(std::memory_order_seq_cst) == listed.bits()) list(block, listed);
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
  const uint32_t lane = standing(block).lane;
  const uint16_t owned = Standing{BlockState::kOwned, lane}.bits();
  for (;;) {
    const FreeMap open(bits(block));
    const uint32_t longest = open.longest();
    if (longest == kBlockFrames) {
      if (!bits(block).hold_all()) continue;
      // Release: whoever gets the block next sees its frames held.
      state(block).store(Standing{}.bits(), std::memory_order_release);
      counts.returned.fetch_add(1, kRelaxed);
      give_run(slot_here(), block, kBlockOrder);
      return;
    }
    const bool promoted = longest == 0 && bits(block).all_used();
    if (promoted) counts.promotions.fetch_add(1, kRelaxed);
    const Standing next = longest != 0 ? Standing{BlockState::kListed, lane, class_of(longest)}
                                       : Standing{promoted ? BlockState::kPromoted : BlockState::kFull, lane};
    uint16_t now = next.bits();
    state(block).store(now, std::memory_order_seq_cst);
    if (longest != 0) list(block, next);
    // Freed in between, by someone who may have seen an owner: then this thread has to see to it.
    if (!open.grown(bits(block))) return;
    if (!state(block).compare_exchange_strong(now, owned, std::memory_order_seq_cst)) return;
    if (longest != 0) list_of(next).erase(block - first());
    if (promoted) counts.demotions.fetch_add(1, kRelaxed);
  }
}

void Hybrid::after_free(BlockIndex block, uint32_t position) noexcept {
  for (;;) {
    uint16_t seen = state(block).load(std::memory_order_seq_cst);
    const Standing now = Standing::of(seen);
    if (now.state == BlockState::kNotLent || now.state == BlockState::kOwned) return;
    const uint32_t length = bits(block).free_around(position);
    // Somebody has it already, and will see to the rest when freeing it.
    if (length == 0) return;
    const Standing next{BlockState::kListed, now.lane, class_of(length)};
    if (now.state == BlockState::kListed && next.free_class <= now.free_class) return;
    const bool whole = length == kBlockFrames;
    const uint16_t wanted = whole ? Standing{BlockState::kOwned, now.lane}.bits() : next.bits();
    if (!state(block).compare_exchange_strong(seen, wanted, std::memory_order_seq_cst)) continue;
    if (!whole) list(block, next);
    if (now.state == BlockState::kListed) withdraw(block, now);
    if (now.state == BlockState::kPromoted) counts.demotions.fetch_add(1, kRelaxed);
    if (whole) settle(block);
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

Outcome Hybrid::resize(uint64_t frame, uint32_t frames, uint32_t to) noexcept {
  const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
  const auto position = static_cast<uint32_t>(frame % kBlockFrames);
  CpuSlot& slot = slot_here();
  // Counted as a new run and the end of the old one, neither of which anybody asked for.
  if (!account_.charge(slot, to, 1, false)) return Outcome::kNoRoom;
  const bool done =
      to < frames ? bits(block).cut(position, frames, to) : bits(block).extend(position, frames, to - frames);
  if (!done) {
    account_.refund(slot, to, 1);
    return Outcome::kNoRoom;
  }
  account_.credit(slot, frames, 1);
  account_.forget(1);
  // Sequentially consistent: see the top of hybrid.h.
  if (to < frames && Standing::of(state(block).load(std::memory_order_seq_cst)).state != BlockState::kOwned) {
    settle_freed(block, position + to, frames - to);
  }
  return Outcome::kDone;
}

}  // namespace freestone::frames
