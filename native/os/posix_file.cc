// Files of Linux and macOS.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "os/os.h"

namespace freestone::os {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

static_assert(sizeof(off_t) == 8, "file addresses are 63 bits");

namespace {

bool locking_is_off() noexcept {
  const char* setting = std::getenv("HDF5_USE_FILE_LOCKING");
  return setting != nullptr && (std::strcmp(setting, "FALSE") == 0 || std::strcmp(setting, "0") == 0);
}

Status lock(int descriptor, bool exclusive) noexcept {
  if (locking_is_off()) return {};
  while (flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Status(Code::kFileLocked, "another process or another open file holds the lock");
    // Network file systems without locks: libhdf5 goes on without one, so refusing would only make files unwritable
    // there.
    if (errno == ENOSYS || errno == ENOTSUP || errno == EOPNOTSUPP) return {};
    if (errno != EINTR) return Status::system(errno, "flock");
  }
  return {};
}

int open_retrying(const char* path, int flags) noexcept {
  int descriptor;
  do {
    // O_NONBLOCK changes nothing for a file, and keeps the open of a pipe from waiting for its other end.
    descriptor = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

/// Opens by mode. `created` says whether the file was not there before.
int open_by_mode(const char* path, OpenMode mode, bool& created) noexcept {
  created = false;
  if (mode == OpenMode::kRead) return open_retrying(path, O_RDONLY);
  if (mode == OpenMode::kReadWrite) return open_retrying(path, O_RDWR);
  for (;;) {
    if (mode == OpenMode::kOverwrite) {
      // Not O_TRUNC: a file that someone else has locked must keep its content.
      const int descriptor = open_retrying(path, O_RDWR);
      if (descriptor >= 0 || errno != ENOENT) return descriptor;
    }
    const int descriptor = open_retrying(path, O_RDWR | O_CREAT | O_EXCL);
    created = descriptor >= 0;
    if (descriptor >= 0 || mode == OpenMode::kCreate || errno != EEXIST) return descriptor;
    // Another process made the file between the two calls, and there is one to overwrite now; or the name is a symbolic
    // link to nothing, which O_EXCL does not follow.
    struct stat info;
    if (stat(path, &info) != 0) return open_retrying(path, O_RDWR | O_CREAT);
  }
}

}  // namespace

File::File(File&& other) noexcept
    : handle_(std::exchange(other.handle_, kNoHandle)), writable_(std::exchange(other.writable_, false)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(writable_, other.writable_);
  return *this;
}

File::~File() {
  if (is_open()) (void)close();
}

Result<File> File::open(const char* path, OpenMode mode) noexcept {
  bool created = false;
  const int descriptor = open_by_mode(path, mode, created);
  if (descriptor < 0) {
    if (mode == OpenMode::kCreate && errno == EEXIST) return Status(Code::kExists, "the file exists");
    return Status::system(errno, "open");
  }
  File file;
  file.handle_ = descriptor;
  file.writable_ = mode != OpenMode::kRead;

  Status status = lock(descriptor, file.writable_);
  if (status.ok() && mode == OpenMode::kOverwrite && !created) status = file.truncate(0);
  if (!status.ok()) {
    // While the file is still open: once it is closed, another process may have put its own there.
    if (created) (void)unlink(path);
    return status;
  }
  return file;
}

Result<uint64_t> File::read_at(uint64_t address, Bytes into) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!base::checked_add(address, into.size())) return Status(Code::kInvalidArgument, "address out of range");
  return transfer_all(into.size(), "read", [&](size_t done, size_t count, int32_t& error) noexcept {
    const ptrdiff_t moved =
        pread(static_cast<int>(handle_), into.data() + done, count, static_cast<off_t>(address + done));
    error = errno;
    return moved;
  });
}

Result<uint64_t> File::read_cached(uint64_t address, Bytes into) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!base::checked_add(address, into.size())) return Status(Code::kInvalidArgument, "address out of range");
#ifdef __linux__
  return transfer_all(into.size(), "read", [&](size_t done, size_t count, int32_t& error) noexcept -> ptrdiff_t {
    const iovec place{into.data() + done, count};
    const ptrdiff_t moved =
        preadv2(static_cast<int>(handle_), &place, 1, static_cast<off_t>(address + done), RWF_NOWAIT);
    error = errno;
    // EAGAIN: not in memory. The others: a file system, or a kernel, that does not know.
    if (moved < 0 && (error == EAGAIN || error == EOPNOTSUPP || error == ENOSYS || error == EINVAL)) return 0;
    return moved;
  });
