#include "pipeline/copy_dimensions.h"

#include <cstring>

namespace freestone::pipeline {

namespace {

/// Copies `count` words that lie side by side, each with its bytes reversed.
template <typename Word>
void swap_words(uint8_t* target, const uint8_t* source, uint64_t count) noexcept {
  for (uint64_t i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, source + i * sizeof(Word), sizeof(Word));
    word = base::byte_swap(word);
    std::memcpy(target + i * sizeof(Word), &word, sizeof(Word));
  }
}

/// `size` bytes, in words of `swap_size`.
void copy_run(uint8_t* target, const uint8_t* source, uint64_t size, uint64_t swap_size) noexcept {
  switch (swap_size) {
    case 0:
    case 1:
      std::memmove(target, source, size);  // the two arrays may be one
      return;
    case 2:
      return swap_words<uint16_t>(target, source, size / 2);
    case 4:
      return swap_words<uint32_t>(target, source, size / 4);
    case 8:
      return swap_words<uint64_t>(target, source, size / 8);
    default:
      // Both ends of a word are read before either is written, so that a word may be reversed in place.
      for (uint64_t word = 0; word < size; word += swap_size) {
        for (uint64_t low = 0, high = swap_size - 1; low <= high; ++low, --high) {
          const uint8_t first = source[word + low];
          const uint8_t last = source[word + high];
          target[word + low] = last;
          target[word + high] = first;
        }
      }
  }
}

/// Two words that are moved as one.
struct Pair {
  uint64_t words[2];
};

/// Elements of a size that the compiler knows, apart from each other.
template <typename Word, bool kSwap>
void copy_elements(uint8_t* target, const uint8_t* source, const Dimension& inner) noexcept {
  for (uint64_t i = 0; i < inner.count; ++i) {
    Word word;
    std::memcpy(&word, source, sizeof(Word));
    if constexpr (kSwap) word = base::byte_swap(word);
    std::memcpy(target, &word, sizeof(Word));
    target += inner.target_stride;
    source += inner.source_stride;
  }
}

/// The innermost dimension, element by element.
void copy_row(uint8_t* target, const uint8_t* source, const Dimension& inner, uint64_t element_size,
              uint64_t swap_size) noexcept {
  const bool swap = swap_size > 1;
  if (!swap || swap_size == element_size) {
    switch (element_size) {
      case 1:
        return copy_elements<uint8_t, false>(target, source, inner);
      case 2:
        return swap ? copy_elements<uint16_t, true>(target, source, inner)
                    : copy_elements<uint16_t, false>(target, source, inner);
      case 4:
        return swap ? copy_elements<uint32_t, true>(target, source, inner)
                    : copy_elements<uint32_t, false>(target, source, inner);
      case 8:
        return swap ? copy_elements<uint64_t, true>(target, source, inner)
                    : copy_elements<uint64_t, false>(target, source, inner);
      case 16:
        if (!swap) return copy_elements<Pair, false>(target, source, inner);
        break;
      default:
        break;
    }
  }
  for (uint64_t i = 0; i < inner.count; ++i) {
    copy_run(target, source, element_size, swap_size);
    target += inner.target_stride;
    source += inner.source_stride;
  }
}

}  // namespace

void copy_dimensions(uint8_t* to, const uint8_t* from, std::span<const Dimension> dimensions, uint64_t element_size,
                     uint64_t swap_size) noexcept {
  uint64_t run = element_size;
  const auto side_by_side = static_cast<int64_t>(element_size);
  if (!dimensions.empty() && dimensions.back().target_stride == side_by_side &&
      dimensions.back().source_stride == side_by_side) {
    run = dimensions.back().count * element_size;
    dimensions = dimensions.first(dimensions.size() - 1);
  }
  if (dimensions.empty()) {
    copy_run(to, from, run, swap_size);
    return;
  }
  // The innermost dimension is a loop of its own.
  const Dimension inner = dimensions.back();
  (void)walk(to, from, dimensions.first(dimensions.size() - 1), [&](uint8_t* target, const uint8_t* source) noexcept {
    copy_row(target, source, inner, run, swap_size);
    return true;
  });
}

}  // namespace freestone::pipeline
