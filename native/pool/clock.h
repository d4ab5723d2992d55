#pragma once
// Milliseconds that only go forward.
//   threads: any.    memory: none.
#include <chrono>
#include <cstdint>

namespace freestone::pool {

[[nodiscard]] inline uint64_t now_ms() noexcept {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

}  // namespace freestone::pool
