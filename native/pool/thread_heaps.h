#pragma once
// Which heap of which pool is the calling thread's.
//   threads: `cached` and `ThreadHeaps` are each thread's own; the list of pools that are there has a lock.
//   memory: malloc, until the thread ends.
#include "pool/pool.h"

namespace freestone::pool {

/// The heaps that this thread used last, by their pools' keys. A key is never used twice, so what is stale never
/// matches. Empty of code at the start and end of a thread: a plain load finds it.
struct CachedHeap {
  uint64_t key = 0;
  Heap* heap = nullptr;
};
inline constexpr uint32_t kCachedHeaps = 8;
extern thread_local constinit CachedHeap cached_heaps[kCachedHeaps];

[[nodiscard]] inline Heap* cached_heap(uint64_t key) noexcept {
  const CachedHeap& cached = cached_heaps[key % kCachedHeaps];
  return cached.key == key ? cached.heap : nullptr;
}
void cache_heap(uint64_t key, Heap* heap) noexcept;

/// Every heap that a thread owns. Its destructor, when the thread ends, leaves them to their pools.
struct ThreadHeaps {
  struct Entry {
    uint64_t pool_id = 0;
    Heap* heap = nullptr;
  };
  base::Array<Entry> entries;

  ~ThreadHeaps();
  [[nodiscard]] static ThreadHeaps* of_this_thread() noexcept;
  /// Drops the entries of pools that are gone.
  void prune() noexcept;
};

/// The pools that are there, so that a thread that ends knows whose heaps it still has to leave.
[[nodiscard]] bool enlist(uint64_t id, Pool* pool) noexcept;
void strike(uint64_t id) noexcept;
/// A number that was never given before.
[[nodiscard]] uint64_t next_key() noexcept;

}  // namespace freestone::pool
