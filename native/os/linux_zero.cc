// Zeroing what has memory, on Linux: /proc/self/pagemap says of each page whether it is in RAM or swapped out. One that
// is neither was never written, or was given back, and reads as zero.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "os/os.h"

namespace freestone::os {

namespace {

/// In RAM, or swapped out.
constexpr uint64_t kHasMemory = uint64_t{3} << 62;

/// The map is of the process that opened it, so a child of `fork` must not ask it.
std::atomic<bool> forked{false};

bool read_entries(int descriptor, uintptr_t page, uint64_t* entries, size_t count) noexcept {
  const auto bytes = static_cast<ssize_t>(count * sizeof(uint64_t));
  return pread(descriptor, entries, static_cast<size_t>(bytes), static_cast<off_t>(page * sizeof(uint64_t))) == bytes;
}

/// The map, or -1 where there is none to rely on.
int open_map() noexcept {
  const int descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  // Some systems have the file and nothing in it: this function's own stack has memory for certain.
  volatile uint8_t here = 1;
  uint64_t entry = 0;
  const uintptr_t page = reinterpret_cast<uintptr_t>(&here) / page_size();
  if (read_entries(descriptor, page, &entry, 1) && (entry & kHasMemory) != 0 &&
      pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); }) == 0) {
    return descriptor;
  }
  ::close(descriptor);
  return -1;
}

}  // namespace

void zero(uint8_t* address, size_t size) noexcept {
  static const int map = open_map();
  if (map < 0 || forked.load(std::memory_order_relaxed)) {
    std::memset(address, 0, size);
    return;
  }
  const size_t page = page_size();
  const uintptr_t end = reinterpret_cast<uintptr_t>(address) + size;
  uint64_t entries[512];
  for (uintptr_t at = reinterpret_cast<uintptr_t>(address); at < end;) {
    const uintptr_t first = at / page;
    const size_t count = std::min<size_t>((end - 1) / page - first + 1, std::size(entries));
    const uintptr_t stop = std::min<uintptr_t>(end, (first + count) * page);
    if (!read_entries(map, first, entries, count)) {
      std::memset(address + (at - reinterpret_cast<uintptr_t>(address)), 0, stop - at);
      at = stop;
      continue;
    }
    // Neighbours together.
    for (size_t i = 0; i < count;) {
      size_t run = i;
      while (run < count && (entries[run] & kHasMemory) != 0) ++run;
      if (run > i) {
        const uintptr_t from = std::max<uintptr_t>(at, (first + i) * page);
        const uintptr_t to = std::min<uintptr_t>(stop, (first + run) * page);
        std::memset(address + (from - reinterpret_cast<uintptr_t>(address)), 0, to - from);
      }
      i = run + 1;
    }
    at = stop;
  }
}

}  // namespace freestone::os
