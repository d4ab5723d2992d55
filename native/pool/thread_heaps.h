#pragma once
// Which heap of which pool is the calling thread's.
//   threads: `ThreadHeaps` are each thread's own; the list of pools that are there has a lock.
//   memory: malloc, until the thread ends.
#include "pool/pool.h"

namespace freestone::pool {

/// Makes the heap the one that `cached_heap` finds.
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
