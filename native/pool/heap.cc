#include "pool/heap.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "pool/pool.h"

namespace freestone::pool {

using base::Result;

namespace {

/// Idle spans that a heap keeps from the others: 4 MiB of each kind.
constexpr uint32_t cache_limit(SpanKind kind) noexcept {
  return static_cast<uint32_t>((size_t{4} << 20) / span_bytes_of(kind));
}

}  // namespace

Heap::Heap(Pool& pool, uint64_t key) noexcept : pool_(pool), key_(key) {
  Entry* entry = entries_;
  for (SizeClass i = 0; i < kSizeClasses; ++i) {
    bins_[i].bottom = bins_[i].top = entry;
    bins_[i].full = entry += stack_depth_of(i);
  }
}

bool Heap::refill(Bin& bin, uint32_t most) noexcept {
  Span* const span = bin.active;
  if (span == nullptr || span->free_count == 0) return false;
  const uint32_t count = std::min(most, span->free_count);
  const uint32_t size = span->block_size;
  uint8_t* const base = span->base;
  span->free_count -= count;
  // The lowest on top: blocks are handed out in the order of their addresses.
  bin.top = bin.bottom + count;
  Entry* entry = bin.top;
  // The stack is empty, so what is not live is free.
  for (uint32_t at = 0; entry != bin.bottom; ++at) {
    Span::Word& word = span->map[at];
    const uint32_t left = span->blocks - at * 64;
    const uint64_t all = left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
    uint64_t free = ~word.live.load(std::memory_order_relaxed) & all;
    for (; free != 0 && entry != bin.bottom; free &= free - 1) {
      const uint64_t number = uint64_t{at} * 64 + static_cast<uint32_t>(std::countr_zero(free));
      *--entry = {.block = base + number * size, .word = &word, .number = number};
    }
  }
  return true;
}

void Heap::flush(Bin& bin, size_t count) noexcept {
  for (const Entry* entry = bin.bottom; entry != bin.bottom + count; ++entry) {
    // A stack holds blocks of this heap's spans alone, and a span with one in a stack is not given away.
    Span& span = *SpanTable::find(entry->block);
    if (++span.free_count == span.notice_at) settle(span);
  }
  bin.top = std::move(bin.bottom + count, bin.top, bin.bottom);
}

void Heap::push_to_full(Bin& bin, void* block, Span::Word& word, uint64_t number) noexcept {
  flush(bin, static_cast<size_t>(bin.full - bin.bottom) / 2);
  *bin.top++ = {.block = block, .word = &word, .number = number};
}

void Heap::flush_all() noexcept {
  for (Bin& bin : bins_) flush(bin, static_cast<size_t>(bin.top - bin.bottom));
}

Result<void*> Heap::allocate_slowly(SizeClass size_class) noexcept {
  Bin& bin = bins_[size_class];
  const uint32_t most = stack_depth_of(size_class) / 2;
  if (!refill(bin, most)) {
    sweep();
    if (!refill(bin, most)) {
      if (bin.active != nullptr) {
        bin.active->state = SpanState::kFull;
        bin.active->notice_at = 1;
        bin.active = nullptr;
      }
      Span* span = partial_[size_class];
      if (span != nullptr) {
        unlink(*span);
      } else {
        const auto fresh = empty_span(size_class);
        if (!fresh.ok()) return fresh.status();
        span = fresh.value();
        prepare(*span, size_class);
      }
      span->state = SpanState::kActive;
      span->notice_at = UINT32_MAX;
      bin.active = span;
      (void)refill(bin, most);
    }
  }
  return take(size_class);
}

Result<Span*> Heap::empty_span(SizeClass size_class) noexcept {
  const SpanKind kind = kind_of(size_class);
  if (Span* const span = cache_[kind]; span != nullptr) {
    cache_[kind] = span->next;
    --cached_[kind];
    return span;
  }
  return pool_.take_span(kind);
}

void Heap::prepare(Span& span, SizeClass size_class) noexcept {
  span.next = nullptr;
  span.previous = nullptr;
  span.block_size = block_size_of(size_class);
  const Divisor divisor = divisor_of(block_size_of(size_class));
  span.inverse = divisor.inverse;
  span.shift = divisor.shift;
  span.blocks = blocks_of(size_class);
  span.size_class.store(size_class, std::memory_order_relaxed);
  span.heap.store(this, std::memory_order_relaxed);
  span.free_count = span.blocks;
  for (uint32_t i = 0; i < span.words(); ++i) {
    span.map[i].live.store(0, std::memory_order_relaxed);
    span.map[i].remote.store(0, std::memory_order_relaxed);
  }
  // Release: with the acquire of whoever frees.
  span.key.store(key_, std::memory_order_release);
}

void Heap::unlink(Span& span) noexcept {
  (span.previous == nullptr ? partial_[span.size_class.load(std::memory_order_relaxed)] : span.previous->next) =
      span.next;
  if (span.next != nullptr) span.next->previous = span.previous;
  span.next = nullptr;
  span.previous = nullptr;
}

void Heap::settle(Span& span) noexcept {
  if (span.state == SpanState::kActive) return;
  const uint32_t count = span.free_count;
  if (count == span.blocks) {
    if (span.state == SpanState::kPartial) unlink(span);
    keep(span);
  } else if (span.state == SpanState::kFull && count > 0) {
    span.state = SpanState::kPartial;
    span.notice_at = span.blocks;
    Span*& first = partial_[span.size_class.load(std::memory_order_relaxed)];
    span.next = first;
    if (first != nullptr) first->previous = &span;
    first = &span;
  }
}

void Heap::keep(Span& span) noexcept {
  span.state = SpanState::kIdle;
  span.key.store(0, std::memory_order_release);
  if (cached_[span.kind] >= cache_limit(span.kind)) {
    pool_.give_span(span);
    return;
  }
  span.next = cache_[span.kind];
  cache_[span.kind] = &span;
  ++cached_[span.kind];
}

void Heap::give_up_empty() noexcept {
  flush_all();
  for (Bin& bin : bins_) {
    Span* const span = bin.active;
    if (span == nullptr || span->free_count != span->blocks) continue;
    bin.active = nullptr;
    keep(*span);
  }
  for (SpanKind kind = 0; kind < kSpanKinds; ++kind) {
    while (Span* const span = cache_[kind]) {
      cache_[kind] = span->next;
      --cached_[kind];
      pool_.give_span(*span);
    }
  }
}

bool Heap::release_remotely(Span& span, uint32_t number) noexcept {
  const uint32_t at = number / 64;
  const uint64_t bit = uint64_t{1} << (number % 64);
  if ((span.map[at].live.load(std::memory_order_relaxed) & bit) == 0) return false;
  // The argument for these three is in span.h.
  if ((span.map[at].remote.fetch_or(bit, std::memory_order_seq_cst) & bit) != 0) return false;
  if (span.queued.load(std::memory_order_seq_cst) || span.queued.exchange(true, std::memory_order_seq_cst)) return true;
  Span* head = queued_.load(std::memory_order_relaxed);
  do {
    span.next_queued = head;
  } while (!queued_.compare_exchange_weak(head, &span, std::memory_order_release, std::memory_order_relaxed));
  return true;
}

void Heap::sweep() noexcept {
  if (queued_.load(std::memory_order_relaxed) == nullptr) return;
  Span* span = queued_.exchange(nullptr, std::memory_order_acquire);
  while (span != nullptr) {
    Span* const next = span->next_queued;
    span->queued.store(false, std::memory_order_seq_cst);
    // A free that met the end of all blocks may have queued a span that is another heap's by now, or nobody's.
    if (span->heap.load(std::memory_order_relaxed) == this && span->key.load(std::memory_order_relaxed) == key_) {
      sweep(*span);
    }
    span = next;
  }
}

void Heap::sweep(Span& span) noexcept {
  uint32_t taken = 0;
  for (uint32_t i = 0; i < span.words(); ++i) {
    if (span.map[i].remote.load(std::memory_order_seq_cst) == 0) continue;
    // First out of `live`: between the two a second free must find the bit somewhere. What is set from here on queues
    // the span again.
    const uint64_t bits = span.map[i].remote.load(std::memory_order_seq_cst);
    const uint64_t live = span.map[i].live.load(std::memory_order_relaxed);
    span.map[i].live.store(live & ~bits, std::memory_order_seq_cst);
    span.map[i].remote.fetch_and(~bits, std::memory_order_seq_cst);
    taken += static_cast<uint32_t>(std::popcount(bits & live));
  }
  if (taken == 0) return;
  swept_.store(swept_.load(std::memory_order_relaxed) + taken, std::memory_order_relaxed);
  span.free_count += taken;
  settle(span);
}

void Heap::reset(uint64_t key) noexcept {
  key_ = key;
  for (Bin& bin : bins_) {
    bin.top = bin.bottom;
    bin.active = nullptr;
  }
  std::fill(std::begin(partial_), std::end(partial_), nullptr);
  sweep();  // with the new key: it only empties the list
}

}  // namespace freestone::pool