#else
  return uint64_t{0};
#endif
}

Status File::write_at(uint64_t address, ConstBytes data) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!writable_) return Status(Code::kReadOnly, "the file was opened for reading");
  if (!base::checked_add(address, data.size())) return Status(Code::kInvalidArgument, "address out of range");
  const auto written = transfer_all(data.size(), "write", [&](size_t done, size_t count, int32_t& error) noexcept {
    const ptrdiff_t moved =
        pwrite(static_cast<int>(handle_), data.data() + done, count, static_cast<off_t>(address + done));
    error = errno;
    return moved;
  });
  if (!written.ok()) return written.status();
  // A device may take nothing without an error; going on would never end.
  if (written.value() != data.size()) return Status::system(EIO, "write");
  return {};
}

Result<uint64_t> File::size() const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  struct stat info;
  if (fstat(static_cast<int>(handle_), &info) != 0) return Status::system(errno, "fstat");
  return static_cast<uint64_t>(info.st_size);
}

Status File::truncate(uint64_t size) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!writable_) return Status(Code::kReadOnly, "the file was opened for reading");
  if (size > base::kMaxAddress) return Status(Code::kInvalidSize, "size out of range");
  while (ftruncate(static_cast<int>(handle_), static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return Status::system(errno, "ftruncate");
  }
  return {};
}

Status File::preallocate(uint64_t address, uint64_t size) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!writable_) return Status(Code::kReadOnly, "the file was opened for reading");
  if (size == 0 || !base::checked_add(address, size)) return Status(Code::kInvalidSize, "size out of range");
#ifdef __linux__
  // Not posix_fallocate: it makes the file longer, and where the file system cannot do it, writes to every block.
  while (fallocate(static_cast<int>(handle_), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(address),
                   static_cast<off_t>(size)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL || errno == ENODEV || errno == EPERM) {
      return Status(Code::kUnsupported, "the file system does not preallocate");
    }
    return Status::system(errno, "fallocate");
  }
  return {};
#else
  return Status(Code::kUnsupported, "preallocation");
#endif
}

Result<File> File::open_direct() const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!writable_) return Status(Code::kReadOnly, "the file was opened for reading");
#ifdef __linux__
  // With larger pages an aligned write could share one with what is in the page cache.
  if (page_size() > kDirectAlignment) return Status(Code::kUnsupported, "direct writes with such large pages");
  // By descriptor and not by path, which may be another file's by now.
  char path[32];
  std::snprintf(path, sizeof(path), "/proc/self/fd/%d", static_cast<int>(handle_));
  File direct;
  do {
    direct.handle_ = ::open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
  } while (!direct.is_open() && errno == EINTR);
  if (!direct.is_open()) return Status(Code::kUnsupported, "the file system has no direct writes");
  direct.writable_ = true;
  return direct;
#else
  return Status(Code::kUnsupported, "direct writes");
#endif
}

Status File::sync() const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
#ifdef __APPLE__
  // fsync leaves the data in the drive's cache there. Where F_FULLFSYNC is refused, fsync is the best there is.
  if (fcntl(static_cast<int>(handle_), F_FULLFSYNC) == 0) return {};
#endif
  while (fsync(static_cast<int>(handle_)) != 0) {
    if (errno != EINTR) return Status::system(errno, "fsync");
  }
  return {};
}

Status File::close() noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  // Not tried again on EINTR: the descriptor is gone even then, and its number may be another file's by now.
  const int result = ::close(static_cast<int>(std::exchange(handle_, kNoHandle)));
  writable_ = false;
  if (result != 0 && errno != EINTR) return Status::system(errno, "close");
  return {};
}

}  // namespace freestone::os
