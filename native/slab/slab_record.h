#pragma once
// Slabs: runs of up to 256 units of one size, and what is known about them. Nothing of it lies among the units.
//   threads: the first line is its owner's, who alone writes the bitmap; others read it, and write `visitors` and
//   `remote`. memory: two cache lines a slab, in the directory's pool, which is never unmapped: a stale record is still
//   a record.
#include <atomic>
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
  kFull,
};
inline constexpr uint32_t kSlabStates = 4;

/// The value of `Slab::threshold` that no count reaches.
inline constexpr uint16_t kNever = UINT16_MAX;

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
  /// Units that are not free. Relaxed, for others that count.
  std::atomic<uint16_t> used;
  /// A free that brings `used` here has to move the slab to another list.
  uint16_t threshold;
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
  std::atomic<uint64_t> remote[kSlabWords];
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
