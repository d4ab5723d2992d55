#include "pipeline/codec.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "pipeline/filter_chain.h"
#include "random_bytes.h"

using namespace freestone;
using base::Code;
using pipeline::FilterChain;
using pipeline::FilterId;
using pipeline::Scratch;

namespace {

using Description = std::vector<uint32_t>;

bool is_there(const Description& description) {
  return FilterChain::make(description).status().code() != Code::kUnsupported;
}

base::Ref<FilterChain> make(const Description& description) {
  auto chain = FilterChain::make(description);
  REQUIRE(chain.ok());
  return chain.take();
}

struct Stored {
  std::vector<uint8_t> bytes;
  uint32_t mask = 0;
};

Stored encode(const FilterChain& chain, Scratch& scratch, base::ConstBytes chunk) {
  const auto encoded = chain.encode(scratch, chunk);
  REQUIRE(encoded.ok());
  return {{encoded.value().bytes.begin(), encoded.value().bytes.end()}, encoded.value().filter_mask};
}

/// What `description` makes of the bytes of `values`, and that it makes them of it again.
template <typename T>
std::vector<T> there_and_back(const Description& description, const std::vector<T>& values) {
  Scratch scratch;
  const auto chain = make(description);
  const auto* const bytes = reinterpret_cast<const uint8_t*>(values.data());
  const Stored stored = encode(*chain, scratch, {bytes, values.size() * sizeof(T)});
  std::vector<T> back(values.size());
  REQUIRE(chain
              ->decode(scratch, stored.bytes, stored.mask,
                       {reinterpret_cast<uint8_t*>(back.data()), back.size() * sizeof(T)})
              .ok());
  return back;
}

/// The values of scaleoffset for `count` elements of `T`.
template <typename T>
Description scale_offset(size_t count, int32_t factor, bool has_fill = false, T fill = {}) {
  Description values{6, 20};
  values.resize(22);
  uint64_t bits = 0;
  std::memcpy(&bits, &fill, sizeof fill);
  const bool is_float = std::is_floating_point_v<T>;
  const uint32_t parameters[] = {is_float ? 0u : 2u,
                                 static_cast<uint32_t>(factor),
                                 static_cast<uint32_t>(count),
                                 is_float,
                                 sizeof(T),
                                 std::is_signed_v<T> && !is_float,
                                 0,
                                 has_fill,
                                 static_cast<uint32_t>(bits),
                                 static_cast<uint32_t>(bits >> 32)};
  std::copy(std::begin(parameters), std::end(parameters), values.begin() + 2);
  return values;
}

template <typename T>
std::vector<T> around(T middle, uint64_t spread, size_t count, uint32_t seed) {
  std::mt19937_64 engine(seed);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(static_cast<uint64_t>(middle) + (spread == 0 ? 0 : engine() % spread));
  return values;
}

/// Every way a chunk can be damaged ends in an error or in some content, and never beside the memory.
void damage(const Description& description, size_t size, uint32_t seed) {
  std::mt19937 engine(seed);
  Scratch scratch;
  const auto chain = make(description);
  auto chunk = random_bytes(size, seed, Kind::kRuns);
  const Stored stored = encode(*chain, scratch, chunk);
  std::vector<uint8_t> back(size);
  for (int round = 0; round < 400; ++round) {
    // A copy of exactly its size, so that the sanitizer sees a byte too far.
    const size_t length = engine() % 3 == 0 ? engine() % (stored.bytes.size() + 1) : stored.bytes.size();
    const auto damaged = std::make_unique<uint8_t[]>(length);
    std::copy_n(stored.bytes.begin(), length, damaged.get());
    // More often at the beginning, where the headers are.
    for (unsigned flips = engine() % 4; flips > 0 && length > 0; --flips) {
      damaged[engine() % (engine() % 2 == 0 ? std::min<size_t>(length, 24) : length)] = static_cast<uint8_t>(engine());
    }
    const base::Status status = chain->decode(scratch, {damaged.get(), length}, stored.mask, back);
    if (!status.ok()) REQUIRE(status.code() == Code::kCorruptFile);
  }
}

}  // namespace

