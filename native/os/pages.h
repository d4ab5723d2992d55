#pragma once
// The check that every verb of memory.h makes first. For the systems' own files; not behind the door.
//   threads: pure.    memory: none.
#include "os/memory.h"

namespace freestone::os {

/// `kInvalidAddress` or `kInvalidSize` unless the range is one or more whole pages.
[[nodiscard]] inline base::Status check_pages(const uint8_t* address, size_t size) noexcept {
  const size_t mask = page_size() - 1;
  if (address == nullptr || (reinterpret_cast<uintptr_t>(address) & mask) != 0) {
    return base::Status(base::Code::kInvalidAddress, "not the start of a page");
  }
  if (size == 0 || (size & mask) != 0) return base::Status(base::Code::kInvalidSize, "not a number of whole pages");
  return {};
}

}  // namespace freestone::os
