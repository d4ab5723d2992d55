#include "pipeline/deflate.h"

#include <algorithm>
#include <cstring>
#include <limits>

#ifdef FREESTONE_LIBDEFLATE
#include <libdeflate.h>
#endif

#include "pipeline/deflate_blocks.h"
#include "pipeline/deflate_front.h"

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

/// Gives zlib, which counts in 32 bits, the next part of what is left.
void feed(uInt& available, size_t& rest) noexcept {
  if (available != 0) return;
  available = static_cast<uInt>(std::min<size_t>(rest, std::numeric_limits<uInt>::max()));
  rest -= available;
}

/// Points the stream at both ends and runs `step` until it has used and filled what it can. Returns zlib's last word.
template <typename Step>
int run(z_stream& stream, ConstBytes data, Bytes into, size_t& written, Step step) noexcept {
  stream.next_in = const_cast<Bytef*>(data.data());  // zlib never writes there; its interface is older than const
  stream.next_out = into.data();
  stream.avail_in = 0;
  stream.avail_out = 0;
  size_t rest_in = data.size();
  size_t rest_out = into.size();
  int result;
  do {
    feed(stream.avail_in, rest_in);
    feed(stream.avail_out, rest_out);
    result = step(rest_in == 0);
  } while (result == Z_OK);  // a call that can neither read nor write says Z_BUF_ERROR
  written = into.size() - rest_out - stream.avail_out;
  return result;
}

/// libdeflate's levels for zlib's 0 to 9: what is no larger, by measurement (docs/filters.md). Where data was shuffled
/// and the chunk is large, its second level already finds what zlib finds at the fourth, but at zlib's third not all of
/// it in times; where the chunk is small, each kind of byte has little room.
constexpr int kPlainLevels[10] = {0, 1, 2, 3, 4, 6, 7, 8, 9, 9};
constexpr int kShuffledLevels[10] = {0, 2, 3, 4, 5, 6, 7, 8, 9, 9};
constexpr int kLargeShuffledLevels[10] = {0, 1, 1, 3, 2, 6, 6, 8, 9, 9};
constexpr size_t kLargeShuffled = size_t{1} << 20;
/// Below this zlib's own is the smallest, and nobody waits for it.
constexpr size_t kSmall = 512;

#ifdef FREESTONE_LIBDEFLATE
constexpr bool kHasLibdeflate = true;

constexpr size_t kHeader = 2;
constexpr size_t kChecksum = 4;

/// Beyond these the rest is libdeflate's.
constexpr size_t kMostRuns = 512;
/// libdeflate's first level makes blocks of as much, wherever kinds of bytes end.
constexpr size_t kBlock = size_t{1} << 16;

/// So many constant bytes alone are worth it; of fewer libdeflate makes less.
constexpr size_t kManyConstant = size_t{1} << 19;

/// The front of a chunk, and how many runs it has; 0 where there is none that is worth it.
size_t find_front(ConstBytes data, DeflateFront::Run (&runs)[kMostRuns]) noexcept {
  DeflateFront front(data);
  size_t count = 0;
  size_t size = 0;
  // Up to where the blocks of the rest lie as they would without a front.
  size_t even_count = 0;
  size_t even_size = 0;
  bool has_more = false;
  while (count < kMostRuns) {
    const auto run = front.next();
    if (run.size == 0) break;
    runs[count++] = run;
    size += run.size;
    has_more = has_more || run.kind != FrontKind::kConstant;
    if (size % kBlock != 0) continue;
    even_count = count;
    even_size = size;
  }
  if (!has_more && size < kManyConstant) return 0;
  return even_size >= size - size / 4 ? even_count : count;
}

