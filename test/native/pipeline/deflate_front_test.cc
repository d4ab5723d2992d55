#include "pipeline/deflate_front.h"

#include <doctest/doctest.h>

#include <zlib.h>

#include <cmath>
#include <random>
#include <vector>

#include "pipeline/deflate.h"
#include "pipeline/deflate_blocks.h"
#include "random_bytes.h"

using namespace freestone;
using pipeline::DeflateBlocks;
using pipeline::DeflateFront;
using pipeline::FrontKind;

namespace {

using Data = std::vector<uint8_t>;

Data joined(Data first, const Data& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// Bytes that are not repeated, small ones more frequent than large ones.
Data uneven(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, 45);
  Data data(size);
  for (uint8_t& byte : data) byte = static_cast<uint8_t>(static_cast<int>(normal(random)));
  return data;
}

size_t noise_at_start(base::ConstBytes data) {
  DeflateFront front(data);
  const auto run = front.next();
  return run.kind == FrontKind::kNoise ? run.size : 0;
}

/// What zlib finds in a raw stream, to which an empty last block is added.
Data inflated(Data stream, size_t size) {
  stream.insert(stream.end(), {3, 0});
  Data data(size + 1);
  z_stream inflater{};
  REQUIRE(inflateInit2(&inflater, -15) == Z_OK);
  inflater.next_in = stream.data();
  inflater.avail_in = static_cast<uInt>(stream.size());
  inflater.next_out = data.data();
  inflater.avail_out = static_cast<uInt>(data.size());
  CHECK(inflate(&inflater, Z_FINISH) == Z_STREAM_END);
  CHECK(inflater.avail_in == 0);
  data.resize(inflater.total_out);
  inflateEnd(&inflater);
  return data;
}

}  // namespace

