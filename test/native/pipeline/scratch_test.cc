#include "pipeline/scratch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "pool/support.h"

using namespace freestone;
using pipeline::Scratch;
using pool::FailingSource;
using pool::MappedSource;

namespace {

constexpr size_t kMiB = size_t{1} << 20;
/// Larger than an ordinary chunk of the arena, so that each has a chunk of its own.
constexpr size_t kLarge = Scratch::kIdle + 1;

void fill(uint8_t* block, size_t size, uint8_t with) {
  REQUIRE(block != nullptr);
  std::memset(block, with, size);
}

bool holds(const uint8_t* block, size_t size, uint8_t what) {
  return std::all_of(block, block + size, [&](uint8_t byte) { return byte == what; });
}

}  // namespace

TEST_CASE("two buffers take turns, so that the last result survives the next call") {
  Scratch scratch;
  uint8_t* const first = scratch.next(100);
  uint8_t* const second = scratch.next(100);
  REQUIRE(first != nullptr);
  REQUIRE(second != nullptr);
  CHECK(first != second);
  CHECK(scratch.next(50) == first);
  CHECK(scratch.next(100) == second);
}

TEST_CASE("blocks of any size lie apart, at pages, in one chunk or in many") {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{70'001}, kMiB, 5 * kMiB, kLarge}) {
    Scratch scratch;
    uint8_t* const blocks[] = {scratch.take(size), scratch.next(size), scratch.table(size), scratch.next(size),
                               scratch.take(size)};
    for (uint8_t i = 0; i < 5; ++i) {
      CHECK(reinterpret_cast<uintptr_t>(blocks[i]) % 4096 == 0);
      fill(blocks[i], size, i);
    }
    for (uint8_t i = 0; i < 5; ++i) CHECK(holds(blocks[i], size, i));
  }
}

