#pragma once
// Slabs: runs of up to 256 units of one size, and what is known about them. Nothing of it lies among the units.
//   threads: the first line is its owner's, who alone writes the bitmap; others read it, and write `visitors` and
//   `remote`. memory: two cache lines a slab, in the directory's pool, which is never unmapped: a stale record is still
//   a record.
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/base.h"
#include "slab/classes.h"

namespace freestone::slab {

class LocalHeap;
class Heap;

/// A record by its position in the directory's pool. 0 is none.
using RecordIndex = uint32_t;
inline constexpr RecordIndex kNoRecord = 0;

/// Which list of its queue a slab is in.
enum class SlabState : uint8_t {
  /// None: it is the one that its class allocates from.
  kActive,
  kEmpty,
  kPartial,
  /// Or nearly: few units were freed since it was.
  kFull,
};
inline constexpr uint32_t kSlabStates = 4;

/// In `Slab::visitors`: the slab is in its owner's stack of remote frees, or about to be.
inline constexpr uint32_t kPending = 1U << 31;

struct alignas(64) Slab {
  // The owner's line: all that allocating and freeing touch.

  /// Set bits are free units. Written by the owner alone; relaxed, since a unit that changes hands between threads is
  /// ordered by whatever hands it over.
  std::atomic<uint64_t> free[kSlabWords];
  /// Changes only while no unit is live.
  std::atomic<LocalHeap*> owner;
  /// The first unit.
  uint8_t* units;
  /// Frees until a slab in a list has to move to another: to `frees_to_partial` of a full one, to the live units of a
  /// partial one. Set from the bitmap when the slab goes into its list, so that allocating need not count. Of the
  /// active one it is anything.
  int16_t frees_left;
  uint16_t capacity;
  SlabState state;
  uint8_t class_index;
  /// Threads that are freeing a unit of another's slab, and `kPending`. The segment is not given up while it is not 0.
  std::atomic<uint32_t> visitors;
  /// Position in the segment.
  uint8_t number;
  uint8_t slabs;
  /// Slabs of the segment that are not empty; in its first slab.
  uint16_t busy;

  // The others' line.

  /// Units freed by other threads, until the owner takes them over into `free`.
  alignas(64) std::atomic<uint64_t> remote[kSlabWords];
  /// The next in the owner's stack of remote frees.
  RecordIndex pending_next;
  /// Neighbours in the list of the queue.
  RecordIndex previous;
  RecordIndex next;
  /// The segment's first slab.
  RecordIndex first;
  /// The segment's first slot; in its first slab.
  uint32_t slot;
  /// The segment's pages whose memory went back to the system, in its first slab: a bit for each
  /// `Space::purge_bytes`. No unit that touches one of them is live, and no cursor has its word. Written by the owner
  /// alone; relaxed, for others that count.
  std::atomic<uint64_t> purged;

  /// Units that are not free. Any thread.
  [[nodiscard]] uint32_t used() const noexcept {
    uint32_t used = capacity;
    for (const auto& word : free) used -= static_cast<uint32_t>(std::popcount(word.load(std::memory_order_relaxed)));
    return used;
  }
  /// So many units of a full slab are freed before it is worth changing to.
  [[nodiscard]] int16_t frees_to_partial() const noexcept {
    return static_cast<int16_t>(capacity < 16 ? 1 : capacity / 16);
  }
  [[nodiscard]] bool is_full() const noexcept {
    uint64_t any = 0;
    for (const auto& word : free) any |= word.load(std::memory_order_relaxed);
    return any == 0;
  }
  /// Which bits of a word are units.
  [[nodiscard]] uint64_t units_of_word(uint32_t word) const noexcept {
    if (word * 64 >= capacity) return 0;
    return capacity - word * 64 >= 64 ? ~uint64_t{0} : (uint64_t{1} << (capacity - word * 64)) - 1;
  }
  /// Whether no bit is set that is no unit.
  [[nodiscard]] bool has_right_bits() const noexcept {
    bool right = true;
    for (uint32_t i = 0; i < kSlabWords; ++i) {
      const uint64_t set = free[i].load(std::memory_order_relaxed) | remote[i].load(std::memory_order_relaxed);
      right = right && (set & ~units_of_word(i)) == 0;
    }
    return right;
  }
};

/// A block above `kMaxUnit`, in a record of the same pool.
struct alignas(64) LargeBlock {
  /// What was asked for and what there is, in bytes.
  uint64_t requested;
  uint64_t bytes;
  std::atomic<Heap*> heap;
  uint32_t slot;
  RecordIndex previous;
  RecordIndex next;
};

static_assert(sizeof(Slab) == 128 && sizeof(LargeBlock) <= sizeof(Slab));
// A thread with a pointer to nothing may count itself in and out there while the record is a block's.
static_assert(offsetof(LargeBlock, next) + sizeof(RecordIndex) <= offsetof(Slab, visitors));

}  // namespace freestone::slab
