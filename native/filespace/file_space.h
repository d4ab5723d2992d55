#pragma once
// The addresses of one file: what is in use, what is free, and what becomes free with the next commit.
//   threads: any; one lock, which appends at the end of the file do without.    memory: 17 to 26 bytes a section, as
//   much again when it is free; see `Sections`.
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

#include "base/base.h"
#include "filespace/append_journal.h"
#include "filespace/sections.h"
#include "filespace/types.h"

namespace freestone::filespace {

/// What of a file is free.
struct FreeState {
  uint64_t end = 0;
  base::Array<Section> free;
};

/// Hands out ranges that do not overlap. A call that fails has changed nothing; `kOutOfMemory` is possible wherever a
/// Status is returned. O(log n) unless said otherwise.
class FileSpace : public base::Shared<FileSpace> {
 public:
  /// `kInvalidArgument` unless initial_offset <= limit <= `kMaxAddress`, the alignment is a power of two, and a page is
  /// a power of two from 512 bytes to 1 GiB. With pages there are no blocks for aggregation, whatever their sizes.
  [[nodiscard]] static base::Result<base::Ref<FileSpace>> make(const Config& config) noexcept;

  /// `size` bytes that nobody else has, starting at a multiple of `alignment`. `kInvalidSize` for 0,
  /// `kInvalidAlignment` unless a power of two, `kLimitExceeded` when it would end beyond the limit.
  [[nodiscard]] base::Result<uint64_t> allocate(uint64_t size, uint64_t alignment = 1,
                                                Kind kind = Kind::kDirect) noexcept;
  /// One block for each size; `offsets` is as long. All or nothing.
  [[nodiscard]] base::Status allocate_many(std::span<const uint64_t> sizes, std::span<uint64_t> offsets,
                                           Kind kind = Kind::kDirect) noexcept;

  /// Gives back a whole block; it may be allocated after the next commit. `kInvalidAddress` for what is no live block;
  /// without tracking, for what is free, pending or outside. `kind` says what a block served that has none, as those of
  /// a restored space.
  [[nodiscard]] base::Status free(uint64_t offset, uint64_t size, Kind kind = Kind::kDirect) noexcept;
  /// Gives back any bytes that are live, of one block or of several that touch. What is left of them are blocks.
  [[nodiscard]] base::Status free_range(uint64_t offset, uint64_t size, Kind kind = Kind::kDirect) noexcept;
  /// Makes a live block longer where it is: into the end of the file, the rest of an aggregated block behind it, or the
  /// free section behind it, which with pages is the rest of its page. False when neither has room.
  [[nodiscard]] base::Result<bool> extend(uint64_t offset, uint64_t old_size, uint64_t new_size) noexcept;

  /// What was freed since the last commit may be allocated from now on, and what lies free at the end is given back.
  /// O(changes).
  [[nodiscard]] base::Status commit() noexcept;
  /// As of the last commit: what was allocated since is forgotten, so that its bytes are free at once, and what was
  /// freed since is kept, which means live again: the file as of that commit still refers to it, and whoever freed it
  /// for the state that is now given up must be able to free it for another. `kUnsupported` without tracking.
  /// O(changes).
  [[nodiscard]] base::Status rollback() noexcept;
  /// Moves the end of the file below the free space there, rests of aggregated blocks included.
  /// @returns by how many bytes
  [[nodiscard]] base::Result<uint64_t> shrink_tail() noexcept;

  /// What is left of the blocks that requests of a kind come out of becomes free: the next such request begins a new
  /// block, as in libhdf5 after a flush.
  [[nodiscard]] base::Status release_blocks() noexcept;

  [[nodiscard]] Strategy strategy() const noexcept;
  void set_strategy(Strategy strategy) noexcept;

  /// Makes an empty space that of a file which ends at `end` and has these free sections, ascending; all else is live.
  /// With pages, sections of `kDirect` are for large blocks. `kInvalidArgument` when it is not empty, they overlap or
  /// lie outside, or one for small blocks crosses a page.
  [[nodiscard]] base::Status restore(uint64_t end, std::span<const Section> free) noexcept;

  [[nodiscard]] uint64_t initial_offset() const noexcept { return initial_; }
  /// The address after the last block, or the initial offset.
  [[nodiscard]] uint64_t end_of_file() const noexcept { return end_.load(std::memory_order_relaxed); }
  /// Whether any byte of the range is live; false for an empty range.
  [[nodiscard]] bool is_allocated(uint64_t offset, uint64_t size) const noexcept;
  /// A copy of the live blocks, ascending; without tracking, of the ranges that are neither free nor pending. O(n).
  [[nodiscard]] base::Result<base::Array<Block>> blocks() const noexcept;
  /// A copy of what is free, rests of aggregated blocks included, ascending. O(n).
  [[nodiscard]] base::Result<base::Array<Section>> holes() const noexcept;
  /// What `restore` takes: what will be free after a commit that gives the blocks for aggregation back as well,
  /// ascending. Nothing changes. O(n log n).
  [[nodiscard]] base::Result<FreeState> free_state() const noexcept;
  /// Everything from the initial offset to the end, ascending. O(n).
  [[nodiscard]] base::Result<base::Array<Section>> sections() const noexcept;
  /// O(holes).
  [[nodiscard]] Stats stats() const noexcept;
  /// `kOverlap` when two sections overlap, one ends after the end of the file, or the indexes disagree: a defect of
  /// this class or of memory. O(n).
  [[nodiscard]] base::Status validate_no_overlaps() const noexcept;
  /// Every invariant of both indexes, while no other thread allocates. O(n log n).
  [[nodiscard]] base::Status validate() const noexcept;
  /// For tests alone: damages one index. False when there is no free section to damage it with.
  [[nodiscard]] bool inject_fault(bool in_address_index) noexcept;

