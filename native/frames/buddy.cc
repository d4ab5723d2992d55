#include "frames/buddy.h"

#include <algorithm>
#include <bit>

namespace freestone::frames {

namespace {

constexpr uint64_t align_down(uint64_t block, uint32_t list) noexcept { return block >> list << list; }
constexpr uint64_t align_up(uint64_t block, uint32_t list) noexcept {
  return align_down(block + (uint64_t{1} << list) - 1, list);
}

/// The largest aligned run that begins at `first` and ends by `end`, as a list number.
uint32_t largest_piece(BlockIndex first, BlockIndex end) noexcept {
  const auto by_size = static_cast<uint32_t>(std::bit_width(end - first)) - 1;
  const auto by_place = first == 0 ? 31U : static_cast<uint32_t>(std::countr_zero(first));
  return std::min({by_size, by_place, kMaxOrder - kBlockOrder});
}

}  // namespace

void Buddy::init(BlockRecord* records, BlockIndex first, BlockIndex end) noexcept {
  records_ = records;
  first_ = first;
  end_ = end;
  frontier_.store(first, std::memory_order_release);
}

void Buddy::push(uint32_t list, BlockIndex block) noexcept {
  BlockRecord& record = records_[block];
  List& to = lists_[list];
  record.previous = 0;
  record.next = to.head;
  if (to.head != 0) records_[to.head - 1].previous = block + 1;
  to.head = block + 1;
  record.free_order.store(static_cast<uint8_t>(list + kBlockOrder), std::memory_order_relaxed);
  to.count.store(to.count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Buddy::unlink(uint32_t list, BlockIndex block) noexcept {
  BlockRecord& record = records_[block];
  List& from = lists_[list];
  if (record.next != 0) records_[record.next - 1].previous = record.previous;
  (record.previous != 0 ? records_[record.previous - 1].next : from.head) = record.next;
  record.free_order.store(0, std::memory_order_relaxed);
  from.count.store(from.count.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
}

bool Buddy::mergeable(uint32_t list, BlockIndex block) const noexcept {
  const BlockIndex buddy = block ^ (1U << list);
  return list + 1 < kLists && buddy >= first_ && buddy < end_ && (uint64_t{1} << list) <= end_ - buddy &&
         records_[buddy].free_order.load(std::memory_order_relaxed) == list + kBlockOrder;
}

BlockIndex Buddy::carve(uint32_t list) noexcept {
  const BlockIndex old = frontier_.load(std::memory_order_relaxed);
  const uint64_t start = align_up(old, list);
  if (start + (uint64_t{1} << list) > end_) return kNoBlock;
  // What the jump leaves behind goes to the lists, whose locks are all held.
  for (BlockIndex block = old; block < start;) {
    uint32_t piece = largest_piece(block, static_cast<BlockIndex>(start));
    BlockIndex run = block;
    block += 1U << piece;
    while (mergeable(piece, run)) {
      const BlockIndex buddy = run ^ (1U << piece);
      unlink(piece++, buddy);
      run = std::min(run, buddy);
    }
    push(piece, run);
  }
  frontier_.store(static_cast<BlockIndex>(start + (uint64_t{1} << list)), std::memory_order_release);
  return static_cast<BlockIndex>(start);
}

BlockIndex Buddy::allocate(Order order) noexcept {
  const uint32_t wanted = order - kBlockOrder;
  // From the first list of all when the frontier must jump, because what that leaves goes to smaller lists.
  for (uint32_t from = wanted;; from = 0) {
    uint32_t locked = from;
    BlockIndex found = kNoBlock;
    uint32_t list = from;
    bool jump = false;
    for (; list < kLists; ++list) {
      lists_[list].lock.lock();
      locked = list + 1;
      if (list < wanted || lists_[list].head == 0) continue;
      found = lists_[list].head - 1;
      unlink(list, found);
      break;
    }
    if (found == kNoBlock) {
      frontier_lock_.lock();
      const BlockIndex frontier = frontier_.load(std::memory_order_relaxed);
      jump = from != 0 && align_down(frontier, wanted) != frontier;
      if (!jump) found = carve(wanted);
      frontier_lock_.unlock();
      list = wanted;
    }
    if (found != kNoBlock) {
      // The upper halves; the locks of their lists are held.
      while (list > wanted) {
        --list;
        push(list, found + (1U << list));
      }
    }
    while (locked-- > from) lists_[locked].lock.unlock();
    if (!jump) return found;
  }
}

uint32_t Buddy::allocate_listed(Order order, BlockIndex* into, uint32_t most) noexcept {
  List& list = lists_[order - kBlockOrder];
  if (list.count.load(std::memory_order_relaxed) == 0) return 0;
  uint32_t found = 0;
  list.lock.lock();
  for (; found < most && list.head != 0; ++found) {
    into[found] = list.head - 1;
    unlink(order - kBlockOrder, into[found]);
  }
  list.lock.unlock();
  return found;
}

void Buddy::release(BlockIndex block, Order order) noexcept {
  uint32_t list = order - kBlockOrder;
  lists_[list].lock.lock();
  while (mergeable(list, block)) {
    const BlockIndex buddy = block ^ (1U << list);
    unlink(list, buddy);
    block = std::min(block, buddy);
    lists_[list + 1].lock.lock();
    lists_[list++].lock.unlock();
  }
  push(list, block);
  lists_[list].lock.unlock();
}

void Buddy::release_range(BlockIndex first, uint32_t blocks) noexcept {
  const BlockIndex end = first + blocks;
  while (first < end) {
    const uint32_t piece = largest_piece(first, end);
    release(first, piece + kBlockOrder);
    first += 1U << piece;
  }
}

bool Buddy::take(BlockIndex block, Order order) noexcept {
  const uint32_t list = order - kBlockOrder;
  lists_[list].lock.lock();
  const bool there = records_[block].free_order.load(std::memory_order_relaxed) == order;
  if (there) unlink(list, block);
  lists_[list].lock.unlock();
  return there;
}

uint64_t Buddy::free_blocks() const noexcept {
  uint64_t blocks = end_ - frontier();
  for (uint32_t list = 0; list < kLists; ++list) blocks += count(list + kBlockOrder) << list;
  return blocks;
}

uint64_t Buddy::usable_blocks(Order order) const noexcept {
  const uint32_t wanted = order - kBlockOrder;
  const uint64_t low = align_up(frontier(), wanted);
  const uint64_t high = align_down(end_, wanted);
  uint64_t blocks = high > low ? high - low : 0;
  for (uint32_t list = wanted; list < kLists; ++list) blocks += count(list + kBlockOrder) << list;
  return blocks;
}

bool Buddy::validate() const noexcept {
  const BlockIndex limit = frontier();
  for (uint32_t list = 0; list < kLists; ++list) {
    uint64_t seen = 0;
    uint32_t previous = 0;
    for (uint32_t at = lists_[list].head; at != 0; at = records_[at - 1].next) {
      const BlockIndex block = at - 1;
      const BlockRecord& record = records_[block];
      if (++seen > count(list + kBlockOrder) || record.previous != previous) return false;
      if (block < first_ || uint64_t{block} + (uint64_t{1} << list) > limit || align_down(block, list) != block) {
        return false;
      }
      if (record.free_order.load(std::memory_order_relaxed) != list + kBlockOrder) return false;
      // Two free halves of one run would have been merged.
      const BlockIndex buddy = block ^ (1U << list);
      if (list + 1 < kLists && buddy >= first_ && buddy < limit &&
          records_[buddy].free_order.load(std::memory_order_relaxed) == list + kBlockOrder) {
        return false;
      }
      previous = at;
    }
    if (seen != count(list + kBlockOrder)) return false;
  }
  return true;
}

}  // namespace freestone::frames
