#include "pipeline/lz4.h"

#include <algorithm>
#include <cstring>

#include "pipeline/lz4_blocks.h"

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

constexpr size_t kHeaderSize = 12;
constexpr size_t kBlockHeaderSize = 4;
constexpr size_t kDefaultBlock = 1 << 30;

size_t block_size(const Step& step) noexcept {
  return step.values.empty() || step.values[0] == 0 ? kDefaultBlock : step.values[0];
}

Status check(const Step& step) noexcept {
  if (!lz4_available())
    return Status(Code::kUnsupported, "the filter lz4 needs liblz4, which this build does not have");
  if (block_size(step) > kMostLz4Block) return Status(Code::kInvalidArgument, "a block of lz4 is too large");
  return {};
}

bool keeps_size(const Step&) noexcept { return false; }

uint64_t room_for(const Step& step, uint64_t size) noexcept {
  const uint64_t blocks = size / block_size(step) + 1;
  return kHeaderSize + size + blocks * kBlockHeaderSize;
}

uint64_t most(const Step& step, uint64_t size) noexcept {
  return most_compressed(size) + size / block_size(step) * kBlockHeaderSize;
}

Result<size_t> room(Scratch&, const Step& step, size_t size) noexcept {
  return static_cast<size_t>(room_for(step, size));
}

Result<size_t> encode(Scratch&, const Step& step, ConstBytes data, Bytes into) noexcept {
  const size_t block = std::min(block_size(step), data.size());
  base::store_big_endian64(into.data(), data.size());
  base::store_big_endian32(into.data() + 8, static_cast<uint32_t>(block));
  size_t written = kHeaderSize;
  while (!data.empty()) {
    const ConstBytes part = data.first(std::min(block, data.size()));
    uint8_t* const target = into.data() + written + kBlockHeaderSize;
    // Less room than its own size, so that it is a block only when it is smaller.
    size_t size = part.size() > 1 ? lz4_compress(part, {target, part.size() - 1}) : 0;
    if (size == 0) {
      std::memcpy(target, part.data(), part.size());
      size = part.size();
    }
    base::store_big_endian32(into.data() + written, static_cast<uint32_t>(size));
    written += kBlockHeaderSize + size;
    data = data.subspan(part.size());
  }
  return written;
}

Result<size_t> decode(Scratch&, const Step&, ConstBytes data, Bytes into) noexcept {
  const Status damaged(Code::kCorruptFile, "a chunk compressed with lz4 is damaged");
  if (data.size() < kHeaderSize) return damaged;
  const uint64_t size = base::load_big_endian64(data.data());
  const size_t block = base::load_big_endian32(data.data() + 8);
  if (size > into.size()) return Status(Code::kLimitExceeded, "a chunk compressed with lz4 is too long");
  if (block == 0 && size > 0) return damaged;
  data = data.subspan(kHeaderSize);
  Bytes rest = into.first(static_cast<size_t>(size));
  while (!rest.empty()) {
    const Bytes part = rest.first(std::min(block, rest.size()));
    if (data.size() < kBlockHeaderSize) return damaged;
    const size_t stored = base::load_big_endian32(data.data());
    data = data.subspan(kBlockHeaderSize);
    if (stored > data.size()) return damaged;
    if (stored == part.size()) {
      std::memcpy(part.data(), data.data(), stored);
    } else if (!lz4_decompress(data.first(stored), part)) {
      return damaged;
    }
    data = data.subspan(stored);
    rest = rest.subspan(part.size());
  }
  return static_cast<size_t>(size);
}

}  // namespace

const Codec kLz4Codec{.id = FilterId::kLz4,
                      .check = check,
                      .keeps_size = keeps_size,
                      .most = most,
                      .room = room,
                      .encode = encode,
                      .decode = decode};

}  // namespace freestone::pipeline
