#include "pipeline/copy_box.h"

#include <cstring>

namespace freestone::pipeline {

using base::Code;
using base::Status;

namespace {

/// One dimension after checking; strides of empty and single dimensions are gone.
struct Dimension {
  uint64_t count;
  uint64_t target_stride;
  uint64_t source_stride;
};

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
      default:
        break;
    }
  }
  for (uint64_t i = 0; i < inner.count; ++i) {
    copy_run(target + i * inner.target_stride, source + i * inner.source_stride, element_size, swap_size);
  }
}

/// Whether the box stays within `length` bytes. No count is 0.
bool fits(const BoxPlace& place, std::span<const uint64_t> counts, uint64_t element_size, uint64_t length) noexcept {
  auto end = base::checked_add(place.offset, element_size);
  for (size_t i = 0; i < counts.size() && end; ++i) {
    const auto span = base::checked_multiply(counts[i] - 1, place.strides[i]);
    end = span ? base::checked_add(*end, *span) : span;
  }
  return end && *end <= length;
}

}  // namespace

Status copy_box(base::Bytes target, const BoxPlace& target_place, base::ConstBytes source, const BoxPlace& source_place,
                std::span<const uint64_t> counts, uint64_t element_size, uint64_t swap_size) noexcept {
  if (counts.size() > kMostDimensions) return Status(Code::kInvalidArgument, "a box has more than 32 dimensions");
  if (target_place.strides.size() != counts.size() || source_place.strides.size() != counts.size()) {
    return Status(Code::kInvalidArgument, "a box needs one stride per dimension");
  }
  if (element_size == 0) return Status(Code::kInvalidSize, "an element has no bytes");
  if (swap_size > 1 && element_size % swap_size != 0) {
    return Status(Code::kInvalidArgument, "a word does not divide its element");
  }
  for (const uint64_t count : counts) {
    if (count == 0) return {};
  }
  auto total = std::optional(element_size);
  for (const uint64_t count : counts) {
    total = base::checked_multiply(*total, count);
    if (!total || *total > target.size()) return Status(Code::kInvalidArgument, "a box has more bytes than its target");
  }
  if (!fits(target_place, counts, element_size, target.size())) {
    return Status(Code::kInvalidArgument, "a box leaves its target");
  }
  if (!fits(source_place, counts, element_size, source.size())) {
    return Status(Code::kInvalidArgument, "a box leaves its source");
  }

  // Drop dimensions of one element, and make one of two neighbours wherever the outer goes on where the inner ends.
  Dimension dimensions[kMostDimensions];
  size_t rank = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 1) continue;
    const Dimension inner{counts[i], target_place.strides[i], source_place.strides[i]};
    if (rank > 0) {
      Dimension& outer = dimensions[rank - 1];
      if (base::checked_multiply(inner.count, inner.target_stride) == outer.target_stride &&
          base::checked_multiply(inner.count, inner.source_stride) == outer.source_stride) {
        outer = {outer.count * inner.count, inner.target_stride, inner.source_stride};
        continue;
      }
    }
    dimensions[rank++] = inner;
  }

  uint64_t run = element_size;
  if (rank > 0 && dimensions[rank - 1].target_stride == element_size &&
      dimensions[rank - 1].source_stride == element_size) {
    run = dimensions[--rank].count * element_size;
  }
  uint8_t* to = target.data() + target_place.offset;
  const uint8_t* from = source.data() + source_place.offset;
  if (rank == 0) {
    copy_run(to, from, run, swap_size);
    return {};
  }

  // An odometer over all dimensions but the innermost, which is a loop of its own.
  const Dimension& inner = dimensions[rank - 1];
  uint64_t position[kMostDimensions] = {};
  for (;;) {
    copy_row(to, from, inner, run, swap_size);
    size_t i = rank - 1;
    for (; i > 0; --i) {
      const Dimension& dimension = dimensions[i - 1];
      to += dimension.target_stride;
      from += dimension.source_stride;
      if (++position[i - 1] < dimension.count) break;
      to -= dimension.count * dimension.target_stride;
      from -= dimension.count * dimension.source_stride;
      position[i - 1] = 0;
    }
    if (i == 0) return {};
  }
}

}  // namespace freestone::pipeline
