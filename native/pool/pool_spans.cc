// Spans on their way between heaps, the pool's cache and the source; and what the pool says about them.
#include <algorithm>
#include <bit>

#include "pool/clock.h"
#include "pool/pool.h"
#include "pool/thread_heaps.h"

namespace freestone::pool {

using base::Code;
using base::Result;
using base::Status;

namespace {

/// Idle spans that a pool keeps beside those of the heaps.
constexpr uint64_t kMaxCached = uint64_t{64} << 20;

}  // namespace

Result<Span*> Pool::take_span(SpanKind kind) noexcept {
  {
    const std::lock_guard guard(mutex_);
    if (Span* const span = cache_[kind]; span != nullptr) {
      cache_[kind] = span->next;
      if (cache_[kind] == nullptr) {
        oldest_[kind] = nullptr;
      } else {
        cache_[kind]->previous = nullptr;
      }
      cached_bytes_ -= span->bytes;
      span->next = nullptr;
      return span;
    }
  }
  auto made = span_after_trim(span_bytes_of(kind), kGranule);
  if (made.ok()) made.value()->kind = kind;
  return made;
}

Result<Span*> Pool::span_after_trim(size_t bytes, size_t alignment) noexcept {
  const auto made = span_from_source(bytes, alignment);
  if (made.ok() || trim() == 0) return made;
  // Empty spans were in the way of the limit, or of the source.
  return span_from_source(bytes, alignment);
}

Result<Span*> Pool::span_from_source(size_t bytes, size_t alignment) noexcept {
  // Relaxed: the counts order nothing; each thread adds what it takes and takes back what it did not get.
  const uint64_t held = committed_.fetch_add(bytes, std::memory_order_relaxed);
  if (held > limit_ || bytes > limit_ - held) {
    committed_.fetch_sub(bytes, std::memory_order_relaxed);
    return Status(Code::kLimitExceeded, "the pool's limit");
  }
  Span* const span = SpanTable::make_record();
  const Result<uint8_t*> chunk = span == nullptr ? Result<uint8_t*>(Status(Code::kOutOfMemory, "describing a span"))
                                                 : source_.allocate_chunk(bytes, alignment);
  Status status = chunk.status();
  if (status.ok()) {
    span->base = chunk.value();
    span->bytes = bytes;
    span->state = SpanState::kIdle;
    const std::lock_guard guard(mutex_);
    status = SpanTable::insert(*span);
    if (status.ok()) {
      span->all_previous = nullptr;
      span->all_next = all_;
      if (all_ != nullptr) all_->all_previous = span;
      all_ = span;
      high_water_.store(std::max(high_water_.load(std::memory_order_relaxed), held + bytes), std::memory_order_relaxed);
      return span;
    }
    (void)source_.release_chunk(chunk.value(), bytes);
  }
  if (span != nullptr) SpanTable::drop_record(span);
  committed_.fetch_sub(bytes, std::memory_order_relaxed);
  return status;
}

void Pool::return_to_source(Span& span) noexcept {
  (span.all_previous == nullptr ? all_ : span.all_previous->all_next) = span.all_next;
  if (span.all_next != nullptr) span.all_next->all_previous = span.all_previous;
  SpanTable::remove(span);
  const size_t bytes = span.bytes;
  if (guard_pages_) (void)os::protect(span.base, bytes, os::Access::kReadWrite);
  (void)source_.release_chunk(span.base, bytes);
  SpanTable::drop_record(&span);
  committed_.fetch_sub(bytes, std::memory_order_relaxed);
}

void Pool::cache_span(Span& span) noexcept {
  span.cached_at = now_ms();
  span.previous = nullptr;
  span.next = cache_[span.kind];
  (span.next == nullptr ? oldest_[span.kind] : span.next->previous) = &span;
  cache_[span.kind] = &span;
  cached_bytes_ += span.bytes;
}

Span* Pool::take_expired(uint64_t before) noexcept {
  for (SpanKind kind = 0; kind < kSpanKinds; ++kind) {
    Span* const span = oldest_[kind];
    if (span == nullptr || span->cached_at > before) continue;
    oldest_[kind] = span->previous;
    (span->previous == nullptr ? cache_[kind] : span->previous->next) = nullptr;
    cached_bytes_ -= span->bytes;
    return span;
  }
  return nullptr;
}

void Pool::give_span(Span& span) noexcept {
  const std::lock_guard guard(mutex_);
  if (cached_bytes_ >= kMaxCached) {
    return_to_source(span);
    return;
  }
  cache_span(span);
  // Two for each that comes in, so that the old ones are gone after a while and no call does it all.
  const uint64_t now = span.cached_at;
  for (int i = 0; i < 2 && now >= purge_delay_ms_; ++i) {
    Span* const expired = take_expired(now - purge_delay_ms_);
    if (expired == nullptr) break;
    return_to_source(*expired);
    if (expired == &span) break;
  }
}

uint64_t Pool::trim(uint64_t age_ms) noexcept {
  if (Heap* const own = find_heap_slowly(false); own != nullptr) {
    own->sweep();
    own->give_up_empty();
  }
  for (;;) {
    // An abandoned heap is this thread's while it is out of the list.
    Heap* heap = nullptr;
    {
      const std::lock_guard guard(mutex_);
      heap = abandoned_;
      while (heap != nullptr && heap->trimmed && heap->queued_.load(std::memory_order_relaxed) == nullptr) {
        heap = heap->next_abandoned;
      }
      if (heap != nullptr) {
        Heap** link = &abandoned_;
        while (*link != heap) link = &(*link)->next_abandoned;
        *link = heap->next_abandoned;
      }
    }
    if (heap == nullptr) break;
    heap->sweep();
    heap->give_up_empty();
    heap->trimmed = true;
    abandon(heap);
  }
  uint64_t given = 0;
  const std::lock_guard guard(mutex_);
  const uint64_t now = now_ms();
  if (now < age_ms) return 0;
  while (Span* const span = take_expired(now - age_ms)) {
    given += span->bytes;
    return_to_source(*span);
  }
  return given;
}

namespace {

/// Live blocks of a span in use, without those that others freed and nobody swept.
uint32_t live_blocks(const Span& span, uint32_t blocks) noexcept {
  uint32_t count = 0;
  for (uint32_t i = 0; i < (blocks + 63) / 64; ++i) {
    count += static_cast<uint32_t>(std::popcount(span.map[i].live.load(std::memory_order_relaxed) &
                                                 ~span.map[i].remote.load(std::memory_order_relaxed)));
  }
  return count;
}

}  // namespace

Stats Pool::stats() const noexcept {
  Stats stats;
  for (SizeClass i = 0; i < kSizeClasses; ++i) stats.classes[i].block_size = block_size_of(i);
  const std::lock_guard guard(mutex_);
  const uint64_t key = key_.load(std::memory_order_relaxed);
  for (const Span* span = all_; span != nullptr; span = span->all_next) {
    if (span->key.load(std::memory_order_acquire) != key) {
      stats.cached += span->bytes;
      continue;
    }
    const SizeClass size_class = span->size_class.load(std::memory_order_relaxed);
    if (size_class >= kLarge) {
      ++stats.large_blocks;
      stats.large_bytes += size_at(*span);
      continue;
    }
    const uint32_t live = live_blocks(*span, blocks_of(size_class));
    ++stats.classes[size_class].spans;
    stats.classes[size_class].live_blocks += live;
    stats.live_blocks += live;
    stats.live_bytes += uint64_t{live} * block_size_of(size_class);
  }
  stats.live_blocks += stats.large_blocks;
  stats.live_bytes += stats.large_bytes;
  stats.committed = committed_.load(std::memory_order_relaxed);
  stats.high_water = high_water_.load(std::memory_order_relaxed);
  for (const Heap* heap = heaps_; heap != nullptr; heap = heap->next_heap) {
    ++stats.heaps;
    stats.abandoned_heaps += heap->abandoned ? 1 : 0;
    stats.cross_thread_frees += heap->swept();
  }
  return stats;
}

void Pool::walk(Visit visit, void* context) const noexcept {
  const std::lock_guard guard(mutex_);
  const uint64_t key = key_.load(std::memory_order_relaxed);
  for (const Span* span = all_; span != nullptr; span = span->all_next) {
    if (span->key.load(std::memory_order_acquire) != key) continue;
    const SizeClass size_class = span->size_class.load(std::memory_order_relaxed);
    if (size_class >= kLarge) {
      if (!visit(context, span->base + span->user_offset, size_at(*span))) return;
      continue;
    }
    const uint32_t size = block_size_of(size_class);
    for (uint32_t block = 0; block < blocks_of(size_class); ++block) {
      if (!is_live({.span = const_cast<Span*>(span), .block = block})) continue;
      if (!visit(context, span->base + size_t{block} * size, size)) return;
    }
  }
}

Status Pool::validate() const noexcept {
  const std::lock_guard guard(mutex_);
  constexpr Status kFault(Code::kOverlap, "spans, bit maps and counts contradict each other");
  uint64_t bytes = 0;
  uint64_t stacked = 0;
  for (Span* span = all_; span != nullptr; span = span->all_next) {
    bytes += span->bytes;
    if (span->all_next != nullptr && span->all_next->all_previous != span) return kFault;
    const Heap* const heap = span->heap.load(std::memory_order_relaxed);
    if (span->key.load(std::memory_order_relaxed) == 0 || heap == nullptr) continue;
    if (span->key.load(std::memory_order_relaxed) != heap->key()) return kFault;
    uint32_t live = 0;
    for (uint32_t i = 0; i < span->words(); ++i) {
      live += static_cast<uint32_t>(std::popcount(span->map[i].live.load(std::memory_order_relaxed)));
    }
    const uint32_t free = span->free_count;
    const bool full = span->state == SpanState::kFull;
    if (live > span->blocks || free > span->blocks - live || (full && free != 0)) return kFault;
    stacked += span->blocks - live - free;
    if (span->state == SpanState::kPartial && (free == 0 || free == span->blocks)) return kFault;
  }
  for (const Heap* heap = heaps_; heap != nullptr; heap = heap->next_heap) stacked -= heap->stacked();
  return stacked == 0 && bytes == committed_.load(std::memory_order_relaxed) ? Status() : kFault;
}

}  // namespace freestone::pool
