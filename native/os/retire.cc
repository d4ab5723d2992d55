#include <chrono>
#include <mutex>

#include "base/base.h"
#include "os/mapping.h"
#include "os/memory.h"

namespace freestone::os {

using base::Status;

namespace {

using Clock = std::chrono::steady_clock;

/// So many wait however long it takes: they are addresses and no memory.
constexpr size_t kFew = 64;
/// No more, however short their wait was: a process has 65,530 mappings on Linux.
constexpr size_t kMany = 4096;
constexpr std::chrono::seconds kWait(60);

/// A ring, the oldest first.
struct Retired {
  struct Range {
    uint8_t* address;
    size_t size;
    Clock::time_point since;
  };
  base::SpinLock lock;
  Range ranges[kMany];
  size_t first = 0;
  size_t count = 0;
};

}  // namespace

Status retire(uint8_t* address, size_t size) noexcept {
  // Never destroyed: allocators may end after static destruction began.
  static auto* const retired = new (std::nothrow) Retired;
  if (retired == nullptr) return release(address, size);
  // What cannot be renewed stays as it is, which is no fault either.
  (void)renew(address, size);
  const Clock::time_point now = Clock::now();
  Status status;
  const std::lock_guard guard(retired->lock);
  while (retired->count > kFew) {
    const Retired::Range& oldest = retired->ranges[retired->first];
    if (retired->count < kMany && now - oldest.since < kWait) break;
    const Status done = release(oldest.address, oldest.size);
    if (!done.ok()) status = done;
    retired->first = (retired->first + 1) % kMany;
    --retired->count;
  }
  retired->ranges[(retired->first + retired->count++) % kMany] = {.address = address, .size = size, .since = now};
  return status;
}

}  // namespace freestone::os
