#pragma once
// One open file: positioned reads and writes, and libhdf5's lock.
//   threads: any may read and write at once; close by one, when no other uses the file.    memory: none.
#include <cstdint>

#include "base/base.h"

namespace freestone::os {

/// How a file is opened. The values are those of `openMode` in lib/native.ts.
enum class OpenMode : uint8_t {
  /// An existing file, to read; the lock is shared.
  kRead = 0,
  /// An existing file, to change; the lock is exclusive, as for the modes below.
  kReadWrite = 1,
  /// A new file; `kExists` when there is one.
  kCreate = 2,
  /// A new file or an existing one, emptied once it is locked.
  kOverwrite = 3,
};

/// What direct writes must be aligned to: no device has larger blocks, and no system that has `open_direct` a larger
/// page that it would have to share with the page cache, as `open_direct` sees to.
inline constexpr size_t kDirectAlignment = 4096;

/// An open file, or none. Closed when destroyed.
///
/// The lock is the one that libhdf5 takes, so that neither opens what the other is writing: flock, at once or
/// `kFileLocked`. It is left out where the file system has no locks, and where the environment says
/// HDF5_USE_FILE_LOCKING=FALSE or 0.
class File {
 public:
  File() noexcept = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// When it fails, a file that was there is as it was, and one that was not is not.
  /// @param path UTF-8 on every system
  [[nodiscard]] static base::Result<File> open(const char* path, OpenMode mode) noexcept;

  /// How many bytes were read: fewer than asked only when the file ends before.
  [[nodiscard]] base::Result<uint64_t> read_at(uint64_t address, base::Bytes into) const noexcept;
  /// As `read_at`, but only what is in memory: fewer bytes also where the rest would have to come from the device, and
  /// where the system cannot say.
  [[nodiscard]] base::Result<uint64_t> read_cached(uint64_t address, base::Bytes into) const noexcept;
  /// All of `data`, or an error after which any part of it may have been written. `kReadOnly` when opened to read.
  [[nodiscard]] base::Status write_at(uint64_t address, base::ConstBytes data) const noexcept;
  [[nodiscard]] base::Result<uint64_t> size() const noexcept;
  /// Cuts the file or extends it with zeros. `kReadOnly` when opened to read.
  [[nodiscard]] base::Status truncate(uint64_t size) const noexcept;
  /// Takes space of the file system for a range, so that later writes there need not look for it. Size and content
  /// stay; what lies behind the end goes back with the next `truncate`, also with one to the size that the file has.
  /// `kUnsupported` where the system or the file system has no such thing, `kReadOnly`, or the system's ENOSPC and the
  /// like, after which a part of the space may have been taken.
  [[nodiscard]] base::Status preallocate(uint64_t address, uint64_t size) const noexcept;
  /// The same file opened once more, without a lock, for writes that pass the page cache by. Their address, size and
  /// memory must be multiples of `kDirectAlignment`, else EINVAL. What they write is what reads of the other find
  /// afterwards; pages that both write at once hold anything. `kUnsupported` where there is no such thing.
  [[nodiscard]] base::Result<File> open_direct() const noexcept;
  /// Data and size are on the device when it returns.
  [[nodiscard]] base::Status sync() const noexcept;
  /// Unlocks and closes. The file is closed even when an error is returned: a write that the system had put off failed.
  [[nodiscard]] base::Status close() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return handle_ != kNoHandle; }
  [[nodiscard]] bool writable() const noexcept { return writable_; }

 private:
  static constexpr intptr_t kNoHandle = -1;
  /// A file descriptor, or on Windows a HANDLE.
  intptr_t handle_ = kNoHandle;
  bool writable_ = false;
};

}  // namespace freestone::os
