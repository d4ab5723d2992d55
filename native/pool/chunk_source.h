#pragma once
// Where pools and arenas take memory from: two verbs, a third for sources that can, and the sources that have them.
//   threads: any may call any verb, unless a source says otherwise.    memory: a source outlives what it gave; what
//   is not released is the caller's leak, which `live_bytes` of a source counts.
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "frames/frames.h"
#include "os/os.h"

namespace freestone::pool {

/// Memory in pieces of some kilobytes and more.
class ChunkSource {
 public:
  /// At least `size` writable bytes at a multiple of `alignment`, a power of two. `kOutOfMemory`, `kLimitExceeded`,
  /// `kInvalidSize`; nothing has changed then. The content is anything.
  [[nodiscard]] virtual base::Result<uint8_t*> allocate_chunk(size_t size, size_t alignment) noexcept = 0;
  /// @param chunk,size what `allocate_chunk` returned and was given; anything else is `kInvalidAddress` or undefined,
  /// as the source says
  [[nodiscard]] virtual base::Status release_chunk(uint8_t* chunk, size_t size) noexcept = 0;
  /// Makes a chunk longer or shorter at its end, where it is; its content up to the shorter of the two stays, and it is
  /// released in its new size. `kUnsupported` when the source, or this chunk's place, does not allow it, which is what
  /// a source without this verb says; `kOutOfMemory` or `kLimitExceeded` when what is behind is taken. Nothing has
  /// changed then.
  [[nodiscard]] virtual base::Status resize_chunk(uint8_t* chunk, size_t size, size_t to) noexcept;

 protected:
  ~ChunkSource() = default;
};

/// Chunks of page frames. Every release is checked by the frame allocator. Those of less than 512 frames can be resized
/// within their block of frames.
class FrameSource final : public ChunkSource {
 public:
  explicit FrameSource(base::Ref<frames::FrameAllocator> frames) noexcept : frames_(std::move(frames)) {}
  [[nodiscard]] base::Result<uint8_t*> allocate_chunk(size_t size, size_t alignment) noexcept override;
  [[nodiscard]] base::Status release_chunk(uint8_t* chunk, size_t size) noexcept override;
  [[nodiscard]] base::Status resize_chunk(uint8_t* chunk, size_t size, size_t to) noexcept override;
  [[nodiscard]] frames::FrameAllocator& frames() const noexcept { return *frames_; }

 private:
  [[nodiscard]] uint64_t frames_for(size_t size) const noexcept;

  base::Ref<frames::FrameAllocator> frames_;
};

/// Chunks straight from the system, each a mapping of its own. A release must be exact.
class MappedSource final : public ChunkSource {
 public:
  [[nodiscard]] base::Result<uint8_t*> allocate_chunk(size_t size, size_t alignment) noexcept override;
  [[nodiscard]] base::Status release_chunk(uint8_t* chunk, size_t size) noexcept override;
  [[nodiscard]] base::Status resize_chunk(uint8_t* chunk, size_t size, size_t to) noexcept override;
  /// What was given and not released, in whole pages.
  [[nodiscard]] size_t live_bytes() const noexcept { return live_bytes_.load(std::memory_order_relaxed); }

 private:
  /// Relaxed: a count, ordered by nothing.
  std::atomic<size_t> live_bytes_{0};
};

}  // namespace freestone::pool
