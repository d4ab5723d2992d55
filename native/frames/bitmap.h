#pragma once
// The bitmap of one block: 512 frames in two cache lines of eight words; claimed and released with compare-and-swap.
//   threads: any, without locks.    memory: 128 bytes; all zeros is a block whose frames are all free.
//
// A word holds two bits for each of 32 frames: `used` in the low half and `joined` in the high half.
//
//     used joined
//      0     0     free
//      1     0     the first frame of a run
//      1     1     a later frame of a run
//      0     1     held: neither free nor in a run
//
// The two bits of a frame change in one step, so the start and the length of every run can be read off at any moment:
// a run ends where no (1,1) follows. That is why they share a word and are not two bitmaps.
//   A run that lies in one word appears and disappears in one compare-and-swap. One that spans words is first held word
// by word; whoever finds a frame taken lets go of what it held. Only when all of it is held does it become live, the
// first frame last. Its end is the reverse: the first frame becomes held, which one thread alone can do, then the
// others become free, the last ones first. So nobody can release a run that is half there, and a run never has a
// stranger's frame as its continuation, not even for a moment: a frame is (1,1) only while the frames before it, down
// to the first of its run, belong to the same claim.
//   All of a block's frames are held while the block is not lent to the bitmap: nothing can be claimed or released
// then, even by a thread that took the block for a lent one.
#include <atomic>
#include <bit>
#include <cstdint>

#include "frames/block_record.h"
#include "frames/types.h"

namespace freestone::frames {

/// Frames of a word.
inline constexpr uint32_t kWordFrames = 32;
inline constexpr uint32_t kBlockWords = kBlockFrames / kWordFrames;
/// No frame of a block.
inline constexpr uint32_t kNoPosition = UINT32_MAX;

/// Positions are 0 to 511 within the block; a range must lie within it.
class alignas(64) BlockBits {
 public:
  /// One free frame, from word `word` on and then from the start; `kNoPosition` when there is none.
  /// @param word set to the word it was found in
  /// @param filled set to whether that word has no free frame left
  [[nodiscard]] uint32_t claim_one(uint32_t& word, bool& filled) noexcept {
    for (uint32_t step = 0; step < kBlockWords; ++step) {
      const uint32_t index = (word + step) % kBlockWords;
      uint64_t value = words_[index].load(std::memory_order_relaxed);
      while (const uint32_t open = free_of(value)) {
        // Acquire: pairs with the release of whoever freed the frame, so that its last writes come before ours.
        if (words_[index].compare_exchange_weak(value, value | (open & -open), std::memory_order_acquire,
                                                std::memory_order_relaxed)) {
          word = index;
          filled = (open & (open - 1)) == 0;
          return index * kWordFrames + static_cast<uint32_t>(std::countr_zero(open));
        }
      }
    }
    return kNoPosition;
  }

  /// Up to `most` single frames at once, as a mask over the 32 frames of word `word`; 0 when none is free there.
  [[nodiscard]] uint32_t claim_ones(uint32_t word, uint32_t most) noexcept;

  /// `frames` adjacent free ones at a multiple of `alignment`, a power of two; the lowest such, or `kNoPosition`.
  [[nodiscard]] uint32_t claim(uint32_t frames, uint32_t alignment, uint32_t from_word) noexcept;

  /// Exactly these frames as one run. False, with nothing changed, when one of them is not free.
  [[nodiscard]] bool claim_at(uint32_t first, uint32_t frames) noexcept;

  /// Ends a run. False, with nothing changed, unless `first` starts a run of exactly `frames`.
  [[nodiscard]] bool release(uint32_t first, uint32_t frames) noexcept {
    uint32_t open = 0;
    return frames == 1 ? release_one(first, open) : release_run(first, frames);
  }
  /// The same for a run of one frame. @param open set to the frames of its word that are free then
  [[nodiscard]] bool release_one(uint32_t first, uint32_t& open) noexcept {
    std::atomic<uint64_t>& word = words_[first / kWordFrames];
    const uint64_t used = uint64_t{1} << (first % kWordFrames);
    uint64_t value = word.load(std::memory_order_relaxed);
    do {
      if ((value & (used | used << kWordFrames)) != used || continues(value, first + 1)) return false;
      // Sequentially consistent: as a release it pairs with the acquire of the next claim; in one order with the load
      // of the block's state that follows, it pairs with `Hybrid::settle`.
    } while (!word.compare_exchange_weak(value, value & ~used, std::memory_order_seq_cst, std::memory_order_relaxed));
    open = free_of(value & ~used);
    return true;
  }

