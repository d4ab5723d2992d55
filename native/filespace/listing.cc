// What a file space says of itself.
#include <algorithm>
#include <bit>

#include "filespace/file_space.h"

namespace freestone::filespace {

using base::Code;
using base::Result;
using base::Status;

namespace {

Status no_memory() noexcept { return Status(Code::kOutOfMemory, "listing file space"); }

Section section_of(const Entry& entry, bool paged) noexcept {
  Section section{.block = {entry.first, entry.second}, .state = state_of(entry.tag), .kind = kind_of(entry.tag)};
  if (entry.tag < kFreeClasses) {
    // The class of a free section is no kind, but says which one it serves.
    section.state = State::kFree;
    section.kind = entry.tag == 1 ? Kind::kMetadata : paged && entry.tag == 2 ? Kind::kRaw : Kind::kDirect;
  }
  return section;
}

}  // namespace

bool FileSpace::is_allocated(uint64_t offset, uint64_t size) const noexcept {
  if (size == 0) return false;
  const uint64_t end = base::checked_add(offset, size).value_or(base::kMaxAddress);
  const std::lock_guard guard(mutex_);
  // Without memory to look at what was appended, what cannot be told is taken for in use.
  if (!drain()) return offset < end_of_file() && end > initial_;
  const SectionTree& tree = sections_.by_address();
  Cursor at = tree.at_most(offset);
  if (!at) at = tree.front();
  if (track_) {
    for (; at && tree.get(at).first < end; at = tree.next(at)) {
      const Entry entry = tree.get(at);
      if (state_of(entry.tag) == State::kLive && end_of(entry) > offset) return true;
    }
    return false;
  }
  uint64_t unknown = std::max(offset, initial_);
  const uint64_t stop = std::min(end, end_of_file());
  for (; at && unknown < stop; at = tree.next(at)) {
    const Entry entry = tree.get(at);
    if (entry.first > unknown) return true;
    unknown = std::max(unknown, end_of(entry));
  }
  return unknown < stop;
}

Result<base::Array<Section>> FileSpace::sections() const noexcept {
  const std::lock_guard guard(mutex_);
  base::Array<Section> list;
  const SectionTree& tree = sections_.by_address();
  if (!drain() || !list.reserve(tree.size() * (track_ ? 1 : 2) + 1)) return no_memory();
  uint64_t known = initial_;
  const auto live_until = [&](uint64_t offset) noexcept {
    if (known < offset) (void)list.push({{known, offset - known}, State::kLive, Kind::kDirect});
  };
  for (Cursor at = tree.front(); at; at = tree.next(at)) {
    const Entry entry = tree.get(at);
    if (!track_) live_until(entry.first);
    (void)list.push(section_of(entry, page_size_ != 0));
    known = end_of(entry);
  }
  if (!track_) live_until(end_of_file());
  return list;
}

Result<base::Array<Block>> FileSpace::blocks() const noexcept {
  base::Array<Block> list;
  if (track_) {
    const std::lock_guard guard(mutex_);
    if (!drain() || !list.reserve(counts_.live_blocks)) return no_memory();
    sections_.by_address().each([&](const Entry& entry) noexcept {
      if (state_of(entry.tag) == State::kLive) (void)list.push({entry.first, entry.second});
    });
    return list;
  }
  auto all = sections();
  if (!all.ok()) return all.status();
  for (const Section& section : all.value().span()) {
    if (section.state == State::kLive && !list.push(section.block)) return no_memory();
  }
  return list;
}

Result<base::Array<Section>> FileSpace::holes() const noexcept {
  const std::lock_guard guard(mutex_);
  base::Array<Section> list;
  if (!drain() || !list.reserve(sections_.free_count() + 2)) return no_memory();
  const SectionTree& tree = sections_.by_address();
  for (Cursor at = tree.front(); at; at = tree.next(at)) {
    const Section section = section_of(tree.get(at), page_size_ != 0);
    if (section.state <= State::kRest && !list.push(section)) return no_memory();
  }
  return list;
}

Result<FreeState> FileSpace::free_state() const noexcept {
  const std::lock_guard guard(mutex_);
  if (!drain()) return no_memory();
  Sections merged(page_size_);
  const SectionTree& tree = sections_.by_address();
  for (Cursor at = tree.front(); at; at = tree.next(at)) {
    const Entry entry = tree.get(at);
    const bool is_rest = state_of(entry.tag) == State::kRest;
    if (entry.tag >= kFreeClasses && state_of(entry.tag) == State::kLive) continue;
    const FreeClass free_class =
        entry.tag < kFreeClasses ? entry.tag : class_of(kind_of(entry.tag), is_rest ? 0 : entry.second);
    for (uint64_t offset = entry.first; offset < end_of(entry);) {
      // As `give` divides what was cut out of a large block.
      const bool divided = page_size_ != 0 && free_class != 0;
      const uint64_t stop = divided ? std::min((offset / page_size_ + 1) * page_size_, end_of(entry)) : end_of(entry);
      if (!merged.reserve(4)) return no_memory();
      (void)merged.add_free(offset, stop - offset, free_class);
      offset = stop;
    }
  }
  FreeState state{.end = end_of_file(), .free = {}};
  // As `shrink` moves the end.
  for (Cursor last = merged.by_address().back(); last && end_of(merged.get(last)) == state.end;
       last = merged.by_address().back()) {
    const Entry entry = merged.get(last);
    const uint64_t start = page_size_ == 0 ? entry.first : base::align_up(entry.first, page_size_).value_or(state.end);
    if (start >= state.end || (page_size_ != 0 && entry.tag != 0)) break;
    state.end = start;
    if (start != entry.first) {
      merged.change(last, {entry.first, start - entry.first, entry.tag});
    } else {
      merged.remove(last);
    }
  }
  if (!state.free.reserve(merged.free_count() + 1)) return no_memory();
  for (Cursor at = merged.by_address().front(); at; at = merged.by_address().next(at)) {
    (void)state.free.push(section_of(merged.get(at), page_size_ != 0));
  }
  return state;
}

Stats FileSpace::stats() const noexcept {
  const std::lock_guard guard(mutex_);
  (void)drain();
  Stats stats = counts_;
  stats.end = end_of_file();
  stats.memory = sections_.memory();
  stats.visits = sections_.visits();
  sections_.by_address().each([&](const Entry& entry) noexcept {
    if (state_of(entry.tag) > State::kRest) return;
    ++stats.holes;
    stats.free_bytes += entry.second;
    stats.largest_hole = std::max(stats.largest_hole, entry.second);
    ++stats.holes_of[std::bit_width(entry.second) - 1];
  });
  if (!track_) stats.live_bytes = stats.end - initial_ - stats.free_bytes - stats.pending_bytes;
  return stats;
}

Status FileSpace::validate_no_overlaps() const noexcept {
  const std::lock_guard guard(mutex_);
  if (!drain()) return no_memory();
  uint64_t end = initial_;
  uint64_t free = 0;
  bool apart = true;
  sections_.by_address().each([&](const Entry& entry) noexcept {
    // Between them may be blocks whose appends have not returned yet.
    apart = apart && entry.first >= end;
    end = end_of(entry);
    if (entry.tag < kFreeClasses) free += entry.second;
  });
  if (!apart) return Status(Code::kOverlap, "two sections overlap");
  if (end > end_of_file()) return Status(Code::kOverlap, "a section ends after the end of the file");
  if (!sections_.agree(free)) return Status(Code::kOverlap, "the indexes of free sections disagree");
  return {};
}

Status FileSpace::validate() const noexcept {
  if (Status status = validate_no_overlaps(); !status.ok()) return status;
  const std::lock_guard guard(mutex_);
  if (!drain()) return no_memory();
  if (!sections_.validate()) return Status(Code::kOverlap, "an index of sections is damaged");
  Stats seen;
  uint64_t end = initial_;
  const SectionTree& tree = sections_.by_address();
  for (Cursor at = tree.front(); at; at = tree.next(at)) {
    const Entry entry = tree.get(at);
    if (track_ && entry.first != end) return Status(Code::kOverlap, "bytes of the file are in no section");
    end = end_of(entry);
    switch (state_of(entry.tag)) {
      case State::kFree:
        break;
      case State::kRest:
        seen.rest_bytes += entry.second;
        break;
      case State::kPending:
        seen.pending_bytes += entry.second;
        ++seen.pending_blocks;
        break;
      case State::kLive:
        seen.live_bytes += entry.second;
        ++seen.live_blocks;
        break;
    }
  }
  const bool agree = seen.rest_bytes == counts_.rest_bytes && seen.rest_bytes == raw_.size + metadata_.size &&
                     seen.pending_bytes == counts_.pending_bytes && seen.pending_blocks == counts_.pending_blocks &&
                     seen.live_bytes == counts_.live_bytes && seen.live_blocks == counts_.live_blocks;
  return agree ? Status() : Status(Code::kOverlap, "what was counted is not what is there");
}

bool FileSpace::inject_fault(bool in_address_index) noexcept {
  const std::lock_guard guard(mutex_);
  return drain() && sections_.inject_fault(in_address_index);
}

}  // namespace freestone::filespace
