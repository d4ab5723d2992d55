#include "pipeline/scaleoffset.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "pipeline/bit_stream.h"

namespace freestone::pipeline {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

constexpr size_t kValueCount = 20;
constexpr size_t kFillAt = 8;
constexpr size_t kHeaderSize = 21;
constexpr size_t kMinimumAt = 5;

/// The values under their names.
struct Parameters {
  explicit Parameters(const Step& step) noexcept
      : scale_type(step.values[0]),
        factor(static_cast<int32_t>(step.values[1])),
        count(step.values[2]),
        is_float(step.values[3] == 1),
        size(step.values[4]),
        is_signed(step.values[5] == 1),
        big_endian(step.values[6] == 1),
        has_fill(step.values[7] == 1),
        fill(uint64_t{step.values[kFillAt + 1]} << 32 | step.values[kFillAt]) {}

  [[nodiscard]] unsigned type_bits() const noexcept { return size * 8; }
  [[nodiscard]] uint64_t chunk_size() const noexcept { return count * uint64_t{size}; }
  /// Asked for all bits of an integer, the filter does nothing at all.
  [[nodiscard]] bool does_nothing() const noexcept { return !is_float && factor == static_cast<int32_t>(type_bits()); }

  uint32_t scale_type;
  int32_t factor;
  uint32_t count;
  bool is_float;
  uint32_t size;
  bool is_signed;
  bool big_endian;
  bool has_fill;
  uint64_t fill;
};

template <size_t Size>
using Word =
    std::conditional_t<Size == 1, uint8_t,
                       std::conditional_t<Size == 2, uint16_t, std::conditional_t<Size == 4, uint32_t, uint64_t>>>;

/// An element, whatever its byte order.
template <typename T>
T load(const uint8_t* at, bool big_endian) noexcept {
  Word<sizeof(T)> word;
  std::memcpy(&word, at, sizeof word);
  if (big_endian != (std::endian::native == std::endian::big)) word = base::byte_swap(word);
  return std::bit_cast<T>(word);
}

template <typename T>
void store(uint8_t* at, T value, bool big_endian) noexcept {
  auto word = std::bit_cast<Word<sizeof(T)>>(value);
  if (big_endian != (std::endian::native == std::endian::big)) word = base::byte_swap(word);
  std::memcpy(at, &word, sizeof word);
}

template <typename T>
T fill_of(const Parameters& p) noexcept {
  return std::bit_cast<T>(static_cast<Word<sizeof(T)>>(p.fill));
}

/// The least `n` with 2^n >= `number`, which is not 0.
unsigned ceil_log2(uint64_t number) noexcept { return static_cast<unsigned>(std::bit_width(number - 1)); }

uint64_t all_ones(unsigned bits) noexcept { return (uint64_t{1} << bits) - 1; }

/// Writes what stands before the bits. Where they begin.
uint8_t* put_header(Bytes into, unsigned bits, uint64_t minimum) noexcept {
  std::memset(into.data(), 0, kHeaderSize);
  base::store_little_endian32(into.data(), bits);
  into[4] = sizeof minimum;
  for (size_t i = 0; i < sizeof minimum; ++i) into[kMinimumAt + i] = static_cast<uint8_t>(minimum >> 8 * i);
  return into.data() + kHeaderSize;
}

/// What `bits` need behind the header: one byte more when they fill the last one, as libhdf5 has it.
size_t packed_size(const Parameters& p, unsigned bits) noexcept {
  return static_cast<size_t>(uint64_t{p.count} * bits / 8 + 1);
}

/// The elements as they are, for what the bits cannot hold.
template <typename T>
size_t put_whole(const Parameters& p, ConstBytes data, Bytes into) noexcept {
  uint8_t* at = put_header(into, p.type_bits(), 0);
  for (size_t i = 0; i < data.size(); i += sizeof(T), at += sizeof(T)) {
    store(at, load<T>(data.data() + i, p.big_endian), false);
  }
  return kHeaderSize + data.size();
}

template <typename T>
size_t encode_integers(const Parameters& p, ConstBytes data, Bytes into) noexcept {
  using U = std::make_unsigned_t<T>;
  const T fill = fill_of<T>(p);
  T least = 0;
  T most = 0;
  bool any = false;
  for (size_t i = 0; i < data.size(); i += sizeof(T)) {
    const T value = load<T>(data.data() + i, p.big_endian);
    if (p.has_fill && value == fill) continue;
    least = any ? std::min(least, value) : value;
    most = any ? std::max(most, value) : value;
    any = true;
  }
  const U distance = static_cast<U>(static_cast<U>(most) - static_cast<U>(least));
  if (distance > static_cast<U>(std::numeric_limits<U>::max() - 2)) return put_whole<T>(p, data, into);
  const uint64_t codes = uint64_t{distance} + (p.has_fill ? 2 : 1);
  // A number of bits that was asked for is kept as long as every value can be read back.
  const unsigned bits = std::max(ceil_log2(codes), static_cast<unsigned>(std::max(p.factor, 0)));
  if (bits >= p.type_bits()) return put_whole<T>(p, data, into);
  uint64_t minimum = static_cast<U>(least);
  if constexpr (std::is_signed_v<T>) minimum = static_cast<uint64_t>(int64_t{least});
  const size_t size = packed_size(p, bits);
  uint8_t* const at = put_header(into, bits, minimum);
  at[size - 1] = 0;
  if (bits == 0) return kHeaderSize + size;
  BitWriter writer(at);
  for (size_t i = 0; i < data.size(); i += sizeof(T)) {
    const T value = load<T>(data.data() + i, p.big_endian);
    const bool is_fill = p.has_fill && value == fill;
    writer.put(is_fill ? all_ones(bits) : static_cast<U>(static_cast<U>(value) - static_cast<U>(least)), bits);
  }
  (void)writer.finish();
  return kHeaderSize + size;
}

template <typename T>
size_t encode_floats(const Parameters& p, ConstBytes data, Bytes into) noexcept {
  const T fill = fill_of<T>(p);
  const T scale = std::pow(T{10}, static_cast<T>(p.factor));
  const T step = std::pow(T{10}, static_cast<T>(-p.factor));
  const auto is_fill = [&](T value) noexcept { return p.has_fill && std::abs(value - fill) < step; };
  T least = 0;
  T most = 0;
  bool any = false;
  for (size_t i = 0; i < data.size(); i += sizeof(T)) {
    const T value = load<T>(data.data() + i, p.big_endian);
    if (!std::isfinite(value)) return put_whole<T>(p, data, into);  // which no number of bits stands for
    if (is_fill(value)) continue;
    least = any ? std::min(least, value) : value;
    most = any ? std::max(most, value) : value;
    any = true;
  }
  const T distance = std::round(most * scale - least * scale);
  // Also false for what is not a number.
  if (!(distance < std::ldexp(T{1}, static_cast<int>(p.type_bits()) - 2))) return put_whole<T>(p, data, into);
  const uint64_t codes = static_cast<uint64_t>(distance) + (p.has_fill ? 2 : 1);
  const unsigned bits = ceil_log2(codes);
  const size_t size = packed_size(p, bits);
  uint8_t* const at = put_header(into, bits, std::bit_cast<Word<sizeof(T)>>(least));
  at[size - 1] = 0;
  if (bits == 0) return kHeaderSize + size;
  BitWriter writer(at);
  for (size_t i = 0; i < data.size(); i += sizeof(T)) {
    const T value = load<T>(data.data() + i, p.big_endian);
    const uint64_t code =
        is_fill(value) ? all_ones(bits) : static_cast<uint64_t>(std::llround(value * scale - least * scale));
    writer.put(code, bits);
  }
  (void)writer.finish();
  return kHeaderSize + size;
}

template <typename T>
void decode_integers(const Parameters& p, unsigned bits, uint64_t minimum, ConstBytes data, Bytes into) noexcept {
  using U = std::make_unsigned_t<T>;
  BitReader reader(data);
  for (size_t i = 0; i < into.size(); i += sizeof(T)) {
    const uint64_t code = reader.get(bits);
    const T value =
        p.has_fill && code == all_ones(bits) ? fill_of<T>(p) : static_cast<T>(static_cast<U>(code + minimum));
    store(into.data() + i, value, p.big_endian);
  }
}

template <typename T>
void decode_floats(const Parameters& p, unsigned bits, uint64_t minimum, ConstBytes data, Bytes into) noexcept {
  const T scale = std::pow(T{10}, static_cast<T>(p.factor));
  const T least = std::bit_cast<T>(static_cast<Word<sizeof(T)>>(minimum));
  BitReader reader(data);
  for (size_t i = 0; i < into.size(); i += sizeof(T)) {
    const uint64_t code = reader.get(bits);
    const T value = p.has_fill && code == all_ones(bits) ? fill_of<T>(p) : static_cast<T>(code) / scale + least;
    store(into.data() + i, value, p.big_endian);
  }
}

template <typename T>
void decode_whole(const Parameters& p, ConstBytes data, Bytes into) noexcept {
  for (size_t i = 0; i < into.size(); i += sizeof(T))
    store(into.data() + i, load<T>(data.data() + i, false), p.big_endian);
}

/// Calls `run` with a value of the element's type.
template <typename Run>
auto with_type(const Parameters& p, const Run& run) noexcept {
  if (p.is_float) return p.size == 4 ? run(float{}) : run(double{});
  switch (p.size) {
    case 1:
      return p.is_signed ? run(int8_t{}) : run(uint8_t{});
    case 2:
      return p.is_signed ? run(int16_t{}) : run(uint16_t{});
    case 4:
      return p.is_signed ? run(int32_t{}) : run(uint32_t{});
    default:
      return p.is_signed ? run(int64_t{}) : run(uint64_t{});
  }
}

Status check(const Step& step) noexcept {
  const Status wrong(Code::kInvalidArgument, "scaleoffset does not have the values of a datatype and a chunk");
  if (step.values.size() < kValueCount) return wrong;
  for (const size_t flag : {3, 5, 6, 7}) {
    if (step.values[flag] > 1) return wrong;
  }
  const Parameters p(step);
  if (p.is_float && p.scale_type == 1) {
    return Status(Code::kUnsupported,
                  "scaleoffset with a fixed number of bits for floats, which libhdf5 has not either");
  }
  const bool sized = p.is_float ? p.size == 4 || p.size == 8 : p.size == 1 || p.size == 2 || p.size == 4 || p.size == 8;
  if (p.scale_type != (p.is_float ? 0u : 2u) || !sized || p.chunk_size() > UINT32_MAX) return wrong;
  if (!p.is_float && p.factor > static_cast<int32_t>(p.type_bits())) return wrong;
  return {};
}

bool keeps_size(const Step& step) noexcept { return Parameters(step).does_nothing(); }

uint64_t most(const Step&, uint64_t size) noexcept { return size + kHeaderSize + 1; }

/// Four bytes more: the writer's last word.
Result<size_t> room(Scratch&, const Step&, size_t size) noexcept { return size + kHeaderSize + 1 + 4; }

Result<size_t> encode(Scratch&, const Step& step, ConstBytes data, Bytes into) noexcept {
  const Parameters p(step);
  if (p.does_nothing()) {
    std::memcpy(into.data(), data.data(), data.size());
    return data.size();
  }
  if (data.size() != p.chunk_size()) {
    return Status(Code::kInvalidSize, "scaleoffset needs the chunk that it was made for");
  }
  return with_type(p, [&](auto kind) noexcept {
    using T = decltype(kind);
    if constexpr (std::is_floating_point_v<T>)
      return encode_floats<T>(p, data, into);
    else
      return encode_integers<T>(p, data, into);
  });
}

Result<size_t> decode(Scratch&, const Step& step, ConstBytes data, Bytes into) noexcept {
  const Status damaged(Code::kCorruptFile, "a chunk of scaleoffset is damaged");
  const Parameters p(step);
  const uint64_t size = p.does_nothing() ? data.size() : p.chunk_size();
  if (size > into.size()) return Status(Code::kLimitExceeded, "a chunk of scaleoffset is too long");
  const Bytes target = into.first(static_cast<size_t>(size));
  if (p.does_nothing()) {
    std::memcpy(target.data(), data.data(), target.size());
    return target.size();
  }
  if (data.size() < kHeaderSize) return damaged;
  const unsigned bits = base::load_little_endian32(data.data());
  if (bits > p.type_bits()) return damaged;
  uint64_t minimum = 0;
  const size_t minimum_size = std::min<size_t>(data[4], sizeof minimum);
  for (size_t i = 0; i < minimum_size; ++i) minimum |= uint64_t{data[kMinimumAt + i]} << 8 * i;
  const ConstBytes packed = data.subspan(kHeaderSize);
  if (uint64_t{packed.size()} * 8 < uint64_t{p.count} * bits) return damaged;
  with_type(p, [&](auto kind) noexcept {
    using T = decltype(kind);
    if (bits == p.type_bits())
      decode_whole<T>(p, packed, target);
    else if constexpr (std::is_floating_point_v<T>)
      decode_floats<T>(p, bits, minimum, packed, target);
    else
      decode_integers<T>(p, bits, minimum, packed, target);
  });
  return target.size();
}

}  // namespace

const Codec kScaleOffsetCodec{.id = FilterId::kScaleOffset,
                              .check = check,
                              .keeps_size = keeps_size,
                              .most = most,
                              .room = room,
                              .encode = encode,
                              .decode = decode};

}  // namespace freestone::pipeline