  /// Makes a run's first frame held, so that nobody else can release the run; `unpin` makes it live again and `release`
  /// is refused in between. False unless `first` starts a run of exactly `frames`.
  [[nodiscard]] bool pin(uint32_t first, uint32_t frames) noexcept;
  void unpin(uint32_t first) noexcept;
  /// Ends a run that this thread has pinned.
  void release_pinned(uint32_t first, uint32_t frames) noexcept;

  /// As `pin`, `unpin` and `release_pinned`, for the runs of one frame that `mask` names in word `word`. `pin_ones` is
  /// false, with nothing changed, unless all are such.
  [[nodiscard]] bool pin_ones(uint32_t word, uint32_t mask) noexcept;
  void unpin_ones(uint32_t word, uint32_t mask) noexcept;
  void release_pinned_ones(uint32_t word, uint32_t mask) noexcept;

  /// Ends the last frames of a run, so that `keep` stay; or joins `more` free ones to its end. False, with nothing
  /// changed, unless `first` starts a run of exactly `frames`, and for `extend` when one of the others is not free.
  [[nodiscard]] bool cut(uint32_t first, uint32_t frames, uint32_t keep) noexcept;
  [[nodiscard]] bool extend(uint32_t first, uint32_t frames, uint32_t more) noexcept;

  /// Frees the first frames, which continue a run of the block before.
  void release_head(uint32_t frames) noexcept;

  /// Holds frames of a block that nobody uses yet, for good: frames that do not exist.
  void hold_at(uint32_t first, uint32_t frames) noexcept;
  /// Takes the whole block away from everyone. False, with nothing changed, unless all frames are free.
  [[nodiscard]] bool hold_all() noexcept;
  /// Opens a block that is all held or was never used: its first `frames` frames become one run, or with `joined` the
  /// continuation of a run of the block before; the others become free.
  void open(uint32_t frames, bool joined) noexcept;
  /// Whether the block was ever taken away by `hold_all`. Only for a block that is not lent.
  [[nodiscard]] bool was_held() const noexcept { return words_[0].load(std::memory_order_relaxed) != 0; }

  [[nodiscard]] bool is_run(uint32_t first, uint32_t frames) const noexcept;
  /// Whether all of these frames are in runs.
  [[nodiscard]] bool is_used(uint32_t first, uint32_t frames) const noexcept;
  /// The frames of the run that starts at `first`; 0 when none does.
  [[nodiscard]] uint32_t run_at(uint32_t first) const noexcept;

  [[nodiscard]] uint32_t used_count() const noexcept;
  /// Neither used nor held.
  [[nodiscard]] uint32_t free_count() const noexcept;
  /// Sequentially consistent loads, as are those of `FreeMap`: they pair with `release`.
  [[nodiscard]] bool any_free() const noexcept;
  [[nodiscard]] bool all_used() const noexcept;
  /// Whether `claim` would find a place.
  [[nodiscard]] bool fits(uint32_t frames, uint32_t alignment) const noexcept;
  /// How many adjacent frames, `first` among them, are free; 0 when it is not.
  [[nodiscard]] uint32_t free_around(uint32_t first) const noexcept {
    const uint32_t word = first / kWordFrames;
    const uint32_t at = first % kWordFrames;
    const uint32_t open = free_mask(word);
    if ((open >> at & 1) == 0) return 0;
    const Around around = Around::of(open, at);
    uint32_t count = around.length();
    if (around.to_top) count += free_from(word + 1);
    if (around.to_bottom) count += free_to(word);
    return count;
  }
  /// The class of `free_around`, or a higher one, by two more words at the most.
  /// @param open the free frames of the first one's word, itself among them
  [[nodiscard]] uint32_t most_class(uint32_t first, uint32_t open) const noexcept {
    if (open == UINT32_MAX) return kListClasses - 1;
    const uint32_t word = first / kWordFrames;
    const Around around = Around::of(open, first % kWordFrames);
    uint32_t count = around.length();
    if (around.to_top && word + 1 < kBlockWords) {
      const uint32_t next = free_mask(word + 1);
      if (next == UINT32_MAX) return kLongClass;
      count += static_cast<uint32_t>(std::countr_one(next));
    }
    if (around.to_bottom && word > 0) {
      const uint32_t previous = free_mask(word - 1);
      if (previous == UINT32_MAX) return kLongClass;
      count += static_cast<uint32_t>(std::countl_one(previous));
    }
    return class_of(count);
  }

