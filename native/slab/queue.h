#pragma once
// The slabs of one class and one local heap, in lists of empty, partial and full ones. Nothing else moves a slab from
// one to another, takes one in or lets one go.
//   threads: the owner of the local heap.    memory: none; lists go through the records.
#include "slab/directory.h"

namespace freestone::slab {

class Queue {
 public:
  /// A slab with free units, partial ones first, as the active one; null when there is none.
  [[nodiscard]] Slab* activate(const Directory& directory) noexcept;
  /// One of the full ones that has a free unit after all, when there is no memory for more; null when there is none.
  [[nodiscard]] Slab* activate_full(const Directory& directory) noexcept;
  /// Puts the active slab where it belongs.
  void retire(const Directory& directory, Slab& slab) noexcept;
  /// Moves a slab that is not active when it has no `frees_left`.
  void settle(const Directory& directory, Slab& slab) noexcept;
  /// Takes in a new segment, all of whose slabs are empty.
  void add_segment(const Directory& directory, Slab& first) noexcept;
  /// Lets an empty segment go when there are more than `keep`; null when there are not.
  [[nodiscard]] Slab* remove_segment(const Directory& directory, uint32_t keep) noexcept;

  /// Slabs in a list.
  [[nodiscard]] uint32_t count(SlabState state) const noexcept { return counts_[static_cast<uint32_t>(state)]; }
  [[nodiscard]] RecordIndex head(SlabState state) const noexcept { return heads_[static_cast<uint32_t>(state)]; }
  [[nodiscard]] uint32_t segments() const noexcept { return segments_; }
  [[nodiscard]] uint32_t empty_segments() const noexcept { return empty_segments_; }
  /// Forgets every slab.
  void clear() noexcept { *this = {}; }

  /// Walks the lists: states, counts, neighbours, and each slab's count against its bitmap.
  [[nodiscard]] base::Status validate(const Directory& directory, const LocalHeap* owner,
                                      const Slab* active) const noexcept;

 private:
  void push(const Directory& directory, Slab& slab, SlabState state) noexcept;
  void remove(const Directory& directory, Slab& slab) noexcept;
  void empty(const Directory& directory, Slab& slab) noexcept;

  RecordIndex heads_[kSlabStates] = {};
  uint32_t counts_[kSlabStates] = {};
  RecordIndex last_partial_ = kNoRecord;
  uint32_t segments_ = 0;
  uint32_t empty_segments_ = 0;
};

}  // namespace freestone::slab
