#pragma once
// The loop around a system call that may move fewer bytes than asked; apart from it, so that tests can play the system.
//   threads: pure.    memory: none.
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "base/base.h"

namespace freestone::os {

/// The most that one call is asked to move. Linux moves at most 2 GiB less a page, and macOS refuses 2 GiB and more.
inline constexpr size_t kMaxTransfer = size_t{1} << 30;

/// Calls `transfer(done, count)` until `size` bytes are moved or it moves none. Returns how many were moved.
/// @param transfer moves up to `count` bytes from position `done` on; returns how many, or -1 with errno set. EINTR is
/// tried again.
/// @param call the system call's name, for the Status
template <typename Transfer>
[[nodiscard]] base::Result<uint64_t> transfer_all(size_t size, const char* call, Transfer transfer) noexcept {
  size_t done = 0;
  while (done < size) {
    const size_t rest = size - done;
    int32_t error = 0;
    const ptrdiff_t moved = transfer(done, rest < kMaxTransfer ? rest : kMaxTransfer, error);
    if (moved < 0) {
      if (error == EINTR) continue;
      return base::Status::system(error, call);
    }
    if (moved == 0) break;
    done += static_cast<size_t>(moved);
  }
  return uint64_t{done};
}

}  // namespace freestone::os
