#include "pipeline/lzf.h"

#include <algorithm>
#include <cstring>

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

// A control byte below 32 says how many literal bytes follow, less one. Otherwise its three upper bits are the length
// of a copy, less two, or seven for that and what the next byte adds; the five lower bits and the last byte say how far
// back it is, less one.
constexpr size_t kMostLiterals = 32;
constexpr size_t kMostBack = 1 << 13;
constexpr size_t kLeastCopy = 3;
constexpr size_t kMostCopy = 264;
constexpr size_t kLongCopy = 7 + 2;

constexpr unsigned kTableBits = 14;
constexpr size_t kTableSize = (size_t{1} << kTableBits) * sizeof(uint32_t);

uint32_t three_bytes(const uint8_t* at) noexcept { return uint32_t{at[0]} << 16 | uint32_t{at[1]} << 8 | at[2]; }

uint32_t slot_of(uint32_t bytes) noexcept { return bytes * 2654435761u >> (32 - kTableBits); }

Status check(const Step&) noexcept { return {}; }
bool keeps_size(const Step&) noexcept { return false; }
uint64_t most(const Step&, uint64_t size) noexcept { return most_compressed(size); }

/// As much as the chunk has: what needs more is stored without the filter.
Result<size_t> room(Scratch&, const Step&, size_t size) noexcept { return size; }

/// Writes into a place that may turn out to be too small.
class Output {
 public:
  explicit Output(Bytes into) noexcept : into_(into) {}

  [[nodiscard]] bool literals(const uint8_t* from, size_t count) noexcept {
    while (count > 0) {
      const size_t run = std::min(count, kMostLiterals);
      if (into_.size() - size_ < run + 1) return false;
      into_[size_++] = static_cast<uint8_t>(run - 1);
      std::memcpy(into_.data() + size_, from, run);
      size_ += run;
      from += run;
      count -= run;
    }
    return true;
  }

  [[nodiscard]] bool copy(size_t back, size_t length) noexcept {
    if (into_.size() - size_ < 3) return false;
    const auto high = static_cast<uint8_t>((back - 1) >> 8);
    if (length < kLongCopy) {
      into_[size_++] = static_cast<uint8_t>((length - 2) << 5 | high);
    } else {
      into_[size_++] = static_cast<uint8_t>(7 << 5 | high);
      into_[size_++] = static_cast<uint8_t>(length - kLongCopy);
    }
    into_[size_++] = static_cast<uint8_t>(back - 1);
    return true;
  }

  [[nodiscard]] size_t size() const noexcept { return size_; }

 private:
  const Bytes into_;
  size_t size_ = 0;
};

Result<size_t> encode(Scratch& scratch, const Step&, ConstBytes data, Bytes into) noexcept {
  const Status no_smaller(Code::kNoSpace, "lzf makes a chunk no smaller");
  uint8_t* const memory = scratch.table(kTableSize);
  if (memory == nullptr) return Status(Code::kOutOfMemory, "lzf");
  // Positions plus one, so that zero is none.
  auto* const table = reinterpret_cast<uint32_t*>(memory);
  std::memset(table, 0, kTableSize);
  // One byte less than there is: equal is no smaller.
  Output output(into.first(data.size() - 1));
  size_t literal = 0;
  size_t at = 0;
  while (at + kLeastCopy <= data.size()) {
    const uint32_t bytes = three_bytes(data.data() + at);
    uint32_t& entry = table[slot_of(bytes)];
    const size_t found = entry;
    entry = static_cast<uint32_t>(at + 1);
    const size_t back = at + 1 - found;
    if (found == 0 || back > kMostBack || three_bytes(data.data() + found - 1) != bytes) {
      ++at;
      continue;
    }
    const size_t most_length = std::min(kMostCopy, data.size() - at);
    size_t length = kLeastCopy;
    while (length < most_length && data[at + length] == data[at + length - back]) ++length;
    if (!output.literals(data.data() + literal, at - literal) || !output.copy(back, length)) return no_smaller;
    // The last two places in the copy, so that what follows it is found as well.
    for (size_t i = at + length - 2; i < at + length && i + kLeastCopy <= data.size(); ++i) {
      table[slot_of(three_bytes(data.data() + i))] = static_cast<uint32_t>(i + 1);
    }
    at += length;
    literal = at;
  }
  if (!output.literals(data.data() + literal, data.size() - literal)) return no_smaller;
  return output.size();
}

Result<size_t> decode(Scratch&, const Step&, ConstBytes data, Bytes into) noexcept {
  const Status damaged(Code::kCorruptFile, "a chunk compressed with lzf is damaged");
  const Status too_long(Code::kLimitExceeded, "a chunk compressed with lzf is too long");
  size_t filled = 0;
  size_t at = 0;
  while (at < data.size()) {
    const size_t control = data[at++];
    if (control < kMostLiterals) {
      const size_t run = control + 1;
      if (data.size() - at < run) return damaged;
      if (into.size() - filled < run) return too_long;
      std::memcpy(into.data() + filled, data.data() + at, run);
      filled += run;
      at += run;
      continue;
    }
    size_t length = (control >> 5) + 2;
    if (length == kLongCopy) {
      if (at == data.size()) return damaged;
      length += data[at++];
    }
    if (at == data.size()) return damaged;
    const size_t back = ((control & 31) << 8 | data[at++]) + 1;
    if (back > filled) return damaged;
    if (into.size() - filled < length) return too_long;
    uint8_t* const target = into.data() + filled;
    if (back >= length) {
      std::memcpy(target, target - back, length);
    } else {
      for (size_t i = 0; i < length; ++i) target[i] = target[i - back];  // it repeats what it writes
    }
    filled += length;
  }
  return filled;
}

}  // namespace

const Codec kLzfCodec{.id = FilterId::kLzf,
                      .check = check,
                      .keeps_size = keeps_size,
                      .most = most,
                      .room = room,
                      .encode = encode,
                      .decode = decode};

}  // namespace freestone::pipeline
