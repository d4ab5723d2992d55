#include "filespace/block.h"

#include <algorithm>

namespace freestone::filespace {

using base::Code;
using base::Status;

Status validate_no_overlaps(std::span<const Block> blocks) noexcept {
  base::Array<Block> sorted;
  if (!sorted.reserve(blocks.size())) return Status(Code::kOutOfMemory, "checking blocks for overlaps");
  for (const Block& block : blocks) {
    if (!base::checked_add(block.offset, block.size))
      return Status(Code::kInvalidArgument, "a block ends out of range");
    if (block.size == 0) continue;
    if (!sorted.push(block)) return Status(Code::kOutOfMemory, "checking blocks for overlaps");
  }
  std::sort(sorted.begin(), sorted.end(), [](const Block& a, const Block& b) noexcept { return a.offset < b.offset; });
  // In order and free of empty ones, an overlap of any two is also one of two neighbours.
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (overlap(sorted[i - 1], sorted[i])) return Status(Code::kOverlap, "two blocks overlap");
  }
  return {};
}

}  // namespace freestone::filespace
