#pragma once
// What is known of a span, kept apart from its memory: whoever writes through a stale pointer cannot harm the pool.
//   threads: as each field says; "owner" is the thread that has the span's heap.    memory: records are never unmapped,
//   so reading one that was given back is harmless: its key tells.
//
// A block is live when its bit in `live` is set (the owner's) and its bit in `remote` is not (anybody else's, until the
// owner sweeps). Of the others, some lie in the owner's stack of blocks to hand out next; the rest are free. Why that
// suffices, without a lock:
//   - The owner alone writes `live`. Others read it only for the bit of a block that they free: while the block is live
//     the owner does not change that bit, and once it is not, any answer refuses or is caught by `remote`.
//   - Others claim a block by setting its bit in `remote`; of several, the one that found it clear has freed it.
//   - `queued` says that the span is in its heap's list, or about to be. A freer sets its bit and then looks at
//     `queued`; the sweeper clears `queued` and then takes the bits, all in the one order of sequentially consistent
//     operations. So either the sweeper takes the bit or the freer sees `queued` clear and queues the span again.
//   - A bit that a sweep finds in `remote` and not in `live` was freed twice in the same instant by the owner and
//     another thread. The block is freed once; both were told that they freed it.
#include <atomic>

#include "pool/size_class.h"

namespace freestone::pool {

class Heap;

/// A field that a free may read while the record changes hands, when the block it is given is nobody's any more: it
/// must be one value or the other then, and the bit maps refuse or the free is of whoever has the block by now.
template <typename T>
class Relaxed {
 public:
  Relaxed() noexcept = default;
  operator T() const noexcept { return value_.load(std::memory_order_relaxed); }  // NOLINT: a plain field otherwise
  void operator=(T value) noexcept { value_.store(value, std::memory_order_relaxed); }  // NOLINT

 private:
  std::atomic<T> value_{};
};

/// Where a span is.
enum class SpanState : uint8_t {
  /// In a cache, or nowhere.
  kIdle,
  /// The one its heap allocates from in its class.
  kActive,
  /// Has free blocks and waits in its heap's list.
  kPartial,
  /// No free block, in no list.
  kFull,
};

// On even cache lines, which come in pairs: the first two have all that a free reads of a span of up to 256 blocks.
struct alignas(128) Span {
  // What every free reads.

  /// The pool's key when the span was put to use; 0 while it is not in use. Stored last, with release, and loaded with
  /// acquire, so that who finds its pool's key finds the fields below as they belong to it.
  std::atomic<uint64_t> key{0};
  Relaxed<uint8_t*> base;
  /// Null for a large block.
  std::atomic<Heap*> heap{nullptr};
  /// `Divisor` of the block size; of 1 for a large block, whose one offset is 0.
  Relaxed<uint64_t> inverse;
  Relaxed<uint32_t> shift;
  Relaxed<uint32_t> blocks;
  /// The owner's: free blocks. What lies in a stack does not count, so an empty span has none there.
  uint32_t free_count = 0;
  /// The owner's: the free count at which freeing a block changes the span's state.
  uint32_t notice_at = 0;
  /// Relaxed: for statistics.
  std::atomic<uint32_t> size_class{kLarge};
  SpanState state = SpanState::kIdle;
  SpanKind kind = 0;

  /// A bit a block in each of two maps, word beside word: a free looks at both.
  struct Word {
    /// Relaxed, for the argument above.
    std::atomic<uint64_t> live;
    std::atomic<uint64_t> remote;
  };
  Word map[kMaxBlocks / 64];

  // The rest.

  /// Of a size class.
  Relaxed<uint32_t> block_size;
  /// See above.
  std::atomic<bool> queued{false};
  /// In the heap's list of queued spans; written by who set `queued`.
  Span* next_queued = nullptr;
  /// In the list of partial spans, or a cache.
  Span* previous = nullptr;
  Span* next = nullptr;
  /// In the pool's list of all spans; under the pool's lock.
  Span* all_previous = nullptr;
  Span* all_next = nullptr;
  /// The span of another pool that this one is a block of, or null.
  Span* under = nullptr;
  /// What the source was asked for.
  Relaxed<size_t> bytes;
  /// Hardened pools: where the block starts and how much was asked for.
  Relaxed<size_t> user_offset;
  Relaxed<size_t> user_size;
  /// Milliseconds of the clock when it entered the pool's cache.
  uint64_t cached_at = 0;

  [[nodiscard]] uint32_t words() const noexcept { return (blocks + 63) / 64; }
  /// The block that begins at an address; `blocks` or more when none does.
  [[nodiscard]] uint64_t block_at(const void* address) const noexcept {
    const auto offset = static_cast<uint64_t>(static_cast<const uint8_t*>(address) - base);
    return Divisor{.inverse = inverse, .shift = shift}.quotient(offset);
  }
  /// Makes the span one block.
  void make_one_block() noexcept {
    inverse = 1;
    shift = 0;
    blocks = 1;
    size_class.store(kLarge, std::memory_order_relaxed);
    heap.store(nullptr, std::memory_order_relaxed);
  }
};

}  // namespace freestone::pool
