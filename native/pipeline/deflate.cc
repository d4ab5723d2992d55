#include "pipeline/deflate.h"

#include <algorithm>
#include <limits>

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

}  // namespace

Deflater::~Deflater() {
  if (level_ >= 0) deflateEnd(&stream_);
}

Result<size_t> Deflater::prepare(int level, size_t size) noexcept {
  if (level_ == level) {
    deflateReset(&stream_);
  } else {
    if (level_ >= 0) deflateEnd(&stream_);
    level_ = -1;
    stream_ = {};
    const int result = deflateInit(&stream_, level);
    if (result == Z_MEM_ERROR) return Status(Code::kOutOfMemory, "deflate");
    if (result != Z_OK) return Status(Code::kInvalidArgument, "deflate level");
    level_ = level;
  }
  if (size > std::numeric_limits<uLong>::max() / 2) return Status(Code::kInvalidSize, "deflate");
  return static_cast<size_t>(deflateBound(&stream_, static_cast<uLong>(size)));
}

Result<size_t> Deflater::compress(ConstBytes data, Bytes into) noexcept {
  size_t written = 0;
  const int result = run(stream_, data, into, written,
                         [&](bool last) noexcept { return deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH); });
  if (result != Z_STREAM_END) return Status(Code::kInvalidSize, "deflate");
  return written;
}

Inflater::~Inflater() {
  if (ready_) inflateEnd(&stream_);
}

Result<size_t> Inflater::decompress(ConstBytes data, Bytes into) noexcept {
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
