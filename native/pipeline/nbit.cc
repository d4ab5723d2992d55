#include "pipeline/nbit.h"

#include <algorithm>
#include <cstring>

#include "pipeline/bit_stream.h"

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

using Values = std::span<const uint32_t>;

enum class TypeClass : uint32_t { kNumber = 1, kArray = 2, kCompound = 3, kOther = 4 };

constexpr size_t kTypeAt = 3;
/// Deeper than anyone's datatypes; each level takes a part of the stack.
constexpr unsigned kMostLevels = 64;

bool packs_nothing(const Step& step) noexcept { return step.values[1] != 0; }
uint64_t element_size(const Step& step) noexcept { return step.values[4]; }
uint64_t chunk_size(const Step& step) noexcept { return step.values[2] * element_size(step); }

/// Whether a datatype begins at `at`, which then is behind it. @param bits those that one of its elements takes
bool check_type(Values values, size_t& at, unsigned levels, uint64_t& size, uint64_t& bits) noexcept {
  if (levels == 0 || values.size() - at < 2) return false;
  const auto type = static_cast<TypeClass>(values[at]);
  size = values[at + 1];
  at += 2;
  if (size == 0) return false;
  switch (type) {
    case TypeClass::kNumber: {
      if (values.size() - at < 3) return false;
      const uint64_t precision = values[at + 1];
      if (values[at] > 1 || precision == 0 || precision + values[at + 2] > size * 8) return false;
      bits = precision;
      at += 3;
      return true;
    }
    case TypeClass::kArray: {
      uint64_t item = 0;
      if (!check_type(values, at, levels - 1, item, bits) || size % item != 0) return false;
      bits *= size / item;
      return true;
    }
    case TypeClass::kCompound: {
      if (at == values.size()) return false;
      uint64_t used = 0;
      bits = 0;
      for (size_t members = values[at++]; members > 0; --members) {
        if (at == values.size()) return false;
        const uint64_t offset = values[at++];
        uint64_t member = 0;
        uint64_t member_bits = 0;
        if (!check_type(values, at, levels - 1, member, member_bits)) return false;
        used += member;
        bits += member_bits;
        // Together no larger than the whole, so that an element's work is bounded by its size.
        if (offset + member > size || used > size) return false;
      }
      return true;
    }
    case TypeClass::kOther:
      bits = size * 8;
      return true;
  }
  return false;
}

/// Calls `number(bytes, count, offset in bits)` for the part of each byte of the element that is packed, in order.
template <typename Part>
void walk(Values values, size_t& at, size_t place, const Part& part) noexcept {
  const auto type = static_cast<TypeClass>(values[at]);
  const size_t size = values[at + 1];
  at += 2;
  switch (type) {
    case TypeClass::kNumber: {
      const bool big_endian = values[at] == 1;
      const size_t end = values[at + 1] + values[at + 2];
      size_t first = values[at + 2];
      at += 3;
      // From the byte with the highest bit down.
      for (size_t byte = (end - 1) / 8 + 1; byte-- > first / 8;) {
        const size_t low = std::max(first, byte * 8);
        const size_t high = std::min(end, byte * 8 + 8);
        part(place + (big_endian ? size - 1 - byte : byte), static_cast<unsigned>(high - low),
             static_cast<unsigned>(low - byte * 8));
      }
      return;
    }
    case TypeClass::kArray: {
      const size_t item = values[at + 1];
      const size_t begin = at;
      for (size_t i = 0; i < size; i += item) {
        at = begin;
        walk(values, at, place + i, part);
      }
      return;
    }
    case TypeClass::kCompound:
      for (size_t members = values[at++]; members > 0; --members) {
        const size_t offset = values[at++];
        walk(values, at, place + offset, part);
      }
      return;
    case TypeClass::kOther:
      for (size_t i = 0; i < size; ++i) part(place + i, 8u, 0u);
      return;
  }
}

/// Of one element; the values have been checked.
uint64_t bits_of(const Step& step) noexcept {
  size_t at = kTypeAt;
  uint64_t size = 0;
  uint64_t bits = 0;
  (void)check_type(step.values, at, kMostLevels, size, bits);
  return bits;
}

/// One byte more than is needed when the bits fill the last one, as libhdf5 has it.
uint64_t packed_size(const Step& step) noexcept { return step.values[2] * bits_of(step) / 8 + 1; }

Status check(const Step& step) noexcept {
  const Status wrong(Code::kInvalidArgument, "nbit does not have the values of a datatype");
  if (step.values.size() < 3 || step.values[0] != step.values.size()) return wrong;
  if (packs_nothing(step)) return {};
  size_t at = kTypeAt;
  uint64_t size = 0;
  uint64_t bits = 0;
  if (!check_type(step.values, at, kMostLevels, size, bits)) return wrong;
  if (chunk_size(step) > UINT32_MAX) return wrong;
  return {};
}

bool keeps_size(const Step& step) noexcept { return packs_nothing(step); }

uint64_t most(const Step& step, uint64_t size) noexcept { return packs_nothing(step) ? size : packed_size(step); }

Result<size_t> room(Scratch&, const Step& step, size_t size) noexcept {
  if (packs_nothing(step)) return size;
  // Four bytes more: the writer's last word.
  return static_cast<size_t>(packed_size(step)) + 4;
}

Result<size_t> encode(Scratch&, const Step& step, ConstBytes data, Bytes into) noexcept {
  if (packs_nothing(step)) {
    std::memcpy(into.data(), data.data(), data.size());
    return data.size();
  }
  if (data.size() != chunk_size(step)) return Status(Code::kInvalidSize, "nbit needs the chunk that it was made for");
  const auto size = static_cast<size_t>(packed_size(step));
  into[size - 1] = 0;
  BitWriter writer(into.data());
  const auto element = static_cast<size_t>(element_size(step));
  for (size_t place = 0; place < data.size(); place += element) {
    size_t at = kTypeAt;
    walk(step.values, at, place, [&](size_t byte, unsigned count, unsigned offset) noexcept {
      writer.put(uint64_t{data[byte]} >> offset, count);
    });
  }
  (void)writer.finish();
  return size;
}

Result<size_t> decode(Scratch&, const Step& step, ConstBytes data, Bytes into) noexcept {
  const uint64_t size = packs_nothing(step) ? data.size() : chunk_size(step);
  if (size > into.size()) return Status(Code::kLimitExceeded, "a chunk packed with nbit is too long");
  const auto length = static_cast<size_t>(size);
  if (packs_nothing(step)) {
    std::memcpy(into.data(), data.data(), length);
    return length;
  }
  if (uint64_t{data.size()} * 8 < step.values[2] * bits_of(step)) {
    return Status(Code::kCorruptFile, "a chunk packed with nbit is cut off");
  }
  std::memset(into.data(), 0, length);
  BitReader reader(data);
  const auto element = static_cast<size_t>(element_size(step));
  for (size_t place = 0; place < length; place += element) {
    size_t at = kTypeAt;
    walk(step.values, at, place, [&](size_t byte, unsigned count, unsigned offset) noexcept {
      into[byte] = static_cast<uint8_t>(into[byte] | reader.get(count) << offset);
    });
  }
  return length;
}

}  // namespace

const Codec kNbitCodec{.id = FilterId::kNbit,
                       .check = check,
                       .keeps_size = keeps_size,
                       .most = most,
                       .room = room,
                       .encode = encode,
                       .decode = decode};

}  // namespace freestone::pipeline
