#pragma once
// An arena over a pool or within another arena, its ArrayBuffers, one over each chunk, and what happened to its chunks.
//   threads: the environment's own.    memory: the pool's memory stays until the arena is closed. An arena within
//   another one is closed when memory that it has of it ends, and is as good as closed when the other one is.
#include <optional>
#include <unordered_map>
#include <vector>

#include "arena/arena.h"
#include "bind/pool_handle.h"

namespace freestone::bind {

class ArenaHandle : public base::Shared<ArenaHandle> {
 public:
  /// Throws what `Arena::init` says. @param config its source and listener are set here
  [[nodiscard]] static base::Ref<ArenaHandle> make(Napi::Env env, base::Ref<PooledMemory> memory, arena::Config config);

  /// The same with chunks from another arena, whose handle stays as long as this one.
  [[nodiscard]] static base::Ref<ArenaHandle> make(Napi::Env env, base::Ref<ArenaHandle> parent, arena::Config config);

  /// The arena; throws `kClosed` after `close`.
  [[nodiscard]] arena::Arena& open();
  /// The ArrayBuffer over the chunk that allocation stands in. Detached when the chunk goes back to the pool.
  [[nodiscard]] Napi::Value chunk();
  /// An ArrayBuffer over a part of that chunk, for `detach_view` and `close` to detach.
  [[nodiscard]] Napi::Value view(size_t offset, size_t size);
  /// Detaches the views that were made after the first `count`.
  void detach_views(size_t count) noexcept;
  /// What happened since the last call: event and size in turn.
  [[nodiscard]] std::vector<double> take_events() { return std::exchange(events_, {}); }

  /// Detaches the ArrayBuffers and gives the chunks back. A second call does nothing.
  void close() noexcept;

 private:
  friend class base::Ref<ArenaHandle>;
  ArenaHandle(Napi::Env env, base::Ref<PooledMemory> memory, base::Ref<ArenaHandle> parent);
  [[nodiscard]] static base::Ref<ArenaHandle> start(base::Ref<ArenaHandle> handle, pool::ChunkSource& source,
                                                    arena::Config config);
  [[nodiscard]] bool closed() const noexcept { return !memory_ || (parent_ && parent_->closed()); }
  ~ArenaHandle();
  static void clean_up(void* handle) noexcept;
  static void notice(void* handle, arena::ChunkEvent event, uint8_t* chunk, size_t size) noexcept;

  const Napi::Env env_;
  base::Ref<PooledMemory> memory_;
  base::Ref<ArenaHandle> parent_;
  /// One of the two. Gone before the memory is: a pool must not outlive what it stands on.
  std::optional<pool::PoolSource> from_pool_;
  std::optional<arena::ArenaSource> from_parent_;
  arena::Arena arena_;
  std::unordered_map<const uint8_t*, Napi::Reference<Napi::ArrayBuffer>> chunks_;
  std::vector<Napi::Reference<Napi::ArrayBuffer>> views_;
  std::vector<double> events_;
};

}  // namespace freestone::bind
