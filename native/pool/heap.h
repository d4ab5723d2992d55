#pragma once
// One thread's part of a pool: a span to allocate from in each size class, spans with room, and empty ones.
//   threads: the one that owns it, except `queue`. Owners change under the pool's lock: a heap whose thread ended waits
//   there until another thread adopts it.    memory: nothrow new; the spans are the pool's.
#include <atomic>

#include "base/base.h"
#include "pool/span.h"

namespace freestone::pool {

class Pool;

class Heap {
 public:
  Heap(Pool& pool, uint64_t key) noexcept : pool_(pool), key_(key) {}

  /// A block of the class, or null when the way to one is longer.
  [[nodiscard]] void* take(SizeClass size_class) noexcept {
    Bin& bin = bins_[size_class];
    const uint64_t available = bin.available;
    if (available == 0) [[unlikely]]
      return nullptr;
    bin.available = available & (available - 1);
    // Plain reading and writing, as the owner may. Nothing waits for it: which block it is depends on the bin alone.
    std::atomic<uint64_t>& free = bin.word->free;
    free.store(free.load(std::memory_order_relaxed) & ~(available & (~available + 1)), std::memory_order_relaxed);
    std::atomic<uint32_t>& count = bin.active->free_count;
    count.store(count.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    return bin.base + static_cast<uint32_t>(std::countr_zero(available)) * bin.block_size;
  }
  /// What `take` does not find, or why there is none.
  [[nodiscard]] base::Result<void*> allocate_slowly(SizeClass size_class) noexcept;

  /// Ends a block of a span of this heap; false when it is free already, and nothing changes then.
  [[nodiscard]] bool release(Span& span, uint32_t block) noexcept {
    const uint32_t at = block / 64;
    const uint64_t bit = uint64_t{1} << (block % 64);
    const uint64_t word = span.map[at].free.load(std::memory_order_relaxed);
    if (((word | span.map[at].remote.load(std::memory_order_relaxed)) & bit) != 0) [[unlikely]]
      return false;
    span.map[at].free.store(word | bit, std::memory_order_relaxed);
    const uint32_t count = span.free_count.load(std::memory_order_relaxed) + 1;
    span.free_count.store(count, std::memory_order_relaxed);
    if (count == span.notice_at) [[unlikely]]
      settle(span);
    return true;
  }

  /// Any thread: ends a block of a span of this heap; false when it is free already.
  [[nodiscard]] bool release_remotely(Span& span, uint32_t block) noexcept;

  /// Takes what other threads freed.
  void sweep() noexcept;

  /// Gives all empty spans to the pool's cache.
  void give_up_empty() noexcept;

  /// Forgets every block: the spans are idle afterwards, and the heap belongs to the pool's new key.
  /// Under the pool's lock.
  void reset(uint64_t key) noexcept;

  [[nodiscard]] uint64_t key() const noexcept { return key_; }
  /// Blocks that other threads freed and this heap took back. Relaxed, for statistics.
  [[nodiscard]] uint64_t swept() const noexcept { return swept_.load(std::memory_order_relaxed); }

  /// Links of the pool's lists of heaps; under its lock.
  Heap* next_heap = nullptr;
  Heap* next_abandoned = nullptr;
  bool abandoned = false;
  /// It has no empty span, unless something was freed since.
  bool trimmed = false;

 private:
  friend class Pool;

  /// A class's place to allocate: one word of the active span's map, and the address of that word's first block.
  struct Bin {
    /// Bits of the word's `free` that were set when the bin came to it, less those taken since. What is freed meanwhile
    /// waits for the next round, so that taking a block does not wait for the free before it.
    uint64_t available = 0;
    Span::Word* word = nullptr;
    uint8_t* base = nullptr;
    Span* active = nullptr;
    uint32_t block_size = 0;
    Span* partial = nullptr;
  };

  /// Points the bin at the next word with a free block; false when the active span has none.
  [[nodiscard]] static bool next_word(Bin& bin) noexcept;
  void activate(Bin& bin, Span& span) noexcept;
  [[nodiscard]] base::Result<Span*> empty_span(SizeClass size_class) noexcept;
  void prepare(Span& span, SizeClass size_class) noexcept;
  /// Moves a span to where its free count says it belongs.
  void settle(Span& span) noexcept;
  void sweep(Span& span) noexcept;
  void unlink(Bin& bin, Span& span) noexcept;
  void keep(Span& span) noexcept;

  Pool& pool_;
  uint64_t key_;
  std::atomic<uint64_t> swept_{0};
  Bin bins_[kSizeClasses];
  /// Idle spans of each kind.
  Span* cache_[kSpanKinds] = {};
  uint32_t cached_[kSpanKinds] = {};
  /// Spans with bits in `remote`: a stack that others push to and the owner takes whole, so that nothing is ever popped
  /// from between. Release on push, acquire on the exchange.
  alignas(64) std::atomic<Span*> queued_{nullptr};
};

}  // namespace freestone::pool
