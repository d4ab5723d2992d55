// Memory with properties, on Windows.
#include <windows.h>

#include <cstring>

#include "os/os.h"
#include "os/pages.h"

namespace freestone::os {

using base::Code;
using base::Result;
using base::Status;

Status purge(uint8_t* address, size_t size) noexcept {
  if (const Status status = decommit(address, size); !status.ok()) return status;
  return commit(address, size);
}

void zero(uint8_t* address, size_t size) noexcept { std::memset(address, 0, size); }

Status renew(uint8_t* address, size_t size) noexcept { return purge(address, size); }

Status populate(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  return Status(Code::kUnsupported, "populating memory");
}

Status advise_huge(uint8_t* address, size_t size, bool) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  return Status(Code::kUnsupported, "advice about huge pages");
}

Status map_huge(uint8_t* address, size_t size, size_t) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  // Large pages are an argument of the reservation there, and want a privilege.
  return Status(Code::kUnsupported, "large pages in a range that is reserved already");
}

Status lock_pages(uint8_t* address, size_t size) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  return VirtualLock(address, size) ? Status() : Status::system(static_cast<int32_t>(GetLastError()), "VirtualLock");
}

Result<int> open_backing(const char*, uint64_t) noexcept {
  return Status(Code::kUnsupported, "a file in place of reserved memory");
}

Result<int> share_backing(int, uint64_t) noexcept {
  return Status(Code::kUnsupported, "a file in place of reserved memory");
}

void close_backing(int) noexcept {}

Status map_backing(uint8_t*, size_t, int) noexcept {
  return Status(Code::kUnsupported, "a file in place of reserved memory");
}

}  // namespace freestone::os
