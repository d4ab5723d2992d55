// Files of Windows.
#include <windows.h>

#include <cstring>

#include "os/os.h"

namespace freestone::os {

using base::Bytes;
using base::Code;
using base::ConstBytes;
using base::Result;
using base::Status;

namespace {

Status last_error(const char* call) noexcept { return Status::system(static_cast<int32_t>(GetLastError()), call); }

HANDLE as_handle(intptr_t handle) noexcept { return reinterpret_cast<HANDLE>(handle); }

bool locking_is_off() noexcept {
  char setting[8];
  const DWORD length = GetEnvironmentVariableA("HDF5_USE_FILE_LOCKING", setting, sizeof(setting));
  if (length == 0 || length >= sizeof(setting)) return false;
  return std::strcmp(setting, "FALSE") == 0 || std::strcmp(setting, "0") == 0;
}

/// libhdf5 takes no lock on Windows, where a locked byte cannot be read by others. So the byte here is one that no file
/// has: it keeps freestone's processes apart and nobody else away.
Status lock(HANDLE handle, bool exclusive) noexcept {
  if (locking_is_off()) return {};
  OVERLAPPED place{};
  place.Offset = 0xFFFFFFFE;
  place.OffsetHigh = 0x7FFFFFFF;
  const DWORD flags = LOCKFILE_FAIL_IMMEDIATELY | (exclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0);
  if (LockFileEx(handle, flags, 0, 1, 0, &place)) return {};
  const DWORD error = GetLastError();
  if (error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING) {
    return Status(Code::kFileLocked, "another process or another open file holds the lock");
  }
  if (error == ERROR_NOT_SUPPORTED || error == ERROR_INVALID_FUNCTION) return {};
  return Status::system(static_cast<int32_t>(error), "LockFileEx");
}

/// A path as Windows wants it, with its terminating zero.
Result<base::Array<wchar_t>> wide(const char* path) noexcept {
  const int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, nullptr, 0);
  if (length <= 0) return Status(Code::kInvalidArgument, "the path is not UTF-8");
  base::Array<wchar_t> wide;
  for (int i = 0; i < length; ++i) {
    if (!wide.push(0)) return Status(Code::kOutOfMemory, "opening a file");
  }
  MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide.begin(), length);
  return wide;
}

/// Where one call of ReadFile or WriteFile reads or writes.
OVERLAPPED place_of(uint64_t address) noexcept {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(address);
  place.OffsetHigh = static_cast<DWORD>(address >> 32);
  return place;
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
  auto name = wide(path);
  if (!name.ok()) return name.status();
  const bool write = mode != OpenMode::kRead;
  const DWORD disposition = mode == OpenMode::kCreate      ? CREATE_NEW
                            : mode == OpenMode::kOverwrite ? OPEN_ALWAYS  // emptied below, once it is locked
                                                           : OPEN_EXISTING;
  // Everything is shared, as on the other systems, where the lock alone says who may write.
  const HANDLE handle = CreateFileW(name.value().begin(), GENERIC_READ | (write ? GENERIC_WRITE : 0),
                                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, disposition,
                                    FILE_ATTRIBUTE_NORMAL, nullptr);
  const DWORD error = GetLastError();
  if (handle == INVALID_HANDLE_VALUE) {
    if (mode == OpenMode::kCreate && error == ERROR_FILE_EXISTS) return Status(Code::kExists, "the file exists");
    return Status::system(static_cast<int32_t>(error), "open");
  }
  const bool created = mode == OpenMode::kCreate || (mode == OpenMode::kOverwrite && error != ERROR_ALREADY_EXISTS);
  File file;
  file.handle_ = reinterpret_cast<intptr_t>(handle);
  file.writable_ = write;

  Status status = lock(handle, write);
  if (status.ok() && mode == OpenMode::kOverwrite && !created) status = file.truncate(0);
  if (!status.ok()) {
    if (created) DeleteFileW(name.value().begin());
    return status;
  }
  return file;
}

Result<uint64_t> File::read_at(uint64_t address, Bytes into) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!base::checked_add(address, into.size())) return Status(Code::kInvalidArgument, "address out of range");
  return transfer_all(into.size(), "read", [&](size_t done, size_t count, int32_t& error) noexcept -> ptrdiff_t {
    OVERLAPPED place = place_of(address + done);
    DWORD moved = 0;
    if (ReadFile(as_handle(handle_), into.data() + done, static_cast<DWORD>(count), &moved, &place)) return moved;
    const DWORD failure = GetLastError();
    if (failure == ERROR_HANDLE_EOF) return 0;
    error = static_cast<int32_t>(failure);
    return -1;
  });
}

Result<uint64_t> File::read_cached(uint64_t address, Bytes into) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!base::checked_add(address, into.size())) return Status(Code::kInvalidArgument, "address out of range");
  return uint64_t{0};
}

Status File::write_at(uint64_t address, ConstBytes data) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!writable_) return Status(Code::kReadOnly, "the file was opened for reading");
  if (!base::checked_add(address, data.size())) return Status(Code::kInvalidArgument, "address out of range");
  const auto written =
      transfer_all(data.size(), "write", [&](size_t done, size_t count, int32_t& error) noexcept -> ptrdiff_t {
        OVERLAPPED place = place_of(address + done);
        DWORD moved = 0;
        if (WriteFile(as_handle(handle_), data.data() + done, static_cast<DWORD>(count), &moved, &place)) return moved;
        error = static_cast<int32_t>(GetLastError());
        return -1;
      });
  if (!written.ok()) return written.status();
  if (written.value() != data.size()) return Status::system(ERROR_WRITE_FAULT, "write");
  return {};
}

Result<uint64_t> File::size() const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  LARGE_INTEGER size;
  if (!GetFileSizeEx(as_handle(handle_), &size)) return last_error("fstat");
  return static_cast<uint64_t>(size.QuadPart);
}

Status File::truncate(uint64_t size) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!writable_) return Status(Code::kReadOnly, "the file was opened for reading");
  if (size > base::kMaxAddress) return Status(Code::kInvalidSize, "size out of range");
  FILE_END_OF_FILE_INFO end;
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  return SetFileInformationByHandle(as_handle(handle_), FileEndOfFileInfo, &end, sizeof(end)) ? Status()
                                                                                              : last_error("ftruncate");
}

Status File::preallocate(uint64_t, uint64_t) const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!writable_) return Status(Code::kReadOnly, "the file was opened for reading");
  return Status(Code::kUnsupported, "preallocation");
}

Result<File> File::open_direct() const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!writable_) return Status(Code::kReadOnly, "the file was opened for reading");
  return Status(Code::kUnsupported, "direct writes");
}

Status File::sync() const noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  if (!writable_) return {};  // FlushFileBuffers refuses such a handle, which has nothing to flush
  return FlushFileBuffers(as_handle(handle_)) ? Status() : last_error("fsync");
}

Status File::close() noexcept {
  if (!is_open()) return Status(Code::kClosed, "the file is closed");
  writable_ = false;
  return CloseHandle(as_handle(std::exchange(handle_, kNoHandle))) ? Status() : last_error("close");
}

}  // namespace freestone::os
