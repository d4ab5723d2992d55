#pragma once
// The zstd library, kept between chunks; where the build has none, each of these says `kUnsupported`.
//   threads: one at a time.    memory: what zstd allocates on first use: 1 MiB and more for high levels.
#include "base/base.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace freestone::pipeline {

/// Makes and reads zstd frames of whole chunks.
class ZstdStreams {
 public:
  ZstdStreams() noexcept = default;
  ZstdStreams(const ZstdStreams&) = delete;
  ZstdStreams& operator=(const ZstdStreams&) = delete;
  ~ZstdStreams();

  /// Whether the build has the library.
  [[nodiscard]] static bool available() noexcept;
  /// The most that `size` bytes can become.
  [[nodiscard]] static size_t room(size_t size) noexcept;
  /// How many bytes of `into`, which has the room, were written. @param level what the library does not have is its
  /// nearest
  [[nodiscard]] base::Result<size_t> compress(int level, base::ConstBytes data, base::Bytes into) noexcept;
  /// How much of `into` was filled. `kCorruptFile` when the frame is damaged, `kLimitExceeded` when `into` is too
  /// small.
  [[nodiscard]] base::Result<size_t> decompress(base::ConstBytes data, base::Bytes into) noexcept;

 private:
  ZSTD_CCtx_s* compressor_ = nullptr;
  ZSTD_DCtx_s* decompressor_ = nullptr;
};

}  // namespace freestone::pipeline
