// Looking at a whole area.
#include <bit>

#include "frames/hybrid.h"

namespace freestone::frames {

namespace {

/// Calls `visit(length)` for each longest run of free frames in a block.
template <typename Visit>
void each_free_run(const BlockBits& bits, Visit visit) noexcept {
  uint32_t length = 0;
  for (uint32_t word = 0; word < kBlockWords; ++word) {
    const uint32_t open = bits.free_mask(word);
    for (uint32_t at = 0; at < kWordFrames;) {
      const uint32_t left = kWordFrames - at;
      const uint32_t ones = std::min(static_cast<uint32_t>(std::countr_one(open >> at)), left);
      length += ones;
      at += ones;
      if (at == kWordFrames) break;
      if (length != 0) visit(length);
      length = 0;
      at += std::min(static_cast<uint32_t>(std::countr_zero(open >> at)), left - ones);
    }
  }
  if (length != 0) visit(length);
}

}  // namespace

uint32_t Hybrid::used_in(BlockIndex block) const noexcept {
  if (lent(block)) return bits(block).used_count();
  return run_over(block) == kNoBlock ? 0 : kBlockFrames;
}

uint64_t Hybrid::add_usable(uint64_t (&usable)[kOrders]) const noexcept {
  uint64_t open = 0;
  for (BlockIndex block = seek(first()); block < end(); block = seek(block + 1)) {
    if (!lent(block)) continue;
    each_free_run(bits(block), [&](uint32_t length) noexcept {
      open += length;
      for (Order order = 0; order < kBlockOrder; ++order) usable[order] += length >> order << order;
    });
  }
  const uint64_t whole = buddy_.free_blocks() * kBlockFrames + kept_frames();
  for (Order order = 0; order < kBlockOrder; ++order) usable[order] += whole;
  add_usable_blocks(usable);
  return open + whole;
}

void Hybrid::add_usable_blocks(uint64_t (&usable)[kOrders]) const noexcept {
  uint64_t kept[kOrders] = {};
  for (CpuSlot& slot : parts_.slots) {
    slot.kept.lock.lock();
    for (Order order = kBlockOrder; order <= kMaxOrder; ++order) kept[order] += slot.kept.count(order);
    slot.kept.lock.unlock();
  }
  uint64_t kept_above = 0;
  for (Order order = kMaxOrder + 1; order-- > kBlockOrder;) {
    kept_above += kept[order] << order;
    usable[order] += buddy_.usable_blocks(order) * kBlockFrames + kept_above;
  }
}

bool Hybrid::validate() const noexcept {
  if (!buddy_.validate()) return false;
  uint64_t used = 0;
  const auto kept = [&](BlockIndex block) noexcept -> uint32_t {
    for (const CpuSlot& slot : parts_.slots) {
      if (Order order = 0; slot.kept.contains(block, order)) return 1U << (order - kBlockOrder);
    }
    return 0;
  };
  const auto in_lane = [&](BlockIndex block) noexcept {
    uint32_t lanes = 0;
    for (const CpuSlot& slot : parts_.slots) {
      for (const CpuSlot::Lane& lane : slot.lanes) lanes += lane.block.load(std::memory_order_relaxed) == block + 1;
    }
    return lanes;
  };
  // Frames of an exact run that reach into the block after it.
  uint32_t reach = 0;
  for (BlockIndex block = seek(first()); block < end();) {
    const BlockRecord& record = parts_.records[block];
    const Standing now = standing(block);
    const uint32_t run = record.run.load(std::memory_order_relaxed);
    const Order order = record.free_order.load(std::memory_order_relaxed);
    if (now.state == BlockState::kNotLent) {
      // In a live run, in a list, or kept: in one of them.
      const uint32_t in_run = run != 0 ? blocks_of(run) : 0;
      const uint32_t in_list = order != 0 ? 1U << (order - kBlockOrder) : 0;
      const uint32_t in_slot = kept(block);
      const uint32_t count = in_run + in_list + in_slot;
      if (reach != 0 || (in_run != 0) + (in_list != 0) + (in_slot != 0) != 1) return false;
      for (BlockIndex i = block; i < block + count; ++i) {
        if (i >= buddy_.end() || standing(i).state != BlockState::kNotLent) return false;
        for (uint32_t word = 0; word < kBlockWords; ++word) {
          if (bits(i).used_mask(word) != 0) return false;
        }
      }
      used += uint64_t{in_run} * kBlockFrames;
      reach = (run & kRunExact) != 0 ? (run & kRunFrames) % kBlockFrames : 0;
      block = seek(block + count);
      continue;
    }
    if (run != 0 || order != 0) return false;
    const uint32_t exist = block < buddy_.end() ? kBlockFrames : static_cast<uint32_t>(parts_.frames % kBlockFrames);
    bool joinable = reach != 0;
    for (uint32_t position = 0; position < kBlockFrames; ++position) {
      const uint32_t word = position / kWordFrames;
      const uint32_t bit = 1U << (position % kWordFrames);
      const bool is_used = (bits(block).used_mask(word) & bit) != 0;
      const bool starts = (bits(block).start_mask(word) & bit) != 0;
      // Held frames are those that do not exist, and no others when nobody is in the middle of anything.
      if (((bits(block).held_mask(word) & bit) != 0) != (position >= exist)) return false;
      if (is_used && !starts && !joinable) return false;
      if (reach != 0 && (position < reach ? !is_used || starts : position == reach && is_used && !starts)) return false;
      joinable = is_used;
      used += is_used;
    }
    reach = 0;
    if (in_lane(block) != (now.state == BlockState::kOwned ? 1U : 0U)) return false;
    const uint32_t longest = FreeMap(bits(block)).longest();
    if (now.state == BlockState::kListed) {
      if (longest != 0 && now.free_class < class_of(longest)) return false;
      const Summary& list = lists_[now.lane][now.free_class];
      if ((classes_[now.lane].load() >> now.free_class & 1) == 0) return false;
      if (!list.contains(block - first()) || list.find(block - first()) != block - first()) {
        return false;
      }
    } else if (now.state != BlockState::kOwned && longest != 0) {
      return false;
    }
    if (now.state == BlockState::kPromoted && !bits(block).all_used()) return false;
    block = seek(block + 1);
  }
  return reach == 0 && used == account_.used();
}

}  // namespace freestone::frames
