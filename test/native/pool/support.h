#pragma once
// Making pools in tests, and a source that runs dry on demand.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "frames/support.h"
#include "pool/pool.h"

namespace freestone::pool {

using frames::steps;

inline base::Ref<Pool> make_pool(ChunkSource& source, uint64_t limit = UINT64_MAX) {
  auto pool = Pool::make({.source = &source, .limit = limit});
  REQUIRE(pool.ok());
  return pool.take();
}

/// Gives `left` chunks and then none.
class FailingSource final : public ChunkSource {
 public:
  int64_t left = INT64_MAX;
  MappedSource under;
  base::Result<uint8_t*> allocate_chunk(size_t size, size_t alignment) noexcept override {
    if (left == 0) return base::Status(base::Code::kOutOfMemory, "allocating a chunk");
    --left;
    return under.allocate_chunk(size, alignment);
  }
  base::Status release_chunk(uint8_t* chunk, size_t size) noexcept override { return under.release_chunk(chunk, size); }
  base::Status resize_chunk(uint8_t* chunk, size_t size, size_t to) noexcept override {
    if (left == 0 && to > size) return base::Status(base::Code::kOutOfMemory, "resizing a chunk");
    return under.resize_chunk(chunk, size, to);
  }
};

inline void* get(const base::Ref<Pool>& pool, size_t size) {
  const auto block = pool->allocate(size);
  REQUIRE(block.ok());
  return block.value();
}

}  // namespace freestone::pool
