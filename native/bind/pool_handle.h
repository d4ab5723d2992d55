#pragma once
// One environment's hold on a pool, and its ArrayBuffers over the pool's region.
//   threads: the environment's own, except `attach` of another one's number.    memory: pool and region live until the
//   last hold, arena and ArrayBuffer over them are gone.
#include <vector>

#include "bind/errors.h"
#include "bind/napi_setup.h"
#include "pool/pool.h"

namespace freestone::bind {

/// A pool and what it stands on.
struct PooledMemory : base::Shared<PooledMemory> {
  explicit PooledMemory(base::Ref<frames::FrameAllocator> from) : source(from), frames(std::move(from)) {}

  [[nodiscard]] uint64_t offset_of(const void* address) const noexcept {
    return reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(frames->base());
  }
  /// Any address: the pool trusts none.
  [[nodiscard]] void* address_of(uint64_t offset) const noexcept {
    return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(frames->base()) + offset);
  }

  pool::FrameSource source;
  base::Ref<frames::FrameAllocator> frames;
  /// Last, so that it goes before its source.
  base::Ref<pool::Pool> pool;
};

/// An ArrayBuffer over memory of a pool, which stays as long as the ArrayBuffer.
[[nodiscard]] Napi::ArrayBuffer make_window(Napi::Env env, const base::Ref<PooledMemory>& memory, uint8_t* start,
                                            size_t size);
/// It has length 0 from here on.
void detach(Napi::Env env, const Napi::Reference<Napi::ArrayBuffer>& window) noexcept;

class PoolHandle : public base::Shared<PoolHandle> {
 public:
  /// A hold on a new pool, which other environments can attach to by its number.
  [[nodiscard]] static base::Ref<PoolHandle> make(Napi::Env env, base::Ref<PooledMemory> memory);
  /// A hold on the pool of that number; throws `kClosed` when nobody holds it any more.
  [[nodiscard]] static base::Ref<PoolHandle> attach(Napi::Env env, uint64_t number);

  /// The pool; throws `kClosed` after `close`.
  [[nodiscard]] const base::Ref<PooledMemory>& open();
  [[nodiscard]] uint64_t number() const noexcept { return number_; }

  /// An ArrayBuffer over `size` bytes of the region from `offset` on; `detach_windows` and `close` detach it.
  [[nodiscard]] Napi::Value window(uint64_t offset, size_t size);
  void detach_windows() noexcept;

  /// Detaches the ArrayBuffers and lets go of the pool. A second call does nothing.
  void close() noexcept;

 private:
  friend class base::Ref<PoolHandle>;
  PoolHandle(Napi::Env env, base::Ref<PooledMemory> memory, uint64_t number);
  ~PoolHandle();
  static void clean_up(void* handle) noexcept;

  const Napi::Env env_;
  base::Ref<PooledMemory> memory_;
  const uint64_t number_;
  std::vector<Napi::Reference<Napi::ArrayBuffer>> windows_;
};

}  // namespace freestone::bind
