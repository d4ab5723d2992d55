#pragma once
// Which CPU this is and how many there are to use.
//   threads: any.    memory: none.
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace freestone::os {

/// The CPU that runs the calling thread. A hint only: the thread may be elsewhere by the time it is read. 0 where the
/// system does not say.
[[nodiscard]] uint32_t current_cpu() noexcept;

/// From the thread pointer to what the kernel keeps for the thread (rseq), which begins with the number of its CPU; 0
/// where it keeps nothing.
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

/// Adds to a counter that threads on `cpu` alone add to, and only by this: a plain addition instead of a locked one,
/// which costs ten times as much. False, with nothing added, when the thread is not on `cpu`, was interrupted, or where
/// the system has no restartable sequences; the caller then has another counter for an atomic addition.
[[nodiscard]] inline bool add_on_cpu([[maybe_unused]] uint32_t cpu, [[maybe_unused]] std::atomic<uint64_t>& counter,
                                     [[maybe_unused]] uint64_t value) noexcept {
#if defined(__linux__) && defined(__x86_64__)
  if (cpu_number_offset == 0) [[unlikely]]
    return false;
  // Linux, rseq(2): from label 1 to label 2 the kernel sends the thread to label 4 when it is interrupted, moved or
  // gets a signal; the addition is the last instruction, and so is done once or not at all. Offset 4 is the CPU, offset
  // 8 the sequence that the thread is in. The question mark keeps the sections with the function that the code is
  // inlined in.
  asm goto(
      ".pushsection __rseq_cs, \"aw?\"\n\t"
      ".balign 32\n"
      "3:\n\t"
      ".long 0, 0\n\t"
      ".quad 1f, 2f - 1f, 4f\n\t"
      ".popsection\n\t"
      "leaq 3b(%%rip), %%rax\n\t"
      "movq %%rax, 8(%[area])\n"
      "1:\n\t"
      "cmpl %[cpu], 4(%[area])\n\t"
      "jnz 4f\n\t"
      "addq %[value], %[counter]\n"
      "2:\n\t"
      ".pushsection __rseq_failure, \"ax?\"\n\t"
      // The signature that the kernel wants before the label, within an instruction that traps.
      ".byte 0x0f, 0xb9, 0x3d\n\t"
      ".long 0x53053053\n"
      "4:\n\t"
      "jmp %l[interrupted]\n\t"
      ".popsection"
      :
      : [area] "r"(static_cast<char*>(__builtin_thread_pointer()) + cpu_number_offset), [cpu] "r"(cpu),
        [value] "er"(value), [counter] "m"(counter)
      : "memory", "cc", "rax"
      : interrupted);
  return true;
interrupted:
#endif
  return false;
}

/// One more than the highest number that `current_cpu` can give; a guess where the system does not say.
[[nodiscard]] uint32_t cpu_limit() noexcept;

/// CPUs that this process may run on, at least 1. Respects the affinity mask where there is one.
[[nodiscard]] uint32_t cpu_count() noexcept;

}  // namespace freestone::os
