#include "filespace/thread_slot.h"

#include <atomic>
#include <bit>

namespace freestone::filespace {

namespace {

std::atomic<uint32_t> taken{0};

}  // namespace

/// Gives the slot back when its thread ends.
struct ThreadSlot::Holder {
  uint32_t slot = kSlots;

  Holder() noexcept {
    uint32_t known = taken.load(std::memory_order_relaxed);
    for (;;) {
      const auto free = static_cast<uint32_t>(std::countr_one(known));
      if (free >= kSlots) return;
      // Acquire: pairs with the release below; what the slot's last thread wrote is seen.
      if (!taken.compare_exchange_weak(known, known | 1U << free, std::memory_order_acquire)) continue;
      slot = free;
      return;
    }
  }
  ~Holder() {
    // What this thread still does while it ends shares the last slot.
    slot_ = kSlots;
    if (slot < kSlots) taken.fetch_and(~(1U << slot), std::memory_order_release);
  }
};

uint32_t ThreadSlot::claim() noexcept {
  thread_local const Holder holder;
  return slot_ = holder.slot;
}

}  // namespace freestone::filespace
