#pragma once
// One thread's part of a heap: a queue for each class and a cursor into the slab that each allocates from.
//   threads: one at a time, the owner; `free` may be given what any local heap of the same Heap allocated.
//   memory: segments of the Space.
//
// Frees from other threads. A thread that frees a unit of a slab it does not own never writes the slab's bitmap. It
//   1. counts itself into `visitors`,
//   2. looks a second time whether the directory still names this slab for this address, and leaves when not,
//   3. sets the unit's bit in `remote`,
//   4. counts itself out and, unless it is set already, sets `kPending` in the same step; who set it pushes the slab
//      onto the owner's stack.
// The owner empties its stack with one exchange; for each slab it clears `kPending` before it reads `remote`, so that a
// bit that it misses has a `kPending` of its own and comes with the next batch. Nothing is popped singly, so there is
// no ABA. A segment is given up only after its entries in the directory were zeroed and every `visitors` was seen to be
// 0. Step 1 and 2 against that: the counting in and the entry are sequentially consistent on both sides, so either the
// owner sees the visitor or the visitor sees the zero. Therefore a record that a visitor writes at step 3 and 4 still
// is the slab it looked up, its owner cannot change, and the owner's stack exists until the slab was taken from it.
//   `remote`: set with release, read by the owner with acquire: what the freeing thread did with the unit comes before
//   whatever its next holder does.    stack: push with release, exchange with acquire, for `pending_next`.
#include <bit>

#include "slab/queue.h"
#include "slab/space.h"

namespace freestone::slab {

/// What a free was.
enum class Freed : uint8_t {
  kDone,
  /// Not the start of a live unit.
  kInvalid,
  /// The start of a large block, live or not; its list knows.
  kLarge,
};

/// What a local heap counted; sums of all classes.
struct LocalCounts {
  /// Units that came from the word under a cursor, and those for which another had to be found.
  uint64_t cursor_hits = 0;
  uint64_t cursor_misses = 0;
  /// Slabs that came from the queue, and those for which a segment had to be made.
  uint64_t queue_hits = 0;
  uint64_t queue_misses = 0;
  /// Units freed by other local heaps that were taken over, and in how many batches.
  uint64_t remote_frees = 0;
  uint64_t remote_batches = 0;
  /// Bytes inside segments whose memory the system has.
  uint64_t purged_bytes = 0;
};

class LocalHeap {
 public:
  /// Null when there is no memory.
  [[nodiscard]] static LocalHeap* make(Space& space, Heap& heap) noexcept;
  /// Everything must have been released.
  static void destroy(Space& space, LocalHeap* local) noexcept;

  LocalHeap(const LocalHeap&) = delete;
  LocalHeap& operator=(const LocalHeap&) = delete;

