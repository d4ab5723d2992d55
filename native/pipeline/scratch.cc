#include "pipeline/scratch.h"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace freestone::pipeline {

namespace {

constexpr size_t kPage = 4096;
/// More than any chunk needs, and small enough to be rounded up.
constexpr size_t kMostBlock = size_t{1} << 40;

/// Straight from the system rather than from frames: the size of a region would have to be known before, and what a
/// chunk of 4 GiB may become under a compressor is longer than the longest run.
pool::ChunkSource& system_memory() noexcept {
  // Threads may end late.
  static_assert(std::is_trivially_destructible_v<pool::MappedSource>);
  static pool::MappedSource source;
  return source;
}

/// What is asked of the arena for that many bytes; 0 when they are too many. Where a block has a chunk of its own it is
/// a power of two, so that tasks whose sizes differ a little use the same chunks; what is not touched takes no memory.
size_t room_for(size_t size, size_t slack = 0) noexcept {
  if (size > kMostBlock - slack) return 0;
  const size_t room = std::max(size + slack, kPage);
  return room > Scratch::kIdle ? std::bit_ceil(room) : room;
}

}  // namespace

Scratch::Scratch() noexcept : Scratch(system_memory()) {}

Scratch::Scratch(pool::ChunkSource& source) noexcept {
  // Ordinary chunks are of what may stay; a block that is larger has one of its own. This cannot fail.
  (void)arena_.init({.source = &source,
                     .initial_chunk_size = kIdle,
                     .max_chunk_size = kIdle,
                     .alignment = kPage,
                     .max_size = kMostBlock});
}

uint8_t* Scratch::take(size_t size) noexcept { return static_cast<uint8_t*>(arena_.allocate(room_for(size))); }

uint8_t* Scratch::reserve(Block& block, size_t size, size_t slack) noexcept {
  if (block.data != nullptr && size <= block.size) return block.data;
  // The last block of the arena makes way for its successor; any other is lost until the task is over.
  if (block.data != nullptr) (void)arena_.free_last(block.data, block.size);
  const size_t room = room_for(size, slack);
  block = {.data = static_cast<uint8_t*>(arena_.allocate(room)), .size = room};
  if (block.data == nullptr) block = {};
  return block.data;
}

uint8_t* Scratch::grow(size_t size) noexcept {
  Block& block = buffers_[turn_];
  if (block.data != nullptr && size <= block.size) return block.data;
  const size_t room = room_for(size, kSlack);
  auto* const grown = static_cast<uint8_t*>(arena_.reallocate(block.data, block.size, room));
  if (grown != nullptr) block = {.data = grown, .size = room};
  return grown;
}

void Scratch::reset() noexcept {
  forget();
  arena_.reset();
}

void Scratch::rest() noexcept {
  forget();
  arena_.retain(kIdle);
}

void Scratch::forget() noexcept {
  for (Block& block : buffers_) block = {};
  table_ = {};
}

}  // namespace freestone::pipeline
