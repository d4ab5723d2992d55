// Memory with properties, on Linux and macOS.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "os/os.h"
#include "os/pages.h"

namespace freestone::os {

using base::Code;
using base::Result;
using base::Status;

namespace {

/// ENOMEM is the one failure that callers act on.
Status failure(const char* call) noexcept {
  return errno == ENOMEM ? Status(Code::kOutOfMemory, call) : Status::system(errno, call);
}

/// Lengthens the file to `size` bytes if it is shorter; closes it when that fails.
Result<int> sized(int descriptor, uint64_t size) noexcept {
  struct stat facts;
  if (fstat(descriptor, &facts) == 0) {
    if (static_cast<uint64_t>(facts.st_size) >= size) return descriptor;
    if (ftruncate(descriptor, static_cast<off_t>(size)) == 0) return descriptor;
  }
  const Status status = Status::system(errno, "ftruncate");
  ::close(descriptor);
  return status;
}

int open_nameless() noexcept {
#ifdef __linux__
  return static_cast<int>(syscall(SYS_memfd_create, "freestone", 3U));  // MFD_CLOEXEC | MFD_ALLOW_SEALING
#else
  char path[] = "/tmp/freestone-XXXXXX";
  const int descriptor = mkstemp(path);
  if (descriptor >= 0) {
    unlink(path);
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  return descriptor;
#endif
}

#ifdef __linux__
/// The codes, because older headers lack some.
constexpr int kHugePage = 14;
constexpr int kNoHugePage = 15;
constexpr int kPopulateWrite = 23;
constexpr unsigned kLockOnFault = 1;
constexpr int kHugeShift = 26;
constexpr int kAddSeals = 1033;
constexpr int kSealShrink = 2;
#endif

}  // namespace

Status purge(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
#ifdef __linux__
  return madvise(address, size, MADV_DONTNEED) == 0 ? Status() : failure("madvise");
#else
  // MADV_DONTNEED keeps the content there, so map afresh.
  return renew(address, size);
#endif
}

Status renew(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  void* mapped =
      mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return mapped == MAP_FAILED ? failure("mmap") : Status();
}

Status populate(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
#ifdef __linux__
  if (madvise(address, size, kPopulateWrite) == 0) return {};
  // Before Linux 5.14.
  return errno == EINVAL ? Status(Code::kUnsupported, "madvise") : failure("madvise");
#else
  return Status(Code::kUnsupported, "populating memory");
#endif
}

Status advise_huge(uint8_t* address, size_t size, bool use) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
#ifdef __linux__
  if (madvise(address, size, use ? kHugePage : kNoHugePage) == 0) return {};
  // A kernel built without them.
  return errno == EINVAL ? Status(Code::kUnsupported, "madvise") : failure("madvise");
#else
  (void)use;
  return Status(Code::kUnsupported, "advice about huge pages");
#endif
}

Status map_huge(uint8_t* address, size_t size, size_t page) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  if (!base::is_power_of_two(page) || page <= page_size() || size % page != 0 ||
      reinterpret_cast<uintptr_t>(address) % page != 0) {
    return Status(Code::kInvalidSize, "not a number of whole huge pages");
  }
#ifdef __linux__
  // Tried elsewhere first: MAP_FIXED takes the old pages away even when it then fails.
  const int flags =
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | static_cast<int>(unsigned(std::countr_zero(page)) << kHugeShift);
  void* const tried = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (tried == MAP_FAILED) {
    return errno == EINVAL || errno == ENOSYS ? Status(Code::kUnsupported, "mmap") : failure("mmap");
  }
  if (mremap(tried, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, address) != MAP_FAILED) return {};
  munmap(tried, size);
  // Kernels before 5.16 do not move huge pages. The pages are there: nobody took them in between, or this fails and the
  // range is reserved anew.
  if (mmap(address, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0) != MAP_FAILED) return {};
  const Status status = failure("mmap");
  (void)decommit(address, size);
  return status;
#else
  return Status(Code::kUnsupported, "huge pages set aside");
#endif
}

Status lock_pages(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
#ifdef __linux__
  if (syscall(SYS_mlock2, address, size, kLockOnFault) == 0) return {};
  if (errno == ENOSYS && mlock(address, size) == 0) return {};
#else
  if (mlock(address, size) == 0) return {};
#endif
  // Not `failure`: here ENOMEM is the limit on locked memory.
  return Status::system(errno, "mlock");
}

Result<int> open_backing(const char* path, uint64_t size) noexcept {
  if (size > static_cast<uint64_t>(base::kMaxAddress)) return Status(Code::kInvalidSize, "a file of that size");
  if (path != nullptr) {
    const int descriptor = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    return descriptor < 0 ? Result<int>(Status::system(errno, "open")) : sized(descriptor, size);
  }
  const int descriptor = open_nameless();
  if (descriptor < 0) return Status::system(errno, "memfd_create");
  auto result = sized(descriptor, size);
#ifdef __linux__
  // A process that shortened the file would make touching the rest of it a fault here.
  if (result.ok()) (void)fcntl(descriptor, kAddSeals, kSealShrink);
#endif
  return result;
}

Result<int> share_backing(int descriptor, uint64_t size) noexcept {
  const int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  return own < 0 ? Result<int>(Status::system(errno, "fcntl")) : sized(own, size);
}

void close_backing(int descriptor) noexcept { ::close(descriptor); }

Status map_backing(uint8_t* address, size_t size, int descriptor) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  void* const mapped = mmap(address, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0);
  if (mapped != MAP_FAILED) return {};
  const Status status = failure("mmap");
  (void)decommit(address, size);
  return status;
}

}  // namespace freestone::os
