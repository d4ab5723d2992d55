#pragma once
// The sections of one file by address and, those that are free, also by size: the two indexes change together.
//   threads: one at a time.    memory: see `SectionTree`; 17 bytes a section by address, as many again when it is free.
#include <cstdint>

#include "filespace/section_tree.h"
#include "filespace/types.h"

namespace freestone::filespace {

/// Free sections of different classes never merge: raw data and metadata are kept apart, as libhdf5 keeps them. With
/// pages, class 0 are whole pages and more, and the others are parts of pages.
using FreeClass = uint8_t;

/// Tags of sections: 0 to 2 are free sections of that class; others are a state, a kind and whether it is of this
/// commit.
[[nodiscard]] constexpr uint8_t tag_of(State state, Kind kind, bool fresh) noexcept {
  return static_cast<uint8_t>(static_cast<uint8_t>(state) << 2 | static_cast<uint8_t>(kind) | (fresh ? 0x10 : 0));
}
[[nodiscard]] constexpr State state_of(uint8_t tag) noexcept { return static_cast<State>(tag >> 2 & 3); }
[[nodiscard]] constexpr Kind kind_of(uint8_t tag) noexcept { return static_cast<Kind>(tag & 3); }
[[nodiscard]] constexpr bool is_fresh(uint8_t tag) noexcept { return (tag & 0x10) != 0; }
[[nodiscard]] constexpr uint64_t end_of(const Entry& entry) noexcept { return entry.first + entry.second; }

class Sections {
 public:
  using Cursor = SectionTree::Cursor;

  /// @param page_size 0 for none: parts of a page merge inside it alone, and a page that is all free becomes class 0
  /// @param advise as for `SectionTree`
  explicit Sections(uint64_t page_size, NodeStore::Advise advise = nullptr) noexcept
      : page_size_(page_size),
        by_address_(true, advise),
        by_size_{SectionTree(false, advise), SectionTree(false, advise), SectionTree(false, advise)} {}

  /// Memory for `changes` more sections.
  [[nodiscard]] bool reserve(uint32_t changes) noexcept;

  [[nodiscard]] const SectionTree& by_address() const noexcept { return by_address_; }
  [[nodiscard]] Entry get(Cursor at) const noexcept { return by_address_.get(at); }
  /// The section that begins at `offset`, or none.
  [[nodiscard]] Cursor starting(uint64_t offset) const noexcept;

  /// Adds a section that is not free.
  void put(uint64_t offset, uint64_t size, uint8_t tag) noexcept;
  /// Changes a section in place: its start may move up inside it, its end anywhere before the next.
  void change(Cursor at, const Entry& entry) noexcept;
  void remove(Cursor at) noexcept;
  /// Makes the first `size` bytes of a free section one of another kind; the rest of it stays free.
  /// @param by_size where the other index has it, as `fit` found it, or none
  void split(Cursor hole, Cursor by_size, uint64_t size, uint8_t tag) noexcept;
  /// Makes a section free and merges it as `add_free` does. @returns what came of it
  Entry release(Cursor at, FreeClass free_class) noexcept;
  /// Begins to fetch what `release` of the section at `offset` will look at in the index by address.
  void prefetch(uint64_t offset) const noexcept { by_address_.prefetch(offset); }
  /// The same in the index by size, some time after the other.
  void prefetch_release(uint64_t offset, FreeClass free_class) const noexcept;
  /// Adds a free section and merges it with the free neighbours of its class. @returns what came of it
  Entry add_free(uint64_t offset, uint64_t size, FreeClass free_class) noexcept;

  /// The free section of a class for `size` bytes at a multiple of `alignment`, or none. To stay O(log n), with an
  /// alignment only the first 64 of those that may be too small for it are looked at, and then those that never are.
  /// @param by_size where the index by size has it, when that is where it was found
  [[nodiscard]] Cursor fit(Strategy strategy, FreeClass free_class, uint64_t size, uint64_t alignment,
                           Cursor* by_size = nullptr) const noexcept;

  /// The size of the largest free section of a class; 0 when there is none.
  [[nodiscard]] uint64_t largest(FreeClass free_class) const noexcept;
  [[nodiscard]] uint64_t free_bytes() const noexcept { return free_bytes_; }
  [[nodiscard]] uint64_t free_count() const noexcept;
  [[nodiscard]] uint64_t memory() const noexcept;
  [[nodiscard]] uint64_t visits() const noexcept;
  /// Each index is in order, they agree, and no section overlaps the next.
  [[nodiscard]] bool validate() const noexcept;
  /// Whether the index by size has as many bytes as `bytes`, what the other one has. O(holes).
  [[nodiscard]] bool agree(uint64_t bytes) const noexcept;
  /// For tests alone: makes a free section longer in one index, as a fault would. False when there is none.
  [[nodiscard]] bool inject_fault(bool in_address_index) noexcept;

 private:
  void forget_size(const Entry& entry) noexcept;
  void note_size(const Entry& entry) noexcept;
  /// A page that is all free is of class 0.
  Entry settled(const Entry& entry) noexcept;
  [[nodiscard]] bool merge(const Entry& left, const Entry& right) const noexcept;

  const uint64_t page_size_;
  SectionTree by_address_;
  SectionTree by_size_[kFreeClasses];
  uint64_t free_bytes_ = 0;
};

}  // namespace freestone::filespace
