// Blocks that are a span each, and blocks that change their size.
#include <algorithm>
#include <cstring>

#include "pool/pool.h"

namespace freestone::pool {

using base::Code;
using base::Result;
using base::Status;

namespace {

constexpr Status kNotABlock(Code::kInvalidAddress, "not the start of a live block of this pool");

/// A large block has whole pages: what rounding adds is there to grow into.
size_t whole_pages(size_t size) noexcept {
  const size_t mask = os::page_size() - 1;
  return (size + mask) & ~mask;
}

}  // namespace

Result<void*> Pool::allocate_large(size_t size, size_t alignment) noexcept {
  const auto made = span_after_trim(whole_pages(size), std::max<size_t>(alignment, kGranule));
  if (!made.ok()) return made.status();
  Span& span = *made.value();
  span.user_offset = 0;
  span.user_size = 0;
  span.make_one_block();
  // Once it has a key, `free_all` may take it.
  uint8_t* const block = span.base;
  const std::lock_guard guard(mutex_);
  span.key.store(key_.load(std::memory_order_relaxed), std::memory_order_release);
  return static_cast<void*>(block);
}

bool Pool::claim_large(Span& span, const void* block) noexcept {
  const uint64_t key = key_.load(std::memory_order_relaxed);
  uint64_t expected = key;
  // The record may be another block's by now. With this pool's key it stays what it is until the lock is given back, as
  // records go back to be used again under the lock only.
  return span.key.load(std::memory_order_acquire) == key && span.base == block &&
         span.size_class.load(std::memory_order_relaxed) == kLarge &&
         span.key.compare_exchange_strong(expected, 0, std::memory_order_acq_rel);
}

Status Pool::free_large(Span& span, const void* block) noexcept {
  const std::lock_guard guard(mutex_);
  // Of several frees, one succeeds.
  if (!claim_large(span, block)) return kNotABlock;
  return_to_source(span);
  return {};
}

Status Pool::resize_large(Span& span, const void* block, size_t bytes) noexcept {
  const std::lock_guard guard(mutex_);
  if (!claim_large(span, block)) return kNotABlock;
  const Status status = bytes > span.bytes ? extend_span(span, bytes) : cut_span(span, bytes);
  // Under the lock no `free_all` has changed it.
  span.key.store(key_.load(std::memory_order_relaxed), std::memory_order_release);
  return status;
}

Status Pool::extend_span(Span& span, size_t bytes) noexcept {
  const size_t old = span.bytes;
  const size_t more = bytes - old;
  // As in `span_from_source`.
  const uint64_t held = committed_.fetch_add(more, std::memory_order_relaxed);
  Status status;
  if (held > limit_ || more > limit_ - held) status = Status(Code::kLimitExceeded, "the pool's limit");
  if (status.ok()) status = SpanTable::make_room(span.base, bytes);
  if (status.ok()) status = source_.resize_chunk(span.base, old, bytes);
  if (!status.ok()) {
    committed_.fetch_sub(more, std::memory_order_relaxed);
    return status;
  }
  span.bytes = bytes;
  SpanTable::extend(span, old);
  high_water_.store(std::max(high_water_.load(std::memory_order_relaxed), held + more), std::memory_order_relaxed);
  return {};
}

Status Pool::cut_span(Span& span, size_t bytes) noexcept {
  const size_t old = span.bytes;
  // Out of the table before the source may give the memory to another pool.
  SpanTable::cut(span, bytes);
  const Status status = source_.resize_chunk(span.base, old, bytes);
  if (!status.ok()) {
    SpanTable::extend(span, bytes);
    return status;
  }
  span.bytes = bytes;
  committed_.fetch_sub(old - bytes, std::memory_order_relaxed);
  return {};
}

Status Pool::resize(void* block, size_t size) noexcept {
  if (size == 0 || size > kMaxSize) return Status(Code::kInvalidSize, "resizing a block");
  // Looked for once: another thread that frees the block takes it out of the table.
  Span* const found = span_of(block);
  if (found == nullptr) return kNotABlock;
  if (hardened_) return Status(Code::kUnsupported, "resizing a block of a hardened pool in place");
  Span& span = *found;
  const size_t old = size_at(span);
  if (span.size_class.load(std::memory_order_relaxed) != kLarge) {
    return size <= old ? Status() : Status(Code::kUnsupported, "growing a block of a size class");
  }
  // An eighth may stay unused, as in a class: a size that goes up and down a little need not ask the source each time.
  if (size <= old && size > old - old / 8) return {};
  const Status status = resize_large(span, block, whole_pages(size));
  // Half of it may stay unused where the source does not take it back.
  const bool stays = status.code() != Code::kInvalidAddress && size <= old && size > old / 2;
  return stays ? Status() : status;
}

Status Pool::resize_below(const uint8_t* block, size_t size) noexcept {
  const uint64_t key = key_.load(std::memory_order_relaxed);
  // The table has the other pool's span, which knows what it lies on.
  Span* span = SpanTable::find(block);
  while (span != nullptr && span->key.load(std::memory_order_acquire) != key) span = span->under;
  if (span == nullptr || span->base != block || span->size_class.load(std::memory_order_relaxed) != kLarge ||
      hardened_) {
    return Status(Code::kUnsupported, "resizing a chunk in a pool");
  }
  return size > kMaxSize ? Status(Code::kInvalidSize, "resizing a block")
                         : resize_large(*span, block, whole_pages(size));
}

Result<void*> Pool::reallocate(void* block, size_t size) noexcept {
  if (size == 0 || size > kMaxSize) return Status(Code::kInvalidSize, "resizing a block");
  const auto usable = usable_size(block);
  if (!usable.ok()) return usable.status();
  const size_t old = usable.value();
  // What fits a class far smaller than the block moves there. Half may stay unused, so that a size that goes up and
  // down does not move each time.
  const bool tight = size <= old && size > old / 2;
  if (!hardened_ && (tight || size > kMaxClassSize)) {
    const Status status = resize(block, size);
    if (status.ok()) return block;
    if (status.code() == Code::kInvalidAddress) return status;
  }
  const auto moved = allocate(size);
  if (!moved.ok()) {
    // A block that need not grow can stay. Otherwise what was trimmed for the other one may have been in the way.
    const bool stays = !hardened_ && (size <= old || (size > kMaxClassSize && resize(block, size).ok()));
    return stays ? Result<void*>(block) : Result<void*>(moved.status());
  }
  std::memcpy(moved.value(), block, std::min(old, size));
  if (const Status status = free(block); status.code() == Code::kInvalidAddress) {
    // Another thread freed it meanwhile.
    (void)free(moved.value());
    return status;
  }
  return moved;
}

}  // namespace freestone::pool