TEST_CASE("gzip and filters without a library always are there") {
  for (const FilterId id : {FilterId::kShuffle, FilterId::kFletcher32, FilterId::kNbit, FilterId::kScaleOffset,
                            FilterId::kLzf, FilterId::kBitshuffle}) {
    CHECK(pipeline::libraries_of(id).size() == 1);
  }
  REQUIRE_FALSE(pipeline::libraries_of(FilterId::kDeflate).empty());
  CHECK(pipeline::libraries_of(FilterId::kDeflate).back() == std::string("zlib"));
  CHECK(pipeline::libraries_of(static_cast<FilterId>(77)).empty());
}

TEST_CASE("a filter whose library is missing is refused, and no other") {
  CHECK(is_there({4, 4, 141, 8, 32, 100}) == !pipeline::libraries_of(FilterId::kSzip).empty());
  CHECK(is_there({32004, 0}) == !pipeline::libraries_of(FilterId::kLz4).empty());
  CHECK(is_there({32015, 0}) == !pipeline::libraries_of(FilterId::kZstd).empty());
  CHECK(is_there({32008, 3, 0, 3, 4}));
  CHECK(is_there({32008, 5, 0, 3, 4, 0, 2}) == is_there({32004, 0}));
  CHECK(is_there({32008, 5, 0, 3, 4, 0, 3}) == is_there({32015, 0}));
  CHECK_FALSE(is_there({32008, 5, 0, 3, 4, 0, 1}));
}

TEST_CASE("values that a filter cannot have are refused") {
  const auto code = [](const Description& description) { return FilterChain::make(description).status().code(); };
  CHECK(code({5, 0}) == Code::kInvalidArgument);
  CHECK(code({5, 8, 7, 0, 10, 1, 4, 0, 12, 3}) == Code::kInvalidArgument);  // another number of values
  CHECK(code({5, 8, 8, 0, 10, 1, 4, 0, 30, 3}) == Code::kInvalidArgument);  // more bits than there are
  CHECK(code({5, 8, 8, 0, 10, 1, 4, 2, 12, 3}) == Code::kInvalidArgument);  // no byte order
  CHECK(code({5, 8, 8, 0, 10, 1, 4, 0, 0, 3}) == Code::kInvalidArgument);   // no bits
  CHECK(code({5, 10, 10, 0, 10, 2, 7, 1, 4, 0, 12, 3}) ==
        Code::kInvalidArgument);                                  // an array of one and three quarters
  CHECK(code({5, 5, 5, 0, 10, 2, 8}) == Code::kInvalidArgument);  // an array of nothing
  CHECK(code({5, 12, 12, 0, 10, 3, 4, 1, 1, 1, 4, 0, 12, 3}) == Code::kInvalidArgument);  // a member that sticks out
  CHECK(code({5, 8, 8, 0, UINT32_MAX, 1, 4, 0, 12, 3}) == Code::kInvalidArgument);        // a chunk beyond 4 GiB
  CHECK(code({5, 5, 5, 0, 10, 9, 8}) == Code::kInvalidArgument);                          // an unknown class
  Description nested{5, 0, 0, 0, 10};
  for (int i = 0; i < 100; ++i) nested.insert(nested.end(), {2, 8});
  nested.insert(nested.end(), {4, 8});
  nested[1] = nested[2] = static_cast<uint32_t>(nested.size() - 2);
  CHECK(code(nested) == Code::kInvalidArgument);
  CHECK(code({6, 2, 2, 0}) == Code::kInvalidArgument);
  auto values = scale_offset<int32_t>(10, 0);
  CHECK(code(values) == Code::kOk);
  values[2] = 0;
  CHECK(code(values) == Code::kInvalidArgument);
  values = scale_offset<int32_t>(10, 33);
  CHECK(code(values) == Code::kInvalidArgument);
  values = scale_offset<double>(10, 3);
  values[2] = 1;
  CHECK(code(values) == Code::kUnsupported);
  values[2] = 0;
  values[6] = 2;
  CHECK(code(values) == Code::kInvalidArgument);
  CHECK(code({32008, 2, 0, 3}) == Code::kInvalidArgument);
  CHECK(code({32008, 3, 0, 3, 0}) == Code::kInvalidArgument);
  CHECK(code({32008, 4, 0, 3, 4, 7}) == Code::kInvalidArgument);
  CHECK(code({32008, 4, 0, 3, UINT32_MAX, 8}) == Code::kInvalidArgument);
  if (is_there({4, 4, 141, 8, 32, 100})) {
    CHECK(code({4, 3, 141, 8, 32}) == Code::kInvalidArgument);
    CHECK(code({4, 4, 141, 7, 32, 100}) == Code::kInvalidArgument);
    CHECK(code({4, 4, 141, 34, 32, 100}) == Code::kInvalidArgument);
    CHECK(code({4, 4, 141, 8, 33, 100}) == Code::kInvalidArgument);
    CHECK(code({4, 4, 141, 8, 32, 0}) == Code::kInvalidArgument);
    CHECK(code({4, 4, 141, 8, 32, 1025}) == Code::kInvalidArgument);
  }
}

