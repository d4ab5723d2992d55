#pragma once
// Intel's ISA-L, whose first level of deflate is several times as fast as any other library's. It is not linked: where
// the build knew its header and the process finds its shared library, it is used.
//   threads: any, each with memory of its own.    memory: the caller's.
#include <cstddef>

#include "base/base.h"

namespace freestone::pipeline {

/// Whether the library was found; it is looked for once.
[[nodiscard]] bool isal_available() noexcept;

/// What `isal_compress` needs for itself, in bytes.
[[nodiscard]] size_t isal_memory() noexcept;

/// Makes a zlib stream of `data` with level 1. How many bytes of `into` were written; 0 when it does not fit. Only when
/// the library is there. @param memory `isal_memory()` bytes as malloc aligns them
[[nodiscard]] size_t isal_compress(uint8_t* memory, base::ConstBytes data, base::Bytes into) noexcept;

}  // namespace freestone::pipeline
