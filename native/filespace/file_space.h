#pragma once
// The addresses of one file, handed out at its end and remembered.
//   threads: any; one lock.    memory: 16 bytes a live block, 24 right after growing.
#include <cstdint>
#include <mutex>

#include "base/base.h"
#include "filespace/block.h"

namespace freestone::filespace {

/// Allocates ever higher addresses. Every block it gave out is live.
class FileSpace : public base::Shared<FileSpace> {
 public:
  /// `kInvalidArgument` unless initial_offset <= limit <= `kMaxAddress`.
  /// @param initial_offset the first address to give out; what lies below is the caller's
  /// @param limit no block ends beyond it
  [[nodiscard]] static base::Result<base::Ref<FileSpace>> make(uint64_t initial_offset, uint64_t limit) noexcept;

  /// `size` bytes that nobody else has, starting at a multiple of `alignment`. When it fails nothing has changed:
  /// `kInvalidSize` for 0, `kInvalidAlignment` unless a power of two, `kLimitExceeded` when it would end beyond the
  /// limit, `kOutOfMemory` when the block cannot be remembered.
  [[nodiscard]] base::Result<uint64_t> allocate(uint64_t size, uint64_t alignment = 1) noexcept;

  /// The address after the last block, or the initial offset. The next block starts there or, when aligned, above.
  [[nodiscard]] uint64_t end_of_file() const noexcept;

  /// Whether any byte of the range belongs to a live block; false for an empty range. O(log n).
  [[nodiscard]] bool is_allocated(uint64_t offset, uint64_t size) const noexcept;

  /// A copy of the live blocks, ascending by offset.
  [[nodiscard]] base::Result<base::Array<Block>> blocks() const noexcept;

  /// `kOverlap` when two live blocks overlap or one ends after the end of the file: a defect of this class or of
  /// memory.
  [[nodiscard]] base::Status validate_no_overlaps() const noexcept;

 private:
  friend class base::Ref<FileSpace>;
  FileSpace(uint64_t initial_offset, uint64_t limit) noexcept : end_(initial_offset), limit_(limit) {}
  ~FileSpace() = default;

  /// Guards everything below but the limit, which never changes.
  mutable std::mutex mutex_;
  /// Ascending by offset, which end-of-file allocation gives for nothing.
  base::Array<Block> blocks_;
  uint64_t end_;
  const uint64_t limit_;
};

}  // namespace freestone::filespace