TEST_CASE("what lzf makes no smaller is stored without it, and the filters behind it still see it") {
  Scratch scratch;
  const auto noise = random_bytes(10'000, 1);
  const auto chain = make({2, 1, 8, 32000, 3, 4, 0x105, 10'000, 3, 0});
  const Stored stored = encode(*chain, scratch, noise);
  CHECK(stored.mask == 2);
  CHECK(stored.bytes.size() == noise.size() + 4);
  std::vector<uint8_t> back(noise.size());
  REQUIRE(chain->decode(scratch, stored.bytes, stored.mask, back).ok());
  CHECK(back == noise);
  const Stored smaller = encode(*chain, scratch, random_bytes(10'000, 1, Kind::kRuns));
  CHECK(smaller.mask == 0);
  CHECK(smaller.bytes.size() < 8'000);
}

TEST_CASE("lzf is written as LibLZF reads it") {
  Scratch scratch;
  const auto chain = make({32000, 3, 4, 0x105, 20});
  const std::vector<uint8_t> chunk{'a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c', 'a',
                                   'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c', 'x', 'y'};
  // Three literals; a copy of 15 bytes from three back: seven for long, six more; two literals.
  const std::vector<uint8_t> expected{2, 'a', 'b', 'c', 0xE0, 6, 2, 1, 'x', 'y'};
  CHECK(encode(*chain, scratch, chunk).bytes == expected);
}

TEST_CASE("bitshuffle takes elements of any size in blocks of any size, and leaves what is no eight of them") {
  Scratch scratch;
  for (const uint32_t compressor : {0u, 2u, 3u}) {
    if (!is_there({32008, 5, 0, 3, 4, 0, compressor})) continue;
    for (const uint32_t size : {1u, 2u, 3u, 8u, 16u, 200u}) {
      for (const uint32_t block : {0u, 8u, 64u, 1024u}) {
        const auto chain = make({32008, 5, 0, 3, size, block, compressor});
        for (const size_t count : {1, 7, 8, 9, 100, 1025, 5000}) {
          const auto chunk = random_bytes(count * size, static_cast<uint32_t>(count), Kind::kRuns);
          const Stored stored = encode(*chain, scratch, chunk);
          if (compressor == 0) REQUIRE(stored.bytes.size() == chunk.size());
          std::vector<uint8_t> back(chunk.size());
          REQUIRE(chain->decode(scratch, stored.bytes, stored.mask, back).ok());
          REQUIRE(back == chunk);
        }
      }
    }
  }
  CHECK(make({32008, 3, 0, 3, 4})->encode(scratch, random_bytes(6, 1)).status().code() == Code::kInvalidSize);
}

TEST_CASE("nbit keeps the significant bits, whatever their place and byte order, and nothing else") {
  Scratch scratch;
  // Twelve bits from the third on, in elements of four bytes: 0x0000FFF0 shifted.
  for (const uint32_t order : {0u, 1u}) {
    const auto chain = make({5, 8, 8, 0, 3, 1, 4, order, 12, 4});
    std::vector<uint8_t> chunk{0xF1, 0xBC, 0x0A, 0xFF, 0x2F, 0x31, 0, 0, 0x30, 0x12, 0, 0};
    if (order == 1) {
      for (size_t i = 0; i < chunk.size(); i += 4)
        std::reverse(chunk.begin() + static_cast<long>(i), chunk.begin() + static_cast<long>(i) + 4);
    }
    const std::vector<uint8_t> expected{0xBC, 0xF3, 0x12, 0x12, 0x30};
    CHECK(encode(*chain, scratch, chunk).bytes == expected);
    std::vector<uint8_t> back(12);
    REQUIRE(chain->decode(scratch, expected, 0, back).ok());
    std::vector<uint8_t> kept{0xF0, 0xBC, 0, 0, 0x20, 0x31, 0, 0, 0x30, 0x12, 0, 0};
    if (order == 1) {
      for (size_t i = 0; i < kept.size(); i += 4)
        std::reverse(kept.begin() + static_cast<long>(i), kept.begin() + static_cast<long>(i) + 4);
    }
    CHECK(back == kept);
    CHECK(chain->encode(scratch, random_bytes(13, 1)).status().code() == Code::kInvalidSize);
  }
}

TEST_CASE("nbit packs arrays in compounds and compounds in arrays, and stores what is no number as it is") {
  Scratch scratch;
  // Ten bytes: a number of 5 bits at 0, text of 3 bytes at 2, an array of two compounds of a number of 9 bits at 6.
  const Description description{5, 28, 28, 0, 2, 3, 10, 3, 0, 1, 1, 0, 5, 2, 2,
                                4, 3,  6,  2, 4, 3, 2,  1, 0, 1, 2, 1, 9, 0};
  Description counted = description;
  counted[1] = counted[2] = static_cast<uint32_t>(counted.size() - 2);
  const auto chain = make(counted);
  const auto chunk = random_bytes(20, 3);
  const Stored stored = encode(*chain, scratch, chunk);
  CHECK(stored.bytes.size() == 2 * (5 + 24 + 18) / 8 + 1);
  std::vector<uint8_t> back(20, 0xFF);
  REQUIRE(chain->decode(scratch, stored.bytes, 0, back).ok());
  for (size_t i = 0; i < 20; i += 10) {
    CHECK(back[i] == (chunk[i] & 0x7C));
    CHECK(std::equal(back.begin() + static_cast<long>(i) + 2, back.begin() + static_cast<long>(i) + 5,
                     chunk.begin() + static_cast<long>(i) + 2));
    for (const size_t at : {i + 6, i + 8}) {  // big-endian
      CHECK(back[at] == (chunk[at] & 1));
      CHECK(back[at + 1] == chunk[at + 1]);
    }
    CHECK(back[i + 1] == 0);
    CHECK(back[i + 5] == 0);
  }
}

TEST_CASE_TEMPLATE("scaleoffset brings every integer back, in as few bits as there must be", T, int8_t, uint8_t,
                   int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t) {
  const T low = std::numeric_limits<T>::min();
  const T high = std::numeric_limits<T>::max();
  for (const bool has_fill : {false, true}) {
    for (const uint64_t spread : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{50}, uint64_t{127},
                                  uint64_t{1} << (sizeof(T) * 8 - 1)}) {
      for (const T middle : {low, static_cast<T>(high / 2), static_cast<T>(0)}) {
        auto values = around<T>(middle, spread, 333, 7);
        values[100] = 5;
        const auto description = scale_offset<T>(values.size(), 0, has_fill, 5);
        REQUIRE(there_and_back(description, values) == values);
        REQUIRE(there_and_back(scale_offset<T>(values.size(), 6, has_fill, 5), values) == values);
        REQUIRE(there_and_back(scale_offset<T>(values.size(), sizeof(T) * 8, has_fill, 5), values) == values);
      }
    }
    std::vector<T> extremes{low, high, 0, 1, high, low};
    REQUIRE(there_and_back(scale_offset<T>(extremes.size(), 0, has_fill, 0), extremes) == extremes);
    std::vector<T> all_fill(100, 5);
    REQUIRE(there_and_back(scale_offset<T>(100, 0, has_fill, 5), all_fill) == all_fill);
    // Distances up to those where one more bit, or all of them, are needed.
    for (unsigned bits = 1; bits < sizeof(T) * 8; ++bits) {
      for (const uint64_t distance :
           {(uint64_t{1} << bits) - 3, (uint64_t{1} << bits) - 2, (uint64_t{1} << bits) - 1, uint64_t{1} << bits}) {
        std::vector<T> ends{low, static_cast<T>(static_cast<uint64_t>(low) + distance), low};
        REQUIRE(there_and_back(scale_offset<T>(3, 0, has_fill, static_cast<T>(low + 1)), ends) == ends);
      }
    }
  }
  Scratch scratch;
  auto values = around<T>(40, 8, 1000, 1);
  values[0] = 40;
  values[1] = 47;
  const auto chain = make(scale_offset<T>(1000, 0));
  const auto size = sizeof(T) * 1000;
  CHECK(encode(*chain, scratch, {reinterpret_cast<const uint8_t*>(values.data()), size}).bytes.size() ==
        21 + 1000 * 3 / 8 + 1);
  CHECK(chain->encode(scratch, random_bytes(size + 1, 1)).status().code() == Code::kInvalidSize);
}

TEST_CASE_TEMPLATE("scaleoffset brings floats back to the digits that are kept, and all of what it cannot count", T,
                   float, double) {
  std::mt19937 engine(5);
  std::vector<T> values(1000);
  for (T& value : values) value = static_cast<T>(static_cast<int>(engine() % 20'000) - 10'000) / T{100};
  const T fill = T{-9999};
  values[3] = fill;
  for (const bool has_fill : {false, true}) {
    for (const int digits : {0, 1, 2, 3}) {
      const auto back = there_and_back(scale_offset<T>(values.size(), digits, has_fill, fill), values);
      const double step = std::pow(10.0, -digits);
      for (size_t i = 0; i < values.size(); ++i) REQUIRE(std::abs(back[i] - values[i]) <= step * 0.51 + 2e-3);
      if (has_fill) REQUIRE(back[3] == fill);
    }
  }
  const auto same = [&](std::vector<T> chunk, int digits) {
    const auto back = there_and_back(scale_offset<T>(chunk.size(), digits), chunk);
    return std::memcmp(back.data(), chunk.data(), chunk.size() * sizeof(T)) == 0;
  };
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const T infinity = std::numeric_limits<T>::infinity();
  CHECK(same({1, nan, 3}, 2));
  CHECK(same({1, infinity, -infinity, -0.0}, 2));
  CHECK(same({std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max()}, 2));
  CHECK(same({1, 2, 3}, 307));
  CHECK(same({7, 7, 7, 7}, 2));
}

TEST_CASE("scaleoffset reads what libhdf5 wrote, with a fill value and big-endian") {
  Scratch scratch;
  auto description = scale_offset<int16_t>(5, 0, true, int16_t{-1});
  description[2 + 6] = 1;
  const auto chain = make(description);
  // Minimum 1000, three bits: 0, 3, fill, 6, 1.
  std::vector<uint8_t> stored(21 + 2);
  stored[0] = 3;
  stored[4] = 8;
  stored[5] = 0xE8;
  stored[6] = 0x03;
  stored[21] = 0b00001111;
  stored[22] = 0b11100010;
  std::vector<uint8_t> back(10);
  REQUIRE(chain->decode(scratch, stored, 0, back).ok());
  CHECK(back == std::vector<uint8_t>{0x03, 0xE8, 0x03, 0xEB, 0xFF, 0xFF, 0x03, 0xEE, 0x03, 0xE9});
  CHECK(encode(*chain, scratch, back).bytes == stored);
}

TEST_CASE("szip brings numbers of all its sizes back, and leaves out what it makes no smaller") {
  if (!is_there({4, 4, 141, 8, 32, 100})) return;
  Scratch scratch;
  for (const uint32_t bits : {8u, 16u, 32u, 64u}) {
    for (const uint32_t options : {141u, 169u, 149u, 177u}) {
      for (const size_t count : {8, 9, 100, 1000}) {
        const auto chain = make({4, 4, options, 8, bits, static_cast<uint32_t>(std::min<size_t>(count, 1024))});
        std::vector<uint8_t> chunk(count * bits / 8);
        for (size_t i = 0; i < chunk.size(); ++i) chunk[i] = static_cast<uint8_t>(i % 3);
        for (const auto& data : {chunk, random_bytes(chunk.size(), 1)}) {
          const Stored stored = encode(*chain, scratch, data);
          std::vector<uint8_t> back(data.size());
          REQUIRE(chain->decode(scratch, stored.bytes, stored.mask, back).ok());
          REQUIRE(back == data);
        }
      }
    }
  }
}

TEST_CASE("szip refuses a chunk that ends within a number") {
  if (!is_there({4, 4, 141, 8, 32, 100})) return;
  Scratch scratch;
  for (const uint32_t bits : {16u, 32u, 64u}) {
    // The rest would begin a line that libsz does not count.
    const auto chain = make({4, 4, 169, 8, bits, 10});
    std::vector<uint8_t> chunk(bits / 8 * 100 + 1, 7);
    CHECK(chain->encode(scratch, chunk).status().code() == Code::kInvalidArgument);
    chunk.pop_back();
    Stored stored = encode(*chain, scratch, chunk);
    std::vector<uint8_t> back(chunk.size() + 1);
    base::store_little_endian32(stored.bytes.data(), static_cast<uint32_t>(back.size()));
    CHECK(chain->decode(scratch, stored.bytes, stored.mask, back).code() == Code::kCorruptFile);
  }
}

TEST_CASE("damaged chunks of every filter end in an error or in some content") {
  uint32_t seed = 1;
  const auto all = [&](const Description& description, size_t size) {
    if (is_there(description)) damage(description, size, ++seed);
  };
  for (const size_t size : {64, 999, 8192}) {
    all({32000, 3, 4, 0x105, 0}, size);
    all({32004, 1, 0}, size);
    all({32004, 1, 100}, size);
    all({32015, 0}, size);
    all({32008, 5, 0, 3, 1, 0, 0}, size);
    all({32008, 5, 0, 3, 1, 64, 2}, size);
    all({32008, 5, 0, 3, 1, 64, 3}, size);
    all({1, 1, 1}, size);
    all({32004, 1, 100, 32000, 3, 4, 0x105, 0}, size);
    all({32008, 5, 0, 3, 1, 64, 2, 32015, 0}, size);
    all({5, 8, 8, 0, static_cast<uint32_t>(size), 1, 1, 0, 5, 2}, size);
    all({4, 4, 141, 8, 8, static_cast<uint32_t>(std::min<size_t>(size, 1024))}, size);
    all({4, 4, 169, 16, 8, static_cast<uint32_t>(std::min<size_t>(size, 1024))}, size);
    for (const uint32_t bits : {16u, 24u, 32u, 64u}) all({4, 4, 169, 16, bits, 37}, size / 8 * 8);
    all(scale_offset<uint8_t>(size, 0), size);
    Description chain = scale_offset<uint8_t>(size, 0, true, 3);
    chain.insert(chain.end(), {1, 1, 4});
    all(chain, size);
  }
  for (const bool has_fill : {false, true}) {
    damage(scale_offset<double>(100, 3, has_fill, 1.0), 800, ++seed);
    damage(scale_offset<float>(100, -2, has_fill, 1.0F), 400, ++seed);
    damage(scale_offset<int64_t>(100, 0, has_fill, 1), 800, ++seed);
  }
}
