#pragma once
// Shared ownership with the count inside the object. Making one reports out-of-memory; std::make_shared would not.
//   threads: any may copy and drop references; the object's own rules hold for everything else.    memory: nothrow new.
#include <atomic>
#include <cstdint>
#include <new>
#include <utility>

namespace freestone::base {

template <typename T>
class Ref;

/// Base of what is held by `Ref`. `T` is the deriving class.
template <typename T>
class Shared {
 public:
  Shared() noexcept = default;
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

 protected:
  ~Shared() = default;

 private:
  friend class Ref<T>;
  // Increments are relaxed: whoever copies a reference already holds one. The decrement is acquire-release: the release
  // publishes this holder's last use, and the acquire of the holder who reaches zero sees all of them before
  // destroying.
  std::atomic<uint32_t> references_{0};
};

/// A counted reference, or none.
template <typename T>
class Ref {
 public:
  Ref() noexcept = default;
  explicit Ref(T* object) noexcept : object_(object) {
    if (object_ != nullptr) object_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  Ref(const Ref& other) noexcept : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && object_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete object_;
  }

  /// A new object with one reference; empty when there is no memory.
  template <typename... Arguments>
  [[nodiscard]] static Ref make(Arguments&&... arguments) noexcept {
    return Ref(new (std::nothrow) T(std::forward<Arguments>(arguments)...));
  }

  explicit operator bool() const noexcept { return object_ != nullptr; }
  [[nodiscard]] T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }

 private:
  T* object_ = nullptr;
};

}  // namespace freestone::base
