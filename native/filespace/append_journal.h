#pragma once
// The live blocks that were appended and are not in the index yet. Appending threads write to pages of their own, so
// that they meet only in the atomic end of the file.
//   threads: any append; one at a time drains. Up to `kSlots` threads of the process have a slot each, which only they
//   write to; those beyond share one that has a lock.    memory: 16 bytes a block, in pages of 8 KiB at most.
//
// Why a drain misses nothing that it must know: a slot's page is filled first and its count stored with release; the
// drain loads the count with acquire, so what it counts it sees. Whoever frees a block has it from the thread that
// appended it, by something that orders the two; the count that was stored before the append returned is then what the
// drain reads, or a later one. A block whose append has not returned yet may be missed: nobody can speak of it.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <span>
#include <utility>

#include "base/base.h"
#include "filespace/block.h"
#include "filespace/thread_slot.h"

namespace freestone::filespace {

class AppendJournal {
 public:
  AppendJournal() noexcept = default;
  AppendJournal(const AppendJournal&) = delete;
  AppendJournal& operator=(const AppendJournal&) = delete;
  ~AppendJournal() {
    for (Slot& slot : slots_) {
      Page* page = slot.first != nullptr ? slot.first : slot.start.load(std::memory_order_relaxed);
      while (page != nullptr) std::free(std::exchange(page, page->next.load(std::memory_order_relaxed)));
    }
  }

  /// Adds `size` to `end` unless that passes `limit`, and notes the block if `note`. @returns where it begins:
  /// `kLimitExceeded`, or `kOutOfMemory` when there is no room to note it; nothing has changed then.
  [[nodiscard]] base::Result<uint64_t> append(std::atomic<uint64_t>& end, uint64_t limit, uint64_t size,
                                              bool note) noexcept {
    if (!note) return advance(end, limit, size);
    const uint32_t mine = ThreadSlot::mine();
    if (mine < kSlots) return append_to(slots_[mine], end, limit, size);
    const std::lock_guard guard(shared_);
    return append_to(slots_[kSlots], end, limit, size);
  }

  /// The same for blocks one after the other, of `total` bytes together. @returns where the first one begins
  [[nodiscard]] base::Result<uint64_t> append_many(std::atomic<uint64_t>& end, uint64_t limit,
                                                   std::span<const uint64_t> sizes, uint64_t total,
                                                   bool note) noexcept {
    if (!note || sizes.empty()) return advance(end, limit, total);
    const uint32_t mine = ThreadSlot::mine();
    if (mine < kSlots) return append_many_to(slots_[mine], end, limit, sizes, total);
    const std::lock_guard guard(shared_);
    return append_many_to(slots_[kSlots], end, limit, sizes, total);
  }

  /// Whether a drain would find nothing.
  [[nodiscard]] bool empty() const noexcept {
    // Relaxed: a slot that a thread began to use is known with its first block, as above.
    const uint32_t used = used_.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < used; ++i) {
      const Slot& slot = slots_[i];
      // Acquire: as in `drain`.
      if (slot.noted.load(std::memory_order_acquire) != slot.drained) return false;
    }
    return true;
  }

