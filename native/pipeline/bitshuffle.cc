#include "pipeline/bitshuffle.h"

#include <algorithm>
#include <cstring>

#include "pipeline/lz4_blocks.h"
#include "pipeline/transpose_bits.h"

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

constexpr size_t kHeaderSize = 12;
constexpr size_t kBlockHeaderSize = 4;
/// What the filter's own library takes when it is not told: what fits a first-level cache with room to spare.
constexpr size_t kDefaultBlockBytes = 8192;
constexpr size_t kLeastDefaultBlock = 128;
/// Far beyond any use; lz4 cannot take larger ones.
constexpr uint64_t kMostBlockBytes = kMostLz4Block;

enum class Compressor : uint32_t { kNone = 0, kLz4 = 2, kZstd = 3 };

size_t element_size(const Step& step) noexcept { return step.values[2]; }

size_t block_bytes(const Step& step) noexcept {
  const size_t size = element_size(step);
  size_t elements = step.values.size() > 3 ? step.values[3] : 0;
  if (elements == 0) elements = std::max(kDefaultBlockBytes / size / 8 * 8, kLeastDefaultBlock);
  return elements * size;
}

Compressor compressor(const Step& step) noexcept {
  return step.values.size() > 4 ? static_cast<Compressor>(step.values[4]) : Compressor::kNone;
}

int level(const Step& step) noexcept { return step.values.size() > 5 ? static_cast<int>(step.values[5]) : 3; }

Status check(const Step& step) noexcept {
  if (step.values.size() < 3 || step.values[2] == 0) {
    return Status(Code::kInvalidArgument, "bitshuffle has no element size");
  }
  if (step.values.size() > 3 && step.values[3] % 8 != 0) {
    return Status(Code::kInvalidArgument, "a block of bitshuffle is not a multiple of eight elements");
  }
  const uint64_t elements = step.values.size() > 3 && step.values[3] != 0 ? step.values[3] : kLeastDefaultBlock;
  if (elements * step.values[2] > kMostBlockBytes) {
    return Status(Code::kInvalidArgument, "a block of bitshuffle is too large");
  }
  switch (compressor(step)) {
    case Compressor::kNone:
      return {};
    case Compressor::kLz4:
      if (lz4_available()) return {};
      return Status(Code::kUnsupported, "bitshuffle with lz4 needs liblz4, which this build does not have");
    case Compressor::kZstd:
      if (ZstdStreams::available()) return {};
      return Status(Code::kUnsupported, "bitshuffle with zstd needs libzstd, which this build does not have");
  }
  return Status(Code::kUnsupported, "bitshuffle with an unknown compressor");
}

bool keeps_size(const Step& step) noexcept { return compressor(step) == Compressor::kNone; }

/// Compressed, without what is between blocks.
size_t room_of_block(const Step& step, size_t size) noexcept {
  return compressor(step) == Compressor::kZstd ? ZstdStreams::room(size) : lz4_room(size);
}

uint64_t most(const Step& step, uint64_t size) noexcept {
  if (keeps_size(step)) return size;
  const uint64_t block = block_bytes(step);
  return most_compressed(size) + (size / block + 1) * (room_of_block(step, static_cast<size_t>(block)) - block + 64);
}

Result<size_t> room(Scratch&, const Step& step, size_t size) noexcept {
  if (keeps_size(step)) return size;
  const size_t block = block_bytes(step);
  return kHeaderSize + (size / block + 1) * (kBlockHeaderSize + room_of_block(step, std::min(block, size))) + block;
}

/// The next block of `rest`: whole ones, then what is left of eights. Empty when there is no more.
size_t next_block(size_t block, size_t element, size_t rest) noexcept {
  return rest >= block ? block : rest / (element * 8) * (element * 8);
}

