#include "filespace/file_space.h"

#include <algorithm>
#include <functional>

namespace freestone::filespace {

using base::Code;
using base::Ref;
using base::Result;
using base::Status;

namespace {

constexpr uint64_t kMinPage = 512;
constexpr uint64_t kMaxPage = uint64_t{1} << 30;
/// The most sections that one call adds, counting those that a call takes apart and puts together again.
constexpr uint32_t kChanges = 8;

Status no_memory() noexcept { return Status(Code::kOutOfMemory, "changing file space"); }
/// What a block is for; `told` where it is not known.
Kind known_kind(const Entry& block, Kind told) noexcept {
  return kind_of(block.tag) == Kind::kDirect ? told : kind_of(block.tag);
}

Status not_live() noexcept { return Status(Code::kInvalidAddress, "this is not an allocated block"); }

}  // namespace

FileSpace::FileSpace(const Config& config) noexcept
    : initial_(config.initial_offset),
      limit_(config.limit),
      threshold_(config.alignment > 1 && config.page_size == 0 ? config.threshold : UINT64_MAX),
      alignment_(config.alignment),
      page_size_(config.page_size),
      track_(config.track),
      end_(config.initial_offset),
      appended_above_(config.page_size == 0 ? 0 : UINT64_MAX),
      strategy_(config.strategy),
      sections_(config.page_size, config.advise),
      committed_end_(config.initial_offset) {
  raw_.block = config.small_data_block;
  metadata_.block = config.metadata_block;
}

Result<Ref<FileSpace>> FileSpace::make(const Config& config) noexcept {
  if (config.limit > base::kMaxAddress) return Status(Code::kInvalidArgument, "the limit is out of range");
  if (config.initial_offset > config.limit) {
    return Status(Code::kInvalidArgument, "the initial offset is beyond the limit");
  }
  if (!base::is_power_of_two(config.alignment)) {
    return Status(Code::kInvalidAlignment, "an alignment is a power of two");
  }
  if (config.page_size != 0 && (config.page_size < kMinPage || config.page_size > kMaxPage)) {
    return Status(Code::kInvalidArgument, "a page has 512 bytes to 1 GiB");
  }
  if (config.page_size != 0 && !base::is_power_of_two(config.page_size)) {
    return Status(Code::kInvalidArgument, "a page size is a power of two");
  }
  if (config.metadata_block > base::kMaxAddress || config.small_data_block > base::kMaxAddress) {
    return Status(Code::kInvalidArgument, "a block size is out of range");
  }
  Ref<FileSpace> space = Ref<FileSpace>::make(config);
  if (!space) return Status(Code::kOutOfMemory, "making a file space");
  return space;
}

/// Brings what was appended into the index. False when there is no memory; what is left is tried again next time.
bool FileSpace::drain() const noexcept {
  return journal_.empty() || journal_.drain([this](const Block& block) noexcept {
    if (!sections_.reserve(1) || !reused_.reserve(reused_.size() + 1)) return false;
    put_live(block.offset, block.size, Kind::kDirect);
    return true;
  });
}

bool FileSpace::reserve(uint32_t changes) noexcept {
  return drain() && sections_.reserve(changes) &&
         (reused_.size() + changes <= reused_.capacity() || reused_.reserve(reused_.capacity() * 3 / 2 + changes)) &&
         (pending_.size() + changes <= pending_.capacity() ||
          pending_.reserve(pending_.capacity() * 3 / 2 + changes)) &&
         (undo_.size() + changes <= undo_.capacity() || undo_.reserve(undo_.capacity() * 3 / 2 + changes));
}

void FileSpace::publish() noexcept {
  if (page_size_ != 0) return;
  appended_above_.store(strategy_ == Strategy::kEndOfFile ? 0 : sections_.largest(0), std::memory_order_relaxed);
}

FreeClass FileSpace::class_of(Kind kind, uint64_t size) const noexcept {
  if (page_size_ != 0) return size >= page_size_ ? 0 : kind == Kind::kMetadata ? 1 : 2;
  return kind == Kind::kMetadata ? 1 : 0;
}

void FileSpace::count_live(const Entry& entry, bool more) const noexcept {
  const auto kind = static_cast<uint32_t>(kind_of(entry.tag));
  // Unsigned: adding the negative takes away.
  const uint64_t bytes = more ? entry.second : -entry.second;
  const uint64_t one = more ? 1 : -uint64_t{1};
  counts_.live_bytes += bytes;
  counts_.live_blocks += one;
  counts_.live_bytes_of[kind] += bytes;
  counts_.live_blocks_of[kind] += one;
}

void FileSpace::count_pending(const Entry& entry, bool more) noexcept {
  counts_.pending_bytes += more ? entry.second : -entry.second;
  counts_.pending_blocks += more ? 1 : -uint64_t{1};
}

void FileSpace::put_live(uint64_t offset, uint64_t size, Kind kind) const noexcept {
  if (!track_) return;
  const bool reused = offset < committed_end_;
  const uint8_t tag = tag_of(State::kLive, kind, reused);
  sections_.put(offset, size, tag);
  count_live({offset, size, tag}, true);
  if (reused) (void)reused_.push(offset);
}

Result<uint64_t> FileSpace::allocate(uint64_t size, uint64_t alignment, Kind kind) noexcept {
  if (size == 0 || size > base::kMaxAddress) return Status(Code::kInvalidSize, "a block has 1 byte or more");
  if (!base::is_power_of_two(alignment)) return Status(Code::kInvalidAlignment, "an alignment is a power of two");
  if (kind == Kind::kDirect && alignment == 1 && size < threshold_ &&
      size > appended_above_.load(std::memory_order_relaxed)) {
    return journal_.append(end_, limit_, size, track_);
  }
  const std::lock_guard guard(mutex_);
  if (!reserve(kChanges)) return no_memory();
  auto offset = place(size, size >= threshold_ ? std::max(alignment, alignment_) : alignment, kind);
  publish();
  return offset;
}

Status FileSpace::allocate_many(std::span<const uint64_t> sizes, std::span<uint64_t> offsets, Kind kind) noexcept {
  uint64_t total = 0;
  uint64_t least = UINT64_MAX;
  uint64_t most = 0;
  for (const uint64_t size : sizes) {
    const auto sum = base::checked_add(total, size);
    least = std::min(least, size);
    most = std::max(most, size);
    if (size == 0) return Status(Code::kInvalidSize, "a block has 1 byte or more");
    if (!sum) return Status(Code::kInvalidSize, "the sizes are out of range together");
    total = *sum;
  }
  if (kind == Kind::kDirect && total != 0 && most < threshold_ &&
      least > appended_above_.load(std::memory_order_relaxed)) {
    const auto start = journal_.append_many(end_, limit_, sizes, total, track_);
    if (!start.ok()) return start.status();
    uint64_t offset = start.value();
    for (size_t i = 0; i < sizes.size(); ++i) {
      offsets[i] = offset;
      offset += sizes[i];
    }
    return {};
  }
  const std::lock_guard guard(mutex_);
  for (size_t i = 0; i < sizes.size(); ++i) {
    auto offset = reserve(kChanges) ? place(sizes[i], sizes[i] >= threshold_ ? alignment_ : 1, kind)
                                    : Result<uint64_t>(no_memory());
    if (offset.ok()) {
      offsets[i] = offset.value();
      continue;
    }
    // Nothing can refer to these yet, so they need not wait for a commit.
    while (i-- > 0) {
      if (!sections_.reserve(kChanges)) break;
      if (const Cursor at = sections_.starting(offsets[i]); track_ && at) {
        count_live(sections_.get(at), false);
        sections_.remove(at);
      }
      give(offsets[i], sizes[i], class_of(kind, sizes[i]));
    }
    publish();
    return offset.status();
  }
  publish();
  return {};
}

bool FileSpace::is_live(Cursor at, uint64_t offset, uint64_t size) const noexcept {
  if (!at) return false;
  const Entry entry = sections_.get(at);
  return entry.first == offset && entry.second == size && state_of(entry.tag) == State::kLive;
}

/// Whether no section that is known has a byte of the range, and it lies in the file.
bool FileSpace::is_untouched(uint64_t offset, uint64_t size) const noexcept {
  if (offset < initial_ || offset + size > end_of_file()) return false;
  const Cursor at = sections_.by_address().at_most(offset + size - 1);
  return !at || end_of(sections_.get(at)) <= offset;
}

Status FileSpace::check_freed(uint64_t offset, uint64_t size) const noexcept {
  if (size == 0) return Status(Code::kInvalidSize, "a block has 1 byte or more");
  return base::checked_add(offset, size) ? Status() : Status(Code::kInvalidAddress, "the block ends out of range");
}

Status FileSpace::free(uint64_t offset, uint64_t size, Kind kind) noexcept {
  if (Status status = check_freed(offset, size); !status.ok()) return status;
  const std::lock_guard guard(mutex_);
  if (!reserve(1)) return no_memory();
  if (!track_) {
    if (!is_untouched(offset, size)) return not_live();
    const uint8_t tag = tag_of(State::kPending, kind, false);
    sections_.put(offset, size, tag);
    count_pending({offset, size, tag}, true);
  } else {
    const Cursor at = sections_.starting(offset);
    if (!is_live(at, offset, size)) return not_live();
    const Entry live = sections_.get(at);
    count_live(live, false);
    sections_.change(at, {offset, size, tag_of(State::kPending, known_kind(live, kind), is_fresh(live.tag))});
    count_pending(live, true);
  }
  (void)pending_.push(offset);
  return {};
}

Status FileSpace::free_range(uint64_t offset, uint64_t size, Kind kind) noexcept {
  if (!track_) return free(offset, size, kind);
  if (Status status = check_freed(offset, size); !status.ok()) return status;
  const std::lock_guard guard(mutex_);
  if (!drain()) return no_memory();
  const uint64_t end = offset + size;
  uint32_t count = 0;
  uint64_t covered = offset;
  for (Cursor at = sections_.by_address().at_most(offset); covered < end; at = sections_.by_address().next(at)) {
    if (!at) return not_live();
    const Entry entry = sections_.get(at);
    if (state_of(entry.tag) != State::kLive || entry.first > covered || end_of(entry) <= covered) return not_live();
    covered = end_of(entry);
    ++count;
  }
  if (!reserve(count * 2 + 2)) return no_memory();
  for (covered = offset; covered < end;) {
    const Cursor at = sections_.by_address().at_most(covered);
    const Entry entry = sections_.get(at);
    const uint64_t stop = std::min(end, end_of(entry));
    const bool fresh = is_fresh(entry.tag) || entry.first >= committed_end_;
    const bool whole = entry.first == covered && end_of(entry) == stop;
    if (!whole && !fresh) (void)undo_.push({entry.first, entry.second});
    const Entry freed{covered, stop - covered, tag_of(State::kPending, known_kind(entry, kind), is_fresh(entry.tag))};
    count_live(entry, false);
    if (entry.first < covered) {
      const Entry left{entry.first, covered - entry.first, entry.tag};
      sections_.change(at, left);
      count_live(left, true);
      sections_.put(freed.first, freed.second, freed.tag);
      if (is_fresh(freed.tag)) (void)reused_.push(freed.first);
    } else {
      sections_.change(at, freed);
    }
    if (stop < end_of(entry)) {
      const Entry right{stop, end_of(entry) - stop, entry.tag};
      sections_.put(right.first, right.second, right.tag);
      count_live(right, true);
      if (is_fresh(right.tag)) (void)reused_.push(right.first);
    }
    count_pending(freed, true);
    (void)pending_.push(covered);
    covered = stop;
  }
  return {};
}

Result<bool> FileSpace::extend(uint64_t offset, uint64_t old_size, uint64_t new_size) noexcept {
  if (Status status = check_freed(offset, old_size); !status.ok()) return status;
  if (new_size < old_size || !base::checked_add(offset, new_size)) {
    return Status(Code::kInvalidSize, "a block can only be made longer, and ends in range");
  }
  const std::lock_guard guard(mutex_);
  if (!reserve(kChanges)) return no_memory();
  Cursor at = sections_.by_address().at_most(offset);
  if (track_ ? !is_live(at, offset, old_size) : !is_untouched(offset, old_size)) return not_live();
  const uint64_t extra = new_size - old_size;
  if (extra == 0) return true;
  const Entry live = track_ ? sections_.get(at) : Entry{offset, old_size, tag_of(State::kLive, Kind::kDirect, false)};
  const Kind kind = kind_of(live.tag);
  const uint64_t from = offset + old_size;
  const bool in_page = page_size_ != 0 && old_size < page_size_;
  const Cursor behind = sections_.starting(from);
  // With pages the file ends with one, and what a large block leaves of it is free.
  const auto grow_pages = [&](uint64_t end, uint64_t more) noexcept {
    const auto pages = base::align_up(more, page_size_ == 0 ? 1 : page_size_);
    if (!pages || !grow_end(end, *pages)) return false;
    if (*pages > more) (void)sections_.add_free(end + more, *pages - more, 0);
    return true;
  };
  if (from == end_of_file()) {
    // A small block that the last page ends with would reach into the next.
    if (in_page || !grow_pages(from, extra)) return false;
  } else if (!behind) {
    return false;
  } else if (const Entry next = sections_.get(behind); state_of(next.tag) == State::kRest) {
    Aggregator& own = kind_of(next.tag) == Kind::kMetadata ? metadata_ : raw_;
    const uint64_t missing = extra > own.size ? extra - own.size : 0;
    if (missing > 0 && (end_of(next) != end_of_file() || !grow_end(end_of(next), missing))) return false;
    take_rest(own);
    const uint64_t used = extra - missing;
    own.offset += extra;
    own.size -= used;
    own.total += missing;
    put_rest(own, kind_of(next.tag));
  } else {
    if (next.tag >= kFreeClasses || next.tag != class_of(kind, old_size)) return false;
    if (next.second < extra) {
      if (in_page || page_size_ == 0 || end_of(next) != end_of_file()) return false;
      sections_.remove(behind);
      if (!grow_pages(end_of(next), extra - next.second)) {
        (void)sections_.add_free(next.first, next.second, next.tag);
        return false;
      }
    } else if (next.second == extra) {
      sections_.remove(behind);
    } else {
      sections_.change(behind, {next.first + extra, next.second - extra, next.tag});
    }
  }
  publish();
  if (!track_) return true;
  if (!is_fresh(live.tag) && offset < committed_end_) (void)undo_.push({offset, old_size});
  at = sections_.starting(offset);
  count_live(live, false);
  const Entry longer{offset, new_size, live.tag};
  sections_.change(at, longer);
  count_live(longer, true);
  return true;
}

/// What comes later is fetched meanwhile: first the leaf by address, and with what is in it those by size.
void FileSpace::prefetch_pending() const noexcept {
  constexpr size_t kSoon = 4;
  const size_t count = pending_.size();
  if (!sections_.by_address().is_large()) return;
  if (count > 2 * kSoon) sections_.prefetch(pending_[count - 1 - 2 * kSoon]);
  if (count > kSoon) sections_.prefetch_release(pending_[count - 1 - kSoon], 0);
}

Status FileSpace::commit() noexcept {
  const std::lock_guard guard(mutex_);
  if (!drain()) return no_memory();
  // From the lowest on: neighbours meet in the same leaves, which fill up.
  std::sort(pending_.begin(), pending_.end(), std::greater<>());
  while (!pending_.empty()) {
    if (!sections_.reserve(kChanges)) return no_memory();
    const uint64_t offset = pending_[pending_.size() - 1];
    prefetch_pending();
    pending_.pop();
    const Cursor at = sections_.starting(offset);
    const Entry entry = sections_.get(at);
    count_pending(entry, false);
    const FreeClass free_class = class_of(kind_of(entry.tag), entry.second);
    if (page_size_ == 0 || free_class == 0) {
      settle(sections_.release(at, free_class));
    } else {
      sections_.remove(at);
      give(entry.first, entry.second, free_class);
    }
  }
  for (const uint64_t offset : reused_.span()) {
    const Cursor at = sections_.starting(offset);
    if (!at) continue;
    const Entry entry = sections_.get(at);
    if (state_of(entry.tag) == State::kLive) {
      sections_.change(at, {offset, entry.second, tag_of(State::kLive, kind_of(entry.tag), false)});
    }
  }
  reused_.clear();
  undo_.clear();
  committed_end_ = end_of_file();
  publish();
  return {};
}

void FileSpace::undo(const Block& block) noexcept {
  const uint64_t end = end_of(block);
  Cursor at = sections_.starting(block.offset);
  const Entry first = sections_.get(at);
  uint64_t covered = block.offset;
  for (;;) {
    const Entry entry = sections_.get(at);
    covered = end_of(entry);
    (state_of(entry.tag) == State::kLive) ? count_live(entry, false) : count_pending(entry, false);
    sections_.remove(at);
    if (covered >= end) break;
    at = sections_.starting(covered);
  }
  const uint8_t tag = tag_of(State::kLive, kind_of(first.tag), false);
  sections_.put(block.offset, block.size, tag);
  count_live({block.offset, block.size, tag}, true);
  // What a large block was made longer by is space for large ones again, however short it is.
  if (covered > end) give(end, covered - end, class_of(kind_of(first.tag), std::max(block.size, covered - end)));
}

Status FileSpace::rollback() noexcept {
  if (!track_) return Status(Code::kUnsupported, "a rollback without tracking");
  const std::lock_guard guard(mutex_);
  if (!drain()) return no_memory();
  while (!undo_.empty()) {
    if (!sections_.reserve(kChanges)) return no_memory();
    const Block block = undo_[undo_.size() - 1];
    undo_.pop();
    undo(block);
  }
  const auto forget = [&](Cursor at) noexcept {
    const Entry entry = sections_.get(at);
    (state_of(entry.tag) == State::kLive) ? count_live(entry, false) : count_pending(entry, false);
    sections_.remove(at);
    give(entry.first, entry.second, class_of(kind_of(entry.tag), entry.second));
  };
  for (const uint64_t offset : pending_.span()) {
    const Cursor at = sections_.starting(offset);
    if (!at) continue;
    const Entry entry = sections_.get(at);
    if (state_of(entry.tag) != State::kPending || is_fresh(entry.tag) || offset >= committed_end_) continue;
    count_pending(entry, false);
    const uint8_t tag = tag_of(State::kLive, kind_of(entry.tag), false);
    sections_.change(at, {entry.first, entry.second, tag});
    count_live({entry.first, entry.second, tag}, true);
  }
  for (; !reused_.empty(); reused_.pop()) {
    if (!sections_.reserve(kChanges)) return no_memory();
    const Cursor at = sections_.starting(reused_[reused_.size() - 1]);
    if (at && is_fresh(sections_.get(at).tag) && sections_.get(at).tag >= kFreeClasses) forget(at);
  }
  // All blocks beyond the old end are of this commit; from the last one down, each shrinks the file.
  for (;;) {
    if (!sections_.reserve(kChanges)) return no_memory();
    Cursor at = sections_.by_address().back();
    while (at && sections_.get(at).first >= committed_end_ && state_of(sections_.get(at).tag) <= State::kRest) {
      at = sections_.by_address().previous(at);
    }
    if (!at || sections_.get(at).first < committed_end_) break;
    forget(at);
  }
  for (Aggregator* own : {&raw_, &metadata_}) {
    if (own->total != 0 && own->offset + own->size > committed_end_) {
      release_rest(*own, own == &raw_ ? Kind::kRaw : Kind::kMetadata);
    }
  }
  pending_.clear();
  committed_end_ = std::min(committed_end_, end_of_file());
  publish();
  return {};
}

Result<uint64_t> FileSpace::shrink_tail() noexcept {
  const std::lock_guard guard(mutex_);
  if (!reserve(kChanges)) return no_memory();
  const uint64_t before = end_of_file();
  for (bool again = true; again;) {
    again = false;
    for (Aggregator* own : {&raw_, &metadata_}) {
      if (own->size == 0 || own->offset + own->size != end_of_file()) continue;
      if (!sections_.reserve(kChanges)) return no_memory();
      release_rest(*own, own == &raw_ ? Kind::kRaw : Kind::kMetadata);
      again = true;
    }
    const Cursor last = sections_.by_address().back();
    if (last && sections_.get(last).tag < kFreeClasses && shrink(sections_.get(last))) again = true;
  }
  publish();
  return before - std::min(before, end_of_file());
}

Status FileSpace::release_blocks() noexcept {
  const std::lock_guard guard(mutex_);
  if (!reserve(kChanges)) return no_memory();
  release_rest(metadata_, Kind::kMetadata);
  release_rest(raw_, Kind::kRaw);
  publish();
  return {};
}

Strategy FileSpace::strategy() const noexcept {
  const std::lock_guard guard(mutex_);
  return strategy_;
}

void FileSpace::set_strategy(Strategy strategy) noexcept {
  const std::lock_guard guard(mutex_);
  strategy_ = strategy;
  publish();
}

Status FileSpace::restore(uint64_t end, std::span<const Section> free) noexcept {
  const std::lock_guard guard(mutex_);
  if (!drain()) return no_memory();
  if (end_of_file() != initial_ || sections_.by_address().size() != 0) {
    return Status(Code::kInvalidArgument, "a space that is in use cannot be restored");
  }
  if (end < initial_ || end > limit_) return Status(Code::kInvalidArgument, "the end is out of range");
  uint64_t last = initial_;
  for (const Section& section : free) {
    if (section.block.size == 0 || section.block.offset < last || end_of(section.block) > end) {
      return Status(Code::kInvalidArgument, "free sections overlap or lie outside of the file");
    }
    last = end_of(section.block);
    if (page_size_ != 0 && section.kind != Kind::kDirect &&
        section.block.offset / page_size_ != (last - 1) / page_size_) {
      return Status(Code::kInvalidArgument, "a free section for small blocks crosses a page");
    }
  }
  committed_end_ = end;
  uint64_t at = initial_;
  const auto all_live = [&](uint64_t to) noexcept {
    if (!track_ || at == to) return;
    const uint8_t tag = tag_of(State::kLive, Kind::kDirect, false);
    sections_.put(at, to - at, tag);
    count_live({at, to - at, tag}, true);
  };
  for (const Section& section : free) {
    if (!sections_.reserve(kChanges)) {
      while (const Cursor back = sections_.by_address().back()) sections_.remove(back);
      counts_ = {};
      committed_end_ = initial_;
      return no_memory();
    }
    all_live(section.block.offset);
    // With pages, what is for any kind is for large blocks, however short it is.
    const FreeClass free_class =
        page_size_ != 0 && section.kind == Kind::kDirect ? 0 : class_of(section.kind, section.block.size);
    (void)sections_.add_free(section.block.offset, section.block.size, free_class);
    keeps_sections_[free_class] = true;
    at = end_of(section.block);
  }
  if (!sections_.reserve(kChanges)) return no_memory();
  all_live(end);
  end_.store(end, std::memory_order_relaxed);
  publish();
  return {};
}

}  // namespace freestone::filespace
