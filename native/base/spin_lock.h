#pragma once
// A lock for sections of a few dozen instructions, as small as one byte.
//   threads: any. A holder that the system suspends holds up the others, so they yield after a while.    memory: none.
#include <atomic>
#include <thread>

namespace freestone::base {

/// Tells the processor that this is a spin loop.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("yield" ::: "memory");
#endif
}

/// Satisfies BasicLockable and Lockable. All zeros is unlocked, so it may lie in memory fresh from the system.
class SpinLock {
 public:
  [[nodiscard]] bool try_lock() noexcept {
    // Acquire: pairs with the release in `unlock`. The plain load first keeps the line shared while another holds it.
    return !held_.load(std::memory_order_relaxed) && !held_.exchange(true, std::memory_order_acquire);
  }
  void lock() noexcept {
    for (unsigned attempt = 0; !try_lock(); ++attempt) {
      if (attempt % 64 == 63) {
        std::this_thread::yield();
      } else {
        cpu_relax();
      }
    }
  }
  void unlock() noexcept { held_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> held_{false};
};

}  // namespace freestone::base
