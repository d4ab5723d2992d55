#pragma once
// What one worker thread keeps between chunks: two buffers for the filters' intermediate results, a third
// for their tables, and the state of compressors.
//   threads: one at a time; each worker has its own.    memory: grows to the largest chunk; `shrink` gives it back.
#include <cstddef>
#include <utility>

#include "base/base.h"
#include "pipeline/deflate.h"
#include "pipeline/zstd_streams.h"

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

  /// Takes the last `next` back: its buffer is free, and the one before is that of the last call again.
  void undo_next() noexcept { std::swap(turn_, other_); }

  /// `size` bytes for a filter's own tables, beside the two buffers; those of the last call are lost. Empty pointer
  /// when there is no memory.
  [[nodiscard]] uint8_t* table(size_t size) noexcept { return table_.reserve(size) ? table_.data() : nullptr; }

  /// Gives back buffers that are larger than `limit` bytes.
  void shrink(size_t limit) noexcept {
    for (base::Buffer& buffer : buffers_) buffer.shrink(limit);
    table_.shrink(limit);
  }

  [[nodiscard]] Deflater& deflater() noexcept { return deflater_; }
  [[nodiscard]] Inflater& inflater() noexcept { return inflater_; }
  [[nodiscard]] ZstdStreams& zstd() noexcept { return zstd_; }

 private:
  base::Buffer buffers_[2];
  base::Buffer table_;
  unsigned turn_ = 0;
  unsigned other_ = 1;
  Deflater deflater_;
  Inflater inflater_;
  ZstdStreams zstd_;
};

}  // namespace freestone::pipeline
