#pragma once
// Bits packed one after the other, the most significant first.
//   threads: one at a time.    memory: the caller's.
#include "base/base.h"

namespace freestone::pipeline {

/// Appends bits. Whoever uses it knows that there is room.
class BitWriter {
 public:
  explicit BitWriter(uint8_t* at) noexcept : at_(at) {}

  /// The `count` lower bits of `value`, 0 to 64.
  void put(uint64_t value, unsigned count) noexcept {
    if (count > 32) {
      put(value >> 32, count - 32);
      count = 32;
    }
    held_ = held_ << count | (value & ((uint64_t{1} << count) - 1));
    count_ += count;
    if (count_ < 32) return;
    count_ -= 32;
    base::store_big_endian32(at_, static_cast<uint32_t>(held_ >> count_));
    at_ += 4;
  }

  /// Writes what is held, with zeros up to the end of the last byte. Where the next byte comes.
  [[nodiscard]] uint8_t* finish() noexcept {
    while (count_ >= 8) {
      count_ -= 8;
      *at_++ = static_cast<uint8_t>(held_ >> count_);
    }
    if (count_ > 0) *at_++ = static_cast<uint8_t>(held_ << (8 - count_));
    count_ = 0;
    return at_;
  }

 private:
  uint8_t* at_;
  uint64_t held_ = 0;
  /// Less than 32 between calls.
  unsigned count_ = 0;
};

/// Takes bits off. What is read beyond the end is zero.
class BitReader {
 public:
  explicit BitReader(base::ConstBytes data) noexcept : rest_(data) {}

  /// The next `count` bits, 0 to 64.
  [[nodiscard]] uint64_t get(unsigned count) noexcept {
    if (count > 32) {
      const uint64_t high = get(count - 32);
      return high << 32 | get(32);
    }
    if (count_ < count) fill();
    count_ -= count;
    return held_ >> count_ & ((uint64_t{1} << count) - 1);
  }

 private:
  /// 32 bits more; fewer than 32 are held.
  void fill() noexcept {
    if (rest_.size() >= 4) {
      held_ = held_ << 32 | base::load_big_endian32(rest_.data());
      rest_ = rest_.subspan(4);
    } else {
      uint32_t last = 0;
      for (size_t i = 0; i < 4; ++i) last = last << 8 | (i < rest_.size() ? rest_[i] : 0u);
      held_ = held_ << 32 | last;
      rest_ = {};
    }
    count_ += 32;
  }

  base::ConstBytes rest_;
  uint64_t held_ = 0;
  unsigned count_ = 0;
};

}  // namespace freestone::pipeline
