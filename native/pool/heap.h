#pragma once
// One thread's part of a pool: for each size class a stack of blocks to hand out next and spans with room, and empty
// spans.
//   threads: the one that owns it, except `release_remotely`. Owners change under the pool's lock: a heap whose thread
//   ended waits there until another thread adopts it.    memory: nothrow new, touched as classes are used; the spans
//   are the pool's.
#include <atomic>

#include "base/base.h"
#include "pool/span_table.h"

namespace freestone::pool {

class Heap;
class Pool;

/// The heaps that this thread used last, by their pools' keys. A key is never used twice, so what is stale never
/// matches. Empty of code at the start and end of a thread: a plain load finds it.
struct CachedHeap {
  uint64_t key = 0;
  Heap* heap = nullptr;
};
inline constexpr uint32_t kCachedHeaps = 8;
extern thread_local constinit CachedHeap cached_heaps[kCachedHeaps];

// Found by an offset from the thread's own register. Otherwise the compiler allows for a call in the middle of each
// allocation and saves registers for it, half of what a call costs. 16 bytes fit what glibc keeps for libraries that
// are loaded late; other C libraries keep nothing.
#if defined(__GLIBC__)
#define FREESTONE_NEAR_TLS [[gnu::tls_model("initial-exec")]]
#else
#define FREESTONE_NEAR_TLS
#endif
#if defined(__GNUC__)
#define FREESTONE_COLD [[gnu::noinline, gnu::cold]]
#else
#define FREESTONE_COLD
#endif

/// The one of them that was used last.
FREESTONE_NEAR_TLS extern thread_local constinit CachedHeap last_heap;

[[nodiscard]] inline Heap* cached_heap(uint64_t key) noexcept {
  const CachedHeap& cached = cached_heaps[key % kCachedHeaps];
  if (cached.key != key) return nullptr;
  last_heap = cached;
  return cached.heap;
}

class Heap {
 public:
  Heap(Pool& pool, uint64_t key) noexcept;

  /// Whether `take` may be called.
  [[nodiscard]] bool has(SizeClass size_class) const noexcept {
    return bins_[size_class].top != bins_[size_class].bottom;
  }
  /// A block of the class.
  [[nodiscard]] void* take(SizeClass size_class) noexcept {
    const Entry& entry = *--bins_[size_class].top;
    void* const block = entry.block;
    // Plain reading and writing, as the owner may. The block's address waits for none of it.
    std::atomic<uint64_t>& live = entry.word->live;
    live.store(live.load(std::memory_order_relaxed) | bit_of(entry.number), std::memory_order_relaxed);
    return block;
  }
  /// The same when there is none yet, or why there is none at all.
  [[nodiscard]] base::Result<void*> allocate_slowly(SizeClass size_class) noexcept;

  /// The span that may hold the address; whether it does is for the caller to see. Blocks are often freed near the one
  /// before: a guess that the CPU makes spares the rest of the call the wait for the table.
  void forget_recent() noexcept { recent_granule_ = 0; }
  [[nodiscard]] Span* span_near(const void* address) noexcept {
    const uintptr_t granule = reinterpret_cast<uintptr_t>(address) >> kGranuleShift;
    if (granule != recent_granule_) {
      recent_granule_ = granule;
      recent_span_ = SpanTable::find(address);
    }
    return recent_span_;
  }

  /// Ends a block, the one of this number in a span of this heap; false when it is not live, and nothing changes then.
  [[nodiscard]] bool release(Span& span, uint64_t number, void* block) noexcept {
    Span::Word& word = span.map[number / 64];
    const uint64_t live = word.live.load(std::memory_order_relaxed);
    if (((live & ~word.remote.load(std::memory_order_relaxed)) >> (number % 64) & 1) == 0) [[unlikely]]
      return false;
    word.live.store(live & ~bit_of(number), std::memory_order_relaxed);
    Bin& bin = bins_[span.size_class.load(std::memory_order_relaxed)];
    if (bin.top == bin.full) [[unlikely]] {
      push_to_full(bin, block, word, number);
    } else {
      // One by one: two of them stored as sixteen bytes would have to be in the cache before eight can be read again.
      Entry& entry = *bin.top++;
      entry.block = block;
      entry.word = &word;
      entry.number = number;
    }
    return true;
  }

  /// Any thread: ends a block of a span of this heap; false when it is not live.
  [[nodiscard]] bool release_remotely(Span& span, uint32_t number) noexcept;

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

  /// Blocks in its stacks. Not while its thread uses it.
  [[nodiscard]] uint64_t stacked() const noexcept {
    uint64_t count = 0;
    for (const Bin& bin : bins_) count += static_cast<uint64_t>(bin.top - bin.bottom);
    return count;
  }

  /// Links of the pool's lists of heaps; under its lock.
  Heap* next_heap = nullptr;
  Heap* next_abandoned = nullptr;
  bool abandoned = false;
  /// It has no empty span, unless something was freed since.
  bool trimmed = false;

 private:
  friend class Pool;

  /// A block that is not live, with the place of its bit, so that handing it out looks nothing up.
  struct Entry {
    void* block;
    Span::Word* word;
    uint64_t number;
  };
  [[nodiscard]] static constexpr uint64_t bit_of(uint64_t number) noexcept { return uint64_t{1} << (number % 64); }

  /// A class's place to allocate. The block that was freed last is the next one: it is in the cache of the CPU.
  struct alignas(32) Bin {
    Entry* top = nullptr;
    Entry* full = nullptr;
    Entry* bottom = nullptr;
    /// Where the stack is filled from.
    Span* active = nullptr;
  };

  /// Fills the empty stack from the active span; false when that has no free block.
  [[nodiscard]] static bool refill(Bin& bin, uint32_t most) noexcept;
  /// Makes room first. Never inlined, and nothing is to do afterwards: what either needs of registers would be saved at
  /// each free.
  FREESTONE_COLD void push_to_full(Bin& bin, void* block, Span::Word& word, uint64_t number) noexcept;
  /// Gives the oldest `count` entries back to their spans.
  void flush(Bin& bin, size_t count) noexcept;
  void flush_all() noexcept;
  [[nodiscard]] base::Result<Span*> empty_span(SizeClass size_class) noexcept;
  void prepare(Span& span, SizeClass size_class) noexcept;
  /// Moves a span to where its free count says it belongs.
  void settle(Span& span) noexcept;
  void sweep(Span& span) noexcept;
  void unlink(Span& span) noexcept;
  void keep(Span& span) noexcept;

  Pool& pool_;
  uint64_t key_;
  std::atomic<uint64_t> swept_{0};
  uintptr_t recent_granule_ = 0;
  Span* recent_span_ = nullptr;
  Bin bins_[kSizeClasses];
  /// By class, spans with free blocks that wait.
  Span* partial_[kSizeClasses] = {};
  /// Idle spans of each kind.
  Span* cache_[kSpanKinds] = {};
  uint32_t cached_[kSpanKinds] = {};
  /// Spans with bits in `remote`: a stack that others push to and the owner takes whole, so that nothing is ever popped
  /// from between. Release on push, acquire on the exchange.
  alignas(64) std::atomic<Span*> queued_{nullptr};
  /// The bins' stacks, one behind the other. Not initialised, so that only what is used takes memory.
  alignas(64) Entry entries_[kStackEntries];
};

}  // namespace freestone::pool
