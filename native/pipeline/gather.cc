#include "pipeline/gather.h"

#include <algorithm>

#include "os/os.h"

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

/// What is read before it is converted: within the cache of one core.
constexpr uint64_t kWindowSize = uint64_t{256} << 10;
/// Reading so many bytes that nobody wants takes as long as asking for one range more.
constexpr uint64_t kMostGap = 1024;
/// Runs of this length go to where they belong without lying in the window first.
constexpr uint64_t kLeastDirect = 1024;
/// Ranges that are asked for at once.
constexpr size_t kMostRanges = 256;

}  // namespace

Result<ForeignBox> ForeignBox::make(uint64_t target_size, const BoxPlace& target, ConstBytes memory,
                                    const BoxPlace& source, std::span<const uint64_t> counts,
                                    const ElementForm& form) noexcept {
  const auto dimensions =
      Dimensions::make(target_size, target, form.target_size(), memory.size(), source, form.source_size(), counts);
  if (!dimensions.ok()) return dimensions.status();
  ForeignBox box;
  box.box_ = dimensions.value();
  box.form_ = form;
  box.from_ = memory.data() + source.offset;
  box.target_offset_ = target.offset;
  // Neighbours in memory are read together, whatever their order in the file.
  const auto all = box.box_.all();
  for (Dimension& dimension : all) {
    if (dimension.source_stride >= 0) continue;
    const auto steps = static_cast<int64_t>(dimension.count - 1);
    box.from_ += steps * dimension.source_stride;
    box.target_offset_ += static_cast<uint64_t>(steps * dimension.target_stride);
    dimension = {dimension.count, -dimension.target_stride, -dimension.source_stride};
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Dimension& a, const Dimension& b) noexcept { return a.source_stride > b.source_stride; });
  return box;
}

Status ForeignBox::fetch(Scratch& scratch, uint8_t* target) const noexcept {
  if (box_.empty() || (target == nullptr && !form_.refuses())) return {};
  Dimension list[kMostDimensions];
  size_t rank = 0;
  for (const Dimension& dimension : box_.all()) {
    list[rank++] = {dimension.count, target == nullptr ? 0 : dimension.target_stride, dimension.source_stride};
  }
  uint8_t* const to = target == nullptr ? nullptr : target + target_offset_;
  const uint64_t element = form_.source_size();

  Segments segments;
  uint64_t span = element;
  if (target != nullptr && form_.plain()) {
    const auto side_by_side = static_cast<int64_t>(element);
    const bool has_runs =
        rank > 0 && list[rank - 1].source_stride == side_by_side && list[rank - 1].target_stride == side_by_side;
    segments.span = has_runs ? list[rank - 1].count * element : element;
    if (segments.span >= kLeastDirect) {
      segments.outer_size = rank - (has_runs ? 1 : 0);
      std::copy_n(list, segments.outer_size, segments.outer);
      return fetch_runs(to, from_, segments);
    }
  }
  const uint64_t room = std::max(kWindowSize, element);
  uint8_t* const memory = scratch.take(room);
  if (memory == nullptr) return Status(Code::kOutOfMemory, "gathering elements");
  const Bytes window(memory, static_cast<size_t>(room));

  // Inner dimensions whose gaps are small are read with their gaps, up to the size of the window.
  size_t inner = rank;
  const auto stride = [](const Dimension& dimension) { return static_cast<uint64_t>(dimension.source_stride); };
  const auto is_near = [&] { return inner > 0 && stride(list[inner - 1]) <= span + kMostGap; };
  for (; is_near(); --inner) {
    const Dimension& next = list[inner - 1];
    const uint64_t wider = span + (next.count - 1) * stride(next);
    if (wider > room) break;
    span = wider;
  }
  // And so is a part of the one that does not fit as a whole.
  uint64_t part = 1;
  if (is_near()) part = (room - span) / stride(list[inner - 1]) + 1;
  std::copy_n(list, inner, segments.outer);
  segments.outer_size = inner;
  if (part == 1) {
    std::copy(list + inner, list + rank, segments.inner);
    segments.inner_size = rank - inner;
    segments.span = span;
    return fetch_segments(window, to, from_, segments);
  }
  const Dimension cut = list[inner - 1];
  std::copy(list + inner, list + rank, segments.inner + 1);
  segments.inner_size = rank - inner + 1;
  const auto cut_to = [&](uint64_t count) noexcept {
    segments.inner[0] = {count, cut.target_stride, cut.source_stride};
    segments.span = span + (count - 1) * stride(cut);
  };
  const uint64_t parts = cut.count / part;
  const uint64_t rest = cut.count % part;
  cut_to(part);
  segments.outer[inner - 1] = {parts, segments.inner[0].target_span(), segments.inner[0].source_span()};
  if (const Status status = fetch_segments(window, to, from_, segments); !status.ok() || rest == 0) return status;
  cut_to(rest);
  segments.outer_size = inner - 1;
  const auto done = static_cast<int64_t>(parts * part);
  return fetch_segments(window, to == nullptr ? nullptr : to + done * cut.target_stride,
                        from_ + done * cut.source_stride, segments);
}

Status ForeignBox::fetch_segments(Bytes window, uint8_t* to, const uint8_t* from,
                                  const Segments& segments) const noexcept {
  ConstBytes ranges[kMostRanges];
  uint8_t* targets[kMostRanges];
  const uint64_t most = std::min<uint64_t>(kMostRanges, window.size() / segments.span);
  size_t count = 0;
  Status status;
  const auto flush = [&]() noexcept {
    status = os::copy_foreign(window.data(), {ranges, count});
    for (size_t i = 0; i < count && status.ok(); ++i) {
      const uint8_t* const read = window.data() + i * segments.span;
      if (!form_.transform(targets[i], read, {segments.inner, segments.inner_size})) {
        status = Status(Code::kTypeMismatch, "a number that its type cannot hold");
      }
    }
    count = 0;
    return status.ok();
  };
  const bool all =
      walk(to, from, {segments.outer, segments.outer_size}, [&](uint8_t* target, const uint8_t* source) noexcept {
        ranges[count] = {source, static_cast<size_t>(segments.span)};
        targets[count] = target;
        return ++count < most || flush();
      });
  if (all && count > 0) (void)flush();
  return status;
}

Status ForeignBox::fetch_runs(uint8_t* to, const uint8_t* from, const Segments& segments) const noexcept {
  ConstBytes ranges[kMostRanges];
  size_t count = 0;
  uint8_t* first = to;
  Status status;
  const auto flush = [&]() noexcept {
    if (count > 0) status = os::copy_foreign(first, {ranges, count});
    count = 0;
    return status.ok();
  };
  const bool all =
      walk(to, from, {segments.outer, segments.outer_size}, [&](uint8_t* target, const uint8_t* source) noexcept {
        // Those that follow each other in the target go there in one call.
        if ((count == kMostRanges || target != first + count * segments.span) && !flush()) return false;
        if (count == 0) first = target;
        ranges[count++] = {source, static_cast<size_t>(segments.span)};
        return true;
      });
  if (all) (void)flush();
  return status;
}

}  // namespace freestone::pipeline