TEST_CASE("noise is found up to the piece in which something else begins") {
  const auto noise = random_bytes(100'000, 1);
  CHECK(noise_at_start(noise) == 98'304);
  CHECK(noise_at_start(joined(noise, Data(100'000))) == 98'304);
  CHECK(noise_at_start(joined(Data(2000), noise)) == 0);
  CHECK(noise_at_start({}) == 0);
  CHECK(noise_at_start(base::ConstBytes(noise).first(8192)) == 0);
}

TEST_CASE("what a compressor makes smaller is no noise, however even its bytes are") {
  Data counter(100'000);
  for (size_t i = 0; i < counter.size(); ++i) counter[i] = static_cast<uint8_t>(i);
  CHECK(noise_at_start(counter) == 0);
  // The same 20,000 bytes again and again: the first time they are new.
  const auto once = random_bytes(20'000, 2);
  Data again;
  for (int i = 0; i < 5; ++i) again = joined(std::move(again), once);
  CHECK(noise_at_start(again) <= 24'576);
  // Seven bits of eight.
  auto seven = random_bytes(100'000, 3);
  for (uint8_t& byte : seven) byte &= 0x7F;
  CHECK(noise_at_start(seven) == 0);
  CHECK(noise_at_start(random_bytes(100'000, 4, Kind::kRuns)) == 0);
}

TEST_CASE("a front is taken apart into constant bytes, noise and literals") {
  const Data data =
      joined(joined(joined(joined(Data(131'200, 7), uneven(131'072, 1)), random_bytes(131'072, 2)), Data(20'000, 0xFF)),
             random_bytes(50'000, 3, Kind::kRuns));
  DeflateFront front(data);
  size_t at = 0;
  const auto expect = [&](FrontKind kind, size_t size) {
    const auto run = front.next();
    CHECK(run.kind == kind);
    CHECK(run.size == size);
    at += run.size;
  };
  expect(FrontKind::kConstant, 131'200);
  for (int i = 0; i < 4; ++i) expect(FrontKind::kLiterals, 32'768);
  expect(FrontKind::kNoise, 131'072);
  expect(FrontKind::kConstant, 20'000);
  expect(FrontKind::kOther, 0);
  expect(FrontKind::kOther, 0);
  CHECK(at == data.size() - 50'000);
}

TEST_CASE("blocks are what zlib reads, none larger than its bound") {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    Data wanted;
    std::vector<Data> parts;
    const size_t count = 1 + random() % 6;
    for (size_t i = 0; i < count; ++i) {
      const size_t size = 8192 + random() % 70'000;
      Data part(size, static_cast<uint8_t>(random()));
      switch (random() % 5) {
        case 0:
          part = random_bytes(size, random());
          break;
        case 1:
          part = uneven(size, random());
          break;
        case 2:  // few values, of which some are rare
          for (uint8_t& byte : part) byte = random() % 1000 == 0 ? static_cast<uint8_t>(random()) : random() % 2;
          break;
        case 3:  // frequencies whose code would be longer than deflate has it
          for (size_t at = 0, run = 1, value = 0; at < size; ++value, run = run * 8 / 5 + 1) {
            for (size_t k = 0; k < run && at < size; ++k) part[at++] = static_cast<uint8_t>(value);
          }
          break;
        default:
          break;
      }
      parts.push_back(part);
      wanted = joined(std::move(wanted), part);
    }
    Data stream(DeflateBlocks::bound(wanted.size()), 0xEE);
    DeflateBlocks blocks(stream);
    size_t literals = 0;
    for (const Data& part : parts) {
      const auto way = random() % 3;
      if (way == 0 && part == Data(part.size(), part[0])) {
        blocks.put_constant(part[0], part.size());
      } else if (way == 1) {
        blocks.put_stored(part);
      } else {
        blocks.put_literals(part);
        literals += part.size();
      }
    }
    const size_t size = blocks.finish();
    REQUIRE(size <= stream.size());
    stream.resize(size);
    CAPTURE(round);
    CAPTURE(literals);
    REQUIRE(inflated(stream, wanted.size()) == wanted);
  }
}

TEST_CASE("few bytes, or none, are blocks as well") {
  for (const size_t size : {0, 1, 2, 3, 63, 64, 66, 67, 68, 70, 257, 258, 259, 260, 517}) {
    for (const Data& data : {Data(size, 9), random_bytes(size, 1), Data(uneven(size, 2))}) {
      Data stream(DeflateBlocks::bound(3 * size) + 512);
      DeflateBlocks blocks(stream);
      blocks.put_literals(data);
      if (size > 0) blocks.put_constant(data[0], size);
      blocks.put_literals(data);
      stream.resize(blocks.finish());
      const Data all = joined(joined(data, Data(size, size > 0 ? data[0] : 0)), data);
      REQUIRE(inflated(stream, all.size()) == all);
    }
  }
}

TEST_CASE("literals take what their frequencies let them, and constant bytes next to nothing") {
  const Data data = uneven(32'768, 7);
  double entropy = 0;
  std::vector<double> counts(256);
  for (const uint8_t byte : data) ++counts[byte];
  for (const double count : counts) entropy -= count == 0 ? 0 : count * std::log2(count / 32'768);
  Data stream(DeflateBlocks::bound(data.size()));
  DeflateBlocks blocks(stream);
  blocks.put_literals(data);
  CHECK(blocks.finish() < entropy / 8 * 1.01 + 160);
  Data zeros(DeflateBlocks::bound(1 << 20));
  DeflateBlocks constant(zeros);
  constant.put_constant(0, 1 << 20);
  CHECK(constant.finish() < 1300);
}

TEST_CASE("a stream that begins with a front is zlib's own format, and no larger than zlib's") {
  pipeline::Deflater deflater;
  pipeline::Inflater inflater;
  std::mt19937 random(9);
  for (int round = 0; round < 120; ++round) {
    Data data;
    for (size_t i = random() % 5; i-- > 0;) {
      const size_t size = 8192 * (1 + random() % 16) + (random() % 2 == 0 ? 0 : random() % 9000);
      switch (random() % 3) {
        case 0:
          data = joined(std::move(data), random_bytes(size, random()));
          break;
        case 1:
          data = joined(std::move(data), uneven(size, random()));
          break;
        default:
          data = joined(std::move(data), Data(size, static_cast<uint8_t>(random())));
      }
    }
    const size_t rests[] = {0, 0, 1, 5000, 100'000};
    const size_t rest = rests[random() % 5];
    data = joined(std::move(data), random_bytes(rest, 5, Kind::kRuns));
    if (data.empty()) continue;
    for (const int level : {1, 4, 6, 9}) {
      const auto room = deflater.prepare(level, data.size());
      REQUIRE(room.ok());
      Data stream(room.value());
      const auto size = deflater.compress(data, stream);
      REQUIRE(size.ok());
      Data other(compressBound(data.size()));
      uLongf length = other.size();
      REQUIRE(compress2(other.data(), &length, data.data(), data.size(), level) == Z_OK);
      CAPTURE(round);
      CAPTURE(data.size());
      CAPTURE(level);
      if (rest == 0) CHECK(size.value() <= length + length / 500 + 60);
      Data back(data.size());
      length = back.size();
      REQUIRE(uncompress(back.data(), &length, stream.data(), size.value()) == Z_OK);
      REQUIRE(back == data);
      Data own(data.size());
      REQUIRE(inflater.decompress(base::ConstBytes(stream).first(size.value()), own).value() == data.size());
      REQUIRE(own == data);
    }
  }
}
