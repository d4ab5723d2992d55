#include "pipeline/box.h"

#include <optional>

namespace freestone::pipeline {

using base::Code;
using base::Result;
using base::Status;

namespace {

/// Whether the box stays within `length` bytes. No count is 0.
bool fits(const BoxPlace& place, std::span<const uint64_t> counts, uint64_t element_size, uint64_t length) noexcept {
  auto end = base::checked_add(place.offset, element_size);
  uint64_t before = 0;
  for (size_t i = 0; i < counts.size() && end; ++i) {
    const int64_t stride = place.strides[i];
    const uint64_t step = stride < 0 ? 0 - static_cast<uint64_t>(stride) : static_cast<uint64_t>(stride);
    const auto span = base::checked_multiply(counts[i] - 1, step);
    if (!span) return false;
    if (stride >= 0) {
      end = base::checked_add(*end, *span);
    } else {
      if (*span > place.offset - before) return false;
      before += *span;
    }
  }
  return end && *end <= length;
}

}  // namespace

Result<Dimensions> Dimensions::make(uint64_t target_size, const BoxPlace& target, uint64_t target_element,
                                    uint64_t source_size, const BoxPlace& source, uint64_t source_element,
                                    std::span<const uint64_t> counts) noexcept {
  if (counts.size() > kMostDimensions) return Status(Code::kInvalidArgument, "a box has more than 32 dimensions");
  if (target.strides.size() != counts.size() || source.strides.size() != counts.size()) {
    return Status(Code::kInvalidArgument, "a box needs one stride per dimension");
  }
  if (target_element == 0 || source_element == 0) return Status(Code::kInvalidSize, "an element has no bytes");
  Dimensions box;
  for (const uint64_t count : counts) {
    if (count == 0) return box;
  }
  auto total = std::optional(target_element);
  for (const uint64_t count : counts) {
    total = base::checked_multiply(*total, count);
    if (!total || *total > target_size) return Status(Code::kInvalidArgument, "a box has more bytes than its target");
  }
  if (!fits(target, counts, target_element, target_size)) {
    return Status(Code::kInvalidArgument, "a box leaves its target");
  }
  if (!fits(source, counts, source_element, source_size)) {
    return Status(Code::kInvalidArgument, "a box leaves its source");
  }
  box.elements_ = *total / target_element;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 1) continue;
    const Dimension inner{counts[i], target.strides[i], source.strides[i]};
    if (box.size_ > 0) {
      Dimension& outer = box.list_[box.size_ - 1];
      if (inner.target_span() == outer.target_stride && inner.source_span() == outer.source_stride) {
        outer = {outer.count * inner.count, inner.target_stride, inner.source_stride};
        continue;
      }
    }
    box.list_[box.size_++] = inner;
  }
  return box;
}

}  // namespace freestone::pipeline
