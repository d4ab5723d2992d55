#pragma once
// Blocks of the lz4 library, without any header; where the build has none, nothing is made or read.
//   threads: any.    memory: 16 KiB of stack.
#include "base/base.h"

namespace freestone::pipeline {

/// Whether the build has the library.
[[nodiscard]] bool lz4_available() noexcept;

/// The largest block.
inline constexpr size_t kMostLz4Block = 0x7E000000;

/// The most that `size` bytes, up to `kMostLz4Block`, can become.
[[nodiscard]] constexpr size_t lz4_room(size_t size) noexcept { return size + size / 255 + 16; }

/// How many bytes of `into` were written; 0 when they are too few, or `data` is larger than a block may be.
[[nodiscard]] size_t lz4_compress(base::ConstBytes data, base::Bytes into) noexcept;

/// Whether `data` is a block that fills `into` exactly; otherwise `into` may be partly written.
[[nodiscard]] bool lz4_decompress(base::ConstBytes data, base::Bytes into) noexcept;

}  // namespace freestone::pipeline