TEST_CASE("growing keeps the last result, where it is or elsewhere") {
  for (const size_t size : {size_t{4}, size_t{100'000}, kMiB, kLarge}) {
    for (const bool has_table : {false, true}) {
      Scratch scratch;
      fill(scratch.next(size), size, 1);
      uint8_t* const last = scratch.next(size);
      fill(last, size, 2);
      uint8_t* const table = has_table ? scratch.table(300) : nullptr;
      if (has_table) fill(table, 300, 3);
      // What a checksum needs is there already.
      CHECK(scratch.grow(size + 4) == last);
      uint8_t* const grown = scratch.grow(4 * size + 10'000);
      REQUIRE(grown != nullptr);
      CHECK(holds(grown, size, 2));
      fill(grown + size, 3 * size + 10'000, 4);
      if (has_table) CHECK(holds(table, 300, 3));
      CHECK(scratch.grow(10) == grown);
    }
  }
}

TEST_CASE("what grows before anything was there is a new buffer") {
  Scratch scratch;
  CHECK(scratch.grow(100) != nullptr);
}

TEST_CASE("a call that is taken back leaves the result before it, which can grow") {
  Scratch scratch;
  uint8_t* const result = scratch.next(1000);
  fill(result, 1000, 1);
  uint8_t* const vain = scratch.next(2000);
  fill(vain, 2000, 2);
  scratch.undo_next();
  uint8_t* const grown = scratch.grow(100'000);
  REQUIRE(grown != nullptr);
  CHECK(holds(grown, 1000, 1));
  CHECK(scratch.next(2000) == vain);
}

TEST_CASE("a larger buffer in place of one that is taken back uses its memory") {
  Scratch scratch;
  REQUIRE(scratch.next(1000) != nullptr);
  for (size_t size = 4096; size <= 8 * kMiB; size *= 4) {
    fill(scratch.next(size), size, 1);
    scratch.undo_next();
  }
  CHECK(scratch.used() <= 9 * kMiB);
}

TEST_CASE("a task finds the memory where the one before had it, and no chunk more is asked for") {
  FailingSource source;
  Scratch scratch(source);
  const auto task = [&](size_t size) {
    return std::vector<uint8_t*>{scratch.take(size), scratch.next(size), scratch.table(64 << 10),
                                 scratch.next(size + size / 9), scratch.grow(size + size / 8)};
  };
  for (const size_t size : {kMiB, kLarge, 40 * kMiB}) {
    auto before = task(size);
    scratch.reset();
    CHECK(scratch.used() == 0);
    const uint64_t capacity = scratch.capacity();
    source.left = 0;
    for (int i = 0; i < 3; ++i) {
      const auto blocks = task(size - static_cast<size_t>(i));
      CHECK(std::ranges::find(blocks, nullptr) == blocks.end());
      if (size == kMiB) CHECK(blocks == before);
      scratch.reset();
    }
    CHECK(scratch.capacity() == capacity);
    source.left = INT64_MAX;
  }
}

TEST_CASE("a thread without work keeps an ordinary chunk, and at the end nothing") {
  MappedSource source;
  {
    Scratch scratch(source);
    fill(scratch.next(kMiB), kMiB, 1);
    scratch.rest();
    CHECK(scratch.used() == 0);
    CHECK(source.live_bytes() == Scratch::kIdle);
    fill(scratch.next(kMiB), kMiB, 1);
    fill(scratch.next(kLarge), kLarge, 2);
    CHECK(scratch.capacity() == source.live_bytes());
    CHECK(source.live_bytes() > 2 * Scratch::kIdle);
    scratch.rest();
    CHECK(source.live_bytes() == Scratch::kIdle);
    fill(scratch.next(kLarge), kLarge, 3);
  }
  CHECK(source.live_bytes() == 0);
  Scratch scratch(source);
  fill(scratch.take(kLarge), kLarge, 1);
  scratch.rest();
  CHECK(source.live_bytes() == 0);
  fill(scratch.table(10), 10, 1);
}

TEST_CASE("wherever memory runs out there is a null pointer, and what was there is there still") {
  for (int64_t chunks = 0; chunks < 5; ++chunks) {
    FailingSource source;
    {
      Scratch scratch(source);
      source.left = chunks;
      uint8_t* const taken = scratch.take(kLarge);
      CHECK((taken != nullptr) == (chunks > 0));
      uint8_t* const first = scratch.next(kLarge);
      CHECK((first != nullptr) == (chunks > 1));
      uint8_t* const second = scratch.next(kLarge);
      CHECK((second != nullptr) == (chunks > 2));
      if (taken != nullptr) fill(taken, kLarge, 1);
      if (first != nullptr) fill(first, kLarge, 2);
      if (second != nullptr) fill(second, kLarge, 3);
      uint8_t* const table = scratch.table(kLarge);
      CHECK((table != nullptr) == (chunks > 3));
      CHECK(scratch.grow(4 * kLarge) == nullptr);
      if (second != nullptr) {
        CHECK(scratch.grow(kLarge) == second);
        CHECK(holds(second, kLarge, 3));
      }
      if (first != nullptr) CHECK(holds(first, kLarge, 2));
      if (taken != nullptr) CHECK(holds(taken, kLarge, 1));
      source.left = INT64_MAX;
      CHECK(scratch.grow(4 * kLarge) != nullptr);
      CHECK(scratch.table(8 * kLarge) != nullptr);
      scratch.reset();
      fill(scratch.next(kLarge), kLarge, 4);
    }
    CHECK(source.under.live_bytes() == 0);
  }
}

TEST_CASE("a buffer that could not be replaced is empty, and there again when there is memory") {
  FailingSource source;
  Scratch scratch(source);
  REQUIRE(scratch.next(100) != nullptr);
  scratch.undo_next();
  source.left = 0;
  CHECK(scratch.next(kLarge) == nullptr);
  scratch.undo_next();
  fill(scratch.next(100), 100, 1);
}

TEST_CASE("sizes that no address space has are a null pointer") {
  // Not constants, so that the compiler does not warn of what is tested.
  for (volatile size_t too_much : {SIZE_MAX, SIZE_MAX - 63, SIZE_MAX / 2, (size_t{1} << 40) + 1}) {
    Scratch scratch;
    CHECK(scratch.take(too_much) == nullptr);
    CHECK(scratch.next(too_much) == nullptr);
    CHECK(scratch.grow(too_much) == nullptr);
    CHECK(scratch.table(too_much) == nullptr);
    CHECK(scratch.next(1000) != nullptr);
  }
}

TEST_CASE("blocks are as large as the largest chunk may become under a compressor") {
  // AddressSanitizer writes down an eighth of what becomes usable.
  constexpr size_t size = arena::kPoisons ? (size_t{1} << 30) + 1 : (size_t{4} << 30) + 64 * kMiB;
  MappedSource source;
  Scratch scratch(source);
  uint8_t* const block = scratch.next(size);
  REQUIRE(block != nullptr);
  block[0] = 1;
  block[size - 1] = 2;
  uint8_t* const grown = scratch.grow(size + 4);
  CHECK(grown[0] == 1);
  CHECK(grown[size - 1] == 2);
  scratch.rest();
  CHECK(source.live_bytes() == 0);
}
