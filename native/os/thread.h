#pragma once
// A thread whose failure to start is a Status (std::thread would throw, and there are no exceptions here).
//   threads: a Thread belongs to one thread at a time.    memory: none of its own; the system maps the stack.
#include <cstdint>
#include <optional>

#include "base/base.h"

namespace freestone::os {

/// A running thread, or none. Must be joined before it is destroyed.
class Thread {
 public:
  /// What a thread runs.
  using Entry = void (*)(void* argument) noexcept;

  Thread() noexcept = default;
  Thread(Thread&& other) noexcept;
  Thread& operator=(Thread&& other) noexcept;
  ~Thread();

  /// Starts `entry(argument)`. The thread takes no signals, so that they reach the threads that expect them.
  /// @param name shown by debuggers and top; at most 15 characters are kept
  [[nodiscard]] static base::Result<Thread> start(Entry entry, void* argument, const char* name) noexcept;

  /// Waits for the end. Afterwards this is no thread.
  [[nodiscard]] base::Status join() noexcept;

  [[nodiscard]] bool joinable() const noexcept { return joinable_; }

 private:
  /// pthread_t or HANDLE.
  uintptr_t handle_ = 0;
  bool joinable_ = false;
};

/// How often the calling thread has gone to sleep so far: to wait for a device, a lock or a time, not because others
/// had their turn. Nothing where the system does not say.
[[nodiscard]] std::optional<uint64_t> thread_sleeps() noexcept;

}  // namespace freestone::os
