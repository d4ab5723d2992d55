#include "pipeline/codec.h"

#include "pipeline/bitshuffle.h"
#include "pipeline/fletcher32.h"
#include "pipeline/lz4.h"
#include "pipeline/lz4_blocks.h"
#include "pipeline/lzf.h"
#include "pipeline/nbit.h"
#include "pipeline/scaleoffset.h"
#include "pipeline/shuffle.h"
#include "pipeline/szip.h"

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

bool changes_size(const Step&) noexcept { return false; }
uint64_t compressed(const Step&, uint64_t size) noexcept { return most_compressed(size); }

namespace deflate {

Status check(const Step& step) noexcept {
  if (step.values.empty() || step.values[0] > 9) {
    return Status(Code::kInvalidArgument, "the level of deflate is not 0 to 9");
  }
  return {};
}

Result<size_t> room(Scratch& scratch, const Step& step, size_t size) noexcept {
  return scratch.deflater().prepare(static_cast<int>(step.values[0]), size, step.shuffled_size > 1);
}

Result<size_t> encode(Scratch& scratch, const Step&, ConstBytes data, Bytes into) noexcept {
  return scratch.deflater().compress(data, into);
}

Result<size_t> decode(Scratch& scratch, const Step&, ConstBytes data, Bytes into) noexcept {
  return scratch.inflater().decompress(data, into);
}

}  // namespace deflate

namespace shuffling {

Status check(const Step& step) noexcept {
  if (step.values.empty() || step.values[0] == 0) {
    return Status(Code::kInvalidArgument, "shuffle has no element size");
  }
  return {};
}

bool keeps_size(const Step&) noexcept { return true; }
uint64_t most(const Step&, uint64_t size) noexcept { return size; }
Result<size_t> room(Scratch&, const Step&, size_t size) noexcept { return size; }

Result<size_t> encode(Scratch&, const Step& step, ConstBytes data, Bytes into) noexcept {
  shuffle(data, step.values[0], into.first(data.size()));
  return data.size();
}

Result<size_t> decode(Scratch&, const Step& step, ConstBytes data, Bytes into) noexcept {
  if (data.size() > into.size()) return Status(Code::kLimitExceeded, "a shuffled chunk is too long");
  unshuffle(data, step.values[0], into.first(data.size()));
  return data.size();
}

}  // namespace shuffling

namespace checksum {

Status check(const Step&) noexcept { return {}; }
uint64_t most(const Step&, uint64_t size) noexcept { return size + kFletcher32Size; }

}  // namespace checksum

namespace zstd {

constexpr int kDefaultLevel = 3;

Status check(const Step&) noexcept {
  if (ZstdStreams::available()) return {};
  return Status(Code::kUnsupported, "the filter zstd needs libzstd, which this build does not have");
}

Result<size_t> room(Scratch&, const Step&, size_t size) noexcept { return ZstdStreams::room(size); }

Result<size_t> encode(Scratch& scratch, const Step& step, ConstBytes data, Bytes into) noexcept {
  const int level = step.values.empty() ? kDefaultLevel : static_cast<int>(step.values[0]);
  return scratch.zstd().compress(level, data, into);
}

Result<size_t> decode(Scratch& scratch, const Step&, ConstBytes data, Bytes into) noexcept {
  return scratch.zstd().decompress(data, into);
}

}  // namespace zstd

constexpr Codec kDeflateCodec{.id = FilterId::kDeflate,
                              .check = deflate::check,
                              .keeps_size = changes_size,
                              .most = compressed,
                              .room = deflate::room,
                              .encode = deflate::encode,
                              .decode = deflate::decode};
constexpr Codec kShuffleCodec{.id = FilterId::kShuffle,
                              .check = shuffling::check,
                              .keeps_size = shuffling::keeps_size,
                              .most = shuffling::most,
                              .room = shuffling::room,
                              .encode = shuffling::encode,
                              .decode = shuffling::decode};
constexpr Codec kFletcher32Codec{.id = FilterId::kFletcher32,
                                 .check = checksum::check,
                                 .keeps_size = changes_size,
                                 .most = checksum::most,
                                 .room = nullptr,
                                 .encode = nullptr,
                                 .decode = nullptr};
constexpr Codec kZstdCodec{.id = FilterId::kZstd,
                           .check = zstd::check,
                           .keeps_size = changes_size,
                           .most = compressed,
                           .room = zstd::room,
                           .encode = zstd::encode,
                           .decode = zstd::decode};

constexpr const char* kOwn[] = {"freestone"};
constexpr const char* kLz4Names[] = {"lz4"};
constexpr const char* kZstdNames[] = {"zstd"};
constexpr const char* kSzipNames[] = {"libsz"};

std::span<const char* const> names_if(bool available, std::span<const char* const> names) noexcept {
  return available ? names : std::span<const char* const>();
}

}  // namespace

const Codec* find_codec(FilterId id) noexcept {
  for (const Codec* codec : {&kDeflateCodec, &kShuffleCodec, &kFletcher32Codec, &kSzipCodec, &kNbitCodec,
                             &kScaleOffsetCodec, &kLzfCodec, &kLz4Codec, &kBitshuffleCodec, &kZstdCodec}) {
    if (codec->id == id) return codec;
  }
  return nullptr;
}

std::span<const char* const> libraries_of(FilterId id) noexcept {
  switch (id) {
    case FilterId::kDeflate:
      return deflate_libraries();
    case FilterId::kSzip:
      return names_if(szip_available(), kSzipNames);
    case FilterId::kLz4:
      return names_if(lz4_available(), kLz4Names);
    case FilterId::kZstd:
      return names_if(ZstdStreams::available(), kZstdNames);
    case FilterId::kShuffle:
    case FilterId::kFletcher32:
    case FilterId::kNbit:
    case FilterId::kScaleOffset:
    case FilterId::kLzf:
    case FilterId::kBitshuffle:
      return kOwn;
  }
  return {};
}

}  // namespace freestone::pipeline
