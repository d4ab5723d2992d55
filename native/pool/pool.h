#pragma once
// The door of pool: general allocation from spans of equal blocks, for any number of threads, with every free checked.
//   threads: any may call anything at any time, except where a function says otherwise. Each has a heap of its own in
//   the pool, found without a lock; a block may be freed by any thread. A thread that ends leaves its heap to others.
//   memory: spans from the chunk source, all given back with the last reference; nothing of the pool's own lies in or
//   between blocks. What is read outside of live blocks is undefined, and no harm to the pool.
//   time: allocating and freeing take no lock while the thread's spans last.
#include <atomic>
#include <mutex>
#include <span>

#include "pool/chunk_source.h"
#include "pool/heap.h"
#include "pool/size_class.h"
#include "pool/span_table.h"

namespace freestone::pool {

struct Config {
  /// Where spans come from; must outlive the pool. Its chunks must begin at multiples of 64 KiB when asked for.
  ChunkSource* source = nullptr;
  /// Bytes of spans that the pool may hold, what it keeps for later included.
  uint64_t limit = UINT64_MAX;
  /// How long an empty span stays in the pool's cache before the next one that comes in sends it back.
  uint64_t purge_delay_ms = 10'000;
  /// Finds what writes where it must not, at the price of a span for each block; see `Finding`.
  bool hardened = false;
  /// Hardened: whether the page behind a block faults. Without, it holds known bytes as what is around the block does:
  /// for callers that must not crash.
  bool guard_pages = true;
  /// Bytes of freed blocks that a hardened pool holds back from use.
  uint64_t quarantine = 16 << 20;
};

/// What a hardened pool found. Beyond a block's last page is a page that faults when it is touched, unless the
/// configuration says otherwise; around the block within its pages are known bytes, and so is a freed block until its
/// memory is used again.
enum class Fault : uint8_t {
  kNone,
  /// A byte before the block was written.
  kUnderrun,
  /// A byte after it was.
  kOverrun,
  /// A byte of it was, after it was freed.
  kUseAfterFree,
  /// It was freed again.
  kDoubleFree,
};
struct Finding {
  Fault fault = Fault::kNone;
  /// The block.
  const void* block = nullptr;
  /// The first wrong byte, from the block's start.
  int64_t offset = 0;
};

struct ClassStats {
  uint32_t block_size = 0;
  uint32_t spans = 0;
  uint64_t live_blocks = 0;
};

/// Exact when no other thread is in the pool.
struct Stats {
  uint64_t live_blocks = 0;
  /// Usable bytes of them.
  uint64_t live_bytes = 0;
  /// Bytes of spans from the source, and the most there ever were.
  uint64_t committed = 0;
  uint64_t high_water = 0;
  /// Bytes of spans that hold no block.
  uint64_t cached = 0;
  uint64_t large_blocks = 0;
  uint64_t large_bytes = 0;
  /// Blocks freed by another thread than their heap's, and taken back.
  uint64_t cross_thread_frees = 0;
  uint32_t heaps = 0;
  uint32_t abandoned_heaps = 0;
  ClassStats classes[kSizeClasses];
};

class Pool : public base::Shared<Pool> {
 public:
  /// `kInvalidArgument` without a source; `kOutOfMemory`.
  [[nodiscard]] static base::Result<base::Ref<Pool>> make(const Config& config) noexcept;

  /// The largest block.
  static constexpr uint64_t kMaxSize = uint64_t{4} << 30;

