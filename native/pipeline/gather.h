#pragma once
// Elements are fetched from memory that somebody else may take away meanwhile, as JavaScript may take its arrays', and
// put together as a file has them. The kernel alone reads that memory: what is gone is an error and never a crash. What
// is read from memory that was given to somebody else in between is anything, so whoever asks looks afterwards whether
// the memory is still what it was.
//   threads: pure but for the target and the scratch memory.    memory: a window of 256 KiB, or one element if that is
//   larger, in the Scratch.
#include <cstdint>

#include "base/base.h"
#include "pipeline/box.h"
#include "pipeline/convert.h"
#include "pipeline/scratch.h"

namespace freestone::pipeline {

/// A box of elements that has been checked, and what is to become of them. A plain value.
class ForeignBox {
 public:
  ForeignBox() noexcept = default;
  /// Errors as of `Dimensions::make`, when the places leave `memory` or `target_size` bytes.
  /// @param target where the elements go to; strides of 0 when they are only looked at
  /// @param memory is not looked at
  [[nodiscard]] static base::Result<ForeignBox> make(uint64_t target_size, const BoxPlace& target,
                                                     base::ConstBytes memory, const BoxPlace& source,
                                                     std::span<const uint64_t> counts,
                                                     const ElementForm& form) noexcept;

  /// Of all elements in the target.
  [[nodiscard]] uint64_t target_bytes() const noexcept { return box_.elements() * form_.target_size(); }

  /// Fetches all elements. EFAULT when memory of theirs is gone, `kTypeMismatch` when one does not fit its type,
  /// `kUnsupported` where the system cannot do this (`os::copies_foreign`), `kOutOfMemory`.
  /// @param target the memory that the first place lies in; null: elements are only looked at
  [[nodiscard]] base::Status fetch(Scratch& scratch, uint8_t* target) const noexcept;

 private:
  /// How a box is cut into segments, each of which is read as one range.
  struct Segments {
    /// Dimensions of one segment; the first of them may be part of one of the box's.
    Dimension inner[kMostDimensions];
    size_t inner_size = 0;
    /// How often there is such a segment.
    Dimension outer[kMostDimensions];
    size_t outer_size = 0;
    /// Of one segment in memory, in bytes.
    uint64_t span = 0;
  };

  [[nodiscard]] base::Status fetch_segments(base::Bytes window, uint8_t* to, const uint8_t* from,
                                            const Segments& segments) const noexcept;
  /// Straight to the target, which has the bytes as memory has them.
  [[nodiscard]] base::Status fetch_runs(uint8_t* to, const uint8_t* from, const Segments& segments) const noexcept;

  Dimensions box_;
  ElementForm form_;
  const uint8_t* from_ = nullptr;
  uint64_t target_offset_ = 0;
};

}  // namespace freestone::pipeline
