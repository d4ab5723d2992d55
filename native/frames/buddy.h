#pragma once
// Buddy lists over a range of blocks: powers of two from one block to 2048, aligned to their size, split on allocation
// and merged on release.
//   threads: any; a lock an order.    memory: the records are the caller's; a list is a cache line.
//
// Locks are taken from small orders to large, and an operation that goes up takes the next before it lets go of the
// last: releases hold two at a time, allocations all from their order up to the one they find. So nothing is ever out
// of the lists without a lock on the way up being held, and an allocation that finds nothing has really seen nothing:
// what a release carries upwards, it follows, and cannot overtake.
//   Blocks that were never used are not in any list. They lie above the frontier, which rises when the lists have
// nothing: a terabyte costs nothing until it is used. The range may begin and end anywhere; what is cut off when the
// frontier jumps to an aligned block goes to the lists.
#include "base/base.h"
#include "frames/block_record.h"
#include "frames/types.h"

namespace freestone::frames {

class Buddy {
 public:
  /// @param records of the whole region; alignment is relative to its first
  void init(BlockRecord* records, BlockIndex first, BlockIndex end) noexcept;

  /// 2^(order - 9) blocks, aligned to their size; `kNoBlock` when no run is large enough.
  [[nodiscard]] BlockIndex allocate(Order order) noexcept;
  /// As many runs from the order's own list as there are, `most` at the most; none when it is empty. How many.
  [[nodiscard]] uint32_t allocate_listed(Order order, BlockIndex* into, uint32_t most) noexcept;
  /// `block` must be the start of a run of `order` that is the caller's, or an aligned part of one.
  void release(BlockIndex block, Order order) noexcept;
  /// Any range of blocks that is the caller's.
  void release_range(BlockIndex first, uint32_t blocks) noexcept;
  /// Takes this very run out of its list. False when it is not there any more.
  [[nodiscard]] bool take(BlockIndex block, Order order) noexcept;

  /// Runs in the list of an order.
  [[nodiscard]] uint64_t count(Order order) const noexcept {
    return lists_[order - kBlockOrder].count.load(std::memory_order_relaxed);
  }
  [[nodiscard]] BlockIndex first() const noexcept { return first_; }
  [[nodiscard]] BlockIndex end() const noexcept { return end_; }
  /// Blocks from here on were never used.
  [[nodiscard]] BlockIndex frontier() const noexcept { return frontier_.load(std::memory_order_acquire); }
  /// Blocks in the lists and above the frontier.
  [[nodiscard]] uint64_t free_blocks() const noexcept;
  /// How many of the free blocks can serve an aligned run of `order`.
  [[nodiscard]] uint64_t usable_blocks(Order order) const noexcept;

  /// Full walk of the lists against the records. Only when nobody else is here.
  [[nodiscard]] bool validate() const noexcept;

 private:
  static constexpr uint32_t kLists = kMaxOrder - kBlockOrder + 1;

  struct alignas(64) List {
    base::SpinLock lock;
    /// Index plus 1; 0 is an empty list.
    uint32_t head = 0;
    /// Written under the lock; read without it by `count`.
    std::atomic<uint64_t> count{0};
  };

  void push(uint32_t list, BlockIndex block) noexcept;
  void unlink(uint32_t list, BlockIndex block) noexcept;
  /// Whether the other half of the run that `block` is half of is in the list, whose lock is held.
  [[nodiscard]] bool mergeable(uint32_t list, BlockIndex block) const noexcept;
  [[nodiscard]] BlockIndex carve(uint32_t list) noexcept;

  BlockRecord* records_ = nullptr;
  BlockIndex first_ = 0;
  BlockIndex end_ = 0;
  List lists_[kLists];
  /// The last in the order of locks; written under it.
  base::SpinLock frontier_lock_;
  /// Release pairs with the acquire of those who walk blocks below it.
  std::atomic<BlockIndex> frontier_{0};
};

}  // namespace freestone::frames