  /// `size` bytes at a multiple of 16 that nobody else has. `kInvalidSize` for 0 and beyond `kMaxSize`,
  /// `kLimitExceeded`, or what the source says; nothing has changed then.
  [[nodiscard]] base::Result<void*> allocate(size_t size) noexcept {
    if (size - 1 < kMaxClassSize) [[likely]] {
      const SizeClass size_class = class_of(size);
      // A hardened pool has no heaps.
      if (last_heap.key == key_.load(std::memory_order_relaxed)) [[likely]] {
        Heap& own = *last_heap.heap;
        if (own.has(size_class)) [[likely]]
          return own.take(size_class);
      }
    }
    return allocate_aligned(size, 16);
  }
  /// The same at a multiple of `alignment`: `kInvalidAlignment` unless a power of two up to 2^30.
  [[nodiscard]] base::Result<void*> allocate_aligned(size_t size, size_t alignment) noexcept;
  /// Zeros. `kInvalidSize` also when the product overflows.
  [[nodiscard]] base::Result<void*> allocate_zeroed(size_t count, size_t size) noexcept;
  /// A block of the new size with the old content up to the shorter of the two; the same block when the size still
  /// suits it, when `resize` can make it so, and when it is to be shorter and there is no memory to move to. On failure
  /// the old block is as it was.
  [[nodiscard]] base::Result<void*> reallocate(void* block, size_t size) noexcept;
  /// Makes a block suit `size` where it is. One of more than 64 KiB grows into what the source has behind it, and gives
  /// its tail back when it shrinks by an eighth or more; meanwhile it is nobody's, so a free of it by another thread is
  /// refused. `kInvalidAddress` as for `free`, `kInvalidSize`; `kUnsupported`, `kOutOfMemory`, `kLimitExceeded` when it
  /// would have to move. Nothing has changed then.
  [[nodiscard]] base::Status resize(void* block, size_t size) noexcept;
  /// A copy of the text, with a zero after it.
  [[nodiscard]] base::Result<char*> duplicate(const char* text) noexcept;

  /// Ends a block: `kInvalidAddress`, and nothing changes, for what is not one of this pool, inside one, or free
  /// already. Of several threads that free a block at once, one succeeds; only when one of them is the block's own may
  /// two be told so, and it is freed once then. A hardened pool gives `kOverlap` when bytes around the block were
  /// written; it is freed all the same, and `findings` tells more.
  [[nodiscard]] base::Status free(void* block) noexcept {
    // The short way for a block of the calling thread's heap. Whatever is odd takes the long way, which looks at
    // everything again. The heap of a hardened pool's spans is null.
    const uint64_t key = key_.load(std::memory_order_relaxed);
    if (last_heap.key == key) [[likely]] {
      Heap& own = *last_heap.heap;
      Span* const span = own.span_near(block);
      if (span != nullptr && span->key.load(std::memory_order_acquire) == key &&
          span->heap.load(std::memory_order_relaxed) == &own) [[likely]] {
        // A number below `blocks` proves that the address is in the span.
        const uint64_t number = span->block_at(block);
        if (number < span->blocks && own.release(*span, number, block)) [[likely]]
          return {};
      }
    }
    return free_slowly(block);
  }
  /// Ends every block. Each thread's spans come back with that thread's next call, or now if it has ended.
  void free_all() noexcept;

  /// Bytes that may be used, at least those asked for. `kInvalidAddress` as for `free`.
  [[nodiscard]] base::Result<size_t> usable_size(const void* block) const noexcept;
  /// Whether `free` would accept this.
  [[nodiscard]] bool owns(const void* block) const noexcept;

  /// Gives empty spans back to the source, those that were empty for `age_ms` at least: this thread's, those of threads
  /// that ended, and the pool's cache. Returns their bytes.
  uint64_t trim(uint64_t age_ms = 0) noexcept;

  [[nodiscard]] Stats stats() const noexcept;
  /// Calls `visit(context, block, usable size)` for the live blocks until it returns false. It must not call the pool.
  using Visit = bool (*)(void* context, void* block, size_t size) noexcept;
  void walk(Visit visit, void* context) const noexcept;

  /// What a hardened pool found since the last call, oldest first; returns how many were copied.
  size_t findings(std::span<Finding> into) noexcept;

  /// Compares spans, bit maps, counts and the table. No other thread may be in the pool. `kOverlap` for a fault.
  [[nodiscard]] base::Status validate() const noexcept;

 private:
  friend class base::Ref<Pool>;
  friend class Heap;
  friend class PoolSource;
  friend struct ThreadHeaps;

  explicit Pool(const Config& config) noexcept;
  ~Pool();

  /// A place in a span, if it is a block of this pool.
  struct Place {
    Span* span = nullptr;
    uint32_t block = 0;
  };
  [[nodiscard]] Place place_of(const void* address) const noexcept;
  /// The span of a live block, or null. Another thread that frees the block may take the span away at any time.
  [[nodiscard]] Span* span_of(const void* block) const noexcept;
  [[nodiscard]] bool is_live(const Place& place) const noexcept;
  [[nodiscard]] static size_t size_at(const Span& span) noexcept;