/// A zlib stream (RFC 1950) whose front needs no search. 0 when it has none, or `into` does not hold it.
size_t compress_behind_front(libdeflate_compressor* compressor, int level, ConstBytes data, Bytes into) noexcept {
  if (into.size() < kHeader + DeflateBlocks::bound(data.size()) + kChecksum) return 0;
  DeflateFront::Run runs[kMostRuns];
  const size_t count = find_front(data, runs);
  if (count == 0) return 0;
  DeflateBlocks blocks(into.subspan(kHeader));
  ConstBytes rest = data;
  for (const auto& run : std::span(runs).first(count)) {
    const ConstBytes part = rest.first(run.size);
    if (run.kind == FrontKind::kConstant) {
      blocks.put_constant(part[0], part.size());
    } else if (run.kind == FrontKind::kNoise) {
      blocks.put_stored(part);
    } else {
      blocks.put_literals(part);
    }
    rest = rest.subspan(run.size);
  }
  into[0] = 0x78;
  into[1] = level < 2 ? 0x01 : level < 6 ? 0x5E : level < 8 ? 0x9C : 0xDA;
  size_t size = kHeader + blocks.finish();
  const size_t written = libdeflate_deflate_compress(compressor, rest.data(), rest.size(), into.data() + size,
                                                     into.size() - size - kChecksum);
  if (written == 0) return 0;
  size += written;
  base::store_big_endian32(into.data() + size, libdeflate_adler32(1, data.data(), data.size()));
  return size + kChecksum;
}
#else
constexpr bool kHasLibdeflate = false;
#endif

}  // namespace

DeflatePlan deflate_plan(int level, bool shuffled, size_t size) noexcept {
  if (size < kSmall || level < 0 || level > 9) return {DeflateLibrary::kZlib, level};
  const bool is_large = shuffled && size >= kLargeShuffled;
  if (!kHasLibdeflate) return {DeflateLibrary::kZlib, level};
  return {DeflateLibrary::kLibdeflate, (is_large   ? kLargeShuffledLevels
                                        : shuffled ? kShuffledLevels
                                                   : kPlainLevels)[level]};
}

std::span<const char* const> deflate_libraries() noexcept {
  static constexpr const char* kNames[] = {"libdeflate", "zlib"};
  return std::span<const char* const>(kNames).subspan(kHasLibdeflate ? 0 : 1);
}

Deflater::~Deflater() {
  if (zlib_level_ >= 0) deflateEnd(&stream_);
#ifdef FREESTONE_LIBDEFLATE
  libdeflate_free_compressor(libdeflate_);
#endif
}

Status Deflater::prepare_zlib(int level) noexcept {
  if (zlib_level_ == level) {
    deflateReset(&stream_);
    return {};
  }
  if (zlib_level_ >= 0) deflateEnd(&stream_);
  zlib_level_ = -1;
  stream_ = {};
  const int result = deflateInit(&stream_, level);
  if (result == Z_MEM_ERROR) return Status(Code::kOutOfMemory, "deflate");
  if (result != Z_OK) return Status(Code::kInvalidArgument, "deflate level");
  zlib_level_ = level;
  return {};
}

#ifdef FREESTONE_LIBDEFLATE

Status Deflater::prepare_libdeflate(int level) noexcept {
  if (libdeflate_level_ == level) return {};
  libdeflate_free_compressor(libdeflate_);
  libdeflate_ = libdeflate_alloc_compressor(level);
  libdeflate_level_ = libdeflate_ == nullptr ? -1 : level;
  return libdeflate_ == nullptr ? Status(Code::kOutOfMemory, "deflate") : Status();
}

#else

Status Deflater::prepare_libdeflate(int) noexcept { return Status(Code::kUnsupported, "this build has no libdeflate"); }

#endif

Result<size_t> Deflater::prepare(int level, size_t size, bool shuffled) noexcept {
  if (level < 0 || level > 9) return Status(Code::kInvalidArgument, "deflate level");
  return prepare_with(deflate_plan(level, shuffled, size), size);
}

