#include "pool/thread_heaps.h"

namespace freestone::pool {

thread_local constinit CachedHeap cached_heaps[kCachedHeaps];
FREESTONE_NEAR_TLS thread_local constinit CachedHeap last_heap;

namespace {

struct Known {
  uint64_t id = 0;
  Pool* pool = nullptr;
};

/// Never destroyed: threads may end after static destruction began.
struct Registry {
  std::mutex mutex;
  base::Array<Known> pools;
};
Registry& registry() noexcept {
  alignas(Registry) static uint8_t memory[sizeof(Registry)];
  static auto* const instance = new (memory) Registry;
  return *instance;
}

Pool* find(uint64_t id) noexcept {
  for (const Known& known : registry().pools.span()) {
    if (known.id == id) return known.pool;
  }
  return nullptr;
}

thread_local constinit bool ended = false;

}  // namespace

void cache_heap(uint64_t key, Heap* heap) noexcept {
  last_heap = cached_heaps[key % kCachedHeaps] = {.key = key, .heap = heap};
}

ThreadHeaps* ThreadHeaps::of_this_thread() noexcept {
  if (ended) return nullptr;
  static thread_local ThreadHeaps heaps;
  return &heaps;
}

ThreadHeaps::~ThreadHeaps() {
  ended = true;
  for (CachedHeap& cached : cached_heaps) cached = {};
  last_heap = {};
  // While the lock is held no pool goes away.
  const std::lock_guard guard(registry().mutex);
  for (const Entry& entry : entries.span()) {
    if (Pool* const pool = find(entry.pool_id); pool != nullptr) pool->abandon(entry.heap);
  }
}

void ThreadHeaps::prune() noexcept {
  const std::lock_guard guard(registry().mutex);
  for (size_t i = 0; i < entries.size();) {
    if (find(entries[i].pool_id) != nullptr) {
      ++i;
    } else {
      entries[i] = entries[entries.size() - 1];
      entries.pop();
    }
  }
}

bool enlist(uint64_t id, Pool* pool) noexcept {
  const std::lock_guard guard(registry().mutex);
  return registry().pools.push({.id = id, .pool = pool});
}

void strike(uint64_t id) noexcept {
  const std::lock_guard guard(registry().mutex);
  auto& pools = registry().pools;
  for (size_t i = 0; i < pools.size(); ++i) {
    if (pools[i].id != id) continue;
    pools[i] = pools[pools.size() - 1];
    pools.pop();
    return;
  }
}

uint64_t next_key() noexcept {
  // Relaxed: only that no number comes twice matters.
  static constinit std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace freestone::pool