  /// Gives `visit` each block that was noted, slot by slot, until it returns false; that block is met again next time.
  /// One thread at a time.
  template <typename Visit>
  [[nodiscard]] bool drain(const Visit& visit) noexcept {
    // Relaxed: as in `empty`.
    const uint32_t used = used_.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < used; ++i) {
      Slot& slot = slots_[i];
      // Acquire: pairs with the release in `note`; the blocks and the pages that are counted are there.
      const uint64_t noted = slot.noted.load(std::memory_order_acquire);
      while (slot.drained != noted) {
        if (slot.first == nullptr) slot.first = slot.start.load(std::memory_order_relaxed);
        if (slot.position == slot.first->capacity) {
          // The writer left this page for the next one, and never looks back.
          std::free(std::exchange(slot.first, slot.first->next.load(std::memory_order_relaxed)));
          slot.position = 0;
        }
        if (!visit(slot.first->blocks()[slot.position])) return false;
        ++slot.position;
        ++slot.drained;
      }
    }
    return true;
  }

 private:
  static constexpr uint32_t kSlots = ThreadSlot::kSlots;
  static constexpr uint64_t kLongest = 512;

  /// Blocks behind it, in the same memory.
  struct Page {
    uint64_t capacity;
    std::atomic<Page*> next;
    [[nodiscard]] Block* blocks() noexcept { return reinterpret_cast<Block*>(this + 1); }
  };
  struct Slot {
    // Of the appending thread.
    alignas(64) Page* last = nullptr;
    uint64_t filled = 0;
    // Of both.
    std::atomic<uint64_t> noted{0};
    std::atomic<Page*> start{nullptr};
    // Of the draining thread.
    alignas(64) Page* first = nullptr;
    uint64_t position = 0;
    uint64_t drained = 0;
  };

  [[nodiscard]] base::Result<uint64_t> append_to(Slot& slot, std::atomic<uint64_t>& end, uint64_t limit,
                                                 uint64_t size) noexcept {
    // Room first: an address that was handed out cannot be taken back.
    if ((slot.last == nullptr || slot.filled == slot.last->capacity) && !make_room(slot, 1)) {
      return base::Status(base::Code::kOutOfMemory, "allocating file space");
    }
    auto start = advance(end, limit, size);
    if (!start.ok()) return start;
    put(slot, {.offset = start.value(), .size = size});
    // Release: pairs with the acquire in `drain`.
    slot.noted.store(slot.noted.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return start;
  }

  [[nodiscard]] base::Result<uint64_t> append_many_to(Slot& slot, std::atomic<uint64_t>& end, uint64_t limit,
                                                      std::span<const uint64_t> sizes, uint64_t total) noexcept {
    if (!make_room(slot, sizes.size())) return base::Status(base::Code::kOutOfMemory, "allocating file space");
    auto start = advance(end, limit, total);
    if (!start.ok()) return start;
    uint64_t offset = start.value();
    for (const uint64_t size : sizes) {
      put(slot, {.offset = offset, .size = size});
      offset += size;
    }
    // Release: as in `append_to`.
    slot.noted.store(slot.noted.load(std::memory_order_relaxed) + sizes.size(), std::memory_order_release);
    return start;
  }

  /// Pages for `count` more blocks, behind those that there are.
  [[nodiscard]] bool make_room(Slot& slot, uint64_t count) noexcept {
    Page* tail = slot.last;
    uint64_t room = tail == nullptr ? 0 : tail->capacity - slot.filled;
    while (tail != nullptr && tail->next.load(std::memory_order_relaxed) != nullptr) {
      tail = tail->next.load(std::memory_order_relaxed);
      room += tail->capacity;
    }
    if (room >= count) return true;
    const uint64_t grown = tail == nullptr ? 16 : std::min(kLongest, tail->capacity * 2);
    const uint64_t capacity = std::max(grown, count - room);
    if (capacity > SIZE_MAX / 2 / sizeof(Block)) return false;
    void* const memory = std::malloc(sizeof(Page) + capacity * sizeof(Block));
    if (memory == nullptr) return false;
    Page* const page = new (memory) Page{capacity, {nullptr}};
    if (tail != nullptr) {
      // Relaxed, as below: the count that the blocks in it are noted with orders it.
      tail->next.store(page, std::memory_order_relaxed);
      return true;
    }
    slot.last = page;
    slot.start.store(page, std::memory_order_relaxed);
    const auto used = static_cast<uint32_t>(&slot - slots_) + 1;
    uint32_t known = used_.load(std::memory_order_relaxed);
    while (known < used && !used_.compare_exchange_weak(known, used, std::memory_order_relaxed)) {
    }
    return true;
  }

  static void put(Slot& slot, const Block& block) noexcept {
    if (slot.filled == slot.last->capacity) {
      slot.last = slot.last->next.load(std::memory_order_relaxed);
      slot.filled = 0;
    }
    slot.last->blocks()[slot.filled++] = block;
  }

  [[nodiscard]] static base::Result<uint64_t> advance(std::atomic<uint64_t>& end, uint64_t limit,
                                                      uint64_t size) noexcept {
    uint64_t start = end.load(std::memory_order_relaxed);
    do {
      if (start > limit || size > limit - start) {
        return base::Status(base::Code::kLimitExceeded, "the block would end beyond the file's limit");
      }
      // Relaxed: the addresses alone are divided here; what is known of them is passed on by the journal.
    } while (!end.compare_exchange_weak(start, start + size, std::memory_order_relaxed));
    return start;
  }

  /// The last is shared.
  Slot slots_[kSlots + 1];
  base::SpinLock shared_;
  /// Slots from here on were never written to.
  std::atomic<uint32_t> used_{0};
};

}  // namespace freestone::filespace
