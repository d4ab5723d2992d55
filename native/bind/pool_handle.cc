#include "bind/pool_handle.h"

#include <mutex>
#include <unordered_map>

namespace freestone::bind {

using base::Code;
using base::Ref;

namespace {

/// The pools that somebody holds, by number. Never destroyed: an environment may end after static destruction began.
struct Registry {
  struct Entry {
    Ref<PooledMemory> memory;
    uint64_t holders = 0;
  };
  std::mutex mutex;
  uint64_t last_number = 0;
  std::unordered_map<uint64_t, Entry> entries;
};

Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

}  // namespace

Napi::ArrayBuffer make_window(Napi::Env env, const Ref<PooledMemory>& memory, uint8_t* start, size_t size) {
  auto* const held = new Ref<PooledMemory>(memory);
  const auto drop = [](napi_env, void*, void* data) { delete static_cast<Ref<PooledMemory>*>(data); };
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(env, start, size, drop, held, &buffer);
  if (status == napi_ok) return Napi::ArrayBuffer(env, buffer);
  delete held;
  if (status == napi_no_external_buffers_allowed) {
    throw_error(env, Code::kUnsupported, "this engine allows no views of memory that is not its own");
  }
  throw Napi::Error::New(env);
}

void detach(Napi::Env env, const Napi::Reference<Napi::ArrayBuffer>& window) noexcept {
  const Napi::HandleScope scope(env);
  napi_detach_arraybuffer(env, window.Value());
}

Ref<PoolHandle> PoolHandle::make(Napi::Env env, Ref<PooledMemory> memory) {
  uint64_t number = 0;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    number = ++known.last_number;
    known.entries[number] = {.memory = memory, .holders = 1};
  }
  return Ref<PoolHandle>(new PoolHandle(env, std::move(memory), number));
}

Ref<PoolHandle> PoolHandle::attach(Napi::Env env, uint64_t number) {
  Ref<PooledMemory> memory;
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    const auto found = known.entries.find(number);
    if (found != known.entries.end()) {
      ++found->second.holders;
      memory = found->second.memory;
    }
  }
  if (!memory) throw_error(env, Code::kClosed, "the pool of this handle is destroyed in every thread");
  return Ref<PoolHandle>(new PoolHandle(env, std::move(memory), number));
}

PoolHandle::PoolHandle(Napi::Env env, Ref<PooledMemory> memory, uint64_t number)
    : env_(env), memory_(std::move(memory)), number_(number) {
  napi_add_env_cleanup_hook(env_, clean_up, this);
}

PoolHandle::~PoolHandle() { close(); }

const Ref<PooledMemory>& PoolHandle::open() {
  if (!memory_) throw_error(env_, Code::kClosed, "the pool is destroyed");
  return memory_;
}

Napi::Value PoolHandle::window(uint64_t offset, size_t size) {
  const Napi::ArrayBuffer window = make_window(env_, open(), memory_->frames->base() + offset, size);
  windows_.push_back(Napi::Persistent(window));
  return window;
}

void PoolHandle::detach_windows() noexcept {
  for (const auto& window : windows_) detach(env_, window);
  windows_.clear();
}

void PoolHandle::close() noexcept {
  if (!memory_) return;
  napi_remove_env_cleanup_hook(env_, clean_up, this);
  detach_windows();
  {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    const auto found = known.entries.find(number_);
    if (--found->second.holders == 0) known.entries.erase(found);
  }
  memory_ = {};
}

void PoolHandle::clean_up(void* handle) noexcept { static_cast<PoolHandle*>(handle)->close(); }

}  // namespace freestone::bind