Result<size_t> Deflater::prepare_with(DeflatePlan plan, size_t size) noexcept {
  if (size > std::numeric_limits<uLong>::max() / 2) return Status(Code::kInvalidSize, "deflate");
  plan_ = plan;
  if (plan.library == DeflateLibrary::kZlib) {
    if (const Status status = prepare_zlib(plan.level); !status.ok()) return status;
    return static_cast<size_t>(deflateBound(&stream_, static_cast<uLong>(size)));
  }
  if (const Status status = prepare_libdeflate(plan.level); !status.ok()) return status;
#ifdef FREESTONE_LIBDEFLATE
  return libdeflate_zlib_compress_bound(libdeflate_, size) + DeflateBlocks::bound(size) - size;
#else
  return Status(Code::kUnsupported, "this build has no libdeflate");
#endif
}

Result<size_t> Deflater::compress(ConstBytes data, Bytes into) noexcept {
#ifdef FREESTONE_LIBDEFLATE
  if (plan_.library == DeflateLibrary::kLibdeflate) {
    size_t written = plan_.level > 0 ? compress_behind_front(libdeflate_, plan_.level, data, into) : 0;
    if (written == 0) {
      written = libdeflate_zlib_compress(libdeflate_, data.data(), data.size(), into.data(), into.size());
    }
    return written > 0 ? Result<size_t>(written) : Result<size_t>(Status(Code::kInvalidSize, "deflate"));
  }
#endif
  return compress_zlib(data, into);
}

Result<size_t> Deflater::compress_zlib(ConstBytes data, Bytes into) noexcept {
  size_t written = 0;
  const int result = run(stream_, data, into, written,
                         [&](bool last) noexcept { return deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH); });
  if (result != Z_STREAM_END) return Status(Code::kInvalidSize, "deflate");
  return written;
}

Inflater::~Inflater() {
  if (ready_) inflateEnd(&stream_);
#ifdef FREESTONE_LIBDEFLATE
  libdeflate_free_decompressor(libdeflate_);
#endif
}

#ifdef FREESTONE_LIBDEFLATE

Result<size_t> Inflater::decompress(ConstBytes data, Bytes into) noexcept {
  if (libdeflate_ == nullptr) libdeflate_ = libdeflate_alloc_decompressor();
  if (libdeflate_ == nullptr) return Status(Code::kOutOfMemory, "inflate");
  size_t read = 0;
  size_t written = 0;
  const libdeflate_result result =
      libdeflate_zlib_decompress_ex(libdeflate_, data.data(), data.size(), into.data(), into.size(), &read, &written);
  if (result == LIBDEFLATE_SUCCESS) return written;
  // It says little of what it refuses: zlib finds out, and reads what it can.
  return decompress_zlib(data, into);
}

#else

Result<size_t> Inflater::decompress(ConstBytes data, Bytes into) noexcept { return decompress_zlib(data, into); }

#endif

Result<size_t> Inflater::decompress_zlib(ConstBytes data, Bytes into) noexcept {
  if (ready_) {
    inflateReset(&stream_);
  } else {
    stream_ = {};
    const int result = inflateInit(&stream_);
    if (result != Z_OK) return Status(result == Z_MEM_ERROR ? Code::kOutOfMemory : Code::kUnsupported, "inflate");
    ready_ = true;
  }
  size_t written = 0;
  const int result = run(stream_, data, into, written, [&](bool) noexcept { return inflate(&stream_, Z_NO_FLUSH); });
  switch (result) {
    case Z_STREAM_END:
      return written;
    case Z_MEM_ERROR:
      return Status(Code::kOutOfMemory, "inflate");
    case Z_OK:
    case Z_BUF_ERROR:
      return written == into.size() ? Status(Code::kLimitExceeded, "a deflated chunk is too long")
                                    : Status(Code::kCorruptFile, "a deflated chunk is cut off");
    default:
      return Status(Code::kCorruptFile, "a deflated chunk is damaged");
  }
}

}  // namespace freestone::pipeline
