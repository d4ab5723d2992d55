#include "pipeline/noise.h"

#include <doctest/doctest.h>

#include <zlib.h>

#include <vector>

#include "pipeline/deflate.h"
#include "random_bytes.h"

using namespace freestone;
using pipeline::noise_at_start;

namespace {

std::vector<uint8_t> joined(std::vector<uint8_t> first, const std::vector<uint8_t>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

TEST_CASE("noise is found up to the piece in which something else begins") {
  const auto noise = random_bytes(100'000, 1);
  CHECK(noise_at_start(noise) == 98'304);
  CHECK(noise_at_start(joined(noise, std::vector<uint8_t>(100'000))) == 98'304);
  CHECK(noise_at_start(joined(std::vector<uint8_t>(10), noise)) < 16'384);
  CHECK(noise_at_start({}) == 0);
  CHECK(noise_at_start(base::ConstBytes(noise).first(8192)) == 0);
}

TEST_CASE("what a compressor makes smaller is no noise, however even its bytes are") {
  std::vector<uint8_t> counter(100'000);
  for (size_t i = 0; i < counter.size(); ++i) counter[i] = static_cast<uint8_t>(i);
  CHECK(noise_at_start(counter) == 0);
  // The same 20,000 bytes again and again: the first time they are new.
  const auto once = random_bytes(20'000, 2);
  std::vector<uint8_t> again;
  for (int i = 0; i < 5; ++i) again = joined(std::move(again), once);
  CHECK(noise_at_start(again) <= 24'576);
  // Seven bits of eight.
  auto seven = random_bytes(100'000, 3);
  for (uint8_t& byte : seven) byte &= 0x7F;
  CHECK(noise_at_start(seven) == 0);
  CHECK(noise_at_start(random_bytes(100'000, 4, Kind::kRuns)) == 0);
}

TEST_CASE("a stream that begins with noise is zlib's own format, and hardly larger than its noise") {
  pipeline::Deflater deflater;
  pipeline::Inflater inflater;
  for (const size_t noise : {8195, 65'535, 65'536, 200'000}) {
    for (const size_t rest : {0, 1, 5000, 100'000}) {
      const auto data = joined(random_bytes(noise, static_cast<uint32_t>(noise)), random_bytes(rest, 5, Kind::kRuns));
      for (const int level : {1, 4, 6, 9}) {
        const auto room = deflater.prepare(level, data.size());
        REQUIRE(room.ok());
        std::vector<uint8_t> stream(room.value());
        const auto size = deflater.compress(data, stream);
        REQUIRE(size.ok());
        REQUIRE(size.value() < noise + rest / 2 + 200);
        std::vector<uint8_t> back(data.size());
        uLongf length = back.size();
        REQUIRE(uncompress(back.data(), &length, stream.data(), size.value()) == Z_OK);
        REQUIRE(back == data);
        std::vector<uint8_t> own(data.size());
        REQUIRE(inflater.decompress(base::ConstBytes(stream).first(size.value()), own).value() == data.size());
        REQUIRE(own == data);
      }
    }
  }
}
