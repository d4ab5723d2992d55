#pragma once
// A strided copy between two n-dimensional arrays, with the bytes of each word reversed if wanted.
//   threads: pure but for `to`.    memory: none.
#include <cstdint>
#include <span>

#include "pipeline/box.h"

namespace freestone::pipeline {

/// Copies the elements of a box that has been checked (`Dimensions::make`) and is not empty.
/// @param swap_size bytes of a word to reverse; it divides the element, or is 0 or 1 for none
void copy_dimensions(uint8_t* to, const uint8_t* from, std::span<const Dimension> dimensions, uint64_t element_size,
                     uint64_t swap_size) noexcept;

}  // namespace freestone::pipeline
