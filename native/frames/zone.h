#pragma once
// Counting frames so that the count is exact, watermarks hold, and CPUs share no line while memory is plenty.
//   threads: any.    memory: the slots' words; zones and accounts live in the allocator's metadata.
//
// An area's frames are dealt out as credit. A slot has two words of it: allocating takes from `taken`, freeing adds to
// `returned`, each by one atomic addition that also counts the run. What an area uses is what its slots have drawn less
// what they have left:
//
//     used = drawn - sum over slots of (credit of taken + credit of returned)
//
// which is exact at any time without a line that all CPUs write. Only a slot that has run out draws more, and one that
// has too much gives back.
//   A zone without watermarks lets every slot draw without asking: the bitmap and the lists say whether there is room.
// A zone with watermarks gives credit only down to its `min`, under its lock. Far above `high` it gives a batch at a
// time. Near it, when the credit that slots could hold may matter, it takes all credit back and gives exactly what is
// asked for, and frees return theirs at once: then each allocation and free takes the lock, and crossings are exact.
#include <atomic>
#include <cstdint>
#include <span>

#include "base/base.h"
#include "frames/config.h"
#include "frames/cpu_slot.h"
#include "frames/stats.h"

namespace freestone::frames {

class Account;

/// Where changes of pressure are told.
class PressureSink {
 public:
  virtual void changed(const PressureEvent& event) noexcept = 0;

 protected:
  ~PressureSink() = default;
};

class Zone {
 public:
  void init(uint32_t position, ZoneKind kind, uint64_t frames, const Watermarks& marks, PressureSink* sink) noexcept;
  /// Before first use: an area of this zone.
  void add(Account* account) noexcept;

  [[nodiscard]] ZoneKind kind() const noexcept { return kind_; }
  [[nodiscard]] uint64_t total() const noexcept { return total_; }
  [[nodiscard]] uint64_t free_frames() const noexcept;
  [[nodiscard]] Pressure pressure() const noexcept { return pressure_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t events() const noexcept { return events_.load(std::memory_order_relaxed); }
  [[nodiscard]] const Account* accounts() const noexcept { return accounts_; }

 private:
  friend class Account;

  /// A slot gives credit back when `returned` reaches this. Read by every free; written when the zone comes near its
  /// marks or gets away from them.
  [[nodiscard]] int32_t flush_limit() const noexcept { return flush_limit_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool draw_marked(Account& account, CpuSlot& slot, uint64_t frames, uint32_t runs,
                                 bool emergency) noexcept;
  void flush_marked(Account& account, CpuSlot& slot) noexcept;
  void harvest() noexcept;
  [[nodiscard]] int64_t pool() const noexcept;
  [[nodiscard]] bool near(int64_t pool) const noexcept;
  /// Under the lock; true when `event` is to be told once it is released.
  [[nodiscard]] bool update(PressureEvent& event) noexcept;

  ZoneKind kind_ = ZoneKind::kNormal;
  uint32_t position_ = 0;
  uint64_t total_ = 0;
  Watermarks marks_;
  bool marked_ = false;
  /// The most credit that slots can hold at once.
  uint64_t slack_ = 0;
  PressureSink* sink_ = nullptr;
  Account* accounts_ = nullptr;
  alignas(64) std::atomic<int32_t> flush_limit_{0};
  std::atomic<Pressure> pressure_{Pressure::kNone};
  alignas(64) base::SpinLock lock_;
  std::atomic<uint64_t> events_{0};
};

/// The count of one area.
class Account {
 public:
  void init(Zone* zone, std::span<CpuSlot> slots, uint64_t frames) noexcept;

  /// Counts `runs` runs of together `frames` frames as allocated. False, with nothing changed, when watermarks forbid.
  [[nodiscard]] bool charge(CpuSlot& slot, uint64_t frames, uint32_t runs, bool emergency) noexcept {
    const uint64_t change = uint64_t{runs} - (frames << 32);
    // Relaxed, here and below: the words count and order nothing.
    const uint64_t now = slot.taken.fetch_add(change, std::memory_order_relaxed) + change;
    if ((now & kAttention) == 0) [[likely]]
      return true;
    return charge_slowly(slot, frames, runs, emergency, now);
  }
  /// Takes a charge back.
  void refund(CpuSlot& slot, uint64_t frames, uint32_t runs) noexcept;
  /// Counts runs as freed.
  void credit(CpuSlot& slot, uint64_t frames, uint32_t runs) noexcept {
    const uint64_t change = uint64_t{runs} + (frames << 32);
    const uint64_t now = slot.returned.fetch_add(change, std::memory_order_relaxed) + change;
    if (credit_of(now) >= zone_->flush_limit() || (now & kCountFull) != 0) [[unlikely]]
      flush(slot);
  }

  /// Takes runs out of the counts of both allocations and frees.
  void forget(uint64_t runs) noexcept {
    folded_allocations_.fetch_sub(runs, std::memory_order_relaxed);
    folded_frees_.fetch_sub(runs, std::memory_order_relaxed);
  }

  [[nodiscard]] uint64_t total() const noexcept { return total_; }
  [[nodiscard]] uint64_t used() const noexcept;
  [[nodiscard]] uint64_t allocations() const noexcept;
  [[nodiscard]] uint64_t frees() const noexcept;
  [[nodiscard]] const Account* next() const noexcept { return next_; }

 private:
  friend class Zone;
  static constexpr uint64_t kCountFull = uint64_t{1} << 31;
  /// A negative credit, or a count about to run into it.
  static constexpr uint64_t kAttention = uint64_t{1} << 63 | kCountFull;
  [[nodiscard]] static constexpr int32_t credit_of(uint64_t word) noexcept { return static_cast<int32_t>(word >> 32); }

  [[nodiscard]] bool charge_slowly(CpuSlot& slot, uint64_t frames, uint32_t runs, bool emergency,
                                   uint64_t now) noexcept;
  void flush(CpuSlot& slot) noexcept;
  /// Takes what credit a word has, if any.
  [[nodiscard]] static int64_t take_credit(std::atomic<uint64_t>& word) noexcept;
  /// Moves 2^30 from a word's count to `total`.
  static void fold(std::atomic<uint64_t>& word, std::atomic<uint64_t>& total) noexcept;

  Zone* zone_ = nullptr;
  Account* next_ = nullptr;
  std::span<CpuSlot> slots_;
  uint64_t total_ = 0;
  /// Credit given to slots; negative when what one drew another returned. With watermarks under the zone's lock.
  alignas(64) std::atomic<int64_t> drawn_{0};
  std::atomic<uint64_t> folded_allocations_{0};
  std::atomic<uint64_t> folded_frees_{0};
};

}  // namespace freestone::frames
