#pragma once
// A strided copy between two n-dimensional arrays, with the bytes of each word reversed if wanted.
//   threads: pure but for `target`.    memory: none.
#include <cstdint>
#include <span>

#include "base/base.h"
#include "pipeline/box.h"

namespace freestone::pipeline {

/// Copies `counts[0] x counts[1] x …` elements of `element_size` bytes; without dimensions, one element.
/// Everything is checked before anything is written: `kInvalidArgument` for more than 32 dimensions, for strides that
/// are not one per dimension, for a word that does not divide the element, and when the box leaves either array or has
/// more bytes than `target`, since it would then write some of them twice; `kInvalidSize` for elements of 0 bytes.
/// @param swap_size bytes of a word to reverse; 0 or 1 for none
[[nodiscard]] base::Status copy_box(base::Bytes target, const BoxPlace& target_place, base::ConstBytes source,
                                    const BoxPlace& source_place, std::span<const uint64_t> counts,
                                    uint64_t element_size, uint64_t swap_size) noexcept;

/// The same for a box that has been checked and is not empty; `swap_size` divides the element or is 0 or 1.
void copy_dimensions(uint8_t* to, const uint8_t* from, std::span<const Dimension> dimensions, uint64_t element_size,
                     uint64_t swap_size) noexcept;

}  // namespace freestone::pipeline
