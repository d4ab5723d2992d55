// Whole blocks: runs of 512 frames and more, and the blocks that are lent.
#include <bit>

#include "frames/hybrid.h"

namespace freestone::frames {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

uint32_t Hybrid::blocks_of(uint32_t run) noexcept {
  const uint32_t frames = run & kRunFrames & ~kRunPinned;
  return (run & kRunExact) != 0 ? frames / kBlockFrames : 1U << (order_of(frames) - kBlockOrder);
}

BlockIndex Hybrid::run_over(BlockIndex block) const noexcept {
  // A run is as aligned as it is large.
  for (uint32_t shift = 0; shift <= kMaxOrder - kBlockOrder; ++shift) {
    const BlockIndex start = block >> shift << shift;
    if (start < first()) break;
    const uint32_t run = parts_.records[start].run.load(std::memory_order_acquire);
    if (run != 0 && block - start < blocks_of(run)) return start;
  }
  return kNoBlock;
}

BlockIndex Hybrid::take_run(CpuSlot& slot, Order order) noexcept {
  KeptRuns& kept = slot.kept;
  const uint32_t depth = KeptRuns::depth(order, parts_.keep_blocks);
  if (depth == 0 || !kept.lock.try_lock()) return buddy_.allocate(order);
  BlockIndex run = kept.pop(order);
  if (run == kNoBlock && depth > 1) {
    // As many as there is room for, by one lock or one larger run.
    const uint32_t refill = std::bit_floor(depth);
    const Order larger = order + static_cast<Order>(std::countr_zero(refill));
    BlockIndex more[KeptRuns::kDepth];
    uint32_t count = buddy_.allocate_listed(order, more, refill);
    if (count == 0 && larger <= kMaxOrder) {
      if (const BlockIndex large = buddy_.allocate(larger); large != kNoBlock) {
        while (count < refill) {
          more[count] = large + (count << (order - kBlockOrder));
          ++count;
        }
      }
    }
    // Popped from the end: the first comes first.
    while (count > 1) kept.push(order, more[--count]);
    if (count == 1) run = more[0];
  }
  kept.lock.unlock();
  return run != kNoBlock ? run : buddy_.allocate(order);
}

void Hybrid::give_run(CpuSlot& slot, BlockIndex block, Order order) noexcept {
  KeptRuns& kept = slot.kept;
  const uint32_t depth = KeptRuns::depth(order, parts_.keep_blocks);
  if (depth == 0 || !kept.lock.try_lock()) {
    buddy_.release(block, order);
    return;
  }
  BlockIndex out[KeptRuns::kDepth];
  uint32_t count = 0;
  if (kept.count(order) == depth) {
    while (count < (depth + 1) / 2) out[count++] = kept.pop(order);
  }
  kept.push(order, block);
  kept.lock.unlock();
  while (count > 0) buddy_.release(out[--count], order);
}

bool Hybrid::allocate_run(CpuSlot& slot, uint32_t frames, uint64_t& frame) noexcept {
  const Order order = order_of(frames);
  const BlockIndex block = take_run(slot, order);
  if (block == kNoBlock) [[unlikely]]
    return false;
  if (!parts_.region->hand_out(block, 1U << (order - kBlockOrder)).ok()) [[unlikely]] {
    give_run(slot, block, order);
    return false;
  }
  (void)account_.charge(slot, uint64_t{1} << order, 1, false);
  // Release: see `allocate_large`.
  parts_.records[block].run.store(frames, std::memory_order_release);
  frame = uint64_t{block} * kBlockFrames;
  return true;
}

bool Hybrid::free_run_quickly(CpuSlot& slot, BlockRecord* records, uint64_t frame, uint32_t frames) noexcept {
  if (frame % kBlockFrames != 0 || frames > kMaxRunFrames) return false;
  const auto block = static_cast<BlockIndex>(frame / kBlockFrames);
  uint32_t run = frames;
  // Release: see `free_large`. A run that was cut is not freed this way.
  if (!records[block].run.compare_exchange_strong(run, 0, std::memory_order_acq_rel, kRelaxed)) return false;
  const Order order = order_of(frames);
  slot.area->give_run(slot, block, order);
  slot.area->account_.credit(slot, uint64_t{1} << order, 1);
  return true;
}

Outcome Hybrid::lend(CpuSlot& slot, uint32_t lane, BlockIndex& block) noexcept {
  block = take_run(slot, kBlockOrder);
  if (block == kNoBlock) return Outcome::kNoRoom;
  if (!parts_.region->hand_out(block, 1).ok()) {
    give_run(slot, block, kBlockOrder);
    return Outcome::kNoMemory;
  }
  // Before the frames open: a thread that takes the block for lent frees into a block that has an owner.
  state(block).store(Standing{BlockState::kOwned, lane}.bits(), std::memory_order_seq_cst);
  if (bits(block).was_held()) bits(block).open(0, false);
  counts.lent.fetch_add(1, kRelaxed);
  return Outcome::kDone;
}

void Hybrid::lend_tail(BlockIndex block, uint32_t frames, bool joined) noexcept {
  state(block).store(Standing{BlockState::kOwned}.bits(), std::memory_order_seq_cst);
  bits(block).open(frames, joined);
  counts.lent.fetch_add(1, kRelaxed);
  settle(block);
}

Outcome Hybrid::allocate_large(CpuSlot& slot, uint32_t frames, uint32_t alignment, bool exact, bool emergency,
                               uint64_t& frame) noexcept {
  const bool small = frames < kBlockFrames;
  const Order order = order_of(frames);
  const Order place = std::max(order, static_cast<Order>(std::countr_zero(alignment)));
  const uint32_t charged = exact || small ? frames : 1U << order;
  if (!account_.charge(slot, charged, 1, emergency)) return Outcome::kNoRoom;

  BlockIndex block = take_run(slot, place);
  if (block == kNoBlock && account_.used() <= account_.total()) {
    // What CPUs keep may be what is missing, and empty blocks in their lanes.
    drain();
    block = buddy_.allocate(place);
  }
  const uint32_t blocks = (charged + kBlockFrames - 1) / kBlockFrames;
  const bool found = block != kNoBlock;
  if (!found || !parts_.region->hand_out(block, blocks).ok()) {
    if (found) give_run(slot, block, place);
    account_.refund(slot, charged, 1);
    return found ? Outcome::kNoMemory : Outcome::kNoRoom;
  }
  const uint32_t taken = 1U << (place - kBlockOrder);
  if (blocks < taken) buddy_.release_range(block + blocks, taken - blocks);
  frame = uint64_t{block} * kBlockFrames;
  if (small) {
    lend_tail(block, frames, false);
    return Outcome::kDone;
  }
  // Release: pairs with the acquire of `free_large`, `is_run` and walks.
  const bool cut = charged != 1U << order;
  parts_.records[block].run.store(frames | (cut ? kRunExact : 0), std::memory_order_release);
  if (charged % kBlockFrames != 0) lend_tail(block + blocks - 1, charged % kBlockFrames, true);
  return Outcome::kDone;
}

bool Hybrid::free_large(BlockIndex block, uint32_t frames, std::atomic<uint64_t>* mover) noexcept {
  std::atomic<uint32_t>& record = parts_.records[block].run;
  uint32_t run = record.load(std::memory_order_acquire);
  if ((run & kRunFrames) != frames) return false;
  // Release: pairs with whoever gets the blocks next. The one that succeeds owns the run.
  if (!record.compare_exchange_strong(run, 0, std::memory_order_acq_rel, kRelaxed)) return false;
  if (mover != nullptr && mover->load(kRelaxed) != 0) mover->store(0, kRelaxed);
  give_large(block, run);
  return true;
}

void Hybrid::give_large(BlockIndex block, uint32_t run) noexcept {
  const uint32_t frames = run & kRunFrames;
  CpuSlot& slot = slot_here();
  if ((run & kRunExact) == 0) {
    const Order order = order_of(frames);
    give_run(slot, block, order);
    account_.credit(slot, uint64_t{1} << order, 1);
    return;
  }
  const uint32_t whole = frames / kBlockFrames;
  if (const uint32_t tail = frames % kBlockFrames; tail != 0) {
    bits(block + whole).release_head(tail);
    settle_freed(block + whole, 0, tail);
  }
  buddy_.release_range(block, whole);
  account_.credit(slot, frames, 1);
}

}  // namespace freestone::frames
