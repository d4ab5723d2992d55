#pragma once
// Blocks above 128 KiB of one heap: a list of the live ones, and recent ones that are kept by size for the next
// request.
//   threads: any; one lock.    memory: runs of frames of the Space; what is kept counts as the heap's.
#include "slab/space.h"

namespace freestone::slab {

class LargeBlocks {
 public:
  /// What of the Space and of the heap's limit a list may use. Not charged: nothing happened.
  struct Owner {
    Space* space;
    Heap* heap;
  };

  struct Counts {
    uint64_t blocks = 0;
    uint64_t bytes = 0;
    uint64_t cached_blocks = 0;
    uint64_t cached_bytes = 0;
    uint64_t cache_hits = 0;
    uint64_t cache_misses = 0;
  };

  explicit LargeBlocks(Owner owner) noexcept : owner_(owner) {}
  LargeBlocks(const LargeBlocks&) = delete;
  LargeBlocks& operator=(const LargeBlocks&) = delete;

  /// @param size above 0 @param alignment a power of two @param zeroed clear the block if it is not fresh
  [[nodiscard]] base::Result<void*> alloc(uint64_t size, uint64_t alignment, bool zeroed) noexcept;
  /// `kInvalidAddress` for what is not the start of a live block of this heap.
  [[nodiscard]] base::Status free(void* pointer) noexcept;
  /// Bytes of the live block that begins at `pointer`; 0 when none does.
  [[nodiscard]] uint64_t size_at(const void* pointer) const noexcept;

  /// Gives the blocks that are kept back. Returns the bytes that went to the system.
  uint64_t trim() noexcept;
  /// The live ones as well.
  void release_all() noexcept;
  /// Refuses what comes from now on, with `kClosed`.
  void close() noexcept;
  [[nodiscard]] Counts counts() const noexcept;

  /// Calls `visit(address, bytes)` for each live block. `visit` must not come back here.
  template <typename Visit>
  void walk(Visit visit) const noexcept {
    const std::lock_guard guard(lock_);
    const Directory& directory = owner_.space->directory();
    for (RecordIndex index = live_; index != kNoRecord; index = directory.large(index).next) {
      const LargeBlock& block = directory.large(index);
      visit(directory.address_of(block.slot), block.bytes);
    }
  }
  /// The list against the directory and the counts.
  [[nodiscard]] base::Status validate() const noexcept;
  [[nodiscard]] base::SpinLock& lock() noexcept { return lock_; }

  /// Eight steps a doubling from 128 KiB to 32 MiB are kept; what is larger goes straight back.
  static constexpr uint32_t kBuckets = 64;
  static constexpr uint64_t kMaxKept = uint64_t{32} << 20;
  static constexpr uint64_t kMaxKeptBytes = uint64_t{64} << 20;

 private:
  [[nodiscard]] LargeBlock* find(const void* pointer, RecordIndex& index) const noexcept;
  void link(RecordIndex index, RecordIndex& head) noexcept;
  void unlink(LargeBlock& block, RecordIndex& head) noexcept;
  uint64_t end(RecordIndex index) noexcept;

  const Owner owner_;
  mutable base::SpinLock lock_;
  RecordIndex live_ = kNoRecord;
  RecordIndex kept_[kBuckets] = {};
  Counts counts_;
  bool closed_ = false;
};

}  // namespace freestone::slab
