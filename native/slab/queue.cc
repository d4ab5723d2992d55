#include "slab/queue.h"

namespace freestone::slab {

using base::Code;
using base::Status;

void Queue::push(const Directory& directory, Slab& slab, SlabState state) noexcept {
  const auto list = static_cast<uint32_t>(state);
  const RecordIndex index = directory.index_of(slab);
  slab.state = state;
  ++counts_[list];
  if (state == SlabState::kPartial) {
    // Last, so that more of its units are free when its turn comes: a slab with a single one is hardly worth the
    // change.
    slab.next = kNoRecord;
    slab.previous = last_partial_;
    (last_partial_ == kNoRecord ? heads_[list] : directory.slab(last_partial_).next) = index;
    last_partial_ = index;
    return;
  }
  slab.previous = kNoRecord;
  slab.next = heads_[list];
  if (slab.next != kNoRecord) directory.slab(slab.next).previous = index;
  heads_[list] = index;
}

void Queue::remove(const Directory& directory, Slab& slab) noexcept {
  const auto list = static_cast<uint32_t>(slab.state);
  if (slab.previous != kNoRecord) {
    directory.slab(slab.previous).next = slab.next;
  } else {
    heads_[list] = slab.next;
  }
  if (slab.next != kNoRecord) {
    directory.slab(slab.next).previous = slab.previous;
  } else if (slab.state == SlabState::kPartial) {
    last_partial_ = slab.previous;
  }
  --counts_[list];
  slab.state = SlabState::kActive;
}

void Queue::empty(const Directory& directory, Slab& slab) noexcept {
  push(directory, slab, SlabState::kEmpty);
  if (--directory.slab(slab.first).busy == 0) ++empty_segments_;
}

Slab* Queue::activate(const Directory& directory) noexcept {
  if (const RecordIndex partial = head(SlabState::kPartial); partial != kNoRecord) {
    Slab& slab = directory.slab(partial);
    remove(directory, slab);
    return &slab;
  }
  const RecordIndex index = head(SlabState::kEmpty);
  if (index == kNoRecord) return nullptr;
  Slab& slab = directory.slab(index);
  remove(directory, slab);
  if (directory.slab(slab.first).busy++ == 0) --empty_segments_;
  return &slab;
}

Slab* Queue::activate_full(const Directory& directory) noexcept {
  for (RecordIndex index = head(SlabState::kFull); index != kNoRecord; index = directory.slab(index).next) {
    Slab& slab = directory.slab(index);
    if (slab.is_full()) continue;
    remove(directory, slab);
    return &slab;
  }
  return nullptr;
}

void Queue::retire(const Directory& directory, Slab& slab) noexcept {
  const bool full = slab.is_full();
  const uint32_t used = full ? slab.capacity : slab.used();
  slab.frees_left = full ? slab.frees_to_partial() : static_cast<int16_t>(used);
  if (used == 0) {
    empty(directory, slab);
  } else {
    push(directory, slab, full ? SlabState::kFull : SlabState::kPartial);
  }
}

void Queue::settle(const Directory& directory, Slab& slab) noexcept {
  remove(directory, slab);
  retire(directory, slab);
}

void Queue::add_segment(const Directory& directory, Slab& first) noexcept {
  // From last to first, so that the first is on top.
  for (uint32_t i = first.slabs; i-- > 0;) {
    Slab& slab = (&first)[i];
    push(directory, slab, SlabState::kEmpty);
  }
  ++segments_;
  ++empty_segments_;
}

Slab* Queue::remove_segment(const Directory& directory, uint32_t keep) noexcept {
  if (empty_segments_ <= keep) return nullptr;
  RecordIndex index = head(SlabState::kEmpty);
  while (directory.slab(directory.slab(index).first).busy != 0) index = directory.slab(index).next;
  Slab& first = directory.slab(directory.slab(index).first);
  for (uint32_t i = 0; i < first.slabs; ++i) remove(directory, (&first)[i]);
  --segments_;
  --empty_segments_;
  return &first;
}

Status Queue::validate(const Directory& directory, const LocalHeap* owner, const Slab* active) const noexcept {
  uint32_t firsts = active != nullptr && active->number == 0 ? 1 : 0;
  uint32_t empties = 0;
  for (uint32_t list = 1; list < kSlabStates; ++list) {
    uint32_t count = 0;
    RecordIndex previous = kNoRecord;
    for (RecordIndex index = heads_[list]; index != kNoRecord; index = directory.slab(index).next) {
      const Slab& slab = directory.slab(index);
      const uint32_t used = slab.used();
      if (!slab.has_right_bits()) return Status(Code::kOverlap, "a slab's bitmap against its units");
      const bool counts = slab.state == SlabState::kPartial ? slab.frees_left == static_cast<int32_t>(used)
                          : slab.state == SlabState::kFull
                              ? slab.frees_left + slab.capacity == slab.frees_to_partial() + static_cast<int32_t>(used)
                              : true;
      if (!counts) return Status(Code::kOverlap, "a slab's count against its bitmap");
      const bool right = slab.state == SlabState::kEmpty     ? used == 0
                         : slab.state == SlabState::kPartial ? used != 0 && used != slab.capacity
                                                             : used != 0;
      if (!right || list != static_cast<uint32_t>(slab.state)) {
        return Status(Code::kOverlap, "a queue's list against a slab's bitmap");
      }
      if (slab.previous != previous || slab.owner.load(std::memory_order_relaxed) != owner) {
        return Status(Code::kOverlap, "a queue's list against a slab's links and owner");
      }
      const Entry entry = directory.entry(directory.slot_at(slab.units));
      if (record_of(entry) + slab.number != index || kind_of(entry) != slab.class_index + 1U) {
        return Status(Code::kOverlap, "a slab against the directory");
      }
      firsts += slab.number == 0 ? 1 : 0;
      empties += slab.number == 0 && slab.busy == 0 ? 1 : 0;
      previous = index;
      ++count;
    }
    if (count != counts_[list]) return Status(Code::kOverlap, "a queue's count against its list");
  }
  if (firsts != segments_ || empties != empty_segments_) return Status(Code::kOverlap, "a queue's count of segments");
  return {};
}

}  // namespace freestone::slab
