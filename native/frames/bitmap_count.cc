// Looking at a block's bitmap without changing it.
#include <algorithm>

#include "frames/bitmap.h"

namespace freestone::frames {

bool BlockBits::is_used(uint32_t first, uint32_t frames) const noexcept {
  for (uint32_t end = first + frames; first < end;) {
    const uint32_t position = first % kWordFrames;
    const uint32_t count = std::min(kWordFrames - position, end - first);
    const auto mask = static_cast<uint32_t>(((uint64_t{1} << count) - 1) << position);
    if ((used_mask(first / kWordFrames) & mask) != mask) return false;
    first += count;
  }
  return true;
}

uint32_t BlockBits::run_at(uint32_t first) const noexcept {
  if ((start_mask(first / kWordFrames) >> (first % kWordFrames) & 1) == 0) return 0;
  uint32_t end = first + 1;
  while (end < kBlockFrames && continues(words_[end / kWordFrames].load(std::memory_order_acquire), end)) ++end;
  return end - first;
}

uint32_t BlockBits::used_count() const noexcept {
  uint32_t count = 0;
  for (uint32_t i = 0; i < kBlockWords; ++i) count += static_cast<uint32_t>(std::popcount(used_mask(i)));
  return count;
}

uint32_t BlockBits::free_count() const noexcept {
  uint32_t count = 0;
  for (uint32_t i = 0; i < kBlockWords; ++i) count += static_cast<uint32_t>(std::popcount(free_mask(i)));
  return count;
}

bool BlockBits::any_free() const noexcept {
  for (const auto& word : words_) {
    if (free_of(word.load(std::memory_order_seq_cst)) != 0) return true;
  }
  return false;
}

bool BlockBits::all_used() const noexcept {
  for (const auto& word : words_) {
    if (static_cast<uint32_t>(word.load(std::memory_order_relaxed)) != UINT32_MAX) return false;
  }
  return true;
}

int BlockBits::longest_class() const noexcept {
  constexpr uint32_t kCount = kBlockFrames / 64;
  uint64_t bits[kCount];
  uint64_t any = 0;
  uint64_t all = UINT64_MAX;
  for (uint32_t i = 0; i < kCount; ++i) {
    bits[i] = uint64_t{free_of(words_[2 * i].load(std::memory_order_seq_cst))} |
              uint64_t{free_of(words_[2 * i + 1].load(std::memory_order_seq_cst))} << kWordFrames;
    any |= bits[i];
    all &= bits[i];
  }
  if (any == 0) return -1;
  if (all == UINT64_MAX) return static_cast<int>(kBlockOrder);
  // After round k a bit means that 2^k free frames begin there.
  for (int found = 0;; ++found) {
    const uint32_t distance = 1U << found;
    uint64_t longer = 0;
    for (uint32_t i = 0; i < kCount; ++i) {
      const uint32_t low = i + distance / 64;
      const uint32_t shift = distance % 64;
      uint64_t above = low < kCount ? bits[low] >> shift : 0;
      if (shift != 0 && low + 1 < kCount) above |= bits[low + 1] << (64 - shift);
      bits[i] &= above;
      longer |= bits[i];
    }
    if (longer == 0) return found;
  }
}

uint32_t BlockBits::free_around(uint32_t first) const noexcept {
  const uint32_t word = first / kWordFrames;
  const uint32_t open = free_mask(word);
  if ((open >> (first % kWordFrames) & 1) == 0) return 0;
  const auto above = static_cast<uint32_t>(std::countr_one(open >> (first % kWordFrames)));
  const auto below = static_cast<uint32_t>(std::countl_one(open << (kWordFrames - 1 - first % kWordFrames))) - 1;
  uint32_t count = above + below;
  if (first % kWordFrames + above == kWordFrames) {
    for (uint32_t i = word + 1; i < kBlockWords; ++i) {
      const auto more = static_cast<uint32_t>(std::countr_one(free_mask(i)));
      count += more;
      if (more < kWordFrames) break;
    }
  }
  if (below == first % kWordFrames) {
    for (uint32_t i = word; i-- > 0;) {
      const auto more = static_cast<uint32_t>(std::countl_one(free_mask(i)));
      count += more;
      if (more < kWordFrames) break;
    }
  }
  return count;
}

}  // namespace freestone::frames
