#include "pipeline/chunk_buffer.h"

#include <bit>

namespace freestone::pipeline {

namespace {

/// What the frame allocator manages as one.
constexpr uint64_t kLeast = uint64_t{2} << 20;
constexpr uint64_t kMost = uint64_t{4} << 30;

}  // namespace

bool ChunkBuffer::reserve(uint64_t size) noexcept {
  if (size <= capacity_) return true;
  shrink(0);
  if (size > kMost) return false;
  frames::Config config;
  // Runs of this length are powers of two; what is never touched takes no memory.
  config.size = std::bit_ceil(size < kLeast ? kLeast : size);
  auto frames = frames::FrameAllocator::make(config);
  if (!frames.ok()) return false;
  const auto count = static_cast<uint32_t>(config.size / frames.value()->frame_size());
  const auto first = frames.value()->allocate(count);
  if (!first.ok()) return false;
  frames_ = frames.take();
  first_ = first.value();
  count_ = count;
  data_ = frames_->address_of(first_);
  capacity_ = config.size;
  return true;
}

void ChunkBuffer::shrink(uint64_t limit) noexcept {
  if (capacity_ <= limit) return;
  (void)frames_->free(first_, count_);
  frames_ = {};
  data_ = nullptr;
  capacity_ = 0;
}

}  // namespace freestone::pipeline