  /// The calling thread's heap; null when it has none, or there is no memory to make one.
  [[nodiscard]] Heap* find_heap_slowly(bool make) noexcept;
  [[nodiscard]] Heap* adopt_or_make() noexcept;
  void abandon(Heap* heap) noexcept;

  /// An idle span, from the cache or the source.
  [[nodiscard]] base::Result<Span*> take_span(SpanKind kind) noexcept;
  /// Takes an idle span into the cache, and sends those back that waited too long.
  void give_span(Span& span) noexcept;
  [[nodiscard]] base::Result<Span*> span_from_source(size_t bytes, size_t alignment) noexcept;
  /// The same; when there is nothing left, once more after `trim`.
  [[nodiscard]] base::Result<Span*> span_after_trim(size_t bytes, size_t alignment) noexcept;
  /// Under the lock.
  void return_to_source(Span& span) noexcept;
  /// Under the lock.
  void reset_heap(Heap& heap) noexcept;
  void cache_span(Span& span) noexcept;
  [[nodiscard]] Span* take_expired(uint64_t before) noexcept;

  [[nodiscard]] base::Result<void*> allocate_in(SizeClass size_class) noexcept;
  [[nodiscard]] base::Result<void*> allocate_large(size_t size, size_t alignment) noexcept;
  [[nodiscard]] base::Status free_slowly(void* block) noexcept;
  /// Under the lock: takes the key of a large block's span away, so that nobody else has it. False when the span is
  /// not, or not any more, that block's.
  [[nodiscard]] bool claim_large(Span& span, const void* block) noexcept;
  [[nodiscard]] base::Status free_large(Span& span, const void* block) noexcept;
  [[nodiscard]] base::Status resize_large(Span& span, const void* block, size_t bytes) noexcept;
  /// As `resize`, of a large block on which another pool has a span.
  [[nodiscard]] base::Status resize_below(const uint8_t* block, size_t size) noexcept;
  /// Under the lock, for a span without a key.
  [[nodiscard]] base::Status extend_span(Span& span, size_t bytes) noexcept;
  [[nodiscard]] base::Status cut_span(Span& span, size_t bytes) noexcept;

  [[nodiscard]] base::Result<void*> allocate_hardened(size_t size, size_t alignment) noexcept;
  [[nodiscard]] base::Status free_hardened(void* block) noexcept;
  void leave_quarantine(Span& span) noexcept;
  void record(Fault fault, const void* block, int64_t offset) noexcept;

  // One cache line: what every call reads, and nothing that calls write.
  alignas(64) ChunkSource& source_;
  const uint64_t limit_;
  const uint64_t purge_delay_ms_;
  const uint64_t quarantine_limit_;
  const bool hardened_;
  const bool guard_pages_;
  /// The same for ever, and never that of another pool.
  const uint64_t id_;
  /// What live spans of this pool carry; another one after `free_all`. Relaxed in the owner's paths: a thread that has
  /// not seen the new one yet called before. Stored under the lock.
  std::atomic<uint64_t> key_;
  alignas(64) std::atomic<uint64_t> committed_{0};
  std::atomic<uint64_t> high_water_{0};

  /// Guards everything below.
  mutable std::mutex mutex_;
  Span* all_ = nullptr;
  Heap* heaps_ = nullptr;
  Heap* abandoned_ = nullptr;
  /// Idle spans, the newest first.
  Span* cache_[kSpanKinds] = {};
  Span* oldest_[kSpanKinds] = {};
  uint64_t cached_bytes_ = 0;
  /// Freed blocks of a hardened pool, oldest first.
  Span* quarantine_ = nullptr;
  Span* last_quarantined_ = nullptr;
  uint64_t quarantined_bytes_ = 0;
  base::Array<Finding> findings_;
};

/// Chunks that are blocks of a pool.
class PoolSource final : public ChunkSource {
 public:
  explicit PoolSource(base::Ref<Pool> pool) noexcept : pool_(std::move(pool)) {}
  [[nodiscard]] base::Result<uint8_t*> allocate_chunk(size_t size, size_t alignment) noexcept override;
  [[nodiscard]] base::Status release_chunk(uint8_t* chunk, size_t size) noexcept override;
  [[nodiscard]] base::Status resize_chunk(uint8_t* chunk, size_t size, size_t to) noexcept override;

 private:
  base::Ref<Pool> pool_;
};

}  // namespace freestone::pool
