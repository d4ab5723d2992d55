#pragma once
// The live blocks that were appended and are not in the index yet. Appending threads write to stripes of their own, so
// that they meet only in the atomic end of the file.
//   threads: any append; draining keeps them all out.    memory: 16 bytes a block, 24 right after growing.
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

#include "base/base.h"
#include "filespace/block.h"

namespace freestone::filespace {

class AppendJournal {
 public:
  static constexpr uint32_t kStripes = 8;

  /// Adds `size` to `end` unless that passes `limit`, and notes the block if `note`. @returns where it begins:
  /// `kLimitExceeded`, or `kOutOfMemory` when there is no room to note it; nothing has changed then.
  [[nodiscard]] base::Result<uint64_t> append(std::atomic<uint64_t>& end, uint64_t limit, uint64_t size,
                                              bool note) noexcept {
    if (!note) return advance(end, limit, size);
    Stripe& stripe = stripes_[stripe_of_thread()];
    const std::lock_guard guard(stripe.lock);
    // Room first: an address that was handed out cannot be taken back.
    if (stripe.blocks.size() == stripe.blocks.capacity() &&
        !stripe.blocks.reserve(stripe.blocks.size() + stripe.blocks.size() / 2 + 16)) {
      return base::Status(base::Code::kOutOfMemory, "allocating file space");
    }
    auto start = advance(end, limit, size);
    if (!start.ok()) return start;
    (void)stripe.blocks.push({.offset = start.value(), .size = size});
    // Release, and set inside the lock: pairs with the acquire in `empty`. Whoever learns of the block finds it noted.
    if (!noted_.load(std::memory_order_relaxed)) noted_.store(true, std::memory_order_release);
    return start;
  }

  /// The same for blocks one after the other, of `total` bytes together. @returns where the first one begins
  [[nodiscard]] base::Result<uint64_t> append_many(std::atomic<uint64_t>& end, uint64_t limit,
                                                   std::span<const uint64_t> sizes, uint64_t total,
                                                   bool note) noexcept {
    if (!note) return advance(end, limit, total);
    Stripe& stripe = stripes_[stripe_of_thread()];
    const std::lock_guard guard(stripe.lock);
    const size_t wanted = stripe.blocks.size() + sizes.size();
    if (wanted > stripe.blocks.capacity() && !stripe.blocks.reserve(wanted + wanted / 2)) {
      return base::Status(base::Code::kOutOfMemory, "allocating file space");
    }
    auto start = advance(end, limit, total);
    if (!start.ok()) return start;
    uint64_t offset = start.value();
    for (const uint64_t size : sizes) {
      (void)stripe.blocks.push({.offset = offset, .size = size});
      offset += size;
    }
    // As in `append`.
    if (!noted_.load(std::memory_order_relaxed)) noted_.store(true, std::memory_order_release);
    return start;
  }

  [[nodiscard]] bool empty() const noexcept { return !noted_.load(std::memory_order_acquire); }

  /// Holds every append back, for as long as it lives.
  class Hold {
   public:
    explicit Hold(AppendJournal& journal) noexcept : journal_(journal) {
      for (Stripe& stripe : journal.stripes_) stripe.lock.lock();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() {
      for (Stripe& stripe : journal_.stripes_) stripe.lock.unlock();
    }
    [[nodiscard]] base::Array<Block>& stripe(uint32_t index) noexcept { return journal_.stripes_[index].blocks; }
    void emptied() noexcept { journal_.noted_.store(false, std::memory_order_relaxed); }

   private:
    AppendJournal& journal_;
  };

 private:
  struct alignas(64) Stripe {
    base::SpinLock lock;
    base::Array<Block> blocks;
  };

  [[nodiscard]] static base::Result<uint64_t> advance(std::atomic<uint64_t>& end, uint64_t limit,
                                                      uint64_t size) noexcept {
    uint64_t start = end.load(std::memory_order_relaxed);
    do {
      if (start > limit || size > limit - start) {
        return base::Status(base::Code::kLimitExceeded, "the block would end beyond the file's limit");
      }
      // Relaxed: the addresses alone are divided here; what is known of them is passed on under locks.
    } while (!end.compare_exchange_weak(start, start + size, std::memory_order_relaxed));
    return start;
  }

  [[nodiscard]] static uint32_t stripe_of_thread() noexcept {
    static std::atomic<uint32_t> threads{0};
    // Relaxed: only that threads differ matters.
    thread_local const uint32_t mine = threads.fetch_add(1, std::memory_order_relaxed) % kStripes;
    return mine;
  }

  Stripe stripes_[kStripes];
  std::atomic<bool> noted_{false};
};

}  // namespace freestone::filespace
