#pragma once
// Memory for the one chunk that a worker puts together: adjacent page frames of a region that is as large as the
// largest chunk so far, so that whole pages of it can go to a device as they are.
//   threads: one at a time.    memory: what was touched of the region, until `shrink` or the end.
#include <cstdint>

#include "base/base.h"
#include "frames/frames.h"

namespace freestone::pipeline {

class ChunkBuffer {
 public:
  ChunkBuffer() noexcept = default;
  ChunkBuffer(const ChunkBuffer&) = delete;
  ChunkBuffer& operator=(const ChunkBuffer&) = delete;
  ~ChunkBuffer() { shrink(0); }

  /// At least `size` bytes, with anything in them, aligned to a page. False when there is no memory, or `size` is more
  /// than 4 GiB; the buffer is empty then.
  [[nodiscard]] bool reserve(uint64_t size) noexcept;
  /// Gives the memory back if it is more than `limit` bytes.
  void shrink(uint64_t limit) noexcept;
  [[nodiscard]] uint8_t* data() noexcept { return data_; }
  [[nodiscard]] uint64_t capacity() const noexcept { return capacity_; }

 private:
  base::Ref<frames::FrameAllocator> frames_;
  frames::FrameId first_{};
  uint32_t count_ = 0;
  uint8_t* data_ = nullptr;
  uint64_t capacity_ = 0;
};

}  // namespace freestone::pipeline
