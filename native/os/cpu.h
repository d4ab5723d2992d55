#pragma once
// Which CPU this is and how many there are to use.
//   threads: any.    memory: none.
#include <cstddef>
#include <cstdint>

namespace freestone::os {

/// The CPU that runs the calling thread. A hint only: the thread may be elsewhere by the time it is read. 0 where the
/// system does not say.
[[nodiscard]] uint32_t current_cpu() noexcept;

/// From the thread pointer to the number of its CPU, which the kernel keeps up to date (rseq); 0 where it does not.
extern const ptrdiff_t cpu_number_offset;

/// As `current_cpu`, for paths where a call is too much: one load where the system offers that.
[[nodiscard]] inline uint32_t current_cpu_fast() noexcept {
#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
  if (cpu_number_offset != 0) [[likely]] {
    return *reinterpret_cast<const volatile uint32_t*>(static_cast<const char*>(__builtin_thread_pointer()) +
                                                       cpu_number_offset);
  }
#endif
  return current_cpu();
}

/// One more than the highest number that `current_cpu` can give; a guess where the system does not say.
[[nodiscard]] uint32_t cpu_limit() noexcept;

/// CPUs that this process may run on, at least 1. Respects the affinity mask where there is one.
[[nodiscard]] uint32_t cpu_count() noexcept;

}  // namespace freestone::os
