#include "frames/bitmap.h"

#include <algorithm>

namespace freestone::frames {

namespace {

/// The part of a range that lies in one word.
struct Part {
  uint32_t word;
  /// Over the word's frames.
  uint64_t mask;

  [[nodiscard]] bool whole() const noexcept { return mask == UINT32_MAX; }
  [[nodiscard]] uint64_t joined() const noexcept { return mask << kWordFrames; }
  [[nodiscard]] uint64_t both() const noexcept { return mask | mask << kWordFrames; }
};

constexpr uint64_t low_bits(uint32_t count) noexcept { return (uint64_t{1} << count) - 1; }

/// Calls `visit(part)` for the words of a range, ascending, while it returns true.
template <typename Visit>
bool each_part(uint32_t first, uint32_t frames, Visit visit) noexcept {
  const uint32_t end = first + frames;
  while (first < end) {
    const uint32_t position = first % kWordFrames;
    const uint32_t count = std::min(kWordFrames - position, end - first);
    if (!visit(Part{first / kWordFrames, low_bits(count) << position})) return false;
    first += count;
  }
  return true;
}

/// The same, descending.
template <typename Visit>
void each_part_down(uint32_t first, uint32_t frames, Visit visit) noexcept {
  for (uint32_t end = first + frames; end > first;) {
    const uint32_t start = std::max(first, (end - 1) / kWordFrames * kWordFrames);
    visit(Part{start / kWordFrames, low_bits(end - start) << (start % kWordFrames)});
    end = start;
  }
}

/// 512 bits, one a frame.
struct Wide {
  static constexpr uint32_t kCount = kBlockFrames / 64;
  uint64_t words[kCount];

