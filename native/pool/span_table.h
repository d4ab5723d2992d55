#pragma once
// From any address to the span it lies in: two levels over 48 bits of address, one entry a granule, for all pools.
//   threads: any.    memory: half a megabyte of address space for each 4 GiB that ever held a span, touched page by
//   page and never given back; so are the records of spans, which are used again.
#include <atomic>

#include "base/base.h"
#include "pool/span.h"

namespace freestone::pool {

class SpanTable {
 public:
  /// The span that covers the address, or null. Any number may be asked for.
  [[nodiscard]] static Span* find(const void* address) noexcept {
    const auto at = reinterpret_cast<uintptr_t>(address);
    const uint64_t root = uint64_t{at} >> 32;
    if (root >= kRoots) [[unlikely]]
      return nullptr;
    // Acquire, both: with the release in `leaf_for` and `insert`, so that the leaf and the record are there.
    const Leaf* const leaf = roots_[root].load(std::memory_order_acquire);
    if (leaf == nullptr) [[unlikely]]
      return nullptr;
    return leaf->spans[(at >> kGranuleShift) & (kEntries - 1)].load(std::memory_order_acquire);
  }

  /// Makes `span` what covers its memory, and remembers what did so far. `kOutOfMemory` or an address beyond 48 bits.
  [[nodiscard]] static base::Status insert(Span& span) noexcept;
  /// Puts back what `insert` replaced.
  static void remove(Span& span) noexcept;

  /// Makes sure that `extend` to this size needs no memory: `kOutOfMemory`, or an address beyond 48 bits.
  [[nodiscard]] static base::Status make_room(const uint8_t* base, size_t bytes) noexcept;
  /// Covers what the span has beyond its first `old` bytes. What is there is what was below all of it.
  static void extend(Span& span, size_t old) noexcept;
  /// Uncovers what it has beyond the first `keep`.
  static void cut(Span& span, size_t keep) noexcept;

  /// A record with nothing in it; null when there is no memory.
  [[nodiscard]] static Span* make_record() noexcept;
  /// Its memory stays readable.
  static void drop_record(Span* span) noexcept;

 private:
  static constexpr uint64_t kRoots = 1 << 16;
  static constexpr uint64_t kEntries = 1 << 16;
  struct Leaf {
    std::atomic<Span*> spans[kEntries];
  };
  [[nodiscard]] static Leaf* leaf_for(uint64_t root) noexcept;
  /// For the granules that begin within these bytes of the span.
  static void set(const Span& span, size_t from, size_t to, Span* value) noexcept;

  static std::atomic<Leaf*> roots_[kRoots];
};

}  // namespace freestone::pool
