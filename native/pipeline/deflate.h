#pragma once
// zlib streams of whole chunks, made and read by the fastest library that keeps what zlib's levels promise: libdeflate
// where the build has it, which is spared what a chunk begins with and needs no search, and zlib always. The state of
// each is kept between chunks because setting one up costs as much as a small chunk.
//   threads: one at a time.    memory: 270 KiB to 1 MiB and 40 KiB, allocated by the libraries on first use; 50 KiB of
//   stack.
#include <zlib.h>

#include <cstddef>
#include <span>

#include "base/base.h"

struct libdeflate_compressor;
struct libdeflate_decompressor;

namespace freestone::pipeline {

/// Who compresses.
enum class DeflateLibrary : uint8_t { kZlib, kLibdeflate };

/// How a level of zlib is kept.
struct DeflatePlan {
  DeflateLibrary library = DeflateLibrary::kZlib;
  /// The library's own level.
  int level = 0;
};

/// What keeps the promise of zlib's `level`: no larger output. docs/filters.md has the table and how it was measured.
/// @param shuffled whether bytes of the same place in their elements stand together
/// @param size of what is compressed
[[nodiscard]] DeflatePlan deflate_plan(int level, bool shuffled, size_t size) noexcept;

/// The libraries that are there, the fastest first. The names are literals.
[[nodiscard]] std::span<const char* const> deflate_libraries() noexcept;

/// Makes zlib streams of whole chunks.
class Deflater {
 public:
  Deflater() noexcept = default;
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater();

  /// The most that `size` bytes can become at `level`, 0 to 9; after this, `compress` at that level has what it needs.
  /// @param shuffled see `deflate_plan`
  [[nodiscard]] base::Result<size_t> prepare(int level, size_t size, bool shuffled = false) noexcept;
  /// Compresses at the prepared level. How many bytes of `into` were written. `into` holds what `prepare` said.
  [[nodiscard]] base::Result<size_t> compress(base::ConstBytes data, base::Bytes into) noexcept;

  /// As `prepare`, with a library and a level of its own instead; only libraries that are there.
  [[nodiscard]] base::Result<size_t> prepare_with(DeflatePlan plan, size_t size) noexcept;

 private:
  [[nodiscard]] base::Status prepare_zlib(int level) noexcept;
  [[nodiscard]] base::Status prepare_libdeflate(int level) noexcept;
  [[nodiscard]] base::Result<size_t> compress_zlib(base::ConstBytes data, base::Bytes into) noexcept;

  DeflatePlan plan_;
  z_stream stream_{};
  /// -1: not set up.
  int zlib_level_ = -1;
  libdeflate_compressor* libdeflate_ = nullptr;
  int libdeflate_level_ = -1;
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
  [[nodiscard]] base::Result<size_t> decompress_zlib(base::ConstBytes data, base::Bytes into) noexcept;

  z_stream stream_{};
  bool ready_ = false;
  libdeflate_decompressor* libdeflate_ = nullptr;
};

}  // namespace freestone::pipeline
