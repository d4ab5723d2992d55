#pragma once
// A set of blocks in which a member is found in a few steps, however many blocks there are: a bit a block, above it a
// bit for every 64 that says whether any of them is set, and so on up to one word.
//   threads: any, without locks.    memory: 65/64 of a bit a block, given to `init`, which must be zero; not touched
//   before it is used.
//
// It is a hint. Who finds a block here asks the block itself (its state, then its bitmap) before anything is done.
//   No member is lost: `insert` sets the bottom bit first and then looks at every level above, whether its bit is set,
// and sets it if not. `erase` that leaves a word empty clears the bit above, and then looks at the word again: if a bit
// was set meanwhile, it sets the bit above again. So when both are done, a bit above is set if one below is. In between
// the bit above may be missing for a moment: `find` may then miss a member, `sweep`, which reads the bottom level, does
// not. Whoever is about to report that there is no memory sweeps.
#include <atomic>
#include <cstdint>

#include "frames/types.h"

namespace freestone::frames {

class Summary {
 public:
  /// Words that a summary of `blocks` blocks takes.
  [[nodiscard]] static size_t words_for(uint32_t blocks) noexcept;
  void init(std::atomic<uint64_t>* words, uint32_t blocks) noexcept;

  void insert(uint32_t block) noexcept;
  void erase(uint32_t block) noexcept;
  [[nodiscard]] bool contains(uint32_t block) const noexcept {
    return (levels_[0][block / 64].load(std::memory_order_acquire) >> (block % 64) & 1) != 0;
  }
  /// The first member from `from` on; `kNoBlock` when none is seen.
  [[nodiscard]] uint32_t find(uint32_t from) const noexcept;
  /// As `find`, by the bottom level alone.
  [[nodiscard]] uint32_t sweep(uint32_t from) const noexcept;

 private:
  static constexpr uint32_t kMostLevels = 6;
  std::atomic<uint64_t>* levels_[kMostLevels] = {};
  uint32_t sizes_[kMostLevels] = {};
  uint32_t count_ = 0;
};

}  // namespace freestone::frames
