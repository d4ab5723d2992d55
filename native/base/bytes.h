#pragma once
// Names for runs of bytes, and a buffer that is used again and again.
//   threads: one at a time.    memory: malloc, kept until the end.
#include <cstdint>
#include <cstdlib>
#include <span>

namespace freestone::base {

using Bytes = std::span<uint8_t>;
using ConstBytes = std::span<const uint8_t>;

/// Scratch memory whose content does not survive growing.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }

  /// At least `capacity` bytes, uninitialised. False when there is no memory; the buffer is empty then.
  [[nodiscard]] bool reserve(size_t capacity) noexcept {
    if (capacity <= capacity_) return true;
    std::free(data_);
    data_ = static_cast<uint8_t*>(std::malloc(capacity));
    capacity_ = data_ == nullptr ? 0 : capacity;
    return data_ != nullptr;
  }

  [[nodiscard]] uint8_t* data() noexcept { return data_; }
  [[nodiscard]] size_t capacity() const noexcept { return capacity_; }

 private:
  uint8_t* data_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace freestone::base
