// Blocks of a hardened pool: each in pages of its own, with known bytes around it and a page behind it that faults.
//
//   | known bytes | block, its end as near to the last page's as alignment allows | known bytes | page that faults |
// Without guard pages the last page holds known bytes as well.
#include <algorithm>
#include <cstring>

#include "pool/pool.h"

namespace freestone::pool {

using base::Code;
using base::Result;
using base::Status;

namespace {

constexpr uint8_t kCanary = 0xCA;
constexpr uint8_t kFreed = 0xDD;

/// The first byte from `from` on that is not `value`; `to` when there is none.
const uint8_t* first_other(const uint8_t* from, const uint8_t* to, uint8_t value) noexcept {
  return std::find_if(from, to, [value](uint8_t byte) { return byte != value; });
}

}  // namespace

Result<void*> Pool::allocate_hardened(size_t size, size_t alignment) noexcept {
  const size_t page = os::page_size();
  alignment = std::max<size_t>(alignment, 16);
  const size_t pages = (size + page - 1) / page * page + page;
  const auto made = span_from_source(pages, std::max<size_t>(alignment, kGranule));
  if (!made.ok()) return made.status();
  Span& span = *made.value();
  uint8_t* const guard = span.base + span.bytes - page;
  span.user_size = size;
  span.user_offset = static_cast<size_t>(guard - span.base - static_cast<ptrdiff_t>(size)) & ~(alignment - 1);
  std::memset(span.base, kCanary, guard_pages_ ? pages - page : pages);
  if (guard_pages_) {
    if (const Status status = os::protect(guard, page, os::Access::kNone); !status.ok()) {
      const std::lock_guard lock(mutex_);
      return_to_source(span);
      return status;
    }
  }
  span.make_one_block();
  uint8_t* const block = span.base + span.user_offset;
  const std::lock_guard lock(mutex_);
  span.key.store(key_.load(std::memory_order_relaxed), std::memory_order_release);
  return static_cast<void*>(block);
}

Status Pool::free_hardened(void* block) noexcept {
  Span* const span = SpanTable::find(block);
  const std::lock_guard guard(mutex_);
  uint64_t expected = key_.load(std::memory_order_relaxed);
  if (span == nullptr || block != span->base + span->user_offset ||
      !span->key.compare_exchange_strong(expected, 0, std::memory_order_acq_rel)) {
    for (const Span* freed = quarantine_; freed != nullptr; freed = freed->next) {
      if (freed->base + freed->user_offset == block) record(Fault::kDoubleFree, block, 0);
    }
    return Status(Code::kInvalidAddress, "not the start of a live block of this pool");
  }
  auto* const start = static_cast<uint8_t*>(block);
  uint8_t* const end = start + span->user_size;
  const uint8_t* const limit = span->base + span->bytes - (guard_pages_ ? os::page_size() : 0);
  Status status;
  if (const uint8_t* const bad = first_other(span->base, start, kCanary); bad != start) {
    record(Fault::kUnderrun, block, bad - start);
    status = Status(Code::kOverlap, "bytes before a block were written");
  }
  if (const uint8_t* const bad = first_other(end, limit, kCanary); bad != limit) {
    record(Fault::kOverrun, block, bad - start);
    status = Status(Code::kOverlap, "bytes behind a block were written");
  }
  std::memset(start, kFreed, span->user_size);
  span->next = nullptr;
  (last_quarantined_ == nullptr ? quarantine_ : last_quarantined_->next) = span;
  last_quarantined_ = span;
  quarantined_bytes_ += span->bytes;
  while (quarantined_bytes_ > quarantine_limit_) {
    Span* const oldest = quarantine_;
    quarantine_ = oldest->next;
    if (quarantine_ == nullptr) last_quarantined_ = nullptr;
    quarantined_bytes_ -= oldest->bytes;
    leave_quarantine(*oldest);
  }
  return status;
}

void Pool::leave_quarantine(Span& span) noexcept {
  const uint8_t* const start = span.base + span.user_offset;
  const uint8_t* const end = start + span.user_size;
  if (const uint8_t* const bad = first_other(start, end, kFreed); bad != end) {
    record(Fault::kUseAfterFree, start, bad - start);
  }
  return_to_source(span);
}

void Pool::record(Fault fault, const void* block, int64_t offset) noexcept {
  // Without memory for it the finding is lost; the status has said that there was one.
  if (findings_.size() < 1024) (void)findings_.push({.fault = fault, .block = block, .offset = offset});
}

size_t Pool::findings(std::span<Finding> into) noexcept {
  const std::lock_guard guard(mutex_);
  const size_t count = std::min(into.size(), findings_.size());
  std::copy_n(findings_.begin(), count, into.begin());
  std::copy(findings_.begin() + count, findings_.end(), findings_.begin());
  for (size_t i = 0; i < count; ++i) findings_.pop();
  return count;
}

}  // namespace freestone::pool
