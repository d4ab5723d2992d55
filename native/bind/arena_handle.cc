#include "bind/arena_handle.h"

namespace freestone::bind {

using base::Code;
using base::Ref;

Ref<ArenaHandle> ArenaHandle::make(Napi::Env env, Ref<PooledMemory> memory, arena::Config config) {
  Ref<ArenaHandle> handle(new ArenaHandle(env, std::move(memory), {}));
  pool::ChunkSource& source = handle->from_pool_.emplace(handle->memory_->pool);
  return start(std::move(handle), source, config);
}

Ref<ArenaHandle> ArenaHandle::make(Napi::Env env, Ref<ArenaHandle> parent, arena::Config config) {
  arena::Arena& outer = parent->open();
  const Ref<PooledMemory> memory = parent->memory_;
  Ref<ArenaHandle> handle(new ArenaHandle(env, memory, std::move(parent)));
  pool::ChunkSource& source = handle->from_parent_.emplace(outer, clean_up, handle.get());
  return start(std::move(handle), source, config);
}

Ref<ArenaHandle> ArenaHandle::start(Ref<ArenaHandle> handle, pool::ChunkSource& source, arena::Config config) {
  config.source = &source;
  config.on_chunk = notice;
  config.context = handle.get();
  check(handle->env_, handle->arena_.init(config));
  return handle;
}

ArenaHandle::ArenaHandle(Napi::Env env, Ref<PooledMemory> memory, Ref<ArenaHandle> parent)
    : env_(env), memory_(std::move(memory)), parent_(std::move(parent)) {
  napi_add_env_cleanup_hook(env_, clean_up, this);
}

ArenaHandle::~ArenaHandle() { close(); }

arena::Arena& ArenaHandle::open() {
  if (closed()) throw_error(env_, Code::kClosed, "the arena is destroyed");
  return arena_;
}

Napi::Value ArenaHandle::chunk() {
  const arena::Arena::Place place = open().place();
  if (place.chunk == nullptr) throw_error(env_, Code::kInvalidArgument, "the arena has no chunk yet");
  const auto found = chunks_.find(place.chunk);
  if (found != chunks_.end()) return found->second.Value();
  const Napi::ArrayBuffer window = make_window(env_, memory_, place.chunk, place.size);
  chunks_.emplace(place.chunk, Napi::Persistent(window));
  return window;
}

Napi::Value ArenaHandle::view(size_t offset, size_t size) {
  const arena::Arena::Place place = open().place();
  if (size == 0 || offset > place.used || size > place.used - offset) {
    throw_error(env_, Code::kInvalidArgument, "the view is outside of what is allocated");
  }
  const Napi::ArrayBuffer window = make_window(env_, memory_, place.chunk + offset, size);
  views_.push_back(Napi::Persistent(window));
  return window;
}

void ArenaHandle::detach_views(size_t count) noexcept {
  while (views_.size() > count) {
    detach(env_, views_.back());
    views_.pop_back();
  }
}

void ArenaHandle::notice(void* handle, arena::ChunkEvent event, uint8_t* chunk, size_t size) noexcept {
  auto& self = *static_cast<ArenaHandle*>(handle);
  if (event == arena::ChunkEvent::kFreed) {
    const auto found = self.chunks_.find(chunk);
    if (found != self.chunks_.end()) {
      detach(self.env_, found->second);
      self.chunks_.erase(found);
    }
  }
  // Who does not ask for them must not make them pile up.
  if (self.events_.size() > 4096) self.events_.clear();
  self.events_.push_back(static_cast<double>(event));
  self.events_.push_back(static_cast<double>(size));
}

void ArenaHandle::close() noexcept {
  if (!memory_) return;
  napi_remove_env_cleanup_hook(env_, clean_up, this);
  detach_views(0);
  arena_.retain(0);
  from_pool_.reset();
  from_parent_.reset();
  memory_ = {};
  // Last: it may be the last hold on the other arena.
  parent_ = {};
}

void ArenaHandle::clean_up(void* handle) noexcept { static_cast<ArenaHandle*>(handle)->close(); }

}  // namespace freestone::bind
