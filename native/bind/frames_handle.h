#pragma once
// One environment's hold on a frame allocator: its ArrayBuffers over the region, and its listener.
//   threads: the environment's own, except `attach` of another one's number.    memory: the allocator lives until the
//   last hold and the last ArrayBuffer over its region are gone.
#include <vector>

#include "bind/errors.h"
#include "bind/napi_setup.h"
#include "frames/frames.h"

namespace freestone::bind {

/// What allocators of JavaScript ask of the system. Their memory is retired: a Buffer may be in the hands of another
/// thread of Node (a read, a compression) when its allocator is closed, and detaching does not stop that.
inline constexpr frames::System kSystem{.release = os::retire};

class FramesHandle : public base::Shared<FramesHandle> {
 public:
  /// A hold on a new allocator, which other environments can attach to by its number.
  [[nodiscard]] static base::Ref<FramesHandle> make(Napi::Env env, base::Ref<frames::FrameAllocator> allocator);
  /// A hold on the allocator of that number; throws `kClosed` when nobody holds it any more.
  [[nodiscard]] static base::Ref<FramesHandle> attach(Napi::Env env, uint64_t number);

  /// The allocator; throws `kClosed` after `close`.
  [[nodiscard]] frames::FrameAllocator& open();
  [[nodiscard]] uint64_t number() const noexcept { return number_; }
  /// Different for every hold of the process, so that each knows its own movers and sites.
  [[nodiscard]] uint64_t holder() const noexcept { return holder_; }

  /// The ArrayBuffer over `size` bytes of the region from `offset` on. Made anew at each call; `close` detaches it.
  [[nodiscard]] Napi::Value window(uint64_t offset, size_t size);

  /// Calls `listener(zone, level, freeFrames)` on this thread whenever a zone's pressure changed. Does not keep the
  /// event loop alive. Replaces the listener before.
  void listen(Napi::Function listener);

  /// Detaches the ArrayBuffers and lets go of the allocator. A second call does nothing.
  void close() noexcept;

 private:
  friend class base::Ref<FramesHandle>;
  FramesHandle(Napi::Env env, base::Ref<frames::FrameAllocator> allocator, uint64_t number);
  ~FramesHandle();

  void stop_listening() noexcept;
  static void notice(void* handle, const frames::PressureEvent& event) noexcept;
  static void deliver(napi_env env, napi_value listener, void* context, void* event);
  static void clean_up(void* handle) noexcept;

  const Napi::Env env_;
  base::Ref<frames::FrameAllocator> allocator_;
  const uint64_t number_;
  const uint64_t holder_;
  std::vector<Napi::Reference<Napi::ArrayBuffer>> windows_;
  napi_threadsafe_function wake_ = nullptr;
  uint32_t listener_ = 0;
};

}  // namespace freestone::bind