Result<size_t> encode(Scratch& scratch, const Step& step, ConstBytes data, Bytes into) noexcept {
  const size_t element = element_size(step);
  if (data.size() % element != 0) return Status(Code::kInvalidSize, "bitshuffle needs whole elements");
  const size_t block = block_bytes(step);
  const bool compresses = !keeps_size(step);
  const size_t largest = std::min(block, data.size());
  uint8_t* const memory = scratch.table(2 * largest);
  if (memory == nullptr) return Status(Code::kOutOfMemory, "bitshuffle");
  size_t written = 0;
  if (compresses) {
    base::store_big_endian64(into.data(), data.size());
    base::store_big_endian32(into.data() + 8, static_cast<uint32_t>(block));
    written = kHeaderSize;
  }
  while (const size_t size = next_block(block, element, data.size())) {
    const Bytes between(memory, size);
    if (compresses) {
      const Bytes bits(memory + size, size);
      transpose_bits(data.first(size), element, between, bits);
      const Bytes target = into.subspan(written + kBlockHeaderSize);
      size_t stored = 0;
      if (compressor(step) == Compressor::kLz4) {
        stored = lz4_compress(bits, target);
        if (stored == 0) return Status(Code::kInvalidSize, "bitshuffle with lz4");
      } else {
        const auto compressed = scratch.zstd().compress(level(step), bits, target);
        if (!compressed.ok()) return compressed.status();
        stored = compressed.value();
      }
      base::store_big_endian32(into.data() + written, static_cast<uint32_t>(stored));
      written += kBlockHeaderSize + stored;
    } else {
      transpose_bits(data.first(size), element, between, into.subspan(written, size));
      written += size;
    }
    data = data.subspan(size);
  }
  if (!data.empty()) std::memcpy(into.data() + written, data.data(), data.size());
  return written + data.size();
}

Result<size_t> decode(Scratch& scratch, const Step& step, ConstBytes data, Bytes into) noexcept {
  const Status damaged(Code::kCorruptFile, "a chunk of bitshuffle is damaged");
  const size_t element = element_size(step);
  size_t block = block_bytes(step);
  uint64_t total = data.size();
  const bool compressed = !keeps_size(step);
  if (compressed) {
    if (data.size() < kHeaderSize) return damaged;
    total = base::load_big_endian64(data.data());
    block = base::load_big_endian32(data.data() + 8);
    if (block == 0 || block % (element * 8) != 0) return damaged;
    data = data.subspan(kHeaderSize);
  }
  if (total > into.size()) return Status(Code::kLimitExceeded, "a chunk of bitshuffle is too long");
  if (total % element != 0) return damaged;
  Bytes rest = into.first(static_cast<size_t>(total));
  const size_t largest = std::min(block, rest.size());
  uint8_t* const memory = scratch.table(2 * largest + 1);
  if (memory == nullptr) return Status(Code::kOutOfMemory, "bitshuffle");
  while (const size_t size = next_block(block, element, rest.size())) {
    ConstBytes bits;
    if (compressed) {
      if (data.size() < kBlockHeaderSize) return damaged;
      const size_t stored = base::load_big_endian32(data.data());
      data = data.subspan(kBlockHeaderSize);
      if (stored > data.size()) return damaged;
      const Bytes target(memory + largest, size);
      if (compressor(step) == Compressor::kLz4) {
        if (!lz4_decompress(data.first(stored), target)) return damaged;
      } else {
        const auto filled = scratch.zstd().decompress(data.first(stored), target);
        if (!filled.ok()) return filled.status().code() == Code::kLimitExceeded ? damaged : filled.status();
        if (filled.value() != size) return damaged;
      }
      bits = target;
      data = data.subspan(stored);
    } else {
      bits = data.first(size);
      data = data.subspan(size);
    }
    untranspose_bits(bits, element, {memory, size}, rest.first(size));
    rest = rest.subspan(size);
  }
  if (data.size() < rest.size()) return damaged;
  if (!rest.empty()) std::memcpy(rest.data(), data.data(), rest.size());
  return static_cast<size_t>(total);
}

}  // namespace

const Codec kBitshuffleCodec{.id = FilterId::kBitshuffle,
                             .check = check,
                             .keeps_size = keeps_size,
                             .most = most,
                             .room = room,
                             .encode = encode,
                             .decode = decode};

}  // namespace freestone::pipeline
