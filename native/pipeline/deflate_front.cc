#include "pipeline/deflate_front.h"

#include <algorithm>
#include <cstring>

#include "pipeline/byte_counts.h"

namespace freestone::pipeline {

using base::ConstBytes;

namespace {

constexpr size_t kPiece = 8192;
constexpr size_t kMostLiterals = 32'768;
/// How far back deflate copies from.
constexpr size_t kWindow = 32'768;

/// The chi-squared statistic of 256 equally likely values is 255 on average and beyond 360 once in 100,000 pieces. At
/// this, a code of bits saves half a percent, which is less than what saying the code takes.
constexpr uint64_t kMostUneven = 720;
/// Four bytes that were there before: to say where costs about what they cost themselves, so that nothing is lost with
/// so many in a piece. Six bytes save two or three.
constexpr unsigned kMostRepeats = 64;
constexpr unsigned kMostLongRepeats = 8;
/// Of so many places one is looked at.
constexpr size_t kStep = 4;
constexpr size_t kFew = 64;
/// What is looked at beyond a piece.
constexpr size_t kBehind = 7;

bool is_even(ConstBytes piece) noexcept {
  uint32_t counts[256];
  count_bytes(piece, counts);
  uint64_t squares = 0;
  for (const uint64_t count : counts) squares += count * count;
  constexpr uint64_t kExpected = kPiece / 256;
  return squares <= kPiece * kExpected + kMostUneven * kExpected;
}

/// How many bytes at the beginning are as the first one.
size_t constant_at_start(ConstBytes data) noexcept {
  if (data.empty()) return 0;
  const uint64_t wanted = data[0] * 0x0101'0101'0101'0101u;
  size_t size = 1;
  for (uint64_t word; size + sizeof word <= data.size(); size += sizeof word) {
    std::memcpy(&word, data.data() + size, sizeof word);
    if (word != wanted) break;
  }
  while (size < data.size() && data[size] == data[0]) ++size;
  return size;
}

bool begins_constant(ConstBytes data) noexcept {
  return data.size() >= kPiece && constant_at_start(data.first(kPiece)) == kPiece;
}

}  // namespace

bool DeflateFront::repeats(size_t from) noexcept {
  unsigned repeats = 0;
  unsigned long_repeats = 0;
  const uint8_t* const data = data_.data();
  const auto entry_of = [&](uint32_t bytes) -> uint32_t& { return table_[bytes * 2654435761u >> (32 - kTableBits)]; };
  for (size_t i = from; i < from + kPiece; i += kStep) {
    uint64_t next;
    std::memcpy(&next, data + i, sizeof next);
    const auto bytes = static_cast<uint32_t>(next);
    const size_t found = entry_of(bytes);
    for (size_t k = 0; k < kStep; ++k)
      entry_of(static_cast<uint32_t>(next >> 8 * k)) = static_cast<uint32_t>(i + k + 1);
    if (found == 0 || i + 1 - found > kWindow) continue;
    uint32_t before;
    std::memcpy(&before, data + found - 1, sizeof before);
    if (before != bytes) continue;
    ++repeats;
    if (std::memcmp(data + i + 4, data + found + 3, 2) == 0) ++long_repeats;
    if (repeats > kMostRepeats || long_repeats > kMostLongRepeats) return true;
  }
  return false;
}

FrontKind DeflateFront::look() noexcept {
  if (has_known_) return known_;
  has_known_ = true;
  if (data_.size() - at_ < kPiece + kBehind || repeats(at_)) {
    known_ = FrontKind::kOther;
  } else {
    known_ = is_even(data_.subspan(at_, kPiece)) ? FrontKind::kNoise : FrontKind::kLiterals;
  }
  return known_;
}

DeflateFront::Run DeflateFront::next() noexcept {
  if (!has_known_ && begins_constant(data_.subspan(at_))) {
    const size_t size = constant_at_start(data_.subspan(at_));
    // A few that what follows happens to begin with stay with it, where kinds of bytes end at round places.
    const size_t beyond = (at_ + size) % kPiece;
    const size_t taken = beyond < kFew ? size - beyond : size;
    at_ += taken;
    return {FrontKind::kConstant, taken};
  }
  const FrontKind kind = look();
  if (kind == FrontKind::kOther) return {};
  const size_t most = kind == FrontKind::kLiterals ? kMostLiterals : SIZE_MAX;
  size_t size = 0;
  do {
    size += kPiece;
    at_ += kPiece;
    has_known_ = false;
  } while (size < most && !begins_constant(data_.subspan(at_)) && look() == kind);
  return {kind, size};
}

}  // namespace freestone::pipeline
