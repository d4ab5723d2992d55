#include "pipeline/deflate.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "random_bytes.h"

using namespace freestone;
using base::Code;
using pipeline::Deflater;
using pipeline::Inflater;

namespace {

std::vector<uint8_t> compress(Deflater& deflater, const std::vector<uint8_t>& data, int level) {
  const auto most = deflater.prepare(level, data.size());
  REQUIRE(most.ok());
  std::vector<uint8_t> out(most.value());
  const auto size = deflater.compress(data, out);
  REQUIRE(size.ok());
  out.resize(size.value());
  return out;
}

}  // namespace

TEST_CASE("streams are in zlib's format, with Adler's checksum at the end") {
  const std::vector<uint8_t> word{'W', 'i', 'k', 'i', 'p', 'e', 'd', 'i', 'a'};
  Deflater deflater;
  const auto stream = compress(deflater, word, 6);
  const std::vector<uint8_t> expected{0x78, 0x9c, 0x0b, 0xcf, 0xcc, 0xce, 0x2c, 0x48, 0x4d,
                                      0xc9, 0x4c, 0x04, 0x00, 0x11, 0xe6, 0x03, 0x98};
  CHECK(stream == expected);
}

TEST_CASE("every level and size comes back, by zlib's own function too") {
  Deflater deflater;
  Inflater inflater;
  for (const Kind kind : {Kind::kNoise, Kind::kRuns}) {
    for (const size_t size : {1, 2, 13, 4095, 4097, 65'537, 300'001}) {
      for (int level = 0; level <= 9; ++level) {
        const auto data = random_bytes(size, static_cast<uint32_t>(size), kind);
        const auto stream = compress(deflater, data, level);
        std::vector<uint8_t> back(size);
        const auto filled = inflater.decompress(stream, back);
        REQUIRE(filled.ok());
        REQUIRE(filled.value() == size);
        REQUIRE(back == data);
        std::vector<uint8_t> reference(size);
        uLongf length = size;
        REQUIRE(uncompress(reference.data(), &length, stream.data(), stream.size()) == Z_OK);
        REQUIRE(reference == data);
      }
    }
  }
}

TEST_CASE("an unknown level is refused, and the next one works") {
  Deflater deflater;
  CHECK(deflater.prepare(10, 100).status().code() == Code::kInvalidArgument);
  CHECK(compress(deflater, random_bytes(100, 1), 9).size() > 0);
}

TEST_CASE("a stream that is cut off anywhere is corrupt") {
  Deflater deflater;
  Inflater inflater;
  const auto data = random_bytes(3000, 1, Kind::kRuns);
  const auto stream = compress(deflater, data, 6);
  std::vector<uint8_t> back(data.size());
  for (size_t size = 0; size + 5 < stream.size(); ++size) {
    REQUIRE(inflater.decompress(base::ConstBytes(stream).first(size), back).status().code() == Code::kCorruptFile);
  }
  // Without its checksum the stream has filled the output but not ended.
  for (size_t size = stream.size() - 5; size < stream.size(); ++size) {
    REQUIRE_FALSE(inflater.decompress(base::ConstBytes(stream).first(size), back).ok());
  }
  REQUIRE(inflater.decompress(stream, back).ok());
}

TEST_CASE("a stream that is longer than its place stops at the end of it") {
  Deflater deflater;
  Inflater inflater;
  const auto data = random_bytes(10'000, 1, Kind::kRuns);
  const auto stream = compress(deflater, data, 6);
  for (const size_t size : {1, 100, 9'999}) {
    std::vector<uint8_t> back(size);
    CHECK(inflater.decompress(stream, back).status().code() == Code::kLimitExceeded);
    CHECK(std::memcmp(back.data(), data.data(), size - 1) == 0);
  }
  std::vector<uint8_t> larger(10'001);
  CHECK(inflater.decompress(stream, larger).value() == 10'000);
}

TEST_CASE("bytes after the end of a stream are ignored") {
  Deflater deflater;
  Inflater inflater;
  const auto data = random_bytes(500, 1);
  auto stream = compress(deflater, data, 6);
  stream.insert(stream.end(), {1, 2, 3});
  std::vector<uint8_t> back(500);
  CHECK(inflater.decompress(stream, back).value() == 500);
  CHECK(back == data);
}

TEST_CASE("a flipped bit is found or harmless, and the next stream is read as ever") {
  Deflater deflater;
  Inflater inflater;
  const auto data = random_bytes(600, 1, Kind::kRuns);
  auto stream = compress(deflater, data, 6);
  std::vector<uint8_t> back(data.size());
  for (size_t bit = 0; bit < stream.size() * 8; ++bit) {
    stream[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const auto filled = inflater.decompress(stream, back);
    if (filled.ok() && filled.value() == data.size()) REQUIRE(back == data);
    stream[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  REQUIRE(inflater.decompress(stream, back).ok());
  CHECK(back == data);
}
