#include "pipeline/chunk_buffer.h"

#include <doctest/doctest.h>

#include <cstring>

using freestone::pipeline::ChunkBuffer;

TEST_CASE("a chunk buffer has the room that was asked for, aligned to a page, until it is shrunk") {
  ChunkBuffer buffer;
  CHECK(buffer.capacity() == 0);
  for (const uint64_t size : {uint64_t{1}, uint64_t{2} << 20, (uint64_t{2} << 20) + 1, uint64_t{70} << 20}) {
    REQUIRE(buffer.reserve(size));
    CHECK(buffer.capacity() >= size);
    CHECK(reinterpret_cast<uintptr_t>(buffer.data()) % 4096 == 0);
    std::memset(buffer.data(), 0xAB, size);
  }
  uint8_t* const before = buffer.data();
  REQUIRE(buffer.reserve(1000));
  CHECK(buffer.data() == before);
  buffer.shrink(buffer.capacity());
  CHECK(buffer.data() == before);
  buffer.shrink(buffer.capacity() - 1);
  CHECK(buffer.capacity() == 0);
  REQUIRE(buffer.reserve(10));
}

TEST_CASE("what no chunk can have is refused, and the buffer is empty") {
  ChunkBuffer buffer;
  REQUIRE(buffer.reserve(10));
  CHECK_FALSE(buffer.reserve((uint64_t{4} << 30) + 1));
  CHECK(buffer.capacity() == 0);
  CHECK(buffer.data() == nullptr);
}
