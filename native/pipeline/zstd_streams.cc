#include "pipeline/zstd_streams.h"

#ifdef FREESTONE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

#ifdef FREESTONE_ZSTD

ZstdStreams::~ZstdStreams() {
  ZSTD_freeCCtx(compressor_);
  ZSTD_freeDCtx(decompressor_);
}

bool ZstdStreams::available() noexcept { return true; }

size_t ZstdStreams::room(size_t size) noexcept { return ZSTD_compressBound(size); }

Result<size_t> ZstdStreams::compress(int level, ConstBytes data, Bytes into) noexcept {
  if (compressor_ == nullptr) compressor_ = ZSTD_createCCtx();
  if (compressor_ == nullptr) return Status(Code::kOutOfMemory, "zstd");
  const size_t size = ZSTD_compressCCtx(compressor_, into.data(), into.size(), data.data(), data.size(), level);
  if (ZSTD_isError(size) == 0) return size;
  return Status(ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation ? Code::kOutOfMemory : Code::kInvalidSize,
                "zstd");
}

Result<size_t> ZstdStreams::decompress(ConstBytes data, Bytes into) noexcept {
  if (decompressor_ == nullptr) decompressor_ = ZSTD_createDCtx();
  if (decompressor_ == nullptr) return Status(Code::kOutOfMemory, "zstd");
  const size_t size = ZSTD_decompressDCtx(decompressor_, into.data(), into.size(), data.data(), data.size());
  if (ZSTD_isError(size) == 0) return size;
  switch (ZSTD_getErrorCode(size)) {
    case ZSTD_error_dstSize_tooSmall:
      return Status(Code::kLimitExceeded, "a chunk compressed with zstd is too long");
    case ZSTD_error_memory_allocation:
      return Status(Code::kOutOfMemory, "zstd");
    default:
      return Status(Code::kCorruptFile, "a chunk compressed with zstd is damaged");
  }
}

#else

ZstdStreams::~ZstdStreams() = default;

bool ZstdStreams::available() noexcept { return false; }

size_t ZstdStreams::room(size_t size) noexcept { return size; }

Result<size_t> ZstdStreams::compress(int, ConstBytes, Bytes) noexcept {
  return Status(Code::kUnsupported, "this build has no zstd");
}

Result<size_t> ZstdStreams::decompress(ConstBytes, Bytes) noexcept {
  return Status(Code::kUnsupported, "this build has no zstd");
}

#endif

}  // namespace freestone::pipeline
