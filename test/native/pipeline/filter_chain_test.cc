#include "pipeline/filter_chain.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "pool/support.h"
#include "random_bytes.h"

using namespace freestone;
using base::Code;
using pipeline::FilterChain;
using pipeline::Scratch;

namespace {

using Description = std::vector<uint32_t>;

base::Ref<FilterChain> make(const Description& description) {
  auto chain = FilterChain::make(description);
  REQUIRE(chain.ok());
  return chain.take();
}

struct Stored {
  std::vector<uint8_t> bytes;
  uint32_t mask = 0;
};

Stored encode_masked(const FilterChain& chain, Scratch& scratch, const std::vector<uint8_t>& chunk) {
  const auto encoded = chain.encode(scratch, chunk);
  REQUIRE(encoded.ok());
  const base::ConstBytes bytes = encoded.value().bytes;
  return {{bytes.begin(), bytes.end()}, encoded.value().filter_mask};
}

/// For chunks that every filter is applied to.
std::vector<uint8_t> encode(const FilterChain& chain, Scratch& scratch, const std::vector<uint8_t>& chunk) {
  Stored stored = encode_masked(chain, scratch, chunk);
  REQUIRE(stored.mask == 0);
  return std::move(stored.bytes);
}

std::vector<uint8_t> from_hex(const std::string& hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

/// Those of `chains` that this build has the libraries for.
std::vector<Description> available(const std::vector<Description>& chains) {
  std::vector<Description> there;
  for (const Description& chain : chains) {
    if (FilterChain::make(chain).status().code() != Code::kUnsupported) there.push_back(chain);
  }
  return there;
}

/// Every filter that takes chunks of any size, alone and in the orders that files have, and in some that they do not.
const std::vector<Description> kChains = available({
    {},
    {2, 1, 4},
    {1, 1, 6},
    {1, 1, 0},
    {3, 0},
    {2, 1, 8, 1, 1, 4},
    {2, 1, 8, 1, 1, 4, 3, 0},
    {3, 0, 2, 1, 8, 1, 1, 9},
    {1, 1, 1, 3, 0, 2, 1, 3},
    {1, 1, 6, 1, 1, 6},
    {1, 1, 6, 3, 0, 1, 1, 6, 2, 1, 2, 3, 0, 3, 0},
    {2, 1, 4, 1, 1, 1},
    {2, 1, 16, 1, 1, 6},
    {32000, 3, 4, 0x105, 0},
    {2, 1, 8, 32000, 3, 4, 0x105, 0, 3, 0},
    {32000, 3, 4, 0x105, 0, 1, 1, 6},
    {32004, 0},
    {32004, 1, 0},
    {32004, 1, 100, 3, 0},
    {32004, 1, 1},
    {2, 1, 4, 32004, 1, 4096, 32000, 3, 4, 0x105, 0},
    {32015, 0},
    {32015, 1, 1},
    {2, 1, 8, 32015, 1, 3, 3, 0},
    {1, 1, 1, 32015, 1, 22},
    {32008, 3, 0, 3, 1},
    {32008, 5, 0, 3, 1, 8, 0},
    {32008, 5, 0, 3, 1, 0, 2},
    {32008, 5, 0, 3, 1, 64, 2, 3, 0},
    {32008, 6, 0, 3, 1, 0, 3, 5},
    {32008, 5, 0, 3, 1, 64, 2, 1, 1, 4},
    {32008, 5, 0, 3, 1, 64, 3, 32004, 1, 64, 3, 0},
});

}  // namespace

TEST_CASE("every chain brings every size back, with noise and with runs") {
  Scratch scratch;
  for (const Description& description : kChains) {
    const auto chain = make(description);
    for (const Kind kind : {Kind::kNoise, Kind::kRuns}) {
      for (const size_t size : {1, 2, 3, 5, 8, 63, 64, 65, 1021, 4096, 65'537, 200'003}) {
        const auto chunk = random_bytes(size, static_cast<uint32_t>(size), kind);
        const auto untouched = chunk;
        const auto stored = encode_masked(*chain, scratch, chunk);
        REQUIRE(chunk == untouched);
        std::vector<uint8_t> back(size);
        REQUIRE(chain->decode(scratch, stored.bytes, stored.mask, back).ok());
        REQUIRE(back == chunk);
      }
    }
  }
}

TEST_CASE("threads share every chain, each with memory of its own") {
  std::vector<base::Ref<FilterChain>> chains;
  for (const Description& description : kChains) chains.push_back(make(description));
  const auto chunk = random_bytes(20'011, 7, Kind::kRuns);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (size_t id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      Scratch scratch;
      std::vector<uint8_t> back(chunk.size());
      for (size_t i = 0; i < chains.size(); ++i) {
        // Half of them the other way round, so that they meet at the same and at different ones.
        const FilterChain& chain = *chains[id % 2 == 0 ? i : chains.size() - 1 - i];
        const auto encoded = chain.encode(scratch, chunk);
        if (!encoded.ok()) {
          wrong.fetch_add(1, std::memory_order_relaxed);
          continue;
        }
        const Stored stored{{encoded.value().bytes.begin(), encoded.value().bytes.end()}, encoded.value().filter_mask};
        if (!chain.decode(scratch, stored.bytes, stored.mask, back).ok() || back != chunk) {
          wrong.fetch_add(1, std::memory_order_relaxed);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong.load() == 0);
}

TEST_CASE("chunks are those that libhdf5 stores") {
  Scratch scratch;
  SUBCASE("a checksum that is then shuffled, so that four bytes are no element") {
    // h5py: 24 bytes of pattern() as eight-byte integers, set_fletcher32 before set_shuffle.
    const auto expected = from_hex("033b730a427a1149811850881f578f265e962d659d346ca417c4c0a0");
    CHECK(encode(*make({3, 0, 2, 1, 8}), scratch, pattern(24)) == expected);
  }
  SUBCASE("shuffle, deflate and checksum are read") {
    // h5py: 64 bytes of pattern() as two-byte integers.
    const auto stored = from_hex(
        "789c014000bfff03111f2d3b49576573818f9dabb9c7d5e3f1ff0d1b29374553616f7d8b99a7b50a18263442505e6c7a8896a4b2c0cedc"
        "eaf"
        "8061422303e4c5a68768492a0aebc7bfd1ce15436011d");
    std::vector<uint8_t> back(64);
    REQUIRE(make({2, 1, 2, 1, 1, 6, 3, 0})->decode(scratch, stored, 0, back).ok());
    CHECK(back == pattern(64));
  }
}

TEST_CASE("without filters the chunk itself is the result") {
  Scratch scratch;
  const auto chunk = pattern(10);
  const auto encoded = make({})->encode(scratch, chunk);
  REQUIRE(encoded.ok());
  CHECK(encoded.value().bytes.data() == chunk.data());
}

TEST_CASE("filters that the mask names are not undone") {
  Scratch scratch;
  const auto chunk = random_bytes(4000, 1, Kind::kRuns);
  const auto chain = make({2, 1, 8, 1, 1, 4, 3, 0});
  std::vector<uint8_t> back(chunk.size());
  SUBCASE("all of them") {
    CHECK_FALSE(chain->applies(7));
    REQUIRE(chain->decode(scratch, chunk, 7, back).ok());
  }
  SUBCASE("the compressor") {
    const auto stored = encode(*make({2, 1, 8, 3, 0}), scratch, chunk);
    CHECK(chain->applies(2));
    REQUIRE(chain->decode(scratch, stored, 2, back).ok());
  }
  SUBCASE("the first") {
    const auto stored = encode(*make({1, 1, 4, 3, 0}), scratch, chunk);
    REQUIRE(chain->decode(scratch, stored, 1, back).ok());
  }
  SUBCASE("bits beyond the last filter mean nothing") {
    const auto stored = encode(*chain, scratch, chunk);
    CHECK(chain->applies(0xFFFFFFF8));
    REQUIRE(chain->decode(scratch, stored, 0xFFFFFFF8, back).ok());
  }
  CHECK(back == chunk);
}

TEST_CASE("a description that is not one is refused") {
  const auto code = [](const Description& description) { return FilterChain::make(description).status().code(); };
  CHECK(code({0, 0}) == Code::kUnsupported);
  CHECK(code({7, 0}) == Code::kUnsupported);
  CHECK(code({32'001, 2, 1, 1}) == Code::kUnsupported);
  CHECK(code({1}) == Code::kInvalidArgument);
  CHECK(code({1, 0}) == Code::kInvalidArgument);
  CHECK(code({1, 1}) == Code::kInvalidArgument);
  CHECK(code({1, 1, 10}) == Code::kInvalidArgument);
  CHECK(code({2, 0}) == Code::kInvalidArgument);
  CHECK(code({2, 1, 0}) == Code::kInvalidArgument);
  CHECK(code({3, UINT32_MAX, 0}) == Code::kInvalidArgument);
  CHECK(code({3, 2, 1, 1}) == Code::kOk);
  Description many;
  for (int i = 0; i < 32; ++i) many.insert(many.end(), {3, 0});
  CHECK(code(many) == Code::kOk);
  many.insert(many.end(), {3, 0});
  CHECK(code(many) == Code::kInvalidArgument);
}

TEST_CASE("an empty chunk is refused both ways") {
  Scratch scratch;
  const auto chain = make({1, 1, 6});
  CHECK(chain->encode(scratch, {}).status().code() == Code::kInvalidSize);
  CHECK(chain->decode(scratch, pattern(10), 0, {}).code() == Code::kInvalidSize);
}

TEST_CASE("a chunk of another size than it should have is corrupt") {
  Scratch scratch;
  for (const Description& description : kChains) {
    const auto chain = make(description);
    const auto chunk = random_bytes(1000, 7, Kind::kRuns);
    const auto stored = encode(*chain, scratch, chunk);
    for (const size_t size : {1, 999, 1001, 5000}) {
      std::vector<uint8_t> back(size);
      REQUIRE(chain->decode(scratch, stored, 0, back).code() == Code::kCorruptFile);
    }
  }
}

TEST_CASE("a chunk that is cut off anywhere is corrupt, and nothing is read or written beyond it") {
  Scratch scratch;
  for (const Description& description : kChains) {
    const auto chain = make(description);
    const auto chunk = random_bytes(300, 7, Kind::kRuns);
    const auto stored = encode(*chain, scratch, chunk);
    std::vector<uint8_t> back(chunk.size());
    for (size_t size = 0; size < stored.size(); ++size) {
      // A copy of exactly that size, so that the sanitizer sees a byte too far.
      const auto cut = std::make_unique<uint8_t[]>(size);
      std::copy_n(stored.begin(), size, cut.get());
      REQUIRE(chain->decode(scratch, {cut.get(), size}, 0, back).code() == Code::kCorruptFile);
    }
  }
}

TEST_CASE("flipped bits are found by a checksum and harmless to memory without one") {
  std::mt19937 engine(11);
  Scratch scratch;
  for (const Description& description : kChains) {
    const auto chain = make(description);
    const bool checked = description.size() >= 2 && description[description.size() - 2] == 3 && description.back() == 0;
    const auto chunk = random_bytes(500, 7, Kind::kRuns);
    auto stored = encode(*chain, scratch, chunk);
    std::vector<uint8_t> back(chunk.size());
    for (int round = 0; round < 500; ++round) {
      const size_t bit = engine() % (stored.size() * 8);
      stored[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      const base::Status status = chain->decode(scratch, stored, 0, back);
      if (checked) REQUIRE(status.code() == Code::kCorruptFile);
      if (!status.ok()) REQUIRE(status.code() == Code::kCorruptFile);
      stored[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    }
  }
}

TEST_CASE("noise instead of a chunk never ends in more than an error") {
  std::mt19937 engine(13);
  Scratch scratch;
  for (int round = 0; round < 3000; ++round) {
    const auto chain = make(kChains[1 + engine() % (kChains.size() - 1)]);
    auto noise = random_bytes(engine() % 400, engine());
    if (noise.size() > 2 && engine() % 2 == 0) {
      noise[0] = 0x78;  // the beginning of a zlib stream, to get further in
      noise[1] = 0x9c;
    }
    std::vector<uint8_t> back(1 + engine() % 600);
    (void)chain->decode(scratch, noise, engine() % 4 == 0 ? engine() : 0, back);
  }
}

TEST_CASE(
    "wherever scratch memory runs out a chunk is neither filtered nor read, and both succeed when there is some") {
  // Of more than an ordinary chunk of the arena, so that each block is one more allocation.
  std::vector<uint8_t> chunk(Scratch::kIdle + 4096);
  for (size_t i = 0; i < chunk.size(); i += 1000) chunk[i] = static_cast<uint8_t>(i);
  std::vector<uint8_t> back(chunk.size());
  for (const Description& description : available({{2, 1, 8, 1, 1, 1, 3, 0},
                                                   {32000, 0},
                                                   {2, 1, 4, 32000, 0},
                                                   {1, 1, 1, 1, 1, 1},
                                                   {32008, 3, 0, 3, 8, 3, 0},
                                                   {32008, 5, 0, 3, 8, 0, 2},
                                                   {32015, 0, 3, 0}})) {
    const auto chain = make(description);
    std::vector<uint8_t> stored;
    int64_t allocations = 0;
    for (bool done = false; !done; ++allocations) {
      pool::FailingSource source;
      Scratch scratch(source);
      source.left = allocations;
      const auto encoded = chain->encode(scratch, chunk);
      done = encoded.ok();
      if (!done) REQUIRE(encoded.status().code() == Code::kOutOfMemory);
      scratch.reset();
      source.left = INT64_MAX;
      stored = encode(*chain, scratch, chunk);
    }
    CHECK(allocations > 1);
    allocations = 0;
    for (bool done = false; !done; ++allocations) {
      pool::FailingSource source;
      Scratch scratch(source);
      source.left = allocations;
      const base::Status status = chain->decode(scratch, stored, 0, back);
      done = status.ok();
      if (!done) REQUIRE(status.code() == Code::kOutOfMemory);
      scratch.reset();
      source.left = INT64_MAX;
      REQUIRE(chain->decode(scratch, stored, 0, back).ok());
      REQUIRE(back == chunk);
    }
  }
}

TEST_CASE("a small chunk that inflates without end stops at the chunk's size") {
  // Two deflates, so that the size between them is not known: 64 MiB of zeros is a bomb for a chunk of 10 bytes.
  Scratch scratch;
  const auto bomb = encode(*make({1, 1, 9, 1, 1, 9}), scratch, std::vector<uint8_t>(64 << 20));
  REQUIRE(bomb.size() < 4096);
  std::vector<uint8_t> back(10);
  CHECK(make({1, 1, 9, 1, 1, 9})->decode(scratch, bomb, 0, back).code() == Code::kCorruptFile);
}
