#pragma once
// The memory that frames are made of: reserved once, made touchable as a whole where the system allows and else block
// by block, and given back by blocks.
//   threads: any, on blocks that are theirs; `map` and the destructor one, alone.    memory: the region, and a bit a
//   block that says whether it was handed out since it was last given back.
//
// Measured on Linux: making all of a terabyte touchable at once takes microseconds, because pages come with the first
// touch and a mapping without reservation is not charged. Doing it block by block is a system call of 1 to 2 us a
// block, and may need more mappings than a process can have. So the whole is tried first; a system that charges for it
// (Windows, or Linux without overcommit) refuses what it does not have, and then blocks are made touchable when they
// are first handed out.
#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/base.h"
#include "frames/config.h"
#include "frames/system.h"

namespace freestone::frames {

/// A zone's or node's part of the region, as blocks.
struct BlockRange {
  BlockIndex first = 0;
  uint32_t count = 0;
};

/// How a zone's memory came out.
struct ZoneMemory {
  bool locked = false;
  bool huge = false;
  bool advised = false;
  int32_t lock_error = 0;
  /// Its memory is not given back: it is locked, others may be using it, or its pages are larger than blocks.
  bool keeps = false;
  /// Of a device zone; -1 otherwise.
  int descriptor = -1;
};

class Region {
 public:
  Region() noexcept = default;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region();

  /// Words for the bit a block.
  [[nodiscard]] static size_t words_for(uint32_t blocks) noexcept { return (size_t{blocks} + 63) / 64; }

  /// Reserves, or takes `memory` where that is not null. @param handed_out `words_for(blocks)` zero words that outlive
  /// this
  [[nodiscard]] base::Status init(const System& system, uint32_t frame_size, uint32_t blocks, HugePages policy,
                                  std::atomic<uint64_t>* handed_out, uint8_t* memory) noexcept;
  /// Makes the blocks of one zone what its kind says.
  [[nodiscard]] base::Status map(const ZoneConfig& zone, BlockRange blocks, ZoneMemory& memory) noexcept;
  /// Whether the system took the wish.
  [[nodiscard]] bool bind(BlockRange blocks, uint32_t node) noexcept;

  /// Before blocks are handed out: they are touchable when it succeeds. `kOutOfMemory` otherwise, and nothing changed.
  [[nodiscard]] base::Status hand_out(BlockIndex first, uint32_t count) noexcept {
    bool all = true;
    for (uint32_t at = first; at < first + count; at = (at / 64 + 1) * 64) {
      const uint32_t here = std::min(64 - at % 64, first + count - at);
      const uint64_t mask = UINT64_MAX >> (64 - here) << (at % 64);
      // Acquire: pairs with the release of who set them, after the blocks were touchable.
      all = all && (handed_out_[at / 64].load(std::memory_order_acquire) & mask) == mask;
    }
    if (all) [[likely]]
      return {};
    return hand_out_slowly(first, count);
  }
  /// Gives the memory of free blocks back. How many had been handed out and are given back.
  [[nodiscard]] uint32_t give_back(BlockIndex first, uint32_t count, const ZoneMemory& memory) noexcept;
  [[nodiscard]] bool any_handed_out(BlockIndex first, uint32_t count) const noexcept;

  [[nodiscard]] uint8_t* base() const noexcept { return base_; }
  [[nodiscard]] uint64_t bytes() const noexcept { return uint64_t{blocks_} << block_shift_; }
  [[nodiscard]] uint32_t frame_shift() const noexcept { return block_shift_ - kBlockOrder; }
  [[nodiscard]] uint64_t handed_out_bytes() const noexcept {
    return handed_out_blocks_.load(std::memory_order_relaxed) << block_shift_;
  }

 private:
  [[nodiscard]] base::Status hand_out_slowly(BlockIndex first, uint32_t count) noexcept;
  [[nodiscard]] uint8_t* address(BlockIndex block) const noexcept { return base_ + (uint64_t{block} << block_shift_); }

  const System* system_ = nullptr;
  uint8_t* base_ = nullptr;
  uint32_t blocks_ = 0;
  uint32_t block_shift_ = 0;
  HugePages policy_ = HugePages::kAdvise;
  /// All is touchable from the start.
  bool whole_ = false;
  /// Somebody else's memory, which is not released.
  bool lent_ = false;
  /// Device zones' files.
  base::Array<int> descriptors_;
  /// Serialises changes of the bits.
  std::mutex mutex_;
  std::atomic<uint64_t>* handed_out_ = nullptr;
  std::atomic<uint64_t> handed_out_blocks_{0};
};

}  // namespace freestone::frames
