// Huge pages, CPUs and NUMA binding of Linux.
#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "os/os.h"
#include "os/pages.h"

namespace freestone::os {

using base::Array;
using base::Code;
using base::Result;
using base::Status;

Result<Array<size_t>> huge_page_sizes(const char* sys_root) noexcept {
  char path[512];
  const int length = std::snprintf(path, sizeof(path), "%s/kernel/mm/hugepages", sys_root);
  if (length < 0 || static_cast<size_t>(length) >= sizeof(path)) return Status(Code::kInvalidArgument, "path too long");
  Array<size_t> sizes;
  DIR* directory = opendir(path);
  if (directory == nullptr) {
    if (errno == ENOENT) return sizes;  // a kernel without huge pages
    return Status::system(errno, "opendir");
  }
  bool fits = true;
  while (const dirent* entry = readdir(directory)) {
    size_t kilobytes = 0;
    char end = 0;
    if (std::sscanf(entry->d_name, "hugepages-%zukB%c", &kilobytes, &end) != 1) continue;
    if (!base::is_power_of_two(kilobytes) || kilobytes > SIZE_MAX / 1024) continue;
    fits = fits && sizes.push(kilobytes * 1024);
  }
  closedir(directory);
  if (!fits) return Status(Code::kOutOfMemory, "huge page sizes");
  std::sort(sizes.begin(), sizes.end());
  return sizes;
}

Status copy_foreign(uint8_t* into, const uint8_t* from, size_t size) noexcept {
  if (size == 0) return {};
  const base::ConstBytes run(from, size);
  return copy_foreign(into, {&run, 1});
}

Status copy_foreign(uint8_t* into, std::span<const base::ConstBytes> runs) noexcept {
  // What one call takes is the system's to say; this many fit on the stack and make the call's own cost small.
  constexpr size_t kMostRuns = 256;
  iovec sources[kMostRuns];
  size_t next = 0;
  size_t skipped = 0;  // bytes of the next run that are there already
  while (next < runs.size()) {
    size_t count = 0;
    size_t wanted = 0;
    for (; count < kMostRuns && next + count < runs.size() && wanted < kMaxTransfer; ++count) {
      const base::ConstBytes run = runs[next + count].subspan(count == 0 ? skipped : 0);
      sources[count] = {const_cast<uint8_t*>(run.data()), run.size()};
      wanted += run.size();
    }
    const iovec to{into, wanted};
    const ssize_t copied = process_vm_readv(getpid(), &to, 1, sources, count, 0);
    if (copied < 0 && errno == EFAULT) return Status::system(EFAULT, "process_vm_readv");
    // Some containers forbid it.
    if (copied <= 0) return Status(Code::kUnsupported, "copying by the system");
    into += copied;
    for (auto rest = static_cast<size_t>(copied); rest > 0;) {
      const size_t left = runs[next].size() - skipped;
      if (rest < left) {
        skipped += rest;
        break;
      }
      rest -= left;
      skipped = 0;
      ++next;
    }
  }
  return {};
}

bool copies_foreign() noexcept {
  static const bool copies = [] {
    const uint8_t from = 1;
    uint8_t into = 0;
    return copy_foreign(&into, &from, 1).ok() && into == from;
  }();
  return copies;
}

std::optional<uint64_t> thread_sleeps() noexcept {
  rusage usage;
  if (getrusage(RUSAGE_THREAD, &usage) != 0) return {};
  return static_cast<uint64_t>(usage.ru_nvcsw);
}

uint32_t current_cpu() noexcept {
  const int cpu = sched_getcpu();
  return cpu < 0 ? 0 : static_cast<uint32_t>(cpu);
}

namespace {

/// glibc registers the thread's rseq area from 2.35 on and says where it lies. Looked up by name: a reference would tie
/// the library to that version. The area begins with the number of the CPU, which is 0 until the kernel has set it.
ptrdiff_t find_cpu_number() noexcept {
  const auto* const size = static_cast<const unsigned*>(dlsym(RTLD_DEFAULT, "__rseq_size"));
  const auto* const offset = static_cast<const ptrdiff_t*>(dlsym(RTLD_DEFAULT, "__rseq_offset"));
  return size != nullptr && offset != nullptr && *size != 0 ? *offset : 0;
}

}  // namespace

const ptrdiff_t cpu_number_offset = find_cpu_number();

uint32_t cpu_limit() noexcept {
  const long configured = sysconf(_SC_NPROCESSORS_CONF);
  return configured > 0 ? static_cast<uint32_t>(configured) : 1;
}

uint32_t cpu_count() noexcept {
  // The kernel refuses a mask that is too small for the machine, so try larger ones.
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 4) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(cpus);
    const int result = sched_getaffinity(0, bytes, set);
    const int error = errno;
    const int count = result == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return static_cast<uint32_t>(count);
    if (result != 0 && error != EINVAL) break;
  }
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? static_cast<uint32_t>(online) : 1;
}

Status bind_memory(uint8_t* address, size_t size, std::span<const uint32_t> node_ids, Binding binding) noexcept {
  if (const Status status = check_pages(address, size); !status.ok()) return status;
  if (node_ids.empty()) return Status(Code::kInvalidArgument, "no nodes to bind to");
  // By number, because the call's wrapper is in libnuma, which is not everywhere.
  constexpr int kMpolPreferred = 1;
  constexpr int kMpolBind = 2;
  constexpr unsigned kMostNodes = 1024;
  constexpr unsigned kWordBits = sizeof(unsigned long) * 8;
  unsigned long mask[kMostNodes / kWordBits] = {};
  for (const uint32_t node : node_ids) {
    if (node >= kMostNodes) return Status(Code::kNumaNodeUnavailable, "no such NUMA node");
    mask[node / kWordBits] |= 1UL << (node % kWordBits);
  }
  // The kernel takes one bit less than it is told.
  if (syscall(SYS_mbind, address, size, binding == Binding::kStrict ? kMpolBind : kMpolPreferred, mask, kMostNodes + 1,
              0) == 0) {
    return {};
  }
  if (errno == ENOSYS) return Status(Code::kUnsupported, "mbind");
  // Everything else that EINVAL can mean was checked above.
  if (errno == EINVAL) return Status(Code::kNumaNodeUnavailable, "no such NUMA node");
  return errno == ENOMEM ? Status(Code::kOutOfMemory, "mbind") : Status::system(errno, "mbind");
}

}  // namespace freestone::os
