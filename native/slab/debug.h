#pragma once
// What debug mode knows about each block: what was asked for and by whom; and blocks whose reuse is put off.
//   threads: any; one lock.    memory: an entry of 24 bytes a block, by malloc; the blocks put off are the heap's.
#include <mutex>

#include "base/base.h"

namespace freestone::slab {

/// A live block.
struct DebugBlock {
  uint8_t* address = nullptr;
  uint64_t size = 0;
  uint64_t site = 0;
};

class Debug {
 public:
  /// Bytes behind each block that nobody may write; what is checked is at most `kMaxRedZone` of what the unit has left.
  static constexpr uint64_t kRedZone = 16;
  static constexpr uint64_t kMaxRedZone = 256;
  /// Freed blocks wait for their reuse: at most this many, and bytes.
  static constexpr uint32_t kDelayed = 256;
  static constexpr uint64_t kDelayedBytes = uint64_t{1} << 20;
  static constexpr uint8_t kFreshByte = 0xCD;
  static constexpr uint8_t kFreedByte = 0xDD;
  static constexpr uint8_t kRedByte = 0xFD;

  struct Counts {
    uint64_t blocks = 0;
    uint64_t delayed = 0;
    /// Frees of blocks behind which something was written.
    uint64_t overruns = 0;
    /// Blocks that were written while they waited for their reuse.
    uint64_t late_writes = 0;
  };

  /// Notes a block and fills it and its red zone. @param usable what the unit holds. False when there is no memory.
  [[nodiscard]] bool add(const DebugBlock& block, uint64_t usable, bool zeroed) noexcept;
  /// `kInvalidAddress` for what is not noted, `kOverlap` when its red zone was written; nothing changes then. Otherwise
  /// poisons it and puts its reuse off. @param usable of the block
  [[nodiscard]] base::Status remove(void* block, uint64_t usable) noexcept;
  /// The next block whose reuse need not be put off any more, or null. @param all also those that may wait
  [[nodiscard]] uint8_t* next_due(bool all) noexcept;
  /// An entry with `address` null when there is none.
  [[nodiscard]] DebugBlock find(const void* block) const noexcept;
  /// The first block whose red zone was written, or whose poison was; null when there is none.
  [[nodiscard]] const uint8_t* first_damage() const noexcept;
  void clear() noexcept;
  [[nodiscard]] Counts counts() const noexcept;

  template <typename Visit>
  void walk(Visit visit) const noexcept {
    const std::lock_guard guard(lock_);
    for (const Noted& noted : table_) {
      if (noted.block.address != nullptr) visit(noted.block);
    }
  }

 private:
  struct Noted {
    DebugBlock block;
    /// Bytes of the red zone.
    uint64_t red = 0;
  };
  struct Waiting {
    uint8_t* address = nullptr;
    uint64_t size = 0;
  };

  [[nodiscard]] size_t place_of(const void* address) const noexcept;
  [[nodiscard]] bool grow() noexcept;
  void erase(size_t place) noexcept;

  mutable base::SpinLock lock_;
  /// Open addressing; a power of two, at most three quarters full.
  base::Array<Noted> table_;
  size_t count_ = 0;
  Waiting waiting_[kDelayed];
  uint32_t first_waiting_ = 0;
  uint32_t waiting_count_ = 0;
  uint64_t waiting_bytes_ = 0;
  uint64_t overruns_ = 0;
  uint64_t late_writes_ = 0;
};

}  // namespace freestone::slab
