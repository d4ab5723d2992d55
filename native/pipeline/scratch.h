#pragma once
// What one worker thread keeps between chunks: two buffers for the filters' intermediate results, and zlib's state.
//   threads: one at a time; each worker has its own.    memory: grows to the largest chunk; `shrink` gives it back.
#include <cstddef>
#include <utility>

#include "base/base.h"
#include "pipeline/deflate.h"

namespace freestone::pipeline {

/// Two buffers in turn, so that a filter reads one and writes the other.
class Scratch {
 public:
  /// `size` bytes that are not those of the last call; those of the call before are lost. Empty pointer when there is
  /// no memory.
  [[nodiscard]] uint8_t* next(size_t size) noexcept {
    std::swap(turn_, other_);
    return buffers_[turn_].reserve(size) ? buffers_[turn_].data() : nullptr;
  }

  /// Room for `size` bytes in the buffer of the last call, whose content stays. Empty pointer when there is no memory.
  [[nodiscard]] uint8_t* grow(size_t size) noexcept {
    return buffers_[turn_].grow(size) ? buffers_[turn_].data() : nullptr;
  }

  /// Gives back buffers that are larger than `limit` bytes.
  void shrink(size_t limit) noexcept {
    for (base::Buffer& buffer : buffers_) buffer.shrink(limit);
  }

  [[nodiscard]] Deflater& deflater() noexcept { return deflater_; }
  [[nodiscard]] Inflater& inflater() noexcept { return inflater_; }

 private:
  base::Buffer buffers_[2];
  unsigned turn_ = 0;
  unsigned other_ = 1;
  Deflater deflater_;
  Inflater inflater_;
};

}  // namespace freestone::pipeline
