#pragma once
// From any pointer to what it points into: an entry for each slot of 64 KiB, and the records that entries name.
//   threads: `entry` and the records, any; the rest under the lock of the Space.
//   memory: one reservation beside the region: 8 bytes a slot, and records that are committed as their number grows and
//   never unmapped.
#include "slab/slab_record.h"
#include "slab/system.h"

namespace freestone::slab {

/// What a slot is part of: the kind in the low byte, the record above bit 32. 0 is nothing.
using Entry = uint64_t;

/// 1 to 44: a segment of the class before.
inline constexpr uint32_t kLargeStart = 0xFF;
/// A slot of a large block at which no live one begins.
inline constexpr uint32_t kLargeInside = 0xFE;

[[nodiscard]] constexpr uint32_t kind_of(Entry entry) noexcept { return static_cast<uint32_t>(entry & 0xFF); }
inline constexpr uint32_t kRecordShift = 32;
[[nodiscard]] constexpr RecordIndex record_of(Entry entry) noexcept {
  return static_cast<RecordIndex>(entry >> kRecordShift);
}
[[nodiscard]] constexpr Entry make_entry(uint32_t kind, RecordIndex record) noexcept {
  return Entry{record} << kRecordShift | kind;
}

class Directory {
 public:
  Directory() noexcept = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory();

  /// @param base,bytes the region; whole slots
  [[nodiscard]] base::Status init(const System& system, uint8_t* base, uint64_t bytes) noexcept;

  /// The slot that an address lies in; beyond `slots` for one outside the region.
  [[nodiscard]] uint64_t slot_at(const void* address) const noexcept {
    return (reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(base_)) >> kSlotShift;
  }
  [[nodiscard]] uint8_t* base() const noexcept { return base_; }
  [[nodiscard]] uint64_t slots() const noexcept { return slots_; }
  [[nodiscard]] uint8_t* address_of(uint64_t slot) const noexcept { return base_ + (slot << kSlotShift); }
  [[nodiscard]] std::atomic<Entry>* entries() const noexcept { return entries_; }
  /// @param slot below `slots`
  [[nodiscard]] Entry entry(uint64_t slot) const noexcept { return entries_[slot].load(std::memory_order_relaxed); }
  /// Sequentially consistent: pairs with the second look of a remote free (local_heap.h).
  void set(uint64_t slot, uint64_t count, Entry entry) noexcept {
    for (uint64_t i = 0; i < count; ++i) entries_[slot + i].store(entry, std::memory_order_seq_cst);
  }

  [[nodiscard]] Slab* records() const noexcept { return records_; }
  [[nodiscard]] Slab& slab(RecordIndex index) const noexcept { return records_[index]; }
  [[nodiscard]] LargeBlock& large(RecordIndex index) const noexcept {
    return *reinterpret_cast<LargeBlock*>(records_ + index);
  }
  [[nodiscard]] RecordIndex index_of(const Slab& slab) const noexcept {
    return static_cast<RecordIndex>(&slab - records_);
  }

  /// `count` adjacent records, 1 to `kMaxSlabs`, of zeros or of what was there last; `kNoRecord` when there is no
  /// memory.
  [[nodiscard]] RecordIndex take(uint32_t count) noexcept;
  void give_back(RecordIndex first, uint32_t count) noexcept;

  /// Bytes of metadata that are committed.
  [[nodiscard]] uint64_t metadata_bytes() const noexcept { return committed_ + map_bytes_; }

 private:
  const System* system_ = nullptr;
  uint8_t* base_ = nullptr;
  uint64_t slots_ = 0;
  uint8_t* memory_ = nullptr;
  uint64_t memory_bytes_ = 0;
  uint64_t map_bytes_ = 0;
  std::atomic<Entry>* entries_ = nullptr;
  Slab* records_ = nullptr;
  uint64_t records_bytes_ = 0;
  uint64_t committed_ = 0;
  /// The first record never taken. Record 0 is never used.
  RecordIndex fresh_ = 1;
  /// Groups given back, by their number of records; linked through `Slab::next`.
  RecordIndex given_back_[kMaxSlabs + 1] = {};
};

}  // namespace freestone::slab