 private:
  friend class base::Ref<FileSpace>;
  explicit FileSpace(const Config& config) noexcept;
  ~FileSpace() = default;
  using Cursor = Sections::Cursor;

  /// The block that requests of one kind come out of; `size` bytes from `offset` on are left.
  struct Aggregator {
    uint64_t block = 0;
    uint64_t offset = 0;
    uint64_t size = 0;
    /// All bytes that it has had, 0 when there is no block.
    uint64_t total = 0;
  };

  // All below need the lock. Those that return no Status rely on `reserve`.
  [[nodiscard]] bool drain() const noexcept;
  [[nodiscard]] bool reserve(uint32_t changes) noexcept;
  void publish() noexcept;
  void prefetch_pending() const noexcept;
  [[nodiscard]] FreeClass class_of(Kind kind, uint64_t size) const noexcept;
  void put_live(uint64_t offset, uint64_t size, Kind kind) const noexcept;
  void count_live(const Entry& entry, bool more) const noexcept;
  void count_pending(const Entry& entry, bool more) noexcept;
  [[nodiscard]] base::Result<uint64_t> place(uint64_t size, uint64_t alignment, Kind kind) noexcept;
  [[nodiscard]] base::Result<uint64_t> place_in_page(uint64_t size, uint64_t alignment, Kind kind) noexcept;
  [[nodiscard]] base::Result<uint64_t> aggregate(Aggregator& own, uint64_t size, uint64_t alignment,
                                                 Kind kind) noexcept;
  [[nodiscard]] base::Result<uint64_t> from_end(uint64_t size, uint64_t alignment, FreeClass fragment) noexcept;
  [[nodiscard]] base::Result<Block> block_from_end(uint64_t size, uint64_t alignment, bool aligned_request,
                                                   FreeClass fragment) noexcept;
  [[nodiscard]] bool grow_end(uint64_t from, uint64_t size) noexcept;
  uint64_t take(Cursor hole, Cursor by_size, uint64_t size, uint64_t alignment, Kind kind) noexcept;
  uint64_t cut(Cursor hole, uint64_t size, uint64_t alignment) noexcept;
  void give(uint64_t offset, uint64_t size, FreeClass free_class) noexcept;
  void settle(const Entry& hole) noexcept;
  [[nodiscard]] bool absorb(Aggregator& own, Kind kind, const Entry& hole) noexcept;
  void put_rest(const Aggregator& own, Kind kind) noexcept;
  void take_rest(const Aggregator& own) noexcept;
  void release_rest(Aggregator& own, Kind kind) noexcept;
  [[nodiscard]] bool shrink(const Entry& hole) noexcept;
  [[nodiscard]] bool is_live(Cursor at, uint64_t offset, uint64_t size) const noexcept;
  [[nodiscard]] bool is_untouched(uint64_t offset, uint64_t size) const noexcept;
  void undo(const Block& block) noexcept;
  [[nodiscard]] base::Status check_freed(uint64_t offset, uint64_t size) const noexcept;

  const uint64_t initial_;
  const uint64_t limit_;
  const uint64_t threshold_;
  const uint64_t alignment_;
  const uint64_t page_size_;
  const bool track_;

  /// Only grows without the lock, by appends; whoever holds the lock moves it by compare-and-swap. Relaxed: see
  /// `AppendJournal::append`.
  std::atomic<uint64_t> end_;
  /// Larger requests without kind and alignment are appended without a lock. Relaxed: an append that misses a section
  /// that was just committed came before the commit.
  std::atomic<uint64_t> appended_above_;
  mutable AppendJournal journal_;

  /// Guards everything below.
  mutable std::mutex mutex_;
  Strategy strategy_;
  mutable Sections sections_;
  Aggregator raw_;
  Aggregator metadata_;
  /// Classes of which there has been a free section; libhdf5 makes a manager for a class with its first one.
  bool keeps_sections_[kFreeClasses] = {};
  mutable Stats counts_;
  /// Where the end was at the last commit: all blocks from there on are of this commit.
  uint64_t committed_end_;
  /// Blocks of this commit that lie before it.
  mutable base::Array<uint64_t> reused_;
  /// Sections that wait for the commit, by offset.
  base::Array<uint64_t> pending_;
  /// Blocks of the last commit that were made longer or cut up since, as they were.
  base::Array<Block> undo_;
};

}  // namespace freestone::filespace
