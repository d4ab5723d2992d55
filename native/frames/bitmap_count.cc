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

FreeMap::FreeMap(const BlockBits& bits) noexcept {
  for (uint32_t i = 0; i < kCount; ++i) {
    words_[i] = uint64_t{BlockBits::free_of(bits.words_[2 * i].load(std::memory_order_seq_cst))} |
                uint64_t{BlockBits::free_of(bits.words_[2 * i + 1].load(std::memory_order_seq_cst))} << kWordFrames;
  }
}

uint32_t FreeMap::longest() const noexcept {
  uint64_t all = UINT64_MAX;
  for (const uint64_t word : words_) all &= word;
  if (all == UINT64_MAX) return kBlockFrames;
  // Bits where at least 2^k free frames begin, for each k until none is left.
  uint64_t levels[kBlockOrder + 1][kCount];
  uint64_t any = 0;
  for (uint32_t i = 0; i < kCount; ++i) any |= levels[0][i] = words_[i];
  if (any == 0) return 0;
  const auto meet = [](uint64_t* into, const uint64_t* low, const uint64_t* high, uint32_t distance) noexcept {
    uint64_t left = 0;
    const uint32_t skip = distance / 64;
    const uint32_t shift = distance % 64;
    for (uint32_t i = 0; i < kCount; ++i) {
      uint64_t above = i + skip < kCount ? high[i + skip] >> shift : 0;
      if (shift != 0 && i + skip + 1 < kCount) above |= high[i + skip + 1] << (64 - shift);
      into[i] = low[i] & above;
      left |= into[i];
    }
    return left != 0;
  };
  uint32_t level = 0;
  while (meet(levels[level + 1], levels[level], levels[level], 1U << level)) ++level;
  // Then what still fits behind, from large to small.
  uint32_t length = 1U << level;
  uint64_t now[kCount];
  uint64_t next[kCount];
  std::copy_n(levels[level], kCount, now);
  while (level-- > 0) {
    if (!meet(next, now, levels[level], length)) continue;
    std::copy_n(next, kCount, now);
    length += 1U << level;
  }
  return length;
}

bool FreeMap::grown(const BlockBits& bits) const noexcept {
  const FreeMap now(bits);
  uint64_t more = 0;
  for (uint32_t i = 0; i < kCount; ++i) more |= now.words_[i] & ~words_[i];
  return more != 0;
}

}  // namespace freestone::frames
