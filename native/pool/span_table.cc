#include "pool/span_table.h"

#include <mutex>
#include <new>

#include "os/os.h"

namespace freestone::pool {

using base::Code;
using base::Status;

constinit std::atomic<SpanTable::Leaf*> SpanTable::roots_[SpanTable::kRoots]{};

namespace {

/// Records that wait to be used again, and the rest of the piece that new ones are cut from.
struct Records {
  base::SpinLock lock;
  Span* idle = nullptr;
  uint8_t* fresh = nullptr;
  size_t left = 0;
};
constinit Records records;

constexpr size_t kPiece = 1 << 20;

/// Zeros that are never given back.
uint8_t* map_for_ever(size_t size) noexcept {
  const auto mapped = os::reserve(size, 1);
  if (!mapped.ok()) return nullptr;
  if (os::commit(mapped.value(), size).ok()) return mapped.value();
  (void)os::release(mapped.value(), size);
  return nullptr;
}

}  // namespace

SpanTable::Leaf* SpanTable::leaf_for(uint64_t root) noexcept {
  if (root >= kRoots) return nullptr;
  Leaf* leaf = roots_[root].load(std::memory_order_acquire);
  if (leaf != nullptr) return leaf;
  uint8_t* const memory = map_for_ever(sizeof(Leaf));
  if (memory == nullptr) return nullptr;
  // Zeros are empty entries, so nothing is written and no page is touched.
  auto* const made = reinterpret_cast<Leaf*>(memory);
  // Release: the leaf is there for who finds it. Acquire on failure: so is the other thread's.
  if (roots_[root].compare_exchange_strong(leaf, made, std::memory_order_acq_rel)) return made;
  (void)os::release(memory, sizeof(Leaf));
  return leaf;
}

void SpanTable::set(const Span& span, size_t from, size_t to, Span* value) noexcept {
  const auto base = reinterpret_cast<uintptr_t>(static_cast<uint8_t*>(span.base));
  const uintptr_t first = (base + from + kGranule - 1) / kGranule * kGranule;
  for (uintptr_t at = first; at < base + to; at += kGranule) {
    roots_[uint64_t{at} >> 32]
        .load(std::memory_order_acquire)
        ->spans[(at >> kGranuleShift) & (kEntries - 1)]
        .store(value, std::memory_order_release);
  }
}

Status SpanTable::make_room(const uint8_t* base, size_t bytes) noexcept {
  const auto first = reinterpret_cast<uintptr_t>(base);
  for (uint64_t root = uint64_t{first} >> 32; root <= uint64_t{first + bytes - 1} >> 32; ++root) {
    if (leaf_for(root) == nullptr) return Status(Code::kOutOfMemory, "making room in the span table");
  }
  return {};
}

Status SpanTable::insert(Span& span) noexcept {
  if (const Status status = make_room(span.base, span.bytes); !status.ok()) return status;
  span.under = find(span.base);
  set(span, 0, span.bytes, &span);
  return {};
}

void SpanTable::remove(Span& span) noexcept { set(span, 0, span.bytes, span.under); }
void SpanTable::extend(Span& span, size_t old) noexcept { set(span, old, span.bytes, &span); }
void SpanTable::cut(Span& span, size_t keep) noexcept { set(span, keep, span.bytes, span.under); }

Span* SpanTable::make_record() noexcept {
  const std::lock_guard guard(records.lock);
  if (Span* const span = records.idle; span != nullptr) {
    records.idle = span->next;
    span->next = nullptr;
    return span;
  }
  if (records.left < sizeof(Span)) {
    uint8_t* const piece = map_for_ever(kPiece);
    if (piece == nullptr) return nullptr;
    records.fresh = piece;
    records.left = kPiece;
  }
  // Without the braces the bit maps stay untouched zeros.
  auto* const span = new (records.fresh) Span;
  records.fresh += sizeof(Span);
  records.left -= sizeof(Span);
  return span;
}

void SpanTable::drop_record(Span* span) noexcept {
  span->key.store(0, std::memory_order_release);
  const std::lock_guard guard(records.lock);
  span->next = records.idle;
  records.idle = span;
}

}  // namespace freestone::pool