  /// Each bit also asks for the one `distance` above it.
  void and_shifted(uint32_t distance) noexcept {
    const uint32_t skip = distance / 64;
    const uint32_t shift = distance % 64;
    for (uint32_t i = 0; i < kCount; ++i) {
      const uint64_t low = i + skip < kCount ? words[i + skip] : 0;
      const uint64_t high = i + skip + 1 < kCount ? words[i + skip + 1] : 0;
      words[i] &= shift == 0 ? low : low >> shift | high << (64 - shift);
    }
  }
  [[nodiscard]] bool any() const noexcept {
    uint64_t all = 0;
    for (const uint64_t word : words) all |= word;
    return all != 0;
  }
  /// Leaves only multiples of `alignment`.
  void keep_aligned(uint32_t alignment) noexcept {
    uint64_t pattern = 1;
    for (uint32_t step = alignment; step < 64; step *= 2) pattern |= pattern << step;
    for (uint32_t i = 0; i < kCount; ++i) words[i] &= i * 64 % alignment == 0 || alignment <= 64 ? pattern : 0;
  }
  [[nodiscard]] uint32_t first() const noexcept {
    for (uint32_t i = 0; i < kCount; ++i) {
      if (words[i] != 0) return i * 64 + static_cast<uint32_t>(std::countr_zero(words[i]));
    }
    return kNoPosition;
  }
};

/// Bits where at least `frames` set bits begin.
template <typename Bits, typename Shift>
Bits starts_of(Bits bits, uint32_t frames, Shift and_shifted) noexcept {
  for (uint32_t have = 1; have < frames;) {
    const uint32_t step = std::min(have, frames - have);
    and_shifted(bits, step);
    have += step;
  }
  return bits;
}

}  // namespace

uint32_t BlockBits::claim_ones(uint32_t word, uint32_t most) noexcept {
  uint64_t value = words_[word].load(std::memory_order_relaxed);
  while (uint32_t mask = free_of(value)) {
    while (static_cast<uint32_t>(std::popcount(mask)) > most) mask &= ~(uint32_t{1} << (31 - std::countl_zero(mask)));
    // As in `claim_one`.
    if (words_[word].compare_exchange_weak(value, value | mask, std::memory_order_acquire, std::memory_order_relaxed)) {
      return mask;
    }
  }
  return 0;
}

uint32_t BlockBits::claim_in_word(uint32_t frames, uint32_t alignment, uint32_t from_word) noexcept {
  uint32_t pattern = 1;
  for (uint32_t step = alignment; step < kWordFrames; step *= 2) pattern |= pattern << step;
  for (uint32_t step = 0; step < kBlockWords; ++step) {
    const uint32_t index = (from_word + step) % kBlockWords;
    uint64_t value = words_[index].load(std::memory_order_relaxed);
    for (;;) {
      const uint32_t starts =
          starts_of(free_of(value), frames, [](uint32_t& bits, uint32_t by) noexcept { bits &= bits >> by; }) & pattern;
      if (starts == 0) break;
      const auto position = static_cast<uint32_t>(std::countr_zero(starts));
      const uint64_t used = low_bits(frames) << position;
      const uint64_t joined = (used & (used - 1)) << kWordFrames;
      // As in `claim_one`.
      if (words_[index].compare_exchange_weak(value, value | used | joined, std::memory_order_acquire,
                                              std::memory_order_relaxed)) {
        return index * kWordFrames + position;
      }
    }
  }
  return kNoPosition;
}

uint32_t BlockBits::find(uint32_t frames, uint32_t alignment) const noexcept {
  Wide open;
  for (uint32_t i = 0; i < Wide::kCount; ++i) {
    open.words[i] = uint64_t{free_of(words_[2 * i].load(std::memory_order_relaxed))} |
                    uint64_t{free_of(words_[2 * i + 1].load(std::memory_order_relaxed))} << kWordFrames;
  }
  Wide starts = starts_of(open, frames, [](Wide& bits, uint32_t by) noexcept { bits.and_shifted(by); });
  starts.keep_aligned(alignment);
  return starts.first();
}

bool BlockBits::fits(uint32_t frames, uint32_t alignment) const noexcept {
  return find(frames, alignment) != kNoPosition;
}

uint32_t BlockBits::claim(uint32_t frames, uint32_t alignment, uint32_t from_word) noexcept {
  if (frames <= kWordFrames && alignment <= kWordFrames) {
    const uint32_t position = claim_in_word(frames, alignment, from_word);
    if (position != kNoPosition) return position;
    // A single frame, or one that fits a word at every alignment it may have, has nowhere else to be.
    if (frames == 1 || alignment >= std::bit_ceil(frames)) return kNoPosition;
  }
  for (;;) {
    const uint32_t first = find(frames, alignment);
    // Lost only when another thread has got a frame of it: look again.
    if (first == kNoPosition || claim_at(first, frames)) return first;
  }
}

bool BlockBits::claim_at(uint32_t first, uint32_t frames) noexcept {
  const uint64_t start = uint64_t{1} << (first % kWordFrames);
  if (first / kWordFrames == (first + frames - 1) / kWordFrames) {
    const Part part{first / kWordFrames, low_bits(frames) << (first % kWordFrames)};
    uint64_t value = words_[part.word].load(std::memory_order_relaxed);
    do {
      if ((value & part.both()) != 0) return false;
    } while (!words_[part.word].compare_exchange_weak(value,
                                                      value | part.mask | (part.joined() & ~(start << kWordFrames)),
                                                      std::memory_order_acquire, std::memory_order_relaxed));
    return true;
  }
  if (!hold_free(first, frames)) return false;
  const uint32_t head = kWordFrames - first % kWordFrames;
  each_part(first + head, frames - head, [&](const Part& part) noexcept {
    // Nobody else changes a word of which every frame is held by this thread.
    if (part.whole()) {
      words_[part.word].store(UINT64_MAX, std::memory_order_release);
    } else {
      words_[part.word].fetch_or(part.mask, std::memory_order_acq_rel);
    }
    return true;
  });
  // All (0,1) of the first word become (1,1), but the first becomes (1,0). Release: whoever sees it sees the rest.
  words_[first / kWordFrames].fetch_xor((low_bits(head) << (first % kWordFrames)) | start << kWordFrames,
                                        std::memory_order_acq_rel);
  return true;
}

bool BlockBits::hold_free(uint32_t first, uint32_t frames) noexcept {
  uint32_t held = 0;
  const bool all = each_part(first, frames, [&](const Part& part) noexcept {
    uint64_t value = words_[part.word].load(std::memory_order_relaxed);
    do {
      if ((value & part.both()) != 0) return false;
    } while (!words_[part.word].compare_exchange_weak(value, value | part.joined(), std::memory_order_acquire,
                                                      std::memory_order_relaxed));
    held += static_cast<uint32_t>(std::popcount(part.mask));
    return true;
  });
  if (all) return true;
  // Sequentially consistent as in `release`: for an onlooker these frames were taken and became free again.
  each_part(first, held, [&](const Part& part) noexcept {
    words_[part.word].fetch_and(~part.joined(), std::memory_order_seq_cst);
    return true;
  });
  return false;
}

bool BlockBits::cut(uint32_t first, uint32_t frames, uint32_t keep) noexcept {
  if (!pin(first, frames)) return false;
  // As in `release_pinned`. The frames that stay are in front of all that become free, so no other run can begin there.
  each_part_down(first + keep, frames - keep, [&](const Part& part) noexcept {
    words_[part.word].fetch_and(~part.both(), std::memory_order_seq_cst);
  });
  unpin(first);
  return true;
}

bool BlockBits::extend(uint32_t first, uint32_t frames, uint32_t more) noexcept {
  if (!pin(first, frames)) return false;
  const bool room = hold_free(first + frames, more);
  if (room) {
    each_part(first + frames, more, [&](const Part& part) noexcept {
      words_[part.word].fetch_or(part.mask, std::memory_order_acq_rel);
      return true;
    });
  }
  // Whoever sees the run live again sees all of it.
  unpin(first);
  return room;
}

bool BlockBits::is_run(uint32_t first, uint32_t frames) const noexcept {
  const uint64_t start = uint64_t{1} << (first % kWordFrames);
  uint64_t last = 0;
  const bool whole = each_part(first, frames, [&](const Part& part) noexcept {
    last = words_[part.word].load(std::memory_order_acquire);
    const uint64_t not_joined = part.word == first / kWordFrames ? start << kWordFrames : 0;
    return (last & part.both()) == (part.both() & ~not_joined);
  });
  return whole && !continues(last, first + frames);
}

bool BlockBits::pin(uint32_t first, uint32_t frames) noexcept {
  if (!is_run(first, frames)) return false;
  std::atomic<uint64_t>& word = words_[first / kWordFrames];
  const uint64_t used = uint64_t{1} << (first % kWordFrames);
  const uint64_t both = used | used << kWordFrames;
  uint64_t value = word.load(std::memory_order_relaxed);
  do {
    if ((value & both) != used) return false;
    // Acquire: pairs with the claim that made the run, and with `unpin`. From here on the run is this thread's.
  } while (!word.compare_exchange_weak(value, value ^ both, std::memory_order_acquire, std::memory_order_relaxed));
  // It may have been freed, and another begun here, since it was looked at.
  uint64_t last = value;
  const bool same = each_part(first, frames, [&](const Part& part) noexcept {
    last = words_[part.word].load(std::memory_order_acquire);
    const uint64_t begun = part.word == first / kWordFrames ? used : 0;
    return (last & part.both()) == (part.both() & ~begun);
  });
  if (same && !continues(last, first + frames)) return true;
  unpin(first);
  return false;
}

void BlockBits::unpin(uint32_t first) noexcept {
  const uint64_t used = uint64_t{1} << (first % kWordFrames);
  words_[first / kWordFrames].fetch_xor(used | used << kWordFrames, std::memory_order_release);
}

void BlockBits::release_pinned(uint32_t first, uint32_t frames) noexcept {
  // Each as in `release`. The last word first: a run that another thread makes of the frames before must not find ours
  // behind it, which would look like its continuation. The first word last: until then `first` is held and no run can
  // begin there.
  const uint32_t head = std::min(frames, kWordFrames - first % kWordFrames);
  each_part_down(first + head, frames - head, [&](const Part& part) noexcept {
    // Nobody else changes a word of which every frame belongs to this run.
    if (part.whole()) {
      words_[part.word].store(0, std::memory_order_release);
    } else {
      words_[part.word].fetch_and(~part.both(), std::memory_order_release);
    }
  });
  const uint64_t mask = low_bits(head) << (first % kWordFrames);
  words_[first / kWordFrames].fetch_and(~(mask | mask << kWordFrames), std::memory_order_seq_cst);
}

bool BlockBits::release_run(uint32_t first, uint32_t frames) noexcept {
  if (first + frames > kBlockFrames) return false;
  if (first / kWordFrames != (first + frames - 1) / kWordFrames) {
    if (!pin(first, frames)) return false;
    release_pinned(first, frames);
    return true;
  }
  std::atomic<uint64_t>& word = words_[first / kWordFrames];
  const uint64_t used = low_bits(frames) << (first % kWordFrames);
  const uint64_t both = used | used << kWordFrames;
  const uint64_t live = used | (used & (used - 1)) << kWordFrames;
  uint64_t value = word.load(std::memory_order_relaxed);
  do {
    if ((value & both) != live || continues(value, first + frames)) return false;
    // As in `release`.
  } while (!word.compare_exchange_weak(value, value & ~both, std::memory_order_seq_cst, std::memory_order_relaxed));
  return true;
}

bool BlockBits::pin_ones(uint32_t word, uint32_t mask) noexcept {
  uint64_t value = words_[word].load(std::memory_order_relaxed);
  do {
    const auto used = static_cast<uint32_t>(value);
    const auto joined = static_cast<uint32_t>(value >> kWordFrames);
    if ((used & mask) != mask || (joined & mask) != 0) return false;
    // None may go on: not into the frame above, which for the highest is in the next word.
    if (((used & joined) >> 1 & mask) != 0) return false;
    if (mask >> 31 != 0 && continues(value, (word + 1) * kWordFrames)) return false;
    // As in `pin`.
  } while (!words_[word].compare_exchange_weak(value, value ^ (uint64_t{mask} | uint64_t{mask} << kWordFrames),
                                               std::memory_order_acquire, std::memory_order_relaxed));
  return true;
}

void BlockBits::unpin_ones(uint32_t word, uint32_t mask) noexcept {
  words_[word].fetch_xor(uint64_t{mask} | uint64_t{mask} << kWordFrames, std::memory_order_release);
}

void BlockBits::release_pinned_ones(uint32_t word, uint32_t mask) noexcept {
  // As in `release`.
  words_[word].fetch_and(~(uint64_t{mask} << kWordFrames), std::memory_order_seq_cst);
}

void BlockBits::release_head(uint32_t frames) noexcept {
  // The last word first, as in `release_pinned`.
  each_part_down(0, frames, [&](const Part& part) noexcept {
    words_[part.word].fetch_and(~part.both(), std::memory_order_seq_cst);
  });
}

void BlockBits::hold_at(uint32_t first, uint32_t frames) noexcept {
  each_part(first, frames, [&](const Part& part) noexcept {
    words_[part.word].fetch_or(part.joined(), std::memory_order_relaxed);
    return true;
  });
}

bool BlockBits::hold_all() noexcept {
  constexpr uint64_t kAllHeld = uint64_t{UINT32_MAX} << kWordFrames;
  for (uint32_t i = 0; i < kBlockWords; ++i) {
    uint64_t value = 0;
    // Acquire as in `claim_one`.
    if (words_[i].compare_exchange_strong(value, kAllHeld, std::memory_order_acquire, std::memory_order_relaxed)) {
      continue;
    }
    while (i-- > 0) words_[i].store(0, std::memory_order_seq_cst);
    return false;
  }
  return true;
}

void BlockBits::open(uint32_t frames, bool joined) noexcept {
  for (uint32_t i = kBlockWords; i-- > 0;) {
    const uint32_t count = std::min(kWordFrames, frames - std::min(frames, i * kWordFrames));
    const uint64_t mask = low_bits(count);
    const uint64_t start = i == 0 && !joined ? uint64_t{1} << kWordFrames : 0;
    // Release: what the block's last user did in it comes before what a claimer does.
    words_[i].store((mask | mask << kWordFrames) & ~start, std::memory_order_release);
  }
}

}  // namespace freestone::frames
