// Huge pages, CPUs and NUMA binding of macOS.
#include <pthread.h>
#include <unistd.h>

#include <cstring>

#include "os/os.h"
#include "os/pages.h"

namespace freestone::os {

using base::Array;
using base::Code;
using base::Result;
using base::Status;

Result<Array<size_t>> huge_page_sizes(const char*) noexcept {
  // Intel machines have superpages that cannot be paged out, reserved by a flag that Apple's own processors refuse.
  // None to rely on.
  return Array<size_t>();
}

Status copy_foreign(uint8_t*, const uint8_t*, size_t) noexcept {
  return Status(Code::kUnsupported, "copying by the system");
}

Status copy_foreign(uint8_t*, std::span<const base::ConstBytes>) noexcept {
  return Status(Code::kUnsupported, "copying by the system");
}

bool copies_foreign() noexcept { return false; }

std::optional<uint64_t> thread_sleeps() noexcept { return {}; }

uint32_t current_cpu() noexcept {
  size_t cpu = 0;
  return pthread_cpu_number_np(&cpu) == 0 ? static_cast<uint32_t>(cpu) : 0;
}

const ptrdiff_t cpu_number_offset = 0;

uint32_t cpu_limit() noexcept {
  const long configured = sysconf(_SC_NPROCESSORS_CONF);
  return configured > 0 ? static_cast<uint32_t>(configured) : 1;
}

uint32_t cpu_count() noexcept {
  // There is no affinity to respect.
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? static_cast<uint32_t>(online) : 1;
}

Status bind_memory(uint8_t* address, size_t size, std::span<const uint32_t> node_ids, Binding) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  if (node_ids.empty()) return Status(Code::kInvalidArgument, "no nodes to bind to");
  return Status(Code::kUnsupported, "macOS has no NUMA");
}

void zero(uint8_t* address, size_t size) noexcept { std::memset(address, 0, size); }

}  // namespace freestone::os
