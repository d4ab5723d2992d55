#include "filespace/file_space.h"

#include <algorithm>

namespace freestone::filespace {

using base::Code;
using base::Ref;
using base::Result;
using base::Status;

Result<Ref<FileSpace>> FileSpace::make(uint64_t initial_offset, uint64_t limit) noexcept {
  if (limit > base::kMaxAddress) return Status(Code::kInvalidArgument, "the limit is out of range");
  if (initial_offset > limit) return Status(Code::kInvalidArgument, "the initial offset is beyond the limit");
  Ref<FileSpace> space = Ref<FileSpace>::make(initial_offset, limit);
  if (!space) return Status(Code::kOutOfMemory, "making a file space");
  return space;
}

Result<uint64_t> FileSpace::allocate(uint64_t size, uint64_t alignment) noexcept {
  if (size == 0 || size > base::kMaxAddress) return Status(Code::kInvalidSize, "a block has 1 byte or more");
  if (!base::is_power_of_two(alignment)) return Status(Code::kInvalidAlignment, "an alignment is a power of two");
  const std::lock_guard guard(mutex_);
  const auto start = base::align_up(end_, alignment);
  const auto end = start ? base::checked_add(*start, size) : std::nullopt;
  if (!end || *end > limit_) return Status(Code::kLimitExceeded, "the block would end beyond the file's limit");
  if (!blocks_.push({.offset = *start, .size = size})) return Status(Code::kOutOfMemory, "allocating file space");
  end_ = *end;
  return *start;
}

uint64_t FileSpace::end_of_file() const noexcept {
  const std::lock_guard guard(mutex_);
  return end_;
}

bool FileSpace::is_allocated(uint64_t offset, uint64_t size) const noexcept {
  const Block range{.offset = offset, .size = size};
  const std::lock_guard guard(mutex_);
  // Only the first block that ends after the range's start can be the lowest to overlap it.
  const Block* candidate = std::partition_point(blocks_.begin(), blocks_.end(),
                                                [&](const Block& block) noexcept { return end_of(block) <= offset; });
  return candidate != blocks_.end() && overlap(*candidate, range);
}

Result<base::Array<Block>> FileSpace::blocks() const noexcept {
  const std::lock_guard guard(mutex_);
  base::Array<Block> copy;
  if (!copy.assign(blocks_.span())) return Status(Code::kOutOfMemory, "listing blocks");
  return copy;
}

Status FileSpace::validate_no_overlaps() const noexcept {
  const std::lock_guard guard(mutex_);
  if (!blocks_.empty() && end_of(blocks_[blocks_.size() - 1]) > end_) {
    return Status(Code::kOverlap, "a block ends after the end of the file");
  }
  return filespace::validate_no_overlaps(blocks_.span());
}

}  // namespace freestone::filespace
