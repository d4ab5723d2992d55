#include "pool/chunk_source.h"

namespace freestone::pool {

using base::Code;
using base::Result;
using base::Status;

Status ChunkSource::resize_chunk(uint8_t*, size_t, size_t) noexcept {
  return Status(Code::kUnsupported, "resizing a chunk");
}

uint64_t FrameSource::frames_for(size_t size) const noexcept {
  const uint64_t frame = frames_->frame_size();
  return size / frame + (size % frame != 0 ? 1 : 0);
}

Result<uint8_t*> FrameSource::allocate_chunk(size_t size, size_t alignment) noexcept {
  const uint64_t count = frames_for(size);
  if (count == 0 || count > frames::kMaxRunFrames) return Status(Code::kInvalidSize, "allocating a chunk of frames");
  frames::Request request;
  request.exact = true;
  if (alignment > frames_->frame_size()) {
    const uint64_t frames = alignment / frames_->frame_size();
    if (frames > frames::kMaxRunFrames) return Status(Code::kInvalidAlignment, "allocating a chunk of frames");
    request.alignment = static_cast<uint32_t>(frames);
  }
  const auto frame = frames_->allocate(static_cast<uint32_t>(count), request);
  if (!frame.ok()) return frame.status();
  return frames_->address_of(frame.value());
}

Status FrameSource::release_chunk(uint8_t* chunk, size_t size) noexcept {
  const uint64_t count = frames_for(size);
  const frames::FrameId frame = frames_->frame_at(chunk);
  if (count > frames::kMaxRunFrames || frame == frames::kNoFrame || frames_->address_of(frame) != chunk) {
    return Status(Code::kInvalidAddress, "releasing a chunk of frames");
  }
  return frames_->free(frame, static_cast<uint32_t>(count));
}

Status FrameSource::resize_chunk(uint8_t* chunk, size_t size, size_t to) noexcept {
  const uint64_t count = frames_for(size);
  const uint64_t wanted = frames_for(to);
  const frames::FrameId frame = frames_->frame_at(chunk);
  if (count > frames::kMaxRunFrames || frame == frames::kNoFrame || frames_->address_of(frame) != chunk) {
    return Status(Code::kInvalidAddress, "resizing a chunk of frames");
  }
  if (wanted > frames::kMaxRunFrames) return Status(Code::kInvalidSize, "resizing a chunk of frames");
  return frames_->resize(frame, static_cast<uint32_t>(count), static_cast<uint32_t>(wanted));
}

Result<uint8_t*> MappedSource::allocate_chunk(size_t size, size_t alignment) noexcept {
  const auto rounded = base::align_up(size, os::page_size());
  if (size == 0 || !rounded) return Status(Code::kInvalidSize, "mapping a chunk");
  const auto chunk = os::reserve(*rounded, alignment);
  if (!chunk.ok()) return chunk.status();
  if (const Status status = os::commit(chunk.value(), *rounded); !status.ok()) {
    (void)os::release(chunk.value(), *rounded);
    return status;
  }
  live_bytes_.fetch_add(*rounded, std::memory_order_relaxed);
  return chunk.value();
}

Status MappedSource::release_chunk(uint8_t* chunk, size_t size) noexcept {
  const auto rounded = base::align_up(size, os::page_size());
  if (!rounded) return Status(Code::kInvalidSize, "unmapping a chunk");
  if (const Status status = os::release(chunk, *rounded); !status.ok()) return status;
  live_bytes_.fetch_sub(*rounded, std::memory_order_relaxed);
  return {};
}

Status MappedSource::resize_chunk(uint8_t* chunk, size_t size, size_t to) noexcept {
  const auto rounded = base::align_up(size, os::page_size());
  const auto wanted = base::align_up(to, os::page_size());
  if (to == 0 || !rounded || !wanted) return Status(Code::kInvalidSize, "resizing a mapped chunk");
  if (const Status status = os::resize(chunk, *rounded, *wanted); !status.ok()) return status;
  if (*wanted > *rounded) {
    if (const Status status = os::commit(chunk + *rounded, *wanted - *rounded); !status.ok()) {
      (void)os::resize(chunk, *wanted, *rounded);
      return status;
    }
  }
  // Wraps for a shorter one, as it should.
  live_bytes_.fetch_add(*wanted - *rounded, std::memory_order_relaxed);
  return {};
}

}  // namespace freestone::pool
