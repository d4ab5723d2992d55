#pragma once
// What one worker thread keeps between tasks: an arena, whose blocks are the memory for what lies between one step of a
// task and the next and end together when the task is over, and the state of compressors.
//   threads: one at a time; each worker has its own.
//   memory: chunks of the arena. `reset` keeps them, so that the next task finds its pages where this one had them;
//   `rest` and the end give them back.
#include <cstddef>
#include <utility>

#include "arena/arena.h"
#include "base/base.h"
#include "pipeline/deflate.h"
#include "pipeline/zstd_streams.h"

namespace freestone::pipeline {

/// Blocks begin with a page of 4 KiB. They are the caller's until `reset`, or as long as a function says.
class Scratch {
 public:
  /// Bytes of chunks that `rest` keeps at most: what a chunk of 7 MiB needs on its way to the file or from it.
  static constexpr size_t kIdle = size_t{16} << 20;

  Scratch() noexcept;
  /// @param source where the arena's chunks come from; must outlive this
  explicit Scratch(pool::ChunkSource& source) noexcept;

  /// `size` bytes until the task is over. Null when there is no memory.
  [[nodiscard]] uint8_t* take(size_t size) noexcept;

  // Two buffers in turn, so that a filter reads one and writes the other.

  /// `size` bytes that are not those of the last call; those of the call before are lost. Null when there is no memory.
  [[nodiscard]] uint8_t* next(size_t size) noexcept {
    std::swap(turn_, other_);
    return reserve(buffers_[turn_], size, kSlack);
  }

  /// Room for `size` bytes in the buffer of the last call, whose content stays. Null when there is no memory; the
  /// buffer is as it was then.
  [[nodiscard]] uint8_t* grow(size_t size) noexcept;

  /// Takes the last `next` back: its buffer is free, and the one before is that of the last call again.
  void undo_next() noexcept { std::swap(turn_, other_); }

  /// `size` bytes for a filter's own tables, beside the two buffers; those of the last call are lost. Null when there
  /// is no memory.
  [[nodiscard]] uint8_t* table(size_t size) noexcept { return reserve(table_, size, 0); }

  /// The task is over: ends every block.
  void reset() noexcept;
  /// As `reset`, and gives back what is more than a thread without work may keep, so that one large chunk does not stay
  /// in memory for ever.
  void rest() noexcept;
  /// Bytes of blocks that have not ended.
  [[nodiscard]] uint64_t used() const noexcept { return arena_.total_used(); }
  /// Bytes of the arena's chunks, touched or not.
  [[nodiscard]] uint64_t capacity() const noexcept { return arena_.total_allocated(); }

  [[nodiscard]] Deflater& deflater() noexcept { return deflater_; }
  [[nodiscard]] Inflater& inflater() noexcept { return inflater_; }
  [[nodiscard]] ZstdStreams& zstd() noexcept { return zstd_; }

 private:
  /// A checksum that is put behind what just fits shall not move it.
  static constexpr size_t kSlack = 64;

  /// Nothing, or a block of the arena that is used again while it is large enough.
  struct Block {
    uint8_t* data = nullptr;
    size_t size = 0;
  };

  [[nodiscard]] uint8_t* reserve(Block& block, size_t size, size_t slack) noexcept;
  void forget() noexcept;

  arena::Arena arena_;
  Block buffers_[2];
  Block table_;
  unsigned turn_ = 0;
  unsigned other_ = 1;
  Deflater deflater_;
  Inflater inflater_;
  ZstdStreams zstd_;
};

}  // namespace freestone::pipeline
