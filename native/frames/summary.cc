#include "frames/summary.h"

#include <bit>

namespace freestone::frames {

size_t Summary::words_for(uint32_t blocks) noexcept {
  size_t total = 0;
  for (size_t size = blocks;;) {
    size = (size + 63) / 64;
    total += size;
    if (size <= 1) return total;
  }
}

void Summary::init(std::atomic<uint64_t>* words, uint32_t blocks) noexcept {
  count_ = 0;
  for (uint32_t size = blocks;;) {
    size = (size + 63) / 64;
    levels_[count_] = words;
    sizes_[count_++] = size;
    words += size;
    if (size <= 1) return;
  }
}

void Summary::insert(uint32_t block) noexcept {
  uint32_t position = block;
  for (uint32_t level = 0; level < count_; ++level, position /= 64) {
    std::atomic<uint64_t>& word = levels_[level][position / 64];
    const uint64_t bit = uint64_t{1} << (position % 64);
    // Sequentially consistent, here and in `erase`: of an insertion and an erasure that meet, one sees the other.
    if (level == 0 || (word.load(std::memory_order_seq_cst) & bit) == 0) word.fetch_or(bit, std::memory_order_seq_cst);
  }
}

void Summary::erase(uint32_t block) noexcept {
  uint32_t position = block;
  for (uint32_t level = 0; level < count_; ++level, position /= 64) {
    std::atomic<uint64_t>& word = levels_[level][position / 64];
    const uint64_t bit = uint64_t{1} << (position % 64);
    const uint64_t before = word.fetch_and(~bit, std::memory_order_seq_cst);
    if (level > 0 && levels_[level - 1][position].load(std::memory_order_seq_cst) != 0) {
      // Something came in below since that word was seen empty. The levels above may lack it as well.
      for (; level < count_; ++level, position /= 64) {
        levels_[level][position / 64].fetch_or(uint64_t{1} << (position % 64), std::memory_order_seq_cst);
      }
      return;
    }
    if ((before & ~bit) != 0) return;
  }
}

uint32_t Summary::find(uint32_t from) const noexcept {
  uint32_t level = 0;
  uint32_t position = from;
  for (;;) {
    const uint32_t word = position / 64;
    const uint64_t bits = word < sizes_[level]
                              ? levels_[level][word].load(std::memory_order_acquire) & (UINT64_MAX << (position % 64))
                              : 0;
    if (bits != 0) {
      position = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
      if (level == 0) return position;
      --level;
      position *= 64;
    } else {
      // A word that was empty although the bit above is set is passed over like any other.
      if (++level == count_) return kNoBlock;
      position = word + 1;
    }
  }
}

uint32_t Summary::sweep(uint32_t from) const noexcept {
  uint32_t word = from / 64;
  uint64_t mask = UINT64_MAX << (from % 64);
  for (; word < sizes_[0]; ++word, mask = UINT64_MAX) {
    const uint64_t bits = levels_[0][word].load(std::memory_order_seq_cst) & mask;
    if (bits != 0) return word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
  }
  return kNoBlock;
}

}  // namespace freestone::frames
