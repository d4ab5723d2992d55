#pragma once
// Counting frames so that the count is exact, watermarks hold, and CPUs share no line while memory is plenty.
//   threads: any.    memory: the slots' words; zones and accounts live in the allocator's metadata.
//
// Each slot counts what is allocated and freed by it, each number by one addition, and
//
//     used = sum over slots of (frames taken - frames returned)
//
// is exact whenever nobody is in the middle of a call, without a line that all CPUs write. A zone without watermarks
// needs no more: the bitmap and the lists say whether there is room.
//   A zone with watermarks deals its frames out as credit, down to its `min` and under its lock. Allocating takes from
// the slot's `credit`, freeing adds to its `refunds`. Far above `high` a slot that has run out gets a batch, and one
// that has too much gives back. Near it, when the credit that slots could hold may matter, the zone takes all credit
// back and gives exactly what is asked for, and frees return theirs at once: then each allocation and free takes the
// lock, and crossings are exact.
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

  /// A slot gives credit back when `refunds` reaches this. Read by every free; written when the zone comes near its
  /// marks or gets away from them.
  [[nodiscard]] int64_t flush_limit() const noexcept { return flush_limit_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool draw(Account& account, CpuSlot& slot, uint64_t frames, bool emergency) noexcept;
  void flush(Account& account, CpuSlot& slot) noexcept;
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
  alignas(64) std::atomic<int64_t> flush_limit_{0};
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
    if (marked_ && !take_credit(slot, frames, emergency)) [[unlikely]]
      return false;
    if (frames == runs) {
      slot.count(&RunCounts::taken_ones, frames);
    } else {
      slot.count(&RunCounts::taken_runs, runs);
      slot.count(&RunCounts::taken_frames, frames);
    }
    return true;
  }
  /// Takes a charge back.
  void refund(CpuSlot& slot, uint64_t frames, uint32_t runs) noexcept {
    if (frames == runs) {
      slot.count(&RunCounts::taken_ones, 0 - frames);
    } else {
      slot.count(&RunCounts::taken_runs, uint64_t{0} - runs);
      slot.count(&RunCounts::taken_frames, 0 - frames);
    }
    if (marked_) give_credit(slot, frames);
  }
  /// Counts runs as freed.
  void credit(CpuSlot& slot, uint64_t frames, uint32_t runs) noexcept {
    if (frames == runs) {
      slot.count(&RunCounts::returned_ones, frames);
    } else {
      slot.count(&RunCounts::returned_runs, runs);
      slot.count(&RunCounts::returned_frames, frames);
    }
    if (marked_) [[unlikely]]
      give_credit(slot, frames);
  }

  /// Takes runs out of the counts of both allocations and frees.
  void forget(uint64_t runs) noexcept { forgotten_.fetch_add(runs, std::memory_order_relaxed); }

  [[nodiscard]] uint64_t total() const noexcept { return total_; }
  [[nodiscard]] uint64_t used() const noexcept;
  [[nodiscard]] uint64_t allocations() const noexcept;
  [[nodiscard]] uint64_t frees() const noexcept;
  [[nodiscard]] const Account* next() const noexcept { return next_; }
  /// The zone has watermarks.
  [[nodiscard]] bool marked() const noexcept { return marked_; }

 private:
  friend class Zone;

  [[nodiscard]] bool take_credit(CpuSlot& slot, uint64_t frames, bool emergency) noexcept;
  void give_credit(CpuSlot& slot, uint64_t frames) noexcept;
  /// Sum over the slots of what was counted.
  [[nodiscard]] uint64_t sum(std::atomic<uint64_t> RunCounts::*which) const noexcept;

  Zone* zone_ = nullptr;
  Account* next_ = nullptr;
  std::span<CpuSlot> slots_;
  uint64_t total_ = 0;
  bool marked_ = false;
  /// Frames in use, and the credit that slots have. Written under the zone's lock.
  alignas(64) std::atomic<int64_t> drawn_{0};
  std::atomic<uint64_t> forgotten_{0};
};

}  // namespace freestone::frames
