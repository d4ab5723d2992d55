// Where a request goes, and where space goes that is given back: the rules of libhdf5's H5MF and H5MFaggr, so that
// files come out the same.
#include <algorithm>

#include "filespace/file_space.h"

namespace freestone::filespace {

using base::Code;
using base::Result;
using base::Status;

Result<uint64_t> FileSpace::place(uint64_t size, uint64_t alignment, Kind kind) noexcept {
  if (page_size_ != 0) return place_in_page(size, alignment, kind);
  const FreeClass free_class = class_of(kind, size);
  Cursor by_size;
  if (const Cursor hole = sections_.fit(strategy_, free_class, size, alignment, &by_size)) {
    return take(hole, by_size, size, alignment, kind);
  }
  Aggregator* const own = kind == Kind::kMetadata ? &metadata_ : kind == Kind::kRaw ? &raw_ : nullptr;
  auto offset = own != nullptr && own->block != 0 ? aggregate(*own, size, alignment, kind)
                                                  : from_end(size, alignment, free_class);
  if (offset.ok()) put_live(offset.value(), size, kind);
  return offset;
}

Result<uint64_t> FileSpace::place_in_page(uint64_t size, uint64_t alignment, Kind kind) noexcept {
  const FreeClass free_class = class_of(kind, size);
  // The rest of a page is used under every strategy: it is no space that was freed.
  const Strategy inside = free_class != 0 && strategy_ == Strategy::kEndOfFile ? Strategy::kBestFit : strategy_;
  const uint64_t at_page = std::max(page_size_, alignment);
  if (const Cursor hole = sections_.fit(inside, free_class, size, free_class == 0 ? at_page : alignment)) {
    return take(hole, {}, size, free_class == 0 ? at_page : alignment, kind);
  }
  // The file ends with a page.
  const auto wanted = base::align_up(size, page_size_);
  if (!wanted) return Status(Code::kLimitExceeded, "the block would end beyond the file's limit");
  const Cursor hole = free_class == 0 ? Cursor() : sections_.fit(strategy_, 0, *wanted, at_page);
  auto offset = hole ? Result<uint64_t>(cut(hole, *wanted, at_page)) : from_end(*wanted, at_page, 0);
  if (!offset.ok()) return offset;
  put_live(offset.value(), size, kind);
  if (*wanted > size) (void)sections_.add_free(offset.value() + size, *wanted - size, free_class);
  return offset;
}

/// Makes a live block of a part of a free section.
uint64_t FileSpace::take(Cursor hole, Cursor by_size, uint64_t size, uint64_t alignment, Kind kind) noexcept {
  const uint64_t offset = sections_.get(hole).first;
  if (!track_ || (offset & (alignment - 1)) != 0) {
    const uint64_t aligned = cut(hole, size, alignment);
    put_live(aligned, size, kind);
    return aligned;
  }
  const bool reused = offset < committed_end_;
  const uint8_t tag = tag_of(State::kLive, kind, reused);
  sections_.split(hole, by_size, size, tag);
  count_live({offset, size, tag}, true);
  if (reused) (void)reused_.push(offset);
  return offset;
}

/// Takes `size` bytes out of a free section that has room for them; what is before and behind them stays free.
uint64_t FileSpace::cut(Cursor hole, uint64_t size, uint64_t alignment) noexcept {
  const Entry entry = sections_.get(hole);
  const uint64_t offset = base::align_up(entry.first, alignment).value_or(entry.first);
  const uint64_t before = offset - entry.first;
  const uint64_t behind = end_of(entry) - offset - size;
  if (before == 0 && behind == 0) {
    sections_.remove(hole);
  } else if (before == 0) {
    sections_.change(hole, {offset + size, behind, entry.tag});
  } else {
    sections_.change(hole, {entry.first, before, entry.tag});
    if (behind != 0) (void)sections_.add_free(offset + size, behind, entry.tag);
  }
  return offset;
}

/// `size` bytes at the end of the file. What an alignment skips is given back as `fragment`.
Result<uint64_t> FileSpace::from_end(uint64_t size, uint64_t alignment, FreeClass fragment) noexcept {
  uint64_t end = end_of_file();
  for (;;) {
    const auto start = base::align_up(end, alignment);
    const auto stop = start ? base::checked_add(*start, size) : std::nullopt;
    if (!stop || *stop > limit_) {
      return Status(Code::kLimitExceeded, "the block would end beyond the file's limit");
    }
    if (!end_.compare_exchange_weak(end, *stop, std::memory_order_relaxed)) continue;
    if (*start != end) give(end, *start - end, fragment);
    return *start;
  }
}

/// A block for aggregation at the end of the file. What its alignment skips belongs to it as well, unless its first
/// request is aligned too.
Result<Block> FileSpace::block_from_end(uint64_t size, uint64_t alignment, bool aligned_request,
                                        FreeClass fragment) noexcept {
  if (aligned_request || alignment == 1) {
    const auto start = from_end(size, alignment, fragment);
    if (!start.ok()) return start.status();
    return Block{start.value(), size};
  }
  uint64_t end = end_of_file();
  for (;;) {
    const auto start = base::align_up(end, alignment);
    const auto stop = start ? base::checked_add(*start, size) : std::nullopt;
    if (!stop || *stop > limit_) {
      return Status(Code::kLimitExceeded, "the block would end beyond the file's limit");
    }
    if (end_.compare_exchange_weak(end, *stop, std::memory_order_relaxed)) return Block{end, *stop - end};
  }
}

/// Moves the end of the file up, if it is still at `from`.
bool FileSpace::grow_end(uint64_t from, uint64_t size) noexcept {
  const auto stop = base::checked_add(from, size);
  return stop && *stop <= limit_ && end_.compare_exchange_strong(from, *stop, std::memory_order_relaxed);
}

void FileSpace::put_rest(const Aggregator& own, Kind kind) noexcept {
  if (own.size == 0) return;
  sections_.put(own.offset, own.size, tag_of(State::kRest, kind, false));
  counts_.rest_bytes += own.size;
}

void FileSpace::take_rest(const Aggregator& own) noexcept {
  if (own.size == 0) return;
  sections_.remove(sections_.starting(own.offset));
  counts_.rest_bytes -= own.size;
}

/// Gives up the block that a kind's requests come out of; what is left of it becomes free.
void FileSpace::release_rest(Aggregator& own, Kind kind) noexcept {
  const Aggregator old = own;
  take_rest(old);
  own = {.block = old.block};
  if (old.size != 0) give(old.offset, old.size, class_of(kind, 0));
}

Result<uint64_t> FileSpace::aggregate(Aggregator& own, uint64_t size, uint64_t alignment, Kind kind) noexcept {
  const FreeClass free_class = class_of(kind, size);
  const uint64_t aligned = base::align_up(own.offset, alignment).value_or(base::kMaxAddress);
  const uint64_t fragment = own.size == 0 ? 0 : aligned - own.offset;
  const auto needed = base::checked_add(size, fragment);
  if (!needed) return Status(Code::kLimitExceeded, "the block would end beyond the file's limit");
  const Aggregator old = own;
  const uint64_t old_end = old.offset + old.size;
  uint64_t start = old.offset + fragment;
  bool in_place = *needed <= own.size;
  if (!in_place && old.total != 0 && old_end == end_of_file()) {
    // A block that the file ends with grows, and stays one.
    uint64_t more = old.block;
    if (size >= old.block) {
      more = *needed;
    } else if (fragment > more - size) {
      more = fragment + size;
    }
    in_place = grow_end(old_end, more);
    if (in_place) {
      take_rest(old);
      own.size += more;
      own.total += more;
      put_rest(own, kind);
    }
  }
  if (!in_place) {
    Aggregator& other = &own == &raw_ ? metadata_ : raw_;
    // The other kind's block gives way at the end of the file once it has served a block's worth.
    if (other.size != 0 && other.offset + other.size == end_of_file() && other.total > other.size &&
        other.total - other.size >= other.block) {
      release_rest(other, &other == &raw_ ? Kind::kRaw : Kind::kMetadata);
    }
    if (size >= old.block) return from_end(size, alignment, free_class);
    const uint64_t block_alignment = old.block >= threshold_ ? std::max(alignment, alignment_) : alignment;
    const auto block = block_from_end(old.block, block_alignment, alignment > 1, free_class);
    if (!block.ok()) return block.status();
    release_rest(own, kind);
    own.offset = start = block.value().offset;
    own.size = own.total = block.value().size;
    put_rest(own, kind);
  }
  const uint64_t skipped = start - own.offset;
  const uint64_t skipped_at = own.offset;
  take_rest(own);
  own.offset = start + size;
  own.size -= skipped + size;
  put_rest(own, kind);
  if (skipped != 0) give(skipped_at, skipped, free_class);
  return start;
}

bool FileSpace::shrink(const Entry& hole) noexcept {
  uint64_t end = end_of(hole);
  const uint64_t start = page_size_ == 0 ? hole.first : base::align_up(hole.first, page_size_).value_or(end);
  if (start >= end || (page_size_ != 0 && hole.tag != 0)) return false;
  // Another thread may have appended meanwhile: then it stays a hole.
  if (!end_.compare_exchange_strong(end, start, std::memory_order_relaxed)) return false;
  const Cursor at = sections_.starting(hole.first);
  if (start == hole.first) {
    sections_.remove(at);
  } else {
    sections_.change(at, {hole.first, start - hole.first, hole.tag});
  }
  return true;
}

/// Joins a free section and the rest of a block that touch: into the rest, or into a section when it is a block's
/// worth. Where free sections are not used, or the first one of its class would be this one, the rest takes it.
bool FileSpace::absorb(Aggregator& own, Kind kind, const Entry& hole) noexcept {
  const bool keeps_sections = strategy_ != Strategy::kEndOfFile && keeps_sections_[hole.tag];
  keeps_sections_[hole.tag] = true;
  if (own.size == 0 || (own.offset != end_of(hole) && own.offset + own.size != hole.first)) return false;
  if (own.size + hole.second >= own.block && keeps_sections) {
    const Aggregator old = own;
    take_rest(old);
    own = {.block = old.block};
    give(old.offset, old.size, hole.tag);
    return true;
  }
  take_rest(own);
  sections_.remove(sections_.starting(hole.first));
  if (hole.first < own.offset) {
    own.offset = hole.first;
    own.total -= std::min(own.total, hole.second);
  }
  own.size += hole.second;
  own.total = std::max(own.total, own.size);
  put_rest(own, kind);
  return true;
}

/// Space that nothing can refer to any more: it joins its neighbours, the end of the file or the rest of a block.
void FileSpace::give(uint64_t offset, uint64_t size, FreeClass free_class) noexcept {
  if (page_size_ != 0 && free_class != 0 && offset / page_size_ != (offset + size - 1) / page_size_) {
    // A part of a large block that was freed on purpose; a section for small blocks ends where its page does.
    const uint64_t boundary = (offset / page_size_ + 1) * page_size_;
    give(offset, boundary - offset, free_class);
    give(boundary, offset + size - boundary, free_class);
    return;
  }
  settle(sections_.add_free(offset, size, free_class));
}

/// What became free joins the end of the file or the rest of a block.
void FileSpace::settle(const Entry& hole) noexcept {
  if (end_of(hole) == end_of_file() && shrink(hole)) {
    // What was before it may be free and of another class.
    const Cursor last = sections_.by_address().back();
    if (last && sections_.get(last).tag < kFreeClasses && end_of(sections_.get(last)) == end_of_file()) {
      (void)shrink(sections_.get(last));
    }
    return;
  }
  if (page_size_ != 0) return;
  if (hole.tag == 1) {
    (void)absorb(metadata_, Kind::kMetadata, hole);
  } else {
    (void)absorb(raw_, Kind::kRaw, hole);
  }
}

}  // namespace freestone::filespace
