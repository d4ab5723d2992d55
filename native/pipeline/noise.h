#pragma once
// Finds bytes that no compressor makes smaller, so that none has to try: the lower bytes of measured numbers, once they
// are shuffled, come first in a chunk and are such.
//   threads: pure functions.    memory: 36 KiB of stack.
#include <cstddef>

#include "base/base.h"

namespace freestone::pipeline {

/// How many bytes at the beginning of `data` are noise: all values are about as frequent, and none of what deflate
/// could copy repeats. A multiple of 8 KiB; a beginning that is none costs the look at one piece of that size.
[[nodiscard]] size_t noise_at_start(base::ConstBytes data) noexcept;

}  // namespace freestone::pipeline
