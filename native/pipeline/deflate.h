#pragma once
// zlib's compressor and decompressor, kept between chunks because setting one up costs as much as a small chunk.
//   threads: one at a time.    memory: about 270 KiB and 40 KiB, allocated by zlib on first use.
#include <zlib.h>

#include <cstddef>

#include "base/base.h"

namespace freestone::pipeline {

/// Makes zlib streams of whole chunks.
class Deflater {
 public:
  Deflater() noexcept = default;
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater();

  /// The most that `size` bytes can become at `level`, 0 to 9; after this, `compress` at that level has what it needs.
  [[nodiscard]] base::Result<size_t> prepare(int level, size_t size) noexcept;
  /// Compresses at the prepared level. How many bytes of `into` were written. `into` holds what `prepare` said.
  [[nodiscard]] base::Result<size_t> compress(base::ConstBytes data, base::Bytes into) noexcept;

 private:
  z_stream stream_{};
  /// -1: not set up.
  int level_ = -1;
};

/// Reads zlib streams of whole chunks. Nothing that it is given makes it write beyond `into`.
class Inflater {
 public:
  Inflater() noexcept = default;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater();

  /// How much of `into`, which is not empty, was filled. `kCorruptFile` when the stream is damaged or cut off,
  /// `kLimitExceeded` when `into` was full before its end. Bytes after the end are ignored, as libhdf5 does.
  [[nodiscard]] base::Result<size_t> decompress(base::ConstBytes data, base::Bytes into) noexcept;

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace freestone::pipeline
