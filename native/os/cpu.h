#pragma once
// Which CPU this is and how many there are to use.
//   threads: any.    memory: none.
#include <cstdint>

namespace freestone::os {

/// The CPU that runs the calling thread. A hint only: the thread may be elsewhere by the time it is read. 0 where the
/// system does not say.
[[nodiscard]] uint32_t current_cpu() noexcept;

/// CPUs that this process may run on, at least 1. Respects the affinity mask where there is one.
[[nodiscard]] uint32_t cpu_count() noexcept;

}  // namespace freestone::os