  /// A unit of a class; null when there is none, and `failure` says why.
  [[nodiscard]] void* alloc(uint32_t class_index) noexcept {
    void* unit = nullptr;
    return alloc_quickly(class_index, unit) ? unit : alloc_slowly(class_index);
  }
  /// After `alloc_quickly` failed.
  [[nodiscard]] void* alloc_slowly(uint32_t class_index) noexcept;
  /// The same where it takes no search; else false, and nothing has changed.
  [[nodiscard]] bool alloc_quickly(size_t class_index, void*& unit) noexcept {
    Cursor& cursor = cursors_[class_index];
    std::atomic<uint64_t>* const word = cursor.word;
    const uint64_t bits = word->load(std::memory_order_relaxed);
    if (bits == 0) [[unlikely]]
      return false;
    word->store(bits & (bits - 1), std::memory_order_relaxed);
    cursor.hits.store(cursor.hits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    unit = cursor.base + static_cast<uint64_t>(std::countr_zero(bits)) * cursor.size;
    return true;
  }
  [[nodiscard]] const base::Status& failure() const noexcept { return failure_; }

  [[nodiscard]] Freed free(void* pointer) noexcept {
    return free_quickly(pointer) ? Freed::kDone : free_otherwise(pointer);
  }
  /// The same for a live unit of this local heap that no thread visits; else false, and nothing has changed.
  [[nodiscard]] bool free_quickly(void* pointer) noexcept {
    const uintptr_t offset = reinterpret_cast<uintptr_t>(pointer) - base_;
    if (offset >= span_) [[unlikely]]
      return false;
    const Entry entry = entries_[offset >> kSlotShift].load(std::memory_order_relaxed);
    const KindInfo& info = kKindTable[kind_of(entry)];
    const uint32_t inside = static_cast<uint32_t>(offset) & info.segment_mask;
    if (inside >= info.end) [[unlikely]]
      return false;
    const uint64_t unit = inside * info.reciprocal >> kReciprocalShift;
    if (static_cast<uint32_t>(unit) * info.size != inside) [[unlikely]]
      return false;
    Slab& slab = records_[(entry >> kRecordShift) + unit / kSlabUnits];
    if (slab.owner.load(std::memory_order_relaxed) != this || slab.visitors.load(std::memory_order_relaxed) != 0)
        [[unlikely]] {
      return false;
    }
    std::atomic<uint64_t>& word = slab.free[unit / 64 % kSlabWords];
    const uint64_t bits = word.load(std::memory_order_relaxed);
    if ((bits >> (unit % 64) & 1) != 0) [[unlikely]]
      return false;
    word.store(bits | uint64_t{1} << (unit % 64), std::memory_order_relaxed);
    if (--slab.frees_left == 0) [[unlikely]]
      settle(slab);
    return true;
  }

  /// Takes over what other threads freed.
  void drain() noexcept;
  /// Drains, gives up all empty segments, and gives the memory of the pages of the others back in which no unit is
  /// live. Returns the bytes that went back to the system.
  uint64_t trim() noexcept;
  /// Gives up every segment with whatever is in it.
  void release_all() noexcept;

  [[nodiscard]] const Heap* heap() const noexcept { return heap_; }
  [[nodiscard]] LocalCounts counts() const noexcept;
  [[nodiscard]] const Queue& queue(uint32_t class_index) const noexcept { return queues_[class_index]; }
  /// The slab that a class allocates from; null when none.
  [[nodiscard]] const Slab* active(uint32_t class_index) const noexcept;
  [[nodiscard]] base::Status validate() const noexcept;

  /// In the list of its heap.
  LocalHeap* next_in_heap = nullptr;
  /// Whoever is between two users.
  LocalHeap* next_idle = nullptr;

 private:
  /// The word that a class allocates from. Points to a word of zeros when there is none.
  struct Cursor {
    std::atomic<uint64_t>* word;
    /// The unit of its lowest bit.
    uint8_t* base;
    uint64_t size;
    std::atomic<uint64_t> hits;
  };

  LocalHeap(Space& space, Heap& heap) noexcept;
  ~LocalHeap() = default;

  [[nodiscard]] static Slab& slab_of(const Cursor& cursor) noexcept {
    // Records are aligned to their size and begin with their words.
    return *reinterpret_cast<Slab*>(reinterpret_cast<uintptr_t>(cursor.word) & ~uintptr_t{sizeof(Slab) - 1});
  }
  /// Whatever is no quick free: of another's unit, of a large block, or wrong.
  [[nodiscard]] Freed free_otherwise(void* pointer) noexcept;
  /// Points the cursor to a word of the slab that has free units, the one of that number or the next that has. False
  /// when none has.
  [[nodiscard]] bool point(Cursor& cursor, Slab& slab, uint32_t first) noexcept;
  /// Points the cursor of a class to another slab. False when there is none, and `failure_` says why.
  [[nodiscard]] bool change_slab(uint32_t class_index) noexcept;
  [[nodiscard]] Slab* find_slab(uint32_t class_index) noexcept;
  [[nodiscard]] Freed free_remote(Slab& slab, uint32_t unit, uintptr_t offset, Entry entry) noexcept;
  void settle(Slab& slab) noexcept;
  void take_over(Slab& slab) noexcept;
  /// Gives up empty segments beyond `keep`. Returns how many.
  uint32_t keep_few(Queue& queue, uint32_t keep) noexcept;
  /// Ends a hidden segment once nobody visits it.
  void end(Slab& first) noexcept;
  void leave(Slab& slab) noexcept;
  void push(RecordIndex index, Slab& slab) noexcept;
  void forget_cursor(Cursor& cursor) noexcept;
  /// The pages of a word of the slab's bitmap will be used again.
  void reuse(Slab& slab, uint32_t word) noexcept;
  /// Calls `work(first)` for the first slab of each segment that has no active slab of number 0.
  template <typename Work>
  void each_segment(const Queue& queue, Work work) const noexcept;

  const uintptr_t base_;
  const uintptr_t span_;
  std::atomic<Entry>* const entries_;
  Slab* const records_;
  /// On cache lines of their own, two a line.
  alignas(64) Cursor cursors_[kClasses];
  /// Slabs with remote frees; see above.
  alignas(64) std::atomic<RecordIndex> pending_{kNoRecord};
  alignas(64) Queue queues_[kClasses];
  /// A bit for each class that has more empty segments than it keeps.
  uint64_t surplus_ = 0;
  Space& space_;
  Heap* const heap_;
  base::Status failure_;
  // Relaxed, written by the owner alone: for others that count.
  std::atomic<uint64_t> cursor_misses_{0};
  std::atomic<uint64_t> queue_hits_{0};
  std::atomic<uint64_t> queue_misses_{0};
  std::atomic<uint64_t> remote_frees_{0};
  std::atomic<uint64_t> remote_batches_{0};
  /// Of all segments, by `Slab::purged`.
  std::atomic<uint64_t> purged_bytes_{0};
  /// By the segments that ended since the last `trim` began.
  uint64_t given_back_ = 0;
};

}  // namespace freestone::slab
