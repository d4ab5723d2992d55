#pragma once
// Looks through what a chunk begins with for bytes in which a search for repeats finds nothing: once measured numbers
// are shuffled, their lower bytes come first, and are zeros, noise, or of uneven frequency without being repeated.
// Nobody has to search those.
//   threads: one at a time.    memory: 33 KiB.
#include <cstddef>

#include "base/base.h"

namespace freestone::pipeline {

enum class FrontKind : uint8_t {
  /// Anything: where the front ends.
  kOther,
  /// One byte again and again.
  kConstant,
  /// All values are about as frequent, and none of what deflate could copy repeats.
  kNoise,
  /// Some values are more frequent than others, and none of what deflate could copy repeats.
  kLiterals,
};

/// Takes the front of a chunk apart.
class DeflateFront {
 public:
  struct Run {
    FrontKind kind = FrontKind::kOther;
    /// 0 for `kOther`.
    size_t size = 0;
  };

  /// @param data stays while this is used
  explicit DeflateFront(base::ConstBytes data) noexcept : data_(data) {}

  /// The next bytes that are of one kind, at least 8 KiB of them; of literals at most 32 KiB, so that each block of
  /// them can have its own code. A chunk without a front costs the look at one piece of 8 KiB.
  [[nodiscard]] Run next() noexcept;

 private:
  static constexpr unsigned kTableBits = 13;

  [[nodiscard]] FrontKind look() noexcept;
  [[nodiscard]] bool repeats(size_t from) noexcept;

  base::ConstBytes data_;
  size_t at_ = 0;
  /// Of the piece at `at_`, if it has been looked at.
  FrontKind known_ = FrontKind::kOther;
  bool has_known_ = false;
  /// Where four bytes were last seen, plus one.
  uint32_t table_[size_t{1} << kTableBits] = {};
};

}  // namespace freestone::pipeline
