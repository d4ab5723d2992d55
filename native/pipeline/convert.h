#pragma once
// How elements in memory become those of a file: numbers of another type, bytes in another order.
//   threads: pure but for the target.    memory: 16 KiB of the stack.
#include <cstdint>
#include <span>

#include "base/base.h"
#include "pipeline/box.h"

namespace freestone::pipeline {

/// Types of numbers, in this machine's byte order.
enum class NumberKind : uint32_t {
  kInt8 = 1,
  kUint8 = 2,
  kInt16 = 3,
  kUint16 = 4,
  kInt32 = 5,
  kUint32 = 6,
  kInt64 = 7,
  kUint64 = 8,
  kFloat16 = 9,
  kFloat32 = 10,
  kFloat64 = 11,
};

/// What is done with each element on its way into a file. A plain value.
class ElementForm {
 public:
  /// @param description four numbers: kind in memory, kind in the file, bytes of an element in memory, bytes of the
  /// words that are then reversed, 0 or 1 for none. Both kinds 0: elements of any size stay what they are.
  /// `kInvalidArgument` for anything else, for sizes that are not the kind's and for words that do not divide an
  /// element, `kInvalidSize` for elements of 0 bytes, `kUnsupported` for numbers of 64 bits to floating point and for
  /// float16 in memory.
  [[nodiscard]] static base::Result<ElementForm> make(std::span<const uint32_t> description) noexcept;

  [[nodiscard]] uint64_t source_size() const noexcept { return source_size_; }
  [[nodiscard]] uint64_t target_size() const noexcept { return target_size_; }
  /// Whether bytes are copied as they are.
  [[nodiscard]] bool plain() const noexcept { return convert_ == nullptr && swap_ <= 1; }
  /// Whether there may be elements that do not fit.
  [[nodiscard]] bool refuses() const noexcept { return refuses_; }

  /// Does it with a box that has been checked and is not empty. False when an element does not fit: whole numbers take
  /// whole numbers in their range alone, and those of 64 bits, from floating point, such as floating point holds
  /// exactly with all their neighbours (up to 2^53 - 1). Floating point takes everything, rounded to nearest, ties to
  /// even; then any part of the target may have been written.
  /// @param to null: elements are only looked at
  [[nodiscard]] bool transform(uint8_t* to, const uint8_t* from, std::span<const Dimension> dimensions) const noexcept;

 private:
  /// `count` numbers that lie side by side; false when one does not fit, which becomes anything.
  using Convert = bool (*)(uint8_t* to, const uint8_t* from, uint64_t count) noexcept;

  [[nodiscard]] bool transform_row(uint8_t* to, const uint8_t* from, const Dimension& row) const noexcept;

  uint64_t source_size_ = 1;
  uint64_t target_size_ = 1;
  uint64_t swap_ = 1;
  Convert convert_ = nullptr;
  bool refuses_ = false;
};

/// Puts `counts[0] x counts[1] x …` elements of one array into another, each in its new form; without dimensions, one
/// element. `kTypeMismatch` when an element does not fit; any part of the target may have been written then. Everything
/// else is checked before anything is written, with the errors of `Dimensions::make`.
/// @param target empty, with strides of 0: elements are only looked at
[[nodiscard]] base::Status convert_box(base::Bytes target, const BoxPlace& target_place, base::ConstBytes source,
                                       const BoxPlace& source_place, std::span<const uint64_t> counts,
                                       const ElementForm& form) noexcept;

}  // namespace freestone::pipeline
