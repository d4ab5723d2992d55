#include "pipeline/szip.h"

#include "os/os.h"

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

/// libsz's own parameters, as its interface lays them out.
struct SzipParameters {
  int options_mask;
  int bits_per_pixel;
  int pixels_per_block;
  int pixels_per_scanline;
};

using Convert = int (*)(void* into, size_t* into_size, const void* data, size_t size, SzipParameters* parameters);

struct Library {
  Convert compress = nullptr;
  Convert decompress = nullptr;
};

constexpr int kDone = 0;
constexpr int kOutputFull = 2;
constexpr int kNoMemory = -4;

constexpr size_t kHeaderSize = 4;
constexpr uint32_t kMostPixelsPerBlock = 32;
constexpr uint32_t kMostBlocksPerScanline = 128;

/// Never unloaded: threads may still be in it when statics are destroyed.
const Library& library() noexcept {
  static const Library found = []() noexcept {
    void* const handle = os::load_library("libsz.so.2");
    return Library{.compress = reinterpret_cast<Convert>(os::find_symbol(handle, "SZ_BufftoBuffCompress")),
                   .decompress = reinterpret_cast<Convert>(os::find_symbol(handle, "SZ_BufftoBuffDecompress"))};
  }();
  return found;
}

SzipParameters parameters(const Step& step) noexcept {
  return {.options_mask = static_cast<int>(step.values[0]),
          .bits_per_pixel = static_cast<int>(step.values[2]),
          .pixels_per_block = static_cast<int>(step.values[1]),
          .pixels_per_scanline = static_cast<int>(step.values[3])};
}

/// Bytes of a number, as libsz sees it. It takes the size of a chunk to be whole numbers: of what is left over it would
/// make anything, and write behind the memory that it allocated for lines of 2 or 4 bytes a number.
size_t pixel_size(const Step& step) noexcept {
  const uint32_t bits = step.values[2];
  return bits > 32 ? 8 : bits > 16 ? 4 : bits > 8 ? 2 : 1;
}

Status check(const Step& step) noexcept {
  if (!szip_available()) {
    return Status(Code::kUnsupported, "the filter szip needs libsz.so.2 of libaec, which is not installed");
  }
  const Status wrong(Code::kInvalidArgument, "szip does not have its four values");
  if (step.values.size() < 4 || step.values[0] > 0xFFFF) return wrong;
  const uint32_t block = step.values[1];
  const uint32_t bits = step.values[2];
  const uint32_t line = step.values[3];
  if (block < 2 || block > kMostPixelsPerBlock || block % 2 != 0) return wrong;
  if (bits == 0 || (bits > 32 && bits != 64)) return wrong;
  if (line == 0 || line > block * kMostBlocksPerScanline) return wrong;
  return {};
}

bool keeps_size(const Step&) noexcept { return false; }
uint64_t most(const Step&, uint64_t size) noexcept { return most_compressed(size); }

/// libhdf5 takes no more than the chunk's own size either, and leaves szip out where that is too little.
Result<size_t> room(Scratch&, const Step&, size_t size) noexcept { return kHeaderSize + size; }

Result<size_t> encode(Scratch&, const Step& step, ConstBytes data, Bytes into) noexcept {
  if (data.size() % pixel_size(step) != 0) return Status(Code::kInvalidArgument, "szip needs whole numbers");
  SzipParameters own = parameters(step);
  size_t size = data.size();
  base::store_little_endian32(into.data(), static_cast<uint32_t>(data.size()));
  const int result = library().compress(into.data() + kHeaderSize, &size, data.data(), data.size(), &own);
  if (result == kNoMemory) return Status(Code::kOutOfMemory, "szip");
  if (result == kOutputFull || (result == kDone && size >= data.size())) {
    return Status(Code::kNoSpace, "szip makes a chunk no smaller");
  }
  if (result != kDone) return Status(Code::kInvalidArgument, "szip refuses the chunk");
  return kHeaderSize + size;
}

Result<size_t> decode(Scratch&, const Step& step, ConstBytes data, Bytes into) noexcept {
  const Status damaged(Code::kCorruptFile, "a chunk compressed with szip is damaged");
  if (data.size() < kHeaderSize) return damaged;
  const size_t expected = base::load_little_endian32(data.data());
  if (expected > into.size()) return Status(Code::kLimitExceeded, "a chunk compressed with szip is too long");
  if (expected % pixel_size(step) != 0) {
    return Status(Code::kCorruptFile, "a chunk compressed with szip does not have whole numbers");
  }
  SzipParameters own = parameters(step);
  size_t size = expected;
  const int result =
      library().decompress(into.data(), &size, data.data() + kHeaderSize, data.size() - kHeaderSize, &own);
  if (result == kNoMemory) return Status(Code::kOutOfMemory, "szip");
  if (result != kDone || size != expected) return damaged;
  return size;
}

}  // namespace

bool szip_available() noexcept { return library().compress != nullptr && library().decompress != nullptr; }

const Codec kSzipCodec{.id = FilterId::kSzip,
                       .check = check,
                       .keeps_size = keeps_size,
                       .most = most,
                       .room = room,
                       .encode = encode,
                       .decode = decode};

}  // namespace freestone::pipeline
