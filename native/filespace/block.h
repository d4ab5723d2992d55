#pragma once
// A range of a file's addresses, and what it means for two of them to overlap.
//   threads: pure functions.    memory: `validate_no_overlaps` sorts a copy.
#include <cstdint>
#include <span>

#include "base/base.h"

namespace freestone::filespace {

/// `size` bytes from `offset` on.
struct Block {
  uint64_t offset = 0;
  uint64_t size = 0;

  friend constexpr bool operator==(const Block&, const Block&) noexcept = default;
};

/// The address after the block's last byte; `kMaxAddress` when that is out of range.
[[nodiscard]] constexpr uint64_t end_of(const Block& block) noexcept {
  return base::checked_add(block.offset, block.size).value_or(base::kMaxAddress);
}

/// Whether a byte belongs to both. Touching blocks do not overlap, and an empty one overlaps nothing.
[[nodiscard]] constexpr bool overlap(const Block& a, const Block& b) noexcept {
  return a.size != 0 && b.size != 0 && a.offset < end_of(b) && b.offset < end_of(a);
}

/// `kOverlap` when any two of `blocks` do, in whatever order they come; `kInvalidArgument` when one ends beyond
/// `kMaxAddress`.
[[nodiscard]] base::Status validate_no_overlaps(std::span<const Block> blocks) noexcept;

}  // namespace freestone::filespace
