#include "pool/pool.h"

#include <algorithm>
#include <cstring>

#include "pool/thread_heaps.h"

namespace freestone::pool {

using base::Code;
using base::Ref;
using base::Result;
using base::Status;

namespace {

constexpr Status kNotABlock(Code::kInvalidAddress, "not the start of a live block of this pool");

}  // namespace

Result<Ref<Pool>> Pool::make(const Config& config) noexcept {
  if (config.source == nullptr) return Status(Code::kInvalidArgument, "a pool needs a chunk source");
  Ref<Pool> pool(new (std::nothrow) Pool(config));
  if (!pool || !enlist(pool->id_, pool.get())) return Status(Code::kOutOfMemory, "making a pool");
  return pool;
}

Pool::Pool(const Config& config) noexcept
    : source_(*config.source),
      limit_(config.limit),
      purge_delay_ms_(config.purge_delay_ms),
      quarantine_limit_(config.quarantine),
      hardened_(config.hardened),
      guard_pages_(config.hardened && config.guard_pages),
      id_(next_key()),
      key_(id_) {}

Pool::~Pool() {
  // From here on no thread that ends looks for its heap here.
  strike(id_);
  while (quarantine_ != nullptr) {
    Span* const span = quarantine_;
    quarantine_ = span->next;
    leave_quarantine(*span);
  }
  while (all_ != nullptr) return_to_source(*all_);
  while (heaps_ != nullptr) {
    Heap* const heap = heaps_;
    heaps_ = heap->next_heap;
    delete heap;
  }
}

// Heaps

Heap* Pool::find_heap_slowly(bool make) noexcept {
  ThreadHeaps* const mine = ThreadHeaps::of_this_thread();
  if (mine == nullptr) return nullptr;
  Heap* found = nullptr;
  for (const ThreadHeaps::Entry& entry : mine->entries.span()) {
    if (entry.pool_id == id_) found = entry.heap;
  }
  if (found == nullptr) {
    if (!make) return nullptr;
    mine->prune();
    if (!mine->entries.reserve(mine->entries.size() + 1)) return nullptr;
    found = adopt_or_make();
    if (found == nullptr) return nullptr;
    (void)mine->entries.push({.pool_id = id_, .heap = found});
  }
  if (found->key() != key_.load(std::memory_order_relaxed)) {
    const std::lock_guard guard(mutex_);
    reset_heap(*found);
  }
  cache_heap(found->key(), found);
  return found;
}

Heap* Pool::adopt_or_make() noexcept {
  const std::lock_guard guard(mutex_);
  if (Heap* const heap = abandoned_; heap != nullptr) {
    abandoned_ = heap->next_abandoned;
    heap->next_abandoned = nullptr;
    heap->abandoned = false;
    heap->trimmed = false;
    return heap;
  }
  auto* const heap = new (std::nothrow) Heap(*this, key_.load(std::memory_order_relaxed));
  if (heap == nullptr) return nullptr;
  heap->next_heap = heaps_;
  heaps_ = heap;
  return heap;
}

void Pool::abandon(Heap* heap) noexcept {
  const std::lock_guard guard(mutex_);
  heap->next_abandoned = abandoned_;
  abandoned_ = heap;
  heap->abandoned = true;
}

void Pool::reset_heap(Heap& heap) noexcept {
  const uint64_t key = key_.load(std::memory_order_relaxed);
  for (Span* span = all_; span != nullptr; span = span->all_next) {
    // The key first: it is 0 for spans in caches, whose heap may be anybody's.
    if (span->key.load(std::memory_order_relaxed) != heap.key() ||
        span->heap.load(std::memory_order_relaxed) != &heap) {
      continue;
    }
    span->state = SpanState::kIdle;
    span->key.store(0, std::memory_order_release);
    cache_span(*span);
  }
  heap.reset(key);
}

void Pool::free_all() noexcept {
  Heap* const own = find_heap_slowly(false);
  const std::lock_guard guard(mutex_);
  const uint64_t old = key_.load(std::memory_order_relaxed);
  // Release: with the acquire loads of keys in `place_of`. Threads that have not seen it are as if they had called
  // before.
  key_.store(next_key(), std::memory_order_release);
  for (Span *span = all_, *next = nullptr; span != nullptr; span = next) {
    next = span->all_next;
    uint64_t expected = old;
    // Of this and a free of the block, one gets the span.
    if (span->size_class.load(std::memory_order_relaxed) == kLarge &&
        span->key.compare_exchange_strong(expected, 0, std::memory_order_acq_rel)) {
      return_to_source(*span);
    }
  }
  if (own != nullptr) reset_heap(*own);
  for (Heap* heap = abandoned_; heap != nullptr; heap = heap->next_abandoned) reset_heap(*heap);
}

// Blocks

Pool::Place Pool::place_of(const void* address) const noexcept {
  Span* const span = SpanTable::find(address);
  if (span == nullptr || span->key.load(std::memory_order_acquire) != key_.load(std::memory_order_relaxed)) return {};
  const uint64_t block = span->block_at(address);
  if (block >= span->blocks) return {};
  return {.span = span, .block = static_cast<uint32_t>(block)};
}

bool Pool::is_live(const Place& place) const noexcept {
  if (place.span == nullptr) return false;
  if (place.span->size_class.load(std::memory_order_relaxed) == kLarge) return true;
  const Span::Word& word = place.span->map[place.block / 64];
  const uint64_t live = word.live.load(std::memory_order_relaxed) & ~word.remote.load(std::memory_order_relaxed);
  return (live >> (place.block % 64) & 1) != 0;
}

size_t Pool::size_at(const Span& span) noexcept {
  const SizeClass size_class = span.size_class.load(std::memory_order_relaxed);
  if (size_class != kLarge) return block_size_of(size_class);
  return span.user_size != 0 ? span.user_size : span.bytes;
}

Result<void*> Pool::allocate_in(SizeClass size_class) noexcept {
  const uint64_t key = key_.load(std::memory_order_relaxed);
  Heap* own = cached_heap(key);
  if (own == nullptr) own = find_heap_slowly(true);
  if (own == nullptr) return Status(Code::kOutOfMemory, "making a heap for this thread");
  if (own->has(size_class)) return own->take(size_class);
  return own->allocate_slowly(size_class);
}

Result<void*> Pool::allocate_aligned(size_t size, size_t alignment) noexcept {
  if (size == 0 || size > kMaxSize) return Status(Code::kInvalidSize, "allocating a block");
  if (!base::is_power_of_two(alignment) || alignment > (size_t{1} << 30)) {
    return Status(Code::kInvalidAlignment, "allocating a block");
  }
  if (hardened_) return allocate_hardened(size, alignment);
  if (size > kMaxClassSize || alignment > kGranule) return allocate_large(size, alignment);
  // Spans begin at multiples of 64 KiB: blocks are aligned to whatever divides their size.
  SizeClass size_class = class_of(std::max(size, alignment));
  while (size_class < kSizeClasses && block_size_of(size_class) % alignment != 0) ++size_class;
  if (size_class == kSizeClasses) return allocate_large(size, alignment);
  return allocate_in(size_class);
}

Result<void*> Pool::allocate_zeroed(size_t count, size_t size) noexcept {
  const auto bytes = base::checked_multiply(count, size);
  if (!bytes) return Status(Code::kInvalidSize, "allocating zeros");
  const auto block = allocate(*bytes);
  if (block.ok()) std::memset(block.value(), 0, *bytes);
  return block;
}

Result<char*> Pool::duplicate(const char* text) noexcept {
  const size_t size = std::strlen(text) + 1;
  const auto block = allocate(size);
  if (!block.ok()) return block.status();
  return static_cast<char*>(std::memcpy(block.value(), text, size));
}

Status Pool::free_slowly(void* block) noexcept {
  if (hardened_) return free_hardened(block);
  const Place place = place_of(block);
  if (place.span == nullptr) return kNotABlock;
  Heap* const of_span = place.span->heap.load(std::memory_order_relaxed);
  if (of_span == nullptr) return free_large(*place.span, block);
  Heap* own = cached_heap(key_.load(std::memory_order_relaxed));
  if (own == nullptr) own = find_heap_slowly(false);
  // What it remembers may be of another time.
  if (own != nullptr) own->forget_recent();
  const bool freed = own == of_span ? own->release(*place.span, place.block, block)
                                    : of_span->release_remotely(*place.span, place.block);
  return freed ? Status() : kNotABlock;
}

Span* Pool::span_of(const void* block) const noexcept {
  if (!hardened_) {
    const Place place = place_of(block);
    return is_live(place) ? place.span : nullptr;
  }
  Span* const span = SpanTable::find(block);
  const bool live = span != nullptr &&
                    span->key.load(std::memory_order_acquire) == key_.load(std::memory_order_relaxed) &&
                    block == span->base + span->user_offset;
  return live ? span : nullptr;
}

Result<size_t> Pool::usable_size(const void* block) const noexcept {
  const Span* const span = span_of(block);
  return span == nullptr ? Result<size_t>(kNotABlock) : Result<size_t>(size_at(*span));
}

bool Pool::owns(const void* block) const noexcept { return span_of(block) != nullptr; }

// Chunks

Result<uint8_t*> PoolSource::allocate_chunk(size_t size, size_t alignment) noexcept {
  const auto block = pool_->allocate_aligned(size, alignment);
  if (!block.ok()) return block.status();
  return static_cast<uint8_t*>(block.value());
}

Status PoolSource::release_chunk(uint8_t* chunk, size_t) noexcept { return pool_->free(chunk); }

Status PoolSource::resize_chunk(uint8_t* chunk, size_t, size_t to) noexcept { return pool_->resize_below(chunk, to); }

}  // namespace freestone::pool
