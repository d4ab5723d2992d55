#pragma once
// A growable array that reports that memory ran out. std::vector would end the process: there are no exceptions here.
//   threads: one at a time.    memory: malloc; grows by half, so at most 1.5 times what is held plus 16 elements.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

namespace freestone::base {

/// `T` is copied as bytes. Moving empties the source.
template <typename T>
requires std::is_trivially_copyable_v<T>
class Array {
 public:
  Array() noexcept = default;
  Array(Array&& other) noexcept { swap(other); }
  Array& operator=(Array&& other) noexcept {
    Array(std::move(other)).swap(*this);
    return *this;
  }
  ~Array() { std::free(data_); }

  /// Room for `capacity` elements. False when there is no memory; nothing has changed then.
  [[nodiscard]] bool reserve(size_t capacity) noexcept {
    if (capacity <= capacity_) return true;
    if (capacity > SIZE_MAX / 2 / sizeof(T)) return false;
    void* grown = std::realloc(data_, capacity * sizeof(T));
    if (grown == nullptr) return false;
    data_ = static_cast<T*>(grown);
    capacity_ = capacity;
    return true;
  }

  /// Appends. False when there is no memory; nothing has changed then.
  [[nodiscard]] bool push(const T& element) noexcept {
    const T copy = element;  // `element` may lie in the memory that is about to move
    if (size_ == capacity_ && !reserve(capacity_ + capacity_ / 2 + 16)) return false;
    data_[size_++] = copy;
    return true;
  }

  /// Makes this a copy of `elements`. False when there is no memory; nothing has changed then.
  [[nodiscard]] bool assign(std::span<const T> elements) noexcept {
    if (!reserve(elements.size())) return false;
    if (!elements.empty()) std::memcpy(data_, elements.data(), elements.size_bytes());
    size_ = elements.size();
    return true;
  }

  void clear() noexcept { size_ = 0; }
  /// Takes the last element off; only when there is one.
  void pop() noexcept { --size_; }
  [[nodiscard]] size_t size() const noexcept { return size_; }
  [[nodiscard]] size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T& operator[](size_t index) noexcept { return data_[index]; }
  [[nodiscard]] const T& operator[](size_t index) const noexcept { return data_[index]; }
  [[nodiscard]] T* begin() noexcept { return data_; }
  [[nodiscard]] T* end() noexcept { return data_ + size_; }
  [[nodiscard]] const T* begin() const noexcept { return data_; }
  [[nodiscard]] const T* end() const noexcept { return data_ + size_; }
  /// Valid until the array grows.
  [[nodiscard]] std::span<T> span() noexcept { return {data_, size_}; }
  [[nodiscard]] std::span<const T> span() const noexcept { return {data_, size_}; }

 private:
  void swap(Array& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace freestone::base
