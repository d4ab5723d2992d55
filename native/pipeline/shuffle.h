#pragma once
// HDF5's shuffle: the first bytes of all elements, then the second bytes, and so on, so that similar bytes meet.
//   threads: pure functions.    memory: none. A rest that is no whole element stays where it is, at the end.
#include <cstddef>

#include "base/base.h"

namespace freestone::pipeline {

/// `into` has `data`'s size and does not overlap it. @param element_size bytes, 1 or more
void shuffle(base::ConstBytes data, size_t element_size, base::Bytes into) noexcept;

/// Undoes `shuffle`; the same conditions.
void unshuffle(base::ConstBytes data, size_t element_size, base::Bytes into) noexcept;

}  // namespace freestone::pipeline
