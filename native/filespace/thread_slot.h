#pragma once
// A small number for each thread that no other thread has at the same time, as long as there are enough of them.
//   threads: any.    memory: a word a thread.
#include <cstdint>

namespace freestone::filespace {

class ThreadSlot {
 public:
  static constexpr uint32_t kSlots = 16;

  /// The calling thread's, below `kSlots`, or `kSlots` when others have them all. A thread that ends gives its own to a
  /// later one, which then sees all that it did.
  [[nodiscard]] static uint32_t mine() noexcept { return slot_ < kUnknown ? slot_ : claim(); }

 private:
  static constexpr uint32_t kUnknown = kSlots + 1;
  struct Holder;
  [[nodiscard]] static uint32_t claim() noexcept;

  static inline thread_local uint32_t slot_ = kUnknown;
};

}  // namespace freestone::filespace