  /// One of the sixteen words: its 32 free frames, used frames, and first frames of runs, as masks.
  [[nodiscard]] uint32_t free_mask(uint32_t word) const noexcept {
    return free_of(words_[word].load(std::memory_order_acquire));
  }
  [[nodiscard]] uint32_t used_mask(uint32_t word) const noexcept {
    return static_cast<uint32_t>(words_[word].load(std::memory_order_acquire));
  }
  [[nodiscard]] uint32_t start_mask(uint32_t word) const noexcept {
    const uint64_t value = words_[word].load(std::memory_order_acquire);
    return static_cast<uint32_t>(value) & ~static_cast<uint32_t>(value >> kWordFrames);
  }
  [[nodiscard]] uint32_t held_mask(uint32_t word) const noexcept {
    const uint64_t value = words_[word].load(std::memory_order_acquire);
    return static_cast<uint32_t>(value >> kWordFrames) & ~static_cast<uint32_t>(value);
  }

 private:
  friend class FreeMap;

  [[nodiscard]] static constexpr uint32_t free_of(uint64_t word) noexcept {
    return ~(static_cast<uint32_t>(word) | static_cast<uint32_t>(word >> kWordFrames));
  }

  /// The free frames on both sides of one of a word, itself among those above.
  struct Around {
    uint32_t above = 0;
    uint32_t below = 0;
    /// They reach the end of the word.
    bool to_top = false;
    bool to_bottom = false;

    [[nodiscard]] static Around of(uint32_t open, uint32_t at) noexcept {
      const auto above = static_cast<uint32_t>(std::countr_one(open >> at));
      const auto below = static_cast<uint32_t>(std::countl_one(open << (kWordFrames - 1 - at))) - 1;
      return {above, below, at + above == kWordFrames, below == at};
    }
    [[nodiscard]] uint32_t length() const noexcept { return above + below; }
  };

  /// Whether the frame at `next` is the continuation of the one before, whose word is `value`.
  [[nodiscard]] bool continues(uint64_t value, uint32_t next) const noexcept {
    if (next % kWordFrames == 0) {
      if (next == kBlockFrames) return false;
      value = words_[next / kWordFrames].load(std::memory_order_relaxed);
    }
    const uint64_t both = uint64_t{1} << (next % kWordFrames) | uint64_t{1} << (next % kWordFrames + kWordFrames);
    return (value & both) == both;
  }

  /// How many adjacent frames are free from the start of a word on, and down from it.
  [[nodiscard]] uint32_t free_from(uint32_t word) const noexcept {
    uint32_t count = 0;
    for (; word < kBlockWords; ++word) {
      const auto more = static_cast<uint32_t>(std::countr_one(free_mask(word)));
      count += more;
      if (more < kWordFrames) break;
    }
    return count;
  }
  [[nodiscard]] uint32_t free_to(uint32_t word) const noexcept {
    uint32_t count = 0;
    while (word-- > 0) {
      const auto more = static_cast<uint32_t>(std::countl_one(free_mask(word)));
      count += more;
      if (more < kWordFrames) break;
    }
    return count;
  }
  [[nodiscard]] bool release_run(uint32_t first, uint32_t frames) noexcept;
  /// Makes free frames held, all or none.
  [[nodiscard]] bool hold_free(uint32_t first, uint32_t frames) noexcept;
  /// The lowest place for a run; `kNoPosition` when there is none.
  [[nodiscard]] uint32_t find(uint32_t frames, uint32_t alignment) const noexcept;
  [[nodiscard]] uint32_t claim_in_word(uint32_t frames, uint32_t alignment, uint32_t from_word) noexcept;

  std::atomic<uint64_t> words_[kBlockWords];
};
static_assert(sizeof(BlockBits) == 128);

/// The free frames of a block as they were found.
class FreeMap {
 public:
  explicit FreeMap(const BlockBits& bits) noexcept;
  /// The length of the longest run of free frames.
  [[nodiscard]] uint32_t longest() const noexcept;
  /// Whether a frame is free now that was not.
  [[nodiscard]] bool grown(const BlockBits& bits) const noexcept;

 private:
  static constexpr uint32_t kCount = kBlockFrames / 64;
  uint64_t words_[kCount];
};

}  // namespace freestone::frames
