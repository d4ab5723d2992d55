#include "filespace/sections.h"

#include <algorithm>

namespace freestone::filespace {

namespace {

constexpr int kAlignedCandidates = 64;

bool fits(const Entry& hole, uint64_t size, uint64_t alignment) noexcept {
  const auto start = base::align_up(hole.first, alignment);
  return start && *start < end_of(hole) && end_of(hole) - *start >= size;
}

}  // namespace

bool Sections::reserve(uint32_t changes) noexcept {
  if (!by_address_.reserve(changes)) return false;
  for (SectionTree& tree : by_size_) {
    if (!tree.reserve(changes)) return false;
  }
  return true;
}

Sections::Cursor Sections::starting(uint64_t offset) const noexcept {
  const Cursor at = by_address_.at_most(offset);
  return at && get(at).first == offset ? at : Cursor();
}

void Sections::put(uint64_t offset, uint64_t size, uint8_t tag) noexcept { by_address_.insert({offset, size, tag}); }

void Sections::forget_size(const Entry& entry) noexcept {
  if (entry.tag >= kFreeClasses) return;
  SectionTree& tree = by_size_[entry.tag];
  (void)tree.erase(tree.at_most(entry.second, entry.first));
  free_bytes_ -= entry.second;
}

void Sections::note_size(const Entry& entry) noexcept {
  if (entry.tag >= kFreeClasses) return;
  by_size_[entry.tag].insert({entry.second, entry.first, entry.tag});
  free_bytes_ += entry.second;
}

void Sections::change(Cursor at, const Entry& entry) noexcept {
  forget_size(get(at));
  by_address_.update(at, entry);
  note_size(entry);
}

void Sections::remove(Cursor at) noexcept {
  forget_size(get(at));
  (void)by_address_.erase(at);
}

void Sections::split(Cursor hole, Cursor by_size, uint64_t size, uint8_t tag) noexcept {
  const Entry before = get(hole);
  if (by_size) {
    (void)by_size_[before.tag].erase(by_size);
    free_bytes_ -= before.second;
  } else {
    forget_size(before);
  }
  by_address_.update(hole, {before.first, size, tag});
  if (before.second == size) return;
  const Entry rest{before.first + size, before.second - size, before.tag};
  by_address_.insert_after(hole, rest);
  note_size(rest);
}

Entry Sections::release(Cursor at, FreeClass free_class) noexcept {
  const Entry freed{get(at).first, get(at).second, free_class};
  const Cursor before = by_address_.previous(at);
  const Cursor after = by_address_.next(at);
  const bool with_left = before && merge(get(before), freed);
  const bool with_right = after && merge(freed, get(after));
  Entry merged = freed;
  if (with_left) {
    const Entry left = get(before);
    forget_size(left);
    merged = {left.first, left.second + merged.second, free_class};
  }
  if (with_right) {
    const Entry right = get(after);
    forget_size(right);
    merged.second += right.second;
  }
  // No member moves: its place in the order is that of what it takes in.
  by_address_.update(with_left ? before : at, merged);
  const bool moved = with_right && by_address_.erase(after);
  if (with_left) (void)by_address_.erase(moved ? starting(freed.first) : at);
  note_size(merged);
  return settled(merged);
}

void Sections::prefetch_release(uint64_t offset, FreeClass free_class) const noexcept {
  const SectionTree& sizes = by_size_[free_class];
  if (!sizes.is_large()) return;
  const Cursor at = starting(offset);
  if (!at) return;
  Entry merged{get(at).first, get(at).second, free_class};
  const Cursor before = by_address_.previous(at);
  const Cursor after = by_address_.next(at);
  if (before && merge(get(before), merged)) {
    const Entry left = get(before);
    sizes.prefetch(left.second, left.first);
    merged = {left.first, left.second + merged.second, free_class};
  }
  if (after && merge(merged, get(after))) {
    const Entry right = get(after);
    sizes.prefetch(right.second, right.first);
    merged.second += right.second;
  }
  sizes.prefetch(merged.second, merged.first);
}

Entry Sections::settled(const Entry& entry) noexcept {
  if (page_size_ == 0 || entry.tag == 0 || entry.second != page_size_) return entry;
  // A page that nothing uses any more may serve any kind, and large blocks.
  remove(starting(entry.first));
  return add_free(entry.first, entry.second, 0);
}

bool Sections::merge(const Entry& left, const Entry& right) const noexcept {
  if (left.tag != right.tag || left.tag >= kFreeClasses || end_of(left) != right.first) return false;
  return page_size_ == 0 || left.tag == 0 || right.first % page_size_ != 0;
}

Entry Sections::add_free(uint64_t offset, uint64_t size, FreeClass free_class) noexcept {
  Entry added{offset, size, free_class};
  Cursor at = by_address_.at_most(offset);
  if (at && merge(get(at), added)) {
    const Entry left = get(at);
    added = {left.first, left.second + size, free_class};
    Cursor after = by_address_.next(at);
    if (after && merge(added, get(after))) {
      added.second += get(after).second;
      remove(after);
      at = by_address_.at_most(offset);
    }
    change(at, added);
  } else {
    const Cursor after = at ? by_address_.next(at) : by_address_.front();
    if (after && merge(added, get(after))) {
      added.second += get(after).second;
      remove(after);
    }
    by_address_.insert(added);
    note_size(added);
  }
  return settled(added);
}

Sections::Cursor Sections::fit(Strategy strategy, FreeClass free_class, uint64_t size, uint64_t alignment,
                               Cursor* by_size) const noexcept {
  const SectionTree& sizes = by_size_[free_class];
  const uint64_t surely = base::checked_add(size, alignment - 1).value_or(base::kMaxAddress);
  if (strategy == Strategy::kEndOfFile || largest(free_class) < size) return {};
  if (strategy == Strategy::kFirstFit) {
    Cursor at = by_address_.first_fit(free_class, size);
    for (int i = 0; at && !fits(get(at), size, alignment); ++i) {
      const uint64_t from = get(at).first + 1;
      at = by_address_.first_fit(free_class, i < kAlignedCandidates ? size : surely, from);
    }
    return at;
  }
  const auto hole = [&](Cursor found) noexcept {
    const Entry entry = sizes.get(found);
    return Entry{entry.second, entry.first, free_class};
  };
  if (strategy == Strategy::kBestFit) {
    Cursor at = sizes.at_least(size);
    for (int i = 0; at && !fits(hole(at), size, alignment); ++i) {
      at = i < kAlignedCandidates ? sizes.next(at) : sizes.at_least(surely);
    }
    if (by_size != nullptr) *by_size = at;
    // Where the rest will be put is fetched while the other index is looked at.
    if (at) sizes.prefetch(hole(at).second - size, hole(at).first);
    return at ? starting(hole(at).first) : Cursor();
  }
  // The largest, and of several the lowest; one that fits only by its alignment may be further down.
  Cursor at = sizes.at_least(largest(free_class));
  for (int i = 0; at && i < kAlignedCandidates && sizes.get(at).first >= size; ++i) {
    if (fits(hole(at), size, alignment)) return starting(hole(at).first);
    const uint64_t this_size = sizes.get(at).first;
    Cursor after = sizes.next(at);
    if (after && sizes.get(after).first == this_size) {
      at = after;
      continue;
    }
    const Cursor below = this_size == 0 ? Cursor() : sizes.at_most(this_size - 1);
    at = below ? sizes.at_least(sizes.get(below).first) : Cursor();
  }
  return {};
}

uint64_t Sections::largest(FreeClass free_class) const noexcept {
  const Cursor last = by_size_[free_class].back();
  return last ? by_size_[free_class].get(last).first : 0;
}

uint64_t Sections::free_count() const noexcept { return by_size_[0].size() + by_size_[1].size() + by_size_[2].size(); }

uint64_t Sections::memory() const noexcept {
  uint64_t bytes = by_address_.memory();
  for (const SectionTree& tree : by_size_) bytes += tree.memory();
  return bytes;
}

uint64_t Sections::visits() const noexcept {
  uint64_t visits = by_address_.visits();
  for (const SectionTree& tree : by_size_) visits += tree.visits();
  return visits;
}

bool Sections::validate() const noexcept {
  if (!by_address_.validate()) return false;
  for (const SectionTree& tree : by_size_) {
    if (!tree.validate()) return false;
  }
  uint64_t free = 0;
  uint64_t bytes = 0;
  uint64_t end = 0;
  for (Cursor at = by_address_.front(); at; at = by_address_.next(at)) {
    const Entry entry = get(at);
    if (entry.second == 0 || entry.first < end || entry.first > base::kMaxAddress - entry.second) return false;
    end = end_of(entry);
    if (entry.tag >= kFreeClasses) continue;
    ++free;
    bytes += entry.second;
    // A part of a page stays inside it.
    if (page_size_ != 0 && entry.tag != 0 && entry.first / page_size_ != (end - 1) / page_size_) return false;
    const Cursor twin = by_size_[entry.tag].at_most(entry.second, entry.first);
    if (!twin || by_size_[entry.tag].get(twin).first != entry.second ||
        by_size_[entry.tag].get(twin).second != entry.first) {
      return false;
    }
    const Cursor after = by_address_.next(at);
    if (after && merge(entry, get(after))) return false;
  }
  return free == free_count() && bytes == free_bytes_;
}

bool Sections::agree(uint64_t bytes) const noexcept {
  uint64_t by_size = 0;
  for (const SectionTree& tree : by_size_) {
    tree.each([&](const Entry& entry) noexcept { by_size += entry.first; });
  }
  return by_size == bytes && bytes == free_bytes_;
}

bool Sections::inject_fault(bool in_address_index) noexcept {
  for (SectionTree& tree : by_size_) {
    const Cursor last = tree.back();
    if (!last) continue;
    const Entry entry = tree.get(last);
    if (in_address_index) {
      const Cursor at = starting(entry.second);
      by_address_.update(at, {entry.second, entry.first + 1, entry.tag});
    } else {
      tree.update(last, {entry.first + 1, entry.second, entry.tag});
    }
    return true;
  }
  return false;
}

}  // namespace freestone::filespace
