// Virtual memory of Linux and macOS.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "os/os.h"
#include "os/pages.h"

namespace freestone::os {

using base::Code;
using base::Result;
using base::Status;

namespace {

/// ENOMEM is the one failure that callers act on.
Status memory_failure(const char* call) noexcept {
  return errno == ENOMEM ? Status(Code::kOutOfMemory, call) : Status::system(errno, call);
}

}  // namespace

size_t page_size() noexcept {
  static const size_t size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

Result<uint8_t*> reserve(size_t size, size_t alignment) noexcept {
  if (size == 0 || size % page_size() != 0) return Status(Code::kInvalidSize, "not a number of whole pages");
  if (!base::is_power_of_two(alignment)) return Status(Code::kInvalidAlignment, "not a power of two");
  // mmap aligns to pages. For more, take enough to hold an aligned range and return both ends.
  const size_t slack = alignment > page_size() ? alignment : 0;
  if (size > SIZE_MAX - slack) return Status(Code::kOutOfMemory, "mmap");
  void* mapped = mmap(nullptr, size + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return memory_failure("mmap");
  auto* const start = static_cast<uint8_t*>(mapped);
  if (slack == 0) return start;
  const size_t before = (alignment - (reinterpret_cast<uintptr_t>(start) & (alignment - 1))) & (alignment - 1);
  const size_t after = slack - before;
  if (before != 0) munmap(start, before);
  if (after != 0) munmap(start + before + size, after);
  return start + before;
}

Status commit(uint8_t* address, size_t size) noexcept {
  // Memory comes with the first touch; what is granted here is the right to touch.
  return protect(address, size, Access::kReadWrite);
}

Status decommit(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  // One new mapping over the old instead of madvise and mprotect: it drops the memory, the right to touch and the
  // charge to the commit limit in one step.
  void* mapped = mmap(address, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return mapped == MAP_FAILED ? memory_failure("mmap") : Status();
}

Status release(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  return munmap(address, size) == 0 ? Status() : memory_failure("munmap");
}

Status resize(uint8_t* address, size_t size, size_t to) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  if (const Status status = check_pages(address, to); !status.ok()) return status;
  if (to <= size) return to == size ? Status() : release(address + to, size - to);
  // A wish: where the addresses are taken the system gives others, which are of no use.
  void* const behind = mmap(address + size, to - size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (behind == MAP_FAILED) return memory_failure("mmap");
  if (behind == address + size) return {};
  munmap(behind, to - size);
  return Status(Code::kOutOfMemory, "the addresses behind the range are taken");
}

Status protect(uint8_t* address, size_t size, Access access) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  const int protection = access == Access::kNone   ? PROT_NONE
                         : access == Access::kRead ? PROT_READ
                                                   : PROT_READ | PROT_WRITE;
  return mprotect(address, size, protection) == 0 ? Status() : memory_failure("mprotect");
}

}  // namespace freestone::os
