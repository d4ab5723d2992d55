#pragma once
// Blocks of memory that several threads hand to each other, and whose they are: a slab heap over memory that was lent,
// and a word for each 64 bytes of it.
//   threads: any.    memory: the lent memory and words, which outlive this; the heap's records beside them.
//
// A block's word is at its offset divided by 64. Who changes it and when:
//
//   free -> cached      refill, by the member that asked
//   cached <-> held     its member, by a store: nobody else writes the word then
//   held -> in transit  its member, by a store that raises the generation; the member keeps no other trace of it
//   in transit -> held  whoever takes the token first, by a compare-and-swap against the generation in it
//   cached -> free      drain, by its member; also any state -> free in leave and reclaim
//
// The words of live blocks are also written by JavaScript, with sequentially consistent Atomics, and all here is
// sequentially consistent as well: a compare-and-swap that sees the store that put a block in transit sees all that was
// written to the block before. A member that dies at any point leaves each of its blocks cached, held or in transit,
// because each step is one store; `leave` gives the first two back. A block in transit belongs to whoever has its token
// and is given back only by `reclaim`.
//
// The words and memory may be scribbled on by whoever has them. Nothing here trusts them: what is freed is checked by
// the heap, whose records are elsewhere.
#include <atomic>
#include <bitset>
#include <span>

#include "slab/slab.h"

namespace freestone::buffers {

enum class BlockState : uint32_t { kFree = 0, kCached = 1, kHeld = 2, kTransit = 3 };

/// Who a word says a block belongs to. The layout is that of lib/buffers/words.ts: state, class, member, generation
/// from the low bit on.
struct BlockWord {
  BlockState state = BlockState::kFree;
  /// Any number below 128; the caller's.
  uint32_t size_class = 0;
  /// 1 to `kMaxMembers`.
  uint32_t member = 0;
  /// Modulo 2^14.
  uint32_t generation = 0;

  [[nodiscard]] constexpr uint32_t pack() const noexcept {
    return static_cast<uint32_t>(state) | size_class << 2 | member << 9 | generation << 18;
  }
  [[nodiscard]] static constexpr BlockWord unpack(uint32_t word) noexcept {
    return {.state = static_cast<BlockState>(word & 3),
            .size_class = word >> 2 & 127,
            .member = word >> 9 & 511,
            .generation = word >> 18};
  }
};

inline constexpr uint32_t kMaxMembers = 511;
inline constexpr uint32_t kMaxSizeClass = 127;
/// Blocks are at least so large and aligned to it.
inline constexpr uint64_t kLeastBlock = 64;
/// The most that one refill asks for.
inline constexpr size_t kMaxRefill = 256;

class SharedBuffers : public base::Shared<SharedBuffers> {
 public:
  /// @param memory at least 64 MiB, zero, whole blocks of 2 MiB and aligned to one
  /// @param words one for each 64 bytes of `memory`, zero
  /// @param limit bytes of blocks that members may have together
  [[nodiscard]] static base::Result<base::Ref<SharedBuffers>> make(std::span<uint8_t> memory,
                                                                   std::span<std::atomic<uint32_t>> words,
                                                                   uint64_t limit) noexcept;

  [[nodiscard]] const uint8_t* base() const noexcept { return memory_.data(); }

  /// A member's number; `kLimitExceeded` when there are `kMaxMembers`.
  [[nodiscard]] base::Result<uint32_t> join() noexcept;

  struct Recovered {
    uint64_t held_blocks = 0;
    uint64_t held_bytes = 0;
    uint64_t cached_blocks = 0;
    uint64_t cached_bytes = 0;
  };
  /// Ends a membership: gives back every block that is cached or held by `member`, who does nothing any more.
  Recovered leave(uint32_t member) noexcept;

  /// `offsets.size()` blocks of `size` bytes, cached by `member`, or none: `kLimitExceeded`, `kOutOfMemory`,
  /// `kInvalidSize`. @param size a multiple of 64: what units of a slab class hold, or above 128 KiB whole pages @param
  /// zeroed whether their content must be zero @param offsets at most `kMaxRefill`; one where `size` is above 128 KiB
  [[nodiscard]] base::Status refill(uint32_t member, uint32_t size_class, uint64_t size, bool zeroed,
                                    std::span<uint64_t> offsets) noexcept;
  /// Gives back those that are cached by `member`. Returns how many.
  size_t drain(uint32_t member, std::span<const uint64_t> offsets) noexcept;
  /// Gives back every block in transit: when nobody will take its token any more. Returns how many.
  uint64_t reclaim() noexcept;

  struct Stats {
    uint64_t limit = 0;
    /// Of all members, cached and held, and in transit. Bytes are those that the limit counts.
    uint64_t blocks = 0;
    uint64_t bytes = 0;
    uint64_t members = 0;
    uint64_t transit_blocks = 0;
    uint64_t transit_bytes = 0;
    /// Of members that left: what they held.
    uint64_t lost_blocks = 0;
    uint64_t lost_bytes = 0;
  };
  /// Walks all live blocks.
  [[nodiscard]] Stats stats() noexcept;
  /// Gives memory that no block has back to the system. Returns bytes.
  uint64_t trim() noexcept { return heap_->trim(); }
  /// The heap against itself, and a word for every block. No other thread may be at work. `kOverlap` says what is
  /// wrong.
  [[nodiscard]] base::Status validate() noexcept;

 private:
  friend class base::Ref<SharedBuffers>;
  SharedBuffers(std::span<uint8_t> memory, std::span<std::atomic<uint32_t>> words, uint64_t limit,
                base::Ref<slab::Heap> heap) noexcept
      : memory_(memory), words_(words), limit_(limit), heap_(std::move(heap)) {}
  ~SharedBuffers() { heap_->close(); }

  [[nodiscard]] std::atomic<uint32_t>& word_at(uint64_t offset) const noexcept { return words_[offset / kLeastBlock]; }
  /// Calls `visit(offset, bytes, word)` for every live block.
  template <typename Visit>
  void walk(Visit visit) noexcept;
  /// Ends the block whose word is still `seen`. Returns its bytes; 0 when somebody was faster.
  uint64_t end(uint64_t offset, uint64_t bytes, uint32_t seen) noexcept;
  /// Ends all blocks that `chosen(word)` says; `ended(word, bytes)` hears of each.
  template <typename Chosen, typename Ended>
  void end_all(Chosen chosen, Ended ended) noexcept;

  const std::span<uint8_t> memory_;
  const std::span<std::atomic<uint32_t>> words_;
  const uint64_t limit_;
  const base::Ref<slab::Heap> heap_;
  /// Relaxed: counts that order nothing.
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> blocks_{0};
  std::atomic<uint64_t> lost_blocks_{0};
  std::atomic<uint64_t> lost_bytes_{0};
  base::SpinLock lock_;
  std::bitset<kMaxMembers + 1> members_;
};

}  // namespace freestone::buffers
