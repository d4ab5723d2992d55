#pragma once
// Writes that pass the page cache by, through buffers that are aligned as such writes need it.
//   threads: any.    memory: at most one buffer of 1 MiB for each thread that writes, of frames that go back with the
//   writer.
#include <atomic>
#include <cstdint>

#include "base/base.h"
#include "frames/frames.h"
#include "os/os.h"

namespace freestone::pipeline {

/// The direct side of one open file.
class DirectWriter {
 public:
  DirectWriter() noexcept = default;
  DirectWriter(const DirectWriter&) = delete;
  DirectWriter& operator=(const DirectWriter&) = delete;

  /// Makes this write to `file` too. `kUnsupported` where it cannot be done, else as `FrameAllocator::make`; the writer
  /// then goes on writing nothing. Before any other call.
  [[nodiscard]] base::Status open(const os::File& file) noexcept;

  /// Whether a write of so many bytes is for this writer: large ones are, unless the file system refused one.
  [[nodiscard]] bool takes(uint64_t size) const noexcept {
    return size >= kLeast && works_.load(std::memory_order_relaxed);
  }

  /// Writes all of `data`, in whole pages; what `file` must write, because it lies in pages that other data shares or
  /// because the file system refused, is written there. No other write to these bytes may be under way.
  /// @param data may be taken away meanwhile, which gives the system's EFAULT
  /// @param file the one that was given to `open`
  [[nodiscard]] base::Status write(const os::File& file, uint64_t address, base::ConstBytes data) noexcept;

  [[nodiscard]] base::Status close() noexcept;

 private:
  /// Below this, what the device takes for a write by itself is more than what the page cache costs.
  static constexpr uint64_t kLeast = uint64_t{1} << 20;
  static constexpr size_t kBuffer = size_t{1} << 20;

  /// `data` is whole pages. `kUnsupported` when they must be written otherwise, all of them.
  [[nodiscard]] base::Status write_pages(uint64_t address, base::ConstBytes data) noexcept;

  os::File direct_;
  base::Ref<frames::FrameAllocator> buffers_;
  std::atomic<bool> works_{false};
};

}  // namespace freestone::pipeline
